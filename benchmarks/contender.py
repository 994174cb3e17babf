"""A contender, driven from here in a process of its own with one BLAS thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench-output"
# A machine's settings for its own BLAS would decide the result; unset, OpenBLAS looks at the processor.
# Without bytecode an import would be timed with its compilation.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


def environment(python: Path, **changed: str) -> dict[str, str]:
    """Return the environment of every process that is measured; our own interpreter finds the Mneme of this tree."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    own = {"PYTHONPATH": str(ROOT / "mneme_core")} if python == Path(sys.executable) else {}
    return {**kept, **threads, **own, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": str(OUT / "bytecode"), **changed}


def answer(make: Callable[[], object]) -> None:
    """Be the process at the other end: answer each line that comes with what a method of the worker returns."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not be taken for an answer
    worker = make()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(getattr(worker, name)(**arguments)), file=answers, flush=True)


class Contender:
    """A worker under one interpreter: a call of a method here is a call of the method there."""

    def __init__(
        self, name: str, python: Path, *arguments: str, worker: str = "benchmarks.worker", **changed: str
    ) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", worker, *arguments],
            cwd=ROOT,
            env=environment(python, **changed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, method: str, **arguments: Any) -> Any:
        """Return what the method returned; raises RuntimeError when the process died of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} failed in {method}({arguments}); its traceback is above.")
        return json.loads(answer)

    def __enter__(self) -> Contender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
