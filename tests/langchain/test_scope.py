"""Who asks: tenants by `cache.scope`, users by the running chain's config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from mneme import SemanticCache
from mneme_langchain import MnemeCache

Chat = Callable[..., Any]


def test_two_tenants_do_not_share_answers(cache: SemanticCache, chat: Chat):
    model = chat()

    def ask(tenant: str) -> str:
        with cache.scope(namespace=tenant):
            return str(model.invoke("who").content)

    assert [ask("acme"), ask("globex"), ask("acme")] == [f"counting-1 answer {number}" for number in (1, 2, 1)]


async def test_a_scope_reaches_threads_and_tasks(cache: SemanticCache, chat: Chat):
    model = chat()
    with cache.scope(namespace="acme"):
        model.batch(["who"])
        await model.abatch(["what"])

    assert cache.list_namespaces() == ["acme"]


def test_what_a_scope_varies_must_be_equal(cache: SemanticCache, chat: Chat):
    model = chat()

    def ask(language: str) -> str:
        with cache.scope(vary={"language": language}):
            return str(model.invoke("who").content)

    assert [ask("de"), ask("en"), ask("de")] == [f"counting-1 answer {number}" for number in (1, 2, 1)]


def test_a_bypass_asks_the_model(cache: SemanticCache, chat: Chat):
    model = chat()
    model.invoke("who")

    with cache.override(bypass=True):
        answer = model.invoke("who").content

    assert answer == "counting-1 answer 2"


def test_a_tenants_entries_are_cleared_by_naming_it(cache: SemanticCache, chat: Chat, llm_cache: MnemeCache):
    model = chat()
    for tenant in ("acme", "globex"):
        with cache.scope(namespace=tenant):
            model.invoke("who")

    llm_cache.clear(namespace="acme")

    assert cache.list_namespaces() == ["globex"]


@pytest.mark.parametrize("place", ["configurable", "metadata"])
def test_users_named_by_the_chain_do_not_share_answers(cache: SemanticCache, chat: Chat, place: str):
    model = chat(cache=MnemeCache(cache, scope_from_config=("user_id",)))
    chain = RunnableLambda(lambda text: f"{text} wrote emma") | model

    answers = [chain.invoke("who", config={place: {"user_id": user}}).content for user in ("ann", "bob", "ann")]

    assert answers == ["counting-1 answer 1", "counting-1 answer 2", "counting-1 answer 1"]


async def test_users_are_told_apart_in_async_chains(cache: SemanticCache, chat: Chat):
    model = chat(cache=MnemeCache(cache, scope_from_config="user_id"))
    chain = RunnableLambda(lambda text: f"{text} wrote emma") | model

    answers = [
        (await chain.ainvoke("who", config={"configurable": {"user_id": user}})).content
        for user in ("ann", "bob", "ann")
    ]

    assert answers == ["counting-1 answer 1", "counting-1 answer 2", "counting-1 answer 1"]


def test_a_call_without_its_user_is_not_cached(cache: SemanticCache, chat: Chat):
    model = chat(cache=MnemeCache(cache, scope_from_config=("user_id",)))

    answers = [model.invoke("who", config={"configurable": {"user_id": user}}).content for user in ("ann", "bob")]

    assert (answers, cache.stats().entries) == (["counting-1 answer 1", "counting-1 answer 2"], 0)


async def test_clear_inside_a_scope_clears_that_tenant_alone(cache: SemanticCache, chat: Chat, llm_cache: MnemeCache):
    model = chat()
    for tenant in ("acme", "globex", "initech"):
        with cache.scope(namespace=tenant):
            model.invoke("who")
    model.invoke("who")
    with cache.scope(namespace="acme"):
        llm_cache.clear()
    with cache.scope(namespace="globex"):
        await llm_cache.aclear()

    assert cache.list_namespaces() == ["default", "initech"]
