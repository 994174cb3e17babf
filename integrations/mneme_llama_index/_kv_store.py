"""A key-value store over a cache, for LlamaIndex's IngestionCache."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, TypeAlias

from llama_index.core.storage.kvstore.types import DEFAULT_BATCH_SIZE, DEFAULT_COLLECTION, BaseKVStore

from mneme import AsyncSemanticCache, Hit, MnemeError, SemanticCache

# What LlamaIndex keeps under a key: JSON.
Value: TypeAlias = dict[str, Any]

_log = logging.getLogger("mneme.llama_index")


class MnemeKVStore(BaseKVStore):
    """Keeps LlamaIndex's values in a cache, each under its very key: `IngestionCache(cache=MnemeKVStore(cache))`.

    A collection is the namespace `{namespace}/{collection}`. ttl: seconds.
    What cannot be stored (no JSON, larger than the cache's max_response_bytes, a failing store) is a WARNING on the
    logger `mneme.llama_index` and is not there afterwards, as in any cache.
    """

    def __init__(
        self,
        cache: SemanticCache | AsyncSemanticCache,
        *,
        namespace: str = "llama_index",
        ttl: float | None = None,
    ) -> None:
        self._sync, self._async = cache.as_sync(), cache.as_async()
        self._namespace = namespace
        self._ttl = ttl

    def put(self, key: str, val: Value, collection: str = DEFAULT_COLLECTION) -> None:
        """Keep a value in place of what the key had."""
        try:
            self._sync.put(response=json.dumps(val), ttl=self._ttl, **self._place(key, collection))
        except (MnemeError, TypeError, ValueError) as error:
            _not_kept(error)

    async def aput(self, key: str, val: Value, collection: str = DEFAULT_COLLECTION) -> None:
        """Keep a value in place of what the key had."""
        try:
            await self._async.put(response=json.dumps(val), ttl=self._ttl, **self._place(key, collection))
        except (MnemeError, TypeError, ValueError) as error:
            _not_kept(error)

    def put_all(
        self,
        kv_pairs: Sequence[tuple[str, Value]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,  # noqa: ARG002  # the interface's; each value has a key of its own
    ) -> None:
        """Keep several values."""
        for key, value in kv_pairs:
            self.put(key, value, collection)

    async def aput_all(
        self,
        kv_pairs: Sequence[tuple[str, Value]],
        collection: str = DEFAULT_COLLECTION,
        batch_size: int = DEFAULT_BATCH_SIZE,  # noqa: ARG002
    ) -> None:
        """Keep several values."""
        for key, value in kv_pairs:
            await self.aput(key, value, collection)

    def get(self, key: str, collection: str = DEFAULT_COLLECTION) -> Value | None:
        """Return a key's value as an object of the caller's own, or None."""
        try:
            return _value(self._sync.get(**self._place(key, collection)))
        except MnemeError as error:
            _log.warning("a value could not be read: %s: %s", type(error).__name__, error)
            return None

    async def aget(self, key: str, collection: str = DEFAULT_COLLECTION) -> Value | None:
        """Return a key's value as an object of the caller's own, or None."""
        try:
            return _value(await self._async.get(**self._place(key, collection)))
        except MnemeError as error:
            _log.warning("a value could not be read: %s: %s", type(error).__name__, error)
            return None

    def get_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, Value]:
        """Return every value of a collection by its key."""
        found = {key: self.get(key, collection) for key in self._keys(collection)}
        return {key: value for key, value in found.items() if value is not None}

    async def aget_all(self, collection: str = DEFAULT_COLLECTION) -> dict[str, Value]:
        """Return every value of a collection by its key."""
        found = {key: await self.aget(key, collection) for key in self._keys(collection)}
        return {key: value for key, value in found.items() if value is not None}

    def delete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """Remove a key; return whether it was there."""
        place = self._place(key, collection)
        return self._sync.delete(key, namespace=place["namespace"], vary=place["vary"])

    async def adelete(self, key: str, collection: str = DEFAULT_COLLECTION) -> bool:
        """Remove a key; return whether it was there."""
        place = self._place(key, collection)
        return await self._async.delete(key, namespace=place["namespace"], vary=place["vary"])

    def _keys(self, collection: str) -> list[str]:
        return self._sync.list_queries(namespace=f"{self._namespace}/{collection}")

    def _place(self, key: str, collection: str) -> dict[str, Any]:
        # The key in `vary` as well: a query is compared without regard to case and white space.
        return {"query": key, "namespace": f"{self._namespace}/{collection}", "vary": {"key": key}, "mode": "exact"}


def _value(hit: Hit | None) -> Value | None:
    if hit is None:
        return None
    value = json.loads(hit.response)
    return value if isinstance(value, dict) else None


def _not_kept(error: Exception) -> None:
    _log.warning("a value was not kept: %s: %s", type(error).__name__, error)
