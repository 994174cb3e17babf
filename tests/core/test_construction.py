"""What a cache can be opened with, and what is refused at the door."""

import asyncio
import re

import numpy as np
import pytest

from mneme import (
    NEVER,
    AsyncSemanticCache,
    EmbedderDimensionError,
    EmbedderMismatchError,
    IndexBackendUnavailableError,
    InvalidArgumentError,
    MemoryStore,
    QuantizationError,
    SemanticCache,
    SQLiteStore,
    StoreBackendError,
)
from mneme.testing import AsyncWordEmbedder, WordEmbedder


@pytest.fixture(params=[SemanticCache, AsyncSemanticCache])
def facade(request):
    return request.param


def test_exactly_one_of_path_and_store_is_needed(facade, tmp_path):
    with pytest.raises(ValueError, match="exactly one"):
        facade(embedder=WordEmbedder())
    with pytest.raises(ValueError, match="exactly one"):
        facade(tmp_path / "c.db", WordEmbedder(), store=MemoryStore())


def test_a_store_in_the_place_of_a_path_is_told_where_it_goes(facade):
    with pytest.raises(InvalidArgumentError, match="path is a MemoryStore; a store is given as store="):
        facade(MemoryStore(), WordEmbedder())


def test_an_embedder_is_needed(facade):
    with pytest.raises(ValueError, match="embedder"):
        facade(store=MemoryStore())


@pytest.mark.parametrize(
    "attributes",
    [{"dim": 0}, {"dim": True}, {"dim": 3.0}, {"dim": None}, {"fingerprint": ""}, {"fingerprint": 5}, {"embed": None}],
)
def test_an_embedder_without_its_parts_is_refused(facade, attributes):
    embedder = WordEmbedder()
    for name, value in attributes.items():
        setattr(embedder, name, value)

    with pytest.raises(InvalidArgumentError, match="embedder"):
        facade(store=MemoryStore(), embedder=embedder)


def test_plain_class_attributes_serve_as_properties(facade):
    class Toy:
        dim = 2
        fingerprint = "toy"

        def embed(self, text):
            return np.ones(2, np.float32)

    with facade(store=MemoryStore(), embedder=Toy()).as_sync() as cache:
        assert cache.stats().embedder_fingerprint == "toy"


def test_a_sync_cache_takes_an_async_embedder():
    with SemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder()) as cache:
        cache.put("a b", "r")

        assert cache.get("b a").layer == "semantic"


async def test_an_async_cache_takes_a_sync_embedder():
    async with AsyncSemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        await cache.put("a b", "r")

        assert (await cache.get("b a")).layer == "semantic"


def test_a_path_means_sqlite(facade, tmp_path):
    with facade(tmp_path / "c.db", WordEmbedder()).as_sync() as cache:
        assert (cache.health().store_backend, (tmp_path / "c.db").exists()) == ("sqlite", True)


def test_a_new_file_can_be_read_by_its_owner_alone(facade, tmp_path):
    with facade(str(tmp_path / "c.db"), WordEmbedder()).as_sync() as cache:
        cache.put("q", "r")

        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


BAD = [
    ("similarity_threshold", 5),
    ("similarity_threshold", -1.1),
    ("similarity_threshold", float("nan")),
    ("similarity_threshold", None),
    ("similarity_threshold", True),
    ("min_confidence", float("nan")),
    ("min_confidence", 1.5),
    ("default_ttl", 0),
    ("default_ttl", -1),
    ("default_ttl", float("nan")),
    ("default_ttl", "1h"),
    ("max_entries", -1),
    ("max_entries", 1.5),
    ("namespace_quotas", {"n": -1}),
    ("multi_process_mode", "multiple"),
    ("stale_check_interval", -1),
    ("stale_check_interval", float("inf")),
    ("max_query_bytes", -1),
    ("max_response_bytes", None),
    ("max_metadata_bytes", "many"),
    ("normalize", "NFC"),
    ("normalize", None),
    ("policy", "strict"),
    ("validator", "not empty"),
    ("confidence_fn", 0.7),
    ("metrics_hook", []),
    ("bypass_if", True),
    ("bypass_if", asyncio.sleep),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}={value!r}" for name, value in BAD])
def test_a_value_that_cannot_be_is_refused(facade, name, value):
    word = "quota" if name == "namespace_quotas" else name

    with pytest.raises(ValueError, match=re.escape(word)):
        facade(store=MemoryStore(), embedder=WordEmbedder(), **{name: value})


def test_an_unknown_vector_type_is_refused(facade):
    with pytest.raises(QuantizationError, match="vector_dtype is 'int4'"):
        facade(store=MemoryStore(), embedder=WordEmbedder(), vector_dtype="int4")


def test_an_unknown_index_is_refused(facade):
    with pytest.raises(IndexBackendUnavailableError, match="index_backend is 'quantum'"):
        facade(store=MemoryStore(), embedder=WordEmbedder(), index_backend="quantum")


@pytest.mark.parametrize("mode", ["single", "stale-tolerant", "mmap-shared"])
def test_every_documented_process_mode_is_accepted(facade, mode):
    with facade(store=MemoryStore(), embedder=WordEmbedder(), multi_process_mode=mode).as_sync() as cache:
        assert cache.health().multi_process_mode == mode


async def test_a_store_of_another_embedder_is_refused(opening):
    await opening().close()

    with pytest.raises(EmbedderMismatchError, match="reembed"):
        opening(embedder=WordEmbedder(64, "another:model"))


async def test_a_store_of_another_dimension_is_refused(opening):
    await opening().close()

    with pytest.raises(EmbedderDimensionError, match="reembed"):
        opening(embedder=WordEmbedder(32))


async def test_a_refused_opening_leaves_the_store_usable(opening):
    first = opening()
    await first.put("q", "r")
    await first.close()
    with pytest.raises(EmbedderMismatchError):
        opening(embedder=WordEmbedder(64, "another:model"))

    assert (await opening().get("q")).response == "r"


def test_a_missing_directory_is_named(facade, tmp_path):
    with pytest.raises(StoreBackendError, match="does not exist"):
        facade(tmp_path / "missing" / "c.db", WordEmbedder())


@pytest.mark.parametrize("ttl", [NEVER, 0.001, 10**9])
async def test_a_usable_default_ttl_is_accepted(opening, ttl):
    await opening(default_ttl=ttl).put("q", "r")


def test_an_sqlite_store_can_be_given(facade, tmp_path):
    with facade(store=SQLiteStore(tmp_path / "c.db"), embedder=WordEmbedder()).as_sync() as cache:
        assert cache.health().store_backend == "sqlite"


def test_a_core_has_no_more_attributes_than_python_finds_fast(tmp_path):
    with SemanticCache(tmp_path / "c.db", WordEmbedder(), durability="deferred", stale_check_interval=1) as cache:
        cache.put("q", "r")
        cache.get("other")

        assert len(vars(cache._core)) <= 30
