"""Any Unicode text names a namespace, and nothing else does."""

import pytest

from mneme import InvalidArgumentError

LONE = "half a pair \ud83d"


async def test_a_namespace_that_is_no_unicode_is_refused_and_spoils_nothing(opening):
    cache = opening()
    for call in (cache.get("q", namespace=LONE), cache.put("q", "r", namespace=LONE)):
        with pytest.raises(InvalidArgumentError, match="lone surrogate"):
            await call
    await cache.put("q", "r")
    await cache.close()

    assert (await opening().get("q")).response == "r"


@pytest.mark.parametrize("namespace", ["", " ", "a/b", "\x00", "default ", "\U0001f600" * 300])
async def test_any_unicode_names_a_namespace(opening, namespace):
    first = opening()
    await first.put("q", "r", namespace=namespace)
    await first.get("miss", namespace=namespace, mode="exact")
    await first.close()
    second = opening()

    assert ((await second.get("q", namespace=namespace)).response, await second.get("q")) == ("r", None)
    assert (await second.stats(namespace=namespace)).misses == 1


async def test_more_namespaces_than_are_remembered_work_all_the_same(opening, monkeypatch):
    monkeypatch.setattr("mneme.runtime.requests.NAMESPACES_KEPT", 2)
    cache = opening()
    for number in range(5):
        await cache.put("q", str(number), namespace=f"n{number}")

    assert [(await cache.get("q", namespace=f"n{number}")).response for number in range(5)] == list("01234")


async def test_the_queries_of_a_namespace_are_listed_as_they_were_put(opening, clock):
    cache = opening()
    await cache.put("One  TWO", "r")
    await cache.put("brief", "r", ttl=1)
    await cache.put("elsewhere", "r", namespace="n")
    clock.advance(2)

    assert [await cache.list_queries(), await cache.list_queries(namespace="n")] == [["One  TWO"], ["elsewhere"]]
    assert await cache.list_queries(namespace="none") == []


async def test_what_is_counted_and_listed_follows_the_scope(opening):
    cache = opening()
    await cache.put("a", "r", namespace="acme")
    await cache.put("b", "r")
    with cache.plain.scope(namespace="acme"):
        inside = [await cache.list_queries(), (await cache.stats()).namespace, (await cache.stats()).entries]
        named = [await cache.list_queries(namespace="n"), (await cache.stats(namespace="n")).entries]
    with cache.plain.scope(vary={"a": 1}):
        without = [await cache.list_queries(), (await cache.stats()).namespace]

    assert (inside, named, without) == ([["a"], "acme", 1], [[], 0], [["b"], None])


async def test_clear_inside_a_namespaces_scope_is_refused(opening):
    cache = opening()
    await cache.put("a", "r", namespace="acme")
    await cache.put("b", "r")
    with cache.plain.scope(namespace="acme"), pytest.raises(InvalidArgumentError, match=r"clear_namespace\('acme'\)"):
        await cache.clear()
    with cache.plain.scope(vary={"a": 1}):
        removed = await cache.clear()

    assert removed == 2
