"""Copies a cache to another place: from a file to Postgres or Redis, back, or from one server to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from mneme.errors import EncryptionError, InvalidArgumentError
from mneme.model import StoredEntry
from mneme.runtime.opening import encrypted, store_of
from mneme.stores.base import BEGINNING, EntryRow, Identity, Put, Store
from mneme.stores.memory import check_identity
from mneme.stores.rows import stored_of
from mneme.tools.keyed import Keyed, keys_of
from mneme.tools.looking.opening import reading, rows_of
from mneme.tools.progress import Progress, reporting

Place: TypeAlias = str | PathLike[str]

# Entries a transaction: a few megabytes.
BATCH = 1_000


def copy(source: Place, dest: Place, *, progress: bool | Progress = False) -> int:
    """Copy the entries of a cache into another, new or filled; return how many were written.

    source, dest: paths or URLs, as `SemanticCache.open` takes them; `mneme.tools.looking.Keyed` for encrypted ones.
    Where both have an entry of one key the newer stays, so that a copy that was interrupted is gone on with by another.
    Entries keep everything; counters start at zero. The source stays as it is, and either may be in use: what is
    written to the source meanwhile may be missing.
    progress: True for a bar on stderr, or a function of (done, total).
    Raises FileNotFoundError when the source is missing; InvalidArgumentError when it holds no cache, when the two do
    not differ, or when questions are told apart in another way there; EncryptionError for an encrypted source without
    its keys; EmbedderMismatchError or EmbedderDimensionError for a destination of another embedder; StoreBackendError.
    """
    if _is_same(source, dest):
        raise InvalidArgumentError("source and destination must differ: both are the same place.")
    with reading(source) as (store, identity), reporting(progress, "copying") as report:
        if identity.is_sealed:
            raise EncryptionError("the source is encrypted. Give its keys: Keyed(place, keys), --keys FILE.")
        held = store_of(dest.url if isinstance(dest, Keyed) else dest)
        if isinstance(source, Keyed) and keys_of(dest) is None:
            raise InvalidArgumentError("the source has keys, and its copy would be in clear: give keys for that too.")
        with closing(encrypted(held, keys_of(dest))) as target:
            _bind(held, target, identity, is_sealed=keys_of(dest) is not None)
            return _copied(store, target, report)


def _is_same(source: Place, dest: Place) -> bool:
    one, other = str(source), str(dest)
    return one == other or ("://" not in one + other and Path(other).exists() and Path(one).samefile(other))


def _bind(held: Store, target: Store, identity: Identity, *, is_sealed: bool) -> None:
    """Open the destination, where it is new or of the same embedder and normalisation."""
    asked = getattr(held, "identity", None)
    bound: Identity | None = None if asked is None else asked()
    if bound is not None:
        check_identity(bound, identity.sealed() if is_sealed else identity, held.name)
        if bound.unsealed().normalize != identity.normalize:
            raise InvalidArgumentError(
                f"the source tells questions apart with normalize={identity.normalize!r}, the destination with "
                f"{bound.normalize!r}. Copy to a new place."
            )
    target.open(identity)


def _copied(store: Store, target: Store, report: Progress | None) -> int:
    there = {row[2]: row[7] for row in rows_of(target)}
    total = sum(1 for _ in rows_of(store)) if report else 0
    done, written, cursor = 0, 0, BEGINNING
    with closing(rows_of(store)) as rows:
        while batch := list(islice(rows, BATCH)):
            wanted = [row for row in batch if there.get(row[2], float("-inf")) < row[7]]
            vectors = store.vectors([row[0] for row in wanted if row[5]])
            puts = [Put(entry) for entry in _entries(wanted, vectors)]
            if puts:
                _, _, cursor = target.write(puts, cursor)
            done, written = done + len(batch), written + len(puts)
            if report:
                report(done, total)
    return written


def _entries(rows: list[EntryRow], vectors: Mapping[int, bytes]) -> Iterator[StoredEntry]:
    for row in rows:
        if not row[5] or row[0] in vectors:  # else it was replaced meanwhile
            yield stored_of(row, vectors.get(row[0], b""))
