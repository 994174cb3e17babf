"""Single flight across processes: who, of those over one store, computes an answer."""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time

from mneme.errors import InvalidArgumentError, MnemeError
from mneme.stores.base import LeaseStore, Store

_log = logging.getLogger("mneme.cache")

# A lease outlives its holder by so much at most; the holder renews it three times as often.
LEASE_SECONDS = 6.0
RENEWALS = 3
# Between two tries of one who waits: the first comes soon, since many answers take a second.
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25


class Leases:
    """The leases this cache holds, which one thread renews. wait: seconds to wait for another process at most."""

    def __init__(self, store: LeaseStore, wait: float) -> None:
        self.store = store
        self.wait = wait
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, float]] = {}
        """Key -> owner, and when it was last known to be the owner's, as `time.monotonic` counts."""
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()

    def hold(self, key: str, owner: str) -> None:
        """Renew a lease from now on."""
        with self._lock:
            self._held[key] = (owner, time.monotonic())
            if self._thread is None:
                self._woken.clear()
                self._thread = threading.Thread(target=self._renew, name="mneme-leases", daemon=True)
                self._thread.start()

    def is_fresh(self, key: str) -> bool:
        """Return whether a lease was renewed so lately that nobody else can have had it."""
        with self._lock:
            return key in self._held and time.monotonic() - self._held[key][1] < LEASE_SECONDS

    def drop(self, key: str) -> None:
        """Renew a lease no more."""
        with self._lock:
            self._held.pop(key, None)

    def stop(self) -> None:
        """Renew nothing any more."""
        with self._lock:
            self._held.clear()
        self._woken.set()

    def _renew(self) -> None:
        while True:
            self._woken.wait(LEASE_SECONDS / RENEWALS)
            with self._lock:
                held = dict(self._held)
                if not held:
                    self._thread = None
                    return
            for key, (owner, _) in held.items():
                self._prolong(key, owner)

    def _prolong(self, key: str, owner: str) -> None:
        asked = time.monotonic()
        try:
            is_held = self.store.lease(key, owner, LEASE_SECONDS)
        except MnemeError as error:
            _log.debug("a lease could not be renewed: %s", error)
            return
        with self._lock:
            # One that ran out is not held again by asking: another may have had it in between.
            if is_held and key in self._held and asked - self._held[key][1] < LEASE_SECONDS:
                self._held[key] = (owner, asked)


def leases_of(store: Store, wait: float | None) -> Leases | None:
    """Return the leases of a store, where they are wanted; raises InvalidArgumentError where it has none."""
    if wait is None:
        return None
    if not isinstance(store, LeaseStore):
        raise InvalidArgumentError(
            f"flight_wait is {wait!r}, but the store {store.name!r} has no leases. Leave it out, or use another store."
        )
    return Leases(store, wait)


class Turn:
    """One caller's wait for its turn to compute the answer of a key."""

    def __init__(self, leases: Leases, key: str) -> None:
        self._leases = leases
        self._key = key
        self._owner = secrets.token_hex(8)
        self._end = time.monotonic() + leases.wait
        self.pause = FIRST_PAUSE
        """Seconds until the next try."""
        self._tries = 0
        self._is_held = False

    def take(self) -> bool:
        """Return whether the caller may compute: it has the lease, it waited long enough, or there are no leases."""
        try:
            self._is_held = self._leases.store.lease(self._key, self._owner, LEASE_SECONDS)
        except MnemeError as error:
            _log.warning("no lease could be had; computed without: %s", error)
            return True
        if self._is_held:
            self._leases.hold(self._key, self._owner)
            return True
        if time.monotonic() >= self._end:
            _log.info("another process took longer than %s s for an answer; computed here too", self._leases.wait)
            return True
        longest = min(FIRST_PAUSE * 2**self._tries, LONGEST_PAUSE)
        self.pause = longest * random.uniform(0.75, 1.0)  # noqa: S311  # not all at once
        self._tries = min(self._tries + 1, 16)
        return False

    def is_lost(self) -> bool:
        """Return whether another process may have taken over meanwhile, whose answer is the one to store."""
        return self._is_held and not self._leases.is_fresh(self._key)

    def release(self) -> None:
        """Let the next one take its turn."""
        if not self._is_held:
            return
        self._leases.drop(self._key)
        try:
            self._leases.store.release(self._key, self._owner)
        except MnemeError as error:
            _log.debug("a lease could not be given back, it runs out: %s", error)
