"""How an answer becomes text and comes back, chosen by the function's return annotation."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias, is_typeddict

from mneme.runtime.codecs import not_json

# The answer of any function, and any annotation.
Answer: TypeAlias = Any
Annotation: TypeAlias = Any

_NATIVE = (str, int, float, bool, type(None))


class Codec(Protocol):
    """Turns answers into text and back."""

    def encode(self, value: Answer) -> str | None:
        """Return `value` as text, or None for one that cannot be kept."""
        ...

    def decode(self, text: str) -> Answer:
        """Return what `encode` was given, as a new object."""
        ...


class TextCodec:
    """For answers that are text."""

    def encode(self, value: Answer) -> str | None:
        """Return `value` itself if it is text."""
        return value if type(value) is str else None

    def decode(self, text: str) -> Answer:
        """Return `text`."""
        return text


class JsonCodec:
    """For answers that are JSON: numbers, lists, mappings, TypedDicts."""

    def encode(self, value: Answer) -> str | None:
        """Return `value` as JSON, or None when it would come back different."""
        text = json.dumps(value, allow_nan=False)
        return text if not_json(value) is None else None

    def decode(self, text: str) -> Answer:
        """Return the value of the JSON `text`."""
        return json.loads(text)


class ModelCodec:
    """For answers that pydantic can describe: models, dataclasses, lists and unions of them.

    Answers of the OpenAI and Anthropic clients are pydantic models and come back as their own classes.
    """

    def __init__(self, annotation: Annotation) -> None:
        """Raises TypeError when pydantic is missing, or cannot describe `annotation`."""
        try:
            from pydantic import TypeAdapter
        except ImportError as error:
            raise TypeError("answers that are not JSON need pydantic, or a codec=") from error
        try:
            self._adapter = TypeAdapter(annotation)
            self._adapter.rebuild(raise_errors=True)
        except Exception as error:  # pydantic's errors for this share no class with each other
            raise TypeError(f"pydantic cannot describe answers of type {annotation}") from error

    def encode(self, value: Answer) -> str | None:
        """Return `value` as JSON, or None when it would come back different."""
        # Only fields that were set: a client that sends an answer back sends no others.
        # All fields where a default is made anew each time, such as an id.
        for only_set in (True, False):
            text = self._adapter.dump_json(
                value, exclude_unset=only_set, round_trip=True, by_alias=True, warnings=False
            ).decode()
            if _same(self.decode(text), value):
                return text
        return None

    def decode(self, text: str) -> Answer:
        """Return the answer that the JSON `text` describes."""
        return self._adapter.validate_json(text)


def codec_for(annotation: Annotation) -> Codec:
    """Return the codec for answers of type `annotation`. Raises TypeError when there is none."""
    if annotation is str:
        return TextCodec()
    if annotation is Any or annotation is object:
        raise TypeError("the function does not say what it returns, or names a class that is not found")
    if _is_json(annotation):
        return JsonCodec()
    kind = typing.get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, Iterator | AsyncIterator | Awaitable):
        raise TypeError("a function that returns a stream cannot be cached; yield its chunks from a generator instead")
    return ModelCodec(annotation)


def codec_for_stream(annotation: Annotation) -> Codec:
    """Return the codec for the chunks of a generator annotated so. Raises TypeError when there is none."""
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if not (arguments and isinstance(origin, type) and issubclass(origin, Iterable | AsyncIterable)):
        raise TypeError("the generator does not say what it yields")
    return codec_for(list[arguments[0]])  # type: ignore[valid-type]  # an annotation made at run time


def _is_json(annotation: Annotation) -> bool:
    if annotation in (*_NATIVE, None, Any, list, dict) or is_typeddict(annotation):
        return True
    origin: Annotation = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Literal:
        return all(type(value) in _NATIVE for value in arguments)
    if origin is dict:
        return arguments[0] is str and _is_json(arguments[1])
    return origin in (list, typing.Union, types.UnionType) and all(map(_is_json, arguments))


def _same(copy: Answer, value: Answer) -> bool:
    return type(copy) is type(value) and bool(copy == value)
