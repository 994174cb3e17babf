"""What is put is found again, by the same request and by one that means the same."""

import pytest

from mneme import Hit, MemoryStore, SemanticCache

QUESTION = "How do I reset my password?"
REWORDED = "My password: how do I reset?"


async def test_the_same_question_is_an_exact_hit(cache, clock):
    await cache.put(QUESTION, "Click it.", metadata={"model": "m"})
    clock.advance(61.5)

    assert await cache.get(QUESTION) == Hit(
        response="Click it.",
        similarity=1.0,
        confidence=1.0,
        age_seconds=61,
        layer="exact",
        namespace="default",
        metadata={"model": "m"},
        query=QUESTION,
        key=cache.plain.key(QUESTION),
        asked=QUESTION,
    )


async def test_a_reworded_question_is_a_semantic_hit(cache, clock):
    await cache.put(QUESTION, "Click it.", metadata={"model": "m"})
    clock.advance(2)

    assert await cache.get(REWORDED) == Hit(
        response="Click it.",
        similarity=1.0,
        confidence=1.0,
        age_seconds=2,
        layer="semantic",
        namespace="default",
        metadata={"model": "m"},
        query=QUESTION,
        key=cache.plain.key(QUESTION),
        asked=REWORDED,
    )


async def test_another_question_is_a_miss(cache):
    await cache.put(QUESTION, "Click it.")

    assert await cache.get("Where is the nearest bakery?") is None


async def test_an_exact_hit_embeds_nothing(cache, opening):
    await cache.put(QUESTION, "Click it.")
    before = len(opening.embedder.calls)

    await cache.get(QUESTION)

    assert len(opening.embedder.calls) == before


async def test_a_put_after_the_get_that_missed_embeds_nothing_more(cache, opening):
    await cache.get(QUESTION)
    await cache.put(QUESTION, "Click it.")

    assert opening.embedder.calls == ["how do i reset my password?"]


async def test_putting_again_replaces_answer_time_ttl_and_metadata(cache, clock):
    await cache.put(QUESTION, "old", ttl=10, metadata={"n": 1})
    clock.advance(9)
    await cache.put(QUESTION, "new")
    clock.advance(1000)

    hit = await cache.get(QUESTION)

    assert (hit.response, hit.age_seconds, hit.metadata) == ("new", 1000, {})


async def test_a_replaced_vector_is_not_found(cache, direction):
    await cache.put("q", "old", embedding=direction(1.0))
    await cache.put("q", "new", embedding=direction(0.0))

    old = await cache.get("x", embedding=direction(1.0))
    new = await cache.get("x", embedding=direction(0.0))

    assert (old, new.response) == (None, "new")


async def test_an_entry_put_as_exact_has_no_vector(cache, opening):
    await cache.put(QUESTION, "Click it.", mode="exact")
    same, embedded = await cache.get(QUESTION), list(opening.embedder.calls)

    assert (same.response, embedded, await cache.get(REWORDED)) == ("Click it.", [], None)


async def test_putting_as_exact_takes_the_vector_away(cache):
    await cache.put(QUESTION, "old")
    await cache.put(QUESTION, "new", mode="exact")

    assert await cache.get(REWORDED) is None


async def test_an_exact_get_asks_no_semantic_layer(cache, opening):
    await cache.put(QUESTION, "Click it.")
    opening.embedder.calls.clear()

    assert (await cache.get(REWORDED, mode="exact"), opening.embedder.calls) == (None, [])


@pytest.mark.parametrize(
    "same",
    ["how do i reset my password?", "  How do I\treset\nmy   password? ", "HOW DO I RESET MY PASSWORD?"],
)
async def test_case_and_white_space_make_no_difference(cache, same):
    await cache.put(QUESTION, "Click it.")

    assert (await cache.get(same)).layer == "exact"


async def test_unicode_forms_make_no_difference(cache):
    await cache.put("Caf\u00e9", "coffee")

    assert (await cache.get("cafe\u0301")).layer == "exact"


