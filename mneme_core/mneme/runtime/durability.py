"""What a put that returned survives: asked of the store, or left to a thread that writes behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mneme.errors import InvalidArgumentError, MnemeError
from mneme.model import Durability
from mneme.observe.events import Events
from mneme.stores.base import Store

if TYPE_CHECKING:
    from mneme.stores.deferred import DeferredStore


def durable(store: Store, durability: Durability, events: Events) -> tuple[Store, DeferredStore | None]:
    """Return the store that writes as durably as asked, and once more if it writes later.

    Raises InvalidArgumentError for a store that cannot do that.
    """
    known = getattr(store, "durabilities", ("normal",))
    if durability not in known:
        raise InvalidArgumentError(
            f"durability is {durability!r}, which the store {store.name!r} does not have: it has {', '.join(known)}. "
            "Leave durability out, or keep the cache in a SQLite file."
        )
    if durability == "normal" or not store.blocking:  # what is in memory alone is as durable as it gets
        return store, None
    store.sync()  # type: ignore[attr-defined]  # the method of stores that name more than "normal"
    if durability == "full":
        return store, None
    from mneme.stores.deferred import DeferredStore

    def tell(waiting: int, error: MnemeError) -> None:
        if events.heard:
            events.emit("write_failed", count=waiting, error=type(error).__name__)

    deferred = DeferredStore(store, tell)
    return deferred, deferred
