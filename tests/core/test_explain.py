"""explain() says what get() would do, and changes nothing."""

import pytest

from mneme import Explanation, InvalidArgumentError, SemanticCache, Similar, TokenUsage, Verdict
from mneme.testing import WordEmbedder


async def test_a_fresh_exact_entry_is_explained(cache):
    await cache.put("One two", "r", mode="exact")

    assert await cache.explain(" one TWO") == Explanation(
        query=" one TWO",
        canonical="one two",
        namespace="default",
        outcome="exact",
        key=cache.plain.key("one two"),
        exact="fresh",
        candidates=(),
    )


async def test_neighbours_are_explained_nearest_first(cache, direction):
    await cache.put("near", "1", embedding=direction(0.9), metadata={"m": 1})
    await cache.put("far", "2", embedding=direction(0.3))
    await cache.put("farther", "3", embedding=direction(-0.2))
    explained = await cache.explain("x", embedding=direction(1.0), k=2)

    assert (explained.outcome, explained.exact) == ("semantic", None)
    assert [(near.neighbour.query, near.neighbour.similarity, near.verdict) for near in explained.candidates] == [
        ("near", 0.9, Verdict(True, 0.9, "similarity at least 0.85")),
        ("far", 0.3, Verdict(False, 0.3, "similarity below 0.85")),
    ]


async def test_the_reason_of_each_refusal_is_given(opening, direction):
    cache = opening(confidence_fn=lambda similarity, age, metadata: metadata.get("confidence", similarity))
    await cache.put("unsure", "r", embedding=direction(0.99), metadata={"confidence": 0.1})
    await cache.put("empty", "", embedding=direction(0.95))
    await cache.put("raises", "r", embedding=direction(0.9), metadata={"confidence": "high"})
    explained = await cache.explain("x", embedding=direction(1.0))

    assert [near.verdict.reason for near in explained.candidates] == [
        "confidence below 0.7",
        "refused by the validator",
        "the policy or the validator raised ValueError",
    ]
    assert (explained.outcome, (await cache.stats()).entries) == ("below_threshold", 3)


async def test_the_outcome_is_that_of_get_even_when_the_accepted_one_is_not_among_the_k(opening, direction):
    cache = opening(validator=lambda response: response == "valid")
    for number in range(20):
        await cache.put(f"q{number}", "invalid", embedding=direction(0.99 - number / 1000))
    await cache.put("q", "valid", embedding=direction(0.9))
    explained = await cache.explain("x", embedding=direction(1.0), k=1)

    assert (explained.outcome, len(explained.candidates)) == ("semantic", 1)
    assert (await cache.get("x", embedding=direction(1.0))).response == "valid"


@pytest.mark.parametrize(("query", "outcome"), [("two one", "no_match"), ("", "no_match"), ("  ", "no_match")])
async def test_an_empty_cache_has_no_match(cache, query, outcome):
    assert (await cache.explain(query)).outcome == outcome


async def test_an_empty_question_has_no_neighbours(cache, opening):
    await cache.put("one", "r")
    explained = await cache.explain("")

    assert (explained.outcome, explained.candidates) == ("no_match", ())


async def test_an_expired_entry_is_said_to_be_expired(cache, clock):
    await cache.put("one two", "r", ttl=1)
    clock.advance(1)
    explained = await cache.explain("one two")

    assert (explained.exact, explained.candidates) == ("expired", ())


async def test_explaining_counts_nothing_and_uses_nothing(opening, events):
    cache = opening(metrics_hook=events, max_entries=2)
    await cache.put("a", "r", mode="exact")
    await cache.put("b", "r", mode="exact")
    before = await cache.stats()
    await cache.explain("a")
    after = await cache.stats()
    await cache.put("c", "r", mode="exact")

    assert (before, [(await cache.explain(query)).exact for query in "abc"]) == (after, [None, "fresh", "fresh"])
    assert [event for event, _ in events] == ["eviction"]


async def test_only_the_own_partition_is_explained(cache, direction):
    await cache.put("q", "r", embedding=direction(1.0), vary={"model": "a"})

    await cache.put("q", "r", embedding=direction(1.0), namespace="n", vary={"model": "b"})
    explained = await cache.explain("x", embedding=direction(1.0), vary={"model": "b"})

    assert (explained.candidates, explained.elsewhere) == ((), 1)
    assert "1 entries of this namespace have another vary" in str(explained)


async def test_what_the_embedder_raises_is_raised(opening):
    class Away(type(opening.embedder)):
        def embed(self, text):
            raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        await opening(embedder=Away()).explain("q")


async def test_an_explanation_can_be_read(cache, direction):
    await cache.put("What is it?", "An answer.", embedding=direction(0.9))
    text = str(await cache.explain("And this?", embedding=direction(1.0)))
    nothing = str(await cache.explain("And this?", namespace="n", embedding=direction(1.0)))

    assert "0.9000  accept: similarity at least 0.85" in text
    assert "'What is it?' -> 'An answer.'" in text
    assert nothing.splitlines()[2:] == [
        "namespace  n",
        "outcome    no_match",
        f"exact      no entry (key {cache.plain.key('And this?', namespace='n')})",
        "candidates none",
    ]


