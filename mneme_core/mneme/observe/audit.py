"""A sample of a cache's decisions as lines of JSON, written by a thread of its own."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import weakref
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mneme.errors import InvalidArgumentError
from mneme.observe.decisions import AFTER_A_MISS, Decision
from mneme.observe.logs import fields_of
from mneme.observe.observers import BUSY
from mneme.observe.redaction import Redact, RedactName, redaction
from mneme.observe.rotating import RotatingFile

_log = logging.getLogger("mneme.audit")

# Of a key, which is 16 bytes of BLAKE2b: any of its bits are as good as a die.
SAMPLED_DIGITS: Final = 16
WRITTEN_AT_ONCE: Final = 1_000
# For which closing waits for a disk that does not answer.
PATIENCE_SECONDS: Final = 10.0


class AuditTrail:
    """An observer that writes decisions to a JSONL file of mode 0600; `mneme calibrate --log` reads it.

    sample: the part of the questions, in [0, 1], whose decisions are written. Their keys decide which, so that all
    decisions about one question are in, or none, in every process.
    redact: what becomes of questions: "personal" leaves out those that hold what looks like personal data, "hash"
    writes digests, "omit" leaves all out; or a function of a text, None leaving it out. Where a question is not written
    as it was, nor is the part of the verdict that may quote it.
    max_bytes: after which the file becomes path.1, path.1 becomes path.2 …; keep: how many of those stay.
    capacity: decisions that may wait to be written; more are dropped and counted in `dropped`.
    Nothing of this raises into a lookup or blocks it: what cannot be written is logged on `mneme.audit` and dropped.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        sample: float = 1.0,
        redact: Redact | RedactName = "personal",
        max_bytes: int = 64 * 1_048_576,
        keep: int = 4,
        capacity: int = 10_000,
    ) -> None:
        if isinstance(sample, bool) or not isinstance(sample, int | float) or not 0.0 <= sample <= 1.0:
            raise InvalidArgumentError(f"sample is {sample!r}; it is a part of the questions, in [0, 1].")
        for name, value, least in (("max_bytes", max_bytes, 1), ("keep", keep, 0), ("capacity", capacity, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidArgumentError(f"{name} is {value!r}; it is a whole number from {least} on.")
        self._limit = int(sample * 16**SAMPLED_DIGITS)
        self._writer = _Writer(RotatingFile(Path(path).absolute(), max_bytes, keep), redaction(redact), capacity)
        # Also at the interpreter's exit.
        self._finalizer = weakref.finalize(self, self._writer.stop)

    @property
    def dropped(self) -> int:
        """Decisions of the sample that were not written: too many waited, or the file could not be written."""
        return self._writer.dropped

    def decided(self, decision: Decision) -> None:
        """Take a decision, where its question is in the sample."""
        if int(decision.key[:SAMPLED_DIGITS], 16) < self._limit:
            self._writer.take(decision)

    def flush(self, timeout: float = PATIENCE_SECONDS) -> bool:
        """Wait until what was taken is written; return whether it was, within so many seconds."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what waits; what is decided after that is dropped. Closing twice does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Writer:
    """Takes decisions from any thread, and writes them in one of its own, which is begun with the first."""

    def __init__(self, file: RotatingFile, redact: Redact, capacity: int) -> None:
        self.dropped = 0
        self._file = file
        self._redact = redact
        self._capacity = capacity
        self._is_closed = self._has_warned = False
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # An event among the decisions is set when all before it are written; None is the end.
        self._waiting: queue.SimpleQueue[Decision | threading.Event | None] = queue.SimpleQueue()

    def after_fork(self) -> None:
        """Begin anew in a child, which has no such thread; what waited is written by the parent."""
        self._file.after_fork()
        self._begin()

    def take(self, decision: Decision) -> None:
        """Let a decision be written, or drop it."""
        if self._is_closed or self._waiting.qsize() >= self._capacity:
            self.dropped += 1
            return
        self._waiting.put(decision)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                thread = threading.Thread(target=self._run, name="mneme-audit", daemon=True)
                thread.start()
                self._thread = thread

    def flush(self, timeout: float) -> bool:
        """Wait for what was taken; return whether it was written in time."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._waiting.put(written)
        return written.wait(timeout)

    def stop(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            self._is_closed = True
        if self._thread is not None:
            self._waiting.put(None)
            if self._thread is not threading.current_thread():  # which collects the garbage of any other
                self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        BUSY.telling = True  # what `redact` asks a cache would be written, redacted, asked again …
        while True:
            batch = [self._waiting.get()]
            while len(batch) < WRITTEN_AT_ONCE and batch[-1] is not None and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._write([each for each in batch if isinstance(each, Decision)])
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()
            if batch[-1] is None:
                return

    def _write(self, decisions: Sequence[Decision]) -> None:
        lines = [line for line in map(self._line, decisions) if line is not None]
        if not lines:
            return
        try:
            self._file.write("".join(lines).encode())
        except Exception as error:  # a disk that is full, and whatever else: the next batch may fare better
            self.dropped += len(lines)
            self._warn("decisions could not be written", error)

    def _line(self, decision: Decision) -> str | None:
        """Return a line; None for a decision that a policy of another's making filled with what cannot be written."""
        try:
            return json.dumps(self._fields(decision)) + "\n"
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            self.dropped += 1
            self._warn("a decision could not be written", error)
            return None

    def _fields(self, decision: Decision) -> dict[str, object]:
        fields = fields_of(decision, text=True)
        kept = {name: self._redacted(fields.pop(name)) for name in ("query", "matched") if name in fields}
        is_whole = all(text == getattr(decision, name) for name, text in kept.items())
        if decision.outcome in AFTER_A_MISS:
            del kept["query"]  # the miss has it: a log of queries must not count it twice
        fields |= {name: text for name, text in kept.items() if text is not None}
        if not is_whole and decision.verdict is not None:  # `number: 2 / 3` quotes the questions
            fields["verdict"] = decision.verdict.partition(":")[0]
        return fields

    def _redacted(self, text: str) -> str | None:
        try:
            found = self._redact(text)
            if found is not None and not isinstance(found, str):
                raise TypeError(f"redact returned {type(found).__name__}")
        except BaseException as error:  # also one that would end the thread
            self._warn("redact raised; texts it cannot judge are left out", error)
            return None
        return found

    def _warn(self, what: str, error: BaseException) -> None:
        if not self._has_warned:
            self._has_warned = True
            # Not the error of a user's function itself: it may quote the text.
            said = error if isinstance(error, OSError) else type(error).__name__
            _log.warning("%s: %s. This is said once", what, said)


_writers: weakref.WeakSet[_Writer] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for writer in list(_writers):
        writer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
