"""The Python of the how-to pages on tools, metrics and plugins runs, in order, as a reader would type it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.mark.parametrize(
    "name",
    [
        "calibrate",
        "invalidate",
        "shadow-and-feedback",
        "change-the-embedder",
        "metrics",
        "opentelemetry",
        "audit-trail",
        "write-a-plugin",
        "write-a-store",
        "import",
        "encryption",
        "personal-data",
        "doctor",
        "limit-the-size",
        "command-line",
        "money",
    ],
)
def test_the_page_runs(name: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (PAGES / f"{name}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks), "utf-8")

    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "PATH": path},
    )

    assert (run.returncode, bool(blocks)) == (0, True), run.stderr