async def test_the_embedder_gets_the_canonical_text_and_the_entry_keeps_the_query(cache, opening):
    await cache.put("  What IS\nthis ", "a test")

    assert (opening.embedder.calls, (await cache.get("what is this")).query) == (["what is this"], "  What IS\nthis ")


async def test_without_normalizing_case_and_space_matter(opening):
    cache = opening(normalize=False)
    await cache.put("select US", "states")

    exact = [await cache.get(query, mode="exact") for query in ("select US", "select us", "select  US")]

    assert [hit and hit.response for hit in exact] == ["states", None, None]


async def test_a_function_can_normalize(opening):
    cache = opening(normalize=lambda query: query.replace("-", "").strip())
    await cache.put("AB-12", "a part")

    exact = [await cache.get(query, mode="exact") for query in (" AB12", "ab12")]

    assert [hit and hit.response for hit in exact] == ["a part", None]


async def test_a_deleted_entry_is_in_neither_layer(cache):
    await cache.put(QUESTION, "Click it.")
    deleted = await cache.delete("  how do i RESET my password?")

    assert (deleted, await cache.get(QUESTION), await cache.get(REWORDED)) == (True, None, None)


async def test_deleting_what_is_not_there_says_so(cache):
    await cache.put(QUESTION, "Click it.")

    assert [await cache.delete("other"), await cache.delete(QUESTION, namespace="n")] == [False, False]


async def test_the_metadata_is_the_callers_own_copy(cache):
    given = {"tags": ["a"]}
    await cache.put(QUESTION, "Click it.", metadata=given)
    given["tags"].append("changed by the giver")
    (await cache.get(QUESTION)).metadata["tags"].append("changed by a reader")
    (await cache.get(REWORDED)).metadata["tags"].append("changed by a reader")

    assert (await cache.get(QUESTION)).metadata == {"tags": ["a"]}


async def test_a_similarity_never_exceeds_one(cache):
    vector = [0.1] * 64
    await cache.put("a", "r", embedding=vector)

    assert (await cache.get("b", embedding=[number * 3 for number in vector])).similarity == 1.0


async def test_the_length_of_a_callers_vector_does_not_matter(cache, direction):
    await cache.put("a", "r", embedding=[1e30 * number for number in direction(1.0)])

    hit = await cache.get("b", embedding=[1e-30 * number for number in direction(0.9)])

    assert hit.similarity == 0.9


async def test_entries_survive_closing(opening):
    first = opening()
    await first.put("a \x00 NUL and \U0001f600", "r \x00\u0301\U0001f600", metadata={"\U0001f600": [None, 1.5, "\x00"]})
    await first.close()

    hit = await opening().get("a \x00 NUL and \U0001f600")

    assert (hit.response, hit.metadata) == ("r \x00\u0301\U0001f600", {"\U0001f600": [None, 1.5, "\x00"]})


async def test_vectors_survive_closing(opening):
    first = opening()
    await first.put(QUESTION, "Click it.")
    await first.close()

    assert (await opening().get(REWORDED)).layer == "semantic"


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("blank", ["", "  ", "\n\t", "\u3000"])
def test_a_blank_question_never_means_another(blank, normalize):
    with SemanticCache(store=MemoryStore(), embedder=Same(), normalize=normalize) as cache:
        cache.put("how do I pay", "By card.")
        before = cache.get(blank)
        cache.put(blank, "of nothing", embedding=[1.0] * 4)

        assert (before, cache.get(blank).response, cache.get("another").response) == (None, "of nothing", "By card.")


class Same:
    """Finds every text as near to every other as can be."""

    fingerprint, dim = "test:same", 4

    def embed(self, text):
        return [1.0] * 4


async def test_an_empty_question_is_compared_exactly(cache, opening):
    await cache.put("", "nothing")

    assert [(await cache.get("  ")).layer, opening.embedder.calls] == ["exact", []]
