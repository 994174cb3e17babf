"""What is kept beside a cache's file."""

from __future__ import annotations

from pathlib import Path

from mneme.indexes import Beside
from mneme.stores.base import Identity, Store


def graphs_beside(store: Store, identity: Identity) -> Beside | None:
    """Return where the graphs of a cache are kept; None for a cache that is in no file, or in an encrypted one.

    A graph holds vectors, from which texts can be guessed.
    """
    path: Path | None = getattr(store, "path", None)
    if path is None or getattr(store, "is_encrypted", False):
        return None
    return Beside(
        Path(f"{path}.graphs").absolute(), identity.fingerprint, writes=not getattr(store, "read_only", False)
    )
