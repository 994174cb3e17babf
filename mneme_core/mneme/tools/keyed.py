"""Where an encrypted cache is, and its keys."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mneme.stores.encrypted import Keys


class Keyed(PathLike[str]):
    """Stands in the place of a path or URL in the functions of `mneme.tools`, with the keys of the cache there.

    keys: a function that returns them, as for `SemanticCache.open`. A cache in clear is read as it is; a file that is
    made is encrypted with the first of them.
    """

    def __init__(self, url: str | PathLike[str], keys: Keys) -> None:
        self.url, self.keys = url, keys

    def __str__(self) -> str:
        """Return the path or URL."""
        return fspath(self.url)

    def __fspath__(self) -> str:
        """Return the path or URL."""
        return fspath(self.url)

    def __repr__(self) -> str:
        """Return the class alone: a URL may hold a password."""
        return "Keyed(…)"


def keys_of(place: str | PathLike[str]) -> Keys | None:
    """Return the keys of a place; None where it has none."""
    return place.keys if isinstance(place, Keyed) else None
