"""Noticing other processes' commits through SQLite's shared index, and without it."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mneme import SemanticCache, SQLiteStore
from mneme.stores.sqlite import watch
from mneme.testing.reader import IDENTITY


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "not mapped"])
def test_every_kind_of_change_is_noticed(
    open_cache: Any, start_peer: Any, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    if not mapped:
        monkeypatch.setattr(watch, "mapped", lambda database: None)
    cache, peer = open_cache(), start_peer()
    seen = []
    for method, *arguments in (
        ("put", "a", "1"),
        ("put", "a", "2"),
        ("delete", "a"),
        ("put", "a", "3"),
        ("compact",),
        ("clear",),
        ("put", "a", "4"),
    ):
        peer.call(method, *arguments)
        hits = [cache.get("a") for _ in range(2)]
        seen.append([hit and hit.response for hit in hits])

    assert seen == [[answer] * 2 for answer in ("1", "2", None, "3", "3", None, "4")]


def test_a_change_between_two_caches_own_puts_is_noticed(open_cache: Any, start_peer: Any) -> None:
    cache, peer = open_cache(), start_peer()
    seen = []
    for turn in range(20):
        cache.put("mine", str(turn))
        peer.call("put", "shared", str(turn))
        seen.append(cache.get("shared").response)

    assert seen == [str(turn) for turn in range(20)]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_descriptors_of_closed_caches_do_not_pile_up(path: Path, embedder: Any) -> None:
    counts = []
    for _ in range(20):
        with SemanticCache(path, embedder) as cache:
            cache.put("a", "1")
            cache.get("a")
        counts.append(len(list(Path("/proc/self/fd").iterdir())))

    assert counts[-1] <= counts[1]


def test_a_store_that_is_closed_or_opened_anew_asks_to_be_read(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.open(IDENTITY)
        cursor = list(store.load())[-1][1]
        before = store.changed(cursor)
        store.close()
        closed = store.changed(cursor)
        store.open(IDENTITY)

        assert (before, closed, store.changed(cursor)) == (False, True, True)


def test_one_commit_between_two_headers_is_told_from_none_and_from_two() -> None:
    def header(counter: int) -> bytes:
        return b"\x01" * 8 + struct.pack("=I", counter) + b"\x02" * 36

    told = [watch.is_next(header(7), header(after)) for after in (7, 8, 9)]

    assert told == [False, True, False]
    assert watch.is_next(header(2**32 - 1), header(0))


def test_after_a_put_of_its_own_a_cache_needs_no_question_to_notice_nothing(path: Path, embedder: Any) -> None:
    with SemanticCache(path, embedder) as cache:
        for number in range(3):
            cache.put(f"q{number}", "r")
        store = cache._core.store
        header = watch.mapped(path)[: watch.HEADER_BYTES]

        assert (store._seen, cache.get("q1").response) == (header, "r")
