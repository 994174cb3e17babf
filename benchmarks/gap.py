"""Whether the gap to the second answer tells right hits from wrong ones, on streams of questions.

    python -m benchmarks.gap [--data ../shared/data]

Each question of banking77's test split, and of clinc150's with those out of scope, looks among all before it; a hit is
right where both have one label. The gap is fitted as a feature beside P(same answer) on one half of the labels and
tried on the other: to another label (which no cache knows), to any other entry, to one the guard finds to differ.
The last lines are what the condition `margin` refuses of the hits, as it was (any difference) and as it is.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import mneme
from benchmarks.guard_eval import ROOT, _half
from mneme.engine.canonical import canonical_text
from mneme.engine.guard import compare

GAPS = ("to another label", "to any other entry", "to what differs")
FIRST, NEIGHBOURS = 200, 8
POLICY = mneme.Guarded()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    data = parser.parse_args().data
    with (data / "banking77" / "test.csv").open(encoding="utf-8", newline="") as lines:
        report("banking77", [(row["text"], row["category"]) for row in csv.DictReader(lines)])
    clinc = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    outside = [(text, f"out of scope {number}") for number, (text, _) in enumerate(clinc["oos_test"])]
    report("clinc150", [(text, label) for text, label in clinc["test"]] + outside)


def report(name: str, rows: list[tuple[str, str]]) -> None:
    random.Random(0).shuffle(rows)
    found = np.array(list(_lookups(rows)), dtype=float)
    held_back, right, chance = found[:, 0] == 1, found[:, 1] == 1, found[:, 2]
    print(f"\n{name}: {len(rows) - FIRST} lookups, {len(found)} with a neighbour that the guard allows")
    odds = np.log(chance / (1 - chance))
    for label, gap in zip(GAPS, found[:, 3:6].T, strict=True):
        for tested in (held_back, ~held_back):
            plain = np.column_stack([np.ones(len(odds)), odds])
            more = np.column_stack([plain, 10 * np.minimum(gap, 0.3)])
            areas = [_area(x @ _fit(x[~tested], right[~tested]), right, tested) for x in (plain, more)]
            print(f"  gap {label:20} area under the curve {areas[0]:.3f} without, {areas[1]:.3f} with it")
    served = chance >= 1 - POLICY.max_error
    print(f"  served: {served.sum()}, wrong {(served & ~right).sum()}")
    for label, competes in (("any difference", found[:, 6]), ("what the guard holds apart", found[:, 7])):
        refused = served & (competes == 1)
        print(f"  refused for {label}: {refused.sum()}, of which wrong {(refused & ~right).sum()}")


def _lookups(rows: list[tuple[str, str]]) -> Iterator[list[float]]:
    embedder = mneme.default_embedder()
    texts = [canonical_text(text) for text, _ in rows]
    vectors = np.concatenate([embedder.embed_many(texts[at : at + 256]) for at in range(0, len(texts), 256)])
    for at in range(FIRST, len(rows)):
        cosines = vectors[:at] @ vectors[at]
        near = [int(place) for place in np.argsort(-cosines)[:NEIGHBOURS]]
        chances = {place: _chance(rows[at][0], rows[place][0], float(cosines[place])) for place in near}
        best = next((place for place in near if chances[place] > 0 and cosines[place] >= POLICY.threshold), None)
        if best is None:
            continue
        others = {place: compare(rows[place][0], rows[best][0]) for place in near if place != best}
        rivals = (
            [place for place in others if rows[place][1] != rows[best][1]],
            list(others),
            [place for place, found in others.items() if found.differences],
        )
        gaps = [cosines[best] - max((cosines[place] for place in rival), default=cosines[near[-1]]) for rival in rivals]
        passing = [
            found
            for place, found in others.items()
            if abs(cosines[place] - cosines[best]) <= POLICY.margin and chances[place] >= 1 - POLICY.max_error
        ]
        competes = [any(found.differences for found in passing), any(found.forbids for found in passing)]
        is_held_back = _half(rows[at][1]) == "held back"
        yield [is_held_back, rows[at][1] == rows[best][1], chances[best], *gaps, *competes]


def _chance(a: str, b: str, cosine: float) -> float:
    return min(POLICY.calibration.likeness(cosine, compare(a, b)), 1 - 1e-9)


def _fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.zeros(x.shape[1])
    for _ in range(20_000):
        found += x.T @ (y - 1 / (1 + np.exp(-x @ found))) / len(y)
    return found


def _area(scores: np.ndarray, right: np.ndarray, tested: np.ndarray) -> float:
    above, below = scores[tested & right], scores[tested & ~right]
    return float((above[:, None] > below).mean() + (above[:, None] == below).mean() / 2)


if __name__ == "__main__":
    main()
