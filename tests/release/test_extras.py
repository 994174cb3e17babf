"""The wheel with each extra alone, in an environment with nothing else: `make test-release`.

Each takes an installation, so `make test` does it for the core alone.
"""

import os
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest

from .conftest import ROOT

# What each extra is for, as a user would first reach it.
USES = {
    "": "import mneme; mneme.SemanticCache; mneme.MemoryStore; import mneme_decorator",
    "minilm": "import mneme; assert mneme.default_embedder().embed('a question').shape == (384,)",
    "langchain": "import mneme_langchain as m; m.MnemeCache, m.cached_model",
    "llama-index": "import mneme_llama_index as m; m.cached_llm, m.MnemeKVStore",
    "redis": "from mneme.stores.redis import RedisStore; RedisStore('redis://127.0.0.1:1'); import redis",
    "postgres": "from mneme.stores.postgres import PostgresStore; import psycopg, psycopg_pool",
    "crypto": "import mneme.stores.encrypted as e, mneme; e.EncryptedStore(mneme.MemoryStore(), lambda: [b'k' * 32])",
    "ann": "from mneme.indexes import make_index; make_index('ann', 8, 'float32'); import usearch.index",
    "prometheus": "from mneme.adapters.prometheus import PrometheusMetricsHook as M; M()",
    "otel": "from mneme.adapters.opentelemetry import OTelMetricsHook as M; M()",
    "cli": "import mneme.cli.app",
    "dashboard": "import mneme.cli.app, uvicorn; from mneme.dashboard import *; dashboard(Settings(url='c'), token='')",
}
# Extras that put others together, and those for work on the project.
TOGETHER = {"all", "demo", "docs", "dev"}

EXACT_HIT = """
import mneme
class Embedder:
    dim, fingerprint = 3, "test"
    def embed(self, text):
        return [1.0, 0.0, 0.0]
with mneme.SemanticCache("cache.db", Embedder()) as cache:
    cache.put("What is the capital of France?", "Paris")
    assert cache.get("what is the capital of france?").response == "Paris"
"""


def test_each_extra_has_a_use_here():
    extras = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) - TOGETHER == set(USES) - {""}


@pytest.mark.parametrize("extra", USES)
def test_the_wheel_works_with_one_extra_alone(extra, wheel, tmp_path):
    if extra and not os.environ.get("MNEME_TEST_EXTRAS"):
        pytest.skip("an installation each: make test-release")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what, cwd=tmp_path)
    run(python, "-W", "error", "-c", EXACT_HIT, cwd=tmp_path)
    run(python, "-c", USES[extra], cwd=tmp_path)


def run(*command, cwd):
    """Run a command where nothing of this environment is seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
