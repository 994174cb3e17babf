"""Telling observers of decisions, and letting them be around steps; whatever they raise stays here."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial, wraps
from types import TracebackType
from typing import Any, Final

from mneme.observe.decisions import STEPS, Decision, StepName, Stepper

_log = logging.getLogger("mneme.metrics")

_NOTHING: Final = nullcontext()
LOOKUPS: Final = ("get", "get_or_compute", "get_or_stream")
"""The methods of a facade that are a lookup each."""


class _Busy(threading.local):
    """Whether this thread is just telling somebody, who may use a cache for that: it is not told of that use."""

    telling = False


BUSY: Final = _Busy()


class Observers:
    """The observers of one cache. Used with no lock held; costs nothing where nobody observes."""

    def __init__(self, observers: Sequence[Any]) -> None:
        self._told: tuple[Callable[[Decision], object], ...] = tuple(
            getattr(observer, "decided", observer) for observer in observers
        )
        self.heard = bool(self._told)
        steppers = [observer for observer in observers if isinstance(observer, Stepper)]
        self._around: dict[StepName, list[Stepper]] = {
            name: [stepper for stepper in steppers if name in stepper.steps] for name in STEPS
        }

    def tell(self, decision: Decision) -> None:
        """Tell every observer; none of what an observer itself asks a cache."""
        if BUSY.telling:
            return
        BUSY.telling = True
        try:
            for told in self._told:
                try:
                    told(decision)
                except Exception:
                    _log.warning("an observer raised on a decision", exc_info=True)
        finally:
            BUSY.telling = False

    def embedding(self, embedder: Any, dim: int, texts: int) -> AbstractContextManager[object]:
        """Return what is around a call of the embedder for so many texts."""
        if not self._around["embed"]:
            return _NOTHING
        inner = getattr(embedder, "wrapped", embedder)  # one that was made for the other colour
        about = {
            "model": getattr(inner, "model", None) or inner.fingerprint,
            "provider": getattr(inner, "provider", None),
            "dim": dim,
            "texts": texts,
        }
        return self._entered("embed", about)

    def computing(self) -> AbstractContextManager[object]:
        """Return what is around a computation."""
        return self._entered("compute", {}) if self._around["compute"] else _NOTHING

    def dress(self, facade: Any) -> None:
        """Put those who want it around a facade's lookups; a facade that nobody wants to be around stays as it is."""
        if self._around["lookup"]:
            for name in LOOKUPS:
                setattr(facade, name, self._dressed(getattr(facade, name)))

    def _dressed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(method):

            @wraps(method)
            async def alooked_up(query: Any, *arguments: Any, **options: Any) -> Any:
                with self._entered("lookup", {"query": query}):
                    return await method(query, *arguments, **options)

            return alooked_up

        @wraps(method)
        def looked_up(query: Any, *arguments: Any, **options: Any) -> Any:
            with self._entered("lookup", {"query": query}):
                return method(query, *arguments, **options)

        return looked_up

    @contextmanager
    def _entered(self, name: StepName, about: dict[str, Any]) -> Iterator[None]:
        with ExitStack() as stack:
            for stepper in () if BUSY.telling else self._around[name]:
                BUSY.telling = True
                try:
                    around = stepper.step(name, about)
                    around.__enter__()
                except Exception:
                    _log.warning("an observer raised at the step %r", name, exc_info=True)
                else:
                    stack.push(partial(_leave, around))
                finally:
                    BUSY.telling = False
            yield


def _leave(
    around: AbstractContextManager[object],
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> bool:
    """Leave a context; what it raises is logged, and it swallows no error of the step."""
    BUSY.telling = True
    try:
        around.__exit__(kind, error, trace)
    except Exception as raised:
        if raised is not error:
            _log.warning("an observer raised after a step", exc_info=True)
    finally:
        BUSY.telling = False
    return False
