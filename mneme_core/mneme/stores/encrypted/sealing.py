"""Entries as an encrypted store keeps them, and back.

In the partition's place stands the *head*: the entry key and the partition, sealed, bound to the name that the store
knows the entry by, its namespace, when it was made and how long it lives. Query, response, metadata and vector are
sealed each by itself, bound to their field and to the head's nonce, which no other entry and no other version of this
one has. So a field that is moved to another row, another field or another version does not open.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from mneme.model import StoredEntry
from mneme.stores.base import SEAL_BYTES, Change, Clear, Delete, EntryRow, Put
from mneme.stores.encrypted.keys import ID_BYTES, NONCE_BYTES, Key, Keyring, UnopenedError

HEAD, QUERY, RESPONSE, METADATA, VECTOR = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04"
# Where stores want a mapping.
FIELD = "sealed"
_LENGTH, _TIMES = struct.Struct(">H"), struct.Struct(">d?d")


class Head(NamedTuple):
    """What is known of an entry once its head is open."""

    sealer: Key
    nonce: bytes
    key: bytes
    partition: bytes


def seal(entry: StoredEntry, key: Key) -> StoredEntry:
    """Return an entry as the store keeps it."""
    plain_key = bytes.fromhex(entry.query_hash)
    name = key.name_of(plain_key)
    plain_head = _LENGTH.pack(len(plain_key)) + plain_key + entry.partition
    head = key.seal(plain_head, _head_bound(name, entry.namespace, entry.created_at, entry.ttl))
    nonce = nonce_of(head)
    return replace(
        entry,
        query_hash=name.hex(),
        query=_text(key, _bytes(entry.query), QUERY + nonce),
        response=_text(key, _bytes(entry.response), RESPONSE + nonce),
        metadata={FIELD: _text(key, json.dumps(entry.metadata).encode(), METADATA + nonce)},
        embedding=key.seal(entry.embedding, VECTOR + nonce) if entry.embedding else b"",
        partition=head,
    )


def open_head(ring: Keyring, name: bytes, namespace: str, head: bytes, created_at: float, ttl: float | None) -> Head:
    """Return an open head; raises UnopenedError."""
    sealer = ring.of(head)
    plain = sealer.open(head, _head_bound(name, namespace, created_at, ttl))
    (length,) = _LENGTH.unpack_from(plain)
    after = _LENGTH.size + length
    return Head(sealer, nonce_of(head), plain[_LENGTH.size : after], plain[after:])


def open_texts(head: Head, query: str, response: str, metadata: object) -> tuple[str, str, str]:
    """Return query, response and metadata, this as JSON text; raises UnopenedError."""
    if not isinstance(metadata, dict) or not isinstance(sealed := metadata.get(FIELD), str):
        raise UnopenedError
    return (
        _opened(head, query, QUERY).decode("utf-8", "surrogatepass"),
        _opened(head, response, RESPONSE).decode("utf-8", "surrogatepass"),
        _opened(head, sealed, METADATA).decode(),
    )


def open_vector(ring: Keyring, nonce: bytes, sealed: bytes) -> bytes:
    """Return the vector of the entry whose head has this nonce; raises UnopenedError."""
    return ring.of(sealed).open(sealed, VECTOR + nonce)


def open_entry(ring: Keyring, entry: StoredEntry) -> tuple[StoredEntry, Head]:
    """Return an entry as it was sealed, its vector still to be opened, and its head; raises UnopenedError."""
    name = bytes.fromhex(entry.query_hash)
    head = open_head(ring, name, entry.namespace, entry.partition, entry.created_at, entry.ttl)
    query, response, metadata = open_texts(head, entry.query, entry.response, entry.metadata)
    opened = replace(
        entry,
        query_hash=head.key.hex(),
        query=query,
        response=response,
        metadata=json.loads(metadata),
        embedding=b"",
        partition=head.partition,
    )
    return opened, head


def open_row(ring: Keyring, row: EntryRow) -> tuple[EntryRow, Head]:
    """Return a row as `load` gives it, and its head; raises UnopenedError."""
    number, namespace, name, query, response, size, held, created, accessed, ttl, uses, partition, seconds = row
    head = open_head(ring, name, namespace, partition, created, ttl)
    query, response, metadata = open_texts(head, query, response, json.loads(held) if held else None)
    text = None if metadata == "{}" else metadata
    size = size - SEAL_BYTES if size else None
    texts = (query, response, size, text)
    return (number, namespace, head.key, *texts, created, accessed, ttl, uses, head.partition, seconds), head


def sealed_changes(changes: Sequence[Change], current: Key, others: Sequence[Key]) -> tuple[list[Change], list[int]]:
    """Return changes as the store is told them, and where among these the last of each of `changes` is.

    While other keys are held the entry may stand under another name: a put takes it away there, a delete asks for both.
    """
    sealed: list[Change] = []
    places: list[int] = []
    for change in changes:
        if isinstance(change, Put):
            key = bytes.fromhex(change.entry.query_hash)
            sealed += [Delete(other.name_of(key).hex()) for other in others]
            sealed.append(Put(seal(change.entry, current)))
        elif isinstance(change, Delete) and change.key:
            key = bytes.fromhex(change.key)
            sealed += [Delete(each.name_of(key).hex(), change.id) for each in (*others, current)]
        else:
            sealed.append(change)
        places.append(len(sealed) - 1)
    return sealed, places


def open_removal(ring: Keyring, change: Delete | Clear) -> Change:
    """Return a removal as it was meant; raises UnopenedError for a name that no key held knows."""
    if isinstance(change, Clear) or not change.key:
        return change
    return Delete(ring.key_of(bytes.fromhex(change.key)).hex(), change.id)


def _head_bound(name: bytes, namespace: str, created_at: float, ttl: float | None) -> bytes:
    times = _TIMES.pack(created_at, ttl is not None, 0.0 if ttl is None else ttl)
    return HEAD + _LENGTH.pack(len(name)) + name + times + _bytes(namespace)


def nonce_of(head: bytes) -> bytes:
    """Return the nonce of a sealed head: what the entry's fields are bound to."""
    return head[ID_BYTES : ID_BYTES + NONCE_BYTES]


def _text(key: Key, plain: bytes, bound: bytes) -> str:
    return b64encode(key.seal(plain, bound)).decode()


def _opened(head: Head, text: str, field: bytes) -> bytes:
    try:
        sealed = b64decode(text, validate=True)
    except ValueError:
        raise UnopenedError from None
    return head.sealer.open(sealed, field + head.nonce)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
