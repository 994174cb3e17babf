"""Keeping so much of a disk free that the log can always be folded into the file.

The log can be folded only while the file can grow by what stands in it, and nothing can be deleted once it cannot
itself take one more change: a disk filled to its last byte could never be emptied through the cache again. So puts
are refused a little earlier, and deletes are not.
"""

from __future__ import annotations

import errno
import mmap
import os
import sqlite3
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mneme.stores.base import Change, Put

# Where so much is free, nobody needs to ask further: several times what the log grows to.
PLENTY_BYTES = 256 * 1_048_576
# In which nobody fills a disk that had plenty: for that 10 GB a second are needed.
ASKED_SECONDS = 0.02
# For deletes: each writes a few pages to the log.
KEPT_BYTES = 1_048_576

# Of SQLite's shared index (https://www.sqlite.org/walformat.html): bytes a page, frames in the log, frames folded.
_PAGE_AND_FRAMES, _PAGE_AT = struct.Struct("=HI"), 14
_FOLDED, _FOLDED_AT = struct.Struct("=I"), 96


class Room:
    """Asks a disk whether much is free, for a moment after it had plenty not again."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the disk is to be asked now."""
        return time.monotonic() >= self._until

    def is_short(self, path: Path) -> bool:
        """Return whether the disk under `path` has less than plenty free."""
        if 0 <= _free(path) < PLENTY_BYTES:
            return True
        self._until = time.monotonic() + ASKED_SECONDS
        return False


def check(db: sqlite3.Connection, path: Path, index: mmap.mmap | None, changes: Sequence[Change]) -> None:
    """Fold the log where it takes room that folding may need; raise OSError where puts would take what is kept.

    index: SQLite's shared index; without it nothing is known of the log, and nothing is checked.
    """
    if index is None:
        return
    page_bytes, unfolded = _log(index)
    if _free(path) < KEPT_BYTES + _size(changes) + page_bytes * unfolded:
        with suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        page_bytes, unfolded = _log(index)
    if not any(isinstance(change, Put) for change in changes):
        return
    (unused,) = db.execute("PRAGMA freelist_count").fetchone()
    left = _free(path) + page_bytes * (unused - unfolded)
    if left < KEPT_BYTES + _size(changes):
        raise OSError(
            errno.ENOSPC,
            f"the disk is full: {max(0, left):,} bytes are left, which deletes may need. Delete entries or make room",
        )


def _free(path: Path) -> int:
    """Return the bytes that are free on a file's disk; -1 where this system does not say."""
    if not hasattr(os, "statvfs"):
        return -1
    with suppress(OSError):
        disk = os.statvfs(path)
        return disk.f_bavail * disk.f_frsize
    return -1


def _log(index: mmap.mmap) -> tuple[int, int]:
    """Return the bytes of a page, and how many pages stand in the log and not yet in the file."""
    page_bytes, frames = _PAGE_AND_FRAMES.unpack_from(index, _PAGE_AT)
    (folded,) = _FOLDED.unpack_from(index, _FOLDED_AT)
    return 65_536 if page_bytes == 1 else page_bytes, max(0, frames - folded)


def _size(changes: Sequence[Change]) -> int:
    """Return about how many bytes these changes need at most, in the log."""
    entries = [change.entry for change in changes if isinstance(change, Put)]
    return sum(32_768 + 4 * len(entry.response + entry.query) + len(entry.embedding) for entry in entries)
