"""What `mneme.pii.looks_personal` recognises, and how often it cries wolf.

    python -m benchmarks.pii [--data ../shared/data] [--show]

Recall: the 1,500 sentences of Presidio's research data (presidio_pii/synth_dataset_v2.json, MIT), in which every span
is labelled; a kind is recalled where a sentence that has a span of it is recognised, and where the span by itself is.
False alarms: those of the sentences that have no span of a kind that it is made for, and the questions of clinc150 and
banking77, which are ordinary questions to an assistant and to a bank. Then the time for texts of a million characters.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks import machine
from mneme.pii import KINDS, kinds_of, looks_personal

ROOT = Path(__file__).parent.parent
MADE_FOR = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
}
HOSTILE = {
    "one letter": "a",
    "at signs": "@",
    "address without end": "a.",
    "addresses cut short": "a@b.",
    "digits": "4",
    "groups of digits": "4111 ",
    "groups with signs": "+1 (",
    "half a token": "eyJ",
    "token without end": "aB3",
    "half an IBAN": "GB82 ",
    "dashes": "-----BEGIN ",
    "brackets": "(0",
    "words before numbers": "call 12345678 ",
    "a secret without end": "password = ",
    "spaces": " ",
}
LENGTH = 1_000_000


def presidio(folder: Path, show: bool) -> None:
    """Print recall by kind, and false alarms among the other sentences."""
    sentences = json.loads((folder / "presidio_pii" / "synth_dataset_v2.json").read_text("utf-8"))
    in_text: dict[str, Counter[bool]] = defaultdict(Counter)
    alone: dict[str, Counter[bool]] = defaultdict(Counter)
    clean = []
    for sentence in sentences:
        text, spans = sentence["full_text"], sentence["spans"]
        if not MADE_FOR.keys() & {span["entity_type"] for span in spans}:
            clean.append(text)
        for span in spans:
            kind, value = span["entity_type"], span["entity_value"]
            if kind in MADE_FOR or kind in ("PERSON", "STREET_ADDRESS", "IP_ADDRESS", "US_DRIVER_LICENSE"):
                in_text[kind][looks_personal(text)] += 1
                alone[kind][looks_personal(value)] += 1
                if show and kind in MADE_FOR and not looks_personal(text):
                    print(f"  missed {kind}: {text!r}")
    print(f"{'presidio_pii':20}{'spans':>6}{'in its sentence':>17}{'alone':>8}")
    for kind in sorted(in_text, key=lambda kind: (kind not in MADE_FOR, kind)):
        total = in_text[kind].total()
        print(f"{kind:20}{total:6}{in_text[kind][True] / total:17.1%}{alone[kind][True] / total:8.1%}")
    alarms("presidio, the rest", clean, show)


def alarms(name: str, texts: Iterable[str], show: bool) -> None:
    """Print how many of these texts are recognised, and as what."""
    everything = list(texts)
    found = Counter(kind for text in everything for kind in kinds_of(text))
    alarmed = [text for text in everything if looks_personal(text)]
    print(
        f"false alarms, {name:20}{len(alarmed):5} of {len(everything):6,} "
        f"{len(alarmed) / len(everything):.2%} {dict(found)}"
    )
    for text in alarmed if show else ():
        print(f"  {kinds_of(text)}: {text!r}")


def questions(folder: Path) -> dict[str, list[str]]:
    """Return sets of ordinary questions."""
    clinc = json.loads((folder / "clinc150" / "data_full.json").read_text("utf-8"))
    found = {"clinc150": [text for rows in clinc.values() for text, _ in rows]}
    with (folder / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        found["banking77"] = [row["text"] for row in csv.DictReader(file)]
    return found


def times() -> None:
    """Print how long texts take that were made to take long."""
    print(f"{'1,000,000 characters':30}{'milliseconds':>13}")
    for name, piece in HOSTILE.items():
        text = (piece * (LENGTH // len(piece) + 1))[:LENGTH]
        begun = perf_counter()
        for holds in KINDS.values():
            holds(text)
        print(f"{name:30}{(perf_counter() - begun) * 1e3:13.0f}")
    text = "How do I change the delivery address of order 4711 from 2024-05-06? " * 2
    begun = perf_counter()
    for _ in range(1_000):
        looks_personal(text)
    print(f"an ordinary question of {len(text)} characters: {(perf_counter() - begun) * 1e3:.1f} us")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pii", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--show", action="store_true", help="print what was missed and what was no such thing")
    arguments = parser.parse_args()
    if (arguments.data / "presidio_pii").is_dir():
        presidio(arguments.data, arguments.show)
    else:
        print(f"{arguments.data}/presidio_pii is not there: no recall")
    if (arguments.data / "clinc150").is_dir():
        for name, texts in questions(arguments.data).items():
            alarms(name, texts, arguments.show)
    times()
    about = machine.describe()
    print(", ".join(f"{name} {about[name]}" for name in ("date", "processor", "python")))


if __name__ == "__main__":
    main()
