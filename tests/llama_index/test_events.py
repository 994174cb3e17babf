"""Handlers are told of a hit what they are told of a call, and that it was a hit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from inspect import BoundArguments
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span.simple import SimpleSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.rate_limiter import TokenBucketRateLimiter

from mneme import SemanticCache
from mneme_llama_index import SemanticCacheHitEvent, cached_llm

MESSAGES = [ChatMessage(role="user", content="How are you?")]
METHODS = [
    "chat",
    "achat",
    "complete",
    "acomplete",
    "stream_chat",
    "astream_chat",
    "stream_complete",
    "astream_complete",
]


class Events(BaseEventHandler):
    seen: list[Any] = []  # noqa: RUF012  # pydantic copies it for each instance

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)


class Spans(BaseSpanHandler[SimpleSpan]):
    names: list[Any] = []  # noqa: RUF012

    def new_span(self, id_: str, bound_args: BoundArguments, instance: Any = None, **_: Any) -> SimpleSpan:  # type: ignore[override]
        self.names.append((id_.rpartition(".")[2].split("-")[0], type(instance).__name__, *bound_args.arguments))
        return SimpleSpan(id_=id_)

    def prepare_to_exit_span(self, id_: str, *_: Any, **__: Any) -> None:
        self.names.append("exit")

    def prepare_to_drop_span(self, id_: str, *_: Any, **__: Any) -> None:
        self.names.append("drop")


class Watch:
    """What happened since it was last asked."""

    def __init__(self, events: Events, spans: Spans, debug: LlamaDebugHandler, tokens: TokenCountingHandler) -> None:
        self.events, self.spans, self.debug, self.tokens = events, spans, debug, tokens

    def since(self) -> dict[str, Any]:
        pairs = self.debug.get_event_pairs(CBEventType.LLM)
        seen = {
            "events": [told(event) for event in self.events.seen if not isinstance(event, SemanticCacheHitEvent)],
            "hits": [event.layer for event in self.events.seen if isinstance(event, SemanticCacheHitEvent)],
            "spans": list(self.spans.names),
            "callbacks": [[plain(each.payload) for each in pair] for pair in pairs],
            "tokens": self.tokens.total_llm_token_count,
        }
        self.events.seen.clear()
        self.spans.names.clear()
        self.debug.flush_event_logs()
        self.tokens.reset_counts()
        return seen


def told(event: Any) -> Any:
    fields = {name: plain(value) for name, value in event if name not in ("id_", "timestamp", "span_id", "tags")}
    return type(event).__name__, event.span_id is not None, fields


def plain(value: Any) -> Any:
    """Return the value without the client's own object, which a hit has as a mapping."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude={"raw"}, warnings=False)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@pytest.fixture
def watch() -> Iterator[Watch]:
    root = get_dispatcher()
    events, spans = Events(), Spans()
    root.add_event_handler(events)
    root.add_span_handler(spans)
    words = TokenCountingHandler(tokenizer=str.split)
    yield Watch(events, spans, LlamaDebugHandler(print_trace_on_end=False), words)
    root.event_handlers.remove(events)
    root.span_handlers.remove(spans)


async def ask(llm: Any, method: str) -> None:
    answer = getattr(llm, method)(MESSAGES if "chat" in method else "How are you?")
    if method.startswith("a"):
        answer = await answer
    if "stream" in method:
        _ = [chunk async for chunk in answer] if method.startswith("a") else list(answer)


@pytest.mark.parametrize("method", METHODS)
async def test_a_hit_is_told_as_a_call_is(any_llm: Any, cache: SemanticCache, watch: Watch, method: str) -> None:
    any_llm.callback_manager = CallbackManager([watch.debug, watch.tokens])
    llm = cached_llm(any_llm, cache)
    await ask(any_llm, method)
    uncached = watch.since()
    await ask(llm, method)
    miss = watch.since()
    await ask(llm, method)
    hit = watch.since()

    assert (miss, hit) == (uncached, {**uncached, "hits": ["exact"]})
    assert (len(uncached["events"]) > 1, len(uncached["callbacks"]) > 0, uncached["tokens"] > 0) == (True, True, True)


@pytest.mark.parametrize("method", METHODS)
async def test_a_hit_can_be_told_as_nothing_but_a_hit(
    any_llm: Any, cache: SemanticCache, watch: Watch, method: str
) -> None:
    any_llm.callback_manager = CallbackManager([watch.debug, watch.tokens])
    llm = cached_llm(any_llm, cache, events="hit")
    await ask(llm, method)
    watch.since()
    await ask(llm, method)

    assert watch.since() == {"events": [], "hits": ["exact"], "spans": [], "callbacks": [], "tokens": 0}


async def test_each_of_many_at_once_is_told(openai: Any, cache: SemanticCache, watch: Watch) -> None:
    openai.callback_manager = CallbackManager([watch.debug, watch.tokens])
    llm = cached_llm(openai, cache)
    for method in ("achat", "astream_chat"):
        await ask(openai, method)
        alone = watch.since()
        await asyncio.gather(*(ask(llm, method) for _ in range(5)))
        together = watch.since()

        assert together["tokens"] == 5 * alone["tokens"]


async def test_a_hit_uses_up_no_request_of_a_rate_limiter(openai: Any, cache: SemanticCache) -> None:
    acquired = []

    class Counting(TokenBucketRateLimiter):
        def acquire(self, *args: Any, **kwargs: Any) -> None:
            acquired.append("sync")

        async def async_acquire(self, *args: Any, **kwargs: Any) -> None:
            acquired.append("async")

    openai.rate_limiter = Counting(requests_per_minute=60)
    llm = cached_llm(openai, cache)
    for method in METHODS:
        for _ in range(3):
            await ask(llm, method)

    # The sync and the async method of a pair share one entry.
    assert acquired == ["sync"] * 4


def test_the_callbacks_of_settings_reach_a_cached_model(cache: SemanticCache, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_callback_manager", CallbackManager([handler]))
    Settings.llm = cached_llm(MockLLM(), cache)
    for _ in range(2):
        Settings.llm.complete("a")

    assert len(handler.get_event_pairs(CBEventType.LLM)) == 2
