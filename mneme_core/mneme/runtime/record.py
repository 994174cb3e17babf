"""An entry as it is resident: without its vector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from mneme.engine.guard.turns import Turn
from mneme.engine.origins import OWN_PREFIX, without_own
from mneme.engine.reported import WRONG_FOR
from mneme.engine.turns import TURNS
from mneme.model import Metadata, StoredEntry
from mneme.stores.base import EntryRow, HeadRow

# Where a row has them.
_NAMESPACE, _QUERY, _VECTOR_BYTES, _PARTITION = 1, 3, 5, 11

_OWN_ALONE = f'{{"{OWN_PREFIX}'


Text = TypeVar("Text", bound=str | None, covariant=True)


class Row(NamedTuple, Generic[Text]):
    """An entry without its vector: a HeadRow with names."""

    id: int
    namespace: str
    key: bytes
    query: Text
    response: Text
    vector_bytes: int | None
    metadata: str | None
    """As text: every hit gets metadata of its own, and text is smaller than what it stands for."""
    created_at: float
    last_accessed_at: float
    """When it was stored or loaded; what came since stands in the table."""
    ttl: float | None
    access_count: int
    partition: bytes
    compute_seconds: float | None
    text_bytes: int
    """What query and response take, in UTF-8."""

    @property
    def searchable(self) -> bool:
        """Whether it has a vector."""
        return bool(self.vector_bytes)

    def metadata_copy(self) -> Metadata:
        """Return the metadata as an object of the caller's own."""
        # Mneme's own names come last: where one is the first, there are no others.
        if self.metadata is None or self.metadata.startswith(_OWN_ALONE):
            return {}
        metadata: Metadata = json.loads(self.metadata)
        return without_own(metadata) if OWN_PREFIX in self.metadata else metadata

    def metadata_as_stored(self) -> Metadata:
        """Return the metadata with what Mneme keeps in it."""
        return {} if self.metadata is None else json.loads(self.metadata)

    def turns(self) -> tuple[Turn, ...]:
        """Return what was said before, where it is compared by meaning."""
        if self.metadata is None or TURNS not in self.metadata:
            return ()
        return tuple((role, text) for role, text in json.loads(self.metadata).get(TURNS, ()))

    def wrong_for(self) -> tuple[str, ...]:
        """Return the questions that the answer was reported wrong for."""
        if self.metadata is None or WRONG_FOR not in self.metadata:
            return ()
        return tuple(json.loads(self.metadata).get(WRONG_FOR, ()))


Record: TypeAlias = Row[str | None]
"""A record whose texts may be left in the store; with them it is a Whole."""


class Whole(Row[str]):
    """A record with its texts."""

    __slots__ = ()

    @classmethod
    def of(cls, entry: StoredEntry, id: int) -> Whole:
        """Return the record of an entry under its place in the store's log."""
        fields = (
            id,
            entry.namespace,
            bytes.fromhex(entry.query_hash),
            entry.query,
            entry.response,
            len(entry.embedding),
            json.dumps(entry.metadata) if entry.metadata else None,
            entry.created_at,
            entry.last_accessed_at,
            entry.ttl,
            entry.access_count,
            entry.partition,
            entry.compute_seconds,
            utf8_bytes(entry.query) + utf8_bytes(entry.response),
        )
        # Not through the class's own constructor, which is a Python function.
        return tuple.__new__(cls, fields)

    @classmethod
    def of_cold(cls, record: Record, query: str, response: str) -> Whole:
        """Return a record with its texts, which were read."""
        return tuple.__new__(cls, record._replace(query=query, response=response))

    def cold(self) -> Record:
        """Return the record without its texts."""
        return tuple.__new__(Row, (*self[:_QUERY], None, None, *self[_VECTOR_BYTES:]))


def utf8_bytes(text: str) -> int:
    """Return how many bytes a text takes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def wholes_of(rows: Iterable[EntryRow]) -> list[Whole]:
    """Return rows as records; not one by one through `Whole._make`, which takes three times as long."""
    sized = ((*row, utf8_bytes(row[3]) + utf8_bytes(row[4])) for row in rows)
    return list(map(partial(tuple.__new__, Whole), sized))


def heads_of(rows: Sequence[HeadRow], shared: dict[Any, Any]) -> list[Record]:
    """Return rows as records. What many have alike, they share: it is kept in `shared` for the next rows."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for place in (_NAMESPACE, _VECTOR_BYTES, _PARTITION):
        columns[place] = map(shared.setdefault, columns[place], columns[place])
    return list(map(partial(tuple.__new__, Row), zip(*columns, strict=True)))
