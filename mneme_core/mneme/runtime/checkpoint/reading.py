"""From an archive to a cache file, which appears whole or not at all."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile

from mneme.embedders.base import AsyncEmbedder, Embedder
from mneme.errors import CheckpointError, InvalidArgumentError, MnemeError
from mneme.runtime.checkpoint.archive import Archive
from mneme.runtime.facade import check_embedder
from mneme.runtime.opening import encrypted
from mneme.stores.base import KEY_MARKS, Cursor, Identity, Put, Store, Usage
from mneme.stores.memory import check_identity
from mneme.stores.sqlite import SQLiteStore
from mneme.stores.sqlite.replacing import replace_file

if TYPE_CHECKING:
    from mneme.stores.encrypted import Keys


def load(
    source: str | PathLike[str] | BinaryIO,
    path: str | PathLike[str],
    embedder: Embedder | AsyncEmbedder,
    keys: Keys | None = None,
) -> None:
    """Make the cache file `path` from an archive, in place of what is there.

    The whole archive is checked and a new file made of it before anything at `path` is touched. With keys the file is
    encrypted, if the archive is or not. Raises CheckpointError for an archive that `dump` did not write and for a cache
    that is in use, EmbedderMismatchError and EmbedderDimensionError for one of another embedder, EncryptionError for an
    encrypted one without its keys.
    """
    check_embedder(embedder)
    if not isinstance(source, str | PathLike) and not hasattr(source, "read"):
        raise InvalidArgumentError(
            f"source is of type {type(source).__name__}; it is a path or a binary file to read from."
        )
    target = Path(path).resolve()
    with ExitStack() as cleanup:
        with _refused(f"the archive {source!s}"):
            if isinstance(source, str | PathLike):
                if target.exists() and target.samefile(source):
                    raise CheckpointError(f"{target} is the archive itself. Choose another path for the cache.")
                file: BinaryIO = cleanup.enter_context(Path(source).open("rb"))
            else:
                file = source
            archive = cleanup.enter_context(closing(Archive(file)))
        bound = archive.manifest.identity
        asked = Identity(embedder.fingerprint, embedder.dim, bound.normalize)
        is_sealed_for_keys = bound.is_sealed and keys is not None
        check_identity(bound, asked.sealed() if is_sealed_for_keys else asked, f"the archive {source!s}")
        with _refused(f"a cache at {target}"):
            beside = cleanup.enter_context(TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent))
        new = Path(beside, "cache.db")
        with _refused(f"the archive {source!s}"):
            if keys is None or bound.is_sealed:
                _fill(SQLiteStore(new), bound, archive)
            else:
                _fill(encrypted(SQLiteStore(new), keys), bound, archive)
        if is_sealed_for_keys:
            with closing(encrypted(SQLiteStore(new), keys)) as store:
                store.open(asked)  # which says what keys are missing
        with _refused(f"a cache at {target}"):
            replace_file(new, target)


def identity_of(source: str | PathLike[str]) -> Identity:
    """Return what the cache was bound to of which an archive was made; raises CheckpointError for what is none."""
    with _refused(f"the archive {source!s}"), Path(source).open("rb") as file, closing(Archive(file)) as archive:
        return archive.manifest.identity


def _fill(store: Store, identity: Identity, archive: Archive) -> None:
    with closing(store):
        store.open(identity)
        marks = {(KEY_MARKS, mark): count for mark, count in archive.manifest.keys.items()}
        _, _, cursor = store.write((), Cursor(0, 0), Usage({}, marks))
        for entries in archive.batches():
            _, _, cursor = store.write([Put(entry) for entry in entries], cursor)


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Raise as CheckpointError what reading a hostile or damaged archive can raise."""
    try:
        yield
    except MnemeError:
        raise
    # zipfile raises NotImplementedError for methods it does not know and RuntimeError for encrypted members; deep
    # JSON raises RecursionError, which is one.
    except (BadZipFile, EOFError, LookupError, OSError, OverflowError, RuntimeError, ValueError, struct.error) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CheckpointError(f"{what} cannot be used: {text}. Nothing was changed.") from error
