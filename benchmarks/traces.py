"""Requests for the replay of eviction policies: drawn ones, and those of a recorded trace."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

# Tokens a second that a large model reads and writes: what makes an answer's seconds of a trace's lengths.
READ_PER_SECOND, WRITTEN_PER_SECOND = 3_000, 60
# Bytes a token: of English text.
TOKEN_BYTES = 4
VECTOR_BYTES = 4 * 384
# Blocks that are taken for one question.
OPENING = 4


class Asked(NamedTuple):
    """One request: which answer it wants, and what that takes to keep and to compute."""

    key: bytes
    size_bytes: int
    seconds: float


def asked(number: int, read: int, written: int) -> Asked:
    """Return the request of a key with tokens read and written."""
    seconds = read / READ_PER_SECOND + written / WRITTEN_PER_SECOND
    return Asked(number.to_bytes(8, "big"), 1_024 + VECTOR_BYTES + TOKEN_BYTES * (read + written), seconds)


def drawn(kind: str, requests: int = 50_000, seed: int = 0) -> list[Asked]:
    """Return requests for 25,000 answers by Zipf's law, alone or with what disturbs it.

    "zipf"; "scan", a fifth of the requests are for something that is asked once, in runs of 2,000; "drift", what is
    asked often changes ten times. Lengths are log-normal, with a median of 200 tokens an answer and 40 a question.
    """
    draw = np.random.default_rng(seed)
    population = 25_000
    weights = 1 / np.arange(1, population + 1) ** 0.9
    numbers = draw.choice(population, requests, p=weights / weights.sum())
    names = draw.permutation(population)
    if kind == "drift":
        numbers = (numbers + np.arange(requests) * 10 // requests * 500) % population
    numbers = names[numbers]
    if kind == "scan":
        for run, start in enumerate(range(8_000, requests, 10_000)):
            numbers[start : start + 2_000] = population + 2_000 * run + np.arange(len(numbers[start : start + 2_000]))
    lengths = np.random.default_rng(seed + 1)
    highest = int(numbers.max()) + 1
    read = np.maximum(1, lengths.lognormal(np.log(40), 0.7, highest)).astype(int)
    written = np.maximum(1, lengths.lognormal(np.log(200), 1.2, highest)).astype(int)
    return [asked(int(number), int(read[number]), int(written[number])) for number in numbers]


def recorded(directory: Path) -> Iterator[tuple[str, list[Asked]]]:
    """Yield the traces of a directory: files of JSON lines with input_length, output_length and hash_ids.

    Blocks of 512 tokens have ids that are equal where all text up to them is. "file: openings" asks for an answer by
    the first 2,048 tokens of a prompt, since whole prompts of a conversation hardly come twice; "file: blocks" for each
    block, as a cache of prefixes does.
    """
    files = sorted([*directory.glob("*.jsonl"), *directory.glob("*.jsonl.gz")])
    if not files:
        raise SystemExit(f"{directory} has no files *.jsonl or *.jsonl.gz")
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            rows = [json.loads(line) for line in lines]
        name, seen = file.name.split(".")[0], dict[tuple[int, ...], Asked]()
        openings = []
        for row in rows:
            opening = tuple(row["hash_ids"][:OPENING])
            answer = asked(len(seen), row["input_length"], row["output_length"])
            openings.append(seen.setdefault(opening, answer))
        yield f"{name}: openings", openings
        yield f"{name}: blocks", [asked(block, 512, 0) for row in rows for block in row["hash_ids"]]
