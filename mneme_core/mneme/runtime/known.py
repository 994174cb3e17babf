"""What a cache says of itself, from memory: counts, health, its namespaces and queries."""

from __future__ import annotations

from mneme.engine.freshness import is_expired
from mneme.engine.spending import saved_usage
from mneme.errors import CorruptCacheError, InvalidArgumentError
from mneme.indexes.quantize import BYTES_PER_NUMBER
from mneme.model import Health, Stats
from mneme.prices import savings
from mneme.runtime import scope as scopes
from mneme.runtime.core import Core


class Known:
    """What is known of a cache without waiting for anything."""

    _core: Core
    _reads_store = False
    """Whether what is never awaited may read the store all the same."""

    def stats(self, *, namespace: str | None = None) -> Stats:
        """Return counts of a namespace, or of all, or those of the scope around; answered from memory.

        The sync facade applies what other processes wrote first, where that does not wait; the async one does not.
        """
        core = self._core
        self._look()
        namespace = self._scoped(namespace)
        entries = core.entries(namespace)
        with core.table.lock:
            core.table.uses.settle()
            counts = core.counters.of(namespace)
            tallies = core.counters.tallies(namespace)
        index = core.index
        saved_microseconds = counts.pop("saved_microseconds")
        saved = savings(saved_usage(tallies), core.options.prices)
        return Stats(
            namespace=namespace,
            entries=entries,
            **counts,
            embedder_fingerprint=core.identity.fingerprint,
            vector_dtype=index.dtype,
            memory_bytes_estimate=entries * core.identity.dim * BYTES_PER_NUMBER[index.dtype],
            index_memory_bytes=index.memory_bytes,
            index_tombstone_count=index.tombstones,
            saved_seconds=saved_microseconds / 1e6,
            saved_input_tokens=sum(each.usage.input_tokens for each in saved),
            saved_output_tokens=sum(each.usage.output_tokens for each in saved),
            saved_cost=None if core.options.prices is None else sum(each.cost or 0.0 for each in saved),
            savings=saved,
            resident_bytes=core.resident_bytes,
        )

    def health(self) -> Health:
        """Return what is known of the cache, as up to date as `stats`; answered from memory."""
        core = self._core
        self._look()
        sizes = core.sizes()
        with core.table.lock:
            oldest = next(iter(core.table.by_key.values()), None)
        return Health(
            healthy=core.error is None,
            schema_version=core.store.schema_version,
            integrity_ok=not isinstance(core.error, CorruptCacheError),
            embedder_fingerprint_match=True,
            entries=sum(sizes.values()),
            namespaces=len(sizes),
            oldest_entry_age_seconds=None if oldest is None else max(0.0, core.clock() - oldest.created_at),
            index_backend=core.index.name,
            store_backend=core.store.name,
            vector_dtype=core.index.dtype,
            multi_process_mode=core.options.multi_process_mode,
        )

    def list_namespaces(self) -> list[str]:
        """Return the namespaces that have entries, sorted, as up to date as `stats`; answered from memory."""
        self._look()
        return sorted(self._core.sizes())

    def list_queries(self, *, namespace: str = "default") -> list[str]:
        """Return the queries of a namespace's entries that are fresh, as they were put; answered from memory.

        A scope's namespace stands in for the default one. Entries that differ in `vary` alone are each listed. As up
        to date as `stats`.
        """
        core = self._core
        self._look()
        namespace = (self._scoped(None) or namespace) if namespace == "default" else namespace
        now = core.clock()
        fresh = (record for record in core.records(namespace) if not is_expired(record.created_at, record.ttl, now))
        return [query for _, query in core.texts.queries(fresh)]

    def _look(self) -> None:
        """Apply what others wrote, where nothing has to be waited for and this facade may read the store."""
        self._core.check_open()
        if self._reads_store:
            self._core.look()

    def _scoped(self, namespace: str | None) -> str | None:
        """Return a namespace, or that of the scope around."""
        scope = scopes.scope_of(self._core) if namespace is None else None
        return namespace if scope is None else scope.namespace

    def _check_unscoped(self) -> None:
        """Raise InvalidArgumentError where a scope says which namespace is meant."""
        namespace = self._scoped(None)
        if namespace is not None:
            raise InvalidArgumentError(
                f"clear() removes every namespace, and the scope around is that of {namespace!r}. Call "
                f"clear_namespace({namespace!r}), or clear() outside the scope."
            )
