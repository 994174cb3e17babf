"""Other semantic caches, each driven in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mneme.errors import InvalidArgumentError, MnemeError
from mneme.evaluation.contenders import Vectors

PEERS: Final = ("mneme-cache", "gptcache", "redisvl")
_SCRIPT: Final = Path(__file__).with_name("peer_process.py")


class PeerError(MnemeError):
    """A peer's process ended, or could not be started."""


class Peer:
    """A peer with its own defaults, in a process under its own interpreter; it gets our vectors."""

    def __init__(self, name: str, python: str, vectors: Vectors) -> None:
        if name not in PEERS:
            raise InvalidArgumentError(f"{name!r} is no known peer; it is one of {', '.join(PEERS)}.")
        self._vectors = vectors
        try:
            self._process = subprocess.Popen(  # noqa: S603  # the interpreter is the user's choice
                [python, "-I", str(_SCRIPT), name, str(vectors.dim)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise PeerError(f"{name} cannot be started with {python}: {error}") from error
        self.name = f"{name} {self._call('about')}"

    def ask(self, group: Mapping[str, Any], query: str) -> str | None:
        """Look up; a text without a vector is a miss."""
        vector = self._vectors.of(query)
        if vector is None:
            return None
        response: str | None = self._call("ask", _name(group), query, vector.tolist())
        return response

    def keep(self, group: Mapping[str, Any], query: str, response: str) -> None:
        """Put."""
        vector = self._vectors.of(query)
        if vector is not None:
            self._call("keep", _name(group), query, response, vector.tolist())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _call(self, method: str, *arguments: Any) -> Any:
        """Return what the method returned there."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise PeerError("the peer's process has no pipes.")
        try:
            stdin.write(json.dumps([method, *arguments]) + "\n")
            stdin.flush()
        except BrokenPipeError:
            pass  # what it died of is on stderr
        line = stdout.readline()
        if not line:
            raise PeerError(f"a peer's process ended in {method} with exit code {self._process.wait()}; see above.")
        return json.loads(line)


def _name(group: Mapping[str, Any]) -> str:
    # A peer keeps tenants and pairs apart, as its users would; of earlier turns it knows nothing.
    return str(group.get("pair", group.get("tenant", "")))
