"""ExactIndex against a full scan, for any sequence of changes and vectors made to break its bounds."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme.indexes import block, exact, segment, survival
from mneme.indexes.background import Background, Job
from mneme.indexes.base import Vector
from mneme.indexes.block import Block
from mneme.indexes.exact import ExactIndex, full_scan
from mneme.indexes.pages import LARGE_PAGE
from mneme.indexes.prefixes import TILE, Prefixes
from mneme.indexes.rotation import AXES, WIDTH, Asked, fit
from mneme.indexes.segment import SEGMENT_ROWS
from mneme.indexes.survival import Survival
from mneme.model import VectorDtype
from mneme.testing.index_contract import clustered, unit_rows

PARTITIONS = (b"a", b"b")
SECONDS = 60
DTYPES: list[VectorDtype] = ["float32", "float16", "int8"]

repeatable = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture(autouse=True, params=[8, 64])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if few rows were many: prefixes from 20 on, segments of 8, or of 64 so that some grow with their prefixes."""
    monkeypatch.setattr(block, "SEGMENT_ROWS", request.param)
    monkeypatch.setattr(survival, "SEARCHES", 4)
    monkeypatch.setattr(segment, "FEW_NUMBERS", 2 * request.param)
    monkeypatch.setattr(segment, "STEP_ROWS", 5)
    monkeypatch.setattr(exact, "PLAIN_BELOW", dict.fromkeys(exact.PLAIN_BELOW, 20))


class ByHand(Background):
    """Does what it is given step by step, as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: dict[Hashable, Iterator[None]] = {}

    def submit(self, name: Hashable, job: Job) -> None:
        self.begun.setdefault(name, job())

    def step(self) -> None:
        for name, job in list(self.begun.items()):
            if next(job, name) is name:
                del self.begun[name]


def prepared(index: ExactIndex, query: Vector) -> ExactIndex:
    """The index once its first search has had prefixes made."""
    index.search(b"a", query, 1, 0.9)
    assert index.wait(SECONDS)
    return index


def vectors_of(kind: str, rows: int, seed: int, dim: int) -> Vector:
    """Unit vectors that are random, clustered, equal, or nearly within a few directions."""
    chance = np.random.default_rng(seed)
    if kind == "clustered":
        return clustered(rows, seed, dim)
    if kind == "duplicated":
        return unit_rows(chance.standard_normal((3, dim)))[chance.integers(3, size=rows)]
    if kind == "flat":  # almost all of their length in few directions, the rest tiny and decisive
        spread = 10.0 ** -chance.integers(2, 6)
        return unit_rows(
            chance.standard_normal((rows, 3)) @ chance.standard_normal((3, dim))
            + spread * chance.standard_normal((rows, dim))
        )
    if kind == "axes":
        return np.eye(dim, dtype=np.float32)[chance.integers(dim, size=rows)]
    return unit_rows(chance.standard_normal((rows, dim)))


def nearest(
    index: ExactIndex, partition: bytes, held: dict[int, Vector], query: Vector, k: int, floor: float
) -> Vector:
    """The exact similarities of what is found, best first: the index's answer rescored, as a cache does it."""
    found = index.search(partition, query, k, floor)
    assert len({near.id for near in found}) == len(found)
    exactly = np.array([held[near.id] @ query for near in found], np.float32)
    return np.sort(exactly)[::-1][:k]


