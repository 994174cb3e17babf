"""What is stored for a call of LangChain's cache interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.outputs import Generation

from mneme.model import Mode, TokenUsage
from mneme_langchain._admission import calls_tools, is_complete
from mneme_langchain._codec import encode
from mneme_langchain._request import Request
from mneme_langchain._usage import usage_of


class Entry(NamedTuple):
    """The arguments of `cache.put`."""

    query: str
    response: str
    vary: dict[str, Any]
    mode: Mode
    usage: TokenUsage | None


def entry_of(generations: Sequence[Generation], request: Callable[[], Request]) -> Entry | None:
    """Return what to store, None where the answers are not whole or would not read back as the same.

    request: makes the request, when it is needed. Answers that ask for tools serve equal requests alone.
    """
    response = encode(generations) if is_complete(generations) else None
    if response is None:
        return None
    made = request()
    return Entry(
        made.query, response, made.vary, "exact" if calls_tools(generations) else made.mode, usage_of(generations)
    )
