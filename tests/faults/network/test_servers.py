"""A server that stops, is slow, falls silent or is cut off: a miss or an error in time, and no new object after it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from mneme import SemanticCache, StoreBackendError
from mneme.stores.base import Store
from mneme.testing import WordEmbedder

TIMEOUT = 0.5
# Each exchange takes the timeout and a quarter at most, but Postgres' client waits two seconds for each connection.
IN_TIME = 6.0

_names = itertools.count()


class Watched:
    """A cache over the server through the proxy, its events, and another that reaches the server directly."""

    def __init__(self, make: Callable[[], Store], direct: Callable[[], Store]) -> None:
        self.events: list[tuple[str, Any]] = []
        self.cache = SemanticCache(
            store=make(),
            embedder=WordEmbedder(64),
            metrics_hook=lambda event, said: self.events.append((event, said.get("reason"))),
        )
        self.direct = direct

    def put_elsewhere(self, query: str, response: str) -> None:
        """Put through another connection, and wait until this cache has heard of it."""
        with SemanticCache(store=self.direct(), embedder=WordEmbedder(64)) as other:
            other.put(query, response)
        eventually(self.cache._core.behind)

    def missed_in_time(self, query: str) -> bool:
        """Whether a lookup is a miss with its event, within the time."""
        self.events.clear()
        start = time.monotonic()
        missed = self.cache.get(query) is None
        return missed and self.events == [("miss", "store_failure")] and time.monotonic() - start < IN_TIME

    def put_raises_in_time(self) -> bool:
        start = time.monotonic()
        with pytest.raises(StoreBackendError) as caught:
            self.cache.put("during", "answer")
        assert caught.value.__cause__ is not None
        return time.monotonic() - start < IN_TIME

    def recovers(self) -> bool:
        """Whether the same object puts, hears of others' changes and holds what the server holds."""
        eventually(lambda: self._puts())
        self.put_elsewhere("elsewhere", "of another")
        eventually(lambda: self.cache.get("elsewhere", mode="exact") is not None)
        with SemanticCache(store=self.direct(), embedder=WordEmbedder(64)) as fresh:
            return held(fresh) == held(self.cache) and self.cache.health().healthy

    def _puts(self) -> bool:
        with suppress(StoreBackendError):
            self.cache.put("after", "answer")
            return True
        return False


def held(cache: SemanticCache) -> dict[str, str]:
    return {query: cache.get(query, mode="exact").response for query in cache.list_queries()}


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def watched(server: Any, proxy: Any) -> Iterator[Watched]:
    through = type(proxy)(server.connect)
    name = f"test_{next(_names)}"
    watched = Watched(lambda: server.store(proxy.port, name, TIMEOUT), lambda: server.store(through.port, name, 5.0))
    watched.cache.put("before", "answer")
    yield watched
    proxy.reset()
    watched.cache.close()
    through.close()


def test_a_silent_server_makes_misses_and_errors_in_time(watched: Watched, proxy: Any) -> None:
    watched.put_elsewhere("new", "answer")
    proxy.flowing.clear()

    assert watched.missed_in_time("new")
    assert watched.put_raises_in_time()
    proxy.reset()
    assert watched.recovers()
    assert watched.cache.get("new").response == "answer"


def test_hits_of_what_is_held_need_no_server(watched: Watched, proxy: Any) -> None:
    proxy.flowing.clear()
    start = time.monotonic()

    assert watched.cache.get("before").response == "answer"
    assert time.monotonic() - start < 0.1


def test_a_server_that_cannot_be_reached_makes_misses_and_errors_in_time(watched: Watched, proxy: Any) -> None:
    watched.put_elsewhere("new", "answer")
    proxy.refusing = True
    proxy.cut()

    assert watched.missed_in_time("new")
    assert watched.put_raises_in_time()
    proxy.reset()
    assert watched.recovers()


def test_a_slow_server_is_waited_for(watched: Watched, proxy: Any) -> None:
    proxy.delay = TIMEOUT / 10
    watched.cache.put("slowly", "answer")
    watched.put_elsewhere("new", "answer")

    assert watched.cache.get("new").response == "answer"
    proxy.reset()
    assert watched.recovers()


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
