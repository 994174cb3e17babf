"""Errors of use say what to write instead."""

from __future__ import annotations

import enum
import logging
from collections import Counter, OrderedDict, defaultdict

import pytest

import mneme
from mneme import AsyncSemanticCache, InvalidArgumentError, MemoryStore, SemanticCache
from mneme.testing import WordEmbedder

BOTH = pytest.mark.parametrize("facade", [SemanticCache, AsyncSemanticCache])


async def test_a_value_that_is_no_text_is_told_its_codec(opening, caplog):
    cache = opening()
    with caplog.at_level(logging.WARNING, "mneme.cache"):
        await cache.get_or_compute("q", lambda: {"a": 1})

    assert "mneme.JsonCodec()" in caplog.text


async def test_a_response_that_is_no_text_is_told_how_to_store_it(opening):
    cache = opening()
    with pytest.raises(TypeError, match=r"json\.dumps.*JsonCodec"):
        await cache.put("q", {"a": 1})
    with pytest.raises(TypeError, match=r"query is of type dict; it must be text \(str\)\.$"):
        await cache.put({"a": 1}, "r")


JSON = [None, True, 1, 1.5, "text", [], {}, {"a": [1, {"b": None}]}, "\u00e9"]


@pytest.mark.parametrize("value", JSON)
async def test_json_values_are_stored_and_come_back(opening, value):
    cache, codec = opening(), mneme.JsonCodec()
    outcomes = [await cache.get_or_compute("q", lambda: value, codec=codec) for _ in range(2)]

    assert [(each.status, each.value) for each in outcomes] == [("computed", value), ("hit", value)]


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    """No str to `type(x) is str`."""


OTHERS = [
    Number.ONE,
    Text("a"),
    OrderedDict(a=1),
    defaultdict(int, a=1),
    Counter("a"),
    (1, 2),
    {1: "a"},
    {Text("a"): 1},
]


@pytest.mark.parametrize("value", OTHERS)
@pytest.mark.parametrize("within", [lambda value: value, lambda value: [{"a": value}]])
def test_what_json_gives_back_as_another_type_is_no_json(caplog, value, within):
    name = type(next(iter(value)) if type(value) is dict else value).__name__

    assert mneme.JsonCodec().encode(within(value)) is None
    assert name in caplog.text.partition("gives back no")[2]


def test_what_is_nested_too_deeply_is_no_json(caplog):
    value = []
    for _ in range(100_000):
        value = [value]

    assert mneme.JsonCodec().encode(value) is None
    assert "is not cached" in caplog.text


@pytest.mark.parametrize("value", [object(), (1, 2), {1: "a"}, float("nan"), {"a": {1}}])
async def test_what_is_no_json_is_returned_and_not_stored(opening, caplog, value):
    cache = opening()
    outcome = await cache.get_or_compute("q", lambda: value, codec=mneme.JsonCodec())

    assert (outcome.value is value, (await cache.stats()).entries, "is not cached" in caplog.text) == (True, 0, True)


async def test_what_is_no_hit_cannot_be_reported(opening):
    cache = opening()
    outcome = await cache.get_or_compute("q", lambda: "r")
    for given, words in ((None, "no hit"), (outcome, r"outcome\.hit"), ("q", "of type str")):
        with pytest.raises(InvalidArgumentError, match=words):
            await cache.report_wrong(given)


@BOTH
@pytest.mark.parametrize("url", ["memory", ":memory:"])
def test_a_cache_in_memory_is_told_its_url(facade, url):
    with pytest.raises(InvalidArgumentError, match='"memory:"'):
        facade.open(url, embedder=WordEmbedder())


@BOTH
def test_an_unknown_option_of_open_is_named(facade):
    with pytest.raises(TypeError, match=r"open\(\).*'similarity_treshold'; did you mean 'similarity_threshold'"):
        facade.open("memory:", embedder=WordEmbedder(), similarity_treshold=0.9)
    with pytest.raises(TypeError, match=r"open\(\).*'xyz'; the options are"):
        facade.open("memory:", embedder=WordEmbedder(), xyz=1)


def test_a_decorator_without_parentheses_is_told_them():
    with (
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache,
        pytest.raises(TypeError, match=r"@cache\.cached\(\)"),
    ):

        @cache.cached
        def ask(prompt: str) -> str:
            return prompt


def test_langchains_interface_names_what_has_it():
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        with pytest.raises(AttributeError, match=r"set_llm_cache\(mneme_langchain\.MnemeCache\(cache\)\)"):
            cache.lookup("prompt", "llm")
        with pytest.raises(AttributeError, match=r"no attribute 'gte'$"):
            cache.gte("q")
        assert not hasattr(cache, "lookup")
