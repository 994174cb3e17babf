"""What a function's own code changes: its counters and records, which are no settings of it."""

from __future__ import annotations

import dis
import types
from functools import lru_cache

_CHANGING = (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("add", "discard", "update", "setdefault", "popitem", "difference_update", "intersection_update"),
)
_Place = tuple[int, int]


@lru_cache(maxsize=1024)
def changed_by(code: types.CodeType) -> frozenset[str]:
    """Return the captured variables that `code` assigns, assigns items of, or calls `append` and the like of."""
    changed: set[str] = set()
    begun: dict[_Place, str] = {}
    for step in dis.get_instructions(code):
        # An expression begins where the variable does that it is about.
        begin = _begin(step)
        if step.opname == "LOAD_DEREF" and begin is not None:
            begun[begin] = step.argval
        elif step.opname in ("STORE_DEREF", "DELETE_DEREF"):
            changed.add(step.argval)
        elif begin in begun and _changes(step):
            changed.add(begun[begin])
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
    changed: set[str] = set()
    begun: dict[_Place, str | None] = {}
    before = False
    for step in dis.get_instructions(code):
        begin = _begin(step)
        if step.opname.startswith("LOAD_FAST") and step.argval == own and begin is not None:
            begun[begin] = None
        elif step.opname == "STORE_ATTR" and before:
            changed.add(step.argval)
        elif begin in begun:
            attribute = begun[begin]
            if attribute is None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                begun[begin] = step.argval
            elif attribute is not None and (_changes(step) or step.opname == "STORE_ATTR"):
                changed.add(attribute)
        # Newer Pythons load two variables at once.
        pair = isinstance(step.argval, tuple) and step.argval[-1:] == (own,)
        before = step.opname.startswith("LOAD_FAST") and (pair or step.argval == own)
    return frozenset(changed)


def _changes(step: dis.Instruction) -> bool:
    if step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"):
        return True
    return step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval in _CHANGING


def _begin(step: dis.Instruction) -> _Place | None:
    at = step.positions
    return None if at is None or at.lineno is None or at.col_offset is None else (at.lineno, at.col_offset)
