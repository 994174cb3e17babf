"""binary-semantic-cache: vectors as 256 bits, compared by how many differ, with its default threshold of them."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.peer.adapter import Adapter, no_async


class LeftOut(MetaPathFinder, Loader):
    """Stands for the modules `src...` that its wheel imports and does not hold; nothing measured here uses them."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] == "src" else None

    def exec_module(self, module: ModuleType) -> None:
        def absent(*_: Any, **__: Any) -> None:
            raise RuntimeError(f"{module.__name__} is not in the wheel.")

        module.__getattr__ = lambda _: absent  # type: ignore[method-assign]  # a module's own hook


sys.meta_path.append(LeftOut())

from binary_semantic_cache import BinarySemanticCache, RustBinaryEncoder  # noqa: E402  # after what it needs


class Binary(Adapter):
    """It keys by the vector alone, in memory; a file is written when it is told to."""

    missing = no_async("it has no async form")

    def __init__(self, place: str, dim: int, asynchronous: bool) -> None:
        del asynchronous
        self._path = Path(place, "saved")
        self._cache = BinarySemanticCache(RustBinaryEncoder(dim, 256, seed=0), max_entries=10**6)
        if any(Path(place).iterdir()):
            self._cache.load_mmap(str(self._path))

    def version(self) -> str:
        return version("binary-semantic-cache")

    def put(self, query: str, response: str, vector: Any) -> None:
        del query
        self._cache.put(vector, response)

    def exact(self, query: str, vector: Any) -> str | None:
        return self.near(query, vector)

    def near(self, query: str, vector: Any) -> str | None:
        del query
        found = self._cache.get(vector)
        return None if found is None else str(found.response)

    async def close(self) -> None:
        self._cache.save_mmap(str(self._path))  # its newer format cannot be read back
