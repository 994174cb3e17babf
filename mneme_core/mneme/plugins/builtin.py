"""What Mneme itself brings, registered as any plugin's; each part is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from mneme.embedders.base import Embedder
from mneme.engine.judge import Policy
from mneme.errors import InvalidArgumentError
from mneme.indexes.base import Index
from mneme.model import VectorDtype
from mneme.plugins.hookspecs import hookimpl
from mneme.plugins.specs import (
    Cache,
    EmbedderSpec,
    IndexSpec,
    IntegrationSpec,
    PolicySpec,
    StoreSpec,
    Undo,
)
from mneme.stores.arguments import options_in
from mneme.stores.base import Store


@hookimpl
def mneme_register_stores(register: Callable[[StoreSpec], None]) -> None:
    register(StoreSpec("memory", ("memory",), _memory))
    register(StoreSpec("sqlite", ("sqlite",), _sqlite))
    register(StoreSpec("postgres", ("postgresql", "postgres"), _postgres))
    register(StoreSpec("redis", ("redis", "rediss"), _redis))


@hookimpl
def mneme_register_indexes(register: Callable[[IndexSpec], None]) -> None:
    register(IndexSpec("numpy", _numpy))
    register(IndexSpec("ann", _ann))
    register(IndexSpec("hnsw", _ann))


@hookimpl
def mneme_register_embedders(register: Callable[[EmbedderSpec], None]) -> None:
    register(EmbedderSpec("minilm", _minilm))


@hookimpl
def mneme_register_policies(register: Callable[[PolicySpec], None]) -> None:
    register(PolicySpec("threshold", _threshold))
    register(PolicySpec("guarded", _guarded))


@hookimpl
def mneme_register_integrations(register: Callable[[IntegrationSpec], None]) -> None:
    register(IntegrationSpec("langchain", _langchain))
    register(IntegrationSpec("llama_index", _llama_index))


def _memory(url: str, **options: Any) -> Store:
    """`memory:`, with the options of MemoryStore."""
    from mneme.stores.memory import MemoryStore

    if url.partition(":")[2].strip("/"):
        raise InvalidArgumentError(f"{url!r} has a path; a store in memory has none: memory:")
    return MemoryStore(**options)


def _sqlite(url: str, **options: Any) -> Store:
    """`sqlite:///relative.db` or `sqlite:////absolute.db`, with the options of SQLiteStore."""
    from mneme.stores.sqlite import SQLiteStore

    start, slashes, path = url.partition(":///")
    if not slashes or not path or "/" in start:
        raise InvalidArgumentError(
            f"{url!r} names no file. Three slashes go before a relative path, four before an absolute one: "
            "sqlite:///cache.db, sqlite:////var/lib/cache.db."
        )
    if "?" in path:
        raise InvalidArgumentError(f"{url!r} has a query; give options as arguments, and write a ? in a name as %3F.")
    return SQLiteStore(unquote(path), **options)


def _postgres(url: str, **options: Any) -> Store:
    """`postgresql://user@host/database?schema=support`, with the options of PostgresStore, in the URL or apart."""
    from mneme.stores.postgres import PostgresStore
    from mneme.stores.postgres.addresses import OPTIONS

    address, options = options_in(url, options, OPTIONS)
    return PostgresStore(address, **options)


def _redis(url: str, **options: Any) -> Store:
    """`redis://host:6379/0?name=support`, with the options of RedisStore, in the URL or apart."""
    from mneme.stores.redis import RedisStore
    from mneme.stores.redis.connecting import OPTIONS

    address, options = options_in(url, options, OPTIONS)
    return RedisStore(address, **options)


def _ann(dim: int, dtype: VectorDtype, options: Mapping[str, Any]) -> Index:
    from mneme.indexes import make_index

    return make_index("ann", dim, dtype, options)


def _numpy(dim: int, dtype: VectorDtype, options: Mapping[str, Any]) -> Index:
    from mneme.indexes import make_index

    return make_index("numpy", dim, dtype, options)


def _minilm() -> Embedder:
    from mneme.embedders import default_embedder

    return default_embedder()


def _threshold(**options: Any) -> Policy:
    from mneme.engine.judge import Threshold

    return Threshold(**options)


def _guarded(**options: Any) -> Policy:
    from mneme.engine.guarded import Guarded

    return Guarded(**options)


def _langchain(cache: Cache) -> Undo:
    from mneme_langchain import activate

    return activate(cache)


def _llama_index(cache: Cache) -> Undo:
    from mneme_llama_index import activate

    return activate(cache)
