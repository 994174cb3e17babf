"""invalidate: answers made from what has changed are gone, and none of them comes back."""

import asyncio
import inspect

import pytest

from mneme import (
    AsyncSemanticCache,
    InvalidArgumentError,
    JsonCodec,
    MemoryStore,
    SemanticCache,
    UnembeddableTextError,
)
from mneme.testing import WordEmbedder


async def responses(cache, *queries, **options):
    """What is answered to each query."""
    hits = [await cache.get(query, mode="exact", **options) for query in queries]
    return [hit and hit.response for hit in hits]


async def test_answers_that_carry_a_tag_are_removed_in_both_layers(cache):
    await cache.put("one two", "a", tags=["doc:1", "doc:2"])
    await cache.put("three", "b", tags=["doc:3"])
    await cache.put("four", "c")

    assert await cache.invalidate(tags=["doc:2", "doc:9"]) == 1
    assert await cache.get("two one") is None
    assert await responses(cache, "one two", "three", "four") == [None, "b", "c"]


async def test_every_vary_and_namespace_is_meant(cache):
    await cache.put("one", "a", tags=["t"], vary={"model": "m"})
    await cache.put("one", "b", tags=["t"], namespace="b")

    assert await cache.invalidate(tags=["t"]) == 2


async def test_a_namespace_can_be_named(cache):
    await cache.put("one", "a", tags=["t"])
    await cache.put("one", "b", tags=["t"], namespace="b")

    assert await cache.invalidate(tags=["t"], namespace="b") == 1
    assert await responses(cache, "one") == ["a"]


async def test_the_scope_around_holds(cache):
    await cache.put("one", "a", tags=["t"])
    await cache.put("one", "b", tags=["t"], namespace="b")
    with cache.plain.scope(namespace="b"):
        removed = await cache.invalidate(tags=["t"])

    assert (removed, await responses(cache, "one"), await responses(cache, "one", namespace="b")) == (1, ["a"], [None])


async def test_answers_made_from_another_version_of_a_source_are_removed(cache):
    await cache.put("old", "a", source_version={"handbook": "6", "prices": "1"})
    await cache.put("new", "b", source_version={"handbook": "7"})
    await cache.put("other", "c", source_version={"prices": "1"})

    assert await cache.invalidate(source={"handbook": "7"}) == 1
    assert await responses(cache, "old", "new", "other") == [None, "b", "c"]


async def test_all_that_was_made_from_a_source_is_removed(cache):
    await cache.put("old", "a", source_version={"handbook": "6"})
    await cache.put("new", "b", source_version={"handbook": "7"})
    await cache.put("tagged", "c", tags=["handbook"])

    assert await cache.invalidate(source="handbook") == 2
    assert await responses(cache, "tagged") == ["c"]


async def test_all_answers_of_one_question_are_removed(cache):
    await cache.put("How are you", "a", vary={"model": "m"})
    await cache.put("how are  you", "b", namespace="b")
    await cache.put("how", "c")

    assert await cache.invalidate(query="how ARE you") == 2
    assert await responses(cache, "how") == ["c"]


async def test_answers_near_a_text_are_removed(cache):
    await cache.put("red green blue", "a")
    await cache.put("red green light", "b", vary={"model": "m"})
    await cache.put("something else", "c")

    assert await cache.invalidate(near="red green blue", min_similarity=0.6) == 2
    assert await responses(cache, "something else") == ["c"]


async def test_tags_survive_closing(opening):
    first = opening()
    await first.put("one", "a", tags=["t"], metadata={"by": "us"})
    await first.close()
    second = opening()
    metadata = (await second.get("one")).metadata

    assert (metadata, await second.invalidate(tags=["t"]), await second.get("one")) == ({"by": "us"}, 1, None)


async def test_a_replaced_answer_has_the_tags_of_the_new_one(cache):
    await cache.put("one", "a", tags=["old"])
    await cache.put("one", "b", tags=["new"])

    assert await cache.invalidate(tags=["old"]) == 0
    assert await cache.invalidate(tags=["new"]) == 1


