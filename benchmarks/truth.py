"""What is stored and asked, and so what the right answer is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

RESPONSE_LENGTH = 500


def query_of(row: int) -> str:
    """Return the text of an entry's question: about 100 characters, as many questions have."""
    return f"How do I change the delivery address of order number {row} before it is handed over to the carrier?"


def response_of(row: int) -> str:
    """Return the answer that only this entry has."""
    return f"{row}: ".ljust(RESPONSE_LENGTH, ".")


def some_rows(entries: int, count: int) -> list[int]:
    """Return `count` rows, spread over all."""
    rows: list[int] = np.random.default_rng(2).permutation(entries)[np.arange(count) % entries].tolist()
    return rows


def some_entries(entries: int, count: int) -> tuple[list[str], list[str]]:
    """Return the questions and answers of `count` entries, spread over all."""
    rows = some_rows(entries, count)
    return [query_of(row) for row in rows], [response_of(row) for row in rows]


def text_bytes(rows: int) -> int:
    """Return the bytes of the questions and answers of the first rows."""
    return sum(len(query_of(row)) + RESPONSE_LENGTH for row in range(rows))


class ConstantEmbedder:
    """Stands in for a model: every lookup gives its embedding, or needs none, so this must not be called."""

    dim = 384
    fingerprint = "benchmark:constant"

    def embed(self, text: str) -> Any:
        """Fail the benchmark."""
        raise AssertionError(f"the embedder was called for {text!r}")


class AsyncConstantEmbedder(ConstantEmbedder):
    """The same, awaited."""

    async def embed(self, text: str) -> Any:
        """Fail the benchmark."""
        return ConstantEmbedder.embed(self, text)


def resident_bytes(process: int | str = "self") -> int | None:
    """Return the memory of this process, or of another, where the system tells."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))
