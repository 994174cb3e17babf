"""Finds an embedder named on a command line."""

from __future__ import annotations

import importlib
import inspect
from functools import reduce
from typing import Any

from mneme.embedders.adapters import to_sync_embedder
from mneme.embedders.base import Embedder
from mneme.errors import InvalidArgumentError


def load_embedder(target: str) -> Embedder:
    """Return the embedder that `module:attribute` names: an object, or a class or function that makes one.

    An async embedder is wrapped. ImportError and AttributeError pass through.
    Raises InvalidArgumentError when the text or what it names is no embedder, and where making it failed.
    """
    module, _, path = target.partition(":")
    if not (module and path):
        raise InvalidArgumentError(f"{target!r} does not name an embedder; write it as module:attribute.")
    try:
        found: Any = reduce(getattr, path.split("."), importlib.import_module(module))
        if inspect.isclass(found) or (callable(found) and not hasattr(found, "embed")):
            found = found()
    except (ImportError, AttributeError):
        raise
    except Exception as error:  # of a module and a function of the user's
        raise InvalidArgumentError(f"{target} could not be made: {type(error).__name__}: {error}.") from error
    if not isinstance(found, Embedder):
        raise InvalidArgumentError(f"{target} is {found!r}; an embedder has `dim`, `fingerprint` and `embed(text)`.")
    return to_sync_embedder(found)
