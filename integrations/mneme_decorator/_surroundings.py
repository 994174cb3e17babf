"""What a function's answers depend on besides its arguments: what it captures, and the object it is a method of."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Collection
from typing import Any

from mneme import AsyncSemanticCache, SemanticCache
from mneme.identity import captured_by, function_form, is_function, is_plain, is_secret, sealed, state_of
from mneme.records import changed_by
from mneme_decorator._canonical import Json, Unkeyable, Value, canonical, class_data, schema_form, type_name, unkeyable

# They change no answer.
_NEUTRAL = (SemanticCache, AsyncSemanticCache, logging.Logger)
_OWN_RECORD = (
    "captured variable {!r} is changed by the function itself; it is taken for a record of its own that decides no "
    "answer. If it does, say so with vary=; if not, name it in ignore=."
)


def captured(function: Callable[..., Any], ignored: Collection[str]) -> tuple[dict[str, Json], list[Unkeyable]]:
    """Return the form of what a nested function captures, as it is now, and the errors of what has none.

    Two functions made by one factory share their name; without these they would share their answers.
    """
    forms: dict[str, Json] = {}
    formless: list[Unkeyable] = []
    around = layers(function)
    for layer in around:
        values = captured_by(layer)
        changed = changed_by(layer.__code__) if values else ()
        for name, value in values.items():
            if name in ignored or isinstance(value, _NEUTRAL) or any(value is each for each in around):
                continue
            try:
                if name in changed:
                    raise Unkeyable(_OWN_RECORD.format(name))
                where = f"captured variable {name!r}"
                form = receiver(value, name, ignored) if name == "self" else _form(name, value, where)
                forms[f"{name}'" if name in forms else name] = form
            except Unkeyable as error:
                formless.append(error)
    return forms, formless


def layers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return a function and those that decorators below have wrapped."""
    found = [function]
    while (inner := getattr(found[-1], "__wrapped__", None)) is not None and len(found) < 10:
        found.append(inner)
    return [
        each.__func__ if isinstance(each, types.MethodType) else each for each in found if hasattr(each, "__code__")
    ]


def receiver(instance: Value, name: str, ignored: Collection[str]) -> Json:
    """Return what tells an object from others of its class: its attributes, and the data of its class.

    ignored: attributes left out, as "self.client". Raises Unkeyable for an attribute without a form.
    """
    unnamed = {each.split(".")[-1] for each in ignored}
    if isinstance(instance, type):
        return [f"type {type_name(instance)}", {"$schema": schema_form(instance, name)}, class_data(instance, unnamed)]
    kind = type(instance)
    if not is_plain(kind):
        raise unkeyable(instance, name)
    state = {each: value for each, value in state_of(instance).items() if not isinstance(value, _NEUTRAL)}
    counted = {each: value for each, value in state.items() if f"{name}.{each}" not in ignored}
    own = {each: _form(each, value, f"{name}.{each}") for each, value in sorted(counted.items())}
    return [type_name(kind), own, class_data(kind, {*state, *unnamed})]


def _form(name: str, value: Value, where: str) -> Json:
    return sealed(value) if is_secret(name, value) else canonical(value, where, _otherwise)


def _otherwise(value: Value, where: str) -> Json:
    if isinstance(value, _NEUTRAL):
        return None
    if isinstance(value, types.ModuleType):
        return {"$module": value.__name__}
    if hasattr(value, "cache_key") and hasattr(value, "__wrapped__"):
        value = value.__wrapped__  # another function of this cache's
    if is_function(value):
        return {"$function": function_form(value, _value_of, where)}
    raise unkeyable(value, where)


def _value_of(where: str, value: Value) -> Json:
    return _form(where.rpartition(".")[2], value, where)