async def test_what_another_cache_put_is_removed_too(opening):
    one, other = opening(), opening()
    await other.put("mine", "a", tags=["t"])
    await one.invalidate(tags=["other"])  # from now on it keeps count of tags
    await other.put("yours", "b", tags=["t"])

    assert await one.invalidate(tags=["t"]) == 2
    assert await responses(other, "mine", "yours") == [None, None]


async def test_many_put_together_carry_the_tags(cache):
    await cache.put_many([("one", "a"), ("two", "b")], tags=["t"], source_version={"s": "1"})

    assert await cache.invalidate(source={"s": "2"}) == 2


async def test_a_computed_value_says_what_it_was_made_from(cache):
    await cache.get_or_compute("one", lambda: "a from 7", tags=lambda value: [value[-1]])
    await cache.get_or_compute("two", lambda: "b", tags=["8"], source_version=lambda value: {"s": value})

    assert [await cache.invalidate(tags=["7"]), await cache.invalidate(source={"s": "c"})] == [1, 1]


async def test_tags_that_cannot_be_told_leave_the_value_uncached(cache, caplog):
    outcome = await cache.get_or_compute("one", lambda: "a", tags=lambda value: 1 / 0)

    assert (outcome.value, await cache.get("one")) == ("a", None)
    assert "tags or source_version" in caplog.text


@pytest.mark.parametrize(
    "what",
    [
        {"tags": ["t"]},
        {"source": "s"},
        {"source": {"s": "2"}},
        {"query": "ONE"},
        {"near": "far away"},
        "clear",
        "space",
    ],
)
async def test_an_answer_begun_before_is_not_stored_after(cache, what):
    def change():
        if what == "clear":
            return cache.plain.clear()
        if what == "space":
            return cache.plain.clear_namespace("default")
        return cache.plain.invalidate(**what)

    async def acompute():
        changed = change()
        if inspect.isawaitable(changed):
            await changed
        return "old"

    def compute():
        return acompute() if isinstance(cache.plain, AsyncSemanticCache) else (change(), "old")[1]

    outcome = await cache.get_or_compute("one", compute, tags=["t"], source_version={"s": "1"})

    assert (outcome.value, await cache.get("one", mode="exact")) == ("old", None)


async def test_an_answer_begun_before_an_unrelated_invalidation_is_stored(cache):
    def compute():
        plain = cache.plain.as_sync()
        plain.invalidate(tags=["other"])
        plain.clear_namespace("b")
        return "new"

    await cache.get_or_compute("one", compute, tags=["t"])

    assert await responses(cache, "one") == ["new"]


async def test_an_answer_begun_after_is_stored(cache):
    await cache.clear()
    await cache.invalidate(tags=["t"])
    await cache.get_or_compute("one", lambda: "new", tags=["t"])

    assert await responses(cache, "one") == ["new"]


def test_what_is_invalidated_while_it_is_written_is_removed():
    class Store(MemoryStore):
        def write(self, changes, cursor, usage=None):
            if changes and not self.held:
                self.held = True
                cache._core.invalidated.note([("tag", "t")])
            return super().write(changes, cursor, usage)

    store = Store()
    store.held = False
    with SemanticCache(store=store, embedder=WordEmbedder()) as cache:
        cache.get_or_compute("one", lambda: "a", tags=["t"])

        assert cache.get("one") is None


async def test_an_invalidation_is_told(opening, events):
    cache = opening(metrics_hook=events)
    await cache.put("one", "a", tags=["t"], namespace="b")
    await cache.invalidate(tags=["t"])
    await cache.invalidate(tags=["t"], namespace="b")

    assert events == [("invalidated", {"namespace": None, "count": 1})]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "exactly one of tags, source, query and near is needed, got none"),
        ({"tags": ["a"], "query": "b"}, "got tags and query"),
        ({"tags": "abc"}, "a list of texts"),
        ({"tags": [""]}, "not empty"),
        ({"tags": [1]}, "a tag is 1"),
        ({"source": {"s": 1}}, "a version is 1"),
        ({"near": "x", "min_similarity": 2}, "min_similarity"),
    ],
)
async def test_what_cannot_be_meant_is_refused(cache, arguments, said):
    await cache.put("one", "a", tags=["t"])
    with pytest.raises(InvalidArgumentError, match=said):
        await cache.invalidate(**arguments)

    assert await responses(cache, "one") == ["a"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tags": "t"}, "a list of texts"),
        ({"tags": [str(n) for n in range(1001)]}, "1,001 tags"),
        ({"source_version": ["s"]}, "a mapping of sources"),
        ({"tags": ["x" * 70_000]}, "max_metadata_bytes"),
        ({"metadata": {"mneme.tags": []}}, "Mneme's own"),
    ],
)
async def test_origins_that_cannot_be_kept_are_refused(cache, options, said):
    with pytest.raises(InvalidArgumentError, match=said):
        await cache.put("one", "a", **options)

    assert await cache.get("one") is None


