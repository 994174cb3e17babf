"""The rows in the trees of a SQLite file, stepping over what cannot be read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from mneme.tools.salvage.pages import Pages

INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE = 2, 5, 10, 13
# https://www.sqlite.org/fileformat2.html#record_format: the sizes of serial types 0 to 9.
_SIZES: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)

Row = tuple[int, list[Any]]
"""A row id, 0 in an index, and the values of the record."""


class Trees:
    """Reads trees, and counts what it had to step over."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.bad_pages: set[int] = set()
        self.bad_rows = 0
        self._seen = bytearray(pages.count + 1)

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the rows of the tree that begins at page `root`, in order."""
        waiting = [root]
        while waiting:
            number = waiting.pop()
            page = None if number > self.pages.count or self._seen[number] else self.pages.page(number)
            kind = None if page is None else page[_start(number)]
            if page is None or kind not in (INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE):
                self.bad_pages.add(number)
                continue
            self._seen[number] = 1
            if kind in (INTERIOR_INDEX, INTERIOR_TABLE):
                waiting.extend(reversed(self._children(number, page)))
            if kind != INTERIOR_TABLE:
                yield from self._cells(number, page, kind)

    def strays(self) -> Iterator[Row]:
        """Yield the rows of table pages that no tree led to: those under a page that is lost, and those long free."""
        for number in range(1, self.pages.count + 1):
            if not self._seen[number]:
                page = self.pages.page(number)
                if page is not None and page[_start(number)] == LEAF_TABLE:
                    found = self.bad_rows
                    yield from self._cells(number, page, LEAF_TABLE)
                    self.bad_rows = found  # what lies on a free page is no loss

    def _children(self, number: int, page: bytes) -> list[int]:
        start = _start(number)
        places = _places(page, start, 12)
        children = [int.from_bytes(page[place : place + 4], "big") for place in places]
        return [*children, int.from_bytes(page[start + 8 : start + 12], "big")]

    def _cells(self, number: int, page: bytes, kind: int) -> Iterator[Row]:
        for place in _places(page, _start(number), 12 if kind == INTERIOR_INDEX else 8):
            try:
                yield self._cell(page, place, kind)
            except (ValueError, IndexError, struct.error):
                self.bad_rows += 1

    def _cell(self, page: bytes, place: int, kind: int) -> Row:
        rowid = 0
        if kind == INTERIOR_INDEX:
            place += 4
        length, place = _varint(page, place)
        if kind == LEAF_TABLE:
            rowid, place = _varint(page, place)
            rowid -= (rowid >> 63) << 64
        return rowid, _values(self._payload(page, place, length, kind == LEAF_TABLE))

    def _payload(self, page: bytes, place: int, length: int, is_table: bool) -> bytes:
        usable = self.pages.usable_bytes
        least = (usable - 12) * 32 // 255 - 23
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        local = length
        if length > most:
            local = least + (length - least) % (usable - 4)
            local = local if local <= most else least
        parts = [page[place : place + local]]
        following = page[place + local : place + local + 4]
        missing = length - local
        if missing > self.pages.count * usable:
            raise ValueError("longer than the file")
        while missing > 0:
            more = self.pages.page(int.from_bytes(following, "big"))
            if more is None or not any(more):
                raise ValueError("a page of it is lost")
            parts.append(more[4 : 4 + min(missing, usable - 4)])
            following, missing = more[:4], missing - len(parts[-1])
        payload = b"".join(parts)
        if len(payload) != length:
            raise ValueError("it runs over the end of its page")
        return payload


def _start(number: int) -> int:
    return 100 if number == 1 else 0  # the file's header comes first


def _places(page: bytes, start: int, header: int) -> list[int]:
    """Return where the cells of a page are; of a number that cannot be, those that fit."""
    number = int.from_bytes(page[start + 3 : start + 5], "big")
    first = start + header
    number = min(number, (len(page) - first) // 2)
    return list(struct.unpack_from(f">{number}H", page, first))


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def _values(payload: bytes) -> list[Any]:
    end, place = _varint(payload, 0)
    at = end
    values: list[Any] = []
    while place < end:
        serial, place = _varint(payload, place)
        size = _SIZES[serial] if serial < 10 else (serial - 12) // 2
        data = payload[at : at + size]
        if len(data) != size or serial in (10, 11):
            raise ValueError("a value runs over the end of its row")
        at += size
        if serial == 7:
            values.append(struct.unpack(">d", data)[0])
        elif serial in (8, 9):
            values.append(serial - 8)
        elif serial < 10:
            values.append(int.from_bytes(data, "big", signed=True) if serial else None)
        else:
            values.append(data.decode() if serial % 2 else data)
    if place != end or at != len(payload):
        raise ValueError("a row is longer or shorter than it says")
    return values
