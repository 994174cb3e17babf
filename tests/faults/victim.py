"""A process that is killed at its work: `victim.py WORK PATH`. It prints a line for each thing that is done."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from mneme import SemanticCache
from mneme.stores.sqlite import connection, schema
from mneme.testing import WordEmbedder

EMBEDDER = WordEmbedder(64)
KEYS = 300
STEP = (
    "ALTER TABLE entries ADD COLUMN colour TEXT; UPDATE entries SET colour = 'red'; CREATE INDEX c ON entries (colour)"
)


def say(*words: object) -> None:
    """In one write: a line is there whole or not at all."""
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


def put(cache: SemanticCache, number: int, key: int) -> None:
    cache.put(f"question {key}", f"answer {number} " + "x" * (number % 40 * 50))
    say("put", key, number)


def puts(path: Path) -> None:
    with SemanticCache(path, EMBEDDER) as cache:
        for number in itertools.count():
            put(cache, number, number % KEYS)


def groups(path: Path) -> None:
    """Threads whose puts are committed together; each has keys of its own."""
    with SemanticCache(path, EMBEDDER) as cache:

        def work(thread: int) -> None:
            for number in itertools.count():
                put(cache, number, thread * KEYS + number % KEYS)

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def checkpoints(path: Path) -> None:
    """The log is folded into the file with nearly every put, and archives are written meanwhile."""
    connection.CHECKPOINT_PAGES = 4
    with SemanticCache(path, EMBEDDER) as cache:

        def dump() -> None:
            while True:
                cache.dumps(path.with_name("archive.zip"))

        threading.Thread(target=dump, daemon=True).start()
        for number in itertools.count():
            put(cache, number, number % KEYS)


def vacuums(path: Path) -> None:
    with SemanticCache(path, EMBEDDER) as cache:
        for number in itertools.count():
            put(cache, number, number % KEYS)
            if number % 5 == 4:
                key = (number - 2) % KEYS
                say("deleting", key)
                cache.delete(f"question {key}")
                say("deleted", key)
                cache.vacuum()


def defers(path: Path) -> None:
    """Puts that are written later, and now and then waited for."""
    with SemanticCache(path, EMBEDDER, durability="deferred") as cache:
        for number in itertools.count():
            put(cache, number, number % KEYS)
            if number % 70 == 69:
                cache.flush()
                say("flushed", number)


def migrates(path: Path) -> None:
    schema.MIGRATIONS = (*schema.MIGRATIONS, STEP)
    say("opening")
    with SemanticCache(path, EMBEDDER):
        say("opened")
        sys.stdin.read()


def restores(path: Path) -> None:
    say("restoring")
    for _ in itertools.count():
        SemanticCache.loads(path.with_name("archive.zip"), path, EMBEDDER).close()
        say("restored")


WORKS = {work.__name__: work for work in (puts, groups, checkpoints, vacuums, defers, migrates, restores)}

if __name__ == "__main__":
    WORKS[sys.argv[1]](Path(sys.argv[2]))
