"""After close every method says so."""

import pytest

from mneme import CacheClosedError

CALLS = {
    "get": lambda cache: cache.get("q"),
    "get with bypass": lambda cache: cache.get("q", bypass=True),
    "put": lambda cache: cache.put("q", "r"),
    "get_or_compute": lambda cache: cache.get_or_compute("q", lambda: "r"),
    "get_or_stream": lambda cache: cache.get_or_stream("q", lambda: iter("r"), codec=None),
    "get_many": lambda cache: cache.get_many(["q"]),
    "get_many of none": lambda cache: cache.get_many([]),
    "put_many": lambda cache: cache.put_many([("q", "r")]),
    "put_many of none": lambda cache: cache.put_many([]),
    "delete": lambda cache: cache.delete("q"),
    "explain": lambda cache: cache.explain("q"),
    "key": lambda cache: cache.key("q"),
    "scope": lambda cache: cache.scope(namespace="n"),
    "override": lambda cache: cache.override(bypass=True),
    "stats": lambda cache: cache.stats(),
    "health": lambda cache: cache.health(),
    "list_namespaces": lambda cache: cache.list_namespaces(),
    "list_queries": lambda cache: cache.list_queries(),
    "clear_namespace": lambda cache: cache.clear_namespace("n"),
    "clear": lambda cache: cache.clear(),
    "set_similarity_threshold": lambda cache: cache.set_similarity_threshold(0.9),
    "requantize": lambda cache: cache.requantize("int8"),
    "vacuum": lambda cache: cache.vacuum(),
    "compact": lambda cache: cache.compact(),
    "dumps": lambda cache: cache.dumps("file"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_closed_cache_says_so(cache, name):
    await cache.close()

    with pytest.raises(CacheClosedError, match="closed"):
        await CALLS[name](cache)


async def test_a_closed_cache_cannot_be_entered(cache):
    await cache.close()

    with pytest.raises(CacheClosedError):
        cache.plain.as_sync().__enter__()
    with pytest.raises(CacheClosedError):
        await cache.plain.as_async().__aenter__()


async def test_closing_twice_does_nothing(cache):
    await cache.close()
    await cache.close()

    with pytest.raises(CacheClosedError):
        await cache.get("q")


async def test_the_context_manager_closes(cache, opening):
    if opening.colour == "sync":
        with cache.plain as entered:
            same = entered is cache.plain
    else:
        async with cache.plain as entered:
            same = entered is cache.plain

    assert same
    with pytest.raises(CacheClosedError):
        await cache.get("q")


async def test_the_context_manager_closes_after_an_error(cache):
    with pytest.raises(ZeroDivisionError), cache.plain.as_sync():
        1 / 0  # noqa: B018

    with pytest.raises(CacheClosedError):
        await cache.get("q")


async def test_a_put_that_was_embedding_while_the_cache_closed_says_so(opening):
    class Closing(type(opening.embedder)):
        def close_cache(self):
            cache.plain.as_sync().close()

        if opening.colour == "sync":

            def embed(self, text):
                self.close_cache()
                return super().embed(text)
        else:

            async def embed(self, text):
                self.close_cache()
                return await super().embed(text)

    cache = opening(embedder=Closing(64))

    with pytest.raises(CacheClosedError):
        await cache.put("q", "r")
