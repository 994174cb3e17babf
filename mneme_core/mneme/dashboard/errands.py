"""What takes long, done beside the pages that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final

# For a page that never asked again, as its reader left.
KEPT_SECONDS: Final = 60.0


class Errands:
    """Each is done once, however often it is asked for meanwhile, and handed over once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, tuple[float, Future[Any]]] = {}

    def ask(self, what: Hashable, work: Callable[[], Any], patience: float | None) -> tuple[Any, float | None]:
        """Return what `work` returns, and None; or None, and for how many seconds it has been under way.

        what: names the errand. patience: seconds to wait for it; None has no end. Raises what `work` raises.
        """
        with self._lock:
            if what not in self._under_way:
                self._begin(what, work)
            began, future = self._under_way[what]
        try:
            found = future.result(patience)
        except BaseException:
            if not future.done():
                return None, time.monotonic() - began
            self._end(what, future)
            raise
        self._end(what, future)
        return found, None

    def _begin(self, what: Hashable, work: Callable[[], Any]) -> None:
        now = time.monotonic()
        for each, (began, future) in list(self._under_way.items()):
            if future.done() and now - began > KEPT_SECONDS:
                del self._under_way[each]
        future = Future[Any]()
        self._under_way[what] = now, future
        threading.Thread(target=_run, args=(work, future), name="mneme-dashboard-errand", daemon=True).start()

    def _end(self, what: Hashable, future: Future[Any]) -> None:
        with self._lock:
            if self._under_way.get(what, (0.0, None))[1] is future:
                del self._under_way[what]


def _run(work: Callable[[], Any], future: Future[Any]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # raised where it is waited for
        future.set_exception(error)