@given(
    kind=st.sampled_from(["random", "clustered", "duplicated", "flat", "axes"]),
    dtype=st.sampled_from(DTYPES),
    dim=st.sampled_from([3, WIDTH, WIDTH + 1, 100]),
    seed=st.integers(0, 10_000),
    steps=st.lists(
        st.sampled_from(
            ["add", "add", "add many", "remove", "remove", "replace", "drop", "prepare", "prepare", "compact", "refit"]
        ),
        max_size=30,
    ),
    k=st.integers(1, 12),
    floor=st.sampled_from([-1.0, 0.0, 0.5, 0.8, 0.95, 0.9999, 1.0]),
)
@repeatable
def test_it_answers_as_a_full_scan_does(
    kind: str, dtype: VectorDtype, dim: int, seed: int, steps: list[str], k: int, floor: float
) -> None:
    chance = np.random.default_rng(seed)
    pool = vectors_of(kind, 400, seed, dim)
    index, next_id = ExactIndex(dim, dtype), 0
    index._preparing = index._background = by_hand = ByHand()
    held: dict[bytes, dict[int, Vector]] = {partition: {} for partition in PARTITIONS}
    for step in ["add many", *steps, "search"]:
        partition = PARTITIONS[chance.integers(2)]
        rows = held[partition]
        if step.startswith("add"):
            number = int(chance.integers(1, 30)) if step == "add many" else 1
            new = pool[chance.integers(len(pool), size=number)]
            index.add_many(partition, range(next_id, next_id + number), new)
            rows.update(zip(range(next_id, next_id + number), new, strict=True))
            next_id += number
        elif step == "remove" and rows:
            gone = [int(chance.choice(list(rows))) for _ in range(6)]
            assert [index.remove(partition, id) for id in gone] == [rows.pop(id, None) is not None for id in gone]
        elif step == "drop" and chance.random() < 0.3:
            index.drop(partition)
            rows.clear()
        elif step == "replace" and rows:
            for gone in chance.choice(list(rows), size=min(len(rows), 6), replace=False).tolist():
                index.remove(partition, gone)
                rows[next_id] = rows.pop(gone)
                index.add_many(partition, [next_id], rows[next_id][None, :])
                next_id += 1
        elif step == "compact":
            assert index.compact() == 0
        elif step == "prepare":
            for _ in range(int(chance.integers(1, 12))):
                by_hand.step()
        elif step == "refit" and partition in index._blocks:  # left half-way, as a writer finds it
            by_hand.submit(partition, partial(index._refit, index._blocks[partition]))
        query = pool[chance.integers(len(pool))]
        found = nearest(index, partition, rows, query, k, floor)
        # One step of float32 below the floor or above it is the same to a cache, which compares six decimals.
        sure = full_scan(np.array(list(rows.values()), np.float32).reshape(-1, dim), query, k, floor + 2e-6)
        possible = full_scan(np.array(list(rows.values()), np.float32).reshape(-1, dim), query, k, floor - 0.05)

        assert index.count(partition) == len(rows)
        assert len(sure) <= len(found) <= len(possible)
        assert np.allclose(found, [similarity for _, similarity in possible[: len(found)]], atol=2e-6)
    while by_hand.begun:
        by_hand.step()
    for partition, rows in held.items():
        lost = [
            id
            for id, vector in rows.items()
            if id not in {near.id for near in index.search(partition, vector, len(rows), 0.99)}
        ]

        assert lost == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_whose_rest_is_tiny_is_not_lost_to_rounding(dtype: VectorDtype) -> None:
    chance, dim = np.random.default_rng(1), 384
    directions = np.linalg.qr(chance.standard_normal((dim, dim)))[0].T
    index = ExactIndex(dim, dtype)
    inside = unit_rows(chance.standard_normal((400, WIDTH)) @ directions[:WIDTH])
    index.add_many(b"a", range(400), inside)
    prepared(index, inside[0])  # the rotation is fitted to these alone
    tiny = unit_rows(directions[0] + 10.0 ** -np.linspace(2, 6, 60)[:, None] * directions[WIDTH])
    index.add_many(b"a", range(1_000, 1_060), tiny)
    query = unit_rows(directions[:1] + directions[WIDTH : WIDTH + 1])[0]
    missed = [
        row
        for row, vector in enumerate(tiny)
        if 1_000 + row not in {near.id for near in index.search(b"a", query, 500, float(vector @ query) - 1e-6)}
    ]

    assert missed == []


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_vector_that_is_held_as_less_similar_than_it_is_is_not_lost(dtype: VectorDtype) -> None:
    chance, dim = np.random.default_rng(2), 384
    directions = np.linalg.qr(chance.standard_normal((dim, dim)))[0].T
    vectors = unit_rows(chance.standard_normal((400, 8)) @ directions[:8])  # wholly in their prefixes: bounds are tight
    query = vectors[0]
    index = ExactIndex(dim, dtype)
    index.add_many(b"a", range(400), vectors)
    prepared(index, query)
    missed = [
        row
        for row, similarity in full_scan(vectors, query, 400, -1.0)
        if row not in {near.id for near in index.search(b"a", query, 400, similarity - 1e-6)}
    ]

    assert missed == []


def test_equal_vectors_are_all_found() -> None:
    vector = unit_rows(np.ones((1, 100)))
    index = ExactIndex(100)
    index.add_many(b"a", range(50), np.repeat(vector, 50, axis=0))

    assert {near.id for near in index.search(b"a", vector[0], 50, 0.99)} == set(range(50))
    assert len(index.search(b"a", vector[0], 7, 0.99)) == 7


