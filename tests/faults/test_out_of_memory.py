"""A put for which there is no memory raises, leaves nothing half stored, and the cache goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mneme import MemoryStore, SemanticCache, SQLiteStore, StoreBackendError
from mneme.runtime import embedding, writing
from mneme.testing import WordEmbedder


class Failing:
    """Stands in for a function that has no memory when it is called for the nth time from now on."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.until = 0
        self.fails_after = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.until -= 1
        if self.until == 0 and not self.fails_after:
            raise MemoryError
        result = self.function(*arguments, **options)
        if self.until == 0:
            raise MemoryError
        return result


PLACES: dict[str, Callable[[SemanticCache], tuple[Any, str]]] = {
    "the embedder": lambda cache: (cache._embedder, "embed"),
    "the vector": lambda cache: (embedding, "unit"),
    "the entry": lambda cache: (writing, "stored_entry_of"),
    "the store": lambda cache: (cache._core.store, "write"),
    "the table": lambda cache: (cache._core.table, "put"),
    "the index": lambda cache: (cache._core.resident.index, "add_many"),
    "what is resident": lambda cache: (cache._core.resident, "apply"),
}


@pytest.fixture(params=["memory", "sqlite"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SemanticCache]:
    memory = MemoryStore()

    def again() -> SemanticCache:
        store = memory if request.param == "memory" else SQLiteStore(tmp_path / "cache.db")
        return SemanticCache(store=store, embedder=WordEmbedder())

    return again


@pytest.fixture
def cache(again: Callable[[], SemanticCache]) -> Iterator[SemanticCache]:
    with again() as cache:
        cache.put("one two three", "old")
        yield cache


def layers(cache: SemanticCache, response: str, *queries: str) -> list[str | None]:
    hits = [cache.get(query) for query in queries]
    return [hit and (hit.layer if hit.response == response else hit.response) for hit in hits]


@pytest.mark.parametrize("fails_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", PLACES)
def test_no_memory_anywhere_on_the_way_of_a_put_leaves_a_whole_cache(
    cache: SemanticCache,
    again: Callable[[], SemanticCache],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    fails_after: bool,
) -> None:
    holder, name = PLACES[place](cache)
    failing = Failing(getattr(holder, name))
    failing.until, failing.fails_after = 1, fails_after
    monkeypatch.setattr(holder, name, failing)
    cache._core.embeddings._recent.clear()
    with pytest.raises((MemoryError, StoreBackendError)) as caught:
        cache.put("one two three", "new")
    monkeypatch.undo()

    assert isinstance(caught.value, MemoryError) or isinstance(caught.value.__cause__, MemoryError)
    # The old answer or, where the store had it already, the new one; the same in both layers and in the store.
    found = cache.get("one two three").response
    assert found in ("old", "new")
    assert layers(cache, found, "one two three", "three one two") == ["exact", "semantic"]
    cache.put("four five six", "later")
    assert layers(cache, "later", "four five six", "six five four") == ["exact", "semantic"]
    with again() as fresh:
        assert layers(fresh, found, "one two three", "three one two") == ["exact", "semantic"]
        assert fresh.stats().entries == 2


@pytest.mark.parametrize("place", PLACES)
def test_a_computed_value_that_there_is_no_memory_to_keep_is_returned(
    cache: SemanticCache, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    holder, name = PLACES[place](cache)
    failing = Failing(getattr(holder, name))
    failing.until = 1
    monkeypatch.setattr(holder, name, failing)
    outcome = cache.get_or_compute("four five six", lambda: "computed")
    monkeypatch.undo()

    assert (outcome.value, outcome.status) == ("computed", "computed")
    assert cache.get_or_compute("seven eight", lambda: "computed").value == "computed"
    assert cache.get("seven eight").response == "computed"


LIMITED = """
import resource, sys
from mneme import SemanticCache, StoreBackendError
from mneme.testing import WordEmbedder

cache = SemanticCache(sys.argv[1], WordEmbedder(), max_response_bytes=2**30)
cache.put("small", "answer")
large = "x" * 150_000_000
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 60_000_000, resource.getrlimit(resource.RLIMIT_AS)[1]))
failed = 0
for number in range(3):
    try:
        cache.put(f"large {number}", large)
    except (MemoryError, StoreBackendError) as error:
        failed += isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError)
print(failed, cache.get("small").response, cache.get("large 0"))
cache.put("after", "answer")
print(cache.get("after").layer, cache.stats().entries)
cache.close()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell what a process holds")
def test_a_process_at_its_limit_refuses_what_is_too_large_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "cache.db")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (run.returncode, run.stdout) == (0, "3 answer None\nexact 2\n"), run.stderr
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        assert sorted(cache.list_queries()) == ["after", "small"]
