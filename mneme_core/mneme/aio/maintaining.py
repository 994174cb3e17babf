"""What keeps a cache in order: vacuum, compact, flush, archives. The twin of `mneme.sync.maintaining`."""

from __future__ import annotations

from os import PathLike
from typing import BinaryIO

from mneme.aio.waiting import AsyncWaiting
from mneme.runtime import checkpoint, writing
from mneme.runtime.unhurried import BREATH_SECONDS
from mneme.stores.base import Delete


class AsyncMaintaining(AsyncWaiting):
    """Keeps the cache in order."""

    async def vacuum(self, *, namespace: str | None = None, compact: bool = True) -> int:
        """Remove expired entries; return how many. compact: give their room back to the file system too."""
        core = self._core
        core.check_open()
        scanned, number = writing.scan(core, namespace), 0
        while (expired := await self._store(writing.part, scanned)) is not None:
            for start in range(0, len(expired), writing.REMOVED_AT_ONCE):
                removed = expired[start : start + writing.REMOVED_AT_ONCE]
                await self._write([Delete(record.key.hex(), record.id) for record in removed])
                writing.forget_expired(core, removed)
                number += len(removed)
            await self._pause(BREATH_SECONDS)
        if compact:
            await self.compact()
        return number

    async def compact(self) -> int:
        """Give back unused room in memory and in the store; return the number of index tombstones reclaimed."""
        core = self._core
        core.check_open()
        await self._store(core.store.compact)
        return await self._store(core.index.compact)

    async def flush(self) -> None:
        """Wait until all that was put survives a power cut with durability="deferred", else what it survives anyway.

        Access times and counters are written too. Raises StoreBackendError where something cannot be written: it stays
        in memory, is served, and is tried again.
        """
        self._core.check_open()
        await self._store(self._core.flush)

    async def dumps(self, dest: str | PathLike[str] | BinaryIO, *, in_clear: bool = False) -> None:
        """Write every entry to one archive file, mode 0600.

        in_clear: also where the cache is encrypted; its archive is otherwise encrypted with the same keys.
        Raises CheckpointError for a store that cannot be read apart from the cache, such as MemoryStore.
        """
        self._core.check_open()
        await self._run(checkpoint.dump, self._core, dest, in_clear)
