"""The lines of a file that begins anew when it is full, from the newest back, without reading what is older."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from mneme.observe.rotating import older_files

BLOCK: Final = 65_536
# What is longer is no line of a trail, and is not held to look for its beginning.
LONGEST_LINE: Final = 1_048_576
_PLACE: Final = re.compile(r"(\d{1,20})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line begins, also once the file has another name: the file's number, and the bytes before the line."""

    file: int
    offset: int

    def __str__(self) -> str:
        return f"{self.file}-{self.offset}"

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the place of such a text; None for any other."""
        found = _PLACE.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2]))


class Files:
    """The files of a trail, the newest first, open together: what is renamed meanwhile stays where it is in them."""

    def __init__(self, path: Path) -> None:
        """Open them; raises OSError where the newest cannot be read."""
        self.files: dict[int, BinaryIO] = {}
        with ExitStack() as opening:
            self._add(path, opening)
            with suppress(FileNotFoundError):
                for older in older_files(path):
                    self._add(older, opening)
            self._open = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _add(self, path: Path, opening: ExitStack) -> None:
        file = opening.enter_context(path.open("rb"))
        # One that was renamed since it was opened is not there twice.
        self.files.setdefault(os.fstat(file.fileno()).st_ino, file)

    def back(self, before: Place | None = None) -> Iterator[tuple[Place, bytes]]:
        """Yield the lines that are not empty, the newest first, with their places; those before `before` alone.

        Of a file that is gone by now there are none.
        """
        numbers = list(self.files)
        if before is not None:
            numbers = numbers[numbers.index(before.file) :] if before.file in self.files else []
        for number in numbers:
            end = before.offset if before is not None and number == before.file else None
            for offset, line in lines_back(self.files[number], end):
                yield Place(number, offset), line

    def at(self, place: Place) -> bytes | None:
        """Return the line that begins there; None where its file is gone."""
        file = self.files.get(place.file)
        if file is None:
            return None
        file.seek(place.offset)
        return file.readline(LONGEST_LINE)

    def is_first(self, place: Place) -> bool:
        """Return whether nothing is older than the line that begins there."""
        return not place.offset and place.file == [*self.files][-1]


def lines_back(file: BinaryIO, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not empty and lie before `end`, the last first, each with where it begins."""
    size = file.seek(0, os.SEEK_END)
    start = size if end is None else min(end, size)
    rest = b""
    while start:
        length = min(BLOCK, start)
        start -= length
        file.seek(start)
        rest, *lines = (file.read(length) + rest).split(b"\n")
        at = start + len(rest) + 1 + sum(len(line) + 1 for line in lines)
        for line in reversed(lines):
            at -= len(line) + 1
            if line.strip():
                yield at, line
        if len(rest) > LONGEST_LINE:
            rest = rest[:1]  # whatever it was, it is no decision now
    if rest.strip():
        yield 0, rest
