"""PostgresStore where the server searches: over a real one with pgvector."""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mneme import InvalidArgumentError, StoreBackendError
from mneme.stores.base import Clear, Cursor, Delete, Identity, Put, Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import StoreContract, reader, servers
from mneme.testing.isolation_contract import IsolationContract
from mneme.testing.reader import BEGINNING, loaded
from mneme.testing.search_contract import AXES, HERE, IDENTITY, THERE, SearchContract, placed, unit, write
from mneme.testing.waiting import eventually

psycopg = pytest.importorskip("psycopg")


from psycopg import sql  # noqa: E402

from mneme.stores.postgres import PostgresStore, building, log, modes, pool, vectors, writing  # noqa: E402  # where psycopg is

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
    return f"search \"%s' {next(_numbers)}"  # a name that must be quoted


Opener = Callable[..., PostgresStore]


@pytest.fixture
def opened(url: str, schema: str) -> Iterator[Opener]:
    """Return a function that opens a handle on the schema; all are closed after the test."""
    stores: list[PostgresStore] = []

    def make(mode: Any = "server", identity: Identity = IDENTITY, **options: Any) -> PostgresStore:
        stores.append(PostgresStore(url, **{"schema": schema, "mode": mode, "poll": 0.1, **options}))
        stores[-1].open(identity)
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def admin(url: str, schema: str) -> Iterator[Any]:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.SQL("SET search_path = {}, public").format(sql.Identifier(schema)))
        yield db


class TestSearchContract(SearchContract):
    @pytest.fixture
    def make_search_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema, mode="server")


class TestIsolation(IsolationContract):
    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        return lambda: PostgresStore(url, schema=schema, mode="server")


class TestReplicaOfASearchableSchema(StoreContract):
    by_session = True

    @pytest.fixture
    def make_store(self, url: str, schema: str) -> Callable[[], Store]:
        with closing(PostgresStore(url, schema=schema, mode="server")) as other:
            other.open(reader.IDENTITY)
        return lambda: PostgresStore(url, schema=schema, mode="replica")


def names(found: Any) -> list[str]:
    return [entry.query for entry, _ in found]


def near(store: PostgresStore, vector: Any = AXES[0], k: int = 10, floor: float = -1.0) -> list[str]:
    return names(store.nearest(HERE, unit(vector).tobytes(), k, floor))


