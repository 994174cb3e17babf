"""From a cache to an archive."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from mneme.errors import CheckpointError, InvalidArgumentError
from mneme.model import StoredEntry
from mneme.runtime.checkpoint.layout import (
    ENTRIES,
    MANIFEST,
    MAX_LINE_BYTES,
    VECTORS,
    Manifest,
    Member,
    encode_entry,
    encode_manifest,
)
from mneme.stores.base import KEY_MARKS, Cursor, Identity, Put, SnapshotStore, Store
from mneme.stores.sqlite.replacing import sync_directory

if TYPE_CHECKING:
    from mneme.runtime.core import Core
    from mneme.stores.encrypted import EncryptedStore

COPY_BYTES = 1_048_576


def dump(core: Core, dest: str | PathLike[str] | BinaryIO, in_clear: bool = False) -> None:
    """Write every entry to the archive `dest`: a path, which appears whole with mode 0600, or a binary file.

    The archive of an encrypted store is encrypted with its keys, unless it is to be `in_clear`. Writers are not held
    up. Raises CheckpointError for a store that has no snapshots, when `dest` cannot be written, and for one to be
    `in_clear` without the keys.
    """
    store = core.store
    if in_clear and core.identity.is_sealed:
        raise CheckpointError(
            "the cache is encrypted, and an archive in clear takes its keys. Give them: encryption=, --keys FILE."
        )
    if not isinstance(store, SnapshotStore):
        raise CheckpointError(
            f"the store {store.name!r} cannot be read as a whole while it is written, so it cannot be dumped. "
            "Use a cache with a path, or copy the entries to one."
        )
    if not isinstance(dest, str | PathLike) and not hasattr(dest, "write"):
        raise InvalidArgumentError(f"dest is of type {type(dest).__name__}; it is a path or a binary file to write to.")
    core.journal.flush()
    try:
        if not isinstance(dest, str | PathLike):
            _write(store, core.identity, dest, None, in_clear)
            return
        path = Path(dest)
        if path.exists() and _is_in_use(path, store):
            raise CheckpointError(f"{path} is the cache itself. Choose another path for the archive.")
        _write_whole(store, core.identity, path, in_clear)
    except OSError as error:
        raise CheckpointError(f"the archive {dest!s} could not be written: {error.strerror or error}.") from error


def _is_in_use(path: Path, store: Store) -> bool:
    own = getattr(store, "path", None)
    files = [] if own is None else [Path(f"{own}{suffix}") for suffix in ("", "-wal", "-shm")]
    return any(file.exists() and path.samefile(file) for file in files)


def _write_whole(store: SnapshotStore, identity: Identity, path: Path, in_clear: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(store, identity, file, path.parent, in_clear)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105  # says that an existing file is replaced
        sync_directory(path.parent)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _write(
    store: SnapshotStore, identity: Identity, file: BinaryIO | IO[bytes], scratch: Path | None, in_clear: bool
) -> None:
    """Write the archive; `scratch` is where the vectors wait for the last entry, a zip file being written in order."""
    with tempfile.TemporaryFile(dir=scratch) as waiting, ZipFile(file, "w", ZIP_STORED) as archive:
        number, lines, vectors = 0, _Sum(), _Sum()
        with closing(store.snapshot()) as snapshot, archive.open(ENTRIES, "w", force_zip64=True) as member:
            held, identity = _as_kept(snapshot, identity, in_clear)
            keys = _marks(held)
            for entry in _entries(held):
                member.write(lines.add(_line(entry)))
                vector = entry.embedding if identity.is_sealed else _little_endian(entry.embedding)
                waiting.write(vectors.add(vector))
                number += 1
            keys |= _marks(held)  # of keys that came while it was read
        waiting.seek(0)
        with archive.open(VECTORS, "w", force_zip64=True) as member:
            shutil.copyfileobj(waiting, member, COPY_BYTES)
        manifest = Manifest(identity, number, {ENTRIES: lines.member(), VECTORS: vectors.member()}, keys)
        archive.writestr(MANIFEST, encode_manifest(manifest))


def _as_kept(snapshot: Store, identity: Identity, in_clear: bool) -> tuple[Store, Identity]:
    """Return the store to write, and what it is bound to: that under an encrypted one, unless it is to be in clear."""
    if in_clear or not getattr(snapshot, "is_encrypted", False):
        return snapshot, identity
    return cast("EncryptedStore", snapshot).store, identity.sealed()


def _entries(store: Store) -> Iterator[StoredEntry]:
    """Yield each entry once; two keys may each have sealed one of the same question, of which the newer counts."""
    newest = {entry.query_hash: entry.id for entry in _all(store)} if getattr(store, "is_encrypted", False) else None
    for entry in _all(store):
        if newest is None or newest.get(entry.query_hash, entry.id) <= entry.id:
            yield entry


def _all(store: Store) -> Iterator[StoredEntry]:
    for changes, _ in store.pull(Cursor(0, 0)):
        for change in changes:
            if isinstance(change, Put):
                yield change.entry


def _marks(store: Store) -> dict[str, int]:
    """Return the marks of the keys that the entries of a store need, as it counts them."""
    return {name: count for (space, name), count in store.counters().items() if space == KEY_MARKS and count}


def _line(entry: StoredEntry) -> bytes:
    line = encode_entry(entry)
    if len(line) > MAX_LINE_BYTES:
        raise CheckpointError(
            f"the entry {entry.query_hash} takes {len(line):,} bytes, an archive holds entries of up to "
            f"{MAX_LINE_BYTES:,}. Delete it first."
        )
    return line


def _little_endian(embedding: bytes) -> bytes:
    return embedding if sys.byteorder == "little" else np.frombuffer(embedding, np.float32).astype("<f4").tobytes()


class _Sum:
    """Length and checksum of what passes through."""

    def __init__(self) -> None:
        self._bytes = 0
        self._digest = sha256()

    def add(self, data: bytes) -> bytes:
        self._bytes += len(data)
        self._digest.update(data)
        return data

    def member(self) -> Member:
        return Member(self._bytes, self._digest.hexdigest())
