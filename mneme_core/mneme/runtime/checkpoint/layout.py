"""The words of an archive, and entries as lines of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mneme.model import StoredEntry
from mneme.stores.base import Identity

FORMAT: Final = "mneme-checkpoint"
VERSION: Final = 2
# Of archives in clear, which an earlier Mneme reads too.
CLEAR: Final = 1
MANIFEST, ENTRIES, VECTORS = "manifest.json", "entries.jsonl", "vectors.f32"

MAX_MANIFEST_BYTES = 65_536
# An entry with the largest query, response and metadata that a cache takes by default needs a tenth of this.
MAX_LINE_BYTES = 64 * 1_048_576


@dataclass(frozen=True, slots=True)
class Member:
    """What the manifest says of another member."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is."""

    identity: Identity
    entries: int
    members: Mapping[str, Member]
    keys: Mapping[str, int] = field(default_factory=dict)
    """Of an encrypted cache: the marks of the keys that its entries need, as its store counts them."""


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as JSON."""
    values = {
        "format": FORMAT,
        "version": VERSION if manifest.identity.is_sealed else CLEAR,
        **asdict(manifest.identity),
        "entries": manifest.entries,
        "members": {name: asdict(member) for name, member in manifest.members.items()},
    }
    if manifest.identity.is_sealed:
        values["keys"] = dict(manifest.keys)
    return json.dumps(values, indent=1).encode()


def decode_manifest(text: bytes) -> Manifest:
    """Return the manifest; raises ValueError for anything that `encode_manifest` does not write."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"its manifest does not say that it is a {FORMAT}")
    version = values.pop("version", None)
    if not _is_count(version) or version < 1:
        raise ValueError(f"its manifest has the version {version!r}")
    if version > VERSION:
        raise ValueError(f"it has version {version}, this Mneme reads up to {VERSION}; upgrade mneme-middleware")
    _check(values, _MANIFEST_FIELDS if version == CLEAR else _SEALED_MANIFEST_FIELDS, "its manifest")
    for name in (ENTRIES, VECTORS):
        _check(values["members"][name], _MEMBER_FIELDS, f"its manifest, of {name},")
    identity = Identity(values["fingerprint"], values["dim"], values["normalize"])
    if identity.is_sealed != (version > CLEAR) or identity.unsealed().dim <= 0:
        raise ValueError("its manifest has a wrong fingerprint")
    members = {name: Member(**member) for name, member in values["members"].items()}
    return Manifest(identity, values["entries"], members, values.get("keys", {}))


def encode_entry(entry: StoredEntry) -> bytes:
    """Return an entry as a line of JSON, without its vector and the number it had in its store."""
    values = {name: getattr(entry, name) for name in _ENTRY_FIELDS if name not in ("partition", "vector")}
    values |= {"partition": entry.partition.hex(), "vector": bool(entry.embedding)}
    return json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def decode_entry(line: bytes, *, sealed: bool) -> tuple[StoredEntry, bool]:
    """Return the entry of a line, and whether it has a vector; raises ValueError for any other line."""
    values = json.loads(line)
    _check(values, _SEALED_ENTRY_FIELDS if sealed else _ENTRY_FIELDS, "an entry")
    has_vector = values.pop("vector")
    partition = bytes.fromhex(values.pop("partition"))
    return StoredEntry(id=0, embedding=b"", partition=partition, **values), has_vector


def _check(values: Any, fields: Mapping[str, Callable[[Any], bool]], what: str) -> None:
    """Raise ValueError unless `values` has these fields, each as its function asks; no value is quoted."""
    if not isinstance(values, dict) or values.keys() != fields.keys():
        raise ValueError(f"{what} has other fields than {', '.join(fields)}")
    for name, fits in fields.items():
        if not fits(values[name]):
            raise ValueError(f"{what} has a wrong {name}")


def _is_text(value: Any) -> bool:
    # Raises UnicodeEncodeError, a ValueError, for a lone surrogate, which JSON can spell and a store cannot hold.
    return isinstance(value, str) and value.encode() is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_duration(value: Any) -> bool:
    return value is None or (_is_time(value) and value >= 0)


def _is_hex(digits: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(f"(?:[0-9a-f]{{2}}){digits}", value) is not None


def _is_mark(value: tuple[Any, Any]) -> bool:
    mark, count = value
    return _is_hex("{16}")(mark) and isinstance(count, int) and 0 < abs(count) < 2**62


def _is_json_object(value: Any) -> bool:
    # Raises ValueError for the infinity that Python reads from 1e999.
    return isinstance(value, dict) and _is_text(json.dumps(value, ensure_ascii=False, allow_nan=False))


_MANIFEST_FIELDS: dict[str, Callable[[Any], bool]] = {
    "format": _is_text,
    "fingerprint": _is_text,
    "dim": lambda value: _is_count(value) and value > 0,
    "normalize": lambda value: value in ("default", "none", "custom"),
    "entries": _is_count,
    "members": lambda value: isinstance(value, dict) and value.keys() == {ENTRIES, VECTORS},
}
_SEALED_MANIFEST_FIELDS = _MANIFEST_FIELDS | {
    "keys": lambda value: isinstance(value, dict) and all(map(_is_mark, value.items())),
}
_MEMBER_FIELDS: dict[str, Callable[[Any], bool]] = {
    "bytes": _is_count,
    "sha256": _is_hex("{32}"),
}
_ENTRY_FIELDS: dict[str, Callable[[Any], bool]] = {
    "namespace": _is_text,
    "query_hash": _is_hex("{16}"),
    "partition": _is_hex("{16}"),
    "query": _is_text,
    "response": _is_text,
    "metadata": _is_json_object,
    "created_at": _is_time,
    "last_accessed_at": _is_time,
    "ttl": _is_duration,
    "access_count": _is_count,
    "compute_seconds": _is_duration,
    "vector": lambda value: isinstance(value, bool),
}
# The name in place of a key is longer by what authenticates it, and a sealed head stands for the partition.
_SEALED_ENTRY_FIELDS = _ENTRY_FIELDS | {"query_hash": _is_hex("{32}"), "partition": _is_hex("+")}
