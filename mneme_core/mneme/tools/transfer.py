"""Copies a cache file into another with new vectors; the copy appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from mneme.engine.canonical import canonical_text
from mneme.errors import EncryptionError, InvalidArgumentError, StoreBackendError
from mneme.model import StoredEntry
from mneme.runtime.opening import encrypted
from mneme.stores.base import BEGINNING, Identity, Put, Store
from mneme.stores.memory import check_identity
from mneme.stores.sqlite import SQLiteStore
from mneme.stores.sqlite.reading import check_writable
from mneme.tools.keyed import keys_of

FilePath: TypeAlias = str | PathLike[str]


class Transfer:
    """One copy under way. Blocking; one thread at a time, the same from `open` to `close`.

    The copy is made in a directory of its own beside the destination, which `close` removes.
    """

    def __init__(
        self, source: FilePath, dest: FilePath, fingerprint: str, dim: int, namespaces: Iterable[str] | None
    ) -> None:
        if isinstance(namespaces, str):
            raise InvalidArgumentError(f"namespaces is {namespaces!r}; it is a list of names: [{namespaces!r}].")
        for name, path in (("source", source), ("destination", dest)):
            if "://" in str(path):
                raise InvalidArgumentError(
                    f"the {name} is a URL, whose value is not shown; only SQLite files can be copied. Fill a cache at "
                    "another server from your own data, or from a file."
                )
        self._source_path, self._dest_path = Path(source).resolve(), Path(dest).resolve()
        self._source_keys, self._dest_keys = keys_of(source), keys_of(dest)
        self._fingerprint, self._dim = fingerprint, dim
        self._namespaces = None if namespaces is None else frozenset(namespaces)
        self._cleanup = ExitStack()

    def open(self) -> None:
        """Check both paths, read what the source is bound to, make the empty copy.

        Raises FileNotFoundError for a missing source, InvalidArgumentError for a destination that is the
        source or is in use, EmbedderMismatchError and EmbedderDimensionError for one of another embedder.
        """
        if not self._source_path.is_file():
            raise FileNotFoundError(f"there is no cache at {self._source_path} to read from.")
        if not self._source_path.stat().st_size:  # opened, it would become a cache
            raise InvalidArgumentError(f"{self._source_path} has never held a cache; there is nothing to copy.")
        if not self._dest_path.parent.is_dir():
            raise FileNotFoundError(f"the directory {self._dest_path.parent} does not exist. Create it first.")
        if self._dest_path.exists() and self._source_path.samefile(self._dest_path):
            raise InvalidArgumentError(
                f"source and destination must differ: both are {self._source_path}. Write to a new file."
            )
        check_writable(self._source_path)  # not that anything is: SQLite notes beside it who reads
        file = self._cleanup.enter_context(closing(SQLiteStore(self._source_path)))
        bound = file.identity()
        if bound is None:
            raise InvalidArgumentError(f"{self._source_path} has never held a cache; there is nothing to copy.")
        self._source = self._opened(file, bound)
        self._normalize = bound.normalize
        self._identity = Identity(self._fingerprint, self._dim, bound.normalize)
        self._check_destination()
        beside = TemporaryDirectory(prefix=f".{self._dest_path.name}.", dir=self._dest_path.parent)
        self._copy_path = Path(self._cleanup.enter_context(beside), "copy.db")
        self._copy = self._cleanup.enter_context(closing(encrypted(SQLiteStore(self._copy_path), self._dest_keys)))
        self._copy.open(self._identity)
        self._cursor = BEGINNING

    def _opened(self, file: SQLiteStore, bound: Identity) -> Store:
        """Return the source as its keys open it; raises EncryptionError where they are missing, or not those."""
        if not bound.is_sealed:
            return file
        if self._source_keys is None:
            raise EncryptionError(f"{self._source_path} is encrypted. Give its keys: Keyed(path, keys), --keys FILE.")
        if self._dest_keys is None:
            raise InvalidArgumentError(
                f"{self._source_path} is encrypted, and its copy would be in clear: give keys for that too. "
                "`dump --in-clear` writes what is encrypted in clear."
            )
        source = encrypted(file, self._source_keys)
        source.open(bound.unsealed())
        return source

    def _check_destination(self) -> None:
        if self._dest_path.exists():
            with closing(SQLiteStore(self._dest_path)) as store:
                bound = store.identity()
                if bound is not None:
                    asked = self._identity if self._dest_keys is None else self._identity.sealed()
                    check_identity(bound, asked, str(self._dest_path))
                    if any(isinstance(change, Put) for batch, _ in store.pull(BEGINNING) for change in batch):
                        raise InvalidArgumentError(f"{self._dest_path} already holds entries. Choose a new file.")
        # SQLite would replay a log it finds beside the new file, and bring back what an older file held.
        log = self._dest_path.with_name(self._dest_path.name + "-wal")
        if log.exists():
            raise InvalidArgumentError(
                f"{log} exists: a process has {self._dest_path} open, or died with it open. "
                "Close it, or choose a new file."
            )

    def entries(self) -> Generator[StoredEntry, None, None]:
        """Yield the entries to copy, oldest change first, all from one snapshot of the source."""
        for changes, _ in self._source.pull(BEGINNING):
            for change in changes:
                if isinstance(change, Put) and self._wants(change.entry.namespace):
                    yield change.entry

    def _wants(self, namespace: str) -> bool:
        return self._namespaces is None or namespace in self._namespaces

    def count(self) -> int:
        """Return how many entries `entries` yields; it reads the source once."""
        return sum(1 for _ in self.entries())

    def texts(self, entries: Iterable[StoredEntry]) -> list[str]:
        """Return what the cache embeds for those of `entries` that have a vector.

        Where the cache was opened with a normaliser of the caller's own that is the query as it was put.
        """
        queries = (entry.query for entry in entries if entry.embedding)
        return [canonical_text(query) if self._normalize == "default" else query for query in queries]

    def write(self, entries: Sequence[StoredEntry], embeddings: Sequence[bytes]) -> None:
        """Add entries to the copy, each with its new embedding."""
        puts = [Put(replace(entry, embedding=new)) for entry, new in zip(entries, embeddings, strict=True)]
        _, _, self._cursor = self._copy.write(puts, self._cursor)

    def finish(self) -> None:
        """Put the copy in the destination's place, in one step."""
        self._source.close()
        self._copy.close()
        if Path(f"{self._copy_path}-wal").exists():
            raise StoreBackendError(f"SQLite did not fold the log of {self._copy_path} into it. Try again.")
        self._check_destination()
        os.replace(self._copy_path, self._dest_path)  # noqa: PTH105  # says that an existing file is replaced

    def close(self) -> None:
        """Close both files and remove what is not finished."""
        self._cleanup.close()
