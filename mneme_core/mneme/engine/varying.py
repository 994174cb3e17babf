"""In what two `vary` differ, where of one there may be no more than its digest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_DATED: Final = re.compile(r"-(\d{4}-\d\d-\d\d|\d{6,8}|latest)$")
# Longer ones, such as digests and prompts, are not read beside each other.
LONGEST_SHOWN: Final = 40


def differences_of(there: Mapping[str, Any], here: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts that differ, for people: "model: gpt-4o there, gpt-4o-mini here"."""
    return tuple(_differences("", there, here))


def guess(
    here: Mapping[str, Any], digest: bytes, digest_of: Callable[[Mapping[str, Any]], bytes], model: str | None
) -> Mapping[str, Any] | None:
    """Return the `vary` with that digest, where it is like the one `here` but for one part; None where it is not.

    model: which model answered, as far as is known: what may stand there in the place of another.
    """
    return next((vary for vary in _neighbours(here, model) if digest_of(vary) == digest), None)


def _neighbours(here: Mapping[str, Any], model: str | None) -> Iterator[Mapping[str, Any]]:
    yield {}
    for name in here:
        yield {other: value for other, value in here.items() if other != name}
    for spelled in () if not model else dict.fromkeys((model, _DATED.sub("", model))):
        yield {**here, "model": spelled}
        for name, value in here.items():
            if isinstance(value, str):
                yield {**here, name: spelled}


def _differences(place: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*there, *here)):
        ours, theirs = here.get(name), there.get(name)
        if name in here and name in there and _same(ours, theirs):
            continue
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            yield from _differences(f"{place}{name}.", theirs, ours)
            continue
        theirs_said, ours_said = _said(name in there, theirs), _said(name in here, ours)
        if theirs_said == ours_said:  # both too long to show
            yield f"{place}{name} differs"
        else:
            yield f"{place}{name}: {theirs_said} there, {ours_said} here"


def _same(ours: Any, theirs: Any) -> bool:
    return json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


def _said(is_in: bool, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if is_in else "none"
    return text if len(text) <= LONGEST_SHOWN else "…"
