"""Which captured variables a function's own code changes: its counters and records, which are no settings."""

from __future__ import annotations

import dis
import types
from functools import lru_cache

_CHANGING = (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("add", "discard", "update", "setdefault", "popitem", "difference_update", "intersection_update"),
)


@lru_cache(maxsize=1024)
def changed_by(code: types.CodeType) -> frozenset[str]:
    """Return the captured variables that `code` assigns, assigns items of, or calls `append` and the like of."""
    changed: set[str] = set()
    begun: dict[tuple[int, int], str] = {}
    for step in dis.get_instructions(code):
        # An expression begins where the variable does that it is about.
        at = step.positions
        begin = None if at is None or at.lineno is None or at.col_offset is None else (at.lineno, at.col_offset)
        if step.opname in ("LOAD_DEREF", "LOAD_FROM_DICT_OR_DEREF") and begin is not None:
            begun[begin] = step.argval
        elif step.opname in ("STORE_DEREF", "DELETE_DEREF"):
            changed.add(step.argval)
        elif begin in begun and (
            step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR")
            or (step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval in _CHANGING)
        ):
            changed.add(begun[begin])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            changed |= changed_by(constant)
    return frozenset(changed) & frozenset(code.co_freevars)
