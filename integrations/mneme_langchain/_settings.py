"""What of a wrapped model changes its answers: its own fields, whether or not it names them to LangChain."""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Mapping, Set
from functools import lru_cache, partial
from pathlib import PurePath
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel

from mneme.identity import digest_of, function_form, is_function, is_plain, is_secret, sealed, state_of
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
        *("client", "async_client", "root_client", "root_async_client", "http_client", "http_async_client"),
        *("http_socket_options", "stream_chunk_timeout"),
    )
)
# What runs out while the account stays the same, and functions that bring it.
_PASSING = re.compile(r"(^|_)((access|auth|bearer|session|ad|id)_token|token_provider)$")
_CALLS = ("_generate", "_agenerate", "_stream", "_astream", "_call", "_acall")


def settings_digest(model: BaseChatModel, kind: type[BaseChatModel]) -> str:
    """Return a digest of a model's fields as they are now; kind: its own class, beneath the cached one.

    Left out are `records_of` the class. Raises NotKeyedError for a function that depends on what has no form.
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
    return frozenset(changed & set(kind.model_fields))


def _fields(model: BaseModel, left_out: frozenset[str] = frozenset()) -> Json:
    names = [name for name in type(model).model_fields if name not in left_out]
    values = {**{name: getattr(model, name, None) for name in names}, **(model.model_extra or {})}
    return {
        name: _form(name, value)
        for name, value in values.items()
        if name not in _OPERATIONAL and not _PASSING.search(name) and not (name.endswith("api_key") and callable(value))
    }


def _form(where: str, value: Value, *, strict: bool = False) -> Json:
    """Return the form of a field's value; an object that has none counts by its type.

    strict: the value is one that a function depends on. Raises NotKeyedError then where it has no form.
    """
    form = partial(_form, strict=strict)
    if is_secret(where.rpartition(".")[2], value):
        return sealed(value)
    if isinstance(value, enum.Enum):
        return [_name(type(value)), value.name]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | bytes | PurePath | datetime.date | datetime.timedelta):
        return [type(value).__name__, repr(value)]
    if isinstance(value, Mapping):
        pairs = ([repr(key), form(f"{where}.{key}", each)] for key, each in value.items())
        return ["mapping", *sorted(pairs, key=repr)]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *[form(where, each) for each in value]]
    if isinstance(value, Set):
        return ["set", *sorted((form(where, each) for each in value), key=repr)]
    if isinstance(value, type):
        return [_name(value), schema_of(value) if issubclass(value, BaseModel) else None]
    if isinstance(value, BaseModel):
        return [_name(type(value)), _fields(value)]
    if is_function(value):
        return ["function", function_form(value, partial(_form, strict=True), where)]
    if callable(value) and is_plain(type(value)):
        state = sorted(state_of(value).items())
        return [_name(type(value)), [[name, _form(f"{where}.{name}", each, strict=True)] for name, each in state]]
    if strict or callable(value):
        raise NotKeyedError(f"{where} depends on an object of type {_name(type(value))}, which no key can hold")
    # A client, an iterator, a loaded network: the fields beside it say which.
    return _name(type(value))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
