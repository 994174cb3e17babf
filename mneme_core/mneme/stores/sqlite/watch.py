"""Noticing the commits of other processes without a system call: the header of SQLite's shared WAL index, mapped.

SQLite itself compares this header, 48 bytes with a change counter and a checksum, to learn whether its view of
the file is out of date (https://www.sqlite.org/walformat.html, "WAL-Index Header"); `PRAGMA data_version` does so
through 3 microseconds of locks and statements, this through a comparison of bytes.

Closing any descriptor of that file would drop the locks that SQLite holds on it in this process. So descriptors
are closed only once the file is gone, which is when SQLite's last connection to it has left.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from pathlib import Path

HEADER_BYTES = 48
_COUNTER, _COUNTER_AT = struct.Struct("=I"), 8

_maps: dict[tuple[int, int], tuple[int, mmap.mmap]] = {}
_lock = threading.Lock()


def mapped(database: Path) -> mmap.mmap | None:
    """Return the WAL index of an open database, mapped for reading; None where that cannot be had.

    It may be read only while a connection of this process is open, whose lock keeps the file from being cut.
    """
    if os.name != "posix":
        return None
    with _lock:
        _close_those_gone()
        try:
            found = Path(f"{database}-shm").stat()
            key = (found.st_dev, found.st_ino)
            if key not in _maps:
                descriptor = os.open(f"{database}-shm", os.O_RDONLY | os.O_CLOEXEC)
                _maps[key] = (descriptor, mmap.mmap(descriptor, mmap.PAGESIZE, access=mmap.ACCESS_READ))
            return _maps[key][1]
        except (OSError, ValueError):
            return None


def is_next(before: bytes, after: bytes) -> bool:
    """Return whether exactly one commit lies between two headers: their change counters (iChange) say so."""
    (old,), (new,) = _COUNTER.unpack_from(before, _COUNTER_AT), _COUNTER.unpack_from(after, _COUNTER_AT)
    return bool(new == (old + 1) & 0xFFFF_FFFF)


def _close_those_gone() -> None:
    for key, (descriptor, _) in list(_maps.items()):
        if os.fstat(descriptor).st_nlink == 0:
            del _maps[key]  # not closed: where somebody else removed the file, a store still reads it
            os.close(descriptor)
