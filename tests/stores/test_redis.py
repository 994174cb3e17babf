"""RedisStore over a real server: the contract, the differential run, and what a network adds."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from mneme import CheckpointError, InvalidArgumentError, SemanticCache, StoreBackendError
from mneme.stores import memory
from mneme.stores.base import Clear, Delete, Put, Store
from mneme.stores.encrypted import EncryptedStore
from mneme.testing import StoreContract, WordEmbedder, servers
from mneme.testing.differential import StoreDifferential
from mneme.testing.isolation_contract import IsolationContract
from mneme.testing.network_contract import NetworkContract
from mneme.testing.reader import IDENTITY, Reader, entry
from mneme.testing.servers import Server
from mneme.testing.waiting import eventually
from mneme.tools import looking

redis = pytest.importorskip("redis")


from mneme.stores.redis import RedisStore, bulk, scripts, store, writing  # noqa: E402  # where the client is

_numbers = itertools.count()
_urls: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[Server]:
    with servers.valkey() as running:
        _urls[:] = [running.url]
        yield running


@pytest.fixture
def url() -> str:
    return _urls[0]


@pytest.fixture
def name() -> str:
    return new_name()


def new_name() -> str:
    return f"test: '\" % {next(_numbers)}"


class TestContract(StoreContract):
    @pytest.fixture
    def make_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: RedisStore(url, name=name)


class TestIsolation(IsolationContract):
    @pytest.fixture
    def make_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: RedisStore(url, name=name)


class TestEncryptedContract(StoreContract):
    @pytest.fixture
    def make_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: EncryptedStore(RedisStore(url, name=name), lambda: [b"k" * 32])


class OverRedis(StoreDifferential):
    def make_content(self) -> Callable[[], Store]:
        name = new_name()
        return lambda: RedisStore(_urls[0], name=name)


@pytest.fixture
def short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(writing, "REMOVALS_KEPT", 2)
    monkeypatch.setattr(writing, "AT_ONCE", 2)
    monkeypatch.setattr(store, "BATCH", 2)


@pytest.mark.usefixtures("short_memory")
class TestDifferential(OverRedis.TestCase):
    settings = settings(max_examples=8, stateful_step_count=10, derandomize=True, deadline=None)


class TestNetwork(NetworkContract):
    imports = "from mneme.stores.redis import RedisStore"

    @pytest.fixture
    def make_store(self, url: str, name: str) -> Callable[[], Store]:
        return lambda: RedisStore(url, name=name)

    @pytest.fixture
    def expression(self, url: str, name: str) -> str:
        return f"RedisStore({url!r}, name={name!r})"

    @pytest.fixture
    def break_connections(self, url: str) -> Callable[[], None]:
        def end() -> None:
            with redis.Redis.from_url(url) as admin:
                for kind in ("normal", "pubsub"):
                    admin.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

        return end

    @pytest.fixture
    def lose_content(self, url: str) -> Callable[[], None]:
        def lose() -> None:
            with redis.Redis.from_url(url) as admin:
                admin.flushall()

        return lose

    def shorten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(writing, "REMOVALS_KEPT", 5)
        monkeypatch.setattr(store, "BATCH", 7)


@pytest.mark.parametrize("removal", [Delete(entry("q7").query_hash), Clear("default"), Clear(None)])
def test_what_changes_while_everything_is_read_comes_after_the_cursor(url, name, removal, monkeypatch):
    monkeypatch.setattr(bulk, "ROWS", 5)
    writer, late = Reader(RedisStore(url, name=name)), Reader(RedisStore(url, name=name))
    writer.store.open(IDENTITY)
    late.store.open(IDENTITY)
    writer.write(*(Put(entry(f"q{number}")) for number in range(20)))
    batches = late.store.load()
    read = [row[3] for row in next(batches)[0]]
    writer.write(Put(entry("q1", "newer")), Put(entry("q9", "newer")), removal, Put(entry("new")))
    for rows, late.cursor in batches:
        read += [row[3] for row in rows]
    late.apply([Put(entry(query)) for query in read])

    assert eventually(lambda: late.store.changed(late.cursor))
    assert len(read) == len(set(read)) < 20
    assert late.pull() == writer.answers()
    for each in (writer, late):
        each.store.close()


@pytest.mark.parametrize("part", scripts.NAMES)
def test_a_name_that_lost_one_of_its_keys_is_served_right_or_begun_anew(url, name, part):
    def opened():
        return SemanticCache(store=RedisStore(url, name=name, poll=0.05), embedder=WordEmbedder(64))

    with opened() as cache:
        cache.put("how do I pay", "old")
        cache.put("where is it", "here")
        cache.delete("where is it")
        with redis.Redis.from_url(url) as admin:
            admin.delete(f"{{mneme:{name}}}:{part}")
        with opened() as other:
            other.put("how do I pay", "new")
            assert eventually(lambda: cache.get("how do I pay").response == "new")
            assert [each.get("how do I pay").response for each in (cache, other)] == ["new", "new"]
            assert [each.get("where is it") for each in (cache, other)] == [None, None]


def test_one_who_may_not_publish_can_write(url, name):
    with redis.Redis.from_url(url) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", ">word", "~*", "+@all", "resetchannels")
    mine = url.replace("redis://", "redis://app:word@")
    with SemanticCache(store=RedisStore(mine, name=name, poll=0.05), embedder=WordEmbedder(64)) as cache:
        cache.put("how do I pay", "by card")
        with SemanticCache(store=RedisStore(url, name=name, poll=0.05), embedder=WordEmbedder(64)) as other:
            other.put("where is it", "here")
            assert eventually(lambda: cache.get("where is it") is not None)
            assert cache.get("where is it").response == "here"


def test_a_cluster_holds_it():
    # The nodes' own port, else 10,000 above the other, which may be no port at all.
    with servers.valkey("--cluster-enabled", "yes", "--cluster-port", str(servers.free_port())) as cluster:
        with redis.Redis.from_url(cluster.url) as admin:
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            info = partial(admin.execute_command, "CLUSTER", "INFO", NEVER_DECODE=True)
            assert eventually(lambda: b"cluster_state:ok" in info())
        with SemanticCache(store=RedisStore(cluster.url), embedder=WordEmbedder(64)) as cache:
            cache.put("how do I pay today", "by card")
            with SemanticCache(store=RedisStore(cluster.url), embedder=WordEmbedder(64)) as other:
                assert other.get("today how do I pay", namespace="default").response == "by card"


@pytest.mark.parametrize(
    "url", ["redis://u:pa/secret@h", "redis://u:s#cret@h", "redis://h?foo=secret", "redis://h:port"]
)
def test_a_url_that_cannot_be_read_is_not_shown(url):
    with pytest.raises(InvalidArgumentError, match="not shown") as caught:
        RedisStore(url)

    assert not re.search("secret|cret@|'s'|pa'", str(caught.value))
    assert caught.value.__cause__ is None


def test_a_url_opens_it_and_a_checkpoint_needs_another_store(url, tmp_path):
    with SemanticCache.open(url, embedder=WordEmbedder(64)) as cache:
        cache.put("how do I pay", "by card")
        assert cache.health().store_backend == "redis"
        with pytest.raises(CheckpointError):
            cache.dumps(tmp_path / "dump.zip")
        assert cache.get("how do I pay").response == "by card"


def test_a_restarted_server_has_every_put_that_returned(server, url, name):
    store = RedisStore(url, name=name)
    with SemanticCache(store=store, embedder=WordEmbedder(64)) as cache:
        cache.put("how do I pay", "by card")
        server.stop()
        assert cache.get("how do I pay").response == "by card"
        with pytest.raises(StoreBackendError):
            cache.put("where is it", "here")
        server.start()
        cache.put("where is it", "here")
    with SemanticCache(store=RedisStore(url, name=name), embedder=WordEmbedder(64)) as cache:
        assert [cache.get(query).response for query in ("how do I pay", "where is it")] == ["by card", "here"]


def test_a_server_that_is_not_there_is_an_error_without_the_password():
    with pytest.raises(StoreBackendError) as caught:
        SemanticCache(store=RedisStore("redis://user:secret@127.0.0.1:1/0", timeout=1), embedder=WordEmbedder(64))

    assert "ConnectionError" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"url": "http://x"}, "redis://"),
        ({"url": None}, "redis://"),
        ({"name": ""}, "name"),
        ({"name": "a{b}"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"timeout": "5"}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"poll": None}, "poll"),
        ({"timeout": 0}, "timeout"),
        ({"poll": float("nan")}, "poll"),
    ],
)
def test_bad_arguments_are_named(arguments, what):
    with pytest.raises(InvalidArgumentError, match=what):
        RedisStore(**{"url": "redis://x", **arguments})


def test_the_how_to_page_runs(url):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "redis.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    code = "\n".join(blocks).replace("redis://host:6379/0", url)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.returncode, len(blocks)) == (0, 3), run.stderr


def test_a_cache_is_looked_into_by_its_url(look_into: Callable[[str, str], None]) -> None:
    url = _urls[0].removesuffix("/0") + "/7"  # a database where nobody else is
    with pytest.raises(InvalidArgumentError, match="never held"):
        looking.look(url)
    look_into(url, "redis")


def test_what_others_write_between_two_steps_of_a_large_put_wins(url, name, monkeypatch):
    monkeypatch.setattr(writing, "AT_ONCE", 7)
    step, steps = writing._step, itertools.count()

    def interrupted(*arguments):
        if next(steps) == 1:
            other.put("q1", "newer")
        return step(*arguments)

    with (
        SemanticCache(store=RedisStore(url, name=name), embedder=WordEmbedder()) as cache,
        SemanticCache(store=RedisStore(url, name=name), embedder=WordEmbedder()) as other,
    ):
        monkeypatch.setattr(writing, "_step", interrupted)
        cache.put_many([(f"q{number}", "older") for number in range(20)])
        wanted = [{number: "newer" if number == 1 else "older" for number in range(20)}] * 2

        def found():  # by either of the two, once it was told
            hits = [{number: each.get(f"q{number}") for number in range(20)} for each in (cache, other)]
            return [{number: hit and hit.response for number, hit in each.items()} for each in hits]

        assert eventually(lambda: found() == wanted), found()


def test_a_large_put_that_breaks_off_says_how_much_was_written(url, name, monkeypatch):
    monkeypatch.setattr(writing, "AT_ONCE", 7)
    step, steps = writing._step, itertools.count()

    def breaks(*arguments):
        if next(steps) == 2:
            raise StoreBackendError("the connection broke")
        return step(*arguments)

    with SemanticCache(store=RedisStore(url, name=name), embedder=WordEmbedder()) as cache:
        monkeypatch.setattr(writing, "_step", breaks)
        with pytest.raises(StoreBackendError, match="the connection broke; 14 of 20 changes were written"):
            cache.put_many([(f"q{number}", "r") for number in range(20)])
        eventually(lambda: cache.get("q13") is not None)
        found = [number for number in range(20) if cache.get(f"q{number}")]

    assert found == list(range(14))
