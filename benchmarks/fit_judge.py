"""Fit the curves of P(same answer) that `mneme.engine.likeness` ships.

    python -m benchmarks.fit_judge [--data ../shared/data] [--pairs FILE ...]

Positives and negatives are the pairs the guard does not forbid, of the hand-written sets developed on (tests/guard),
of --pairs, and of banking77 (its test split, cosine at least 0.70; two intents are a negative). Intents are narrow and
their labels coarse, so a pair of theirs counts a twentieth of a hand-written one. Logistic regression by gradient
ascent, every coefficient held to the sign that makes sense; numpy alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.guard_eval import ROOT, Embedding, Pair, banking, hand_written, read_pairs
from mneme.engine.guard import Comparison, compare

NAMES = ("bias", "cosine", "overlap", "soft", "fewer", "more", "marks")
# Nearness speaks for, whatever differs speaks against.
LOW = np.array([-60.0, 0.0, -60.0, -60.0, -60.0, -60.0, -60.0])
HIGH = np.array([60.0, 60.0, 0.0, 0.0, 0.0, 0.0, 0.0])
WEIGHTS = {"banking77": 0.05}
STEPS, RATE, SHRINKAGE = 60_000, 3.0, 2e-5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--pairs", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    embed = Embedding()
    mine = [pair for pair in hand_written() if pair.half == "developed on"]
    given = [pair for path in options.pairs for pair in read_pairs(path, path.stem, "yours")]
    rows = [
        (pair, float(embed(pair.a) @ embed(pair.b)), compare(pair.a, pair.b))
        for pair in (*mine, *given, *banking(options.data, embed))
    ]
    allowed = [row for row in rows if not row[2].forbids]
    for name, chosen in (
        ("paired", [row for row in allowed if row[2].doubt is None]),
        ("reworded", [row for row in allowed if row[2].doubt is not None]),
    ):
        report(name, chosen, fit(chosen))


def features(cosine: float, compared: Comparison) -> list[float]:
    fewer, more = sorted(compared.alone)
    overlap = compared.surface.overlap if compared.doubt is not None else 0.0
    marks = sum(found.kind != "word" for found in compared.differences)
    return [1.0, cosine, overlap, compared.soft, fewer, more, marks]


def fit(rows: Sequence[tuple[Pair, float, Comparison]]) -> np.ndarray:
    """Return the coefficients in the order of NAMES."""
    x = np.array([features(cosine, compared) for _, cosine, compared in rows])
    y = np.array([float(pair.same) for pair, _, _ in rows])
    weights = np.array([WEIGHTS.get(pair.set, 1.0) for pair, _, _ in rows])
    weights /= weights.sum()
    found = np.zeros(len(NAMES))
    shrinkage = SHRINKAGE * np.array([0.0, 0.0, *np.ones(len(NAMES) - 2)])
    for _ in range(STEPS):
        gradient = x.T @ (weights * (y - 1 / (1 + np.exp(-x @ found)))) - shrinkage * found
        found = np.clip(found + RATE * gradient, LOW, HIGH)
    return found


def report(name: str, rows: Sequence[tuple[Pair, float, Comparison]], found: np.ndarray) -> None:
    print(
        f"\n{name}, {len(rows)} pairs:",
        ", ".join(f"{key}={value:.2f}" for key, value in zip(NAMES, found, strict=True)),
    )
    chances = 1 / (1 + np.exp(-np.array([features(cosine, compared) for _, cosine, compared in rows]) @ found))
    for least in (0.90, 0.95, 0.98):
        for chosen in dict.fromkeys(pair.set for pair, _, _ in rows):
            served = [
                pair.same
                for (pair, _, _), chance in zip(rows, chances, strict=True)
                if pair.set == chosen and chance >= least
            ]
            print(f"  P >= {least:.2f}  {chosen:14} {sum(served):5} right {len(served) - sum(served):5} wrong")


if __name__ == "__main__":
    main()
