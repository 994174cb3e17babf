"""One script of operations gives the same results, counts and events in both facades, over memory and over SQLite."""

import asyncio
import dataclasses
import inspect
import tempfile
from contextlib import nullcontext
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import AsyncSemanticCache, Hit, MemoryStore, MnemeError, Outcome, SemanticCache, SQLiteStore
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder

OPTIONS = {
    "max_entries": 4,
    "namespace_quotas": {"b": 2},
    "default_ttl": 50,
    "similarity_threshold": 0.8,
    "ttl_jitter": 0.1,
    "negative_ttl": 3,
}
WORDS = ("red", "green", "blue", "dark", "light")

queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join) | st.sampled_from(["", "RED  blue"])
answers = st.sampled_from(["1", "2", "3", "[ERROR] bad", ""])
ttls = st.sampled_from([None, 1, 7.5, float("inf")])
places = st.fixed_dictionaries(
    {"namespace": st.sampled_from(["default", "b"])},
    optional={"vary": st.sampled_from([{}, {"model": "m"}])},
)
tags = st.sampled_from([(), (), ["t"], ["t", "u"], ["u"]])
versions = st.sampled_from([None, {"s": "1"}, {"s": "2"}])
modes = st.sampled_from(["semantic", "semantic", "exact"])


aims = st.one_of(
    st.fixed_dictionaries({"tags": tags}),
    st.fixed_dictionaries({"source": st.sampled_from(["s", {"s": "2"}])}),
    st.fixed_dictionaries({"query": queries, "namespace": st.sampled_from([None, "b"])}),
    st.fixed_dictionaries({"near": queries, "min_similarity": st.sampled_from([0.5, 0.9])}),
)


def call(name, *arguments, **options):
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(options), places)


def whole(name, *arguments):
    """A call that takes no place."""
    return st.tuples(st.just(name), st.tuples(*arguments), st.just({}), st.just({}))


operations = st.one_of(
    call("put", queries, answers, ttl=ttls, mode=modes),
    call("put", queries, answers, tags=tags, source_version=versions),
    call("get", queries, mode=modes, bypass=st.booleans()),
    call("get", queries, mode=modes),
    call("get_or_compute", queries, answers, ttl=ttls, mode=modes, tags=tags),
    st.tuples(st.just("invalidate"), st.just(()), aims, st.just({})),
    call("get_many", st.lists(queries, max_size=3), mode=modes),
    call("put_many", st.lists(st.tuples(queries, answers), max_size=3), ttl=ttls, mode=modes),
    call("put", queries, st.just(None)),
    call("delete", queries),
    call("explain", queries, k=st.integers(1, 3)),
    call("key", queries),
    whole("clear_namespace", st.sampled_from(["default", "b"])),
    whole("clear"),
    whole("list_namespaces"),
    whole("set_similarity_threshold", st.sampled_from([0.8, 0.5, 2])),
    whole("requantize", st.sampled_from(["float32", "int8", "int4"])),
    whole("advance", st.sampled_from([0.5, 2, 60])),
    whole("reopen"),
    whole("flush"),
    st.tuples(
        st.just("vacuum"), st.just(()), st.fixed_dictionaries({"namespace": st.sampled_from([None, "b"])}), st.just({})
    ),
)
surroundings = st.sampled_from(
    [None, None, None, ("scope", {"namespace": "b"}), ("scope", {"vary": {"model": "m"}})]
    + [("override", {name: True}) for name in ("bypass", "refresh", "read_only")]
)
scripts = st.lists(st.tuples(operations, surroundings), min_size=5, max_size=25)


def timeless(value):
    """The value without how long computing took."""
    if isinstance(value, list):
        return [timeless(item) for item in value]
    if isinstance(value, Hit):
        return dataclasses.replace(value, compute_seconds=None)
    if isinstance(value, Outcome):
        return (value.value, value.status, value.similarity, timeless(value.hit))
    return value


class Unsynced(SQLiteStore):
    """Waits for no disk."""

    def __init__(self, path):
        super().__init__(path)
        self.sync()

    def sync(self):
        self._synchronous = "OFF"


class Play:
    """Plays a script on a cache and writes down all that can be seen of it."""

    def __init__(self, facade, embedder, store, durability="normal"):
        self.facade, self.embedder, self.store, self.durability = facade, embedder, store, durability
        self.clock = FakeClock()
        self.events = []

    def open(self):
        def hook(event, attributes):
            self.events.append((event, attributes))

        return self.facade(
            store=self.store,
            embedder=self.embedder,
            clock=self.clock,
            metrics_hook=hook,
            validator=None,
            durability=self.durability,
            **OPTIONS,
        )

    async def play(self, script):
        cache = self.open()
        seen = []
        for (name, arguments, options, place), around in script:
            if name == "advance":
                self.clock.advance(*arguments)
                continue
            if name == "reopen":
                await self.settle(cache.close())
                cache = self.open()
                seen.append(self.counts(cache))
                continue
            if name == "get_or_compute":
                query, value = arguments
                arguments = (query, lambda value=value: value)
            with getattr(cache, around[0])(**around[1]) if around else nullcontext():
                try:
                    result = getattr(cache, name)(*arguments, **options, **place)
                    seen.append((name, timeless(await self.settle(result))))
                except (MnemeError, TypeError) as error:
                    seen.append((name, type(error), str(error)))
            seen.append(self.counts(cache))
        await self.settle(cache.close())
        return seen, self.events

    async def settle(self, result):
        return await result if inspect.isawaitable(result) else result

    def counts(self, cache):
        health = dataclasses.replace(cache.health(), store_backend="", schema_version=0)
        stats = [cache.stats(namespace=namespace) for namespace in (None, "default", "b")]
        # A file's vectors are read when they are first needed; what is in memory differs until then.
        return [health, *(dataclasses.replace(one, index_memory_bytes=0, resident_bytes=0) for one in stats)]


@settings(max_examples=60)
@given(scripts)
def test_both_facades_over_both_stores_do_the_same(script):
    with tempfile.TemporaryDirectory() as directory:
        plays = [
            Play(SemanticCache, WordEmbedder(), MemoryStore()),
            Play(SemanticCache, WordEmbedder(), Unsynced(Path(directory) / "sync.db")),
            Play(AsyncSemanticCache, AsyncWordEmbedder(), MemoryStore()),
            Play(AsyncSemanticCache, AsyncWordEmbedder(), Unsynced(Path(directory) / "async.db")),
            Play(SemanticCache, WordEmbedder(), Unsynced(Path(directory) / "later.db"), "deferred"),
            Play(AsyncSemanticCache, AsyncWordEmbedder(), Unsynced(Path(directory) / "alater.db"), "deferred"),
        ]
        first, *others = [asyncio.run(play.play(script)) for play in plays]

        assert [other == first for other in others] == [True] * 5
        assert [play.embedder.calls for play in plays[1:]] == [plays[0].embedder.calls] * 5
