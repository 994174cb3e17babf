"""The pairs of questions that the explorer shows: out of the entries, out of files, and labelled here."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mneme.dashboard.live import Live
from mneme.dashboard.pairs import Pair, has_texts, pair_of
from mneme.dashboard.settings import Settings
from mneme.engine.canonical import canonical_text
from mneme.engine.guarded import Guarded
from mneme.engine.turns import TURNS
from mneme.engine.vectors import SIMILARITY_DECIMALS
from mneme.errors import InvalidArgumentError
from mneme.evaluation.contenders import Vectors
from mneme.evaluation.mining import mine
from mneme.evaluation.tuning import PolicyKind, weigher
from mneme.indexes.base import Vector
from mneme.runtime.pairs import append_row, read_rows
from mneme.stores.base import EntryRow

# Each is compared with all before it: 5,000 take half a second.
MOST_ENTRIES = 5_000
FRESH_SECONDS = 60.0
MOST_SCORES = 100_000
Stored: TypeAlias = tuple[EntryRow, bytes]
"""An entry and its vector."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs at one time."""

    by_id: Mapping[str, Pair]
    is_cut: bool
    """Whether the cache holds more entries than were compared."""
    troubles: tuple[str, ...]
    """What of the files could not be used."""


class Pool:
    """All pairs, each once; a label that was given last holds."""

    def __init__(self, live: Live, settings: Settings) -> None:
        self._live = live
        self._settings = settings
        self._lock = threading.RLock()
        self._mined: list[Pair] = []
        self._mined_at: float | None = None
        self._compared: list[int] = []
        self._keys: dict[str, str] = {}
        self._vectors: Vectors | None = None
        self._scores: dict[tuple[PolicyKind, str, float, str, str], float] = {}
        self._weighers: dict[tuple[PolicyKind, str], Callable[[float, str, str], float]] = {}
        self._files: dict[Path, tuple[tuple[int, int], list[Pair], tuple[str, ...]]] = {}
        self._is_cut = False

    def pairs(self) -> Pairs:
        """Return all pairs. Raises what reading the cache raises."""
        with self._lock:
            self._mine()
            troubles: list[str] = []
            found: dict[str, Pair] = {}
            for pair in (*self._mined, *self._filed(troubles)):
                known = found.get(pair.id)
                found[pair.id] = pair if known is None else pair.after(known)
            self._embed(found, troubles)
            return Pairs(found, self._is_cut, tuple(troubles))

    def mined(self) -> list[Pair]:
        """Return the pairs of entries alone, for which no embedder is asked. Raises what reading the cache raises."""
        with self._lock:
            self._mine()
            return self._mined

    def key_of(self, question: str) -> str | None:
        """Return the key of an entry with this very question, among those that were compared."""
        return self._keys.get(canonical_text(question))

    def forget(self) -> None:
        """Look for pairs among the entries anew when they are next asked for."""
        self._mined_at = None

    def label(self, pair: Pair, same: bool) -> None:
        """Write a label as `mneme calibrate --pairs` reads it. Raises OSError."""
        assert self._settings.labels is not None
        row: dict[str, object] = {"a": pair.a, "b": pair.b, "same": same, "kind": "dashboard"}
        if pair.similarity is not None:
            row["similarity"] = pair.similarity
        append_row(self._settings.labels, row)

    def score(self, pair: Pair, kind: PolicyKind, fingerprint: str, policy: object) -> float:
        """Return what a policy compares with its limit: the cosine, or P(same answer). The pair has a similarity.

        policy: of the program; always the same.
        """
        assert pair.similarity is not None
        place = kind, fingerprint, pair.similarity, pair.a, pair.b
        if place not in self._scores:
            if len(self._scores) >= MOST_SCORES:
                self._scores.clear()
            if place[:2] not in self._weighers:
                guarded = policy if isinstance(policy, Guarded) else None
                self._weighers[place[:2]] = weigher(fingerprint, kind, guarded)
            self._scores[place] = self._weighers[place[:2]](pair.similarity, pair.a, pair.b)
        return self._scores[place]

    def _mine(self) -> None:
        now = time.monotonic()
        if self._mined_at is not None and now - self._mined_at < FRESH_SECONDS:
            return
        entries, self._is_cut = self._live.stored(MOST_ENTRIES)
        # An entry that is replaced gets another id.
        ids = [row[0] for row, _ in entries]
        if ids != self._compared:
            alone = [(row, vector) for row, vector in entries if not _has_turns(row)]
            self._mined, self._compared = list(_nearest(alone)), ids
            self._keys = {canonical_text(row[3]): row[2].hex() for row, _ in alone}
        self._mined_at = now

    def _filed(self, troubles: list[str]) -> Iterator[Pair]:
        labels = self._settings.labels
        for path in (*self._settings.pairs, *([labels] if labels is not None and labels.exists() else [])):
            try:
                pairs, notes = self._read(path)
            except (OSError, InvalidArgumentError) as error:
                troubles.append(f"{path.name} cannot be read: {error}")
                continue
            troubles += notes
            yield from pairs

    def _read(self, path: Path) -> tuple[list[Pair], tuple[str, ...]]:
        about = path.stat()
        stamp = about.st_mtime_ns, about.st_size
        if path not in self._files or self._files[path][0] != stamp:
            rows, unreadable = read_rows(path)
            pairs = [pair for row in rows if (pair := pair_of(row, path.name)) is not None]
            strange = sum("outcome" not in row and not has_texts(row) for row in rows)
            notes = []
            if unreadable:
                notes.append(f"Of {path.name} {unreadable:,} lines cannot be read.")
            if strange:
                notes.append(f'Of {path.name} {strange:,} lines hold no pair: no texts "a" and "b".')
            self._files[path] = stamp, pairs, tuple(notes)
        return self._files[path][1:]

    def _embed(self, found: dict[str, Pair], troubles: list[str]) -> None:
        unknown = {name: pair for name, pair in found.items() if pair.similarity is None}
        if not unknown:
            return
        try:
            if self._vectors is None:
                self._vectors = Vectors(self._live.cache_embedder())
            self._vectors.learn(text for pair in unknown.values() for text in (pair.a, pair.b))
        except Exception as error:  # the embedder is the user's, and may not be installed
            troubles.append(f"{len(unknown):,} pairs of files have no similarity: {error}")
            return
        for name, pair in unknown.items():
            a, b = self._vectors.of(pair.a), self._vectors.of(pair.b)
            if a is not None and b is not None:
                found[name] = replace(pair, similarity=_cosine(a, b))


