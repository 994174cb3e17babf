"""Between changes and what the scripts take and return."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mneme.model import StoredEntry
from mneme.stores.base import Change, Clear, Delete, Put, Usage


def arguments_of(changes: Sequence[Change]) -> list[Any]:
    found: list[Any] = []
    for change in changes:
        if isinstance(change, Put):
            entry = change.entry
            found += ["P", entry.query_hash, _bytes(entry.namespace), _payload(entry), entry.embedding]
        elif isinstance(change, Delete):
            found += ["D", change.key, "" if change.id is None else change.id]
        else:
            found += ["C", int(change.namespace is None), _bytes(change.namespace or "")]
    return found


def usage_of(usage: Usage | None) -> list[Any]:
    found: list[Any] = []
    if usage is not None:
        for number, (last, uses) in usage.accesses.items():
            found += ["U", number, repr(float(last)), uses]
        for (space, name), amount in usage.counters.items():
            found += ["N", _field(space, name), amount]
    return found


def _field(space: str, name: str) -> bytes:
    held = _bytes(space)
    return b"%d:%s%s" % (len(held), held, name.encode())


def field_of(field: bytes) -> tuple[str, str]:
    length, _, rest = field.partition(b":")
    return rest[: int(length)].decode(), rest[int(length) :].decode()


def _payload(entry: StoredEntry) -> bytes:
    # The scripts take the partition from the end, by its place; see indexing.py.
    return json.dumps(
        [
            *(entry.namespace, entry.query, entry.response, entry.metadata, entry.created_at, entry.last_accessed_at),
            *(entry.ttl, entry.access_count, entry.partition.hex(), entry.compute_seconds),
        ]
    ).encode()


def entry_of(number: bytes, key: bytes, payload: bytes, vector: bytes, used: bytes) -> StoredEntry:
    space, query, response, metadata, created, accessed, ttl, uses, partition, seconds = json.loads(payload)
    if used:
        last, more = used.split()
        accessed, uses = max(accessed, float(last)), uses + int(more)
    return StoredEntry(
        int(number),
        space,
        key.decode(),
        query,
        response,
        vector,
        metadata,
        created,
        accessed,
        ttl,
        uses,
        bytes.fromhex(partition),
        seconds,
    )


def removal_of(note: bytes) -> tuple[int, Change]:
    number, kind, rest = note.split(b":", 2)
    if kind == b"K":
        return int(number), Delete(rest.decode())
    return int(number), Clear(None if kind == b"A" else rest.decode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
