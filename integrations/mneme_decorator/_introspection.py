"""What a function's annotations tell."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeAlias

# Any function at all, and any annotation.
Function: TypeAlias = Callable[..., Any]
Annotation: TypeAlias = Any


def annotation_of(function: Function, parameter: inspect.Parameter) -> Annotation:
    """Return the annotation of `parameter`, Any where it has none or names something unknown."""
    return _resolved(function, parameter.annotation)


def return_annotation_of(function: Function) -> Annotation:
    """Return what `function` says it returns, Any where it does not say or names something unknown."""
    return _resolved(function, inspect.signature(function).return_annotation)


def _resolved(function: Function, annotation: Annotation) -> Annotation:
    if annotation is inspect.Signature.empty:
        return Any
    holder = type("Holder", (), {"__annotations__": {"it": annotation}})
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}), include_extras=True)["it"]
    except Exception:  # an annotation as text may be any expression: it may raise anything
        return Any
