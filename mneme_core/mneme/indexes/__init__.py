"""Vector indexes, and which one a cache gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mneme.errors import IndexBackendUnavailableError, InvalidArgumentError, PluginError
from mneme.indexes import graph
from mneme.indexes.base import Index
from mneme.model import VectorDtype


class Beside(NamedTuple):
    """Where the graphs of a cache in a file may be kept."""

    folder: Path
    identity: str
    """Of the embedder."""
    writes: bool = True


# The same index: "hnsw" is the word of mneme-cache, "ann" that of the extra.
APPROXIMATE = ("ann", "hnsw")


def make_index(
    backend: str,
    dim: int,
    dtype: VectorDtype,
    options: Mapping[str, Any] | None = None,
    beside: Beside | None = None,
) -> Index:
    """Return an empty index.

    "numpy" is the exact one; "ann", or "hnsw", the approximate one, which takes the options `above` (rows from which
    on a partition gets a graph), `recall` and `save`; "auto" the exact one with graphs in very large partitions, where
    usearch is installed. Other names are a plugin's. beside: where graphs are saved, unless `save` is False.
    Raises IndexBackendUnavailableError for a name that nobody registered or a package that is missing,
    InvalidArgumentError for options that are not the index's.
    """
    if backend == "numpy" and options:
        raise InvalidArgumentError(f"index_options {sorted(options)} are unknown; the exact index takes none.")
    if backend in APPROXIMATE:
        graph.check_installed()
        from mneme.indexes.ann import AnnIndex

        return AnnIndex(dim, dtype, **_checked(options or {}, beside))
    if backend == "auto" and graph.is_installed():
        from mneme.indexes.ann import AutoIndex

        return AutoIndex(dim, dtype, **_checked(options or {}, beside))
    if backend in ("auto", "numpy"):
        from mneme.indexes.exact import ExactIndex

        return ExactIndex(dim, dtype)
    from mneme.plugins import IndexSpec, get_plugin_manager

    try:
        spec = get_plugin_manager().find(IndexSpec, backend)
    except PluginError as error:
        raise IndexBackendUnavailableError(
            f'index_backend is {backend!r}: {error} "auto" gives the exact index, whose answers are never approximate.'
        ) from error
    return spec.factory(dim, dtype, options or {})


def _checked(options: Mapping[str, Any], beside: Beside | None) -> Mapping[str, Any]:
    """Return the arguments of an approximate index, or raise InvalidArgumentError."""
    from mneme.indexes.saved import SavedGraphs

    unknown = sorted(set(options) - {"above", "recall", "save"})
    if unknown:
        raise InvalidArgumentError(
            f"index_options {unknown} are unknown; an approximate index takes above, recall and save."
        )
    above, recall, save = options.get("above", 1), options.get("recall", 1), options.get("save", True)
    if isinstance(above, bool) or not isinstance(above, int) or above < 1:
        raise InvalidArgumentError(f"index_options has above={above!r}; it is a whole number of rows from 1 on.")
    if isinstance(recall, bool) or not isinstance(recall, int | float) or not 0 < recall <= 1:
        raise InvalidArgumentError(f"index_options has recall={recall!r}; it is a share above 0, 1 at most.")
    if not isinstance(save, bool):
        raise InvalidArgumentError(f"index_options has save={save!r}; it is True or False.")
    arguments = {name: value for name, value in options.items() if name != "save"}
    if save and beside is not None:
        arguments["saved"] = SavedGraphs(beside.folder, beside.identity, writes=beside.writes)
    return arguments