class _Held:
    """The vectors of entries, as their cache stored them."""

    def __init__(self, entries: Iterable[Stored]) -> None:
        self._vectors = {canonical_text(row[3]): np.frombuffer(vector, np.float32) for row, vector in entries}

    def of(self, text: str) -> Vector | None:
        return self._vectors.get(canonical_text(text))


def _has_turns(row: EntryRow) -> bool:
    """Return whether more was asked than the question says: what was said before, too."""
    return row[6] is not None and TURNS in json.loads(row[6])


def _nearest(entries: Iterable[Stored]) -> Iterator[Pair]:
    """Yield the nearest earlier neighbour of each entry. What a cache never compares is not compared here."""
    apart: dict[bytes, list[Stored]] = defaultdict(list)
    for row, vector in entries:
        apart[row[11]].append((row, vector))
    for together in apart.values():
        held = _Held(together)
        keys = {canonical_text(row[3]): row[2].hex() for row, _ in together}
        for a, b in mine([row[3] for row, _ in together], held).pairs:
            first, second = held.of(a), held.of(b)
            assert first is not None
            assert second is not None
            sides = keys[canonical_text(a)], keys[canonical_text(b)]
            yield Pair(a, b, _cosine(first, second), None, "entries", sides)


def _cosine(a: Vector, b: Vector) -> float:
    return round(float(a @ b), SIMILARITY_DECIMALS)
