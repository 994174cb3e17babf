"""Answers whose time ran out, answers that may not be stored, and ttls that do not run out together."""

import asyncio
import threading

import pytest

from mneme import InvalidArgumentError, JsonCodec, MemoryStore, SemanticCache, StoreBackendError
from mneme.testing import FakeClock, WordEmbedder
from mneme.testing.waiting import aeventually


async def settled(cache, query, value):
    """Wait until the exact answer of `query` is `value`."""
    plain = cache.as_sync()

    def is_there():
        hit = plain.get(query, mode="exact")
        return hit is not None and hit.response == value

    return await aeventually(is_there)


async def test_a_stale_answer_is_given_at_once_and_computed_anew(cache, clock):
    await cache.put("one", "old", ttl=10)
    clock.advance(12)

    outcome = await cache.get_or_compute("one", lambda: "new", ttl=10, stale_while_revalidate=5)

    assert (outcome.value, outcome.status, outcome.hit.age_seconds) == ("old", "stale", 12)
    assert await settled(cache.plain, "one", "new")


async def test_after_the_grace_the_answer_is_computed(cache, clock):
    await cache.put("one", "old", ttl=10)
    clock.advance(15)

    outcome = await cache.get_or_compute("one", lambda: "new", stale_while_revalidate=5)

    assert (outcome.value, outcome.status) == ("new", "computed")


async def test_a_fresh_answer_is_a_hit(cache):
    await cache.put("one", "fresh", ttl=10)

    assert (await cache.get_or_compute("one", lambda: "new", stale_while_revalidate=5)).status == "hit"


async def test_get_never_gives_a_stale_answer(cache, clock):
    await cache.put("one", "old", ttl=10)
    clock.advance(11)

    assert await cache.get("one") is None


async def test_where_nothing_may_be_written_a_stale_answer_is_not_given(cache, clock):
    await cache.put("one", "old", ttl=10)
    clock.advance(11)
    with cache.plain.override(read_only=True):
        outcome = await cache.get_or_compute("one", lambda: "new", stale_while_revalidate=5)

    assert (outcome.value, outcome.status) == ("new", "computed")


async def test_a_refresh_that_fails_is_logged_and_tried_again(cache, clock, caplog):
    await cache.put("one", "old", ttl=10)
    clock.advance(11)
    failed = threading.Event()

    def fail():
        failed.set()
        raise RuntimeError("no answer")

    first = await cache.get_or_compute("one", fail, stale_while_revalidate=5)
    assert await aeventually(lambda: "could not be computed anew" in caplog.text)
    second = await cache.get_or_compute("one", lambda: "new", ttl=10, stale_while_revalidate=5)

    assert (failed.is_set(), first.value, second.value) == (True, "old", "old")
    assert "could not be computed anew" in caplog.text
    assert await settled(cache.plain, "one", "new")


def test_one_refresh_runs_however_many_ask():
    clock, calls, go = FakeClock(), [], threading.Event()

    def compute():
        calls.append(1)
        go.wait(10)
        return "new"

    with SemanticCache.open("memory:", embedder=WordEmbedder(), clock=clock) as cache:
        cache.put("one", "old", ttl=10)
        clock.advance(11)
        answers = [cache.get_or_compute("one", compute, stale_while_revalidate=5).value for _ in range(20)]
        go.set()

        assert answers == ["old"] * 20
        assert asyncio.run(settled(cache, "one", "new"))
        assert len(calls) == 1


async def test_the_refresh_runs_with_the_callers_scope(opening, clock):
    cache = opening()
    await cache.put("one", "old", ttl=10, namespace="b")
    clock.advance(11)

    def compute():
        cache.plain.as_sync().put("seen", "yes", mode="exact")
        return "new"

    with cache.plain.scope(namespace="b"):
        await cache.get_or_compute("one", compute, stale_while_revalidate=5)
    with cache.plain.scope(namespace="b"):
        assert await settled(cache.plain, "one", "new")
        assert (await cache.get("seen")).namespace == "b"


async def test_a_refused_value_is_given_again_for_a_while(opening, clock):
    cache, values = opening(negative_ttl=5), iter(["[ERROR] one", "[ERROR] two", "three"])
    seen = []
    for seconds in (0, 4, 1, 6):
        clock.advance(seconds)
        outcome = await cache.get_or_compute("one", lambda: next(values))
        seen.append((outcome.value, outcome.status))

    assert seen == [
        ("[ERROR] one", "computed"),
        ("[ERROR] one", "refused"),
        ("[ERROR] two", "computed"),
        ("three", "computed"),
    ]
    assert (await cache.get("one")).response == "three"


