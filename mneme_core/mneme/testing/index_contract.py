"""What every index promises, as tests: subclass IndexContract in a pytest module of your own.

class TestMyIndex(IndexContract):
    recall = 0.95  # for one that is approximate

    @pytest.fixture
    def make_index(self):
        return lambda dim: MyIndex(dim)
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np
import pytest

from mneme.indexes.base import Index, Near, Vector
from mneme.indexes.exact import full_scan

DIM = 96
# By how much a cosine may be off for vectors held in less than float32, and for rounding.
TOLERANCE = {"float32": 1e-5, "float16": 1e-3, "int8": 2e-2}
A, B = b"partition a", b"partition b"

Indexes: TypeAlias = Callable[[int], Index]


def clustered(rows: int, seed: int, dim: int = DIM) -> Vector:
    """Return unit vectors in clusters of about ten, float32, shape (rows, dim)."""
    chance = np.random.default_rng(seed)
    centres = np.repeat(chance.standard_normal((rows // 10 + 1, dim)), 10, axis=0)[:rows]
    return unit_rows(centres + 0.4 * chance.standard_normal((rows, dim)))


def unit_rows(rows: np.typing.ArrayLike) -> Vector:
    """Return rows at unit length, float32."""
    values = np.asarray(rows, np.float64)
    vectors: Vector = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return vectors


class IndexContract:
    """The tests. `make_index(dim)` returns an empty index."""

    recall: ClassVar[float] = 1.0
    """The share of the true neighbours that are found."""

    @pytest.fixture
    def make_index(self) -> Indexes:
        """Return a function that makes an empty index; the subclass says which."""
        raise NotImplementedError("an IndexContract needs a fixture make_index")

    @pytest.fixture
    def index(self, make_index: Indexes) -> Index:
        """An empty index of DIM numbers."""
        return make_index(DIM)

    def test_it_has_what_an_index_has(self, index: Index) -> None:
        assert isinstance(index, Index)
        assert isinstance(index.name, str)
        assert index.dtype in TOLERANCE

    def test_an_empty_index_finds_nothing(self, index: Index) -> None:
        assert index.search(A, clustered(1, seed=0)[0], 5, -1.0) == []
        assert (index.count(A), index.remove(A, 1), index.tombstones) == (0, False, 0)
        index.drop(A)

    def test_a_vector_finds_itself(self, index: Index) -> None:
        vectors = clustered(300, seed=1)
        index.add_many(A, range(1_000, 1_300), vectors)
        first = [index.search(A, vector, 1, 0.9)[0] for vector in vectors]

        assert np.mean([near.id == 1_000 + row for row, near in enumerate(first)]) >= self.recall
        assert all(abs(near.similarity - 1) <= TOLERANCE[index.dtype] for near in first)

    def test_the_nearest_come_first_and_with_their_cosine(self, index: Index) -> None:
        vectors, query = clustered(300, seed=2), clustered(1, seed=3)[0]
        index.add_many(A, range(300), vectors)
        found = index.search(A, query, 20, -1.0)
        similarities = [near.similarity for near in found]

        assert len(found) >= 20 * self.recall
        assert similarities == sorted(similarities, reverse=True)
        assert all(isinstance(near, Near) and isinstance(near.id, int) for near in found)
        assert np.allclose(similarities, [vectors[near.id] @ query for near in found], atol=TOLERANCE[index.dtype])

    @pytest.mark.parametrize("floor", [-1.0, 0.2, 0.8])
    def test_it_finds_what_a_full_scan_finds(self, index: Index, floor: float) -> None:
        vectors, queries = clustered(1_500, seed=4), clustered(1_500, seed=4)[::100]
        queries = unit_rows(queries + 0.02 * clustered(len(queries), seed=5))
        index.add_many(A, range(700), vectors[:700])
        index.add_many(A, range(700, 1_500), vectors[700:])
        wanted = [{row for row, _ in full_scan(vectors, query, 8, floor)} for query in queries]
        found = [{near.id for near in index.search(A, query, 8, floor)} for query in queries]
        missing = sum(len(true - seen) for true, seen in zip(wanted, found, strict=True))

        assert missing <= (1 - self.recall) * sum(map(len, wanted))

    def test_nothing_under_the_floor_is_found(self, index: Index) -> None:
        vectors = clustered(300, seed=6)
        index.add_many(A, range(300), vectors)
        found = index.search(A, vectors[0], 300, 0.7)

        assert all(near.similarity >= 0.7 - TOLERANCE[index.dtype] for near in found)

    def test_partitions_know_nothing_of_each_other(self, index: Index) -> None:
        vectors = clustered(200, seed=7)
        index.add_many(A, range(100), vectors[:100])
        index.add_many(B, range(100), vectors[100:])
        index.drop(B)
        index.add_many(B, range(500, 600), vectors[100:])

        assert (index.count(A), index.count(B), index.count(b"other")) == (100, 100, 0)
        assert all(near.id < 100 for near in index.search(A, vectors[150], 100, -1.0))
        assert all(near.id >= 500 for near in index.search(B, vectors[50], 100, -1.0))

    def test_what_is_removed_is_not_found_and_all_else_is(self, index: Index) -> None:
        vectors = clustered(400, seed=8)
        index.add_many(A, range(400), vectors)
        removed = [index.remove(A, number) for number in range(0, 400, 3)]
        again = index.remove(A, 0)
        left = [number for number in range(400) if number % 3]
        found = [index.search(A, vectors[number], 1, 0.9)[0].id for number in left]
        everything = {near.id for near in index.search(A, vectors[0], 400, -1.0)}

        assert (all(removed), again, index.count(A)) == (True, False, len(left))
        assert np.mean([number == near for number, near in zip(left, found, strict=True)]) >= self.recall
        assert everything <= set(left)

    def test_a_partition_that_was_emptied_can_be_filled_again(self, index: Index) -> None:
        vectors = clustered(20, seed=9)
        index.add_many(A, range(20), vectors)
        for number in range(20):
            index.remove(A, number)
        empty = index.count(A), index.search(A, vectors[0], 5, -1.0)
        index.add_many(A, [77], vectors[:1])

        assert empty == (0, [])
        assert [near.id for near in index.search(A, vectors[0], 5, 0.5)] == [77]

    def test_compacting_gives_back_room_and_changes_no_answer(self, index: Index) -> None:
        vectors = clustered(3_000, seed=10)
        index.add_many(A, range(3_000), vectors)
        full = index.memory_bytes
        for number in range(10, 3_000):
            index.remove(A, number)
        before, tombstones = index.search(A, vectors[0], 5, 0.5), index.tombstones
        reclaimed = index.compact()

        assert (reclaimed, index.tombstones) == (tombstones, 0)
        after = index.search(A, vectors[0], 5, 0.5)
        assert [near.id for near in after] == [near.id for near in before]
        assert np.allclose([near.similarity for near in after], [near.similarity for near in before], atol=1e-5)
        assert index.memory_bytes < full / 2

    def test_it_says_what_it_holds_and_how_long_a_search_takes(self, index: Index) -> None:
        index.add_many(A, range(100), clustered(100, seed=11))

        assert index.memory_bytes >= 100 * DIM
        assert index.search_seconds(A) > 0
        assert index.search_seconds(B) >= 0

    def test_a_search_during_changes_never_pairs_an_id_with_anothers_similarity(self, index: Index) -> None:
        vectors = clustered(500, seed=12)
        similarities = vectors @ vectors[0]  # the vector of an id is always that of row id % 500
        index.add_many(A, range(300), vectors[:300])
        searched = threading.Event()

        def change() -> None:
            chance, held = np.random.default_rng(13), list(range(1, 300))  # 0, the nearest, stays
            for number in itertools.count(300):
                if searched.is_set():
                    return
                if number % 500:
                    index.remove(A, held.pop(int(chance.integers(len(held)))))
                    index.add_many(A, [number], vectors[number % 500 : number % 500 + 1])
                    held.append(number)

        changing = threading.Thread(target=change)
        changing.start()
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        searches = [index.search(A, vectors[0], 50, -1.0) for _ in range(300)]
        sys.setswitchinterval(interval)
        searched.set()
        changing.join()
        errors = [abs(near.similarity - similarities[near.id % 500]) for found in searches for near in found]

        assert max(errors) <= TOLERANCE[index.dtype]
        assert np.mean([found[0].id == 0 for found in searches]) >= self.recall
