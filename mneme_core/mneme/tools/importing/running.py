"""Copies what another cache holds into a Mneme cache, batch by batch."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from os import PathLike
from typing import NamedTuple

from mneme.embedders.base import Embedder
from mneme.errors import EmbedderError, InvalidArgumentError, MnemeError
from mneme.model import StoredEntry
from mneme.stores.base import Identity
from mneme.tools.embedding import embed_each, positive
from mneme.tools.importing.destination import Destination
from mneme.tools.importing.detecting import reader_of
from mneme.tools.importing.drafting import Draft, Drafting
from mneme.tools.importing.found import Item, Skipped
from mneme.tools.importing.report import ImportReport, Tally
from mneme.tools.importing.source import opened
from mneme.tools.progress import Progress, reporting

DEFAULT_NAMESPACE = "default"


def import_entries(
    source: str | PathLike[str],
    dest_path: str | PathLike[str],
    embedder: Embedder,
    *,
    format: str | None = None,
    namespace: str | None = None,
    batch_size: int = 64,
    progress: bool | Progress = False,
    clock: Callable[[], float] = time.time,
) -> ImportReport:
    """Copy the entries of another cache's SQLite file into a Mneme cache, new or filled; return what became of each.

    Entries keep question, answer, and metadata, namespace, times and TTL where the source has them. Vectors are made
    anew unless the source says that they are this embedder's. A question that the cache already answers is left out
    unless the source's answer is known to be newer, so an import that was interrupted can be run again. The source is
    only read, in one state; batches are transactions.

    dest_path: `mneme.tools.looking.Keyed` for a cache that is encrypted, or is to be.
    format: "mneme-cache", "gptcache" or "langchain"; None finds out.
    namespace: where entries go, "default" unless given; for sources that know none.
    batch_size: texts a call, where the embedder has `embed_many`, and entries a transaction.
    progress: True for a bar on stderr, or a function of (done, total).
    Raises FileNotFoundError when the source is missing; InvalidArgumentError, a ValueError, for a file of none of
    these formats or a destination that cannot take it; EmbedderMismatchError or EmbedderDimensionError when the
    destination is of another embedder; EncryptionError when it is encrypted, or is not, against what the keys say;
    EmbedderError when the embedder fails; StoreBackendError when a file fails.
    """
    if inspect.iscoroutinefunction(embedder.embed):
        raise InvalidArgumentError("this embedder is async; wrap it with mneme.to_sync_embedder.")
    size, tally = positive(batch_size, "batch_size"), Tally()
    with opened(source) as db:
        name, reader = reader_of(db, format, embedder)
        if namespace is not None and reader.has_namespaces:
            raise InvalidArgumentError(f"a {name} file has namespaces of its own; leave out namespace={namespace!r}.")
        identity = Identity(embedder.fingerprint, embedder.dim, reader.normalize)
        with closing(Destination(dest_path, source, identity)) as dest, reporting(progress, "importing") as told:
            place = DEFAULT_NAMESPACE if namespace is None else namespace
            drafting = Drafting(normalizes=dest.normalizes, namespace=place, dim=embedder.dim)
            batches = _Batches(dest, drafting, embedder, tally, size)
            total = reader.count() if told else 0
            items = reader.items()
            while batch := list(islice(items, size)):
                batches.take(batch, clock())
                if told:
                    told(tally.read, total)
            return tally.report(name, dest.normalizes)


class _Choice(NamedTuple):
    """The draft of a question, of how many that were found, and how many of them took another's place."""

    draft: Draft
    found: int
    replaced: int


class _Batches:
    def __init__(self, dest: Destination, drafting: Drafting, embedder: Embedder, tally: Tally, size: int) -> None:
        self._dest, self._drafting, self._embedder = dest, drafting, embedder
        self._tally, self._size = tally, size

    def take(self, items: Iterable[Item], now: float) -> None:
        """Write what is new among `items`, and count all."""
        drafts = []
        for item in items:
            self._tally.read += 1
            draft = item if isinstance(item, Skipped) else self._drafting.draft(item, now)
            if isinstance(draft, Skipped):
                self._tally.skip(draft)
            else:
                drafts.append(draft)
        chosen = self._chosen(drafts, now)
        vectors = self._vectors([choice.draft for choice in chosen.values()])
        entries = [choice.draft.entry(vector, now) for choice, vector in zip(chosen.values(), vectors, strict=True)]

        def is_newer(entry: StoredEntry, known: float) -> bool:
            since = chosen[bytes.fromhex(entry.query_hash)].draft.found.created_at
            return since is not None and since > known

        # Somebody may have put an answer while these were embedded.
        written = {entry.query_hash: entry for entry in self._dest.write(entries, is_newer)}
        for key, choice in chosen.items():
            entry = written.get(key.hex())
            if entry is None:
                self._tally.present += choice.found
                continue
            self._tally.imported += choice.found
            self._tally.replaced += choice.replaced
            self._tally.exact_only += not entry.embedding

    def _chosen(self, drafts: list[Draft], now: float) -> dict[bytes, _Choice]:
        """Return one draft a question: the newest answer, where times are known, else the first."""
        created = dict(self._dest.created([draft.request.key for draft in drafts]))
        chosen: dict[bytes, _Choice] = {}
        for draft in drafts:
            key, since = draft.request.key, draft.found.created_at
            known = created.get(key)
            if known is not None and (since is None or since <= known):
                self._tally.present += 1
                continue
            before = chosen.get(key, _Choice(draft, 0, 0))
            chosen[key] = _Choice(draft, before.found + 1, before.replaced + (known is not None))
            created[key] = now if since is None else since
        return chosen

    def _vectors(self, drafts: list[Draft]) -> list[bytes]:
        """Return the drafts' vectors; what has none yet is embedded in one call."""
        texts = [draft.request.text for draft in drafts if draft.vector is None]
        try:
            made = embed_each(texts, self._embedder, self._size) if texts else []
        except MnemeError:
            raise
        except Exception as error:  # the embedder is the user's: it may raise anything
            raise EmbedderError(f"the embedder failed: {type(error).__name__}: {error}. Import again.") from error
        self._tally.vectors_made += len(made) - made.count(b"")
        self._tally.vectors_reused += sum(bool(draft.vector) for draft in drafts)
        following = iter(made)
        return [next(following) if draft.vector is None else draft.vector for draft in drafts]
