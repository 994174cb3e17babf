"""The audit trail: what is written, what is not, and that no lookup ever notices."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache
from mneme.errors import InvalidArgumentError
from mneme.evaluation.mining import read_log
from mneme.observe import AuditTrail, Decision
from mneme.observe.rotating import RotatingFile
from mneme.testing import AsyncWordEmbedder, WordEmbedder

QUESTION, OTHER_WORDS = "how do I pay my bill", "my bill how do I pay"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trail.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def cache_with(*observers: Any, **options: Any) -> SemanticCache:
    return SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), observers=observers, **options)


def decision(**fields: Any) -> Decision:
    plain = {"time": 1.0, "seconds": 0.5, "namespace": "n", "outcome": "miss", "key": "00" * 16, "query": QUESTION}
    return Decision(**(plain | fields))


def test_a_line_says_what_was_decided(path: Path) -> None:
    with AuditTrail(path) as trail:
        cache = cache_with(trail, clock=lambda: 1_700_000_000.0)
        cache.put(QUESTION, "By card.")
        cache.get(OTHER_WORDS)

    (line,) = lines(path)
    assert line.pop("seconds") > 0
    assert line == {
        "time": 1_700_000_000.0,
        "namespace": "default",
        "outcome": "semantic",
        "key": cache.key(OTHER_WORDS),
        "layer": "semantic",
        "similarity": 1.0,
        "confidence": 1.0,
        "entry": cache.key(QUESTION),
        "verdict": "similarity at least 0.85",
        "query": OTHER_WORDS,
        "matched": QUESTION,
    }


def test_only_its_owner_can_read_it(path: Path) -> None:
    with AuditTrail(path) as trail:
        cache_with(trail).get(QUESTION)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_calibrate_reads_it_as_a_log_of_queries(path: Path) -> None:
    with AuditTrail(path) as trail:
        cache = cache_with(trail)
        cache.get_or_compute(QUESTION, lambda: "By card.")
        cache.get("write to me@example.com")
        cache.get("when do you open")

    assert [line["outcome"] for line in lines(path)] == ["miss", "computed", "miss", "miss"]
    assert read_log(path) == [QUESTION, "when do you open"]


@pytest.mark.parametrize(
    ("redact", "query", "verdict"),
    [
        ("personal", "call 541-754-3010", None),
        ("hash", QUESTION, "blake2b:"),
        ("omit", QUESTION, None),
        (str.upper, QUESTION, QUESTION.upper()),
        (lambda text: 1 / 0, QUESTION, None),
    ],
)
def test_what_is_redacted_is_quoted_nowhere(path: Path, redact: Any, query: str, verdict: str | None) -> None:
    with AuditTrail(path, redact=redact) as trail:
        trail.decided(decision(query=query, matched="pay 2 bills", verdict=f"number: {query} / 2"))

    (line,) = lines(path)
    assert line["verdict"] == "number"
    assert line.get("query", "").startswith(verdict or "")
    assert query not in path.read_text("utf-8")


def test_a_verdict_is_whole_where_the_questions_are(path: Path) -> None:
    with AuditTrail(path) as trail:
        trail.decided(decision(matched="pay 2 bills", verdict="number: 3 / 2"))

    assert lines(path)[0]["verdict"] == "number: 3 / 2"


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=30), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_all_decisions_about_one_question_are_in_the_sample_or_none(queries: list[str], sample: float) -> None:
    written: list[Decision] = []
    trail = AuditTrail("never-written.jsonl", sample=sample)
    trail._writer.take = written.append  # type: ignore[method-assign]  # what would go to the thread
    cache = cache_with(trail)
    for query in queries * 2:
        cache.get_or_compute(query, lambda: "r", mode="exact")

    keys = {cache.key(query) for query in queries}
    chosen = {key for key in keys if int(key[:16], 16) < sample * 2**64}
    assert {each.key for each in written} == chosen
    assert all(sum(each.key == key for each in written) >= 3 for key in chosen)


def test_a_share_of_the_questions_is_sampled(path: Path) -> None:
    with AuditTrail(path, sample=0.25) as trail:
        cache = cache_with(trail)
        for number in range(2_000):
            cache.get(f"question {number}", mode="exact")

    assert 400 < len(lines(path)) < 600


def test_a_large_file_begins_anew_and_the_oldest_go(path: Path) -> None:
    with AuditTrail(path, max_bytes=300, keep=2) as trail:
        for number in range(20):
            trail.decided(decision(time=float(number)))
            assert trail.flush()

    files = [path, Path(f"{path}.1"), Path(f"{path}.2")]
    times = [line["time"] for file in reversed(files) for line in lines(file)]
    assert sorted(each.name for each in path.parent.iterdir()) == [each.name for each in files]
    assert times == [float(number) for number in range(20)][-len(times) :]
    assert all(each.stat().st_size <= 300 and stat.S_IMODE(each.stat().st_mode) == 0o600 for each in files)


def test_nothing_older_is_kept_where_none_is_wanted(path: Path) -> None:
    with AuditTrail(path, max_bytes=1, keep=0) as trail:
        for number in range(3):
            trail.decided(decision(time=float(number)))
            trail.flush()

    assert ([line["time"] for line in lines(path)], len(list(path.parent.iterdir()))) == ([2.0], 1)


def test_processes_may_write_to_one_file(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mneme.observe.rotating import RotatingFile\n"
        "file = RotatingFile(Path(sys.argv[1]), 2_000, 100)\n"
        "for number in range(200): file.write(f'{sys.argv[2]} {number}\\n'.encode())"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "ab"]

    assert [writer.wait() for writer in writers] == [0, 0]
    written = [line for file in path.parent.iterdir() for line in file.read_text().splitlines()]
    assert sorted(written) == sorted(f"{name} {number}" for name in "ab" for number in range(200))


def test_a_line_that_was_torn_is_ended_first(path: Path) -> None:
    path.write_bytes(b'{"time": 1')
    RotatingFile(path, 1_000, 1).write(b"{}\n")

    assert path.read_bytes() == b'{"time": 1\n{}\n'


def test_what_is_more_than_may_wait_is_dropped_and_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    write = RotatingFile.write
    monkeypatch.setattr(RotatingFile, "write", lambda *arguments: go.wait(10) and write(*arguments))
    with AuditTrail(path, capacity=5) as trail:
        for _ in range(20):
            trail.decided(decision())
        assert not trail.flush(0.01)
        go.set()

    assert len(lines(path)) + trail.dropped == 20
    assert 5 <= len(lines(path)) <= 10


def test_a_file_that_cannot_be_written_is_logged_once_and_no_lookup_fails(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with AuditTrail(path.parent / "missing" / "trail.jsonl") as trail:
        cache = cache_with(trail)
        for _ in range(3):
            assert cache.get(QUESTION) is None
            trail.flush()

    assert trail.dropped == 3
    assert [record.name for record in caplog.records] == ["mneme.audit"]


async def test_an_event_loop_is_not_held_by_a_slow_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    threads: list[str] = []

    def slow(*_: Any) -> None:
        threads.append(threading.current_thread().name)
        go.wait(10)

    monkeypatch.setattr(RotatingFile, "write", slow)
    trail = AuditTrail(path)
    async with AsyncSemanticCache(store=MemoryStore(), embedder=AsyncWordEmbedder(), observers=[trail]) as cache:
        await asyncio.gather(*(cache.get(f"q{number}") for number in range(50)))
    go.set()
    trail.close()

    assert set(threads) == {"mneme-audit"}


def test_what_is_decided_after_closing_is_dropped(path: Path) -> None:
    trail = AuditTrail(path)
    trail.close()
    trail.close()
    trail.decided(decision())

    assert (trail.dropped, trail.flush(), path.exists()) == (1, True, False)


def test_what_waits_is_written_when_the_program_ends(path: Path) -> None:
    program = (
        "import sys; from mneme import MemoryStore, SemanticCache; from mneme.observe import AuditTrail\n"
        "from mneme.testing import WordEmbedder\n"
        "trail = AuditTrail(sys.argv[1])\n"
        "cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), observers=[trail])\n"
        "for number in range(100): cache.get(str(number))"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)

    assert [line["query"] for line in lines(path)] == [str(number) for number in range(100)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_writes_its_own_decisions(path: Path) -> None:
    program = (
        "import os, sys; from mneme.observe import AuditTrail, Decision\n"
        "def told(query):\n"
        "    return Decision(time=0.0, seconds=0.0, namespace='', outcome='miss', key='00' * 16, query=query)\n"
        "trail = AuditTrail(sys.argv[1])\n"
        "trail.decided(told('before'))\n"
        "child = os.fork()\n"
        "trail.decided(told('parent' if child else 'child'))\n"
        "trail.close()\n"
        "if child: sys.exit(os.waitpid(child, 0)[1])\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, path], check=True)

    assert sorted(line["query"] for line in lines(path)) == ["before", "child", "parent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_in_the_midst_of_writing_leaves_the_file_to_others(path: Path) -> None:
    program = (
        "import os, sys, threading, time; from pathlib import Path\n"
        "from mneme.observe.rotating import RotatingFile\n"
        "class Slow(RotatingFile):\n"
        "    def _is_in_place(self, descriptor):\n"
        "        holds.set(); go.wait(10)\n"
        "        return super()._is_in_place(descriptor)\n"
        "holds, go = threading.Event(), threading.Event()\n"
        "file = Slow(Path(sys.argv[1]), 1_000, 1)\n"
        "thread = threading.Thread(target=file.write, args=(b'first\\n',)); thread.start(); holds.wait()\n"
        "child = os.fork()\n"
        "if not child: time.sleep(30); os._exit(0)\n"
        "go.set(); thread.join()\n"
        "file.write(b'second\\n'); os.kill(child, 9)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, path], check=True, timeout=20)

    assert path.read_text() == "first\nsecond\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_holds_no_lock_of_a_parent_that_died(path: Path) -> None:
    program = (
        "import os, sys, threading, time; from pathlib import Path\n"
        "from mneme.observe.rotating import RotatingFile\n"
        "class Stuck(RotatingFile):\n"
        "    def _is_in_place(self, descriptor):\n"
        "        holds.set(); time.sleep(30)\n"
        "holds = threading.Event()\n"
        "file = Stuck(Path(sys.argv[1]), 1_000, 1)\n"
        "threading.Thread(target=file.write, args=(b'lost\\n',), daemon=True).start(); holds.wait()\n"
        "if os.fork(): os._exit(0)\n"
        "file.after_fork(); RotatingFile(Path(sys.argv[1]), 1_000, 1).write(b'child\\n'); print('written')"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, path], check=True, timeout=20, capture_output=True, text=True
    )

    assert (run.stdout, path.read_text()) == ("written\n", "child\n")


@pytest.mark.parametrize(
    "options",
    [
        {"sample": 1.5},
        {"sample": True},
        {"sample": float("nan")},
        {"redact": "secret"},
        {"redact": 5},
        {"max_bytes": 0},
        {"keep": -1},
        {"capacity": 0},
        {"capacity": 1.5},
    ],
)
def test_what_cannot_be_is_refused_at_the_door(path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        AuditTrail(path, **options)


def ends(_: str) -> str:
    raise SystemExit("the process, says the function")


@pytest.mark.parametrize(
    "redact",
    [ends, lambda _: b"bytes", lambda _: 3, lambda text: text[1_000]],
    ids=["exit", "bytes", "number", "raises"],
)
def test_what_redact_makes_of_one_text_costs_that_text_alone(path: Path, redact: Any) -> None:
    with AuditTrail(path, redact=lambda text: redact(text) if text == "odd" else text) as trail:
        for query in ("before", "odd", "after"):
            trail.decided(decision(query=query))

    assert [line.get("query") for line in lines(path)] == ["before", None, "after"]


def test_a_decision_that_is_no_json_costs_that_decision_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with AuditTrail(path) as trail:
        for verdict in ("accepted", b"bytes", {1, 2}, "again \udcff"):
            trail.decided(decision(verdict=verdict, query="\ud800"))

    assert [line["verdict"] for line in lines(path)] == ["accepted", "again \udcff"]
    assert (trail.dropped, len(caplog.records)) == (2, 1)


def test_a_redact_that_uses_the_cache_feeds_itself_nothing(path: Path) -> None:
    def redact(text: str) -> str:
        cache.get(text)
        return text

    trail = AuditTrail(path, redact=redact)
    cache = cache_with(trail)
    with trail:
        cache.get("one")
        assert trail.flush()
        assert trail.flush()

    assert [line["query"] for line in lines(path)] == ["one"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_costs_decisions_and_no_lookup(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.symlink_to("/dev/full")
    with AuditTrail(path) as trail:
        cache = cache_with(trail)
        cache.put(QUESTION, "By card.")
        found = [cache.get(QUESTION) for _ in range(3)]
        assert trail.flush()
        path.unlink()
        cache.get(QUESTION)

    assert [hit.response for hit in found if hit] == ["By card."] * 3
    assert (trail.dropped, len(lines(path)), len(caplog.records)) == (3, 1, 1)


def test_a_file_that_another_process_holds_is_waited_for_by_nobody(path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        trail = AuditTrail(path, capacity=5)
        cache = cache_with(trail)
        cache.put(QUESTION, "By card.")
        hits = [cache.get(QUESTION) for _ in range(50)]
        was_written = trail.flush(timeout=0.05)
        dropped = trail.dropped
        fcntl.flock(held, fcntl.LOCK_UN)
    trail.close()

    assert (None in hits, was_written) == (False, False)
    assert len(lines(path)) + dropped == 50
    assert dropped >= 40
