"""A call of the async cache cancelled at each place where it waits: nothing half done, no lock kept, others served."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, SQLiteStore
from mneme.stores.base import Store
from mneme.testing import AsyncWordEmbedder, WordEmbedder
from mneme.testing.waiting import aeventually

# More than any of the calls has; one that still waits after so many is stuck.
MOST_PLACES = 200


class Yielding(AsyncWordEmbedder):
    """Waits before and after it embeds, so that it can be cancelled there."""

    async def embed(self, text: str) -> Any:
        await asyncio.sleep(0)
        vector = await super().embed(text)
        await asyncio.sleep(0)
        return vector

    async def embed_many(self, texts: list[str]) -> Any:
        return [await self.embed(text) for text in texts]


async def compute() -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return "answer"


CALLS: dict[str, Callable[[AsyncSemanticCache], Awaitable[Any]]] = {
    "get, exact": lambda cache: cache.get("one two three"),
    "get, by meaning": lambda cache: cache.get("three two one"),
    "get, a miss": lambda cache: cache.get("something else altogether"),
    "get_many": lambda cache: cache.get_many(["one two three", "three two one", "else"]),
    "put": lambda cache: cache.put("new", "answer"),
    "put, in place of another": lambda cache: cache.put("one two three", "replaced"),
    "put_many": lambda cache: cache.put_many([("new", "answer"), ("newer", "answer")]),
    "get_or_compute": lambda cache: cache.get_or_compute("new", compute),
    "delete": lambda cache: cache.delete("one two three"),
    "vacuum": lambda cache: cache.vacuum(),
    "explain": lambda cache: cache.explain("one two three"),
}


class CancelledAt:
    """Awaits a coroutine, and cancels the task that does so where it waits for the nth time."""

    def __init__(self, work: Awaitable[Any], place: int) -> None:
        self.work, self.place = work, place

    def __await__(self) -> Any:
        steps, error, met = self.work.__await__(), None, 0
        task = asyncio.current_task()
        assert task is not None
        while True:
            try:
                awaited = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            error, met = None, met + 1
            if met == self.place:
                task.cancel()  # takes effect as soon as this task waits
            try:
                yield awaited
            except BaseException as raised:
                error = raised


async def cancelled_at(work: Awaitable[Any], place: int) -> bool:
    """Run `work` in a task that is cancelled at its nth wait; return whether it came to that."""

    async def run() -> None:
        await CancelledAt(work, place)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return task.cancelled() or task.result() is not None  # which raises what the call raised


async def cancelled_after(work: Awaitable[Any], turns: int) -> bool:
    """The same for a cancellation from without, after so many turns of the event loop."""
    task = asyncio.ensure_future(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


class Setting:
    """A new cache that has something to catch up with, and what must be true of it after a cancellation."""

    def __init__(self, store: Store, again: Callable[[], Store]) -> None:
        self.again = again
        self.cache = AsyncSemanticCache(store=store, embedder=Yielding())
        with SemanticCache(store=again(), embedder=WordEmbedder()) as other:
            other.put("one two three", "answer")
            other.put("of another", "answer")

    async def check(self) -> None:
        core = self.cache._core
        flights, embedding = core.sharing.flights._flights, core.embeddings._flights._flights
        assert await aeventually(lambda: not (flights or embedding or core.journal._pending))
        # Through another thread and another task: whoever holds a lock holds them up.
        async with asyncio.timeout(60):
            sync = self.cache.as_sync()
            await asyncio.to_thread(sync.put, "from a thread", "answer", mode="exact")
            assert (await asyncio.to_thread(sync.get, "from a thread", mode="exact")).response == "answer"
            assert (await self.cache.get_or_compute("new", compute)).value == "answer"
            assert (await self.cache.get("of another")).response == "answer"
        assert not core.table.lock.locked()
        held = {query: (await self.cache.get(query, mode="exact")).response for query in self.cache.list_queries()}
        assert held.get("one two three") in ("answer", "replaced", None)
        assert core.index.count(core.request("new", "default", None, "semantic").partition) == sum(
            record.searchable for record in core.table.by_id.values()
        )
        await self.cache.close()
        with SemanticCache(store=self.again(), embedder=WordEmbedder()) as fresh:
            assert {query: fresh.get(query, mode="exact").response for query in fresh.list_queries()} == held


@pytest.fixture(params=["memory", "sqlite"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Setting]:
    numbers = iter(range(10_000))

    def make() -> Setting:
        if request.param == "memory":
            store = MemoryStore()
            return Setting(store, lambda: store)
        path = tmp_path / f"{next(numbers)}.db"
        return Setting(SQLiteStore(path), lambda: SQLiteStore(path))

    return make


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_may_be_cancelled_wherever_it_waits(setting: Callable[[], Setting], call: str) -> None:
    for place in range(1, MOST_PLACES):
        made = setting()
        was_cancelled = await cancelled_at(CALLS[call](made.cache), place)
        await made.check()
        if not was_cancelled:
            break

    assert place < MOST_PLACES - 1


@pytest.mark.parametrize("call", ["put", "put_many", "get_or_compute", "delete", "get, by meaning"])
async def test_a_call_may_be_cancelled_from_without_at_any_turn_of_the_loop(
    setting: Callable[[], Setting], call: str
) -> None:
    for turns in range(20):  # the works that calls share run in tasks of their own, which have turns of their own
        made = setting()
        await cancelled_after(CALLS[call](made.cache), turns)
        await made.check()


async def test_of_put_many_all_is_stored_or_nothing_however_it_is_cancelled(setting: Callable[[], Setting]) -> None:
    for place in range(1, MOST_PLACES):
        made = setting()
        was_cancelled = await cancelled_at(CALLS["put_many"](made.cache), place)
        while made.cache._core.journal._pending or made.cache._core.journal._driven:
            await asyncio.sleep(0)
        await asyncio.to_thread(made.cache._core.journal.flush)
        stored = {query for query in made.cache.list_queries() if query.startswith("new")}
        assert stored in (set(), {"new", "newer"})
        await made.cache.close()
        if not was_cancelled:
            break
