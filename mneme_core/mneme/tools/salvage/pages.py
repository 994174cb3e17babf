"""The pages of a SQLite file and of the log beside it, read without SQLite, which gives up at the first damage.

The format is that of https://www.sqlite.org/fileformat2.html; it has not changed since 2004.
"""

from __future__ import annotations

import struct
import sys
from array import array
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"SQLite format 3\x00"
LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
# The first word of a log; the last bit says that its checksums are of big-endian words.
LOG_MAGIC: Final = 0x377F0682


class Pages:
    """Pages by number, from 1, as they were after the last commit. The file is opened for reading alone.

    page_bytes: what to believe where the header does not say how large a page is.
    """

    def __init__(self, path: Path, page_bytes: int) -> None:
        self._file: BinaryIO = path.open("rb")
        self._log: BinaryIO | None = None
        try:
            self.size = path.stat().st_size
            self.header = self._file.read(100).ljust(100, b"\x00")
            self.page_bytes = _page_bytes(self.header) or page_bytes
            # Bytes at the end of each page may belong to an extension; Mneme has none.
            self.usable_bytes = self.page_bytes
            self.count = -(-self.size // self.page_bytes)
            self._frames: dict[int, int] = {}
            log = Path(f"{path}-wal")
            if log.exists():
                self._log = log.open("rb")
                self._read_log(self._log)
                if 1 in self._frames:
                    self.header = (self.page(1) or self.header)[:100]
        except BaseException:
            self.close()
            raise

    @property
    def missing_bytes(self) -> int:
        """How much of the file was cut off, where its header can be believed."""
        (said,) = struct.unpack_from(">I", self.header, 28)
        if self._frames or not self.header.startswith(MAGIC):
            return 0
        return max(0, int(said) * self.page_bytes - self.size)

    def page(self, number: int) -> bytes | None:
        """Return a page; None for one that is not there, or not whole."""
        at = self._frames.get(number)
        if at is not None and self._log is not None:
            file = self._log
        else:
            file, at = self._file, (number - 1) * self.page_bytes
        if not 0 < number <= self.count:
            return None
        try:
            file.seek(at)
            data = file.read(self.page_bytes)
        except OSError:  # a bad sector
            return None
        return data if len(data) == self.page_bytes else None

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        if self._log is not None:
            self._log.close()

    def _read_log(self, log: BinaryIO) -> None:
        """Note where the log holds newer pages: those of whole commits, up to the first checksum that is wrong."""
        header = log.read(LOG_HEADER_BYTES)
        if len(header) < LOG_HEADER_BYTES:
            return
        magic, _, page_bytes, _, _, _, *sums = struct.unpack(">8I", header)
        if magic & ~1 != LOG_MAGIC or page_bytes < 512:
            return
        is_swapped = bool(magic & 1) != (sys.byteorder == "big")
        running = _checksum(header[:24], (0, 0), is_swapped)
        if running != tuple(sums):
            return
        self.page_bytes = self.usable_bytes = page_bytes
        self.count = -(-self.size // page_bytes)
        begun: dict[int, int] = {}
        at = LOG_HEADER_BYTES
        while len(frame := log.read(FRAME_HEADER_BYTES + page_bytes)) == FRAME_HEADER_BYTES + page_bytes:
            number, commits, *_ = struct.unpack_from(">6I", frame)
            running = _checksum(frame[:8], running, is_swapped)
            running = _checksum(frame[FRAME_HEADER_BYTES:], running, is_swapped)
            if frame[8:16] != header[16:24] or running != struct.unpack_from(">2I", frame, 16):
                break
            begun[number] = at + FRAME_HEADER_BYTES
            at += len(frame)
            if commits:
                self._frames |= begun
                self.count = max(commits, self.count)
                begun = {}


def _page_bytes(header: bytes) -> int | None:
    (said,) = struct.unpack_from(">H", header, 16)
    said = 65_536 if said == 1 else said
    return said if said >= 512 and said & (said - 1) == 0 else None


def _checksum(data: bytes, sums: tuple[int, int], is_swapped: bool) -> tuple[int, int]:
    words = array("I", data)
    if is_swapped:
        words.byteswap()
    first, second = sums
    for place in range(0, len(words), 2):
        first = (first + words[place] + second) & 0xFFFF_FFFF
        second = (second + words[place + 1] + first) & 0xFFFF_FFFF
    return first, second
