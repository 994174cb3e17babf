"""Writing behind the caller's back: what `durability="deferred"` puts over a store."""

from mneme.stores.deferred.store import DeferredStore

__all__ = ["DeferredStore"]
