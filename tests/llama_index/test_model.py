"""A cached model passes for the model it was made of."""

from __future__ import annotations

import copy
import logging
import pickle
import warnings
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.llms.openai import OpenAI
from pydantic import BaseModel

from mneme import InvalidArgumentError, SemanticCache
from mneme_llama_index import cached_llm

MESSAGES = [ChatMessage(role="user", content="How are you?")]


def test_a_cached_model_is_of_the_models_class(cache: SemanticCache, openai: OpenAI) -> None:
    llm = cached_llm(openai, cache)

    assert [isinstance(llm, kind) for kind in (OpenAI, FunctionCallingLLM)] == [True, True]
    assert (type(llm).__name__, type(llm).__module__, type(llm).__qualname__) == ("OpenAI", OpenAI.__module__, "OpenAI")
    assert (llm.class_name(), llm.metadata, llm.max_tokens) == ("openai_llm", openai.metadata, None)


def test_a_cached_model_is_written_out_as_the_model_without_warnings(cache: SemanticCache, openai: OpenAI) -> None:
    llm = cached_llm(openai, cache)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = [llm.to_dict(), llm.model_dump(), llm.model_dump_json(), llm.to_payload(), repr(llm)]

    assert written == [
        openai.to_dict(),
        openai.model_dump(),
        openai.model_dump_json(),
        openai.to_payload(),
        repr(openai),
    ]


def test_the_model_itself_stays_uncached(cache: SemanticCache, counting: Any) -> None:
    llm = counting()
    cached_llm(llm, cache).chat(MESSAGES)

    assert [llm.chat(MESSAGES).message.content for _ in range(2)] == ["answer 2", "answer 3"]


def test_a_cached_model_pickles_as_the_model_alone(cache: SemanticCache, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mneme.llama_index"):
        llm = pickle.loads(pickle.dumps(cached_llm(MockLLM(max_tokens=3), cache)))

    assert (type(llm), llm.max_tokens, llm.complete("a").text) == (MockLLM, 3, "text text text")
    assert "without its cache" in caplog.text


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda llm: llm.model_copy(deep=True)])
def test_copies_share_the_cache(cache: SemanticCache, copied: Any) -> None:
    llm = cached_llm(MockLLM(), cache)
    llm.complete("a")
    copied(llm).complete("a")

    assert cache.stats().hits_exact == 1


def test_a_model_made_of_the_cached_models_class_is_uncached(cache: SemanticCache) -> None:
    llm = type(cached_llm(MockLLM(), cache)).from_dict({"max_tokens": 2})
    answers = [llm.complete("a").text for _ in range(2)]

    assert (answers, cache.stats().misses) == (["text text"] * 2, 0)


def test_caching_twice_keeps_the_last_cache(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(cached_llm(counting(), cache, namespace="first"), cache, namespace="second")
    llm.chat(MESSAGES)

    assert (type(llm).__mro__.count(type(llm).__mro__[1]), cache.list_namespaces()) == (1, ["second"])


class Person(BaseModel):
    name: str


def test_a_structured_model_is_cached_inside(cache: SemanticCache, openai: OpenAI, endpoint: Any) -> None:
    llm = cached_llm(openai.as_structured_llm(Person), cache)
    answers = [llm.chat(MESSAGES).raw for _ in range(2)]

    assert (type(llm), answers, len(endpoint.asked)) == (StructuredLLM, [Person(name="Jane")] * 2, 1)


@pytest.mark.parametrize("options", [{"mode": "fuzzy"}, {"ttl": 0}, {"ttl": float("nan")}])
def test_an_option_that_cannot_be_is_an_error(cache: SemanticCache, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        cached_llm(MockLLM(), cache, **options)


def test_only_models_can_be_cached(cache: SemanticCache) -> None:
    with pytest.raises(InvalidArgumentError, match="str"):
        cached_llm("gpt-4o", cache)  # type: ignore[type-var]  # that is the case


def test_an_answer_changed_by_its_caller_changes_no_other(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    for _ in range(2):
        answer = llm.chat(MESSAGES)
        answer.message.blocks.clear()
        answer.additional_kwargs["changed"] = True

    assert (llm.chat(MESSAGES).message.content, llm.chat(MESSAGES).additional_kwargs) == ("answer 1", {})


def test_a_model_that_calls_itself_is_looked_up_once(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    llm.chat(MESSAGES)

    assert (cache.stats().misses, cache.stats().entries) == (1, 1)


async def test_a_coroutine_that_calls_the_sync_method_is_looked_up_once(cache: SemanticCache, counting: Any) -> None:
    llm = cached_llm(counting(), cache)
    await llm.achat(MESSAGES)

    assert (cache.stats().misses, cache.stats().entries) == (1, 1)
