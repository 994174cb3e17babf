"""A contender with so many entries: its process, its files or server, and what was measured of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contender import Contender
from benchmarks.peer.contenders import SERVER, Peer
from benchmarks.peer.environments import interpreter, nothing_on_path
from benchmarks.peer.worker import Judged
from benchmarks.redis_server import running
from benchmarks.truth import resident_bytes
from mneme.testing.servers import Server

SLOW_OPENING = 5.0


@dataclass
class Measured:
    """What a contender did with some entries."""

    name: str
    label: str
    wanted: int
    entries: int = 0
    """How many it holds: fewer than wanted when storing them took too long."""
    version: str = ""
    bulk: bool = False
    load_seconds: float = 0.0
    timings: dict[str, list[Judged]] = field(default_factory=dict)
    opened: list[float] = field(default_factory=list)
    """Seconds from the start of opening to the first semantic hit, in a new process each."""
    grown: list[int] = field(default_factory=list)
    """Bytes by which a new process grew by opening and a semantic hit, and the server since it was empty."""
    missing: dict[str, str] = field(default_factory=dict)
    failed: str = ""


class Subject:
    """Drives one contender; what fails in a peer is kept and told, what fails in ours ends the run."""

    def __init__(self, name: str, peer: Peer, python: Path, *, out: Path, entries: int) -> None:
        self.peer = peer
        self.measured = Measured(name, peer.label, entries)
        self._python, self._out = python, out
        self._folder = out / "files" / f"{name}-{entries}"
        self._server: Server | None = None
        self._served_empty = 0
        self._process: Contender | None = None
        self._stack, self._processes = ExitStack(), ExitStack()

    @property
    def alive(self) -> bool:
        """Whether nothing has failed."""
        return not self.measured.failed

    @property
    def opens_quickly(self) -> bool:
        """Whether it did not take long to open when it was last opened."""
        return all(seconds < SLOW_OPENING for seconds in self.measured.opened)

    def fill(self, data: str, spare: int, seconds: float) -> None:
        """Open an empty cache, store the entries, look once."""
        if self.peer.on_server:
            redis = running(interpreter(self._out, SERVER[0]))
            self._server = self._stack.enter_context(redis)
            self._served_empty = self._served()
        self._start(data, self.measured.wanted, spare)
        self._call("open", place=self._place())
        about = self._call("about")
        done = self._call("fill", seconds=seconds)
        self.measured.version, self.measured.bulk = about["version"], about["bulk"]
        self.measured.missing, self.measured.entries = about["missing"], done["entries"]
        self.measured.load_seconds = done["seconds"]
        for look in ("exact", "hit"):
            self._call(look, count=10, seconds=0)

    def time(self, operation: str, method: str, count: int, seconds: float) -> None:
        """Measure an operation once, unless the contender lacks it."""
        if operation not in self.measured.missing:
            timing: Judged = self._call(method, count=count, seconds=seconds)
            self.measured.timings.setdefault(operation, []).append(timing)
            if self.peer.ours and not self.peer.approximate and timing["wrong"]:
                raise AssertionError(f"{self.peer.label}, {operation}: {timing['wrong']} wrong results.")

    def reopen(self, data: str, spare: int, *, asynchronous: bool = False) -> None:
        """Close the cache, and open it in a new process, which has imported all before."""
        self.end()
        self._start(data, self.measured.entries, spare)
        self._call("open", place=self._place("warm"))
        self._call("close")
        before = self._call("resident")
        seconds = self._call("open", place=self._place(), asynchronous=asynchronous)
        if not asynchronous:
            self.measured.opened.append(seconds + self._call("hit", count=1, seconds=0)["mean"] / 1e6)
            if before is not None:
                self.measured.grown.append(self._call("resident") - before + self._served() - self._served_empty)

    def end(self) -> None:
        """Close the cache and end its process."""
        if self._process is not None:
            self._call("close")
        self._processes.close()
        self._process = None

    def tidy(self) -> None:
        """End what still runs, and remove the files."""
        self._processes.close()
        self._stack.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def attempt(self, step: Callable[[], None]) -> None:
        """Do a step; keep what a peer fails with."""
        if self.alive:
            try:
                step()
            except RuntimeError as error:
                if self.peer.ours:
                    raise
                self.measured.failed = str(error)

    def _start(self, data: str, entries: int, spare: int) -> None:
        path = {} if self.peer.ours else {"PATH": nothing_on_path(self._out)}
        process = Contender(self.peer.label, self._python, self.peer.adapter, worker="benchmarks.peer.worker", **path)
        self._process = self._processes.enter_context(process)
        self._call("load", data=data, entries=entries, spare=spare)

    def _place(self, part: str = "cache") -> str:
        if self._server is not None:
            return self._server.url
        (self._folder / part).mkdir(parents=True, exist_ok=True)
        return str(self._folder / part)

    def _served(self) -> int:
        """Return the bytes of memory of the server."""
        return (self._server and resident_bytes(self._server.process.pid)) or 0

    def _call(self, method: str, **arguments: Any) -> Any:
        assert self._process is not None
        return self._process(method, **arguments)
