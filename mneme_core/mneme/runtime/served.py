"""What integrations served, for whoever sees an answer and has no hit in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mneme.model import Hit

_noting: ContextVar[list[Hit] | None] = ContextVar("mneme_served", default=None)


@contextmanager
def served_hits() -> Iterator[list[Hit]]:
    """Note the hits that the integrations serve meanwhile, in order: `with served_hits() as hits: agent.invoke(…)`.

    Those of this thread or task, and of what it starts with its context, as LangChain, LlamaIndex and asyncio do.
    `cache.report_wrong(hits[-1])` takes one back, `cache.explain(hit.asked, like=hit.key)` says why it was served.
    """
    hits: list[Hit] = []
    token = _noting.set(hits)
    try:
        yield hits
    finally:
        _noting.reset(token)


def note_served(hit: Hit | None) -> None:
    """Note a hit, for whoever listens; None is none. Called by what serves answers from a cache."""
    hits = _noting.get()
    if hits is not None and hit is not None:
        hits.append(hit)
