"""What is served is the nearest entry whose answer is accepted, as judging a full scan would find it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import MemoryStore, Neighbour, SemanticCache, Verdict
from mneme.indexes import block, exact
from mneme.testing.index_contract import clustered, unit_rows

DIM = 80


class Accepting:
    """Accepts some answers."""

    def __init__(self, floor: float, accepted: set[str]) -> None:
        self.floor = floor
        self.accepted = accepted

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        return Verdict(neighbour.response in self.accepted, 1.0, "")


class Given:
    """Every vector is given."""

    dim = DIM
    fingerprint = "given"

    def embed(self, text: str) -> np.ndarray:
        raise AssertionError(text)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if few rows were many."""
    monkeypatch.setattr(block, "SEGMENT_ROWS", 16)
    monkeypatch.setattr(exact, "PLAIN_BELOW", dict.fromkeys(exact.PLAIN_BELOW, 20))


@given(
    kind=st.sampled_from(["random", "clustered", "duplicated"]),
    dtype=st.sampled_from(["float32", "float16", "int8"]),
    seed=st.integers(0, 10_000),
    answers=st.integers(1, 60),
    floor=st.sampled_from([-1.0, 0.2, 0.8, 0.95]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_it_is_the_nearest_that_is_accepted_whatever_was_put_replaced_and_deleted(
    kind, dtype, seed, answers, floor
) -> None:
    chance = np.random.default_rng(seed)
    pool = clustered(200, seed, DIM) if kind == "clustered" else unit_rows(chance.standard_normal((200, DIM)))
    if kind == "duplicated":
        pool = pool[chance.integers(4, size=200)]
    policy = Accepting(floor, {f"answer {number}" for number in range(answers) if chance.random() < 0.2})
    held: dict[str, tuple[np.ndarray, str]] = {}
    with SemanticCache(store=MemoryStore(), embedder=Given(), policy=policy, vector_dtype=dtype) as cache:
        for vector in pool:
            question, answer = f"question {chance.integers(150)}", f"answer {chance.integers(answers)}"
            cache.put(question, answer, embedding=vector)
            held[question] = vector, answer
        for question in chance.choice(list(held), 30, replace=False).tolist():
            cache.delete(question)
            del held[question]
        asked = [pool[number] for number in chance.integers(len(pool), size=5)]
        hits = [cache.get("a question that nobody put", embedding=vector) for vector in asked]

    for query, hit in zip(asked, hits, strict=True):
        similar = [float(vector @ query) for vector, answer in held.values() if answer in policy.accepted]
        best = max((similarity for similarity in similar if similarity >= floor), default=None)
        if hit is None:
            assert best is None or abs(best - floor) < 2e-6
        else:
            assert hit.response in policy.accepted
            assert best is not None
            assert hit.similarity == pytest.approx(min(best, 1.0), abs=2e-6)
