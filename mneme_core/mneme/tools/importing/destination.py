"""The cache file that an import fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mneme.errors import InvalidArgumentError
from mneme.model import StoredEntry
from mneme.runtime.opening import encrypted
from mneme.stores.base import Identity
from mneme.stores.memory import check_identity
from mneme.stores.sqlite import SQLiteStore
from mneme.tools.keyed import keys_of

if TYPE_CHECKING:
    from mneme.stores.encrypted import EncryptedStore


class Destination:
    """A cache file, new or filled, in use or not. Each `write` is a transaction: what it wrote stays."""

    def __init__(self, path: str | PathLike[str], source: str | PathLike[str], identity: Identity) -> None:
        """Open the file, or make it.

        Raises FileNotFoundError when its directory is missing; InvalidArgumentError when it is the source, or makes
        canonical questions as `identity` cannot; EmbedderMismatchError, EmbedderDimensionError, EncryptionError,
        StoreBackendError.
        """
        file = Path(path).resolve()
        if not file.parent.is_dir():
            raise FileNotFoundError(f"the directory {file.parent} does not exist. Create it first.")
        if file.exists() and file.samefile(source):
            raise InvalidArgumentError(f"source and destination must differ: both are {file}.")
        keys, held = keys_of(path), SQLiteStore(file)
        # Either takes the newer of two answers, in one transaction.
        self._store = cast("SQLiteStore | EncryptedStore", encrypted(held, keys))
        try:
            bound = held.identity()
            if bound is not None:
                check_identity(bound, identity if keys is None else identity.sealed(), str(file))
                bound = bound.unsealed()
                _check_normalize(bound.normalize, identity.normalize, file)
                identity = bound
            self._store.open(identity)
        except BaseException:
            self._store.close()
            raise
        self.normalizes = identity.normalize == "default"

    def created(self, keys: Sequence[bytes]) -> Mapping[bytes, float]:
        """Return when the entries of these keys were created; a key without an entry is left out."""
        return self._store.created(keys)

    def write(
        self, entries: Sequence[StoredEntry], is_newer: Callable[[StoredEntry, float], bool]
    ) -> Sequence[StoredEntry]:
        """Add the entries and return those added: not where the cache has an answer, by now, that is as new or newer.

        is_newer: of an entry and when the one that is there was created.
        """
        return self._store.put_newer(entries, is_newer) if entries else ()

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def _check_normalize(bound: str, asked: str, file: Path) -> None:
    if bound == "custom":
        raise InvalidArgumentError(
            f"{file} was opened with a function as normalize=, which it does not remember. Import into a new file."
        )
    if asked == "none" and bound != "none":
        raise InvalidArgumentError(
            f"the source tells questions apart by case and white space, {file} does not. Import into a new file."
        )
