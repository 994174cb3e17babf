"""Graphs in files: taken where they fit, mended where something changed, and otherwise as if they were not there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme.indexes import ann, graph, saved
from mneme.indexes.ann import AnnIndex
from mneme.indexes.base import Vector
from mneme.indexes.exact import ExactIndex, full_scan
from mneme.indexes.graph import Graph
from mneme.indexes.saved import SavedGraphs
from mneme.model import VectorDtype
from mneme.testing.index_contract import clustered

pytestmark = pytest.mark.skipif(not graph.is_installed(), reason="usearch is not installed")

DIM, ROWS, SECONDS = 96, 600, 60.0
A = b"a"
Built = list[int]


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Built:
    """How many vectors were added to graphs, by call."""
    numbers: Built = []
    add = Graph.add

    def counted(self: Graph, ids: list[int], vectors: Vector) -> None:
        numbers.append(len(ids))
        add(self, ids, vectors)

    monkeypatch.setattr(Graph, "add", counted)
    return numbers


def index_of(
    folder: Path,
    rows: dict[int, Vector],
    *,
    identity: str = "one",
    dtype: VectorDtype = "float32",
    writes: bool = True,
    dim: int = DIM,
) -> AnnIndex:
    """Return the index of a cache that was opened over these rows, with nothing left to do."""
    index = AnnIndex(dim, dtype, above=100, recall=0.98, saved=SavedGraphs(folder, identity, writes=writes))
    if rows:
        index.add_many(A, list(rows), np.stack(list(rows.values())))
    index.filled()
    assert index.wait(SECONDS)
    return index


def numbered(vectors: Vector, first: int = 1) -> dict[int, Vector]:
    return dict(enumerate(vectors, first))


def first_of(index: AnnIndex, rows: dict[int, Vector]) -> list[int]:
    """Return the id that is found for the vector of each row."""
    return [found[0].id if (found := index.search(A, vector, 1, 0.9)) else -1 for vector in rows.values()]


def share_found(index: AnnIndex, rows: dict[int, Vector]) -> float:
    return float(np.mean(np.array(first_of(index, rows)) == np.array(list(rows))))


def file_of(folder: Path) -> Path:
    return folder / f"{A.hex()}.graph"


def test_a_graph_is_taken_from_its_file_without_building(tmp_path, built, monkeypatch) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    built.clear()
    index = index_of(tmp_path, rows)
    monkeypatch.setattr(ExactIndex, "search", lambda *arguments: pytest.fail("the exact scan was asked"))

    assert sum(built) == 0
    assert len(index._graphs[A]) == ROWS
    assert share_found(index, rows) >= 0.98


@pytest.mark.parametrize("numbers", [64, DIM], ids=["shortened", "whole"])
def test_a_graph_searches_as_before_it_was_saved(numbers, tmp_path, built, monkeypatch) -> None:
    if numbers == DIM:
        monkeypatch.setattr(ann, "SHORT", DIM)
    vectors = clustered(ROWS, 1, DIM)
    rows = numbered(vectors)
    before = index_of(tmp_path, rows)
    before.close()
    built.clear()
    after = index_of(tmp_path, rows)
    graphs = before._graphs[A], after._graphs[A]

    assert sum(built) == 0
    assert [made.numbers for made in graphs] == [numbers, numbers]
    assert [graphs[0].search(vector, 8, 64) for vector in vectors] == [
        graphs[1].search(vector, 8, 64) for vector in vectors
    ]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_graph_over_vectors_held_smaller_is_taken_too(dtype, tmp_path, built) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows, dtype=dtype).close()
    built.clear()
    index_of(tmp_path, rows, dtype=dtype)

    assert sum(built) == 0


def test_a_saved_graph_is_checked_against_the_exact_scan_again(tmp_path, monkeypatch) -> None:
    """One that finds too little is not searched, whatever it found when it was saved."""
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    search = Graph.search
    monkeypatch.setattr(Graph, "search", lambda self, *arguments: [id for id in search(self, *arguments) if id % 2])
    index = index_of(tmp_path, rows)

    assert index._graphs[A].width is None
    assert first_of(index, rows) == list(rows)


def test_what_came_and_went_since_is_told_to_a_saved_graph(tmp_path, built) -> None:
    vectors = clustered(ROWS + 50, 1, DIM)
    rows = numbered(vectors[:ROWS])
    index_of(tmp_path, rows).close()
    built.clear()
    later = {id: vector for id, vector in rows.items() if id > 40} | numbered(vectors[ROWS:], ROWS + 1)
    index = index_of(tmp_path, later)

    assert sum(built) == 50
    assert len(index._graphs[A]) == len(later)
    assert share_found(index, later) >= 0.98


def test_an_id_that_has_another_vector_now_is_put_where_it_belongs(tmp_path, built) -> None:
    """As when an older copy of the file was put back, and other entries got the numbers that newer ones had had."""
    vectors = clustered(2 * ROWS, 1, DIM)
    rows = numbered(vectors[:ROWS])
    index_of(tmp_path, rows).close()
    built.clear()
    later = rows | numbered(vectors[ROWS : ROWS + 100], ROWS - 99)
    index = index_of(tmp_path, later)

    assert sum(built) == 100
    assert [index.search(A, later[id], 1, 0.9)[0].id for id in range(ROWS - 99, ROWS + 1)] == list(
        range(ROWS - 99, ROWS + 1)
    )


def test_the_graph_of_another_file_with_the_same_numbers_is_built_anew(tmp_path, built) -> None:
    index_of(tmp_path, numbered(clustered(ROWS, 1, DIM))).close()
    built.clear()
    rows = numbered(clustered(ROWS, 2, DIM))
    index = index_of(tmp_path, rows)

    assert sum(built) == ROWS
    assert share_found(index, rows) >= 0.98


@pytest.mark.parametrize("other", [{"identity": "another embedder"}, {"dtype": "float16"}, {"dim": DIM // 2}], ids=str)
def test_a_graph_that_was_made_of_something_else_is_not_taken(other, tmp_path, built) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    built.clear()
    dim = other.get("dim", DIM)
    cut = {id: vector[:dim] / np.linalg.norm(vector[:dim]) for id, vector in rows.items()}
    index = index_of(tmp_path, cut, **other)

    assert sum(built) == ROWS
    assert share_found(index, cut) >= 0.9


def test_a_graph_of_another_usearch_is_not_taken(tmp_path, built, monkeypatch) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    built.clear()
    monkeypatch.setattr(saved, "version", lambda: "99.0.0")
    index_of(tmp_path, rows)

    assert sum(built) == ROWS


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def bit_flipped(content: bytes) -> bytes:
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


def resealed(change: Callable[[dict[str, int]], object]) -> Callable[[bytes], bytes]:
    """Return what changes the header and makes the checksum right again, as no accident does."""

    def damage(content: bytes) -> bytes:
        end = len(content) - saved.DIGEST_BYTES - len(saved.MAGIC)
        length = int.from_bytes(content[end - 4 : end], "little")
        header = json.loads(content[end - 4 - length : end - 4])
        change(header)
        new = json.dumps(header).encode()
        body = content[: end - 4 - length] + new + len(new).to_bytes(4, "little")
        return body + hashlib.sha256(body).digest() + saved.MAGIC

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "short": lambda content: b"x",
    "magic alone": lambda content: saved.MAGIC,
    "zeros": lambda content: bytes(len(content)),
    "cut": cut,
    "a bit flipped": bit_flipped,
    "more behind": lambda content: content + b"x",
    "not JSON": lambda content: content[: -len(saved.MAGIC) - 60] + b"\0" * 60 + saved.MAGIC,
    "other lengths": resealed(lambda header: header.update(graph_bytes=12)),
    "a negative length": resealed(lambda header: header.update(ids=-1)),
    "no lengths": resealed(lambda header: header.pop("ids")),
    "more ids": resealed(lambda header: header.update(ids=header["ids"] + 1)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_as_good_as_none(damage, tmp_path, built, caplog) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    file = file_of(tmp_path)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    built.clear()
    index = index_of(tmp_path, rows)

    assert sum(built) == ROWS
    assert share_found(index, rows) >= 0.98
    assert [record.levelname for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []


def test_a_graph_of_which_usearch_would_overrun_its_room_is_built_anew(tmp_path, built, monkeypatch) -> None:
    """It makes room for 341 slots where 335 are in use, and would write 350."""
    monkeypatch.setattr(ann, "SAVE_AFTER", 0.01)
    rows = numbered(clustered(350, 1, DIM))
    index = index_of(tmp_path, rows)
    for id in range(1, 16):
        index.remove(A, id)
    index._tend(A)
    assert index.wait(SECONDS)
    before = file_of(tmp_path).read_bytes()
    index.close()
    built.clear()
    left = {id: vector for id, vector in rows.items() if id > 15}
    was_saved = file_of(tmp_path).read_bytes() != before
    again = index_of(tmp_path, left)

    assert was_saved
    assert sum(built) == len(left)
    assert share_found(again, left) >= 0.98


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path, caplog) -> None:
    (tmp_path / "file").write_text("in the way")
    rows = numbered(clustered(ROWS, 1, DIM))
    index = index_of(tmp_path / "file", rows)
    index.close()

    assert share_found(index, rows) >= 0.98
    assert [record.levelname for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []


def test_a_disk_that_is_full_leaves_the_former_file(tmp_path, built, monkeypatch) -> None:
    vectors = clustered(2 * ROWS, 1, DIM)
    rows = numbered(vectors[:ROWS])
    index_of(tmp_path, rows).close()
    former = file_of(tmp_path).read_bytes()
    # usearch does not say that a write came out short.
    monkeypatch.setattr(Graph, "write", lambda self, path, goes_on: Path(path).write_bytes(b"half of it"))
    index_of(tmp_path, numbered(vectors)).close()

    assert file_of(tmp_path).read_bytes() == former
    assert [path.name for path in tmp_path.iterdir()] == [file_of(tmp_path).name]


def test_files_are_readable_to_their_owner_alone(tmp_path) -> None:
    folder = tmp_path / "graphs"
    index_of(folder, numbered(clustered(ROWS, 1, DIM))).close()

    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700
        assert file_of(folder).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [file_of(folder).name]


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path) -> None:
    old, new = tmp_path / ".00.x.new", tmp_path / ".00.y.new"
    for path in (old, new):
        path.write_bytes(b"half of it")
    os.utime(old, (0, time.time() - 2 * saved.LEFT_AFTER_SECONDS))
    index_of(tmp_path, numbered(clustered(ROWS, 1, DIM))).close()

    assert sorted(path.name for path in tmp_path.iterdir()) == [new.name, file_of(tmp_path).name]


def test_who_only_reads_takes_a_graph_and_writes_none(tmp_path, built) -> None:
    vectors = clustered(2 * ROWS, 1, DIM)
    rows = numbered(vectors[:ROWS])
    index_of(tmp_path / "none", rows, writes=False).close()
    index_of(tmp_path, rows).close()
    before = file_of(tmp_path).read_bytes()
    built.clear()
    index_of(tmp_path, numbered(vectors), writes=False).close()

    assert not (tmp_path / "none").exists()
    assert sum(built) == ROWS
    assert file_of(tmp_path).read_bytes() == before


def test_closing_saves_a_graph_that_changed_by_more_than_a_twentieth(tmp_path, built) -> None:
    vectors = clustered(2 * ROWS, 1, DIM)
    index = index_of(tmp_path, numbered(vectors[:ROWS]))
    index.add_many(A, range(ROWS + 1, ROWS + 100), vectors[ROWS : ROWS + 99])
    assert index.wait(SECONDS)
    index.close()
    built.clear()
    index_of(tmp_path, numbered(vectors[: ROWS + 99]))

    assert sum(built) == 0


def test_a_graph_that_is_half_built_when_the_cache_is_closed_is_gone_on_with(tmp_path, built, monkeypatch) -> None:
    rows = numbered(clustered(2_000, 1, DIM))
    index = AnnIndex(DIM, above=100, recall=0.98, saved=SavedGraphs(tmp_path, "one"))
    add = Graph.add

    def add_some(self: Graph, ids: list[int], vectors: Vector) -> None:
        add(self, ids, vectors)
        if len(self) >= 1_200:
            index._background.stop()

    monkeypatch.setattr(Graph, "add", add_some)
    index.add_many(A, list(rows), np.stack(list(rows.values())))
    index.filled()
    assert index.wait(SECONDS)
    index.close()
    monkeypatch.setattr(Graph, "add", add)
    done = sum(built)
    again = index_of(tmp_path, rows)

    assert 1_200 <= done < 2_000
    assert len(again._graphs[A]) == 2_000
    assert share_found(again, rows) >= 0.98


def test_closing_does_not_take_long_for_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ann, "CLOSE_SECONDS", 0.0)
    vectors = clustered(2 * ROWS, 1, DIM)
    index_of(tmp_path, numbered(vectors[:ROWS])).close()
    before = file_of(tmp_path).read_bytes()
    index = index_of(tmp_path, numbered(vectors[: ROWS + 100]))
    index.close()

    assert file_of(tmp_path).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file_of(tmp_path).name]


def test_nothing_is_built_before_all_that_was_stored_is_there(tmp_path, built) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index = AnnIndex(DIM, above=100, saved=SavedGraphs(tmp_path, "one"))
    index.add_many(A, list(rows), np.stack(list(rows.values())))
    index.search(A, rows[1], 1, 0.9)
    assert index.wait(SECONDS)

    assert built == []


def test_a_partition_that_is_cleared_leaves_no_file(tmp_path) -> None:
    index = index_of(tmp_path, numbered(clustered(ROWS, 1, DIM)))
    was_there = file_of(tmp_path).exists()
    index.drop(A)
    assert index.wait(SECONDS)

    assert was_there
    assert list(tmp_path.iterdir()) == []


def test_compacting_builds_a_graph_anew_and_not_from_its_file(tmp_path, built, monkeypatch) -> None:
    monkeypatch.setattr(ann, "WORTH_TELLING", 8)
    rows = numbered(clustered(ROWS, 1, DIM))
    index = index_of(tmp_path, rows)
    for id in range(1, 41):
        index.remove(A, id)
    assert index.wait(SECONDS)
    built.clear()
    reclaimed = index.compact()
    assert index.wait(SECONDS)

    assert reclaimed == 40
    assert sum(built) == ROWS - 40
    assert index.tombstones == 0


def test_the_last_of_two_that_save_wins_and_both_search_on(tmp_path, built) -> None:
    vectors = clustered(2 * ROWS, 1, DIM)
    rows, more = numbered(vectors[:ROWS]), numbered(vectors)
    one, other = index_of(tmp_path, rows), index_of(tmp_path, rows)
    other.add_many(A, range(ROWS + 1, 2 * ROWS + 1), vectors[ROWS:])
    assert other.wait(SECONDS)
    other.close()
    one.close()
    built.clear()
    third = index_of(tmp_path, more)

    assert sum(built) == 0
    assert share_found(one, rows) >= 0.98
    assert share_found(third, more) >= 0.98


def test_searches_go_on_while_a_graph_is_saved(tmp_path, monkeypatch) -> None:
    """Each time usearch asks whether to go on, another thread may search."""
    monkeypatch.setattr(graph, "ASKED_EVERY", 100)
    rows = numbered(clustered(ROWS, 1, DIM))
    index, found = index_of(tmp_path, rows), []

    def goes_on() -> bool:
        found.append(index.search(A, rows[7], 1, 0.9)[0].id)
        return True

    index._save(A, index._graphs[A], goes_on)

    assert len(found) >= 10
    assert set(found) == {7}


KILLED = """
import os, sys
import numpy as np
from pathlib import Path
from mneme.indexes import graph, saved
from mneme.indexes.ann import AnnIndex
from mneme.testing.index_contract import clustered

