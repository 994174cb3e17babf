"""Moves a cache to another embedding model: the answers stay, the vectors are made anew."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice

from mneme.embedders.base import AsyncBatchEmbedder, AsyncEmbedder, Embedder
from mneme.errors import InvalidArgumentError
from mneme.model import StoredEntry
from mneme.tools.embedding import aembed_each, embed_each, positive
from mneme.tools.progress import Progress, reporting
from mneme.tools.transfer import FilePath, Transfer

logger = logging.getLogger("mneme.tools")

__all__ = ["areembed", "reembed"]

WHAT = "re-embedding"


def reembed(
    source_path: FilePath,
    dest_path: FilePath,
    new_embedder: Embedder,
    *,
    batch_size: int = 64,
    progress: bool | Progress = False,
    namespaces: Iterable[str] | None = None,
) -> int:
    """Copy a SQLite cache into a new file with the vectors of `new_embedder`; return the number of entries.

    Entries keep everything but their vectors; counters start at zero. The source stays as it is, and the
    destination appears when it is whole: an interrupted run leaves none. What others write to the source
    meanwhile is not copied. An entry whose text the new embedder refuses with InvalidArgumentError is kept
    for exact hits alone, and a WARNING counts them.

    source_path, dest_path: `mneme.tools.looking.Keyed` for an encrypted one; the copy of an encrypted one is encrypted.
    batch_size: texts a call, where the embedder has `embed_many`, and entries a transaction.
    progress: True for a bar on stderr, or a function of (done, total).
    namespaces: copy these alone.
    Raises FileNotFoundError when the source is missing; InvalidArgumentError, a ValueError, when the paths do
    not differ, the destination has entries, or would hold in clear what was encrypted; EncryptionError for an
    encrypted one without its keys; EmbedderMismatchError or EmbedderDimensionError when the
    destination is of another embedder; whatever the embedder raises.
    """
    if inspect.iscoroutinefunction(new_embedder.embed):
        raise InvalidArgumentError("this embedder is async; use areembed, or wrap it with mneme.to_sync_embedder.")
    size = positive(batch_size, "batch_size")
    tally = _Tally()
    transfer = Transfer(source_path, dest_path, new_embedder.fingerprint, new_embedder.dim, namespaces)
    with closing(transfer), reporting(progress, WHAT) as report:
        transfer.open()
        total = transfer.count() if report else 0
        with closing(transfer.entries()) as entries:
            while batch := _take(entries, size):
                vectors = embed_each(transfer.texts(batch), new_embedder, size)
                transfer.write(batch, tally.spread(batch, vectors))
                if report:
                    report(tally.entries, total)
        tally.check()
        transfer.finish()
    return tally.entries


async def areembed(
    source_path: FilePath,
    dest_path: FilePath,
    new_embedder: AsyncEmbedder,
    *,
    batch_size: int = 64,
    progress: bool | Progress = False,
    namespaces: Iterable[str] | None = None,
    concurrency: int = 8,
) -> int:
    """Do what `reembed` does, with up to `concurrency` calls of the embedder under way at a time.

    Files are read and written in a thread of their own. A cancelled run leaves no half destination either.
    """
    size, parallel = positive(batch_size, "batch_size"), positive(concurrency, "concurrency")
    window = size * parallel if isinstance(new_embedder, AsyncBatchEmbedder) else size
    tally = _Tally()
    transfer = Transfer(source_path, dest_path, new_embedder.fingerprint, new_embedder.dim, namespaces)
    entries = transfer.entries()
    # One thread for all: SQLite's transactions and the store's lock belong to a thread.
    thread = ThreadPoolExecutor(1, thread_name_prefix="mneme-reembed")
    run = partial(asyncio.get_running_loop().run_in_executor, thread)
    with reporting(progress, WHAT) as report:
        try:
            await run(transfer.open)
            total = await run(transfer.count) if report else 0
            while batch := await run(_take, entries, window):
                vectors = await aembed_each(transfer.texts(batch), new_embedder, size, parallel)
                await run(transfer.write, batch, tally.spread(batch, vectors))
                if report:
                    report(tally.entries, total)
            tally.check()
            await run(transfer.finish)
        finally:
            # Queued behind whatever a cancellation left running.
            closed = asyncio.gather(run(entries.close), run(transfer.close))
            thread.shutdown(wait=False)
            await closed
    return tally.entries


class _Tally:
    """Counts what was copied and what the new embedder refused."""

    def __init__(self) -> None:
        self.entries = self.searchable = self.refused = 0

    def spread(self, entries: Sequence[StoredEntry], vectors: Sequence[bytes]) -> list[bytes]:
        """Return one embedding an entry: the next of `vectors`, or none where it had none."""
        self.entries += len(entries)
        self.searchable += len(vectors)
        self.refused += vectors.count(b"")
        following = iter(vectors)
        return [next(following) if entry.embedding else b"" for entry in entries]

    def check(self) -> None:
        """Raise InvalidArgumentError when every text was refused; warn when some were."""
        if not self.refused:
            return
        what = f"the new embedder refused {self.refused} of {self.searchable} texts"
        if self.refused == self.searchable:
            raise InvalidArgumentError(f"{what}; nothing was written. Does it work on one of them?")
        logger.warning("%s; their entries are kept for exact hits alone", what)


def _take(entries: Iterator[StoredEntry], count: int) -> list[StoredEntry]:
    return list(islice(entries, count))
