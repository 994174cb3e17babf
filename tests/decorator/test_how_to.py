"""The Python of the pages on the decorator and the clients runs as written, against the stand-in on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "how-to"
BLOCKS = [
    block
    for page in ("decorator.md", "openai-and-anthropic.md")
    for block in re.findall(r"^```python\n(.*?)^```", (PAGES / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_page_runs(code: str, endpoint: Any, tmp_path: Path) -> None:
    openai = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": endpoint.url}
    anthropic = {"ANTHROPIC_API_KEY": "none", "ANTHROPIC_BASE_URL": endpoint.url.removesuffix("/v1")}
    environment = {**os.environ, **openai, **anthropic, "NO_PROXY": "*"}

    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )

    assert run.returncode == 0, run.stderr
