"""What a cache over a server promises, as tests: subclass NetworkContract in a pytest module of your own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mneme.async_cache import AsyncSemanticCache
from mneme.cache import SemanticCache
from mneme.engine.judge import Threshold
from mneme.errors import StoreBackendError
from mneme.testing.embedders import AsyncWordEmbedder, WordEmbedder
from mneme.testing.sharing_contract import Stores
from mneme.testing.waiting import eventually

Caches: TypeAlias = Callable[..., SemanticCache]

KILLED = """
import sys
from mneme import SemanticCache
from mneme.testing import WordEmbedder
{imports}
cache = SemanticCache(store={store}, embedder=WordEmbedder(64))
for number in range(10_000):
    cache.put(f"question {{number}}", f"answer {{number}}")
    print(number, flush=True)
"""


COMPUTING = """
import time
from mneme import SemanticCache
from mneme.testing import WordEmbedder
{imports}
cache = SemanticCache(store={store}, embedder=WordEmbedder(64), flight_wait=30)

def compute():
    with open({notes!r}, "a") as notes:
        notes.write("once ")
    print("computing", flush=True)
    time.sleep(0.5)
    return "computed there"

cache.get_or_compute("how do I pay", compute)
cache.close()
"""


def answer(cache: SemanticCache, query: str, **options: Any) -> str | None:
    """Return what a cache answers."""
    hit = cache.get(query, **options)
    return None if hit is None else hit.response


class NetworkContract:
    """The tests, over real connections and real processes."""

    imports: str
    """The statement that imports the store."""

    @pytest.fixture
    def make_store(self) -> Stores:
        """Return a function that makes a handle on one and the same content; the subclass says which."""
        raise NotImplementedError

    @pytest.fixture
    def expression(self) -> str:
        """Python that makes the same store in another process."""
        raise NotImplementedError

    @pytest.fixture
    def break_connections(self) -> Callable[[], None]:
        """Return a function that ends every connection of a store; the server goes on."""
        raise NotImplementedError

    @pytest.fixture
    def lose_content(self) -> Callable[[], None]:
        """Return a function that takes from the server all that the store keeps there."""
        raise NotImplementedError

    @pytest.fixture
    def open_cache(self, make_store: Stores) -> Iterator[Callable[..., SemanticCache]]:
        """Return a function that opens a cache over the content; all are closed after the test."""
        caches: list[SemanticCache] = []

        def make(**options: Any) -> SemanticCache:
            caches.append(
                SemanticCache(store=make_store(), embedder=WordEmbedder(64), policy=Threshold(0.7), **options)
            )
            return caches[-1]

        yield make
        for cache in caches:
            cache.close()

    def test_a_cache_answers_exactly_and_by_meaning_and_again_after_opening(self, open_cache: Caches) -> None:
        first = open_cache()
        first.put("how do I pay today", "by card", metadata={"a": 1}, vary={"model": "m"})
        first.close()
        again = open_cache()

        hits = [again.get(query, vary={"model": "m"}) for query in ("How do I  pay today", "today how do I pay")]
        seen = [hit and (hit.layer, hit.response, hit.metadata) for hit in hits]
        assert seen == [("exact", "by card", {"a": 1}), ("semantic", "by card", {"a": 1})]
        assert again.get("how do I pay today", vary={"model": "other"}) is None
        assert again.stats().entries == 1

    def test_caches_see_each_other_s_changes(self, open_cache: Caches) -> None:
        one, other = open_cache(), open_cache()
        one.put("how do I pay today", "by card")
        assert eventually(lambda: other.get("today how do I pay") is not None)
        other.put("how do I pay today", "by cheque")
        assert eventually(lambda: answer(one, "today how do I pay") == "by cheque")
        one.delete("how do I pay today")
        assert eventually(lambda: other.get("how do I pay today") is None)
        other.put("x", "1", namespace="a")
        other.put("x", "1", namespace="b")
        assert eventually(lambda: one.get("x", namespace="b") is not None)
        other.clear_namespace("a")
        assert eventually(lambda: one.get("x", namespace="a") is None)
        assert answer(one, "x", namespace="b") == "1"

    def test_a_delete_reaches_what_another_has_just_put(self, open_cache: Caches) -> None:
        one, other = open_cache(), open_cache()
        for number in range(30):
            one.put(f"question {number}", "answer", mode="exact")
            assert other.delete(f"question {number}")

        assert open_cache().stats().entries == 0

    def test_counters_of_two_caches_add_up(self, open_cache: Caches) -> None:
        one, other = open_cache(), open_cache()
        for cache in (one, other):
            cache.put("x", "1")
            cache.get("x")
            cache.close()

        assert open_cache().stats().hits_exact == 2

    async def test_the_async_cache_works_over_it(self, make_store: Stores) -> None:
        async with AsyncSemanticCache(
            store=make_store(), embedder=AsyncWordEmbedder(64), policy=Threshold(0.7)
        ) as cache:
            await cache.put("how do I pay today", "by card")
            hit = await cache.get("today how do I pay")
            assert hit is not None
            assert hit.response == "by card"
            assert (await cache.get_or_compute("how do I pay today", lambda: 1 / 0)).status == "hit"

    def test_a_killed_process_loses_no_put_that_returned(self, expression: str, open_cache: Caches) -> None:
        program = KILLED.format(imports=self.imports, store=expression)
        peer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert peer.stdout is not None
        acknowledged = [peer.stdout.readline().strip() for _ in range(60)]
        peer.kill()
        acknowledged += peer.stdout.read().splitlines()
        peer.wait()
        cache = open_cache()

        assert len(acknowledged) < 10_000
        assert [answer(cache, f"question {number}") for number in acknowledged] == [
            f"answer {number}" for number in acknowledged
        ]

    def test_a_lost_connection_is_made_again_and_hits_go_on_meanwhile(
        self, open_cache: Caches, break_connections: Callable[[], None]
    ) -> None:
        cache = open_cache()
        cache.put("how do I pay", "by card")
        break_connections()

        assert answer(cache, "how do I pay") == "by card"
        with suppress(StoreBackendError):
            cache.put("where is it", "here")
        cache.put("where is it", "here")
        assert answer(cache, "where is it") == "here"
        other = open_cache()
        other.put("when is it", "now")
        assert eventually(lambda: cache.get("when is it") is not None)  # it listens again

    def test_a_store_that_lost_its_content_leads_nowhere_else(
        self, open_cache: Caches, lose_content: Callable[[], None]
    ) -> None:
        cache = open_cache()
        cache.put("how do I pay today", "acme pays by card", namespace="acme")
        assert answer(cache, "today how do I pay", namespace="acme") == "acme pays by card"
        lose_content()
        other = open_cache()
        other.put("how do I pay today", "beta pays by cheque", namespace="beta")

        assert eventually(lambda: answer(cache, "today how do I pay", namespace="acme") is None)
        assert answer(cache, "how do I pay today", namespace="acme") is None
        assert eventually(lambda: answer(cache, "today how do I pay", namespace="beta") == "beta pays by cheque")
        assert cache.stats().entries == other.stats().entries == 1

    def test_a_store_that_lost_its_content_is_filled_again(
        self, open_cache: Caches, lose_content: Callable[[], None]
    ) -> None:
        cache = open_cache()
        for number in range(5):
            cache.put(f"question {number}", "old")
        lose_content()
        with suppress(StoreBackendError):
            cache.put("question 0", "new")
        cache.put("question 0", "new")

        other = open_cache()
        assert [answer(other, f"question {number}") for number in range(2)] == ["new", None]
        assert eventually(lambda: answer(cache, "question 1") is None)
        other.put("question 1", "newer")
        assert eventually(lambda: answer(cache, "question 1") == "newer")

    def test_a_cache_far_behind_reads_everything_and_comes_to_an_end(
        self, open_cache: Caches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        behind, busy = open_cache(), open_cache()
        self.shorten(monkeypatch)
        for number in range(40):
            busy.put(f"question {number}", "answer", mode="exact")
        busy.put_many([(f"other {number}", "answer") for number in range(60)], mode="exact")
        for number in range(60):
            busy.delete(f"other {number}")

        fresh = open_cache()
        for cache in (behind, fresh):
            assert eventually(lambda cache=cache: cache.get("question 39") is not None)  # type: ignore[misc]
            assert [answer(cache, name) for name in ("question 0", "other 0", "other 59")] == ["answer", None, None]
            assert cache.stats().entries == 40

    def shorten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the store forget removals soon and read in small batches, where it has such settings."""

    def test_of_two_processes_one_computes(self, expression: str, open_cache: Caches, tmp_path: Path) -> None:
        notes = tmp_path / "computed"
        program = COMPUTING.format(imports=self.imports, store=expression, notes=str(notes))
        peer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert peer.stdout is not None
        assert peer.stdout.readline() == "computing\n"
        cache = open_cache(flight_wait=30)

        outcome = cache.get_or_compute("how do I pay", lambda: "computed here")

        peer.wait()
        assert (outcome.value, outcome.status) == ("computed there", "hit")
        assert notes.read_text() == "once "

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_child_has_connections_of_its_own(self, open_cache: Caches) -> None:
        cache = open_cache()
        cache.put("how do I pay", "by card")
        child = os.fork()
        if child == 0:
            try:
                cache.put("from the child", "hello")
                os._exit(0 if answer(cache, "how do I pay") == "by card" else 1)
            except BaseException:
                os._exit(2)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        cache.put("from the parent", "hello")
        assert eventually(lambda: cache.get("from the child") is not None)
