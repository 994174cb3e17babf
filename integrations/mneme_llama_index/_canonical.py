"""One JSON form for messages, tools and settings: equal forms mean equal requests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from enum import Enum
from hashlib import blake2b
from io import IOBase
from pathlib import Path
from typing import Any, TypeAlias

from llama_index.core.tools.types import BaseTool
from pydantic import AnyUrl, BaseModel

from mneme.identity import calls_numbered

# What LlamaIndex passes to models, and JSON of any shape.
Value: TypeAlias = Any
Json: TypeAlias = Any

_TOOL_CALLS = ("function", "function_call", "tool_use")


class NotKeyedError(Exception):
    """A part of a request without a canonical form. It never leaves this package."""


def canonical(value: Value) -> Json:
    """Return `value` as JSON in which different values stay different; media count by their content.

    Raises NotKeyedError for objects known by their address alone, and OSError for files that cannot be read.
    """
    if isinstance(value, Enum):
        return canonical(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        # A field that is None and one that is absent mean the same to every model.
        return {name: canonical(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, Set):
        return sorted((canonical(item) for item in value), key=repr)
    if isinstance(value, BaseTool):
        metadata = value.metadata
        return [metadata.name, metadata.description, canonical(metadata.get_parameters_dict())]
    if isinstance(value, type) and issubclass(value, BaseModel):
        return [type_name(value), canonical(value.model_json_schema())]
    if isinstance(value, BaseModel):
        # Fields as they are, not dumped: dumping a stream would read it to its end.
        return {name: canonical(item) for name, item in value if item is not None}
    return _content(value)


def _content(value: Value) -> Json:
    if isinstance(value, bytes | bytearray):
        return {"$bytes": _digest(bytes(value))}
    if isinstance(value, Path):
        return {"$bytes": _digest(value.read_bytes())}
    if isinstance(value, IOBase) and value.seekable():
        position = value.tell()
        content = value.seek(0) or value.read()
        value.seek(position)
        return {"$bytes": _digest(content if isinstance(content, bytes) else str(content).encode())}
    if isinstance(value, AnyUrl):
        return str(value)
    raise NotKeyedError(f"a value of type {type_name(type(value))} has no canonical form to look it up by")


def renumbered(value: Json, numbers: dict[str, str]) -> Json:
    """Return `value` with the ids of tool calls replaced by their order: they differ between runs."""
    return calls_numbered(value, numbers, _TOOL_CALLS)


def type_name(kind: type) -> str:
    """Return the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
