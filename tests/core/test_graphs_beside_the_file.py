"""A cache in a file keeps the graphs of its approximate index beside that, and answers as if it did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import MemoryStore, SemanticCache
from mneme.indexes import ann, graph
from mneme.indexes.graph import Graph
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore
from mneme.testing.index_contract import clustered

pytestmark = pytest.mark.skipif(not graph.is_installed(), reason="usearch is not installed")

DIM, ROWS, SECONDS = 64, 300, 60.0
OPTIONS = {"index_backend": "ann", "index_options": {"above": 100, "recall": 0.98}}


class Given:
    """Every vector is given with the call."""

    dim = DIM
    fingerprint = "given"

    def embed(self, text: str):
        raise AssertionError(text)


VECTORS = clustered(2 * ROWS, 1, DIM)


def opened(path: Path, **options) -> SemanticCache:
    return SemanticCache(path, Given(), **(OPTIONS | options))


def settled(cache: SemanticCache) -> SemanticCache:
    """Return the cache once its graphs are as they should be."""
    cache.get("in other words", embedding=VECTORS[0])
    assert cache._core.index.wait(SECONDS)
    return cache


def put(cache: SemanticCache, rows: range, answers: str = "answer") -> None:
    pairs = [(f"question {row}", f"{answers} {row}") for row in rows]
    cache.put_many(pairs, embeddings=VECTORS[rows.start : rows.stop])


def answers(cache: SemanticCache, rows: range) -> list[str | None]:
    found = [cache.get(f"in other words {row}", embedding=VECTORS[row]) for row in rows]
    return [hit and hit.response for hit in found]


def wanted(rows: range) -> list[str]:
    return [f"answer {row}" for row in rows]


def kept(path: Path) -> list[Path]:
    return sorted(path.with_name(f"{path.name}.graphs").glob("*"))


@pytest.fixture
def path(tmp_path) -> Path:
    with opened(tmp_path / "cache.db") as cache:
        put(cache, range(ROWS))
        settled(cache)
    return tmp_path / "cache.db"


@pytest.fixture
def built(monkeypatch) -> list[int]:
    numbers, add = [], Graph.add

    def counted(self, ids, vectors):
        numbers.append(len(ids))
        add(self, ids, vectors)

    monkeypatch.setattr(Graph, "add", counted)
    return numbers


@pytest.mark.parametrize("durability", ["normal", "deferred"])
def test_a_cache_that_is_opened_again_does_not_build_its_graph_again(path, built, durability) -> None:
    with settled(opened(path, durability=durability)) as cache:
        found = answers(cache, range(ROWS))

        assert cache._core.index._graphs
    assert found == wanted(range(ROWS))
    assert sum(built) == 0
    assert [file.suffix for file in kept(path)] == [".graph"]


def test_without_a_lookup_in_other_words_nothing_is_read_or_built(path, built) -> None:
    before = [(file.name, file.read_bytes()) for file in kept(path)]
    with opened(path) as cache:
        put(cache, range(ROWS, 2 * ROWS))
        assert cache.get("question 7").response == "answer 7"

    assert built == []
    assert [(file.name, file.read_bytes()) for file in kept(path)] == before


def test_what_another_process_put_meanwhile_is_found(path, built) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]);"
        "from pathlib import Path; from test_graphs_beside_the_file import *;"
        "cache = opened(Path(sys.argv[1])); put(cache, range(ROWS, ROWS + 100)); settled(cache).close()"
    )
    with settled(opened(path)) as cache:
        command = [sys.executable, "-c", program, str(path), str(Path(__file__).parent)]
        subprocess.run(command, check=True, timeout=SECONDS)
        here = answers(cache, range(ROWS + 100))
    built.clear()
    with settled(opened(path)) as cache:
        again = answers(cache, range(ROWS + 100))

    assert here == again == wanted(range(ROWS + 100))
    assert sum(built) == 0


def test_an_older_copy_of_the_file_that_went_on_otherwise_is_answered_from_itself(path, tmp_path) -> None:
    shutil.copy(path, tmp_path / "older.db")
    with settled(opened(path)) as cache:
        put(cache, range(ROWS, 2 * ROWS))
        assert cache._core.index.wait(SECONDS)
    shutil.copy(tmp_path / "older.db", path)
    with opened(path) as cache:  # the same numbers for other entries
        cache.put_many(
            [(f"question {row}", f"answer {row}") for row in range(ROWS, ROWS + 50)], embeddings=VECTORS[-50:]
        )
    with settled(opened(path)) as cache:
        found = [cache.get(f"other words {row}", embedding=VECTORS[row]) for row in range(2 * ROWS - 50, 2 * ROWS)]

    assert [hit.response for hit in found] == wanted(range(ROWS, ROWS + 50))


def test_clear_removes_the_graph_of_what_is_gone(path) -> None:
    with settled(opened(path)) as cache:
        cache.clear()
        assert cache._core.index.wait(SECONDS)
        left = kept(path)
    with opened(path) as cache:
        found = answers(cache, range(3))

    assert left == []
    assert found == [None] * 3


def test_vectors_held_in_another_type_get_a_graph_of_their_own(path, built) -> None:
    with settled(opened(path)) as cache:
        cache.requantize("int8")
        assert cache._core.index.wait(SECONDS)
        found = answers(cache, range(ROWS))
    with settled(opened(path, vector_dtype="int8")):
        pass

    assert found == wanted(range(ROWS))
    assert sum(built) == ROWS


def test_a_cache_that_is_to_save_no_graphs_builds_them_each_time(tmp_path, built) -> None:
    path, options = tmp_path / "cache.db", OPTIONS["index_options"] | {"save": False}
    with opened(path, index_options=options) as cache:
        put(cache, range(ROWS))
        settled(cache)
    with settled(opened(path, index_options=options)) as cache:
        assert answers(cache, range(ROWS)) == wanted(range(ROWS))

    # What came after it was begun waits until it is worth a thread.
    assert sum(built) > 2 * ROWS - ann.WORTH_TELLING
    assert not Path(f"{path}.graphs").exists()


def test_graphs_may_be_deleted_whenever_one_likes(path, built) -> None:
    with settled(opened(path)) as cache:
        shutil.rmtree(f"{path}.graphs")
        put(cache, range(ROWS, 2 * ROWS))
        assert cache._core.index.wait(SECONDS)
    shutil.rmtree(f"{path}.graphs")
    with settled(opened(path)) as cache:
        assert answers(cache, range(2 * ROWS)) == wanted(range(2 * ROWS))


def test_a_cache_that_only_reads_writes_no_graph(path, built) -> None:
    shutil.rmtree(f"{path}.graphs")
    with SemanticCache(store=ReadOnlySQLiteStore(path), embedder=Given(), **OPTIONS) as cache:
        settled(cache)

    assert sum(built) == ROWS
    assert kept(path) == []


def test_a_cache_in_memory_saves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SemanticCache(store=MemoryStore(), embedder=Given(), **OPTIONS) as cache:
        put(cache, range(ROWS))
        assert answers(settled(cache), range(ROWS)) == wanted(range(ROWS))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durability", ["normal", "deferred"])
def test_an_encrypted_cache_leaves_no_vectors_in_clear(tmp_path, durability) -> None:
    pytest.importorskip("cryptography")
    path, options = tmp_path / "cache.db", OPTIONS | {"durability": durability}
    with SemanticCache.open(path, embedder=Given(), encryption=lambda: [b"k" * 32], **options) as cache:
        put(cache, range(ROWS))
        settled(cache)
        assert cache._core.index._graphs

    assert kept(path) == []


@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(
        st.sampled_from(["put", "put", "delete", "replace", "close", "kill", "damage", "settle"]), max_size=10
    ),
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_it_answers_as_the_exact_index_does_whatever_happened(seed: int, steps: list[str]) -> None:
    chance, pool = np.random.default_rng(seed), clustered(250, seed, DIM)
    with (
        tempfile.TemporaryDirectory() as name,
        SemanticCache(store=MemoryStore(), embedder=Given(), index_backend="numpy") as exact,
    ):
        number = 0
        Path(name, "0").mkdir()
        cache = opened(Path(name) / "0" / "cache.db")
        for step in ["put", "put", "settle", *steps, "close", "settle"]:
            path = Path(name) / str(number) / "cache.db"
            if step in ("put", "replace"):
                rows = chance.integers(len(pool), size=80)
                said = f"{step} {chance.integers(1_000)}"
                for each in (cache, exact):
                    each.put_many([(f"question {row}", f"{said} {row}") for row in rows], embeddings=pool[rows])
            elif step == "delete":
                for row in chance.integers(len(pool), size=30).tolist():
                    assert cache.delete(f"question {row}") == exact.delete(f"question {row}")
            elif step == "close":
                cache.close()
                cache = opened(path)
            elif step == "kill":  # what is on the disk at this moment is what a killed process leaves
                shutil.copytree(path.parent, Path(name) / str(number + 1))
                cache.close()
                number += 1
                cache = opened(Path(name) / str(number) / "cache.db")
            elif step == "damage":
                for file in kept(path):
                    content = bytearray(file.read_bytes())
                    content[int(chance.integers(len(content)))] ^= 1
                    file.write_bytes(content)
            else:
                settled(cache)
            row = int(chance.integers(len(pool)))
            found, truth = (each.get(f"in other words {row}", embedding=pool[row]) for each in (cache, exact))

            assert (found and found.response) == (truth and truth.response)
        cache.close()
