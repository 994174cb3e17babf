"""What a function captures and the object it is a method of are part of the key."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, PrivateAttr, SecretStr

from mneme import SemanticCache
from mneme_decorator import cached


def over(cache: SemanticCache, captured: Any) -> Any:
    """Make one of several functions that differ in what they capture alone."""

    @cached(cache)
    def ask(prompt: str) -> str:
        return f"{captured} {prompt}"

    return ask


class Plain:
    """Has no form."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("acme", "beta"),
        ({"model": "acme"}, {"model": "beta"}),
        (["acme"], ["beta"]),
        (("acme",), ["acme"]),
        (SecretStr("a"), SecretStr("b")),
        (lambda: "a", lambda: "b"),
        (functools.partial(str, "a"), functools.partial(str, "b")),
        ({"nested": [lambda: "a"]}, {"nested": [lambda: "b"]}),
        (int, str),
        (logging, threading),
    ],
)
def test_functions_that_capture_other_values_share_nothing(cache: SemanticCache, one: Any, other: Any) -> None:
    assert over(cache, one).cache_key("a") != over(cache, other).cache_key("a")


def test_a_captured_variable_counts_as_it_is_when_called(cache: SemanticCache) -> None:
    model, settings = "one", {"tone": "kind"}

    @cached(cache)
    def ask(prompt: str) -> str:
        return f"{model} {settings['tone']}"

    answers = [ask("a")]
    model = "two"
    answers.append(ask("a"))
    settings["tone"] = "rude"
    answers.append(ask("a"))

    assert answers == ["one kind", "two kind", "two rude"]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_captured_object_without_a_form_does_not_count_and_is_told_once(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    ask = over(cache, Plain())
    for _ in range(2):
        ask("a")

    assert (ask.cache_info().hits_exact, len(warnings_of(caplog))) == (1, 1)
    assert "not in the key: captured variable 'captured'" in caplog.text


def test_an_ignored_captured_variable_is_not_told(cache: SemanticCache, caplog: pytest.LogCaptureFixture) -> None:
    client, log, calls = Plain(), logging.getLogger("it"), 0

    @cached(cache, ignore=("client",))
    def ask(prompt: str) -> str:
        log.info("%s %s %s", client, cache, len(prompt))
        return prompt

    answers = [ask("a"), ask("a")]

    assert (answers, calls, ask.cache_info().hits_exact, warnings_of(caplog)) == (["a", "a"], 0, 1, [])


def test_what_the_function_itself_changes_is_a_record_and_is_told_once(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    counts: dict[str, int] = {"calls": 0}
    number = 0

    @cached(cache)
    def ask(prompt: str) -> str:
        nonlocal number
        number += 1
        counts["calls"] += 1
        asked.append(prompt)
        return prompt

    for _ in range(3):
        ask("a")

    assert (asked, counts, number, len(warnings_of(caplog))) == (["a"], {"calls": 1}, 1, 3)


def test_what_a_function_reads_while_it_writes_elsewhere_counts(cache: SemanticCache) -> None:
    def make(model: str) -> Any:
        models: dict[str, str] = {}

        @cached(cache)
        def ask(prompt: str) -> str:
            models[prompt] = model
            return models[prompt]

        return ask

    assert [make("a")("q"), make("b")("q")] == ["a", "b"]


def test_a_change_from_inside_that_is_in_the_key_is_told_once(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def note(prompt: str) -> None:
        asked.append(prompt)

    @cached(cache)
    def ask(prompt: str) -> str:
        note(prompt)
        return f"{prompt} {len(asked)}"

    answers = [ask("a"), ask("a"), ask("a")]

    assert (answers, len(warnings_of(caplog))) == (["a 1", "a 2", "a 3"], 1)
    assert "ignore=" in caplog.text


def test_a_decorator_below_hides_no_captured_value(cache: SemanticCache) -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            return function(*arguments)

        return call

    def make(model: str) -> Any:
        @cached(cache)
        @logged
        def ask(prompt: str) -> str:
            return model

        return ask

    assert [make("a")("q"), make("b")("q")] == ["a", "b"]


def test_cached_functions_that_call_themselves_and_each_other_have_keys(cache: SemanticCache) -> None:
    @cached(cache)
    def inner(prompt: str) -> str:
        return prompt

    @cached(cache)
    def outer(prompt: str, depth: int = 0) -> str:
        return inner(prompt) if depth else outer(prompt, 1)

    assert ([outer("a"), outer("a")], outer.cache_info().uncached) == (["a", "a"], 0)


def test_cached_functions_that_call_one_another_have_keys(cache: SemanticCache) -> None:
    @cached(cache)
    def even(prompt: str) -> bool:
        return odd(prompt[1:]) if prompt else True

    @cached(cache)
    def odd(prompt: str) -> bool:
        return even(prompt[1:]) if prompt else False

    assert ([even("aaa"), even("aaa")], even.cache_info().uncached) == ([False, False], 0)


def test_an_object_that_a_function_in_its_method_captures_counts(cache: SemanticCache) -> None:
    class Bot:
        def __init__(self, tone: str) -> None:
            self.tone = tone

        def say(self, prompt: str) -> str:
            @cached(cache)
            def ask(prompt: str) -> str:
                return f"{self.tone} {prompt}"

            return ask(prompt)

    assert [Bot("kind").say("a"), Bot("rude").say("a"), Bot("kind").say("a")] == ["kind a", "rude a", "kind a"]


class Bot:
    model = "m"

    def __init__(self, tone: Any = "kind") -> None:
        self.tone = tone

    def say(self, prompt: str) -> str:
        return f"{self.model} {self.tone} {prompt}"


def bots(cache: SemanticCache, **options: Any) -> Any:
    class Asked(Bot):
        ask = cached(cache, **options)(Bot.say)

    return Asked


def test_objects_with_other_settings_share_nothing(cache: SemanticCache) -> None:
    kind = bots(cache)
    bot = kind("kind")
    answers = [bot.ask("a"), kind("rude").ask("a"), kind.ask(kind("dry"), "a"), kind("kind").ask("a")]
    bot.tone = "odd"
    answers.append(bot.ask("a"))
    kind.model = "n"
    answers.append(bot.ask("a"))

    assert answers == ["m kind a", "m rude a", "m dry a", "m kind a", "m odd a", "n odd a"]
    assert bot.ask.cache_info().hits_exact == 1


def test_an_object_that_cannot_be_keyed_is_asked_without_the_cache(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    bot = bots(cache)(Plain())
    for _ in range(2):
        bot.ask("a")

    assert (bot.ask.cache_info().uncached, len(warnings_of(caplog))) == (2, 1)
    assert "self.tone" in caplog.text
    assert "ignore=" in caplog.text


@pytest.mark.parametrize(
    "options", [{"ignore": ("self",)}, {"ignore": ("self.tone",)}, {"vary": ()}, {"vary": lambda arguments: {}}]
)
def test_what_of_an_object_matters_is_the_users_choice(cache: SemanticCache, options: dict[str, Any]) -> None:
    kind = bots(cache, **options)

    assert kind(Plain()).ask("a") == kind(Plain()).ask("a")


class Settings(BaseModel, extra="allow"):
    tone: str = "kind"
    key: SecretStr = SecretStr("k")
    _mood: str = PrivateAttr(default="good")


@dataclass
class Point:
    x: int = 0


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: int) -> None:
        self.x = x


def moody() -> Settings:
    settings = Settings()
    settings._mood = "bad"
    return settings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Settings(), Settings(tone="rude")),
        (Settings(), Settings(key=SecretStr("l"))),
        (Settings(), Settings(more=1)),
        (Settings(), moody()),
        (Point(0), Point(1)),
        (Slotted(0), Slotted(1)),
    ],
)
def test_all_that_an_object_holds_counts(cache: SemanticCache, one: Any, other: Any) -> None:
    @cached(cache)
    def ask(self: Any, prompt: str) -> str:
        return prompt

    keys = [ask.cache_key(each, "a") for each in (one, one, other)]

    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


