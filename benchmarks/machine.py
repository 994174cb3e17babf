"""The machine, and its load."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.contender import environment


def describe() -> dict[str, str]:
    """Return what a number is worth nothing without."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "blas": _blas(),
        "mneme-middleware": version("mneme-middleware"),
    }


def load() -> str:
    """Return how many processes wanted a core, over the last one and five minutes."""
    return " and ".join(f"{load:.1f}" for load in os.getloadavg()[:2]) if hasattr(os, "getloadavg") else "unknown"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    """Return the BLAS that NumPy was built with."""
    code = "import json, numpy; print(json.dumps(numpy.show_config(mode='dicts')['Build Dependencies']['blas']))"
    python = Path(sys.executable)
    run = subprocess.run([python, "-c", code], env=environment(python), check=True, capture_output=True, text=True)
    blas = json.loads(run.stdout)
    return f"{blas['name']} {blas['version']}, one thread"
