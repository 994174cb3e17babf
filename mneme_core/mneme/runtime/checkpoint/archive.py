"""Reading an archive without trusting it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from mneme.model import StoredEntry
from mneme.runtime.checkpoint.layout import (
    ENTRIES,
    MANIFEST,
    MAX_LINE_BYTES,
    MAX_MANIFEST_BYTES,
    VECTORS,
    Manifest,
    decode_entry,
    decode_manifest,
)

CHUNK_BYTES = 1_048_576
BATCH = 1_024
# How far the length of a stored vector may be from 1: float32 rounds by a ten-thousandth of this.
LENGTH_TOLERANCE = 1e-3


class Archive:
    """An archive, opened and its manifest read. Every method raises ValueError for what `dump` does not write.

    Members are not compressed, so none can unpack to more than the file they came in; they are read in pieces.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = ZipFile(file)
        self._check_members()
        self.manifest = self._read_manifest()

    def close(self) -> None:
        """Release the archive; a file that the caller opened stays open."""
        self._zip.close()

    def _check_members(self) -> None:
        members = self._zip.infolist()
        names = sorted(member.filename for member in members)
        if names != sorted((MANIFEST, ENTRIES, VECTORS)):
            raise ValueError(f"it holds {len(names)} files that are not {MANIFEST}, {ENTRIES} and {VECTORS}")
        for member in members:
            if member.compress_type != ZIP_STORED or member.file_size != member.compress_size or member.flag_bits & 1:
                raise ValueError(f"{member.filename} is compressed or encrypted, which an archive never is")

    def _read_manifest(self) -> Manifest:
        with self._zip.open(MANIFEST) as member:
            text = member.read(MAX_MANIFEST_BYTES + 1)
        if len(text) > MAX_MANIFEST_BYTES:
            raise ValueError(f"{MANIFEST} has more than {MAX_MANIFEST_BYTES:,} bytes")
        manifest = decode_manifest(text)
        for name, said in manifest.members.items():
            size = self._zip.getinfo(name).file_size
            if size != said.bytes:
                raise ValueError(f"{name} has {size:,} bytes, its manifest says {said.bytes:,}")
        return manifest

    def batches(self) -> Iterator[list[StoredEntry]]:
        """Yield all entries with their vectors; whoever reads to the end knows that every byte was right."""
        number, keys = 0, set[str]()
        identity = self.manifest.identity
        vectors = _Vectors(self._chunks(VECTORS), identity.dim, sealed=identity.is_sealed)
        batch: list[StoredEntry] = []
        for line in self._lines():
            entry, has_vector = decode_entry(line, sealed=identity.is_sealed)
            batch.append(replace(entry, embedding=vectors.next()) if has_vector else entry)
            keys.add(entry.query_hash)
            number += 1
            if len(batch) == BATCH:
                yield batch
                batch = []
        vectors.check_end()
        if number != self.manifest.entries:
            raise ValueError(f"it holds {number:,} entries, its manifest says {self.manifest.entries:,}")
        if len(keys) != number:
            raise ValueError("it holds two entries of one key")
        yield batch

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks(ENTRIES):
            *lines, rest = (rest + chunk).split(b"\n")
            if max(map(len, [*lines, rest])) > MAX_LINE_BYTES:
                raise ValueError(f"{ENTRIES} has a line of more than {MAX_LINE_BYTES:,} bytes")
            yield from lines
        if rest:
            raise ValueError(f"{ENTRIES} ends inside an entry")

    def _chunks(self, name: str) -> Iterator[bytes]:
        digest = sha256()
        with self._zip.open(name) as member:
            while chunk := member.read(CHUNK_BYTES):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != self.manifest.members[name].sha256:
            raise ValueError(f"{name} is damaged: its sha256 is not that of the manifest")


class _Vectors:
    """Vectors one after the other out of chunks of any length."""

    def __init__(self, chunks: Iterator[bytes], dim: int, *, sealed: bool) -> None:
        self._chunks = chunks
        self._sealed = sealed
        self._row_bytes = 4 * dim
        self._rows: Iterator[bytes] = iter(())
        self._rest = b""

    def next(self) -> bytes:
        """Return the next vector as a store holds it."""
        row = next(self._rows, None)
        while row is None:
            self._rows = self._more()
            row = next(self._rows, None)
        return row

    def _more(self) -> Iterator[bytes]:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise ValueError(f"{VECTORS} ends before the last entry")
        data = self._rest + chunk
        whole = len(data) - len(data) % self._row_bytes
        self._rest = data[whole:]
        rows = range(0, whole, self._row_bytes)
        if self._sealed:  # bytes that no one but the keys can judge
            return (data[start : start + self._row_bytes] for start in rows)
        vectors = np.frombuffer(data[:whole], "<f4").reshape(-1, self._row_bytes // 4)
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not np.all(np.abs(lengths - 1) < LENGTH_TOLERANCE):
            raise ValueError(f"{VECTORS} holds a vector that is not of unit length")
        held = data[:whole] if sys.byteorder == "little" else vectors.astype(np.float32).tobytes()
        return (held[start : start + self._row_bytes] for start in rows)

    def check_end(self) -> None:
        """Raise unless the last vector was given out; reads the rest, so that its checksum is compared."""
        if next(self._rows, None) is not None or self._rest or any(self._chunks):
            raise ValueError(f"{VECTORS} holds more than the vectors of the entries")
