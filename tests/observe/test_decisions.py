"""Observers are told every decision, in both facades, with what was decided and how long it took."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, Shadow, Threshold
from mneme.errors import InvalidArgumentError
from mneme.observe import Decision, DecisionLog, JsonFormatter
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder
from mneme.testing.waiting import aeventually

QUESTION, OTHER_WORDS = "how do I pay my bill", "my bill how do I pay"

Call = Callable[..., Awaitable[Any]]


class Heard(list[Decision]):
    """An observer that keeps what it is told."""

    def decided(self, decision: Decision) -> None:
        self.append(decision)

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        return [(decision.outcome, decision.reason) for decision in self]


@pytest.fixture(params=[SemanticCache, AsyncSemanticCache])
def facade(request: pytest.FixtureRequest) -> type[SemanticCache]:
    return request.param


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def opened(facade: type[SemanticCache], heard: Heard) -> Callable[..., Any]:
    def opened(**options: Any) -> Any:
        embedder = WordEmbedder() if facade is SemanticCache else AsyncWordEmbedder()
        return facade(**{"store": MemoryStore(), "embedder": embedder, "observers": [heard]} | options)

    return opened


async def done(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


async def test_every_kind_of_lookup_is_told(opened: Callable[..., Any], heard: Heard) -> None:
    cache = opened()
    await done(cache.get(QUESTION))
    await done(cache.put(QUESTION, "By card."))
    await done(cache.get(QUESTION))
    await done(cache.get(OTHER_WORDS))
    await done(cache.get("when do you open"))
    await done(cache.get(QUESTION, bypass=True))
    await done(cache.get("x", embedding=[1.0, 2.0]))

    assert heard.outcomes == [
        ("miss", "no_match"),
        ("exact", None),
        ("semantic", None),
        ("miss", "below_threshold"),
        ("bypass", "bypass"),
        ("miss", "dim_mismatch"),
    ]


async def test_a_semantic_hit_is_told_with_entry_and_verdict(opened: Callable[..., Any], heard: Heard) -> None:
    clock = FakeClock()
    cache = opened(clock=clock)
    await done(cache.put(QUESTION, "By card.", namespace="shop"))
    await done(cache.get(OTHER_WORDS, namespace="shop"))

    (told,) = heard
    assert told.seconds > 0
    assert told == Decision(
        time=clock(),
        seconds=told.seconds,
        namespace="shop",
        outcome="semantic",
        key=cache.key(OTHER_WORDS, namespace="shop"),
        query=OTHER_WORDS,
        layer="semantic",
        similarity=1.0,
        confidence=1.0,
        entry=cache.key(QUESTION, namespace="shop"),
        matched=QUESTION,
        verdict="similarity at least 0.85",
    )


async def test_a_miss_is_told_with_the_nearest_that_was_refused(opened: Callable[..., Any], heard: Heard) -> None:
    cache = opened(policy=Threshold(0.5, 1.0, confidence_fn=lambda *_: 0.25))
    await done(cache.put(QUESTION, "By card."))
    await done(cache.get(OTHER_WORDS))

    (told,) = heard
    found = (told.outcome, told.layer, told.similarity, told.confidence, told.matched, told.verdict)
    assert found == ("miss", None, 1.0, 0.25, QUESTION, "confidence below 1")


async def test_what_a_shadow_would_have_served_is_the_nearest(opened: Callable[..., Any], heard: Heard) -> None:
    cache = opened(policy=Shadow(Threshold(0.9)))
    await done(cache.put(QUESTION, "By card."))
    await done(cache.get(OTHER_WORDS))

    assert [(told.outcome, told.matched, told.verdict) for told in heard] == [
        ("miss", QUESTION, "similarity at least 0.9")
    ]


async def test_a_computation_is_told_after_its_miss(opened: Callable[..., Any], heard: Heard) -> None:
    cache = opened()
    await done(cache.get_or_compute(QUESTION, lambda: "By card."))
    await done(cache.get_or_compute(QUESTION, lambda: "never"))

    miss, computed, hit = heard
    assert heard.outcomes == [("miss", "no_match"), ("computed", None), ("exact", None)]
    assert (miss.key == computed.key == hit.key, computed.seconds >= miss.seconds) == (True, True)


async def test_a_stale_answer_and_its_refresh_are_told(opened: Callable[..., Any], heard: Heard) -> None:
    clock = FakeClock()
    cache = opened(clock=clock)
    await done(cache.put(QUESTION, "By card.", ttl=10))
    clock.advance(11)
    refreshed = threading.Event()

    def model() -> str:
        refreshed.set()
        return "By wire."

    await done(cache.get_or_compute(QUESTION, model, stale_while_revalidate=60))
    assert await aeventually(lambda: refreshed.is_set() and len(heard) == 2)

    assert [told.outcome for told in heard] == ["stale", "computed"]


async def test_a_refused_value_that_is_given_again_is_told(opened: Callable[..., Any], heard: Heard) -> None:
    cache = opened(negative_ttl=60)
    for _ in range(2):
        await done(cache.get_or_compute(QUESTION, lambda: "[ERROR] down"))

    assert [told.outcome for told in heard] == ["miss", "computed", "refused"]


async def test_those_who_wait_for_a_value_that_is_not_stored_share_it(heard: Heard) -> None:
    cache = AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder(), observers=[heard])
    go = asyncio.Event()

    async def model() -> str:
        await go.wait()
        return "[ERROR] down"

    asked = [asyncio.create_task(cache.get_or_compute(QUESTION, model)) for _ in range(3)]
    flights = cache._core.sharing.flights._flights
    assert await aeventually(lambda: [flight.waiters for flight in flights.values()] == [3])
    go.set()
    await asyncio.gather(*asked)

    assert sorted(told.outcome for told in heard) == ["computed", "miss", "miss", "miss", "shared", "shared"]


async def test_an_observer_that_raises_is_logged_and_changes_nothing(
    opened: Callable[..., Any], heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(decision: Decision) -> None:
        raise RuntimeError("no audit today")

    cache = opened(observers=[broken, heard])
    await done(cache.put(QUESTION, "By card."))
    hit = await done(cache.get(QUESTION))

    assert (hit.response, heard.outcomes) == ("By card.", [("exact", None)])
    assert [record.getMessage() for record in caplog.records if record.name == "mneme.metrics"] == [
        "an observer raised on a decision"
    ]


@pytest.mark.parametrize("where", ["step", "enter", "exit"])
async def test_an_observer_that_raises_around_a_step_changes_nothing(
    opened: Callable[..., Any], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Heard):
        steps = ("lookup", "embed", "compute")

        def step(self, name: str, about: dict[str, Any]) -> Any:
            if where == "step":
                raise RuntimeError("no spans today")
            return self.around()

        @contextlib.contextmanager
        def around(self) -> Iterator[None]:
            if where == "enter":
                raise RuntimeError("no spans today")
            yield
            raise RuntimeError("no spans today")

    cache = opened(observers=[Broken()])
    outcome = await done(cache.get_or_compute(QUESTION, lambda: "By card."))

    told = [record for record in caplog.records if record.name == "mneme.metrics"]
    assert (outcome.value, outcome.status, len(told)) == ("By card.", "computed", 3)


async def test_a_step_swallows_no_error(opened: Callable[..., Any]) -> None:
    class Careless(Heard):
        steps = ("lookup", "compute")

        def step(self, name: str, about: dict[str, Any]) -> Any:
            return contextlib.suppress(ValueError)

    def model() -> str:
        raise ValueError("the model is away")

    with pytest.raises(ValueError, match="the model is away"):
        await done(opened(observers=[Careless()]).get_or_compute(QUESTION, model))


@pytest.mark.parametrize("observers", [[None], [Heard], "audit", [object()], 5])
def test_what_is_no_observer_is_refused_at_the_door(observers: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="observer"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), observers=observers)


def test_a_coroutine_function_is_no_observer() -> None:
    async def observer(decision: Decision) -> None: ...

    with pytest.raises(InvalidArgumentError, match="plain function"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), observers=[observer])


def test_a_metrics_hook_that_hears_decisions_is_told_once(heard: Heard) -> None:
    class Hook(Heard):
        def __call__(self, event: str, attributes: dict[str, Any]) -> None: ...

    hook = Hook()
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), metrics_hook=hook, observers=[hook])
    cache.get(QUESTION)

    assert hook.outcomes == [("miss", "no_match")]


def test_personal_questions_are_told_as_bypassed(heard: Heard) -> None:
    cache = SemanticCache(
        store=MemoryStore(), embedder=WordEmbedder(), observers=[heard], bypass_if=lambda text: "mine" in text
    )
    cache.get("is it mine")

    assert [(told.outcome, told.seconds > 0) for told in heard] == [("bypass", True)]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "mneme.decisions")
    return caplog


async def test_a_log_record_has_the_decision_and_nothing_that_was_asked(
    opened: Callable[..., Any], logged: pytest.LogCaptureFixture
) -> None:
    cache = opened(observers=[DecisionLog()])
    await done(cache.put(QUESTION, "By card."))
    await done(cache.get(OTHER_WORDS))

    (record,) = logged.records
    line = json.loads(JsonFormatter().format(record))
    seconds, message = line.pop("seconds"), line.pop("message")
    assert (seconds > 0, message.startswith("semantic in 'default' after ")) == (True, True)
    assert line == {
        "time": record.decision["time"],  # type: ignore[attr-defined]  # that is what `extra=` is for
        "level": "INFO",
        "logger": "mneme.decisions",
        "namespace": "default",
        "outcome": "semantic",
        "key": cache.key(OTHER_WORDS),
        "layer": "semantic",
        "similarity": 1.0,
        "confidence": 1.0,
        "entry": cache.key(QUESTION),
    }


async def test_texts_are_logged_at_debug_alone(opened: Callable[..., Any], logged: pytest.LogCaptureFixture) -> None:
    cache = opened(observers=[DecisionLog(text=True)])
    await done(cache.get(QUESTION))

    (record,) = logged.records
    assert (record.levelname, json.loads(JsonFormatter().format(record))["query"]) == ("DEBUG", QUESTION)


def test_decisions_are_not_logged_by_default(caplog: pytest.LogCaptureFixture) -> None:
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), observers=[DecisionLog()])
    cache.get(QUESTION)

    assert caplog.records == []


def test_an_exception_is_part_of_the_line() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        seen = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("mneme.cache", logging.WARNING, __file__, 1, "it failed: %s", ("x",), seen)

    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["exception"].endswith("ValueError: no")) == ("it failed: x", True)


@pytest.mark.parametrize("kind", ["observer", "hook", "step"])
async def test_an_observer_that_uses_the_cache_is_not_told_of_that(opened: Callable[..., Any], kind: str) -> None:
    told: list[str] = []

    def uses(what: str) -> None:
        told.append(what)
        # Twice: without an end to it, it would be 2 ** depth.
        for _ in range(2):
            found = cache.get("what the observer asks")
            if inspect.iscoroutine(found):
                with pytest.raises(StopIteration):
                    found.send(None)

    class Around:
        steps = ("lookup",)

        def decided(self, decision: Decision) -> None:
            pass

        @contextlib.contextmanager
        def step(self, name: str, about: dict[str, Any]) -> Iterator[None]:
            uses("before")
            yield
            uses("after")

    given: dict[str, Any] = {
        "observer": {"observers": [lambda decision: uses(decision.outcome)]},
        "hook": {"metrics_hook": lambda event, attributes: uses(event)},
        "step": {"observers": [Around()]},
    }[kind]
    cache = opened(**given)
    await done(cache.put("what the observer asks", "r"))
    told.clear()
    await done(cache.get("what the observer asks"))

    assert told == {"observer": ["exact"], "hook": ["hit"], "step": ["before", "after"]}[kind]