@pytest.mark.parametrize("near", ["   ", "\n", ""])
async def test_a_text_without_a_vector_removes_nothing(cache, near):
    await cache.put("one", "a", namespace="n")
    with pytest.raises(InvalidArgumentError):
        await cache.invalidate(near=near)

    assert await responses(cache, "one", namespace="n") == ["a"]


async def test_a_text_that_the_embedder_cannot_tell_from_others_removes_nothing(opening):
    cache = opening()
    await cache.put("one", "a")

    class Unsure(type(opening.embedder)):
        def embed(self, text):
            raise UnembeddableTextError("all such texts look the same")

    other = opening(embedder=Unsure(64))
    with pytest.raises(InvalidArgumentError, match="no vector"):
        await other.invalidate(near="中文")

    assert await responses(cache, "one") == ["a"]


@pytest.mark.parametrize("tags", [iter([]), (tag for tag in ()), [], map(str, [])])
async def test_no_tags_at_all_remove_nothing(cache, tags):
    await cache.put("one", "a")
    with pytest.raises(InvalidArgumentError, match="got none"):
        await cache.invalidate(tags=tags)

    assert await responses(cache, "one") == ["a"]


async def test_the_default_namespace_is_that_of_the_scope(cache):
    await cache.put("one", "theirs", tags=["t"])
    await cache.put("one", "ours", tags=["t"], namespace="acme")
    with cache.plain.scope(namespace="acme"):
        assert await cache.invalidate(tags=["t"], namespace="default") == 1

    assert await responses(cache, "one") == ["theirs"]


async def test_one_who_asks_after_an_invalidation_does_not_get_what_was_begun_before(opening):
    cache = opening()
    plain = cache.plain.as_async()
    started, go = asyncio.Event(), asyncio.Event()

    async def old():
        started.set()
        await go.wait()
        return "old"

    async def new():
        return "new"

    async with asyncio.timeout(20):
        first = asyncio.create_task(plain.get_or_compute("one", old, tags=["t"]))
        await started.wait()
        await plain.invalidate(tags=["t"])
        second = await plain.get_or_compute("one", new, tags=["t"])
        go.set()

        assert (second.value, (await first).value) == ("new", "old")
        assert (await plain.get("one")).response == "new"


def test_a_stream_is_stored_with_what_the_one_who_began_it_said():
    cache = SemanticCache.open("memory:", embedder=WordEmbedder())

    def words(text):
        return lambda: iter(text.split())

    early = cache.get_or_stream("one", words("a b"), codec=JsonCodec(), tags=["t"]).value
    assert next(early) == "a"
    assert list(cache.get_or_stream("one", words("x"), codec=JsonCodec(), tags=["t"]).value) == ["a", "b"]
    assert cache.invalidate(tags=["t"]) == 1

    early = cache.get_or_stream("two", words("a b"), codec=JsonCodec(), tags=["t"]).value
    next(early)
    cache.invalidate(tags=["t"])
    assert list(early) == ["b"]
    assert cache.get("two", mode="exact") is None


def test_what_was_begun_before_another_cache_cleared_is_stored_nowhere(tmp_path):
    path = tmp_path / "answers.db"
    with SemanticCache(path, WordEmbedder()) as one, SemanticCache(path, WordEmbedder()) as other:

        def compute():
            other.clear_namespace("default")
            return "old"

        assert one.get_or_compute("question", compute).value == "old"
        assert [cache.get("question") for cache in (one, other)] == [None, None]
        with SemanticCache(path, WordEmbedder()) as fresh:
            assert fresh.get("question") is None
