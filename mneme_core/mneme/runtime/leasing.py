"""Single flight across processes: who, of those over one store, computes an answer."""

from __future__ import annotations

import logging
import math
import random
import secrets
import threading
import time
from contextlib import suppress

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
    """The leases this cache holds; one thread renews them and gives them back. wait: seconds to wait for others."""

    def __init__(self, store: LeaseStore, wait: float) -> None:
        self.store = store
        self.wait = wait
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, float]] = {}
        """Key -> owner, and when it was last known to be the owner's, as `time.monotonic` counts."""
        self._ended: list[tuple[str, str]] = []
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()

    def hold(self, key: str, owner: str, asked: float) -> None:
        """Renew a lease from now on. asked: when it was asked for, which is when it began at the earliest."""
        with self._lock:
            self._held[key] = (owner, asked)
            self._run()

    def end(self, key: str, owner: str) -> None:
        """Give a lease back, soon; waits for nothing."""
        with self._lock:
            self._held.pop(key, None)
            self._ended.append((key, owner))
            self._run()
        self._woken.set()

    def is_here(self, key: str) -> bool:
        """Return whether somebody in this cache has the lease: a call that waits for itself, or two for each other."""
        with self._lock:
            return key in self._held

    def is_fresh(self, key: str) -> bool:
        """Return whether a lease was renewed so lately that nobody else can have had it."""
        with self._lock:
            return key in self._held and time.monotonic() - self._held[key][1] < LEASE_SECONDS

    def stop(self) -> None:
        """Give everything back; waits for the store."""
        with self._lock:
            self._ended += [(key, owner) for key, (owner, _) in self._held.items()]
            self._held.clear()
            keeper = self._thread
        self._woken.set()
        if keeper is not None and keeper is not threading.current_thread():
            keeper.join()  # it may be renewing one that is given back here
        self._give_back()

    def after_fork(self) -> None:
        """Leave the parent's leases to the parent."""
        self._lock, self._woken = threading.Lock(), threading.Event()
        self._held, self._ended, self._thread = {}, [], None

    def _run(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._keep, name="mneme-leases", daemon=True)
            # There may be no more threads, as while the interpreter ends: a lease runs out by itself.
            with suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def _keep(self) -> None:
        while True:
            self._woken.wait(LEASE_SECONDS / RENEWALS)
            self._woken.clear()
            self._give_back()
            with self._lock:
                held = dict(self._held)
                if not held and not self._ended:
                    self._thread = None
                    return
            for key, (owner, _) in held.items():
                self._prolong(key, owner)

    def _give_back(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        for key, owner in ended:
            try:
                self.store.release(key, owner)
            except MnemeError as error:
                _log.debug("a lease could not be given back, it runs out: %s", error)

    def _prolong(self, key: str, owner: str) -> None:
        with self._lock:
            if key not in self._held:  # given back meanwhile, by this very thread when it comes to it
                return
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
    if math.isinf(wait):
        raise InvalidArgumentError(
            "flight_wait has no end; it is a number of seconds: nobody waits for ever for another."
        )
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
        self._lock = threading.Lock()
        self._is_held = self._is_over = False

    def take(self) -> bool:
        """Return whether the caller may compute: it has the lease, it waited long enough, or there are no leases."""
        if self._leases.is_here(self._key):
            return True
        asked = time.monotonic()
        try:
            is_held = self._leases.store.lease(self._key, self._owner, LEASE_SECONDS)
        except MnemeError as error:
            _log.warning("no lease could be had; computed without: %s", error)
            return True
        if is_held:
            self._got(asked)
            return True
        if time.monotonic() >= self._end:
            _log.info("another process took longer than %s s for an answer; computed here too", self._leases.wait)
            return True
        longest = min(FIRST_PAUSE * 2**self._tries, LONGEST_PAUSE)
        self.pause = longest * random.uniform(0.75, 1.0)  # noqa: S311  # not all at once
        self._tries = min(self._tries + 1, 16)
        return False

    def _got(self, asked: float) -> None:
        with self._lock:
            if not self._is_over:
                self._is_held = True
                self._leases.hold(self._key, self._owner, asked)
                return
        self._leases.end(self._key, self._owner)  # who asked for it was cancelled meanwhile

    def is_lost(self) -> bool:
        """Return whether another process may have taken over meanwhile, whose answer is the one to store."""
        return self._is_held and not self._leases.is_fresh(self._key)

    def release(self) -> None:
        """Let the next one take its turn; waits for nothing."""
        with self._lock:
            self._is_over = True
            is_held = self._is_held
        if is_held:
            self._leases.end(self._key, self._owner)