def clustered(rows: int, dim: int, seed: int = 3) -> Any:
    """Return unit vectors in groups of ten."""
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((-(-rows // 10), dim))
    found = centres.repeat(10, axis=0)[:rows] + 0.5 * draw.standard_normal((rows, dim))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_what_a_replica_wrote_is_found_once_the_server_searches(opened, admin, monkeypatch):
    monkeypatch.setattr(vectors, "BATCH", 7)
    replica = opened("replica")
    entries = [placed(f"e{n}", AXES[0] + n * AXES[1]) for n in range(30)]
    write(replica, *map(Put, entries), Put(replace(placed("bare"), embedding=b"")))
    assert admin.execute("SELECT to_regclass('vectors')").fetchone() == (None,)

    store = opened()

    assert near(store, k=50) == [f"e{n}" for n in range(30)]
    assert [store.find(each.query_hash).query for each in entries] == [each.query for each in entries]
    assert store.sizes() == {"default": 31}
    assert [each.query for each in loaded(store)[0]] == [*(each.query for each in entries), "bare"]
    assert store.vectors([1]) == {1: entries[0].embedding}


def test_a_copy_that_was_interrupted_goes_on(opened, admin, monkeypatch):
    write(opened("replica"), *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(20)])
    monkeypatch.setattr(vectors, "BATCH", 6)
    copied = vectors.insert

    def fail(db, rows):
        copied(db, rows)
        if rows[0][0] > 6:
            raise StoreBackendError("the process ends here")

    monkeypatch.setattr(vectors, "insert", fail)
    with pytest.raises(StoreBackendError, match="ends here"):
        opened()
    monkeypatch.setattr(vectors, "insert", copied)
    assert admin.execute("SELECT count(*) FROM vectors").fetchone() == (6,)
    write(opened("replica"), Delete(placed("e3").query_hash), Put(placed("e5", AXES[5])), Put(placed("e15", AXES[5])))

    assert near(opened(), k=50) == [f"e{n}" for n in range(20) if n not in {3, 5, 15}] + ["e5", "e15"]


def test_caches_of_both_kinds_stay_coherent(opened, admin):
    server, replica = opened(), opened("replica")
    _, at = write(server, Put(placed("a")), Put(placed("b", AXES[0] + 0.1 * AXES[1])))
    foreign, _, here = replica.write([Put(placed("a", AXES[2])), Put(placed("c", AXES[0] + 0.2 * AXES[1]))], BEGINNING)
    assert [change.entry.query for change in foreign] == ["a", "b"]
    assert near(server, floor=0.5) == ["b", "c"]
    assert near(server, AXES[2], floor=0.5) == ["a"]
    assert [change for batch, _ in server.pull(at) for change in batch] == [
        Delete(placed("a").query_hash),
        Delete(placed("c").query_hash),
    ]

    write(replica, Delete(placed("b").query_hash), Put(placed("x", namespace="x")), Clear("x"), cursor=here)
    assert near(server, floor=0.5) == ["c"]
    write(server, Put(placed("d")), Clear(None), Put(placed("e")), cursor=here)
    assert (near(server), server.sizes()) == (["e"], {"default": 1})
    assert admin.execute("SELECT seq FROM vectors").fetchall() == admin.execute("SELECT seq FROM entries").fetchall()
    assert admin.execute("SELECT count(*) FROM entries").fetchone() == (1,)


def test_a_clear_that_meets_a_search_removes_all_the_same(opened, admin):
    store = opened()
    _, at = write(store, Put(placed("a")))
    with admin.transaction():
        admin.execute("SELECT count(*) FROM vectors")
        _, at = write(store, Clear(None), cursor=at)

    assert near(store) == []
    assert admin.execute("SELECT count(*) FROM vectors").fetchone() == (0,)


def test_writers_of_both_kinds_at_once_leave_a_vector_for_every_entry(opened, admin):
    def fill(store, name):
        cursor = BEGINNING
        for number in range(25):
            _, cursor = write(store, Put(placed(f"{name}{number}")), Put(placed(f"both{number}")), cursor=cursor)

    threads = [
        threading.Thread(target=fill, args=(store, name))
        for store, name in ((opened("replica"), "r"), (opened(), "s"), (opened("replica"), "t"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wanted = admin.execute("SELECT seq FROM entries ORDER BY seq").fetchall()
    assert admin.execute("SELECT seq FROM vectors ORDER BY seq").fetchall() == wanted
    assert len(wanted) == 100


def test_a_reader_that_was_empty_or_is_too_far_behind_is_told(opened, monkeypatch):
    monkeypatch.setattr(log, "REMOVALS_KEPT", 2)
    writer, other = opened(), opened()
    *_, (_, empty) = other.pull(BEGINNING)
    _, at = write(writer, Put(placed("a")))
    assert [change for batch, _ in other.pull(empty) for change in batch] == [Delete(placed("a").query_hash)]
    for _ in range(9):
        _, later = write(writer, Put(placed("b")), Delete(placed("b").query_hash), cursor=at)

    assert [change for batch, _ in other.pull(at) for change in batch] == [Clear(None)]
    assert [change for batch, _ in other.pull(Cursor(at.sequence, 1)) for change in batch] == [Clear(None)]
    assert list(other.pull(at))[-1][1] == later


@pytest.mark.parametrize(("entries", "searches"), [(4, True), (3, False)])
def test_auto_lets_the_server_search_what_is_large(opened, monkeypatch, entries, searches):
    monkeypatch.setattr(modes, "AUTO_ENTRIES", 3)
    store = opened("replica")
    write(
        store,
        *[Put(placed(f"e{n}")) for n in range(9)],
        *[Delete(placed(f"e{n}").query_hash) for n in range(entries, 9)],
    )

    assert opened("auto").searches == searches
    assert not opened("replica").searches


def test_under_encryption_auto_is_a_replica_and_server_an_error(url, schema, opened, monkeypatch):
    monkeypatch.setattr(modes, "AUTO_ENTRIES", 3)

    def sealed(mode):
        return EncryptedStore(PostgresStore(url, schema=schema, mode=mode), lambda: [b"k" * 32])

    with closing(sealed("auto")) as store:
        store.open(IDENTITY)
        write(store, *[Put(placed(f"e{n}")) for n in range(9)])
    with closing(sealed("auto")) as store:
        store.open(IDENTITY)
        assert not store.store.searches
    with pytest.raises(InvalidArgumentError, match="mode='replica'"):
        sealed("server").open(IDENTITY)


@pytest.fixture
def indexed(opened, monkeypatch):
    """Return a handle over 4,000 entries with an index, and all vectors by partition."""
    monkeypatch.setattr(building, "LEAST_ROWS", 2_000)
    rows = clustered(4_000, 32)
    partitions = {HERE: rows[:3_550], THERE: rows[3_550:3_990], b"s" * 16: rows[3_990:]}
    replica, cursor = opened("replica", Identity("test:search:v1", 32, "default")), BEGINNING
    for partition, its in partitions.items():
        for start in range(0, len(its), 1_000):
            entries = [
                placed(f"{partition[:1]}{n}", its[n], partition) for n in range(start, min(start + 1_000, len(its)))
            ]
            _, cursor = write(replica, *map(Put, entries), cursor=cursor)
    store = opened("server", Identity("test:search:v1", 32, "default"))
    assert eventually(lambda: store._search.builder.is_built)
    return store, partitions


def test_the_index_finds_what_an_exact_scan_finds(indexed, admin):
    store, partitions = indexed
    draw = np.random.default_rng(11)
    recalls = {}
    for partition, rows in partitions.items():
        found = wanted = 0
        for at in draw.choice(len(rows), min(60, len(rows)), replace=False):
            query = unit(rows[at] + 0.05 * draw.standard_normal(32))
            cosines = rows.astype(np.float64) @ query
            best = np.argsort(-cosines)[:8]
            answer = store.nearest(partition, query.tobytes(), 8, -1.0)
            number = [int(entry.query.rpartition("'")[2]) for entry, _ in answer]
            assert [cosine for _, cosine in answer] == pytest.approx(list(cosines[number]), abs=1e-6)
            assert all(entry.partition == partition for entry, _ in answer)
            found += len({*number} & {*best})
            wanted += len(best)
        recalls[partition] = found / wanted

    assert recalls[HERE] >= 0.98
    assert recalls[THERE] >= 0.98
    assert recalls[b"s" * 16] == 1.0
    plan = explained(admin, store, HERE), explained(admin, store, b"s" * 16)
    assert ["vectors_nearest" in each for each in plan] == [True, False]


def explained(admin: Any, store: PostgresStore, partition: bytes) -> str:
    values = {
        "partition": partition,
        "query": vectors.packed(clustered(1, 32).tobytes()),
        "k": 8,
        "wide": 24,
        "most": 2.0,
    }
    query = sql.SQL("EXPLAIN {}").format(store._search._nearest)
    return "\n".join(line for (line,) in admin.execute(query, values).fetchall())


def test_what_the_index_was_left_without_is_found_by_a_scan(indexed):
    store, partitions = indexed
    with store._search._pool.connection() as db:  # the one that the search takes; by the index, and not far in it
        db.execute("SET enable_sort = off; SET enable_bitmapscan = off")
        db.execute("SET hnsw.iterative_scan = off; SET hnsw.ef_search = 1")
    query = partitions[HERE][5]
    cosines = partitions[THERE] @ query

    found = store.nearest(THERE, query.tobytes(), 8, -1.0)

    assert [cosine for _, cosine in found] == pytest.approx(sorted(cosines, reverse=True)[:8], abs=1e-6)


def test_an_index_whose_build_was_broken_off_is_built_again(opened, url, admin, monkeypatch, caplog):
    store = opened()
    write(store, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(30)])
    monkeypatch.setattr(building, "LEAST_ROWS", 20)
    building_now = "FROM pg_stat_activity WHERE query LIKE '%CREATE INDEX CONC%' AND pid <> pg_backend_pid()"

    def is_building() -> bool:
        store._search.builder.consider()
        begun = "SELECT count(*) FROM pg_indexes WHERE indexname = 'vectors_nearest' AND schemaname = current_schema()"
        is_begun = admin.execute(begun).fetchone() == (1,)
        return is_begun and _one(url, f"SELECT count(*) {building_now}") == 1

    with admin.transaction():
        admin.execute("DELETE FROM vectors WHERE false")  # a writer, whose end the build waits for
        assert eventually(is_building)
        _one(url, f"SELECT count(pg_terminate_backend(pid)) {building_now}")
        assert eventually(lambda: "was not built" in caplog.text)
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'vectors_nearest'::regclass"
    assert admin.execute(is_valid).fetchone() == (False,)
    assert near(store, k=3) == ["e0", "e1", "e2"]

    again = opened()

    assert eventually(lambda: again._search.builder.is_built)
    assert admin.execute(is_valid).fetchone() == (True,)
    assert near(again, k=3) == ["e0", "e1", "e2"]


def _one(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as db:
        return db.execute(query).fetchone()[0]


def test_without_pgvector_the_error_says_what_to_do(url, monkeypatch, caplog):
    monkeypatch.setattr(modes, "AUTO_ENTRIES", 0)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE bare")
        admin.execute("CREATE ROLE plain LOGIN")
    bare = re.sub(r"/postgres(?=\?|$)", "/bare", url)
    with psycopg.connect(bare, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA mneme AUTHORIZATION plain")
    theirs = re.sub(r"//([^@/]*@)?", "//plain@", bare, count=1)
    for mode in ("replica", "auto"):
        with closing(PostgresStore(theirs, mode=mode)) as store:
            store.open(IDENTITY)
            write(store, Put(placed(mode)))
            assert not store.searches
    with pytest.raises(StoreBackendError, match=r"(?s)pgvector.*CREATE EXTENSION.*mode='replica'"):
        PostgresStore(theirs, mode="server").open(IDENTITY)
    assert "replica" in caplog.text

    with psycopg.connect(bare, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA elsewhere")
        admin.execute("CREATE EXTENSION vector SCHEMA elsewhere")
        admin.execute("GRANT USAGE ON SCHEMA elsewhere TO plain")
    with closing(PostgresStore(theirs)) as store:
        store.open(IDENTITY)
        assert (store.searches, near(store)) == (True, ["replica", "auto"])


def test_a_role_that_may_not_make_tables_gets_an_error_and_then_uses_what_is_there(url, schema, opened, admin):
    owner = opened("replica")
    write(owner, Put(placed("a")))
    name = sql.Identifier(schema)
    admin.execute("CREATE ROLE guest LOGIN")
    admin.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO guest").format(name))
    admin.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA {} TO guest").format(name))
    theirs = re.sub(r"//([^@/]*@)?", "//guest@", url, count=1)
    with pytest.raises(StoreBackendError, match="may not make"):
        PostgresStore(theirs, schema=schema, mode="server").open(IDENTITY)
    opened()
    for mode in ("replica", "server"):
        with closing(PostgresStore(theirs, schema=schema, mode=mode)) as store:
            store.open(IDENTITY)
            write(store, Put(placed(mode)), Clear("x"))

    assert near(opened()) == ["a", "replica", "server"]


ODD = ["it's", "%s %(k)s", "back\\slash\\", 'a "b"', "nul\x00nul", "'); DROP TABLE entries; --", "{place}", "_%", ""]


def test_no_text_is_taken_for_sql(opened):
    store, cursor = opened(), BEGINNING
    for number, odd in enumerate(ODD):
        each = placed(odd, AXES[0], partition=odd.encode() + b"p\xff\x00'", namespace=odd)
        each = replace(each, response=odd, metadata={odd: odd, "tags": [odd]})
        _, cursor = write(store, Put(replace(each, access_count=number)), cursor=cursor)
    found = {odd: store.nearest(odd.encode() + b"p\xff\x00'", AXES[0].tobytes(), 10, 0.0) for odd in ODD}

    assert {odd: names(each) for odd, each in found.items()} == {odd: [odd] for odd in ODD}
    for odd, ((entry, cosine),) in found.items():
        assert cosine == pytest.approx(1.0)
        assert store.find(entry.query_hash) == entry
        assert (entry.namespace, entry.response, entry.metadata) == (odd, odd, {odd: odd, "tags": [odd]})
    assert store.sizes() == dict.fromkeys(ODD, 1)
    write(store, Clear("_%"), Clear("%s %(k)s"), cursor=cursor)
    assert store.sizes() == dict.fromkeys((odd for odd in ODD if odd not in {"_%", "%s %(k)s"}), 1)


@pytest.mark.parametrize("number", [0.0, np.inf, np.nan])
def test_a_vector_without_a_direction_is_kept_and_never_found(opened, number):
    store, vector = opened(), np.full(8, number, np.float32)
    (number, _), _ = write(store, Put(replace(placed("odd"), embedding=vector.tobytes())), Put(placed("a")))

    assert near(store) == ["a"]
    assert store.vectors([number]) == {number: vector.tobytes()}


@pytest.mark.parametrize("dim", [2_000, 2_001, 4_000])
def test_long_vectors_are_indexed_and_their_cosines_exact(opened, monkeypatch, dim):
    monkeypatch.setattr(building, "LEAST_ROWS", 20)
    identity = Identity("test:search:v1", dim, "default")
    rows = clustered(40, dim)
    write(opened("replica", identity), *[Put(placed(str(n), rows[n])) for n in range(40)])
    store = opened("server", identity)
    assert eventually(lambda: store._search.builder.is_built)

    found = store.nearest(HERE, rows[3].tobytes(), 5, -1.0)

    cosines = rows.astype(np.float64) @ rows[3]
    assert [int(entry.query) for entry, _ in found] == list(np.argsort(-cosines)[:5])
    assert [cosine for _, cosine in found] == pytest.approx(sorted(cosines, reverse=True)[:5], abs=1e-6)


def test_vectors_that_no_index_takes_are_refused(opened):
    with pytest.raises(InvalidArgumentError, match=r"4,000.*mode='replica'"):
        opened("server", Identity("test:search:v1", 4_001, "default"))


def test_a_lost_connection_is_made_again(opened, admin):
    store = opened()
    write(store, Put(placed("a")))
    assert near(store) == ["a"]
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mneme'").fetchall()
    with pytest.raises(StoreBackendError, match="searching"):
        near(store)

    assert near(store) == ["a"]
    assert store.find(placed("a").query_hash) is not None


def test_a_schema_that_was_dropped_is_made_searchable_again(opened, admin, schema):
    store = opened()
    _, cursor = write(store, Put(placed("a")))
    admin.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
    write(opened("replica"), Put(placed("b")))
    with suppress(StoreBackendError):  # unless the store's own threads have noticed before
        near(store)

    assert near(store) == ["b"]
    write(store, Put(placed("c")), cursor=cursor)
    assert near(store) == ["b", "c"]


def test_a_log_put_back_to_before_it_was_searchable_becomes_so_again(opened, admin):
    store = opened()
    _, cursor = write(store, Put(placed("a")), Put(placed("b")))
    admin.execute("UPDATE log SET last = 1, filled = NULL")
    admin.execute("DELETE FROM entries WHERE seq = 2")
    write(store, Put(placed("c")), cursor=cursor)

    assert near(store) == ["a", "c"]


def test_a_table_that_was_dropped_fails_no_writer_for_long_and_is_made_anew(opened, admin):
    replica = opened("replica")
    write(opened(), Put(placed("a")))
    admin.execute("DROP TABLE vectors")
    with pytest.raises(StoreBackendError, match="UndefinedTable"):
        write(replica, Put(placed("b")))
    write(replica, Put(placed("b")))

    assert near(opened()) == ["a", "b"]
    admin.execute("ALTER TABLE vectors DROP COLUMN embedding")  # as DROP EXTENSION vector CASCADE does
    write(opened("replica"), Put(placed("c")))
    assert near(opened()) == ["a", "b", "c"]


def test_a_schema_of_the_first_version_is_brought_up(opened, admin):
    write(opened("replica"), Put(placed("a")))
    admin.execute("ALTER TABLE log DROP COLUMN filled")
    admin.execute("UPDATE meta SET value = '1' WHERE name = 'version'")

    assert near(opened()) == ["a"]
    assert [each.query for each in loaded(opened("replica"))[0]] == ["a"]


def test_a_replica_does_not_search(opened):
    with pytest.raises(StoreBackendError, match="not open for searching"):
        near(opened("replica"))


def test_a_lookup_waits_for_no_write(opened, admin):
    store = opened(timeout=20.0)
    write(store, Put(placed("a")))
    with admin.transaction():
        admin.execute("SELECT * FROM log FOR UPDATE")
        writer = threading.Thread(target=write, args=(store, Put(placed("b"))))
        writer.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'mneme'"
        assert eventually(lambda: admin.execute(waiting).fetchone() == (1,))
        assert near(store) == ["a"]
    writer.join()

    assert near(store) == ["a", "b"]


def test_who_finds_no_connection_free_gets_an_error(url):
    few = pool.Pool(lambda: psycopg.connect(url), size=1, timeout=0.05)
    with few.connection() as held, pytest.raises(StoreBackendError, match="no connection"), few.connection():
        pass
    with few.connection() as again:
        assert again is held
        few.close()
    assert again.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_searches_through_connections_of_its_own(opened):
    store = opened()
    write(store, Put(placed("a")))
    assert near(store) == ["a"]
    child = os.fork()
    if child == 0:
        try:
            store.after_fork()
            os._exit(0 if near(store) == ["a"] else 1)
        except BaseException:
            os._exit(2)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert near(store) == ["a"]


def test_a_mode_that_is_none_is_named():
    with pytest.raises(InvalidArgumentError, match="mode is 'local'; it is one of auto, replica, server"):
        PostgresStore("postgresql:///x", mode="local")


def test_the_vectors_of_many_entries_are_copied_little_by_little_once_they_are_written(opened, admin, monkeypatch):
    monkeypatch.setattr(writing, "COPIED_AT_ONCE", 3)
    monkeypatch.setattr(vectors, "HELD_SECONDS", 0.0)
    monkeypatch.setattr(vectors, "STEP", 2)
    store, late = opened(), opened("replica")
    fill, seen = vectors._fill, []

    def watched(db):
        seen.append(admin.execute("SELECT count(*) FROM vectors").fetchone()[0])
        if len(seen) == 3:
            write(late, Put(placed("e1", AXES[5])), Put(placed("e9", AXES[6])))
        return fill(db)

    monkeypatch.setattr(vectors, "_fill", watched)
    write(store, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(10)])

    assert seen[:4] == [0, 2, 4, 7]
    assert near(store, k=50) == [f"e{n}" for n in range(10) if n not in {1, 9}] + ["e1", "e9"]
    assert admin.execute("SELECT filled FROM log").fetchone() == (vectors.FILLED,)


def test_what_was_written_stays_where_copying_its_vectors_fails(opened, monkeypatch, caplog):
    monkeypatch.setattr(writing, "COPIED_AT_ONCE", 3)
    store = opened()

    def away(db):
        raise psycopg.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(vectors, "_fill", away)
        numbers, _ = write(store, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(10)])

    assert (len(numbers), near(store), store.find(placed("e4").query_hash).query) == (10, [], "e4")
    assert "is opened anew" in caplog.text
    assert near(opened(), k=50) == [f"e{n}" for n in range(10)]
