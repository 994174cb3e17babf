"""What of a wrapped model changes its answers: its own fields, whether or not it names them to LangChain."""

from __future__ import annotations

import datetime
import decimal
import enum
import logging
import re
import threading
import types
from collections.abc import Mapping, Set
from functools import lru_cache
from pathlib import PurePath
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from pydantic import BaseModel

from mneme.identity import (
    data_of,
    digest_of,
    function_form,
    is_function,
    is_plain,
    is_secret,
    sealed,
    state_of,
    within,
)
from mneme.records import attributes_changed_by
from mneme_langchain._identity import schema_of
from mneme_langchain._messages import NotKeyedError

# The value of any field, and JSON of any shape.
Value: TypeAlias = Any
Json: TypeAlias = Any

# How a request is made and watched, not what it answers.
_OPERATIONAL = frozenset(
    (
        *("name", "cache", "verbose", "callbacks", "callback_manager", "tags", "metadata", "profile"),
        *("custom_get_token_ids", "rate_limiter", "disable_streaming", "max_retries", "timeout", "request_timeout"),
        *("http_socket_options", "stream_chunk_timeout"),
    )
)
_CLIENT = re.compile(r"(^|_)client(_running)?$")
# What runs out while the account stays the same, and functions that bring it.
_PASSING = re.compile(r"(^|_)((access|auth|bearer|session|ad|id)_token|token_provider)$")
_CALLS = ("_generate", "_agenerate", "_stream", "_astream", "_call", "_acall")
# They change no answer.
_NEUTRAL = (logging.Logger, type(threading.Lock()), type(threading.RLock()))
_AS_TEXT = (float, complex, bytes, bytearray, range, PurePath, decimal.Decimal)
_TIMES = (datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)


def settings_digest(model: BaseChatModel, kind: type[BaseChatModel]) -> str:
    """Return a digest of a model's fields and private attributes as they are; kind: its own class, beneath the cached.

    Left out are `records_of` the class. Raises NotKeyedError for what depends on an object that has no form.
    """
    return digest_of([_name(kind), _fields(model, records_of(kind))])


@lru_cache(maxsize=256)
def records_of(kind: type[BaseChatModel]) -> frozenset[str]:
    """Return the fields that a model's own methods change while it answers: its counters and records."""
    changed: set[str] = set()
    for each in kind.__mro__:
        for name in _CALLS if each is not BaseChatModel else ():
            code = getattr(vars(each).get(name), "__code__", None)
            changed |= attributes_changed_by(code) if code is not None else set()
    return frozenset(changed & {*kind.model_fields, *kind.__private_attributes__})


def _fields(model: BaseModel, left_out: frozenset[str] = frozenset()) -> Json:
    values = {name: getattr(model, name, None) for name in type(model).model_fields}
    values.update({**(model.model_extra or {}), **(model.__pydantic_private__ or {})})
    if isinstance(model, BaseLanguageModel):
        values = {name: value for name, value in values.items() if name.lstrip("_") not in _OPERATIONAL}
    return {
        name: _form(name, value)
        for name, value in values.items()
        if name not in left_out
        and not (_CLIENT.search(name) or _PASSING.search(name))
        and not (name.endswith("api_key") and callable(value))
    }


def _form(where: str, value: Value) -> Json:
    """Return the form of a field's value. Raises NotKeyedError where it has none."""
    if is_secret(where.rpartition(".")[2], value):
        return sealed(value)
    if isinstance(value, enum.Enum):
        return [_name(type(value)), value.name, _form(where, value.value)]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, (*_AS_TEXT, *_TIMES)):
        return [type(value).__name__, repr(value)]
    if isinstance(value, re.Pattern):
        return ["pattern", repr(value.pattern), value.flags]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    if isinstance(value, _NEUTRAL):
        return None
    if isinstance(value, Mapping):
        pairs = ([repr(key), _form(f"{where}.{key}", each)] for key, each in value.items())
        return ["mapping", *sorted(pairs, key=repr)]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *[_form(where, each) for each in value]]
    if isinstance(value, Set):
        return ["set", *sorted((_form(where, each) for each in value), key=repr)]
    if is_function(value):
        return ["function", function_form(value, _form, where)]
    with within(value) as again:
        return _state(where, value) if again is None else again


def _state(where: str, value: Value) -> Json:
    if isinstance(value, type):
        return [_name(value), schema_of(value) if issubclass(value, BaseModel) else None, _data(where, value)]
    if isinstance(value, BaseModel):
        return [_name(type(value)), _fields(value)]
    if is_plain(type(value)):
        state = [(name, each) for name, each in sorted(state_of(value).items()) if not _PASSING.search(name)]
        forms = [[name, _form(f"{where}.{name}", each)] for name, each in state]
        return [_name(type(value)), forms, _data(where, type(value), frozenset(name for name, _ in state))]
    raise NotKeyedError(f"{where} depends on an object of type {_name(type(value))}, which no key can hold")


def _data(where: str, kind: type, known: frozenset[str] = frozenset()) -> Json:
    """Return the settings a class holds for its objects; what has no form is none."""
    forms: dict[str, Json] = {}
    for name, value in data_of(kind).items():
        try:
            forms.update({} if name in known else {name: _form(f"{where}.{name}", value)})
        except NotKeyedError:
            continue
    return forms


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
