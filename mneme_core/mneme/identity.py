"""What tells two functions, and two objects, apart: for keys that must hold whatever decides an answer."""

from __future__ import annotations

import functools
import json
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any, TypeAlias

# Any object at all, and JSON of any shape.
Value: TypeAlias = Any
Json: TypeAlias = Any
ValueOf: TypeAlias = Callable[[str, Value], Json]
"""(where, value) -> its form in a key. Raises what its owner raises for a value that has none."""

_SECRET = re.compile(
    r"(^|[_-])(key|key_id|secret|password|passwd|token|credentials?|authorization|cookies?)$", re.IGNORECASE
)
# The functions, classes and objects whose forms are being made, outermost first.
_within: ContextVar[tuple[Value, ...]] = ContextVar("mneme_identity_within", default=())
_FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    functools.partial,
    type(functools.lru_cache(len)),
)
# Classes made by a class statement; the state of others is not in their attributes.
_HEAP_TYPE = 1 << 9
# Their classes hold nothing of the user's.
_LIBRARIES = ("abc", "enum", "pydantic", "typing", "langchain_core")
_PYDANTICS = ("model_config", "model_fields", "model_computed_fields")
_SECRETS = ("SecretStr", "SecretBytes", "Secret")
# Where a message names a tool call.
_CALL_IDS = ("tool_call_id", "call_id", "tool_use_id")


def function_form(function: Callable[..., Any], value_of: ValueOf, where: str) -> Json:
    """Return what tells a function from others, the same in every process.

    Its name and code, and by `value_of` the values it captures, its defaults, a partial's arguments, the object of a
    bound method. What it reads of its module is not in it.
    """
    if isinstance(function, functools.partial):
        inner = function_form(function.func, value_of, where)
        return ["partial", inner, value_of(where, list(function.args)), value_of(where, function.keywords)]
    if isinstance(function, types.MethodType):
        return ["method", function_form(function.__func__, value_of, where), value_of(where, function.__self__)]
    if isinstance(function, types.FunctionType):
        with within(function) as again:
            if again is not None:  # functions that call each other
                return again
            captured = {name: value_of(f"{where}.{name}", value) for name, value in captured_by(function).items()}
            defaults = [list(function.__defaults__ or ()), function.__kwdefaults__ or {}]
            digest = code_digest(function.__code__)
            return ["function", function.__module__, digest, captured, value_of(where, defaults)]
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:  # by functools.lru_cache
        return ["wrapped", function_form(wrapped, value_of, where)]
    owner, name = getattr(function, "__self__", None), function.__qualname__
    if owner is None or isinstance(owner, types.ModuleType):
        return ["builtin", getattr(function, "__module__", None), name]
    return ["builtin", name, value_of(where, owner)]


@contextmanager
def within(value: Value) -> Iterator[Json]:
    """Say that the form of `value` is being made; yield the form of one that is part of itself, else None."""
    outer = _within.get()
    for position, each in enumerate(outer):
        if each is value:
            yield ["again", position]
            return
    token = _within.set((*outer, value))
    try:
        yield None
    finally:
        _within.reset(token)


def is_function(value: Value) -> bool:
    """Return whether `function_form` knows `value`; an object with a `__call__` is known by its state instead."""
    return isinstance(value, _FUNCTIONS)


def captured_by(function: Callable[..., Any]) -> dict[str, Value]:
    """Return what a nested function reads of its surroundings, as it is now; the function itself is left out."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    values: dict[str, Value] = {}
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # a variable that is assigned only later
            continue
        if value is not function and getattr(value, "__wrapped__", None) is not function:
            values[name] = value
    return values


@functools.lru_cache(maxsize=1024)
def code_digest(code: types.CodeType) -> str:
    """Return a digest of what a function does: two lambdas of one line share their name, but not their code."""
    constants = [
        code_digest(each) if isinstance(each, types.CodeType) else [type(each).__name__, _constant(each)]
        for each in code.co_consts
    ]
    return digest_of([code.co_qualname, code.co_code.hex(), code.co_names, code.co_freevars, constants])


def _constant(value: Value) -> str:
    # A set's order differs from process to process.
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def state_of(instance: object) -> dict[str, Value]:
    """Return the attributes an object has of its own: those in its dict, in its slots, and a pydantic model's."""
    state = {
        name: getattr(instance, name)
        for kind in type(instance).__mro__
        for name in _slots(kind)
        if name not in ("__dict__", "__weakref__") and not name.startswith("__pydantic") and hasattr(instance, name)
    }
    state.update(getattr(instance, "__dict__", {}))
    for extra in ("__pydantic_extra__", "__pydantic_private__"):
        values = getattr(instance, extra, None)
        if isinstance(values, Mapping):
            state.update(values)
    return state


def data_of(kind: type) -> dict[str, Value]:
    """Return what a class and its bases hold for their objects: their attributes without methods and Python's own."""
    found: dict[str, Value] = {}
    for each in kind.__mro__:
        if each.__flags__ & _HEAP_TYPE and each.__module__.partition(".")[0] not in _LIBRARIES:
            for name, value in vars(each).items():
                known = name.startswith(("__", "_abc_")) or name in _PYDANTICS
                if not (known or hasattr(value, "__get__")):
                    found.setdefault(name, value)
    return found


def is_plain(kind: type) -> bool:
    """Return whether an object of a class is no more than its attributes: it has no built-in one among its bases.

    An `object()` has none, and is known by its address alone.
    """
    return kind is not object and all(each.__flags__ & _HEAP_TYPE for each in kind.__mro__[:-1])


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    # A name that begins with two underscores is kept under another.
    return tuple(
        f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
        for name in names
    )


def is_secret(name: str, value: Value) -> bool:
    """Return whether a value is a secret, by its type or by its name: then its digest stands for it."""
    return type(value).__name__ in _SECRETS or (isinstance(value, str | bytes) and bool(_SECRET.search(name)))


def sealed(value: Value) -> Json:
    """Return the digest that stands for a secret's text in a key."""
    reveal = getattr(value, "get_secret_value", None)
    text = reveal() if callable(reveal) else value
    return {"$digest": digest_of(text.hex() if isinstance(text, bytes) else str(text))}


def digest_of(value: Json) -> str:
    """Return a digest of JSON."""
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def calls_numbered(value: Json, numbers: dict[str, str], kinds: Collection[str]) -> Json:
    """Return a message with the ids of tool calls replaced by their order, in `numbers`: they differ between runs.

    kinds: the types of what has such an id as its "id".
    """
    if isinstance(value, list):
        return [calls_numbered(item, numbers, kinds) for item in value]
    if not isinstance(value, dict):
        return value
    ids = (*_CALL_IDS, "id") if value.get("type") in kinds else _CALL_IDS
    return {
        name: numbers.setdefault(item, f"call {len(numbers)}")
        if name in ids and isinstance(item, str)
        else calls_numbered(item, numbers, kinds)
        for name, item in sorted(value.items())
    }
