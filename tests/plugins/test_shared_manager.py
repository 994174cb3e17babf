"""The process's own manager and what Mneme registers in it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from mneme import plugins
from mneme.engine.judge import Threshold
from mneme.errors import InvalidArgumentError, PluginError
from mneme.indexes.exact import ExactIndex
from mneme.plugins import hookimpl
from mneme.stores.memory import MemoryStore
from mneme.stores.sqlite import SQLiteStore


@pytest.fixture(autouse=True)
def own_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager of the test's own, with nothing from outside."""
    monkeypatch.setattr(plugins, "_shared", None)
    monkeypatch.setattr(plugins, "_loaded", False)
    monkeypatch.setenv("MNEME_PLUGINS", "none")


def test_the_built_in_parts_are_registered_through_the_same_hooks() -> None:
    made = (
        plugins.store_for("memory").factory("memory:", max_entries=3),
        plugins.store_for("sqlite").factory("sqlite:///cache.db", timeout=1.0),
        plugins.index("numpy").factory(8, "int8", {}),
        plugins.policy("threshold").factory(threshold=0.9),
    )

    assert [type(part) for part in made] == [MemoryStore, SQLiteStore, ExactIndex, Threshold]


def test_the_built_in_embedder_is_the_bundled_one() -> None:
    pytest.importorskip("onnxruntime")

    assert plugins.embedder("minilm").factory().dim == 384


def test_the_integrations_are_known_before_their_libraries_are_imported() -> None:
    assert [plugins.integration(name).name for name in ("langchain", "llama_index")] == [
        "langchain",
        "llama_index",
    ]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///cache.db", "cache.db"),
        ("sqlite:////var/lib/cache.db", "/var/lib/cache.db"),
        ("sqlite:///dir/with%20space%3F.db", "dir/with space?.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str) -> None:
    store: Any = plugins.store_for("sqlite").factory(url)

    assert store.path == Path(path).absolute()


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///", "sqlite://cache.db", "sqlite:///x.db?timeout=3"])
def test_a_sqlite_url_without_a_plain_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgumentError, match="sqlite"):
        plugins.store_for("sqlite").factory(url)


def test_a_memory_url_with_a_path_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="memory:"):
        plugins.store_for("memory").factory("memory://cache.db")


@pytest.mark.parametrize("lookup", [plugins.index, plugins.embedder, plugins.policy, plugins.integration])
def test_every_look_up_lists_what_is_known(lookup: Any) -> None:
    with pytest.raises(PluginError, match="Known: "):
        lookup("nothing")


def test_threads_share_one_manager() -> None:
    found: list[object] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(plugins.get_plugin_manager())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), len(set(map(id, found)))) == (8, 1)


def test_a_plugin_may_ask_for_the_manager_while_it_is_loaded(
    install_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNEME_PLUGINS", raising=False)
    install_module("mneme-eager", "mneme_eager", "from mneme import plugins\nseen = plugins.store_for('memory').name")

    manager = plugins.get_plugin_manager()

    assert [(plugin.name, plugin.status) for plugin in manager.plugins()] == [
        ("built in", "active"),
        ("mneme-eager", "active"),
    ]


def test_a_program_can_listen_to_events() -> None:
    class Listener:
        @hookimpl
        def mneme_on_event(self, event: str) -> None:
            heard.append(event)

    heard: list[str] = []
    before = plugins.listener()
    plugins.get_plugin_manager().register(Listener(), "listener")
    listener = plugins.listener()
    assert listener is not None
    listener("miss", {"namespace": "a", "reason": "no_match"})

    assert (before, heard) == (None, ["miss"])
