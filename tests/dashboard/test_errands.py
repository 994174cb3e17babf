"""What takes long, done beside the pages."""

from __future__ import annotations

import threading

import pytest

from mneme.dashboard import errands
from mneme.dashboard.errands import Errands


def test_what_takes_long_is_done_once_and_handed_over_once():
    going, done, free = Errands(), [], threading.Event()

    def work() -> str:
        free.wait(30)
        done.append(1)
        return "found"

    first, second = (going.ask("one", work, 0.0) for _ in range(2))
    free.set()

    assert (first[0], second[0]) == (None, None)
    assert first[1] is not None
    assert second[1] is not None
    assert second[1] >= first[1] >= 0
    assert going.ask("one", work, None) == ("found", None)
    assert len(done) == 1
    assert going.ask("one", work, None) == ("found", None)
    assert len(done) == 2


def test_what_fails_is_raised_once_where_it_is_waited_for():
    going = Errands()

    def fail() -> None:
        raise TimeoutError("of the work itself")

    with pytest.raises(TimeoutError, match="of the work itself"):
        going.ask("one", fail, None)
    assert going.ask("one", lambda: 1, None) == (1, None)


def test_what_nobody_asked_for_again_is_forgotten(monkeypatch):
    monkeypatch.setattr(errands, "KEPT_SECONDS", -1.0)
    going, free = Errands(), threading.Event()
    going.ask("one", lambda: free.wait(30), 0.0)
    free.set()
    while not going._under_way["one"][1].done():
        pass
    going.ask("two", lambda: None, None)

    assert list(going._under_way) == []