place = sys.argv[2]
index = AnnIndex(96, above=100, recall=0.98, saved=saved.SavedGraphs(Path(sys.argv[1]), "one"))
index.add_many(b"a", range(1, 1201), clustered(1200, 1, 96))

def die(*arguments):
    os.kill(os.getpid(), 9)

if place == "while usearch writes":
    graph.ASKED_EVERY, write = 900, graph.Graph.write
    graph.Graph.write = lambda self, path, goes_on: write(self, path, die)
elif place == "before it is whole":
    saved.os.fsync = die
elif place == "before it is in its place":
    saved.os.replace = die
index.filled()
index.wait()
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize("place", ["while usearch writes", "before it is whole", "before it is in its place"])
def test_a_process_killed_while_it_saves_leaves_the_former_graph(place, tmp_path, built) -> None:
    vectors = clustered(2 * ROWS, 1, DIM)
    index_of(tmp_path, numbered(vectors[:ROWS])).close()
    command = [sys.executable, "-c", KILLED, str(tmp_path), place]
    ended = subprocess.run(command, timeout=SECONDS, check=False).returncode
    built.clear()
    index = index_of(tmp_path, numbered(vectors))

    assert ended == -signal.SIGKILL
    assert sum(built) == ROWS
    assert len(index._graphs[A]) == 2 * ROWS