async def test_what_cache_if_refuses_is_given_again_to_the_same_request_alone(opening):
    cache = opening(negative_ttl=5)
    await cache.get_or_compute("one two", lambda: "partial", cache_if=lambda value: False)
    same = await cache.get_or_compute("ONE two", lambda: "new")
    other = await cache.get_or_compute("two one", lambda: "new")

    assert [(o.value, o.status) for o in (same, other)] == [("partial", "refused"), ("new", "computed")]


async def test_without_a_negative_ttl_a_refused_value_is_computed_anew(cache):
    await cache.get_or_compute("one", lambda: "[ERROR]")

    assert (await cache.get_or_compute("one", lambda: "fine")).value == "fine"


async def test_clearing_forgets_refused_values(opening):
    cache = opening(negative_ttl=5)
    await cache.get_or_compute("one", lambda: "[ERROR]")
    await cache.clear()

    assert (await cache.get_or_compute("one", lambda: "fine")).value == "fine"


async def test_jitter_shortens_ttls_by_up_to_its_share(opening, clock):
    cache = opening(default_ttl=100, ttl_jitter=0.5)
    await cache.put_many([(str(number), "r") for number in range(200)])
    left = []
    for _ in range(101):
        left.append(sum([await cache.get(str(number), mode="exact") is not None for number in range(200)]))
        clock.advance(1)

    assert left[50] == 200
    assert left[100] == 0
    assert 60 < left[75] < 140


@pytest.mark.parametrize(
    "options",
    [{"ttl_jitter": 1}, {"ttl_jitter": -0.1}, {"ttl_jitter": True}, {"negative_ttl": 0}, {"negative_ttl": "5"}],
)
async def test_options_that_cannot_be_are_refused(opening, options):
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        opening(**options)


async def test_a_grace_is_a_number_of_seconds(cache):
    with pytest.raises(InvalidArgumentError, match="stale_while_revalidate"):
        await cache.get_or_compute("one", lambda: "a", stale_while_revalidate=-1)


async def test_where_no_thread_can_be_started_the_stale_answer_is_given_all_the_same(clock, monkeypatch, caplog):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    with SemanticCache.open("memory:", embedder=WordEmbedder(), clock=clock) as cache:
        cache.put("one", "old", ttl=10)
        clock.advance(11)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            assert cache.get_or_compute("one", lambda: "new", stale_while_revalidate=5).value == "old"
        assert cache.get_or_compute("one", lambda: "new", ttl=10, stale_while_revalidate=5).value == "old"
        assert await settled(cache, "one", "new")
    assert "could not be computed anew" in caplog.text


async def test_a_refused_refresh_leaves_the_stale_answer_and_is_not_tried_at_once(opening, clock):
    cache, calls = opening(negative_ttl=3), []

    def refused():
        calls.append(1)
        return "[ERROR] no"

    await cache.put("one", "old", ttl=10)
    clock.advance(11)
    seen = []
    for _ in range(4):
        outcome = await cache.get_or_compute("one", refused, stale_while_revalidate=60)
        seen.append((outcome.value, outcome.status))
        assert await aeventually(lambda: calls and cache.plain._core.sharing.refreshes._running == {})

    assert (seen, len(calls)) == ([("old", "stale")] * 4, 1)


async def test_a_refused_value_is_not_given_to_one_who_reads_it_otherwise(opening):
    cache = opening(negative_ttl=5)
    await cache.get_or_compute("one", lambda: "partial", cache_if=lambda value: False)
    other = await cache.get_or_compute("one", lambda: {"a": 1}, codec=JsonCodec())

    assert (other.value, other.status) == ({"a": 1}, "computed")


async def test_a_refused_value_goes_with_what_it_was_made_from(opening):
    cache = opening(negative_ttl=50)
    await cache.get_or_compute("one", lambda: "[ERROR]", tags=["t"])
    await cache.get_or_compute("two", lambda: "[ERROR]", tags=lambda value: ["t"])
    await cache.invalidate(tags=["t"])

    assert [(await cache.get_or_compute(query, lambda: "fine")).value for query in ("one", "two")] == ["fine", "fine"]


async def test_a_stale_answer_is_not_given_where_a_removal_may_be_unread(clock):
    class Away(MemoryStore):
        is_away = False

        def pull(self, cursor):
            if self.is_away:
                raise StoreBackendError("away")
            yield from super().pull(cursor)

    store = Away()
    with (
        SemanticCache(store=store, embedder=WordEmbedder(), clock=clock) as cache,
        SemanticCache(store=store, embedder=WordEmbedder(), clock=clock) as other,
    ):
        cache.put("one", "old", ttl=10)
        clock.advance(11)
        other.invalidate(query="one")
        store.is_away = True
        outcome = cache.get_or_compute("one", lambda: "new", stale_while_revalidate=60)
        store.is_away = False

    assert (outcome.value, outcome.status) == ("new", "computed")
