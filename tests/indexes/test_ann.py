"""The approximate index: what it returns is true whatever it is doing, and it finds what was promised."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import MemoryStore, SemanticCache
from mneme.errors import IndexBackendUnavailableError, InvalidArgumentError
from mneme.indexes import ann, graph, make_index
from mneme.indexes.ann import AnnIndex, AutoIndex
from mneme.indexes.base import Vector
from mneme.indexes.exact import ExactIndex, full_scan
from mneme.indexes.graph import Graph
from mneme.model import VectorDtype
from mneme.testing import IndexContract, WordEmbedder
from mneme.testing.index_contract import Indexes, clustered, unit_rows

pytestmark = pytest.mark.skipif(not graph.is_installed(), reason="usearch is not installed")

DIM, ROWS, SECONDS = 96, 600, 60.0


class Settled(AnnIndex):
    """Has its graphs up to date before anything is asked."""

    def add_many(self, partition: bytes, ids: Sequence[int], vectors: Vector) -> None:
        super().add_many(partition, ids, vectors)
        assert self.wait(SECONDS)

    @property
    def tombstones(self) -> int:
        assert self.wait(SECONDS)
        return super().tombstones

    def compact(self) -> int:
        reclaimed = super().compact()
        assert self.wait(SECONDS)
        return reclaimed


@pytest.mark.parametrize("dtype", ["float32", "int8"])
class TestAnnIndex(IndexContract):
    """As if 60 rows were many."""

    recall = 0.98

    @pytest.fixture
    def make_index(self, dtype: VectorDtype, monkeypatch: pytest.MonkeyPatch) -> Indexes:
        monkeypatch.setattr(ann, "WORTH_TELLING", 1)
        return lambda dim: Settled(dim, dtype, above=60, recall=0.98)


class TestAnnIndexAtWork(IndexContract):
    """Whatever its graphs know at the moment."""

    recall = 0.98
    test_compacting_gives_back_room_and_changes_no_answer = None  # graphs may grow meanwhile

    @pytest.fixture
    def make_index(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Indexes]:
        monkeypatch.setattr(ann, "WORTH_TELLING", 8)
        made: list[AnnIndex] = []

        def make(dim: int) -> AnnIndex:
            made.append(AnnIndex(dim, above=60, recall=0.98))
            return made[-1]

        yield make
        for index in made:  # whose work would go on beside the next test
            index.close()
            assert index.wait(SECONDS)


def filled(vectors: Vector, **options: float) -> AnnIndex:
    """Return an index with a graph over these vectors, whose ids are their rows."""
    index = AnnIndex(vectors.shape[1], above=100, **options)  # type: ignore[arg-type]  # recall alone
    index.add_many(b"a", range(len(vectors)), vectors)
    assert index.wait(SECONDS)
    return index


def graph_of(index: AnnIndex) -> Graph:
    return index._graphs[b"a"]


def test_a_large_partition_is_searched_by_its_graph(monkeypatch) -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    monkeypatch.setattr(ExactIndex, "search", lambda *arguments: pytest.fail("the exact scan was asked"))
    first = [index.search(b"a", vector, 1, 0.9)[0].id for vector in vectors]

    assert graph_of(index).width is not None
    assert np.mean(np.array(first) == np.arange(ROWS)) >= 0.995


@pytest.mark.parametrize("k", [17, 32, 300])
def test_a_search_for_many_is_exact(k, monkeypatch) -> None:
    """Invalidation and reports of wrong answers ask for many, and must miss none."""
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    monkeypatch.setattr(Graph, "search", lambda *arguments: pytest.fail("the graph was asked"))
    found = index.search(b"a", vectors[0], k, -1.0)

    assert {near.id for near in found} == {row for row, _ in full_scan(vectors, vectors[0], k, -1.0)}


def test_what_is_put_is_found_before_the_graph_knows_of_it() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors[:-10])
    index.add_many(b"a", range(ROWS - 10, ROWS), vectors[-10:])

    assert len(graph_of(index)) == ROWS - 10
    assert [index.search(b"a", vector, 1, 0.9)[0].id for vector in vectors[-10:]] == list(range(ROWS - 10, ROWS))


def test_what_is_removed_is_not_found_though_the_graph_knows_it() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    for number in range(10):
        index.remove(b"a", number)
    found = {near.id for vector in vectors[:10] for near in index.search(b"a", vector, 50, -1.0)}

    assert len(graph_of(index)) == ROWS
    assert not found & set(range(10))


def test_an_entry_that_is_replaced_again_and_again_is_found(monkeypatch) -> None:
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    vectors = clustered(ROWS, 1, DIM)
    index, last = filled(vectors), 5
    for number in range(ROWS, ROWS + 500):
        index.add_many(b"a", [number], vectors[5:6])
        index.remove(b"a", last)
        last = number
        assert index.search(b"a", vectors[5], 1, 0.9)[0].id == number
    assert index.wait(SECONDS)

    assert index.search(b"a", vectors[5], 1, 0.9)[0].id == last
    assert index.tombstones <= 8


def test_a_graph_with_many_removals_is_built_anew(monkeypatch) -> None:
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    vectors = clustered(2 * ROWS, 1, DIM)
    index = filled(vectors[:ROWS])
    first = graph_of(index)
    for number in range(ROWS):
        index.add_many(b"a", [ROWS + number], vectors[ROWS + number : ROWS + number + 1])
        index.remove(b"a", number)
    assert index.wait(SECONDS)
    index.add_many(b"a", range(2 * ROWS, 2 * ROWS + 8), vectors[:8])
    assert index.wait(SECONDS)

    assert graph_of(index) is not first
    assert [index.search(b"a", vectors[row], 1, 0.9)[0].id for row in range(ROWS, 2 * ROWS, 50)] == list(
        range(ROWS, 2 * ROWS, 50)
    )


def test_a_partition_that_has_become_small_has_no_graph(monkeypatch) -> None:
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    for number in range(40, ROWS):
        index.remove(b"a", number)
    assert index.wait(SECONDS)

    assert index._graphs == {}
    assert index.search(b"a", vectors[3], 1, 0.9)[0].id == 3


def test_a_graph_that_finds_too_little_is_not_searched(monkeypatch) -> None:
    """Half of what it says is lost, whatever it looks at."""
    search = Graph.search
    monkeypatch.setattr(Graph, "search", lambda self, *arguments: [id for id in search(self, *arguments) if id % 2])
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)

    assert graph_of(index).width is None
    assert [index.search(b"a", vector, 1, 0.9)[0].id for vector in vectors] == list(range(ROWS))


def test_a_graph_looks_at_more_until_it_finds_enough(monkeypatch) -> None:
    search = Graph.search
    monkeypatch.setattr(
        Graph,
        "search",
        lambda self, query, count, width: [id for id in search(self, query, count, width) if id % 2 or width > 200],
    )

    assert graph_of(filled(clustered(ROWS, 1, DIM))).width == 256


def test_a_graph_of_shortened_vectors_finds_what_whole_ones_find() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    first = [index.search(b"a", vector, 1, 0.9)[0].id for vector in vectors]

    assert graph_of(index).numbers == 64 < DIM
    assert np.mean(np.array(first) == np.arange(ROWS)) >= 0.995


def test_where_shortened_vectors_find_too_little_the_graph_has_whole_ones(monkeypatch, caplog) -> None:
    """That which is built in its place, too."""
    search = Graph.search
    monkeypatch.setattr(
        Graph,
        "search",
        lambda self, *arguments: [id for id in search(self, *arguments) if id % 2 or self.rotation is None],
    )
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    vectors = clustered(2 * ROWS, 1, DIM)
    index = filled(vectors[:ROWS])
    first = graph_of(index)
    for number in range(ROWS):
        index.add_many(b"a", [ROWS + number], vectors[ROWS + number : ROWS + number + 1])
        index.remove(b"a", number)
    assert index.wait(SECONDS)
    index.add_many(b"a", range(2 * ROWS, 2 * ROWS + 8), vectors[:8])
    assert index.wait(SECONDS)

    assert [(made.numbers, made.width) for made in (first, graph_of(index))] == [(DIM, 128), (DIM, 128)]
    assert graph_of(index) is not first
    assert caplog.text == ""


def test_vectors_of_few_numbers_are_not_shortened() -> None:
    assert graph_of(filled(clustered(ROWS, 1, 64))).rotation is None


def test_the_more_entries_are_looked_at_the_more_are_compared(monkeypatch) -> None:
    counts, search = [], Graph.search

    def searched(self: Graph, query: Vector, count: int, width: int) -> list[int]:
        counts.append((width, count))
        return search(self, query, count, width) if width > 200 else []

    monkeypatch.setattr(Graph, "search", searched)
    filled(clustered(ROWS, 1, DIM))

    assert list(dict.fromkeys(counts)) == [(64, 32), (91, 45), (128, 64), (181, 90), (256, 128)]


def test_a_graph_that_fails_costs_no_answer(monkeypatch, caplog) -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    monkeypatch.setattr(Graph, "search", lambda *arguments: 1 / 0)

    assert [index.search(b"a", vector, 1, 0.9)[0].id for vector in vectors] == list(range(ROWS))
    assert caplog.text.count("the approximate index failed") == 1


def test_a_graph_that_cannot_be_built_costs_no_answer(monkeypatch, caplog) -> None:
    monkeypatch.setattr(Graph, "add", lambda *arguments: 1 / 0)
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)

    assert index.search(b"a", vectors[7], 1, 0.9)[0].id == 7
    assert "goes on without" in caplog.text


def test_searches_and_changes_do_not_wait_for_the_building(monkeypatch) -> None:
    going_on, told = threading.Event(), Graph.add

    def add(self: Graph, ids: Sequence[int], vectors: Vector) -> None:
        assert going_on.wait(SECONDS)
        told(self, ids, vectors)

    monkeypatch.setattr(Graph, "add", add)
    vectors = clustered(ROWS, 1, DIM)
    index = AnnIndex(DIM, above=100)
    index.add_many(b"a", range(ROWS - 1), vectors[:-1])
    index.add_many(b"a", [ROWS - 1], vectors[-1:])
    index.remove(b"a", 0)
    found = [index.search(b"a", vector, 1, 0.99) for vector in vectors]
    going_on.set()
    assert index.wait(SECONDS)

    assert [near[0].id for near in found[1:]] == list(range(1, ROWS))
    assert found[0] == []
    assert len(graph_of(index)) == ROWS - 1


def test_a_large_graph_is_built_more_thoroughly(monkeypatch) -> None:
    monkeypatch.setattr(graph, "LARGE", 300)
    made = Graph(DIM)
    widths = []
    for start in range(0, ROWS, 200):
        made.add(range(start, start + 200), clustered(ROWS, 1, DIM)[start : start + 200])
        widths.append(made._index.expansion_add)

    assert widths == [128, 128, 256]


def test_a_search_by_graph_during_changes_returns_only_what_is_true(monkeypatch) -> None:
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    vectors = clustered(ROWS, 1, DIM)
    index, searched = filled(vectors), threading.Event()
    similarities = vectors @ vectors[0]  # the vector of an id is always that of row id % ROWS

    def change() -> None:
        chance, held = np.random.default_rng(2), list(range(1, ROWS))  # 0, the nearest, stays
        for number in filter(lambda number: number % ROWS, itertools.count(ROWS)):
            if searched.is_set():
                return
            index.remove(b"a", held.pop(int(chance.integers(len(held)))))
            index.add_many(b"a", [number], vectors[number % ROWS : number % ROWS + 1])
            held.append(number)

    changing = threading.Thread(target=change)
    changing.start()
    searches = [index.search(b"a", vectors[0], 8, -1.0) for _ in range(1_000)]
    searched.set()
    changing.join()
    assert index.wait(SECONDS)

    assert max(abs(near.similarity - similarities[near.id % ROWS]) for found in searches for near in found) <= 1e-5
    assert all(found[0].id == 0 for found in searches)
    # What is removed between the graph's answer and the comparison is left out, and nothing takes its place.
    assert sum(len(found) == 8 for found in searches) >= 900


def test_the_bundled_embedder_can_be_loaded_after_a_graph_was_made() -> None:
    pytest.importorskip("onnxruntime")
    program = (
        "from mneme.indexes.graph import Graph; Graph(8); import mneme; mneme.default_embedder().embed('a question')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)

    assert (run.returncode, run.stderr) == (0, "")


def test_a_closed_index_stops_building_and_searches_on() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = AnnIndex(DIM, above=100)
    index.close()
    index.add_many(b"a", range(ROWS), vectors)

    assert index.wait(SECONDS)
    assert index._graphs == {}
    assert index.search(b"a", vectors[7], 1, 0.9)[0].id == 7


def test_where_no_thread_can_be_started_the_exact_scan_searches(monkeypatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    vectors = clustered(ROWS, 1, DIM)

    assert filled(vectors).search(b"a", vectors[7], 1, 0.9)[0].id == 7


def test_after_a_fork_graphs_that_were_at_rest_are_used() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = filled(vectors)
    index.add_many(b"b", range(ROWS), vectors)
    assert index.wait(SECONDS)
    index._graphs[b"b"]._lock.acquire()  # as a thread that is not in the child does
    index.after_fork()

    assert list(index._graphs) == [b"a"]
    assert index.search(b"b", vectors[7], 1, 0.9)[0].id == 7
    assert index.wait(SECONDS)
    assert set(index._graphs) == {b"a", b"b"}


def test_a_process_ends_while_a_graph_is_built() -> None:
    code = """
