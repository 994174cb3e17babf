"""A label in front of the material that says no more than what the instruction calls it: "this note", "Note:"."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mneme.engine.guard.instructions import BARE
from mneme.engine.guard.material import LABELLED, Block, Task, block

_LABEL: Final = re.compile(r"(?:The )?([A-Za-z]+(?: [a-z]+){0,2}):\s+(?=\S)")
_NAME_OF_VALUE: Final = re.compile(r"^[^\w\n]*[A-Za-z][\w ]{0,25}:(?:\s|$)", re.MULTILINE)
# What is asked for where a line that begins with its name is something else.
_TO_THE_LABEL: Final = re.compile(
    r"count|how (?:many|long)|length|character|first|label|heading|header|colon|prefix|\bkeys?\b|field|verbatim|exact"
    r"|repeat|copy|format|echo|encod|hash|revers|token|line",
    re.IGNORECASE,
)


def unlabelled(labelled: Block, *tasks: Task) -> Block:
    """Return a block without its label, where that says of what kind it is and what is asked calls it the same."""
    found = None if labelled.label or labelled.tag else _LABEL.match(labelled.text)
    if found is None:
        return labelled
    label, rest = found[1].lower(), labelled.text[found.end() :]
    is_several = "\n" not in found[0] and _NAME_OF_VALUE.search(rest) is not None
    asked = [piece.text.replace("'s ", " ").replace("’s ", " ") for task in tasks for piece in task.asked]
    if is_several or any(map(_TO_THE_LABEL.search, asked)):
        return labelled
    is_pointed = any(map(_pointing(label.removesuffix("s")).search, asked))
    return block(rest, label) if is_pointed or LABELLED.fullmatch(label) else labelled


@lru_cache(maxsize=256)
def _pointing(name: str) -> re.Pattern[str]:
    of_it = rf"(?: [a-z-]+)? {re.escape(name)}s?"
    return re.compile(
        rf"\b(?:(?:this|these|the following){of_it}(?: (?:below|above)\b|{BARE})|the{of_it} (?:below|above)\b)",
        re.IGNORECASE,
    )