@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(
        st.sampled_from(["open", "close", "kill", "add", "remove", "replace", "clear", "damage", "older", "search"]),
        max_size=12,
    ),
    dtype=st.sampled_from(["float32", "int8"]),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_whatever_happens_between_openings_it_finds_what_the_full_scan_finds(
    seed: int, steps: list[str], dtype: VectorDtype
) -> None:
    chance, pool = np.random.default_rng(seed), clustered(400, seed, DIM)
    rows, next_id = numbered(pool[:200]), 201
    asked, lost = 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = index_of(folder, rows, dtype=dtype)
        older = dict(rows)
        for step in [*steps, "open", "search", "search", "search"]:
            if step in ("open", "close", "kill"):
                if step == "close":
                    index.close()
                index._background.stop()
                index = index_of(folder, rows, dtype=dtype)
            elif step == "damage" and file_of(folder).exists():
                content = bytearray(file_of(folder).read_bytes())
                content[int(chance.integers(len(content)))] ^= 255
                file_of(folder).write_bytes(content)
            elif step == "older":  # the store is put back to what it was, and counts on from there
                index._background.stop()
                rows, next_id = dict(older), max(older, default=0) + 1
                index = index_of(folder, rows, dtype=dtype)
            elif step == "clear":
                index.drop(A)
                rows = {}
            if step in ("remove", "replace"):
                for gone in chance.permutation(list(rows))[:30].tolist():
                    assert index.remove(A, gone)
                    del rows[gone]
            if step in ("add", "replace"):
                new = numbered(pool[chance.integers(len(pool), size=70)], next_id)
                index.add_many(A, list(new), np.stack(list(new.values())))
                rows |= new
                next_id += 70
            if step == "search" and rows:
                query, ids = pool[chance.integers(len(pool))], list(rows)
                truth = full_scan(np.stack(list(rows.values())), query, 4, 0.8)
                found = index.search(A, query, 4, 0.8 - 0.02)
                similarities = [near.similarity for near in found]
                asked += len(truth)
                lost += sum(all(near.similarity < similarity - 0.02 for near in found[:4]) for _, similarity in truth)

                assert all(near.id in rows for near in found)
                assert np.allclose(similarities, [rows[near.id] @ query for near in found], atol=0.02)
                assert len(ids) == index.count(A)

    assert lost <= 0.02 * asked


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_nobody_waits_for_a_pipe_in_the_place_of_a_graph(tmp_path, built) -> None:
    rows = numbered(clustered(ROWS, 1, DIM))
    index_of(tmp_path, rows).close()
    file = file_of(tmp_path)
    file.unlink()
    os.mkfifo(file)
    built.clear()
    index = index_of(tmp_path, rows)

    assert sum(built) == ROWS
    assert share_found(index, rows) >= 0.98
