"""One JSON form for the arguments of a call: equal forms mean equal arguments."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import inspect
import math
import types
import typing
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, TypeAlias

from mneme.identity import data_of, is_secret, sealed, state_of, within

# What a caller passes, and JSON of any shape.
Value: TypeAlias = Any
Json: TypeAlias = Any
Otherwise: TypeAlias = Callable[[Value, str], Json]

_AS_TEXT = (datetime.date, datetime.timedelta, decimal.Decimal, uuid.UUID, PurePath)
_IN_A_ZONE = (datetime.datetime, datetime.time)
_CONTAINERS = (dict, list, tuple, set, frozenset)
_KEYABLE = (
    str,
    int,
    float,
    bytes,
    bytearray,
    type(None),
    enum.Enum,
    Mapping,
    Sequence,
    Set,
    type,
    *_AS_TEXT,
    *_IN_A_ZONE,
)


class Unkeyable(TypeError):  # noqa: N818  # a TypeError to its catchers, not an error of Mneme's own
    """An argument without a canonical form."""


def canonical(value: Value, where: str, otherwise: Otherwise | None = None) -> Json:
    """Return `value` as JSON in which different values stay different: 1, 1.0, True and "1" do too.

    where: names the argument in the error. otherwise: gives the form of what has none here.
    Raises Unkeyable for objects known by their address alone; `repr` is never used.
    """
    form = _bare(value, where, otherwise)
    if isinstance(value, _CONTAINERS) and type(value) not in _CONTAINERS and not isinstance(value, enum.Enum):
        # A list may have attributes too, where its class is the user's.
        held = getattr(value, "__dict__", None)
        return {"$holding": [form, _named(held, where, otherwise)]} if held else form
    return form


def _bare(value: Value, where: str, otherwise: Otherwise | None) -> Json:
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, float):
        return _finite(value, where)
    if isinstance(value, Mapping):
        return _mapping(value, where, otherwise)
    if isinstance(value, list | tuple):
        items = [canonical(item, f"{where}[{position}]", otherwise) for position, item in enumerate(value)]
        return items if isinstance(value, list) else {f"${type_name(type(value))}": items}
    return {f"${type_name(type(value))}": _content(value, where, otherwise)}


def _content(value: Value, where: str, otherwise: Otherwise | None) -> Json:
    if isinstance(value, enum.Enum):
        return [value.name, canonical(value.value, where, otherwise)]
    if isinstance(value, bytes | bytearray):
        return blake2b(value, digest_size=16).hexdigest()
    if isinstance(value, _IN_A_ZONE):
        return [str(value), value.fold, _zone(value.tzinfo, where)]
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, Set):
        return sorted((canonical(item, where, otherwise) for item in value), key=repr)
    if isinstance(value, type):
        with within(value) as again:
            return [type_name(value), schema_form(value, where), class_data(value)] if again is None else again
    if is_secret("", value):
        return sealed(value)
    if is_model(type(value)):
        return _model(value, where, otherwise)
    if dataclasses.is_dataclass(value):
        declared = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _named({**state_of(value), **declared}, where, otherwise)
    if otherwise is not None:
        return otherwise(value, where)
    raise unkeyable(value, where)


def _model(value: Value, where: str, otherwise: Otherwise | None) -> Json:
    """Return a model's fields as they are: the dump may leave one out that decides the answer."""
    forms: dict[str, Json] = {}
    for name in (*type(value).model_fields, *(value.model_extra or {})):
        try:
            forms[name] = canonical(getattr(value, name), f"{where}.{name}", otherwise)
        except Unkeyable:
            dumped = value.model_dump(include={name})
            if name not in dumped:
                raise
            forms[name] = canonical(dumped[name], f"{where}.{name}", otherwise)  # as its serializer writes it
    return {**_named(value.__pydantic_private__ or {}, where, otherwise), **forms}


def _named(values: Mapping[str, Value], where: str, otherwise: Otherwise | None) -> Json:
    return {name: canonical(value, f"{where}.{name}", otherwise) for name, value in values.items()}


def _zone(zone: datetime.tzinfo | None, where: str) -> Json:
    """Return the name of a time zone: two of them may have the same offset at one moment."""
    name = str(zone)
    if " at 0x" in name:
        raise unkeyable(zone, f"the time zone of {where}")
    return None if zone is None else [type_name(type(zone)), name]


def schema_form(kind: type, where: str) -> Json:
    """Return the form of a pydantic model's JSON schema; of another class None."""
    schema = getattr(kind, "model_json_schema", None)
    return canonical(schema(), where) if schema else None


def class_data(kind: type, known: Collection[str] = ()) -> dict[str, Json]:
    """Return the settings a class holds for its objects; what has no form, such as a logger, is none."""
    forms: dict[str, Json] = {}
    for name, value in data_of(kind).items():
        try:
            forms.update(
                {} if name in known else {name: sealed(value) if is_secret(name, value) else canonical(value, name)}
            )
        except Unkeyable:
            continue
    return forms


def unkeyable(value: Value, where: str) -> Unkeyable:
    """Return the error of a value without a canonical form."""
    return Unkeyable(
        f"{where} is of type {type_name(type(value))}, which has no canonical form to look it up by. "
        'Name it in ignore=, an attribute as "self.name", or pass what matters as text, numbers, lists or mappings.'
    )


def is_model(kind: type) -> bool:
    """Whether `kind` is a pydantic model class; pydantic itself need not be installed."""
    return callable(getattr(kind, "model_dump", None)) and hasattr(kind, "model_fields")


def can_be_keyed(annotation: Value) -> bool:
    """Whether values of `annotation` may have a canonical form; False only where none can.

    An abstract class or a protocol may: what counts is the class of the value.
    """
    origin: Value = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(map(can_be_keyed, typing.get_args(annotation)))
    kind = origin or annotation
    if kind is Callable:
        return False
    if (
        not isinstance(kind, type)
        or kind in (object, Any)
        or inspect.isabstract(kind)
        or getattr(kind, "_is_protocol", False)
    ):
        return True
    return issubclass(kind, _KEYABLE) or is_model(kind) or dataclasses.is_dataclass(kind)


def _mapping(value: Mapping[Value, Value], where: str, otherwise: Otherwise | None) -> Json:
    if all(isinstance(name, str) and not name.startswith("$") for name in value):
        return {name: canonical(item, f"{where}[{name!r}]", otherwise) for name, item in value.items()}
    # Keys that are not text, or that look like our own marks: as pairs, so that nothing collides.
    pairs = [
        [canonical(name, where, otherwise), canonical(item, f"{where}[{name!r}]", otherwise)]
        for name, item in value.items()
    ]
    return {"$mapping": sorted(pairs, key=repr)}


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise Unkeyable(f"{where} is {value}, which cannot be compared. Name it in ignore=.")
    return value


def type_name(kind: type) -> str:
    """Return the full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"
