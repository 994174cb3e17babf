"""Cursors that also tell how often their reader was given everything anew."""

from __future__ import annotations

from typing import Final

from mneme.stores.base import Cursor

# Larger than the mark of any store. A cursor of the first reading is the store's own.
_SPAN: Final = 2**256


def joined(cursor: Cursor, rereads: int) -> Cursor:
    """Return a store's cursor with the number of readings."""
    return Cursor(cursor.sequence, cursor.version + rereads * _SPAN) if rereads else cursor


def split(cursor: Cursor) -> tuple[Cursor, int]:
    """Return a store's cursor, and the number of readings."""
    rereads = (cursor.version + _SPAN // 2) // _SPAN
    return (Cursor(cursor.sequence, cursor.version - rereads * _SPAN), rereads) if rereads else (cursor, 0)
