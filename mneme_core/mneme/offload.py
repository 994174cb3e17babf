"""Running a step in another thread, or here where there can be none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def offload(submit: Callable[[Callable[[], None]], object], step: Callable[..., T], *arguments: object) -> Future[T]:
    """Submit a step; while the interpreter ends, and where the system has no more threads, run it at once.

    submit: raises RuntimeError where there can be no thread, as an executor does, which may yet have queued the step.
    """
    future: Future[T] = Future()
    todo = [step]

    def run() -> None:
        try:
            step = todo.pop()
        except IndexError:  # it was run already
            return
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(step(*arguments))
        except BaseException as error:
            future.set_exception(error)

    try:
        submit(run)
    except RuntimeError:
        run()
    return future
