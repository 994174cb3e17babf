"""What `Guarded()` does with the hand-written pairs, at the cosines the bundled embedder gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mneme import Guarded
from mneme.model import Neighbour

HERE = Path(__file__).parent
FILES = ["pairs_dev.jsonl", "pairs_free.jsonl", "pairs_held_back.jsonl", "pairs_free_held_back.jsonl"]


def _pairs(name: str, *, same: bool) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["same"] is same]


def _is_served(pair: dict[str, Any]) -> bool:
    neighbour = Neighbour(pair["a"], "an answer", pair["cosine"], age_seconds=0.0, metadata={})
    return Guarded().judge(pair["b"], neighbour, [neighbour]).accepted


@pytest.mark.parametrize("name", [*FILES, "pairs_hostile.jsonl"])
def test_no_trap_is_served(name: str) -> None:
    assert [pair for pair in _pairs(name, same=False) if _is_served(pair)] == []


@pytest.mark.parametrize(("name", "share"), [*zip(FILES, (0.95, 0.55, 0.85, 0.35), strict=True)])
def test_most_paraphrases_are_served(name: str, share: float) -> None:
    pairs = _pairs(name, same=True)

    assert sum(map(_is_served, pairs)) >= share * len(pairs)
