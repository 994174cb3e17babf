"""MnemeKVStore keeps LlamaIndex's contract of key-value stores, and serves an IngestionCache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.schema import Document, TextNode, TransformComponent
from llama_index.core.storage.kvstore import SimpleKVStore

from mneme import SemanticCache
from mneme.testing import WordEmbedder
from mneme_llama_index import MnemeKVStore


@pytest.fixture
def store(cache: SemanticCache) -> MnemeKVStore:
    return MnemeKVStore(cache)


def script(store: Any) -> list[Any]:
    seen: list[Any] = []
    store.put("a", {"n": 1})
    store.put("A", {"n": 2})  # keys that differ in case are two
    store.put("a", {"n": [1, None, {"x": "ü"}]})
    store.put("a", {"n": 3}, collection="other")
    store.put_all([("b", {}), ("c", {"n": 4})], collection="other", batch_size=1)
    seen += [store.get("a"), store.get("A"), store.get("none"), store.get("a", collection="other")]
    seen += [store.get_all(), store.get_all(collection="other"), store.get_all(collection="none")]
    seen += [store.delete("a"), store.delete("a"), store.get("a"), store.get_all()]
    return seen


async def ascript(store: Any) -> list[Any]:
    seen: list[Any] = []
    await store.aput("a", {"n": 1})
    await store.aput_all([("b", {"n": 2}), ("B", {"n": 3})], batch_size=1)
    seen += [await store.aget("a"), await store.aget("none"), await store.aget_all()]
    seen += [await store.adelete("b"), await store.adelete("b"), await store.aget_all()]
    return seen


def test_it_does_what_llama_indexes_own_store_does(store: MnemeKVStore) -> None:
    assert script(store) == script(SimpleKVStore())


async def test_its_coroutines_do_too(store: MnemeKVStore) -> None:
    assert await ascript(store) == await ascript(SimpleKVStore())


CALLS: list[int] = []  # not a field: LlamaIndex hashes those


class Shouting(TransformComponent):
    """Counts its calls."""

    def __call__(self, nodes: Any, **kwargs: Any) -> Any:
        CALLS.append(len(nodes))
        return [TextNode(text=node.text.upper(), id_=node.id_) for node in nodes]


def test_an_ingestion_pipeline_reads_its_nodes_from_a_file(tmp_path: Path) -> None:
    documents, runs = [Document(text="hello", id_="d")], []
    for _ in range(2):
        with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
            kept = IngestionCache(cache=MnemeKVStore(cache))
            pipeline = IngestionPipeline(transformations=[Shouting()], cache=kept, disable_cache=False)
            runs.append([node.get_content() for node in pipeline.run(documents=documents)])

    assert (runs, CALLS) == ([["HELLO"]] * 2, [1])


async def test_what_cannot_be_kept_is_a_warning(cache: SemanticCache, caplog: Any) -> None:
    store = MnemeKVStore(cache)
    store.put("a", {"x": object()})
    await store.aput("b", {"x": "y" * 5_000_000})
    found = [store.get("a"), await store.aget("b")]
    cache.close()
    store.put("c", {})

    assert (found, store.get("c"), await store.aget("c")) == ([None, None], None, None)
    assert caplog.text.count("a value was not kept") == 3