def test_a_rotation_of_dependent_vectors_is_a_projection_all_the_same() -> None:
    vectors = vectors_of("flat", 200, 1, 100)
    flat = unit_rows(vectors @ np.linalg.svd(vectors)[2][:3].T @ np.linalg.svd(vectors)[2][:3])
    axes = fit(flat).axes.T.astype(np.float64)
    products = axes.T @ axes

    assert np.allclose(products @ products, products, atol=1e-5)
    assert np.allclose(np.linalg.norm(flat @ axes, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_follows_what_is_held(dtype: VectorDtype) -> None:
    numbers = {"float32": 4, "float16": 2, "int8": 1}[dtype]
    index = ExactIndex(384, dtype)
    index.add_many(b"a", range(1_000), clustered(1_000, 1, 384))
    index.compact()

    assert 1_000 * 384 * numbers <= index.memory_bytes <= 1_000 * (384 * numbers + 200)


def test_a_segment_whose_prefixes_rule_nothing_out_is_read_whole_but_for_a_try_now_and_then(monkeypatch) -> None:
    monkeypatch.setattr(survival, "SEARCHES", 1_000)  # no new rotation, which would be tried at once
    vectors = vectors_of("random", 64, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(64), vectors)
    segment = prepared(index, vectors[0])._blocks[b"a"].segments[0]
    rests = []
    for _ in range(200):
        index.search(b"a", vectors[0], 5, 0.0)  # below this floor nothing can be ruled out
        rests.append(segment.rest)

    assert max(rests) == 63
    assert rests[:5] == [1, 0, 3, 2, 1]
    assert rests.count(63) == 3  # the tries of the last 138 searches


def test_a_search_is_said_to_take_longer_while_rows_are_read_whole() -> None:
    vectors = clustered(300, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(300), vectors)
    before = index.search_seconds(b"a")
    after = prepared(index, vectors[0]).search_seconds(b"a")
    index.search(b"a", vectors[0], 5, -1.0)  # below this floor nothing can be ruled out

    assert after < before / 3
    assert index.search_seconds(b"a") == before


def test_prefixes_that_rule_rows_out_again_are_used_again(monkeypatch) -> None:
    monkeypatch.setattr(survival, "SEARCHES", 1_000)
    vectors = clustered(64, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(64), vectors)
    segment = prepared(index, vectors[0])._blocks[b"a"].segments[0]
    for floor in [-1.0] * 20 + [0.9] * 20:
        index.search(b"a", -vectors[0], 5, floor)

    assert (segment.rest, segment.patience) == (0, 0)


def test_drifted_vectors_get_a_rotation_of_their_own_and_the_same_answers() -> None:
    chance = np.random.default_rng(1)
    low, high = np.linalg.qr(chance.standard_normal((384, 384)))[0].reshape(2, 192, 384)
    index = ExactIndex(384)

    def drawn(axes: Vector, rows: int) -> Vector:
        return unit_rows(chance.standard_normal((rows, 40)) @ axes[:40])

    index.add_many(b"a", range(300), drawn(low, 300))
    prepared(index, drawn(low, 1)[0])
    first, later = index._rotation, drawn(high, 300)
    for number, vector in enumerate(later):
        index.remove(b"a", number)
        index.add_many(b"a", [1_000 + number], vector[None, :])
    answers = [index.search(b"a", vector, 5, 0.8) for vector in later[:100]]
    assert index.wait(SECONDS)
    again = [index.search(b"a", vector, 5, 0.8) for vector in later[:100]]
    rotations = {id(segment.prefixes.rotation) for segment in index._blocks[b"a"].segments if segment.prefixes}

    assert len(rotations) == 1
    assert index._blocks[b"a"].rotation is not first
    assert [[near.id for near in found] for found in again] == [[near.id for near in found] for found in answers]
    assert [found[0].id for found in again] == list(range(1_000, 1_100))


def test_a_rotation_that_does_not_help_is_not_tried_for_ever() -> None:
    measured = Survival()
    fits = 0
    for _ in range(1_000):
        measured.note(0.9)
        if measured.is_bad:
            fits += 1
            measured.start_again()

    assert fits == 1


def test_a_rotation_is_fitted_again_when_many_more_rows_survive_than_after_the_last_fit() -> None:
    measured = Survival()
    for _ in range(10):
        measured.note(0.02)
    measured.start_again()
    for _ in range(10):
        measured.note(0.02)
    before = measured.is_bad
    for _ in range(20):
        measured.note(0.06)

    assert (before, measured.is_bad) == (False, True)


def test_a_rotation_that_rules_nothing_out_is_replaced_though_it_is_hardly_tried() -> None:
    measured = Survival()
    for share in (0.9, None, None, None, None):
        measured.note(share)

    assert measured.is_bad


@given(
    kinds=st.tuples(*2 * [st.sampled_from(["random", "clustered", "duplicated", "flat", "axes"])]),
    dim=st.sampled_from([3, AXES, WIDTH + 1, 100]),
    seed=st.integers(0, 10_000),
    count=st.integers(1, 2 * TILE + 1),
)
@repeatable
def test_no_bound_is_below_the_cosine_whatever_the_rotation_was_fitted_to(
    kinds: tuple[str, str], dim: int, seed: int, count: int
) -> None:
    chance = np.random.default_rng(seed)
    rows, query = vectors_of(kinds[0], count, seed, dim), vectors_of(kinds[0], 400, seed, dim)[-1]
    rotation = fit(vectors_of(kinds[1], 200, seed + 1, dim))
    prefixes = Prefixes(rotation, count // 2 + 1)
    prefixes.write(0, rows[: count // 2])
    prefixes = prefixes.resized(count)
    prefixes.write(count // 2, rows[count // 2 :])
    source, target = chance.integers(count, size=2).tolist()
    prefixes.copy_row(prefixes, source, target)
    rows[target] = rows[source]
    bounds, some = prefixes.bounds(count, Asked(rotation, query)), np.flatnonzero(chance.random(count) < 0.5)
    closer = prefixes.closer(some, bounds[some], Asked(rotation, query))

    assert (bounds >= rows @ query - 1e-6).all()
    assert (closer >= rows[some] @ query - 1e-6).all()
    assert (closer <= bounds[some] + 1e-4).all()


def test_shortened_vectors_are_as_near_as_prefixes_let_whole_ones_be() -> None:
    rows, query = vectors_of("clustered", 300, 1, 100), vectors_of("clustered", 400, 1, 100)[-1]
    rotation = fit(rows[:50])
    prefixes, asked = Prefixes(rotation, 300), Asked(rotation, query)
    prefixes.write(0, rows)
    short = np.stack([rotation.shortened(row) for row in rows])
    bounds = prefixes.closer(np.arange(300), prefixes.bounds(300, asked), asked)

    assert np.allclose(np.linalg.norm(short, axis=1), 1, atol=1e-4)
    assert np.allclose(short @ rotation.shortened(query), bounds, atol=1e-4)


def test_the_prefixes_of_a_full_segment_fill_large_pages() -> None:
    prefixes = Prefixes(fit(vectors_of("clustered", 300, 1, 100)), SEGMENT_ROWS)

    for part in (prefixes.first, prefixes.second):
        assert part.nbytes % LARGE_PAGE == 0
        assert part.ctypes.data % LARGE_PAGE == 0
        assert not part.any()


def test_a_first_search_waits_for_nobody_and_makes_no_prefixes_itself() -> None:
    vectors = clustered(300, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(300), vectors)
    index._preparing = by_hand = ByHand()
    found: list[list[int]] = []
    with index._lock:  # as somebody who changes a partition has it
        searching = threading.Thread(
            target=lambda: found.append([near.id for near in index.search(b"a", vectors[7], 1, 0.9)]), daemon=True
        )
        searching.start()
        searching.join(SECONDS)

    assert found == [[7]]
    assert [segment.prefixes for segment in index._blocks[b"a"].segments if segment.prefixes] == []
    assert list(by_hand.begun) == [b"a"]


def test_rows_that_move_while_a_new_rotation_comes_are_found_afterwards() -> None:
    vectors = vectors_of("random", 300, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(300), vectors)
    prepared(index, vectors[0])
    for gone, _ in enumerate(index._refit(index._blocks[b"a"])):
        index.remove(b"a", gone)
    left = range(gone + 1, 300)

    assert gone > 50
    assert [index.search(b"a", vectors[id], 1, 0.99)[0].id for id in left] == list(left)


def test_what_is_added_after_the_prefixes_were_made_has_them_at_once() -> None:
    vectors = clustered(300, 1, 100)
    index = ExactIndex(100)
    index.add_many(b"a", range(100), vectors[:100])
    prepared(index, vectors[0])
    index.add_many(b"a", range(100, 300), vectors[100:])

    assert all(segment.prefixes for segment in index._blocks[b"a"].segments)


def test_compacting_holds_others_up_for_one_partition_at_a_time(monkeypatch) -> None:
    index = ExactIndex(100)
    for number in range(5):
        index.add_many(b"%d" % number, range(6), clustered(6, number, 100))
        index.remove(b"%d" % number, 0)
    held = []
    index._lock = lock = CountedLock()
    monkeypatch.setattr(Block, "shrink", lambda _: held.append(lock.taken))
    index.compact()

    assert len(set(held)) == 5


class CountedLock:
    """A lock that says how often it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __enter__(self) -> None:
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        pass
