"""An environment for each peer, without a pip that it could call; kept for the next run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


class UnavailableError(Exception):
    """A peer cannot be measured here; the message says why."""


def python_with(out: Path, name: str, requirements: Sequence[str], say: Callable[[str], None]) -> Path:
    """Return the interpreter of an environment that has just these packages; raises UnavailableError."""
    python = interpreter(out, name)
    folder = out / "peers" / name
    stamp = folder / "installed"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    say(f"installing {', '.join(requirements)} into {folder}")
    try:
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
        install = [str(_installer(out)), "-m", "pip", "--python", str(python), "install", "--quiet"]
        _run([*install, "--disable-pip-version-check", *requirements])
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(f"cannot be installed: {_reason(error)}") from error
    stamp.write_text(wanted)
    return python


def interpreter(out: Path, name: str) -> Path:
    """Return where the interpreter of an environment lies, or will lie."""
    return out / "peers" / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def nothing_on_path(out: Path) -> str:
    """Return a folder with nothing in it: the PATH of a process that is to install nothing."""
    folder = out / "peers" / "empty"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def _installer(out: Path) -> Path:
    """Return the interpreter of an environment that has pip and nothing else."""
    python = interpreter(out, "installer")
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(out / "peers" / "installer")])
    return python


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _reason(error: Exception) -> str:
    """Return the last line that says what went wrong."""
    lines = [line for line in (getattr(error, "stderr", None) or str(error)).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else repr(error))
