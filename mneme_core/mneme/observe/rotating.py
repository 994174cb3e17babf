"""A file of lines that begins anew when it is large; several processes may write to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # on Windows, where two processes that rotate at once may shorten the history
    fcntl = None  # type: ignore[assignment]  # as mypy knows it, it is always there


def numbered(path: Path, number: int) -> Path:
    """Return what `path` is called after it was full so many times, from 1 on."""
    return Path(f"{path}.{number}")


def older_files(path: Path) -> Iterator[Path]:
    """Yield what `path` became when it was full, the newest first."""
    return takewhile(Path.exists, (numbered(path, number) for number in count(1)))


class RotatingFile:
    """Appends lines to `path`, mode 0600. A file that would grow over `max_bytes` becomes path.1, that one path.2 …"""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None

    def after_fork(self) -> None:
        """In a child, close what a thread of the parent had open: it would hold the parent's lock beyond its life."""
        if self._file is not None:
            self._file.close()

    def write(self, lines: bytes) -> None:
        """Append lines, after ending one that was torn. Raises OSError."""
        while True:
            with self._opened() as file, _locked(file.fileno()):
                if not self._is_in_place(file.fileno()):
                    continue
                size = file.seek(0, os.SEEK_END)
                if not size or size + len(lines) <= self._max_bytes:
                    _append(file, lines, size)
                    return
                if os.name != "nt":  # there an open file cannot be renamed
                    self._rotate()
                    continue
            self._rotate()

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """Open the file anew: whoever rotates, or clears away, need not tell anybody."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as self._file:
            yield self._file
        self._file = None

    def _is_in_place(self, descriptor: int) -> bool:
        """Return whether the path still names the file that was opened."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        names = [self._path, *(numbered(self._path, number) for number in range(1, self._keep + 1))]
        with suppress(FileNotFoundError):
            if not self._keep:
                self._path.unlink()
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            with suppress(FileNotFoundError):
                newer.replace(older)


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        # Closing would not do: a child that was forked meanwhile shares the lock with its copy of the descriptor.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _append(file: BinaryIO, lines: bytes, size: int) -> None:
    is_torn = size > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
    rest = memoryview(b"\n" + lines if is_torn else lines)
    while rest:
        rest = rest[file.write(rest) :]
