"""What the guard and the judge serve: traps and paraphrases by set, half and mechanism, and what it costs.

    python -m benchmarks.guard_eval [--data ../shared/data] [--pairs FILE] [--json FILE]

Sets: the hand-written pairs of tests/guard (of those held back only counts were seen), and where --data has them
checklist_qqp (halves by template) and banking77 (the test split; halves by intent; a trap is a pair of questions of
two intents, a "paraphrase" a pair of one, which is an upper bound: one intent is not always one answer).
--pairs adds a file of your own: JSON lines with `a`, `b`, `same` and, if you like, `kind`.
The policy is `Guarded`, over the bundled embedder.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter_ns

import numpy as np

import mneme
from mneme.engine.canonical import canonical_text
from mneme.engine.guard import compare
from mneme.engine.guard.reader import read
from mneme.evaluation.figures import rate

ROOT = Path(__file__).parent.parent
THRESHOLDS = (0.80, 0.90)
MAX_ERRORS = (0.01, 0.02, 0.05, 0.10)
HAND_WRITTEN = {
    "pairs_dev": "developed on",
    "pairs_free": "developed on",
    "pairs_held_back": "held back",
    "pairs_free_held_back": "held back",
}
PER_TEMPLATE = 100
COST_ROUNDS = 5
NEAR = 0.70  # pairs of banking77 below it are no neighbours of anybody


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions, and whether one answer serves both."""

    set: str
    half: str
    kind: str
    cluster: str
    """What is resampled as one: a template, an intent, or the pair itself."""
    same: bool
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with its cosine and what was found."""

    pair: Pair
    cosine: float
    is_equal: bool
    """Whether the guard finds no difference at all."""
    likeness: float
    """P(same answer)."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--pairs", type=Path, help="a file of labelled pairs, one JSON object a line")
    parser.add_argument("--json", type=Path, help="write every judged pair to this file, one JSON object a line")
    options = parser.parse_args(arguments)
    embed = Embedding()
    own = [*read_pairs(options.pairs, options.pairs.stem, "yours")] if options.pairs else []
    pairs = [*own, *hand_written(), *checklist(options.data), *banking(options.data, embed)]
    judged = judge(pairs, embed)
    report_sets(judged)
    report_kinds(judged)
    report_cost([*hand_written()])
    if options.json:
        lines = (json.dumps(asdict(one), ensure_ascii=False) for one in judged)
        options.json.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Embedding:
    """The bundled embedder, each text embedded once."""

    def __init__(self) -> None:
        self._embedder = mneme.default_embedder()
        self._vectors: dict[str, np.ndarray] = {}

    def __call__(self, text: str) -> np.ndarray:
        vector = self._vectors.get(text)
        if vector is None:
            raw = self._embedder.embed(canonical_text(text))
            vector = self._vectors[text] = raw / np.linalg.norm(raw)
            if len(self._vectors) % 500 == 0:
                print(f"embedded {len(self._vectors)} texts", file=sys.stderr)
        return vector


def judge(pairs: Sequence[Pair], embed: Embedding) -> list[Judged]:
    calibration = mneme.Guarded().calibration
    judged = []
    for pair in pairs:
        cosine = float(embed(pair.a) @ embed(pair.b))
        compared = compare(pair.a, pair.b)
        judged.append(Judged(pair, cosine, not compared.differences, calibration.likeness(cosine, compared)))
    return judged


def _half(cluster: str) -> str:
    return "developed on" if sha256(cluster.encode()).digest()[0] % 2 else "held back"


def hand_written() -> Iterator[Pair]:
    for name, half in HAND_WRITTEN.items():
        label = "free" if "free" in name else "hand-written"
        yield from read_pairs(ROOT / "tests" / "guard" / f"{name}.jsonl", label, half)


def read_pairs(path: Path, label: str, half: str) -> Iterator[Pair]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Pair(label, half, row.get("kind", ""), row["a"], row["same"], row["a"], row["b"])


def checklist(data: Path) -> Iterator[Pair]:
    path = data / "checklist_qqp" / "checklist_mft_labelled.jsonl.gz"
    if not path.exists():
        print(f"skipped: {path} is not there", file=sys.stderr)
        return
    templates: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            templates[row["test"]].append(row)
    chance = random.Random(0)
    for name, rows in templates.items():
        for row in chance.sample(rows, min(PER_TEMPLATE, len(rows))):
            same = bool(int(row["label"]))
            yield Pair("checklist_qqp", _half(name), name[:60], name, same, row["q1"], row["q2"])