def test_an_objects_text_secrets_count_by_their_digest(cache: SemanticCache) -> None:
    from mneme_decorator._surroundings import receiver

    class Client:
        def __init__(self, key: str) -> None:
            self.api_key, self.cache = key, cache

    forms = [repr(receiver(Client(key), "self", ())) for key in ("topsecret", "topsecret", "other")]

    assert (forms[0] == forms[1], forms[0] == forms[2], "topsecret" in forms[0]) == (True, False, False)


class Tones:
    tone = "kind"


def test_a_captured_class_counts_by_what_it_holds(cache: SemanticCache) -> None:
    ask = over(cache, type("Kind", (Tones,), {}))
    keys = [ask.cache_key("a"), over(cache, type("Kind", (Tones,), {"tone": "rude"})).cache_key("a")]

    assert len({*keys, ask.cache_key("a")}) == 2


def test_what_a_class_holds_counts_for_its_class_methods(cache: SemanticCache) -> None:
    class Bot:
        tone = "kind"

        @classmethod
        @cached(cache)
        def say(cls, prompt: str) -> str:
            return cls.tone

    answers = [Bot.say("a"), Bot.say("a")]
    Bot.tone = "rude"

    assert ([*answers, Bot.say("a")], vars(Bot)["say"].__func__.cache_info().hits_exact) == (
        ["kind", "kind", "rude"],
        1,
    )


