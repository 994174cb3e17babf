"""A distribution from outside brings a store, an index, an embedder and a policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "examples" / "plugin"

SCRIPT = """
import json
from mneme import SemanticCache, plugins

letters = plugins.embedder("letters").factory()
lenient = plugins.policy("lenient").factory(floor=0.7)
with SemanticCache.open("log:faq", embedder=letters, index_backend="brute", policy=lenient) as cache:
    cache.put("How do I pay my bill?", "By card.")
    near, far = cache.get("how do i pay the bill?"), cache.get("where is the moon?")
    health = cache.health()
with SemanticCache.open("log:faq", embedder=letters) as cache:
    again = cache.get("How do I pay my bill?")
import mneme_example_plugin
print(json.dumps({
    "near": [near.layer, near.response, near.similarity < 1.0],
    "far": far,
    "again": [again.layer, again.response],
    "parts": [health.store_backend, health.index_backend],
    "heard": mneme_example_plugin.heard,
}))
"""


def run(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)


def test_a_cache_runs_on_a_plugins_store_index_embedder_and_policy(
    install_project: Callable[[Path], Path],
) -> None:
    done = run(install_project(PROJECT), SCRIPT)

    assert json.loads(done.stdout or done.stderr) == {
        "near": ["semantic", "By card.", True],
        "far": None,
        "again": ["exact", "By card."],
        "parts": ["log", "brute"],
        "heard": [["hit", "default"], ["miss", "default"], ["hit", "default"]],
    }


def test_importing_mneme_loads_no_plugin_and_no_pluggy(install_project: Callable[[Path], Path]) -> None:
    code = "import mneme, sys; print({'pluggy', 'mneme.plugins', 'mneme_example_plugin'} & set(sys.modules))"

    assert run(install_project(PROJECT), code).stdout == "set()\n"


def test_a_broken_neighbour_does_not_keep_the_plugin_from_working(
    install_project: Callable[[Path], Path], install_module: Callable[..., None]
) -> None:
    install_module("mneme-broken", "mneme_broken", "import no_such_module")

    done = run(install_project(PROJECT), SCRIPT)

    assert (json.loads(done.stdout or "{}").get("near"), "mneme_broken" in done.stderr) == (
        ["semantic", "By card.", True],
        True,
    )
