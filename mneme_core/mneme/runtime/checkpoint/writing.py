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
from typing import IO, TYPE_CHECKING, BinaryIO
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
from mneme.stores.base import Cursor, Identity, Put, SnapshotStore, Store
from mneme.stores.sqlite.replacing import sync_directory

if TYPE_CHECKING:
    from mneme.runtime.core import Core

COPY_BYTES = 1_048_576


def dump(core: Core, dest: str | PathLike[str] | BinaryIO) -> None:
    """Write every entry to the archive `dest`: a path, which appears whole with mode 0600, or a binary file.

    Writers are not held up. Raises CheckpointError for a store that has no snapshots or is encrypted, and when
    `dest` cannot be written.
    """
    store = core.store
    # Under its sealed identity too, where the keys are not known: no archive of sealed rows could be loaded.
    if getattr(store, "is_encrypted", False) or core.identity.is_sealed:
        raise CheckpointError(
            "the store is encrypted, and an archive would hold its entries in clear. Close every cache over it, and "
            "copy its file: that stays encrypted."
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
            _write(store, core.identity, dest, None)
            return
        path = Path(dest)
        if path.exists() and _is_in_use(path, store):
            raise CheckpointError(f"{path} is the cache itself. Choose another path for the archive.")
        _write_whole(store, core.identity, path)
    except OSError as error:
        raise CheckpointError(f"the archive {dest!s} could not be written: {error.strerror or error}.") from error


def _is_in_use(path: Path, store: Store) -> bool:
    own = getattr(store, "path", None)
    files = [] if own is None else [Path(f"{own}{suffix}") for suffix in ("", "-wal", "-shm")]
    return any(file.exists() and path.samefile(file) for file in files)


def _write_whole(store: SnapshotStore, identity: Identity, path: Path) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(store, identity, file, path.parent)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105  # says that an existing file is replaced
        sync_directory(path.parent)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _write(store: SnapshotStore, identity: Identity, file: BinaryIO | IO[bytes], scratch: Path | None) -> None:
    """Write the archive; `scratch` is where the vectors wait for the last entry, a zip file being written in order."""
    with tempfile.TemporaryFile(dir=scratch) as waiting, ZipFile(file, "w", ZIP_STORED) as archive:
        number, lines, vectors = 0, _Sum(), _Sum()
        with closing(store.snapshot()) as snapshot, archive.open(ENTRIES, "w", force_zip64=True) as member:
            for entry in _entries(snapshot):
                member.write(lines.add(_line(entry)))
                waiting.write(vectors.add(_little_endian(entry.embedding)))
                number += 1
        waiting.seek(0)
        with archive.open(VECTORS, "w", force_zip64=True) as member:
            shutil.copyfileobj(waiting, member, COPY_BYTES)
        manifest = Manifest(identity, number, {ENTRIES: lines.member(), VECTORS: vectors.member()})
        archive.writestr(MANIFEST, encode_manifest(manifest))


def _entries(store: Store) -> Iterator[StoredEntry]:
    for changes, _ in store.pull(Cursor(0, 0)):
        for change in changes:
            if isinstance(change, Put):
                yield change.entry


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
