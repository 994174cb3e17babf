"""From a call to what the cache is asked: decided at decoration, applied at every call."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mneme import Similar
from mneme_decorator._canonical import Json, Unkeyable, can_be_keyed, canonical
from mneme_decorator._introspection import annotation_of
from mneme_decorator._messages import read, turns_apart
from mneme_decorator._surroundings import captured, layers, receiver

# The arguments of a call by name, defaults included.
Arguments: TypeAlias = Mapping[str, Any]
Query: TypeAlias = str | Callable[[Arguments], str]
Varying: TypeAlias = Iterable[str] | Callable[[Arguments], Mapping[str, Any]]
Mode: TypeAlias = typing.Literal["semantic", "exact"]
Context: TypeAlias = typing.Literal["exact", "similar"]

_TEXT_NAMES = ("prompt", "query", "question", "input")
_RECEIVERS = ("self", "cls")


@dataclass(frozen=True, slots=True)
class Request:
    """What the cache is asked for one call."""

    query: str
    vary: dict[str, Json]
    mode: Mode
    namespace: str
    formless: list[Unkeyable] = field(compare=False)
    """Why some of what the function captures is not in the key."""
    again: Callable[[], dict[str, Json]] = field(compare=False)
    """Reads anew what `vary` holds of the function's surroundings."""

    def moved(self) -> list[str]:
        """Return the captured variables and the attributes that have changed since."""
        try:
            now = self.again()
        except Exception:  # it had a form before
            return []
        return [name for kind in now for name in _changed(kind, self.vary.get(kind), now[kind])]


