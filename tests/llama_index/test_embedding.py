"""A cached embedder gives the vectors of the uncached one, and embeds no text twice."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core import Document, MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.ingestion import IngestionPipeline
from pydantic import PrivateAttr

from mneme import AsyncSemanticCache, InvalidArgumentError, MemoryStore, SemanticCache
from mneme.testing import FaultyStore, WordEmbedder
from mneme_llama_index import cached_embedding
from mneme_llama_index._vector_codec import VectorCodec


class CountingEmbedding(BaseEmbedding):
    """Numbers made of a text's length; queries differ from documents. Notes what it is asked."""

    scale: float = 0.1
    api_key: str = "secret"
    _asked: list[str] = PrivateAttr(default_factory=list)

    def _vector(self, prefix: str, text: str) -> list[float]:
        self._asked.append(f"{prefix}:{text}")
        return [len(text) * self.scale, 1 / 3, 1.0 if prefix == "query" else 0.0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vector("query", query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._vector("query", query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vector("text", text)


@pytest.fixture
def plain() -> CountingEmbedding:
    return CountingEmbedding(model_name="counting")


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[SemanticCache]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/vectors.db"
    with SemanticCache.open(url) as opened:
        yield opened


TEXTS = ["a", "bb", "a", "ccc", "", "a b", "A  B", "é", "\ud800"]


def test_vectors_are_those_of_the_uncached_model(plain, cache):
    twin = cached_embedding(plain.model_copy(deep=True), cache)
    for _ in range(2):
        assert [twin.get_text_embedding(text) for text in TEXTS] == [plain.get_text_embedding(text) for text in TEXTS]
        assert [twin.get_query_embedding(text) for text in TEXTS] == [plain.get_query_embedding(text) for text in TEXTS]
        assert twin.get_text_embedding_batch(TEXTS) == plain.get_text_embedding_batch(TEXTS)
        assert twin.get_agg_embedding_from_queries(TEXTS) == plain.get_agg_embedding_from_queries(TEXTS)
    assert sorted(twin._asked) == sorted({*(f"text:{text}" for text in TEXTS), *(f"query:{text}" for text in TEXTS)})


async def test_both_colours_share_their_vectors(plain, cache):
    twin = cached_embedding(plain, cache.as_async())
    assert await twin.aget_text_embedding_batch(TEXTS) == [twin.get_text_embedding(text) for text in TEXTS]
    assert await twin.aget_query_embedding("q") == twin.get_query_embedding("q")
    assert await twin.aget_text_embedding("bb") == twin.get_text_embedding("bb")
    assert len(twin._asked) == len(set(TEXTS)) + 1


async def test_equal_queries_at_one_moment_are_embedded_once(cache):
    class Slow(CountingEmbedding):
        async def _aget_query_embedding(self, query: str) -> list[float]:
            await asyncio.sleep(0.01)
            return self._get_query_embedding(query)

    twin = cached_embedding(Slow(), cache)
    vectors = await asyncio.gather(*(twin.aget_query_embedding("q") for _ in range(20)))
    assert twin._asked == ["query:q"]
    assert len({id(vector) for vector in vectors}) == 20


def test_a_query_and_a_document_are_kept_apart(plain, cache):
    twin = cached_embedding(plain, cache)
    assert twin.get_query_embedding("a") != twin.get_text_embedding("a")
    assert twin.get_query_embedding("a") == [0.1, 1 / 3, 1.0]


@pytest.mark.parametrize("change", [{"model_name": "other"}, {"scale": 0.2}])
def test_other_settings_are_other_vectors(plain, cache, change):
    cached_embedding(plain, cache).get_text_embedding("a")
    other = cached_embedding(plain.model_copy(update=change), cache)
    other.get_text_embedding("a")
    assert other._asked == ["text:a", "text:a"]


@pytest.mark.parametrize("change", [{"api_key": "new"}, {"embed_batch_size": 3}, {"num_workers": 2}])
def test_settings_of_the_call_alone_share_vectors(plain, cache, change):
    cached_embedding(plain, cache).get_text_embedding("a")
    cached_embedding(plain.model_copy(update=change), cache).get_text_embedding("a")
    assert plain._asked == ["text:a"]


def test_a_setting_changed_in_place_counts(plain, cache):
    twin = cached_embedding(plain, cache)
    first = twin.get_text_embedding("a")
    twin.scale = 0.5
    assert twin.get_text_embedding("a") == [0.5, *first[1:]]


def test_vary_and_namespace_separate(plain, cache):
    for options in ({}, {"vary": {"weights": 2}}, {"namespace": "other"}):
        cached_embedding(plain, cache, **options).get_text_embedding("a")
    assert len(plain._asked) == 3


def test_what_comes_back_is_the_callers_own(plain, cache):
    twin = cached_embedding(plain, cache)
    first = twin.get_text_embedding_batch(["a", "a"])
    assert first[0] is not first[1]
    first[0][0] = 99.0
    assert twin.get_text_embedding("a") == first[1]


def test_the_file_holds_no_text(plain, tmp_path):
    with SemanticCache.open(f"sqlite:///{tmp_path}/vectors.db") as cache:
        cached_embedding(plain, cache).get_text_embedding("a rather private sentence")
    assert all(b"private" not in file.read_bytes() for file in tmp_path.iterdir())


def test_copies_are_cached_and_pickles_are_not(plain, cache):
    twin = cached_embedding(plain, cache)
    twin.get_text_embedding("a")
    for copied in (copy.copy(twin), copy.deepcopy(twin), twin.model_copy(), cached_embedding(twin, cache)):
        assert type(copied).__name__ == "CountingEmbedding"
        assert isinstance(copied, CountingEmbedding)
        asked = len(copied._asked)
        copied.get_text_embedding("a")
        assert len(copied._asked) == asked
    assert twin.to_dict() == plain.to_dict()
    mock = cached_embedding(MockEmbedding(4), cache)
    assert type(pickle.loads(pickle.dumps(mock))) is MockEmbedding


def test_a_failing_cache_is_a_warning(plain, caplog):
    store = FaultyStore(MemoryStore())
    twin = cached_embedding(plain, SemanticCache(store=store, embedder=WordEmbedder()))
    store.write_error = OSError("disk full")
    for _ in range(2):
        assert twin.get_text_embedding("private") == plain.get_text_embedding("private")
        assert twin.get_text_embedding_batch(TEXTS) == plain.get_text_embedding_batch(TEXTS)
    assert store.writes == 0
    assert "disk full" in caplog.text
    assert "private" not in caplog.text


async def test_a_closed_cache_is_a_warning(plain, cache, caplog):
    twin = cached_embedding(plain, cache)
    cache.close()
    assert twin.get_query_embedding("a") == plain.get_query_embedding("a")
    assert twin.get_text_embedding_batch(["a"]) == [plain.get_text_embedding("a")]
    assert await twin.aget_text_embedding_batch(["a"]) == [plain.get_text_embedding("a")]
    assert await twin.aget_text_embedding("a") == plain.get_text_embedding("a")
    assert "the cache was left out" in caplog.text


def test_the_embedders_error_reaches_the_caller_and_is_not_kept(cache):
    class Failing(CountingEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            super()._get_text_embedding(text)
            raise LookupError(text)

    twin = cached_embedding(Failing(), cache)
    for _ in range(2):
        with pytest.raises(LookupError, match="a"):
            twin.get_text_embedding("a")
        with pytest.raises(LookupError, match="a"):
            twin.get_text_embedding_batch(["a"])
    assert len(twin._asked) == 4


def test_an_embedder_that_miscounts_is_left_alone(cache):
    class Short(CountingEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return [self._get_text_embedding(text) for text in texts if text]

    assert cached_embedding(Short(), cache).get_text_embedding_batch(
        ["a", "", "b"]
    ) == Short().get_text_embedding_batch(["a", "", "b"])


def test_callbacks_are_told_the_same(plain, cache):
    def told(model: BaseEmbedding) -> list[Any]:
        handler = LlamaDebugHandler(print_trace_on_end=False)
        model.callback_manager = CallbackManager([handler])
        model.get_text_embedding("a")
        model.get_query_embedding("a")
        return [event.payload for pair in handler.get_event_pairs(CBEventType.EMBEDDING) for event in pair]

    twin = cached_embedding(plain.model_copy(deep=True), cache)
    twin.get_text_embedding("a")
    assert told(twin) == told(plain)


def test_an_index_and_a_pipeline_embed_once(plain, cache):
    twin = cached_embedding(plain, cache)
    documents = [Document(text="The shop opens at nine.", id_="shop"), Document(text="It closes at six.", id_="close")]
    for _ in range(2):
        index = VectorStoreIndex.from_documents(documents, embed_model=twin)
        assert len(index.as_retriever(similarity_top_k=2).retrieve("When?")) == 2
        assert len(IngestionPipeline(transformations=[twin]).run(documents=documents)) == 2
    assert sorted(plain._asked) == ["query:When?", "text:It closes at six.", "text:The shop opens at nine."]


def test_it_is_a_setting(plain, cache):
    previous = Settings._embed_model
    try:
        Settings.embed_model = cached_embedding(plain, cache)
        Settings.embed_model.get_text_embedding("a")
        Settings.embed_model.get_text_embedding("a")
        assert plain._asked == ["text:a"]
    finally:
        Settings._embed_model = previous


def test_bad_arguments_are_ours(plain, cache):
    with pytest.raises(InvalidArgumentError, match="type str"):
        cached_embedding("local", cache)
    with pytest.raises(InvalidArgumentError, match="ttl"):
        cached_embedding(plain, cache, ttl=0)


async def test_an_async_cache_serves(plain):
    async with AsyncSemanticCache(store=MemoryStore(), embedder=WordEmbedder()) as cache:
        twin = cached_embedding(plain, cache)
        assert await twin.aget_text_embedding("a") == await twin.aget_text_embedding("a")
    assert plain._asked == ["text:a"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_come_back_as_they_were(vector):
    codec = VectorCodec()
    assert codec.decode(codec.encode(vector)) == vector


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=32, max_size=32))
def test_short_numbers_take_four_bytes(vector):
    text = VectorCodec().encode(vector)
    assert text.startswith("f4:")
    assert len(text) == 3 + 172
    assert VectorCodec().decode(text) == vector


@pytest.mark.parametrize("value", [[], [float("nan")], [float("inf")], [[1.0]], ["a"], None, "text", {1: 2}, [10**400]])
def test_what_is_no_vector_is_not_kept(value):
    assert VectorCodec().encode(value) is None


@pytest.mark.parametrize("text", ["", "f4:", "f4:abc", "f4:!!!!", "x:AAAA", "f8:AAAA", '{"v": 2}'])
def test_a_damaged_vector_is_an_error(text):
    with pytest.raises(ValueError):  # of NumPy, of base64 or ours
        VectorCodec().decode(text)