async def test_a_query_is_explained_as_an_entry_was_asked(cache, direction):
    await cache.put("near", "1", embedding=direction(0.9), namespace="acme", vary={"model": "m"})
    key = cache.plain.key("near", namespace="acme", vary={"model": "m"})
    elsewhere = await cache.explain("x", embedding=direction(1.0))
    beside = await cache.explain("x", embedding=direction(1.0), like=key)

    assert (elsewhere.outcome, beside.outcome, beside.namespace) == ("no_match", "semantic", "acme")
    assert beside.key == cache.plain.key("x", namespace="acme", vary={"model": "m"})
    assert (await cache.explain("near", like=key)).exact == "fresh"
    for no_key in (key[:6], "not hexadecimal", 7):
        with pytest.raises(InvalidArgumentError, match="no entry's key"):
            await cache.explain("x", like=no_key)


async def test_a_follow_up_is_explained_after_the_turns_of_an_entry(cache, direction):
    annual, monthly = ({"turns": Similar([f"What does the {plan} plan cost?"])} for plan in ("annual", "monthly"))
    for vary, answer in ((annual, "A year."), (monthly, "A month.")):
        await cache.put("how long is it", answer, vary=vary, embedding=direction(0.9))
    key = cache.plain.key("how long is it", vary=annual)
    reworded = await cache.explain("how long will it be", embedding=direction(1.0), like=key)
    same = await cache.explain("How long is it", embedding=direction(0.9), like=key)

    said = {each.neighbour.response: each.verdict.accepted for each in reworded.candidates}
    assert (reworded.outcome, reworded.exact, said) == ("semantic", None, {"A year.": True, "A month.": False})
    assert (same.outcome, same.exact, same.key) == ("exact", "fresh", key)


async def test_entries_without_a_vector_are_counted_beside_another_query(cache):
    await cache.put("how do I pay", "By card.", mode="exact")

    assert (await cache.explain("how do I pay", like=None)).exact_only == 0
    other = await cache.explain("how do I pay abroad")
    assert other.exact_only == 1
    assert "exact only 1" in str(other)


MINI, LARGE = {"model": "gpt-4o-mini", "t": 1}, {"model": "gpt-4o", "t": 1}


async def test_the_same_question_with_another_vary_is_told_with_what_differs(cache):
    await cache.put("how do I pay", "r", vary=LARGE)
    await cache.put("how do I pay", "r", vary={"t": 1})
    await cache.put("how do I pay it", "r", vary={"t": 2})
    await cache.put("how do I pay", "r", vary={"t": 2}, namespace="other")
    explained = await cache.explain("How do I PAY", vary=MINI)

    found = {each.key: each.differs for each in explained.other_vary}
    assert (explained.outcome, explained.elsewhere) == ("no_match", 3)
    assert found == {
        cache.plain.key("how do I pay", vary=LARGE): ('model: "gpt-4o" there, "gpt-4o-mini" here',),
        cache.plain.key("how do I pay", vary={"t": 1}): ('model: none there, "gpt-4o-mini" here',),
    }
    assert 'model: "gpt-4o" there' in str(explained)
    assert (await cache.explain("how do I pay", vary=LARGE)).other_vary[0].differs == (
        'model: none there, "gpt-4o" here',
    )


async def test_a_scope_s_vary_is_part_of_it(cache):
    with cache.plain.scope(vary={"language": "de"}):
        await cache.put("how do I pay", "r")

    assert [each.differs for each in (await cache.explain("how do I pay")).other_vary] == [
        ('language: "de" there, none here',)
    ]


def test_of_a_vary_asked_elsewhere_one_part_is_found(tmp_path):
    embedder = WordEmbedder()
    with SemanticCache(tmp_path / "c.db", embedder) as cache:
        cache.put("q one", "r", vary=LARGE, usage=TokenUsage("gpt-4o-2024-08-06", 1, 1))
        cache.put("q two", "r", vary={**LARGE, "t": 2}, usage=TokenUsage("gpt-4o", 1, 1))
    with SemanticCache(tmp_path / "c.db", embedder) as cache:
        one, two = (cache.explain(query, vary=MINI).other_vary[0] for query in ("q one", "q two"))

    assert one.differs == ('model: "gpt-4o" there, "gpt-4o-mini" here',)
    assert (two.differs, two.model) == ((), "gpt-4o")
    assert "not known" in str(two)
    assert "answered by gpt-4o" in str(two)


async def test_a_few_are_told_the_newest_first(opening, clock):
    cache = opening()
    for number in range(9):
        await cache.put("q", "r", vary={"n": number})
        clock.advance(1)
    explained = await cache.explain("q", vary={"n": -1})

    assert [each.differs[0] for each in explained.other_vary] == [f"n: {n} there, -1 here" for n in (8, 7, 6, 5, 4)]
