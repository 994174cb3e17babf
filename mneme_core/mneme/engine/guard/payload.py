"""The part of a request that is worked on: what stands in quotes, or after the instruction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mneme.engine.guard.difference import Difference

_QUOTED: Final = re.compile(r'"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]|「([^」]+)」')
_MARKS: Final = re.compile(r'["“«„「:\n]')
"""Without one of these there is no payload."""
# A colon or a line's end after an instruction: translate into French: …
_INSTRUCTION: Final = re.compile(
    r"[^:\n]*\b(?:translat|summari[sz]|rewrit|rephras|paraphras|proofread|correct|extract|classif|convert|categori[sz]"
    r"|analy[sz]|label|tag|shorten|simplif|explain|describe|answer|complete|continue|fix|format|parse|detect|identif"
    r"|review|edit|improve|say|read|list|count|reply|respond|turn|put)\w*\b[^:\n]*[:\n]\s*(\S.*)",
    re.IGNORECASE | re.DOTALL,
)


def payload_of(text: str) -> str:
    """Return what the instruction of `text` is about, word by word; empty where there is no such part. Linear."""
    if _MARKS.search(text) is None:
        return ""
    found = [next(part for part in match.groups() if part) for match in _QUOTED.finditer(text)]
    if not found and (":" in text or "\n" in text):
        match = _INSTRUCTION.match(text.strip())
        found = [match[1]] if match else []
    return " ".join(" ".join(found).casefold().split()).strip(" .!?\"'")


def payload_difference(a: str, b: str) -> Iterator[Difference]:
    """Yield the difference of two payloads: in what is worked on every word counts."""
    if a and b and a != b:
        yield Difference("payload", a[:60], b[:60])