class Plan:
    """How the calls of one function are looked up."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        query: Query | None,
        vary: Varying | None,
        ignore: Iterable[str],
        namespace: str | Callable[[Arguments], str] | None,
        mode: Mode,
        max_question_chars: int,
        context: Context,
    ) -> None:
        """Raises TypeError where it is known already that calls could not be told apart or looked up."""
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._signature = inspect.signature(function)
        self._receiver: tuple[object, ...] = ()
        self._function = function
        self.own_namespace = namespace if isinstance(namespace, str) else None
        self._namespace = namespace
        self._mode: Mode = mode
        self._max_question_chars = max_question_chars
        self._context: Context = context
        self._ignored = frozenset([ignore] if isinstance(ignore, str) else ignore)
        self._vary: frozenset[str] | Callable[[Arguments], Mapping[str, Any]] | None
        self._vary = vary if vary is None or callable(vary) else frozenset([vary] if isinstance(vary, str) else vary)
        self._check_names(query)
        self._query = query
        if query is None:
            self._query = self._find_query(function)
        self._check_types(function)

    def bound_to(self, receiver: object) -> Plan:
        """Return the plan of the function as a method of `receiver`."""
        plan = copy.copy(self)
        plan._receiver = (receiver,)
        return plan

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """Return the arguments of a call by name, with defaults. Raises TypeError where they do not fit."""
        bound = self._signature.bind(*self._receiver, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                for more, value in arguments.pop(name).items():
                    # `def f(prompt, /, **more)` takes a second `prompt`, and a "**prompt" besides.
                    taken = more in arguments or more.startswith("**")
                    arguments[f"**{more}" if taken else more] = value
        return arguments

    def request(self, arguments: Arguments) -> Request:
        """Return what to ask the cache. Raises Unkeyable for arguments it cannot be asked for."""
        asked = self._query(arguments) if callable(self._query) else arguments.get(self._query or "")
        around, formless = self._surroundings(arguments)
        vary: dict[str, Json] = {"function": self.name, "arguments": self._varying(arguments), **around}
        mode = self._mode
        if isinstance(asked, list | tuple):
            conversation = read(asked, str(self._query))
            asked, vary["context"] = conversation.query, conversation.context
            mode = mode if conversation.answers_user else "exact"
        if not isinstance(asked, str):
            raise Unkeyable(f"the query of {self.name} is of type {type(asked).__name__}; it is a text or messages.")
        if not asked.strip() or len(asked) > self._max_question_chars:
            mode = "exact"
        if mode == "exact":
            vary["verbatim"] = asked  # to the letter: in documents and code, case and white space carry meaning
        elif self._context == "similar" and "context" in vary:
            turns, vary["context"] = turns_apart(vary["context"])
            vary["turns"] = Similar(turns)
        return Request(
            asked, vary, mode, self._namespace_of(arguments), formless, lambda: self._surroundings(arguments)[0]
        )

    def _surroundings(self, arguments: Arguments) -> tuple[dict[str, Json], list[Unkeyable]]:
        """Return what the answers depend on besides the arguments, as it is now, and why some of it is left out."""
        around: dict[str, Json] = {}
        forms, formless = captured(self._function, self._ignored)
        if forms:
            around["captured"] = forms
        name = self._receivers_name()
        if name is not None and name in arguments and name not in self._ignored and self._vary is None:
            around["receiver"] = receiver(arguments[name], name, self._ignored)
        return around, formless if self._vary is None else []

    def _receivers_name(self) -> str | None:
        """Return the name of the argument whose method the function is."""
        first = next(iter(self._signature.parameters), "")
        return first if self._receiver or first in _RECEIVERS else None

    def _varying(self, arguments: Arguments) -> Json:
        if callable(self._vary):
            return canonical(self._vary(arguments), "vary")
        names = self._vary if self._vary is not None else self._keyed(arguments)
        return {name: self._keyed_value(name, arguments) for name in sorted(names) if name in arguments}

    def _keyed(self, names: Iterable[str]) -> list[str]:
        left_out = {*self._ignored, self._query, self._receivers_name()}
        return [name for name in names if name not in left_out]

    def _keyed_value(self, name: str, arguments: Arguments) -> Json:
        value = arguments[name]
        if name == self._receivers_name():
            return receiver(value, name, self._ignored)
        parameter = self._signature.parameters.get(name)
        try:
            return canonical(value, f"argument {name!r} of {self.name}")
        except Unkeyable:
            # A default such as a client's NOT_GIVEN is the same in every call.
            if parameter is not None and value is parameter.default:
                return {"$default": True}
            raise

    def _namespace_of(self, arguments: Arguments) -> str:
        namespace = self._namespace(arguments) if callable(self._namespace) else self._namespace or "default"
        if not isinstance(namespace, str):
            raise Unkeyable(f"namespace= of {self.name} gave a {type(namespace).__name__}; it is a text.")
        return namespace

    def _find_query(self, function: Callable[..., Any]) -> str:
        names = self._keyed(self._signature.parameters)
        for name in ("messages", *_TEXT_NAMES):
            if name in names:
                return name
        texts = [name for name in names if annotation_of(function, self._signature.parameters[name]) is str]
        if len(texts) == 1:
            return texts[0]
        raise TypeError(
            f"{self.name} has no argument named messages, {', '.join(_TEXT_NAMES)}, and not just one of type "
            "str. Say with query= which argument is asked, or give a function that makes the question."
        )

    def _check_names(self, query: Query | None) -> None:
        parameters = self._signature.parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return
        named = {"query": {query} if isinstance(query, str) else (), "ignore": self._ignored}
        # Also what the function captures, and attributes of the object whose method it is.
        around = {name for name in self._ignored if name.partition(".")[0] == self._receivers_name()}
        around.update(name for layer in layers(self._function) for name in layer.__code__.co_freevars)
        named["vary"] = () if self._vary is None or callable(self._vary) else self._vary
        for option, names in named.items():
            for name in sorted(set(names) - set(parameters) - around):
                raise TypeError(f"{option}= names {name!r}, which is no argument of {self.name}{self._signature}.")

    def _check_types(self, function: Callable[..., Any]) -> None:
        if self._vary is not None:
            return
        for name in self._keyed(self._signature.parameters):
            parameter = self._signature.parameters[name]
            annotation = annotation_of(function, parameter)
            if parameter.default is parameter.empty and not can_be_keyed(annotation):
                raise TypeError(
                    f"argument {name!r} of {self.name} is a {annotation}, which cannot be part of a key. "
                    f"Leave it out with ignore=({name!r},), or choose what counts with vary=."
                )


def _changed(kind: str, before: Json, after: Json) -> list[str]:
    if kind == "captured":
        return [name for name in after if before is None or before.get(name) != after[name]]
    if before == after or not (isinstance(before, list) and len(before) == len(after) == 3):
        return []
    return [f"self.{name}" for at in (1, 2) for name in after[at] if before[at].get(name) != after[at][name]]
