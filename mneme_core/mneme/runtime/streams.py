"""Streams that several consumers share: one upstream, live for all, kept only when it ends by itself."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# The streams whose upstream runs in this context: one that asks for itself must not wait for itself.
_leading: ContextVar[frozenset[Hashable]] = ContextVar("mneme_streaming", default=frozenset())
_IMMUTABLE = (str, bytes, int, float, bool, type(None))


def own(chunk: T) -> T:
    """Return a copy of a chunk where a consumer could change it, else the chunk."""
    if isinstance(chunk, _IMMUTABLE):
        return chunk
    try:
        return copy.deepcopy(chunk)
    except Exception:  # a chunk may hold anything; without a copy it is shared
        return chunk


class _Chunks(Generic[T]):
    """What came so far, untouched by consumers; the first to ask for a chunk gets the original."""

    def __init__(self) -> None:
        self.kept: list[T] = []
        self._originals: list[T | None] = []
        self.is_done = False
        self.error: BaseException | None = None
        self.consumers = 0

    def add(self, chunk: T) -> None:
        self.kept.append(own(chunk))
        self._originals.append(chunk)

    def take(self, at: int) -> T:
        original, self._originals[at] = self._originals[at], None
        return own(self.kept[at]) if original is None else original

    def end(self, error: BaseException | None = None) -> None:
        self.is_done, self.error = True, error


class _Shared(_Chunks[T]):
    """A stream of threads: whoever needs a chunk that is not there pulls it, for all."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.upstream: Iterator[T] | None = None
        self.finish: Callable[[list[T]], None] | None = None
        """Of the one who began it: what the stream was made from was true then."""
        self.is_pulled = False


class Streams:
    """The streams of threads that are under way, by key."""

    def __init__(self) -> None:
        self._shared: dict[Hashable, _Shared[Any]] = {}
        self._lock = threading.Lock()

    def follow(
        self, key: Hashable, produce: Callable[[], Iterator[T]], finish: Callable[[list[T]], None]
    ) -> Iterator[T]:
        """Yield the chunks of `produce()`, run once for all who follow `key` meanwhile.

        finish: called with all chunks when the upstream ends by itself, before the last consumer learns of it. An error
        of the upstream is raised in every consumer. Who leaves early hurts nobody; the last to leave closes it.
        """
        if key in _leading.get():
            yield from produce()
            return
        with self._lock:
            shared = self._shared.setdefault(key, _Shared())
            shared.consumers += 1
            finish = shared.finish = shared.finish or finish
        try:
            at = 0
            while self._has(shared, at, key, produce, finish):
                yield shared.take(at)
                at += 1
        finally:
            self._leave(key, shared)

    def _has(
        self,
        shared: _Shared[T],
        at: int,
        key: Hashable,
        produce: Callable[[], Iterator[T]],
        finish: Callable[[list[T]], None],
    ) -> bool:
        """Return whether there is a chunk at that place, waiting for it or pulling it; raises the upstream's error."""
        with shared.changed:
            while at >= len(shared.kept) and not shared.is_done and shared.is_pulled:
                shared.changed.wait()
            if at < len(shared.kept):
                return True
            if shared.is_done:
                if shared.error is not None:
                    raise shared.error
                return False
            shared.is_pulled = True
        try:
            self._pull(shared, key, produce, finish)
        finally:
            with shared.changed:
                shared.is_pulled = False
                shared.changed.notify_all()
        return self._has(shared, at, key, produce, finish)

    def _pull(
        self,
        shared: _Shared[T],
        key: Hashable,
        produce: Callable[[], Iterator[T]],
        finish: Callable[[list[T]], None],
    ) -> None:
        token = _leading.set(_leading.get() | {key})
        try:
            if shared.upstream is None:
                shared.upstream = iter(produce())
            shared.add(next(shared.upstream))
        except StopIteration:
            finish(shared.kept)
            self._end(key, shared)
        except BaseException as error:
            self._end(key, shared, error)
        finally:
            _leading.reset(token)

    def _end(self, key: Hashable, shared: _Shared[Any], error: BaseException | None = None) -> None:
        with self._lock:
            if self._shared.get(key) is shared:
                del self._shared[key]
        shared.end(error)

    def _leave(self, key: Hashable, shared: _Shared[Any]) -> None:
        with self._lock:
            shared.consumers -= 1
            if shared.consumers or shared.is_done:
                return
            if self._shared.get(key) is shared:
                del self._shared[key]
        close = getattr(shared.upstream, "close", None)
        if close is not None:
            close()


class _AsyncShared(_Chunks[T]):
    """A stream of tasks of one event loop: a task of its own pulls it, so that no consumer's end breaks it."""

    def __init__(self) -> None:
        super().__init__()
        self.pump: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def has(self, at: int) -> bool:
        """Return whether there is a chunk at that place, waiting for it; raises the upstream's error."""
        while at >= len(self.kept) and not self.is_done:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        if at < len(self.kept):
            return True
        if self.error is not None:
            raise self.error
        return False


class AsyncStreams:
    """The streams of tasks that are under way, by event loop and key."""

    def __init__(self) -> None:
        self._shared: dict[Hashable, _AsyncShared[Any]] = {}

    async def follow(
        self,
        key: Hashable,
        produce: Callable[[], AsyncIterator[T]],
        finish: Callable[[list[T]], Awaitable[None]],
    ) -> AsyncIterator[T]:
        """Yield what `Streams.follow` yields; a task of its own runs the upstream, and the last to leave cancels it."""
        if key in _leading.get():
            async for chunk in produce():
                yield chunk
            return
        place = (asyncio.get_running_loop(), key)
        shared = self._shared.get(place)
        if shared is None:
            shared = self._shared[place] = _AsyncShared()
            shared.pump = asyncio.create_task(self._pump(place, shared, produce, finish))
        shared.consumers += 1
        try:
            at = 0
            while await shared.has(at):
                yield shared.take(at)
                at += 1
        finally:
            shared.consumers -= 1
            if not shared.consumers and not shared.is_done:
                self._forget(place, shared)
                await _cancelled(shared.pump)

    async def _pump(
        self,
        place: tuple[asyncio.AbstractEventLoop, Hashable],
        shared: _AsyncShared[T],
        produce: Callable[[], AsyncIterator[T]],
        finish: Callable[[list[T]], Awaitable[None]],
    ) -> None:
        _leading.set(_leading.get() | {place[1]})  # in this task's own context
        upstream = None
        try:
            upstream = produce()
            async for chunk in upstream:
                shared.add(chunk)
                shared.wake()
            await finish(shared.kept)
            shared.end()
        except BaseException as error:
            shared.end(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._forget(place, shared)
            shared.wake()
            close = getattr(upstream, "aclose", None)
            if close is not None:
                await close()

    def _forget(self, place: Hashable, shared: _AsyncShared[Any]) -> None:
        if self._shared.get(place) is shared:
            del self._shared[place]


async def _cancelled(pump: asyncio.Task[None] | None) -> None:
    """Cancel the task and wait for its end, so that the upstream is closed when its last consumer has left."""
    if pump is not None:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([pump])


def replayed(chunks: list[T]) -> Iterator[T]:
    """Yield chunks that were kept."""
    yield from chunks


async def areplayed(chunks: list[T]) -> AsyncIterator[T]:
    """Yield chunks that were kept."""
    for chunk in chunks:
        yield chunk
