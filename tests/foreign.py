"""Makes files as other caches write them, without those caches.

The schemas were observed in files that mneme-cache 1.0.1, GPTCache 0.1.44 (SQLAlchemy 2.1.9) and langchain-community
0.4.2 (langchain-core 1.8.3) made through their public interfaces.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

MNEME_CACHE = """
CREATE TABLE schema_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL DEFAULT 'default',
    query_hash TEXT NOT NULL,
    query TEXT NOT NULL,
    response TEXT NOT NULL,
    embedding BLOB NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_accessed_at INTEGER NOT NULL,
    ttl INTEGER,
    access_count INTEGER NOT NULL DEFAULT 0,
    UNIQUE(namespace, query_hash)
);
CREATE TABLE cache_counters (
    namespace TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (namespace, name)
);
CREATE TABLE namespace_quotas (namespace TEXT PRIMARY KEY, max_entries INTEGER NOT NULL);
CREATE TABLE multi_process_state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

GPTCACHE = """
CREATE TABLE "{0}_question" (
    id INTEGER NOT NULL, question VARCHAR(3000) NOT NULL, create_on DATETIME, last_access DATETIME,
    embedding_data BLOB, deleted INTEGER, PRIMARY KEY (id)
);
CREATE TABLE "{0}_answer" (
    id INTEGER NOT NULL, question_id INTEGER NOT NULL, answer VARCHAR(3000) NOT NULL, answer_type INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE "{0}_question_dep" (
    id INTEGER NOT NULL, question_id INTEGER NOT NULL, dep_name VARCHAR(1000) NOT NULL,
    dep_data VARCHAR(3000) NOT NULL, dep_type INTEGER NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE "{0}_session" (
    id INTEGER NOT NULL, question_id INTEGER NOT NULL, session_id VARCHAR(1000) NOT NULL,
    session_question VARCHAR(3000) NOT NULL, PRIMARY KEY (id)
);
"""

LANGCHAIN = """
CREATE TABLE full_llm_cache (
    prompt VARCHAR NOT NULL, llm VARCHAR NOT NULL, idx INTEGER NOT NULL, response VARCHAR,
    PRIMARY KEY (prompt, llm, idx)
);
CREATE TABLE full_md5_llm_cache (
    id VARCHAR NOT NULL, prompt_md5 VARCHAR, llm VARCHAR, idx INTEGER, prompt VARCHAR, response VARCHAR,
    PRIMARY KEY (id)
);
"""


def hashed(text: str) -> str:
    """Return mneme-cache's hash of a text: of the query itself, or of the normalised one unless that is off."""
    return sha256(text.encode()).hexdigest()


def mneme_cache(path: Path, *entries: dict[str, Any], fingerprint: str = "other", dim: int = 64) -> Path:
    """Make a mneme-cache file of these entries; what one does not say is filled in."""
    usual = {
        "namespace": "default",
        "response": "By card.",
        "embedding": b"",
        "metadata": "{}",
        "created_at": 1_000,
        "last_accessed_at": 1_000,
        "ttl": None,
        "access_count": 0,
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(MNEME_CACHE)
        meta = {"schema_version": "1", "embedder_fingerprint": fingerprint, "embedder_dim": str(dim)}
        db.executemany("INSERT INTO schema_meta VALUES (?, ?)", meta.items())
        for entry in entries:
            query = entry["query"]
            said = hashed(" ".join(query.split()).casefold()) if isinstance(query, str) else "0" * 64
            row = {**usual, "query_hash": said, **entry}
            places = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO entries ({', '.join(row)}) VALUES ({places})", tuple(row.values()))
    return path


def gptcache(path: Path, *questions: dict[str, Any], prefix: str = "gptcache") -> Path:
    """Make GPTCache's scalar store.

    A question has "question", and optionally "answers" as (text, type) pairs, "create_on", "last_access", "deleted"
    (0; -1 is deleted), "deps" and "sessions".
    """
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(GPTCACHE.format(prefix))
        for number, each in enumerate(questions, start=1):
            created = each.get("create_on", "2024-05-06 07:08:09.123456")
            row = (number, each["question"], created, each.get("last_access", created), b"\0" * 16)
            db.execute(f'INSERT INTO "{prefix}_question" VALUES (?, ?, ?, ?, ?, ?)', (*row, each.get("deleted", 0)))
            for answer, kind in each.get("answers", [("By card.", 0)]):
                db.execute(
                    f'INSERT INTO "{prefix}_answer" (question_id, answer, answer_type) VALUES (?, ?, ?)',
                    (number, answer, kind),
                )
            for name in each.get("deps", ()):
                db.execute(
                    f'INSERT INTO "{prefix}_question_dep" (question_id, dep_name, dep_data, dep_type) '
                    "VALUES (?, ?, 'data', 0)",
                    (number, name),
                )
            for name in each.get("sessions", ()):
                db.execute(
                    f'INSERT INTO "{prefix}_session" (question_id, session_id, session_question) VALUES (?, ?, ?)',
                    (number, name, each["question"]),
                )
    return path


def langchain(path: Path, *rows: tuple[Any, Any, int, Any], md5_rows: Iterable[tuple[Any, ...]] = ()) -> Path:
    """Make a SQLiteCache of rows (prompt, llm string, idx, response).

    md5_rows: (id, llm string, idx, prompt, response), as SQLAlchemyMd5Cache keeps them.
    """
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(LANGCHAIN)
        db.executemany("INSERT INTO full_llm_cache VALUES (?, ?, ?, ?)", rows)
        db.executemany(
            "INSERT INTO full_md5_llm_cache (id, llm, idx, prompt, response) VALUES (?, ?, ?, ?, ?)", md5_rows
        )
    return path


def chat(*messages: tuple[str, str]) -> str:
    """Return the prompt string of a chat of (kind, text), such as ("Human", "Hi")."""
    return json.dumps(
        [_object("messages", f"{kind}Message", content=text, type=kind.lower()) for kind, text in messages]
    )


def chat_answer(text: str, **message: Any) -> str:
    """Return a chat model's answer as SQLiteCache keeps it; `message` are further fields of the AI's message."""
    fields = {"content": text, "type": "ai", "id": "lc_run--1-0", "tool_calls": [], "invalid_tool_calls": []}
    said = _object("messages", "AIMessage", **{**fields, **message})
    return json.dumps(_object("output", "ChatGeneration", text=text, type="ChatGeneration", message=said))


def text_answer(text: str, **fields: Any) -> str:
    """Return a completion model's answer as SQLiteCache keeps it."""
    return json.dumps(_object("output", "Generation", text=text, type="Generation", **fields))


def _object(where: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", where, name], "kwargs": fields}
