"""A server that stops, is slow, falls silent or is cut off: a miss or an error in time, and no new object after it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from mneme import SemanticCache, StoreBackendError
from mneme.stores.base import Store
from mneme.testing import WordEmbedder
from mneme.testing.waiting import eventually

TIMEOUT = 0.5
# Each exchange takes the timeout and a quarter at most, but Postgres' client waits two seconds for each connection.
# That makes six seconds; a busy machine takes its share, and what has no timeout takes minutes or does not end.
IN_TIME = 30.0
# For what waits for no server: who waited all the same would still wait when the test is over.
LONG = 600.0

_names = itertools.count()


class Watched:
    """A cache over the server through the proxy, its events, and another that reaches the server directly."""

    cache: SemanticCache

    def __init__(self, make: Callable[[], Store], direct: Callable[[], Store]) -> None:
        self.events: list[tuple[str, Any]] = []
        self.direct = direct
        assert eventually(lambda: self.opens(make()))
        assert eventually(lambda: self.puts("before"))

    def opens(self, store: Store) -> bool:
        """Whether a cache over the store is opened in time."""
        with suppress(StoreBackendError):
            self.cache = SemanticCache(
                store=store,
                embedder=WordEmbedder(64),
                metrics_hook=lambda event, said: self.events.append((event, said.get("reason"))),
            )
            return True
        return False

    def put_elsewhere(self, query: str, response: str) -> None:
        """Put through another connection, and wait until this cache has heard of it."""
        with SemanticCache(store=self.direct(), embedder=WordEmbedder(64)) as other:
            other.put(query, response)
        assert eventually(self.cache._core.behind)

    def misses_in_time(self, query: str) -> None:
        """A lookup is a miss with its event, within the time."""
        self.events.clear()
        start = time.monotonic()
        assert (self.cache.get(query), self.events) == (None, [("miss", "store_failure")])
        assert time.monotonic() - start < IN_TIME

    def put_raises_in_time(self) -> bool:
        start = time.monotonic()
        with pytest.raises(StoreBackendError) as caught:
            self.cache.put("during", "answer")
        assert caught.value.__cause__ is not None
        return time.monotonic() - start < IN_TIME

    def recovers(self) -> bool:
        """Whether the same object puts, hears of others' changes and holds what the server holds."""
        assert eventually(lambda: self.puts("after"))
        self.put_elsewhere("elsewhere", "of another")
        assert eventually(lambda: self.cache.get("elsewhere", mode="exact") is not None)
        with SemanticCache(store=self.direct(), embedder=WordEmbedder(64)) as fresh:
            return held(fresh) == held(self.cache) and eventually(lambda: self.cache.health().healthy)

    def puts(self, query: str) -> bool:
        """Whether a put succeeds now."""
        with suppress(StoreBackendError):
            self.cache.put(query, "answer")
            return True
        return False


def held(cache: SemanticCache) -> dict[str, str]:
    return {query: cache.get(query, mode="exact").response for query in cache.list_queries()}


@pytest.fixture
def make_watched(server: Any, proxy: Any) -> Iterator[Callable[[float], Watched]]:
    """A function that opens a cache whose store waits so long for an answer."""
    through = type(proxy)(server.connect)
    made: list[Watched] = []

    def make(timeout: float) -> Watched:
        name = f"test_{next(_names)}"
        direct = partial(server.store, through.port, name, LONG)
        made.append(Watched(partial(server.store, proxy.port, name, timeout), direct))
        return made[-1]

    yield make
    proxy.reset()
    for watched in made:
        watched.cache.close()
    through.close()


@pytest.fixture
def watched(make_watched: Callable[[float], Watched]) -> Watched:
    return make_watched(TIMEOUT)


@pytest.fixture
def patient(make_watched: Callable[[float], Watched]) -> Watched:
    return make_watched(LONG)


def test_a_silent_server_makes_misses_and_errors_in_time(watched: Watched, proxy: Any) -> None:
    watched.put_elsewhere("new", "answer")
    proxy.flowing.clear()

    watched.misses_in_time("new")
    assert watched.put_raises_in_time()
    proxy.reset()
    assert watched.recovers()
    assert watched.cache.get("new").response == "answer"


def test_hits_of_what_is_held_need_no_server(patient: Watched, proxy: Any) -> None:
    proxy.flowing.clear()
    start = time.monotonic()

    assert patient.cache.get("before").response == "answer"
    assert time.monotonic() - start < IN_TIME


def test_a_server_that_cannot_be_reached_makes_misses_and_errors_in_time(watched: Watched, proxy: Any) -> None:
    watched.put_elsewhere("new", "answer")
    proxy.refusing = True
    proxy.cut()

    watched.misses_in_time("new")
    assert watched.put_raises_in_time()
    proxy.reset()
    assert watched.recovers()


def test_a_slow_server_is_waited_for(patient: Watched, proxy: Any) -> None:
    proxy.delay = 0.05
    patient.cache.put("slowly", "answer")
    patient.put_elsewhere("new", "answer")

    assert patient.cache.get("new").response == "answer"
    proxy.reset()
    assert patient.recovers()


@pytest.mark.parametrize("bytes_", [1, 1_000])
def test_a_reply_that_is_cut_off_makes_a_miss_or_an_error_and_leaves_nothing_half_read(
    watched: Watched, proxy: Any, bytes_: int
) -> None:
    for number in range(5):
        watched.put_elsewhere(f"new {number}", "answer " * 40)
    proxy.left = bytes_
    watched.events.clear()
    found = watched.cache.get("new 4", mode="exact")
    proxy.reset()

    assert found is None
    assert watched.events == [("miss", "store_failure")]
    proxy.left = bytes_
    with suppress(StoreBackendError):  # where the reply is shorter, the put succeeds
        watched.cache.put("cut off", "answer")
    proxy.reset()
    assert watched.recovers()
    assert watched.cache.get("new 4").response == "answer " * 40


def test_a_server_that_is_stopped_and_started_again_is_used_again(watched: Watched, server: Any) -> None:
    server.stop()
    try:
        assert watched.cache.get("before").response == "answer"
        assert watched.put_raises_in_time()
    finally:
        server.start()
    assert watched.recovers()
    assert watched.cache.get("before").response == "answer"


def test_a_cache_over_a_silent_server_is_not_opened_and_one_is_closed_in_time(
    watched: Watched, server: Any, proxy: Any
) -> None:
    proxy.flowing.clear()
    start = time.monotonic()
    with pytest.raises(StoreBackendError):
        SemanticCache(store=server.store(proxy.port, "unreachable", TIMEOUT), embedder=WordEmbedder(64))
    opened = time.monotonic()
    watched.cache.close()
    closed = time.monotonic()

    assert (opened - start < IN_TIME, closed - opened < IN_TIME) == (True, True)
