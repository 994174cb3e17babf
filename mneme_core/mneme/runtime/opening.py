"""From a URL to a store."""

from __future__ import annotations

import difflib
from dataclasses import fields
from os import PathLike
from typing import TYPE_CHECKING, Any

from mneme.engine.guarded import Guarded
from mneme.engine.likeness import calibration_for
from mneme.errors import InvalidArgumentError
from mneme.runtime.options import PARTS_OF_A_POLICY, Options, two_judges
from mneme.stores.base import Store

if TYPE_CHECKING:
    from mneme.stores.encrypted import Keys

_OPTIONS = frozenset(each.name for each in fields(Options))


def careful(options: dict[str, Any], embedder: Any) -> dict[str, Any]:
    """Return the options of a cache opened by URL: judged by `Guarded` unless they name a policy, as fits the embedder.

    A threshold and what concerns the confidence are the guard's then. Raises InvalidArgumentError for both.
    """
    for name in options:
        if name not in _OPTIONS:
            near = difflib.get_close_matches(name, _OPTIONS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(sorted(_OPTIONS))}."
            raise TypeError(f"open() got an unexpected option {name!r}; {hint}")
    given = {name: value for name, value in options.items() if name in PARTS_OF_A_POLICY}
    if options.get("policy") is not None:
        if given:
            raise two_judges(given)
        return options
    calibration = calibration_for(str(getattr(embedder, "fingerprint", "")))
    parts = {PARTS_OF_A_POLICY[name]: value for name, value in given.items()}
    others = {name: value for name, value in options.items() if name not in given}
    return {**others, "policy": Guarded(calibration=calibration, **parts)}


def store_of(url: str | PathLike[str], encryption: Keys | None = None) -> Store:
    """Return the store of a URL or path, with keys the encrypted one over it.

    "sqlite:///relative.db", "sqlite:////absolute.db" or a bare path; "memory:"; "scheme://…" of a plugin.
    Raises InvalidArgumentError or PluginError for what names no store, ImportError naming the extra for encryption.
    """
    return encrypted(_store_of(url), encryption)


def encrypted(store: Store, keys: Keys | None) -> Store:
    """Return the encrypted store over this one; without keys, this one. Raises ImportError naming the extra."""
    if keys is None:
        return store
    from mneme.stores.encrypted import EncryptedStore

    return EncryptedStore(store, keys)


def _store_of(url: str | PathLike[str]) -> Store:
    if not isinstance(url, str | PathLike) or not str(url):
        raise InvalidArgumentError(f'url is {url!r}; it is a path, "sqlite:///cache.db" or "memory:".')
    if url in ("memory", ":memory:"):
        raise InvalidArgumentError(
            f'url is {url!r}; a cache in memory is "memory:". For a file of that name give "./{url}".'
        )
    scheme, colon, _ = str(url).partition(":")
    # One letter before a colon is a Windows drive.
    if not colon or len(scheme) == 1 or "/" in scheme or isinstance(url, PathLike):
        from mneme.stores.sqlite import SQLiteStore

        return SQLiteStore(url)
    from mneme.plugins import store_for

    return store_for(scheme).factory(str(url))


def embedder_or_default(embedder: Any) -> Any:
    """Return `embedder`, or the bundled one; raises ImportError naming the extra where that is not installed."""
    if embedder is not None:
        return embedder
    from mneme.embedders import default_embedder

    return default_embedder()