def banking(data: Path, embed: Embedding) -> Iterator[Pair]:
    path = data / "banking77" / "test.csv"
    if not path.exists():
        print(f"skipped: {path} is not there", file=sys.stderr)
        return
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    for half in ("developed on", "held back"):
        mine = [(text, intent) for text, intent in rows if _half(intent) == half]
        vectors = np.stack([embed(text) for text, _ in mine])
        cosines = np.triu(vectors @ vectors.T, 1)
        for left, right in np.argwhere(cosines >= NEAR):
            (a, first), (b, second) = mine[left], mine[right]
            kind = "same intent" if first == second else "two intents"
            yield Pair("banking77", half, kind, first, first == second, a, b)


def report_sets(judged: Sequence[Judged]) -> None:
    print("\nServed, in percent of the pairs [95 % interval, clusters resampled]\n")
    print(f"{'set':14} {'half':13} {'policy':16} {'traps served':>26} {'paraphrases served':>26}")
    for name, half in dict.fromkeys((one.pair.set, one.pair.half) for one in judged):
        chosen = [one for one in judged if (one.pair.set, one.pair.half) == (name, half)]
        for label, served in _policies():
            cells = []
            for same in (False, True):
                cells.append(_share([(one.pair.cluster, served(one)) for one in chosen if one.pair.same is same]))
            print(f"{name:14} {half:13} {label:16} {cells[0]:>26} {cells[1]:>26}")


def _policies():
    yield "no difference", lambda one: one.is_equal
    for threshold in THRESHOLDS:
        yield f"cosine {threshold:.2f}", lambda one, at=threshold: one.cosine >= at
    for max_error in MAX_ERRORS:
        yield f"max_error {max_error:.2f}", lambda one, at=max_error: _is_served(one, at)


def _is_served(one: Judged, max_error: float) -> bool:
    return one.cosine >= mneme.Guarded().threshold and one.likeness >= 1 - max_error


def _share(outcomes: Sequence[tuple[str, bool]]) -> str:
    found = rate(outcomes)
    if found.value is None or found.low is None or found.high is None:
        return "no pairs"
    return f"{found.value * 100:5.1f} [{found.low * 100:4.1f}, {found.high * 100:5.1f}] of {found.whole}"


def report_kinds(judged: Sequence[Judged]) -> None:
    print("\nGuarded(), by mechanism\n")
    print(f"{'set':14} {'half':13} {'same':5} {'served':>12}  mechanism")
    groups: dict[tuple[str, str, bool, str], list[bool]] = defaultdict(list)
    for one in judged:
        groups[one.pair.set, one.pair.half, one.pair.same, one.pair.kind].append(_is_served(one, 0.02))
    for (name, half, same, kind), passed in sorted(groups.items()):
        print(f"{name:14} {half:13} {'yes' if same else 'no':5} {sum(passed):5} / {len(passed):<5} {kind}")


def report_cost(pairs: Sequence[Pair]) -> None:
    """Print the time of 20-word texts: against an unrelated one, and against one that differs in a word.

    A pair counts with the best of its rounds: what another process took of the others is not the guard's.
    """
    words = " ".join(f"{pair.a} {pair.b}" for pair in pairs).replace("?", "").split()
    chance = random.Random(0)
    texts = [" ".join(chance.sample(words, 20)) for _ in range(2_000)]
    near = [(text, " ".join(["zebra", *text.split()[1:]])) for text in texts[:1_000]]
    far = list(zip(texts[1_000::2], texts[1_001::2], strict=True))
    print(f"\nMicroseconds a pair of 20-word texts, best of {COST_ROUNDS} rounds: median, 99th percentile\n")
    for label, sample in (("a word differs", near), ("unrelated", far)):
        for known in (0, 1, 2):
            rounds = [[_nanoseconds(a, b, (b, a)[:known]) for a, b in sample] for _ in range(COST_ROUNDS)]
            spent = np.min(rounds, axis=0) / 1e3
            print(f"{label:15} {2 - known} new to the guard {np.median(spent):8.1f} {np.percentile(spent, 99):8.1f}")


def _nanoseconds(a: str, b: str, known: Sequence[str]) -> int:
    read.cache_clear()
    for text in known:
        read(text)
    start = perf_counter_ns()
    compare(a, b)
    return perf_counter_ns() - start


if __name__ == "__main__":
    main()
