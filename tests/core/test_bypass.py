"""`bypass_if`: what it says is personal leaves no trace, and a cache without it asks nothing."""

import asyncio
import logging

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, Similar
from mneme.pii import looks_personal
from mneme.runtime.personal import CarefulRequests
from mneme.testing import AsyncWordEmbedder, WordEmbedder

MINE = "why was my card 4111 1111 1111 1111 refused"
PLAIN = "why was a card refused"


def secret(text):
    return "secret" in text


class Listening(WordEmbedder):
    """An embedder that notes what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def embed(self, text):
        self.shown.append(text)
        return super().embed(text)


@pytest.fixture
def embedder():
    return Listening()


@pytest.fixture
def events():
    return []


@pytest.fixture
def cache(embedder, events):
    with SemanticCache(
        store=MemoryStore(),
        embedder=embedder,
        bypass_if=secret,
        metrics_hook=lambda event, attributes: events.append((event, attributes.get("reason"))),
    ) as cache:
        yield cache


def test_a_personal_question_is_a_miss_and_is_shown_to_nobody(cache, embedder, events):
    cache.put("a secret question", "r")
    hits = [cache.get("a secret question"), *cache.get_many(["a secret question", "the secret other"])]

    assert hits == [None, None, None]
    assert events == [("miss", "bypass")] * 3
    assert (cache.stats().entries, cache.stats().misses, embedder.shown) == (0, 3, [])


def test_a_personal_answer_is_not_stored(cache):
    cache.put("q", "a secret answer")
    cache.put_many([("a b c", "plain"), ("d e f", "a secret answer"), ("a secret one", "plain")])

    assert cache.list_queries() == ["a b c"]


def test_a_personal_question_is_computed_each_time(cache, embedder, events):
    made = []

    def compute():
        made.append(1)
        return "r"

    outcomes = [cache.get_or_compute("a secret question", compute) for _ in range(2)]
    streams = [list(cache.get_or_stream("secret", lambda: iter(["a", "b"]), codec=None).value) for _ in range(2)]

    assert [(outcome.value, outcome.status) for outcome in outcomes] == [("r", "computed")] * 2
    assert streams == [["a", "b"]] * 2
    assert (len(made), cache.stats().entries, embedder.shown) == (2, 0, [])


def test_a_personal_value_is_computed_each_time_and_given_to_the_caller(cache):
    made = []

    def compute():
        made.append(1)
        return "a secret answer"

    outcomes = [cache.get_or_compute("q", compute).value for _ in range(2)]

    assert (outcomes, len(made), cache.stats().entries) == (["a secret answer"] * 2, 2, 0)


def test_a_personal_turn_before_the_question_counts_too(cache):
    for text in ("my secret", "hello there"):
        cache.put("and then", "r", vary={"turns": Similar([{"role": "user", "content": text}])})

    assert cache.stats().entries == 1


def test_what_is_not_personal_is_cached_as_ever(cache):
    cache.put("one two three", "r")
    hits = [cache.get("one two three"), cache.get("three two one")]

    assert [hit.layer for hit in hits] == ["exact", "semantic"]


def test_an_explanation_says_bypass(cache, embedder):
    assert (cache.explain("a secret question").outcome, embedder.shown) == ("bypass", [])


def test_what_was_stored_before_can_be_deleted(embedder):
    store = MemoryStore()
    with SemanticCache(store=store, embedder=embedder) as cache:
        cache.put("a secret question", "r")
    with SemanticCache(store=store, embedder=embedder, bypass_if=secret) as cache:
        found = cache.get("a secret question")
        deleted = cache.delete("a secret question")

    assert (found, deleted) == (None, True)


def test_a_hook_that_raises_bypasses_and_is_logged_once_without_the_text(caplog):
    def broken(text):
        raise ValueError(f"cannot judge {text!r}")

    with (
        caplog.at_level(logging.WARNING),
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), bypass_if=broken) as cache,
    ):
        cache.put("my question", "my answer")
        values = [cache.get_or_compute("my question", lambda: "computed").value for _ in range(2)]
        found = cache.get("my question")

    assert (values, found) == (["computed"] * 2, None)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "ValueError" in caplog.text
    assert "my " not in caplog.text


async def test_the_async_cache_bypasses_too():
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder(), bypass_if=looks_personal) as cache:
        await cache.put(MINE, "r")
        await cache.put(PLAIN, "r")
        outcomes = await asyncio.gather(*(cache.get_or_compute(MINE, lambda: "own") for _ in range(3)))

        assert [outcome.value for outcome in outcomes] == ["own"] * 3
        assert (await cache.get(MINE), cache.list_queries()) == (None, [PLAIN])


def test_it_can_be_given_to_open():
    with SemanticCache.open("memory:", embedder=WordEmbedder(), bypass_if=looks_personal) as cache:
        cache.put(MINE, "r")

        assert cache.list_queries() == []


def test_a_cache_without_it_does_nothing_for_it():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        assert not isinstance(cache._core.requests, CarefulRequests)
        assert "bypass_if" not in type(cache._core.requests).resolve.__code__.co_names
