"""Fit the curves for an embedder that has none of its own, and try them on embedders they were not fitted on.

    python -m benchmarks.fit_generic [--data ../shared/data]

Over every embedder of `benchmarks.other_embedders` that is installed. Fitted, as by `benchmarks.fit_judge`, on the
halves developed on; the table is of what was held back: the other halves and the pairs of strangers. A row "left out"
is of curves fitted on the other embedders alone, less CAUTION. Pairs the guard forbids are refused by any curve, so
only the others are embedded.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from benchmarks import fit_judge
from benchmarks.guard_eval import ROOT, Embedding, Pair, banking, checklist, hand_written, read_pairs
from benchmarks.other_embedders import Embed, installed
from mneme.engine.canonical import canonical_text
from mneme.engine.guard import Comparison, compare
from mneme.engine.likeness import GENERIC, MINILM, Calibration, Curve

MAX_ERROR = 0.02
FLOOR = 0.70
CAUTION = 1.0
"""Taken from the bias: for what an embedder unlike all of these may do."""
STRANGERS = ("strangers", "strangers_2", "strangers_3")
Row: TypeAlias = tuple[Pair, float, Comparison]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    pairs = [*hand_written(), *strangers(), *_others(parser.parse_args().data)]
    totals = Counter((pair.set, pair.same) for pair in pairs if pair.half != "developed on")
    compared = [(pair, compare(pair.a, pair.b)) for pair in pairs]
    allowed = [(pair, found) for pair, found in compared if not found.forbids]
    rows = {name: _rows(allowed, embed) for name, embed in installed()}
    print(f"{len(allowed)} of {len(pairs)} pairs pass the guard; served, in percent of all traps / all paraphrases\n")
    print(f"{'embedder':16} {'curves':12}" + "".join(f"{name:>16}" for name in dict.fromkeys(n for n, _ in totals)))
    for name, mine in rows.items():
        curves = {
            "none": Calibration(Curve(60.0, 0.0), Curve(-60.0, 0.0)),
            "bundled's": MINILM,
            "its own": fitted(mine),
            "left out": fitted([row for other, theirs in rows.items() if other != name for row in theirs], CAUTION),
            "shipped": GENERIC,
        }
        for label, calibration in curves.items():
            print(f"{name:16} {label:12}" + _served(mine, calibration, totals))
    everything = fitted([row for each in rows.values() for row in each], CAUTION)
    print(f"\npaired={everything.paired}\nreworded={everything.reworded}")


def strangers() -> list[Pair]:
    folder = ROOT / "benchmarks" / "pairs"
    return [pair for name in STRANGERS for pair in read_pairs(folder / f"{name}.jsonl", name, "held back")]


def _others(data: Path) -> list[Pair]:
    return [*checklist(data), *banking(data, Embedding())]


def _rows(allowed: Sequence[tuple[Pair, Comparison]], embed: Embed) -> list[Row]:
    texts = sorted({canonical_text(text) for pair, _ in allowed for text in (pair.a, pair.b)})
    vectors = np.concatenate([embed(texts[start : start + 64]) for start in range(0, len(texts), 64)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vector_of = dict(zip(texts, vectors, strict=True))
    return [
        (pair, float(vector_of[canonical_text(pair.a)] @ vector_of[canonical_text(pair.b)]), found)
        for pair, found in allowed
    ]


def fitted(rows: Sequence[Row], caution: float = 0.0) -> Calibration:
    """Return both curves, fitted on what was developed on but for the templates of checklist_qqp."""
    mine = [row for row in rows if row[0].half == "developed on" and row[0].set != "checklist_qqp"]
    curves = []
    for is_paired in (True, False):
        found = fit_judge.fit([row for row in mine if (row[2].doubt is None) is is_paired])
        curves.append(Curve(*[round(float(value), 2) for value in found - caution * np.eye(len(found))[0]]))
    return Calibration(*curves)


def _served(rows: Sequence[Row], calibration: Calibration, totals: Counter[tuple[str, bool]]) -> str:
    served = Counter(
        (pair.set, pair.same)
        for pair, cosine, found in rows
        if pair.half != "developed on" and cosine >= FLOOR and calibration.likeness(cosine, found) >= 1 - MAX_ERROR
    )
    cells = []
    for name in dict.fromkeys(name for name, _ in totals):
        shares = (100 * served[name, same] / (totals[name, same] or 1) for same in (False, True))
        cells.append("{:9.2f} /{:5.1f}".format(*shares))
    return "".join(cells)


if __name__ == "__main__":
    main()
