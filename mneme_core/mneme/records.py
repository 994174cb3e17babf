"""What a function's own code changes: its counters and records, which are no settings of it."""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeAlias

_CHANGING = (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("add", "discard", "update", "setdefault", "popitem", "difference_update", "intersection_update"),
)
_ITEMS = ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE")
_ATTRIBUTES = ("STORE_ATTR", "DELETE_ATTR")
_Place: TypeAlias = tuple[int, int]
_NOWHERE: _Place = (-1, -1)
# Of a step and the one before it: the name of the variable or attribute that the step reads, if it is one of those.
_Read: TypeAlias = Callable[[dis.Instruction, dis.Instruction | None], str | None]


@lru_cache(maxsize=1024)
def changed_by(code: types.CodeType) -> frozenset[str]:
    """Return the captured variables that `code` assigns, assigns items of, or calls `append` and the like of.

    A change of what a call, a subscript or a slice of the variable gives, as in `x.copy().pop()`, is none of it.
    """
    changed = set(_changed_in_place(code, lambda step, _: _name(step) if step.opname == "LOAD_DEREF" else None, _ITEMS))
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_DEREF", "DELETE_DEREF"):
            changed.add(_name(step))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            changed |= changed_by(constant)
    return frozenset(changed) & frozenset(code.co_freevars)


@lru_cache(maxsize=1024)
def attributes_changed_by(code: types.CodeType) -> frozenset[str]:
    """Return the attributes of its object that a method assigns, assigns items of, or calls `append` and such of."""
    if not code.co_argcount:
        return frozenset()
    own = code.co_varnames[0]

    def read(step: dis.Instruction, before: dis.Instruction | None) -> str | None:
        return _name(step) if step.opname == "LOAD_ATTR" and not _is_call(step) and _loads(before, own) else None

    changed = set(_changed_in_place(code, read, (*_ITEMS, *_ATTRIBUTES)))
    changed.update(_name(step) for step, before in _steps(code) if step.opname in _ATTRIBUTES and _loads(before, own))
    return frozenset(changed)


def _changed_in_place(code: types.CodeType, read: _Read, storing: tuple[str, ...]) -> Iterator[str]:
    """Yield what `code` calls a changing method of, and what it stores something in, by the names that `read` gives."""
    held: tuple[str, _Place] | None = None  # what the step before has read, and where
    # Where expressions begin: with what they do, and where the parts of them end that have been computed.
    begun: dict[_Place, tuple[str, list[_Place]]] = {}
    for step, before in _steps(code):
        begin, end = _places(step)
        name = read(step, before)
        if name is not None:
            begun[begin] = (name, [])
        elif held is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            if _is_call(step) and step.argval in _CHANGING:
                yield held[0]
            begun.pop(held[1], None)  # what follows there is about the attribute
        elif begin in begun:
            about, ends = begun[begin]
            # What ends before the place that is stored in stands between it and the variable.
            if step.opname in storing and not any(each < end for each in ends):
                yield about
            ends.append(end)
        held = (name, begin) if name is not None else None
        begun.pop(_NOWHERE, None)


def _steps(code: types.CodeType) -> Iterator[tuple[dis.Instruction, dis.Instruction | None]]:
    """Yield the steps of `code`, each with the one before it."""
    before: dis.Instruction | None = None
    for step in dis.get_instructions(code):
        if step.opname in ("EXTENDED_ARG", "NOP"):
            continue
        yield step, before
        # `self.x += 1` reads and stores the attribute of one and the same object.
        if step.opname != "COPY" or before is None or not before.opname.startswith("LOAD_FAST"):
            before = step


def _loads(step: dis.Instruction | None, own: str) -> bool:
    """Return whether a step loads the variable last; newer Pythons load two at once."""
    if step is None or not step.opname.startswith("LOAD_FAST"):
        return False
    loaded = step.argval[-1] if isinstance(step.argval, tuple) else step.argval
    return bool(loaded == own)


def _is_call(step: dis.Instruction) -> bool:
    """Return whether a step takes a method in order to call it; since 3.12 that is a bit of an attribute's."""
    return step.opname == "LOAD_METHOD" or (
        step.opname == "LOAD_ATTR" and sys.version_info >= (3, 12) and bool((step.arg or 0) & 1)
    )


def _name(step: dis.Instruction) -> str:
    return str(step.argval)


def _places(step: dis.Instruction) -> tuple[_Place, _Place]:
    """Return where a step's expression begins and ends in the source; nowhere, if that was not kept."""
    at = step.positions
    if at is None or None in (at.lineno, at.col_offset, at.end_lineno, at.end_col_offset):
        return _NOWHERE, _NOWHERE
    return (at.lineno or 0, at.col_offset or 0), (at.end_lineno or 0, at.end_col_offset or 0)
