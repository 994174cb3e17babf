"""Adding what is newer than what is there, in one transaction of the store under the encrypted one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from mneme.model import StoredEntry
from mneme.stores.base import Cursor, Delete, Store
from mneme.stores.encrypted.keys import Key, Keyring
from mneme.stores.encrypted.rotation import noting
from mneme.stores.encrypted.sealing import seal

# Of who writes and reads nothing: behind every change.
END: Final = Cursor(2**62, 0)


@runtime_checkable
class NewerStore(Store, Protocol):
    """A store that says when entries were created, and puts those alone that are newer."""

    def created(self, keys: Sequence[bytes]) -> Mapping[bytes, float]: ...

    def put_newer(
        self, entries: Sequence[StoredEntry], is_newer: Callable[[StoredEntry, float], bool]
    ) -> Sequence[StoredEntry]: ...


def created(store: NewerStore, ring: Keyring, keys: Sequence[bytes]) -> Mapping[bytes, float]:
    """Return when the entries of these keys were created, whichever key sealed them."""
    names = {each.name_of(key): key for each in (*ring.others(ring.current), ring.current) for key in keys}
    found: dict[bytes, float] = {}
    for name, at in store.created(list(names)).items():
        found[names[name]] = max(at, found.get(names[name], at))
    return found


def put(
    store: NewerStore,
    ring: Keyring,
    entries: Sequence[StoredEntry],
    is_newer: Callable[[StoredEntry, float], bool],
) -> Sequence[StoredEntry]:
    """Put the entries whose key has none yet, or an older one; return those that were put."""
    current = ring.current
    others = ring.others(current)
    held = created(store, ring, [_key(entry) for entry in entries]) if others else {}
    wanted = [entry for entry in entries if _key(entry) not in held or is_newer(entry, held[_key(entry)])]
    by_name = {current.name_of(_key(entry)).hex(): entry for entry in wanted}
    # Noted before: a key that nothing needs does no harm.
    store.write((), END, noting(None, [current.mark]))
    added = store.put_newer(
        [seal(entry, current) for entry in wanted], lambda sealed, at: is_newer(by_name[sealed.query_hash], at)
    )
    chosen = [by_name[sealed.query_hash] for sealed in added]
    _remove(store, chosen, others)
    return chosen


def _remove(store: Store, entries: Sequence[StoredEntry], others: Sequence[Key]) -> None:
    """Remove what other keys sealed of the same questions."""
    names = [other.name_of(_key(entry)) for other in others for entry in entries]
    if names:
        store.write([Delete(name.hex()) for name in names], END)


def _key(entry: StoredEntry) -> bytes:
    return bytes.fromhex(entry.query_hash)