async def test_the_methods_of_a_pydantic_model_are_cached_by_its_fields(cache: SemanticCache) -> None:
    class Asked(BaseModel):
        tone: str
        kinds: ClassVar[list[str]] = []
        _mood: str = PrivateAttr("good")

        @cached(cache)
        def say(self, prompt: str) -> str:
            return f"{self.tone} {self._mood} {len(self.kinds)}"

        @cached(cache)
        async def tell(self, prompt: str) -> str:
            return self.tone

        @cached(cache)
        def words(self, prompt: str) -> Iterator[str]:
            yield self.tone

    kind, rude, bad = Asked(tone="kind"), Asked(tone="rude"), Asked(tone="kind")
    bad._mood = "bad"
    answers = [each.say("a") for each in (kind, rude, bad, kind)]
    Asked.kinds.append("one")
    answers.append(kind.say("a"))

    assert (list(Asked.model_fields), Asked.say.cache_info().hits_exact) == (["tone"], 1)
    assert answers == ["kind good 0", "rude good 0", "kind bad 0", "kind good 0", "kind good 1"]
    assert [await kind.tell("b"), await rude.tell("b"), *kind.words("c"), *rude.words("c")] == ["kind", "rude"] * 2


class Numbers(list[int]):
    """Keeps what it is where no attribute shows it."""


def test_an_object_of_a_builtin_kind_has_no_form(cache: SemanticCache) -> None:
    @cached(cache)
    def ask(self: Any, prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match="self"):
        ask.cache_key(Numbers([1]), "a")


def test_an_object_that_its_own_method_changes_is_told_once(
    cache: SemanticCache, caplog: pytest.LogCaptureFixture
) -> None:
    class Chat:
        def __init__(self) -> None:
            self.said: list[str] = []

        @cached(cache)
        def ask(self, prompt: str) -> str:
            self.said.append(prompt)
            return " ".join(self.said)

        @cached(cache)
        def words(self, prompt: str) -> Iterator[str]:
            self.said.append(prompt)
            yield from self.said

    chat = Chat()
    answers = [chat.ask("a"), chat.ask("a"), " ".join(chat.words("b"))]

    assert (answers, len(warnings_of(caplog))) == (["a", "a a", "a a b"], 2)
    assert "self.said changed while it ran" in caplog.text


def test_class_data_that_a_method_changes_is_told_too(cache: SemanticCache, caplog: pytest.LogCaptureFixture) -> None:
    class Counting:
        calls: list[str] = []  # noqa: RUF012  # that is the case

        @cached(cache)
        def ask(self, prompt: str) -> str:
            self.calls.append(prompt)
            return prompt

    Counting().ask("a")

    assert "self.calls changed while it ran" in caplog.text


def test_classes_share_no_answers_of_their_class_methods(cache: SemanticCache) -> None:
    class Base:
        @classmethod
        @cached(cache)
        def name(cls, prompt: str) -> str:
            return cls.__name__

    class Other(Base):
        pass

    assert [Base.name("a"), Other.name("a"), Base.name("a")] == ["Base", "Other", "Base"]
