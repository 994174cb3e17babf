"""RedisStore that leaves the search to the server: by vector sets, by RediSearch, and where there is neither."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mneme import InvalidArgumentError, StoreBackendError
from mneme.stores.base import Clear, Cursor, Delete, Identity, Put, Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import StoreContract, servers
from mneme.testing.isolation_contract import IsolationContract
from mneme.testing.reader import BEGINNING, Reader
from mneme.testing.reader import IDENTITY as CONTRACT
from mneme.testing.search_contract import AXES, DIM, HERE, IDENTITY, THERE, SearchContract, placed, unit, write
from mneme.testing.waiting import eventually

redis = pytest.importorskip("redis")

from mneme.stores.redis import RedisStore, searching, writing  # noqa: E402  # where the client is
from mneme.stores.redis import store as store_module  # noqa: E402

_numbers = itertools.count()


@pytest.fixture(scope="module")
def sets() -> Iterator[str]:
    with servers.redis() as server:
        yield server.url


@pytest.fixture(scope="module")
def search() -> Iterator[str]:
    with servers.redis(search=True) as server:
        yield server.url


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    with servers.valkey() as server:
        yield server.url


@pytest.fixture(params=["sets", "search"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def name() -> str:
    return f"test: '\" %*?[a]\\ -@{next(_numbers)}|)=>"


@pytest.fixture
def admin(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def opened(url: str, name: str) -> Iterator[Callable[..., RedisStore]]:
    """Return a function that opens a handle; all are closed after the test, where what is indexed must be right."""
    handles: list[RedisStore] = []

    def make(mode: str = "server", at: str = url, identity: Identity = IDENTITY, **options) -> RedisStore:
        handles.append(RedisStore(at, name=name, mode=mode, **options))
        handles[-1].open(identity)
        return handles[-1]

    yield make
    for handle in handles:
        handle.close()
    check(url, name)


def check(url: str, name: str) -> None:
    """Check that the entries with a vector, and they alone, are indexed."""
    root = f"{{mneme:{name}}}:"
    with redis.Redis.from_url(url) as client:
        meta = client.hgetall(root + "meta")
        way, held = meta.get(b"search"), {}
        if way is None:
            return
        for key, number in client.zrange(root + "order", 0, -1, withscores=True):
            vector = client.hget(root + "vectors", str(int(number))) or b""
            if len(vector) == 4 * int(meta[b"dim"]):
                partition = client.hget(root + "entries", key).split(b'"')[-2]
                held.setdefault(partition, []).append(key)
        counts = {partition: int(count) for partition, count in client.hgetall(root + "counts").items()}
        assert meta[b"filled"] == b"all"
        assert counts == {partition: len(keys) for partition, keys in held.items()}
        for partition, keys in held.items() if way == b"sets" else ():
            place = root.encode() + b"p:" + partition
            assert client.execute_command("VCARD", place) == len(keys)
            assert None not in [client.execute_command("VLINKS", place, key) for key in keys]
        if way == b"search":
            found = client.eval("return redis.call('FT.SEARCH', ARGV[1], '*', 'LIMIT', 0, 0)[1]", 0, root + "index")
            assert found == sum(counts.values())


def wait_for_index(admin: redis.Redis, root: str) -> None:
    """Wait while the server looks for what was there before an index was: until then it cannot say what is missing."""
    script = "return string.match(cjson.encode(redis.call('FT.INFO', ARGV[1])), '\"indexing\"}?,(%d)')"
    assert eventually(lambda: admin.eval(script, 0, root + "index") == b"0")


def names(store: RedisStore, partition: bytes = HERE, vector=AXES[0], k: int = 50, floor: float = -1.0) -> list[str]:
    return [entry.query for entry, _ in store.nearest(partition, vector.tobytes(), k, floor)]


class TestSearch(SearchContract):
    @pytest.fixture
    def make_search_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: RedisStore(url, name=name, mode="server")


class TestIsolation(IsolationContract):
    @pytest.fixture
    def make_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: RedisStore(url, name=name, mode="server")


class TestReplicaOfASearchableName(StoreContract):
    @pytest.fixture
    def make_store(self, url: str, name: str) -> Iterator[Callable[[], Store]]:
        with closing(RedisStore(url, name=name, mode="server")) as first:
            first.open(CONTRACT)
        yield lambda: RedisStore(url, name=name, mode="replica")
        check(url, name)


def test_a_name_filled_by_replicas_is_found_as_a_whole(opened, admin, name, monkeypatch):
    monkeypatch.setattr(searching, "FILLED_AT_ONCE", 3)
    random = np.random.default_rng(2)
    entries = [placed(f"e{n}", random.standard_normal(DIM), HERE if n % 3 else THERE) for n in range(40)]
    replica = opened("replica")
    _, cursor = write(replica, *map(Put, entries), Put(replace(placed("bare"), embedding=b"")))
    unsearched = admin.keys("*")
    _, cursor = write(replica, Delete(entries[1].query_hash), Put(placed("e2", AXES[5])), cursor=cursor)
    server = opened()

    assert not any(b":counts" in key or b":p:" in key or b":v:" in key for key in unsearched if name.encode() in key)
    assert (replica.searches, server.searches) == (False, True)
    assert sorted(names(server)) == sorted(f"e{n}" for n in range(40) if n % 3 and n != 1)
    assert sorted(names(server, THERE)) == sorted(f"e{n}" for n in range(0, 40, 3))
    assert names(server, vector=AXES[5], k=1) == ["e2"]


def test_an_indexing_that_died_is_finished_by_the_next_and_writers_go_on_meanwhile(opened, monkeypatch):
    monkeypatch.setattr(searching, "FILLED_AT_ONCE", 4)
    replica = opened("replica")
    entries = [placed(f"e{n}", AXES[n % DIM] + 0.01 * n * AXES[1]) for n in range(30)]
    _, cursor = write(replica, *map(Put, entries))
    calls = itertools.count()
    real = searching.Link.eval

    def dies(link, action, *arguments):
        if action == "making searchable" and next(calls) == 3:
            raise StoreBackendError("died")
        return real(link, action, *arguments)

    monkeypatch.setattr(searching.Link, "eval", dies)
    with pytest.raises(StoreBackendError, match="died"):
        opened()
    changes = [Put(placed("new")), Put(replace(entries[1], response="of the same vector")), Put(placed("e20", AXES[3]))]
    _, cursor = write(replica, *changes, Delete(entries[2].query_hash), Delete(entries[25].query_hash), cursor=cursor)
    monkeypatch.setattr(searching.Link, "eval", real)

    assert sorted(names(opened())) == sorted(Reader(replica).pull())


def test_replicas_and_servers_over_one_name_agree(opened):
    random = np.random.default_rng(7)
    handles = [opened("replica"), opened(), opened(), opened("replica")]
    cursors = [BEGINNING] * len(handles)
    spaces = {HERE: "a} | @x:{*", THERE: "b:'\"", b"})=>[KNN": "c"}
    for _ in range(120):
        at = int(random.integers(len(handles)))
        changes = []
        for _ in range(int(random.integers(1, 4))):
            partition = list(spaces)[int(random.integers(len(spaces)))]
            entry = placed(f"e{random.integers(15)}", random.standard_normal(DIM), partition, spaces[partition])
            kind = random.random()
            if kind < 0.75:
                changes.append(Put(entry if kind > 0.1 else replace(entry, embedding=b"")))
            else:
                changes.append(Delete(entry.query_hash) if kind < 0.98 else Clear(entry.namespace))
        if random.random() < 0.01:
            changes.append(Clear(None))
        _, cursors[at] = write(handles[at], *changes, cursor=cursors[at])
    reader = Reader(handles[0])
    reader.pull()
    query = unit(random.standard_normal(DIM))

    assert handles[1].sizes() == handles[2].sizes()
    assert sum(handles[1].sizes().values()) == len(reader.entries) > 9
    for partition in spaces:
        held = [each for each in reader.entries.values() if each.partition == partition and each.embedding]
        cosines = {each.id: float(np.frombuffer(each.embedding, np.float32) @ query) for each in held}
        found = handles[2].nearest(partition, query.tobytes(), 50, 0.1)
        assert {each.id: pytest.approx(cosine, abs=2e-6) for each, cosine in found} == {
            number: cosine for number, cosine in cosines.items() if cosine >= 0.1
        }
    assert all(handles[1].find(key) == replace(each, embedding=b"") for key, each in reader.entries.items())


def test_another_answer_of_the_same_vector_replaces_the_old(opened):
    server = opened()
    _, cursor = write(server, Put(replace(placed("a"), response="old", ttl=5.0)))
    _, cursor = write(server, Put(replace(placed("a"), response="new", ttl=None, metadata={"v": 2})), cursor=cursor)
    write(server, Put(replace(placed("b", AXES[1]), ttl=9.0)), cursor=cursor)

    found = server.nearest(HERE, AXES[0].tobytes(), 8, 0.9)

    assert [(each.id, each.response, each.ttl, each.metadata) for each, _ in found] == [(2, "new", None, {"v": 2})]


def test_a_partition_belongs_to_itself_alone(opened):
    server = opened()
    partitions = [b"", b"\x00", b"*", b"x" * 64, b"} | @partition:{*", b"a,b"]
    write(server, *[Put(placed(f"e{at}", AXES[0], partition)) for at, partition in enumerate(partitions)])

    assert [names(server, partition) for partition in partitions] == [[f"e{at}"] for at in range(len(partitions))]
    assert names(server, b"y") == []


@pytest.mark.parametrize("kind", ["whole", "part"])
def test_most_of_the_nearest_are_found(opened, kind):
    dim, random = 48, np.random.default_rng(3)
    centres = random.standard_normal((250, dim))
    vectors = np.repeat(centres, 10, axis=0) + 0.4 * random.standard_normal((2_500, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    small = np.arange(2_500) % 10 == 0 if kind == "part" else np.zeros(2_500, bool)
    server = opened(identity=Identity("test:recall", dim, "default"))
    cursor = BEGINNING
    for start in range(0, 2_500, 250):
        rows = range(start, start + 250)
        entries = [placed(f"{n}", vectors[n], THERE if small[n] else HERE) for n in rows]
        _, cursor = write(server, *map(Put, entries), cursor=cursor)

    for partition, rows in ((HERE, np.flatnonzero(~small)), (THERE, np.flatnonzero(small))):
        best, eight = 0, 0
        for row in rows[:: max(1, len(rows) // 100)]:
            query = unit(vectors[row] + 0.3 * random.standard_normal(dim) / np.sqrt(dim))
            cosines = vectors[rows] @ query
            expected = rows[np.argsort(-cosines)[:8]].tolist()
            found = server.nearest(partition, query.tobytes(), 8, -1.0)
            assert [cosine for _, cosine in found] == pytest.approx(
                [float(vectors[int(each.query)] @ query) for each, _ in found], abs=2e-6
            )
            best += int(found[0][0].query) == expected[0]
            eight += len(set(expected) & {int(each.query) for each, _ in found})
        asked = len(rows[:: max(1, len(rows) // 100)])
        assert best >= 0.98 * asked
        assert eight >= 0.98 * 8 * asked


def test_what_the_server_gives_is_read_as_a_cosine(opened, admin, name):
    server = opened()
    write(server, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(4)])
    root, query = f"{{mneme:{name}}}:", AXES[0].tobytes()
    true = [cosine for _, cosine in server.nearest(HERE, query, 4, -1.0)]
    if admin.hget(root + "meta", "search") == b"sets":
        script = "return redis.call('VSIM', ARGV[1], 'FP32', ARGV[2], 'WITHSCORES', 'TRUTH')"
        given = [float(each) for each in admin.eval(script, 0, f"{root}p:{HERE.hex()}", query)[1::2]]
        read = [searching.score(cosine) for cosine in true]
    else:
        script = """return redis.call('FT.SEARCH', ARGV[1], '*=>[KNN 4 @vector $v AS d]', 'PARAMS', 2, 'v', ARGV[2],
          'SORTBY', 'd', 'RETURN', 1, 'd', 'DIALECT', 2)"""
        given = [float(each[1]) for each in admin.eval(script, 0, root + "index", query)[2::2]]
        read = [searching.distance(cosine) for cosine in true]

    assert read == pytest.approx(given, abs=searching.MARGIN / 2)


def test_eight_bits_are_off_by_less_than_the_margin(sets):
    random = np.random.default_rng(1)
    rows = random.standard_normal((400, 384)) * np.exp(random.standard_normal(384) / 2)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    with redis.Redis.from_url(sets) as client:
        for at, row in enumerate(rows):
            client.execute_command("VADD", "rounded", "FP32", row.tobytes(), str(at), "Q8")
        script = "return redis.call('VSIM', KEYS[1], 'FP32', ARGV[1], 'WITHSCORES', 'TRUTH', 'COUNT', 400)"
        found = client.eval(script, 1, "rounded", rows[0].tobytes())
    given = {int(each): 2 * float(value) - 1 for each, value in zip(found[::2], found[1::2], strict=True)}

    assert max(abs(given[at] - float(rows[at] @ rows[0])) for at in range(400)) < searching.MARGIN / 2


def test_auto_goes_by_the_number_of_entries(opened, monkeypatch):
    monkeypatch.setattr(store_module, "AUTO_ENTRIES", 3)
    few = opened("auto")
    _, cursor = write(few, *[Put(placed(f"e{n}")) for n in range(3)])
    still_few = opened("auto")
    write(few, Put(placed("e3")), cursor=cursor)
    many = opened("auto")

    assert [each.searches for each in (few, still_few, many)] == [False, False, True]
    assert len(names(many)) == 4


def test_a_server_that_cannot_search_is_named(valkey, name, monkeypatch, caplog):
    with pytest.raises(StoreBackendError, match=r'neither vector sets .* nor RediSearch.*mode="replica"'):
        RedisStore(valkey, name=name, mode="server").open(IDENTITY)
    monkeypatch.setattr(store_module, "AUTO_ENTRIES", 0)
    with closing(RedisStore(valkey, name=name)) as store:
        store.open(IDENTITY)
        write(store, Put(placed("a")))
        with pytest.raises(StoreBackendError, match='mode="server"'):
            names(store)
    with closing(RedisStore(valkey, name=name)) as store, caplog.at_level(logging.WARNING):
        store.open(IDENTITY)

        assert not store.searches
        assert "which this cache holds" in caplog.text


@pytest.mark.parametrize("mode", ["", None, "Server"])
def test_an_unknown_mode_is_named(mode):
    with pytest.raises(InvalidArgumentError, match="auto, replica, server"):
        RedisStore("redis://x", mode=mode)


def test_one_who_may_not_index_writes_nothing_into_a_searchable_name(sets, name):
    commands = ["+@all", "-vadd"]
    with redis.Redis.from_url(sets) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "reset", "on", ">word", "~{mneme:*}:*", "&*", *commands)
        admin.execute_command("ACL", "SETUSER", "deaf", "reset", "on", ">word", "~*", "&*", "+@all", "-command")
    with closing(RedisStore(sets, name=name, mode="server")) as server:
        server.open(IDENTITY)
        write(server, Put(placed("a")))
        with closing(RedisStore(sets.replace("//", "//app:word@"), name=name)) as replica:
            replica.open(IDENTITY)
            with pytest.raises(StoreBackendError, match="writing"):
                replica.write([Delete(placed("a").query_hash), Put(placed("b"))], Cursor(1, replica._link.mark))
        assert names(server) == ["a"]
    for user in ("app", "deaf"):
        with pytest.raises(StoreBackendError):
            RedisStore(sets.replace("//", f"//{user}:word@"), name=f"{name}2", mode="server").open(IDENTITY)
    check(sets, name)


def test_a_second_database_is_searched_by_vector_sets(search, name):
    second = search.removesuffix("0") + "1"
    with closing(RedisStore(second, name=name, mode="server")) as store:
        store.open(IDENTITY)
        write(store, Put(placed("a")))

        assert names(store) == ["a"]
    check(second, name)


def test_one_who_may_not_make_an_index_uses_vector_sets(search, name):
    with redis.Redis.from_url(search) as admin:
        admin.execute_command("ACL", "SETUSER", "plain", "reset", "on", ">word", "~*", "&*", "+@all", "-ft.create")
    with closing(RedisStore(search.replace("//", "//plain:word@"), name=name, mode="server")) as store:
        store.open(IDENTITY)
        write(store, Put(placed("a")))

        assert names(store) == ["a"]
    with redis.Redis.from_url(search) as admin:
        assert admin.hget(f"{{mneme:{name}}}:meta", "search") == b"sets"


def test_a_cluster_is_searched():
    with servers.redis("--cluster-enabled", "yes", "--cluster-port", str(servers.free_port())) as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            info = partial(admin.execute_command, "CLUSTER", "INFO", NEVER_DECODE=True)
            assert eventually(lambda: b"cluster_state:ok" in info())
        with closing(RedisStore(server.url, mode="server")) as store:
            store.open(IDENTITY)
            _, cursor = write(store, *[Put(placed(f"e{n}", AXES[0] + n * AXES[1])) for n in range(3)])
            assert names(store) == ["e0", "e1", "e2"]
            write(store, Clear(None), Put(placed("new")), cursor=cursor)
            assert names(store) == ["new"]


def test_what_was_evicted_is_indexed_again_when_next_opened(opened, admin, name, caplog):
    server, root = opened(), f"{{mneme:{name}}}:"
    _, cursor = write(server, *[Put(placed(f"e{n}", AXES[n], HERE if n else THERE)) for n in range(5)])
    if admin.hget(root + "meta", "search") == b"sets":
        admin.delete(f"{root}p:{HERE.hex()}")
        assert names(server) == []
        assert "indexed again when it is next opened" in caplog.text
    else:
        wait_for_index(admin, root)
        admin.delete(f"{root}v:{placed('e2').query_hash}", f"{root}v:{placed('e3').query_hash}")
        assert sorted(names(server)) == ["e1", "e4"]
    write(server, Put(placed("e6", AXES[6])), cursor=cursor)
    again = opened()

    assert sorted(names(again)) == sorted(names(server)) == ["e1", "e2", "e3", "e4", "e6"]
    assert names(again, THERE) == ["e0"]


def test_an_index_that_somebody_dropped_is_made_anew(opened, admin, name):
    root = f"{{mneme:{name}}}:"
    write(opened(), *[Put(placed(f"e{n}", AXES[n])) for n in range(5)])
    if admin.hget(root + "meta", "search") == b"search":
        admin.eval("return redis.call('FT.DROPINDEX', ARGV[1])", 0, root + "index")
    admin.delete(root + "counts")

    assert sorted(names(opened())) == [f"e{n}" for n in range(5)]


@pytest.mark.parametrize("lost", ["all", "meta", "entries", "counts"])
def test_a_name_that_was_lost_is_searchable_again(opened, admin, name, lost):
    server, other, root = opened(), opened(), f"{{mneme:{name}}}:"
    _, cursor = write(server, Put(placed("old")), Put(placed("older", AXES[1], THERE)))
    *_, (_, behind) = other.pull(BEGINNING)
    admin.flushall() if lost == "all" else admin.delete(root + lost)
    if lost == "counts":
        opened()
    found = names(server)
    foreign, _, cursor = server.write([Put(placed("new"))], cursor)

    assert found == (["old"] if lost == "counts" else [])
    assert sorted(names(server)) == (["new", "old"] if lost == "counts" else ["new"])
    assert list(foreign) == ([] if lost == "counts" else [Clear(None)])
    *_, (changes, reached) = other.pull(behind)
    assert list(changes) == [Delete(placed("new").query_hash)] if lost == "counts" else [Clear(None)]
    assert reached == cursor


def test_a_cache_that_opened_an_empty_name_learns_of_every_change(opened, monkeypatch):
    one, other = opened(), opened()
    *_, (_, empty) = other.pull(BEGINNING)
    _, first = write(one, Put(placed("a")))
    _, cursor = write(one, Put(placed("a")), Put(placed("b")), Delete(placed("b").query_hash), cursor=first)
    monkeypatch.setattr(store_module, "BATCH", 1)

    named = [change.key for changes, _ in other.pull(empty) for change in changes]

    assert set(named) == {placed("a").query_hash, placed("b").query_hash}
    monkeypatch.setattr(writing, "REMOVALS_KEPT", 1)
    for _ in range(4):
        _, cursor = write(one, Delete("00"), cursor=cursor)
    assert list(other.pull(first)) == [([Clear(None)], cursor)]


def test_the_commands_that_the_page_names_are_enough(url, name):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "redis.md").read_text("utf-8")
    line = next(line for line in page.splitlines() if line.startswith("ACL SETUSER"))
    words = line.split()
    with redis.Redis.from_url(url) as admin:
        has_module = admin.eval("return type(redis.call('COMMAND', 'INFO', 'FT.SEARCH')[1])", 0) == b"table"
        admin.execute_command(*[word for word in words if has_module or not word.startswith("+ft.")])
    user = url.replace("//", f"//{words[2]}:{words[4].removeprefix('>')}@")
    with closing(RedisStore(user, name=name, mode="server")) as store:
        store.open(IDENTITY)
        _, cursor = write(store, Put(placed("a")), Put(placed("b", AXES[1])))
        _, cursor = write(store, Put(placed("a")), Delete(placed("b").query_hash), Clear("x"), cursor=cursor)
        assert store.lease("key", "owner", 1.0)
        store.release("key", "owner")
        assert names(store) == ["a"]
        assert [len(rows) for rows, _ in store.load()] == [1]
        assert store.find(placed("a").query_hash) is not None
        assert (store.sizes(), store.counters(), len(store.vectors([3]))) == ({"default": 1}, {}, 1)
        write(store, Clear(None), cursor=cursor)
    check(url, name)


def test_encrypted_entries_are_held_by_their_caches_however_many_they_are(url, name, monkeypatch):
    monkeypatch.setattr(store_module, "AUTO_ENTRIES", 2)

    def keys():
        return [b"k" * 32]

    with closing(EncryptedStore(RedisStore(url, name=name), keys)) as first:
        first.open(IDENTITY)
        first.write([Put(placed(f"e{n}")) for n in range(5)], Cursor(0, 0))
    with closing(EncryptedStore(RedisStore(url, name=name), keys)) as again:
        again.open(IDENTITY)
        assert (again.store.searches, len([row for rows, _ in again.load() for row in rows])) == (False, 5)


def test_many_entries_are_indexed_little_by_little_once_they_are_written(opened, monkeypatch):
    monkeypatch.setattr(searching, "FILLED_AT_ONCE", 3)
    monkeypatch.setattr(writing, "AT_ONCE", 7)
    server, other = opened(), opened("replica")
    random = np.random.default_rng(2)
    vectors = random.standard_normal((20, DIM))
    held = []
    real = searching.Link.eval

    def noted(link, action, script, *arguments):
        held.append(int(script == searching.scripts.WRITE and arguments[4]))
        return real(link, action, script, *arguments)

    monkeypatch.setattr(searching.Link, "eval", noted)
    _, cursor = write(server, *[Put(placed(f"e{n}", vectors[n])) for n in range(20)])
    # Of the same vector, of another, and gone.
    changes = [Put(replace(placed("e1", vectors[1]), response="new")), Put(placed("e2", AXES[5]))]
    write(server, *changes, Delete(placed("e3").query_hash), cursor=cursor)
    write(other, *[Put(placed(f"o{n}", vectors[n], THERE)) for n in range(9)])

    assert held.count(1) == 5
    assert sorted(names(server)) == sorted(f"e{n}" for n in range(20) if n != 3)
    assert sorted(names(server, THERE)) == sorted(f"o{n}" for n in range(9))
    assert names(server, vector=AXES[5], k=1) == ["e2"]


def test_what_was_written_stays_where_indexing_it_fails(opened, monkeypatch, caplog):
    monkeypatch.setattr(searching, "FILLED_AT_ONCE", 3)
    server = opened()
    real = searching.Link.eval

    def fails(link, action, *arguments):
        if action == "making searchable":
            raise StoreBackendError("away")
        return real(link, action, *arguments)

    monkeypatch.setattr(searching.Link, "eval", fails)
    numbers, _ = write(server, *[Put(placed(f"e{n}", AXES[n % DIM])) for n in range(10)])
    monkeypatch.setattr(searching.Link, "eval", real)

    assert (len(numbers), names(server), server.find(placed("e4").query_hash).query) == (10, [], "e4")
    assert "until the name is opened anew" in caplog.text
    assert sorted(names(opened())) == sorted(f"e{n}" for n in range(10))
