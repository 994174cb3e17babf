"""Threads that ask for the same thing at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from mneme import MemoryStore, SemanticCache
from mneme.testing import WordEmbedder
from mneme.testing.waiting import eventually


def waiting(flights):
    """How many wait for each work under way."""
    return [flight.waiters for flight in list(flights._flights.values())]


@pytest.fixture
def embedder():
    return WordEmbedder()


@pytest.fixture
def cache(embedder):
    with SemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        yield cache


@pytest.fixture
def threads():
    with ThreadPoolExecutor(100) as pool:
        yield pool


class Slow:
    """A computation that starts to return when it is told to."""

    def __init__(self, value="value"):
        self.value = value
        self.calls = 0
        self.go = threading.Event()

    def __call__(self):
        self.calls += 1
        assert self.go.wait(10)
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def test_100_identical_misses_make_one_embedding_and_one_computation(cache, embedder, threads):
    compute = Slow()
    calls = [threads.submit(cache.get_or_compute, "question", compute) for _ in range(100)]
    assert eventually(lambda: waiting(cache._core.sharing.flights) == [100])
    compute.go.set()
    outcomes = [call.result() for call in calls]

    assert (compute.calls, embedder.calls) == (1, ["question"])
    assert {outcome.value for outcome in outcomes} == {"value"}
    assert sorted(outcome.status for outcome in outcomes) == ["computed"] + ["hit"] * 99


def test_a_value_that_is_not_kept_is_shared_as_well(cache, threads):
    compute = Slow(value=object())
    calls = [threads.submit(cache.get_or_compute, "question", compute) for _ in range(10)]
    assert eventually(lambda: waiting(cache._core.sharing.flights) == [10])
    compute.go.set()

    assert {call.result().value for call in calls} == {compute.value}
    assert (compute.calls, cache.stats().misses) == (1, 10)


def test_an_error_reaches_every_waiter_and_is_not_kept(cache, threads):
    compute = Slow(ValueError("the model is down"))
    calls = [threads.submit(cache.get_or_compute, "question", compute) for _ in range(10)]
    assert eventually(lambda: waiting(cache._core.sharing.flights) == [10])
    compute.go.set()

    assert [str(call.exception()) for call in calls] == ["the model is down"] * 10
    assert (compute.calls, cache.get_or_compute("question", lambda: "value").status) == (1, "computed")


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_leader_leaves_the_work_to_its_followers(cache, threads, interrupt):
    first, second = Slow(interrupt()), Slow()
    second.go.set()
    leader = threads.submit(cache.get_or_compute, "question", first)
    assert eventually(lambda: first.calls)
    followers = [threads.submit(cache.get_or_compute, "question", second) for _ in range(10)]
    assert eventually(lambda: waiting(cache._core.sharing.flights) == [11])
    first.go.set()

    assert isinstance(leader.exception(), interrupt)
    assert ([call.result().value for call in followers], second.calls) == (["value"] * 10, 1)


def test_different_requests_do_not_wait_for_each_other(cache, threads):
    meeting = threading.Barrier(3)

    def compute():
        meeting.wait(10)
        return "value"

    options = [{"namespace": "a"}, {"namespace": "b"}, {"vary": {"model": "m"}}]
    calls = [threads.submit(cache.get_or_compute, "q", compute, **option) for option in options]

    assert [call.result().status for call in calls] == ["computed"] * 3


def test_a_computation_may_ask_for_its_own_key(cache):
    outcome = cache.get_or_compute("q", lambda: "outer " + cache.get_or_compute("q", lambda: "inner").value)

    assert (outcome.value, cache.get("q").response) == ("outer inner", "outer inner")


def test_two_computations_may_ask_for_each_others_keys(cache, threads):
    meeting = threading.Barrier(2)

    def compute(other):
        meeting.wait(10)
        return cache.get_or_compute(other, lambda: f"{other} alone").value + " asked"

    calls = [
        threads.submit(cache.get_or_compute, "a", lambda: compute("b")),
        threads.submit(cache.get_or_compute, "b", lambda: compute("a")),
    ]

    assert all(call.result(10).value.endswith(" asked") for call in calls)


def test_concurrent_lookups_of_one_text_share_its_embedding(threads):
    class Slowly(WordEmbedder):
        go = threading.Event()

        def embed(self, text):
            vector = super().embed(text)
            assert self.go.wait(10)
            return vector

    embedder = Slowly()
    with SemanticCache(store=MemoryStore(), embedder=embedder) as cache:
        calls = [threads.submit(cache.get, "question", namespace=f"n{number}") for number in range(20)]
        assert eventually(lambda: waiting(cache._core.embeddings._flights) == [20])
        embedder.go.set()

        assert ([call.result() for call in calls], embedder.calls) == ([None] * 20, ["question"])


def test_nothing_waits_for_a_slow_embedder(threads):
    class Slowly(WordEmbedder):
        go, begun = threading.Event(), threading.Event()

        def embed(self, text):
            if text == "slow":
                self.begun.set()
                assert self.go.wait(10)
            return super().embed(text)

    embedder = Slowly()
    with SemanticCache(store=MemoryStore(), embedder=embedder) as cache, ExitStack() as end:
        end.callback(embedder.go.set)
        cache.put("one two", "r")
        slow = threads.submit(cache.get, "slow")
        assert embedder.begun.wait(10)
        hits = [cache.get("one two"), cache.get("two one")]
        cache.put("three", "r")

        assert ([hit.layer for hit in hits], cache.stats().entries, slow.done()) == (["exact", "semantic"], 2, False)


def test_concurrent_puts_of_one_key_leave_one_entry(tmp_path, threads):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        list(threads.map(lambda number: cache.put("q", str(number)), range(50)))
        kept = cache.get("q").response

        assert (cache.stats().entries, cache.get("q x y", embedding=WordEmbedder().embed("q")).response) == (1, kept)


def test_concurrent_puts_and_evictions_keep_table_and_index_equal(tmp_path, threads):
    with SemanticCache(tmp_path / "cache.db", WordEmbedder(), max_entries=7) as cache:
        list(threads.map(lambda number: cache.put(f"question{number % 40}", "r"), range(200)))
        core = cache._core
        indexed = core.index.count(core.request("q", "default", None, "exact").partition)

        assert indexed == cache.stats().entries <= 7
