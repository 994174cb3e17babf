"""PostgresStore over a real server: the contract, the differential run, and what a network adds."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mneme import InvalidArgumentError, SemanticCache, StoreBackendError
from mneme.stores import memory
from mneme.stores.base import Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import StoreContract, WordEmbedder, servers
from mneme.testing.differential import StoreDifferential
from mneme.testing.isolation_contract import IsolationContract
from mneme.testing.network_contract import NetworkContract, answer
from mneme.testing.waiting import eventually

psycopg = pytest.importorskip("psycopg")


from psycopg import sql  # noqa: E402

from mneme.stores.postgres import PostgresStore, log  # noqa: E402  # where psycopg is

_numbers = itertools.count()
_urls: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[Any]:
    with servers.postgres() as running:
        _urls[:] = [running.get_uri()]
        yield running


@pytest.fixture
def url() -> str:
    return _urls[0]


@pytest.fixture
def schema() -> str:
    return new_schema()


def new_schema() -> str:
    return f"test \"%s' {next(_numbers)}"  # a name that must be quoted


class TestContract(StoreContract):
    by_session = True

    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema)


class TestIsolation(IsolationContract):
    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema)


class TestEncryptedContract(StoreContract):
    by_session = True

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

    @pytest.fixture
    def lose_content(self, url: str, schema: str) -> Callable[[], None]:
        def lose() -> None:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))

        return lose

    def shorten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(log, "REMOVALS_KEPT", 5)
        monkeypatch.setattr(log, "BATCH", 7)


def opened(url, schema, **options):
    return SemanticCache(store=PostgresStore(url, schema=schema, poll=0.1, **options), embedder=WordEmbedder(64))


def test_a_log_that_was_put_back_is_read_anew(url, schema):
    with opened(url, schema) as cache, psycopg.connect(url, autocommit=True) as admin:
        cache.put("first", "kept")
        admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        for table in ("entries", "log"):
            admin.execute(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")
        cache.put("second", "lost")
        for table in ("entries", "log"):
            admin.execute(f"DELETE FROM {table}")
            admin.execute(f"INSERT INTO {table} SELECT * FROM saved_{table}")

        assert eventually(lambda: cache.get("second") is None)
        assert [hit and hit.response for hit in map(cache.get, ("first", "second"))] == ["kept", None]
        cache.put("third", "new")
        with opened(url, schema) as other:
            assert other.get("third").response == "new"


def test_a_log_that_was_put_back_and_went_on_is_read_anew(url, schema):
    with opened(url, schema) as cache, opened(url, schema) as other, psycopg.connect(url, autocommit=True) as admin:
        cache.put("first", "kept")
        admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        for table in ("entries", "log"):
            admin.execute(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")
        cache.put_many([(f"lost {number}", "lost") for number in range(5)])
        assert eventually(lambda: other.get("lost 0") is not None)
        assert other.get("lost 0").response == "lost"
        with admin.transaction():
            for table in ("entries", "log"):
                admin.execute(f"TRUNCATE {table}")
                admin.execute(f"INSERT INTO {table} SELECT * FROM saved_{table}")
        cache.put_many([(f"new {number}", "new") for number in range(8)])

        assert eventually(lambda: other.get("lost 0") is None)
        assert [other.get(f"lost {number}") for number in range(5)] == [None] * 5
        assert [each.get("new 7").response for each in (cache, other)] == ["new", "new"]


def test_one_who_may_not_listen_sees_others_changes(url, schema):
    with opened(url, schema) as cache, opened(url, schema) as other:
        cache.put("how do I pay", "old")
        listener = other._core.store._listener
        assert eventually(lambda: listener._db is not None)
        listener._connect = _refuse  # as where a role has one connection
        listener._db.close()
        cache.put("how do I pay", "new")

        assert eventually(lambda: answer(other, "how do I pay") == "new")


def _refuse():
    raise psycopg.OperationalError("too many connections")


def test_a_stricter_isolation_of_the_database_does_not_fail_writers(url, schema):
    with opened(url, schema):
        pass
    strict = f"{url}{'&' if '?' in url else '?'}options=-c%20default_transaction_isolation%3Dserializable"
    with opened(strict, schema) as one, opened(strict, schema) as other:
        threads = [
            threading.Thread(target=lambda c=cache, n=name: [c.put(f"{n} {i}", "x", mode="exact") for i in range(20)])
            for cache, name in ((one, "a"), (other, "b"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with opened(url, schema) as cache:
            assert cache.stats().entries == 40


def test_a_role_that_may_not_create_can_use_what_is_there(url, schema):
    with opened(url, schema) as cache:
        cache.put("how do I pay", "by card")
    with psycopg.connect(url, autocommit=True) as admin:
        name = sql.Identifier(schema)
        if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'mneme_user'").fetchone():
            admin.execute("CREATE ROLE mneme_user LOGIN")
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO mneme_user").format(name))
        admin.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA {} TO mneme_user").format(name))
    theirs = re.sub(r"//[^@/]*@", "//mneme_user@", url) if "@" in url else url.replace("//", "//mneme_user@", 1)
    with opened(theirs, schema) as cache:
        assert cache.get("how do I pay").response == "by card"
        cache.put("where is it", "here")


@pytest.mark.parametrize("odd", ["é" * 30, "日" * 20, "a\tb", "back\\slash", "x" * 60])
def test_any_name_of_60_bytes_is_a_schema(url, odd):
    with opened(url, odd) as cache, opened(url, odd) as other:
        cache.put("how do I pay", "by card")
        assert eventually(lambda: other.get("how do I pay") is not None)
        assert other.get("how do I pay").response == "by card"


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
        ({"schema": "\ud800"}, "schema"),
        ({"schema": "$user"}, "schema"),
        ({"timeout": "5"}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"poll": None}, "poll"),
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
    code = "\n".join(blocks).replace("postgresql://user@host/database?", f"{url}&")
    code = code.replace("postgresql://user@host/database", url)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.returncode, len(blocks)) == (0, 2), run.stderr


def test_what_a_schema_is_bound_to_is_told_without_making_one(url: str, schema: str) -> None:
    before = PostgresStore(url, schema=schema).identity(), PostgresStore(url, schema=schema).identity()
    with SemanticCache(store=PostgresStore(url, schema=schema), embedder=WordEmbedder(64)) as cache:
        bound = cache._core.identity

    assert (*before, PostgresStore(url, schema=schema).identity()) == (None, None, bound)


def test_a_cache_is_looked_into_by_its_url(url: str, look_into: Callable[[str, str], None]) -> None:
    with SemanticCache.open(url, embedder=WordEmbedder(64)) as cache:
        cache.clear()  # the schema is the default one, which other tests use too
    look_into(url, "postgres")