import numpy as np
from mneme.indexes.ann import AnnIndex
index = AnnIndex(96, above=100)
index.add_many(b"a", range(30_000), np.random.default_rng(1).standard_normal((30_000, 96)).astype(np.float32))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


@given(
    kind=st.sampled_from(["random", "clustered", "duplicated"]),
    dtype=st.sampled_from(["float32", "float16", "int8"]),
    seed=st.integers(0, 10_000),
    steps=st.lists(st.sampled_from(["add", "add many", "remove", "replace", "drop", "compact", "wait"]), max_size=20),
    k=st.integers(1, 12),
    floor=st.sampled_from([-1.0, 0.3, 0.8, 0.99]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_what_it_returns_is_true_after_any_changes(
    kind: str, dtype: VectorDtype, seed: int, steps: list[str], k: int, floor: float
) -> None:
    chance = np.random.default_rng(seed)
    pool = clustered(300, seed, DIM) if kind == "clustered" else unit_rows(chance.standard_normal((300, DIM)))
    if kind == "duplicated":
        pool = pool[chance.integers(3, size=300)]
    index, next_id = AnnIndex(DIM, dtype, above=40), 0
    held: dict[bytes, dict[int, Vector]] = {b"a": {}, b"b": {}}
    for step in ["add many", "wait", *steps, "wait"]:
        partition = (b"a", b"b")[chance.integers(2)]
        rows = held[partition]
        number = {"add": 1, "add many": 60, "replace": 1}.get(step, 0)
        if step in ("remove", "replace") and rows:
            gone = int(chance.choice(list(rows)))
            assert index.remove(partition, gone)
            del rows[gone]
        if number:
            new = pool[chance.integers(len(pool), size=number)]
            index.add_many(partition, range(next_id, next_id + number), new)
            rows.update(zip(range(next_id, next_id + number), new, strict=True))
            next_id += number
        elif step == "drop" and chance.random() < 0.3:
            index.drop(partition)
            rows.clear()
        elif step == "compact":
            index.compact()
        elif step == "wait":
            assert index.wait(SECONDS)
        query = pool[chance.integers(len(pool))]
        found = index.search(partition, query, k, floor)
        tolerance = {"float32": 1e-5, "float16": 1e-3, "int8": 2e-2}[dtype]

        assert index.count(partition) == len(rows)
        assert len({near.id for near in found}) == len(found)
        assert all(near.id in rows and near.similarity >= floor - tolerance for near in found)
        assert np.allclose(
            [near.similarity for near in found], [rows[near.id] @ query for near in found], atol=tolerance
        )
        assert found == sorted(found, key=lambda near: -near.similarity)


def test_auto_is_exact_until_a_partition_is_very_large() -> None:
    vectors = clustered(ROWS, 1, DIM)
    index = AutoIndex(DIM, above=300)
    index.add_many(b"a", range(200), vectors[:200])
    assert index.wait(SECONDS)
    before = index.name
    index.add_many(b"a", range(200, ROWS), vectors[200:])
    assert index.wait(SECONDS)

    assert (before, index.name) == ("numpy", "hnsw")
    assert ann.AUTO_ABOVE == 500_000
    assert index.search_seconds(b"a") > 0


@pytest.mark.parametrize("backend", ["ann", "hnsw"])
def test_a_cache_says_which_index_it_has(backend) -> None:
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), index_backend=backend) as cache:
        cache.put("how do I reset my password", "so")

        assert cache.health().index_backend == "hnsw"
        assert cache.get("how do I reset my password").response == "so"


def test_without_usearch_ann_says_what_to_install_and_auto_is_exact(monkeypatch) -> None:
    monkeypatch.setattr(graph, "is_installed", lambda: False)
    with pytest.raises(IndexBackendUnavailableError, match=r"pip install \"mneme-middleware\[ann\]\""):
        make_index("ann", DIM, "float32")

    assert type(make_index("auto", DIM, "float32")) is ExactIndex


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"abov": 5}, r"\['abov'\] are unknown; an approximate index takes above, recall and save"),
        ({"above": 0}, "above=0; it is a whole number"),
        ({"above": 1.5}, "above=1.5"),
        ({"recall": 1.1}, r"recall=1\.1; it is a share"),
        ({"recall": True}, "recall=True"),
        ({"save": 1}, "save=1; it is True or False"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        make_index("ann", DIM, "float32", options)
