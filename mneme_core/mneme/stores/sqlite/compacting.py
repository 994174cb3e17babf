"""Giving free pages back to the file system a few at a time: who writes meanwhile waits for one step, not for all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from mneme.stores.sqlite.connection import CHECKPOINT_PAGES, STEPWISE

# For which a step holds others up; the pages of the first one, before any was timed; between two, for those who wait.
STEP_SECONDS = 0.001
FIRST_PAGES = 8
BREATH_SECONDS = 0.0005
# Pages given back, each of which changed about two in the log, after which the log is folded.
FOLD_AFTER = 512
# For which the end is put off while others write: the file is cut off with the last of the log. It also is when SQLite
# itself folds the log as a whole, at the latest when the last cache closes.
TRIES = 20

Held: TypeAlias = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Gives a connection for as long as nobody else uses it."""


def compact(writing: Held, folding: Held) -> None:
    """Give back all pages that are free now; a file that cannot do so in steps is written anew as a whole, once.

    writing: the connection that puts use too. folding: another, so that folding the log into the file keeps no put
    waiting.
    """
    with writing() as db:
        if not _is_stepwise(db):
            _rewrite(db)
            return
        left = _free_pages(db)
    pages, unfolded = FIRST_PAGES, 0
    while left > 0:
        with writing() as db:
            cut = min(pages, left, _free_pages(db))  # puts may have used some
            if not cut:
                break
            pages = _give_back(db, cut)
        left, unfolded = left - cut, unfolded + cut
        if unfolded >= FOLD_AFTER:
            unfolded = 0
            _fold_log(writing, folding)
        time.sleep(BREATH_SECONDS)
    for _ in range(TRIES):
        if _fold_log(writing, folding):
            break
        time.sleep(BREATH_SECONDS)


def _is_stepwise(db: sqlite3.Connection) -> bool:
    (mode,) = db.execute("PRAGMA auto_vacuum").fetchone()
    return bool(mode)


def _rewrite(db: sqlite3.Connection) -> None:
    """Write the file anew, and so that it gives pages back in steps from then on. Nobody else can write."""
    db.execute(STEPWISE)
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _free_pages(db: sqlite3.Connection) -> int:
    (number,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(number)


def _give_back(db: sqlite3.Connection, pages: int) -> int:
    """Cut so many free pages off the file, moving what lies behind them; return how many to cut the next time."""
    started = time.perf_counter()
    db.execute("PRAGMA wal_autocheckpoint = 0")
    try:
        # `execute` would take one step of the statement, which gives one page back.
        db.executescript(f"PRAGMA incremental_vacuum({pages})")
    finally:
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return max(1, min(int(pages * STEP_SECONDS / (time.perf_counter() - started)), 2 * pages))


def _fold_log(writing: Held, folding: Held) -> bool:
    """Fold the log into the file beside those who use it; return whether nothing was written meanwhile.

    What was is folded too where the log is long: it begins anew only once all of it is folded.
    """
    with folding() as db:
        is_busy, pages, folded = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if folded < pages and pages > CHECKPOINT_PAGES:
        with writing() as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not is_busy and bool(folded == pages)
