"""What LangChain's SQLiteCache holds is found by MnemeCache."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, Generation

from mneme import SemanticCache
from mneme.testing import WordEmbedder
from mneme.tools.importing import Reason, import_entries
from mneme_langchain import MnemeCache

LLM = "[('_type', 'fake-list-chat-model'), ('stop', None)]"


@pytest.fixture
def words() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def lookup(path: Path, words: WordEmbedder, prompt: str, llm: str = LLM, **options):
    with SemanticCache(path, words) as cache:
        return MnemeCache(cache, **options).lookup(prompt, llm)


def test_a_chat_model_s_answer_is_a_hit(foreign, tmp_path, dest, words):
    prompt = foreign.chat(("System", "Be short."), ("Human", "How do I pay?"))
    source = foreign.langchain(tmp_path / "a.db", (prompt, LLM, 0, foreign.chat_answer("By card.")))

    report = import_entries(source, dest, words)

    (hit,) = lookup(dest, words, prompt)
    assert (report.imported, hit.text, type(hit).__name__) == (1, "By card.", "ChatGeneration")


def test_the_hit_is_what_MnemeCache_itself_would_have_stored(foreign, tmp_path, dest, words):
    prompt = dumps([SystemMessage("Be short."), HumanMessage("How do I pay?")])
    answer = ChatGeneration(
        message=AIMessage(
            "By card.",
            id="run-1",
            usage_metadata={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
            response_metadata={"model_name": "m", "finish_reason": "stop"},
        ),
        generation_info={"finish_reason": "stop"},
    )
    source = foreign.langchain(tmp_path / "a.db", (prompt, LLM, 0, dumps(answer)))

    import_entries(source, dest, words)

    with SemanticCache(tmp_path / "own.db", words) as cache:
        MnemeCache(cache).update(prompt, LLM, [answer])
        assert lookup(dest, words, prompt) == MnemeCache(cache).lookup(prompt, LLM)


def test_a_question_worded_differently_is_a_hit_too(foreign, tmp_path, dest, words):
    source = foreign.langchain(
        tmp_path / "a.db", (foreign.chat(("Human", "how do I pay today")), LLM, 0, foreign.chat_answer("By card."))
    )

    import_entries(source, dest, words)

    assert lookup(dest, words, foreign.chat(("Human", "today how do I pay")))[0].text == "By card."


def test_another_model_s_answer_is_not_served(foreign, tmp_path, dest, words):
    prompt = foreign.chat(("Human", "How do I pay?"))
    source = foreign.langchain(tmp_path / "a.db", (prompt, LLM, 0, foreign.chat_answer("By card.")))

    import_entries(source, dest, words)

    assert lookup(dest, words, prompt, llm="[('_type', 'other')]") is None


def test_a_completion_model_s_answer_is_a_hit(foreign, tmp_path, dest, words):
    source = foreign.langchain(tmp_path / "a.db", ("Say it", LLM, 0, foreign.text_answer("it")))

    import_entries(source, dest, words, namespace="acme")

    assert lookup(dest, words, "Say it", namespace="acme") == [Generation(text="it")]


def test_a_prompt_that_is_compared_exactly_gets_no_vector(foreign, tmp_path, dest, words):
    prompt = foreign.chat(("Human", "long " * 200))
    source = foreign.langchain(tmp_path / "a.db", (prompt, LLM, 0, foreign.chat_answer("short")))

    report = import_entries(source, dest, words)

    assert (report.imported, report.exact_only, words.calls) == (1, 1, [])
    assert lookup(dest, words, prompt)[0].text == "short"


def test_the_table_of_hashed_prompts_is_read_too(foreign, tmp_path, dest, words):
    seen: list[tuple[int, int]] = []
    source = foreign.langchain(
        tmp_path / "a.db",
        ("one", LLM, 0, foreign.text_answer("1")),
        md5_rows=[("id", LLM, 0, "two", foreign.text_answer("2"))],
    )

    report = import_entries(source, dest, words, progress=lambda done, total: seen.append((done, total)))

    assert (report.imported, seen) == (2, [(2, 2)])
    assert lookup(dest, words, "two") == [Generation(text="2")]


def test_a_table_without_row_numbers_is_read_too(foreign, tmp_path, dest, words):
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute(
            "CREATE TABLE full_llm_cache (prompt, llm, idx, response, PRIMARY KEY (prompt, llm, idx)) WITHOUT ROWID"
        )
        rows = [
            ("one", LLM, 0, foreign.text_answer("1")),
            ("three", LLM, 0, "broken"),
            ("two", LLM, 0, foreign.text_answer("a")),
            ("two", LLM, 1, foreign.text_answer("b")),
        ]
        db.executemany("INSERT INTO full_llm_cache VALUES (?, ?, ?, ?)", rows)

    report = import_entries(tmp_path / "a.db", dest, words)

    assert (report.read, report.imported, report.skipped) == (
        3,
        1,
        {
            "answer that cannot be read": Reason(1, "full_llm_cache, row 2: JSONDecodeError"),
            "more than one answer": Reason(1, "full_llm_cache, row 3: 2 answers"),
        },
    )
    assert lookup(dest, words, "one") == [Generation(text="1")]


CALL = [{"name": "f", "args": {}, "id": "1", "type": "tool_call"}]


@pytest.mark.parametrize(
    ("prompt", "llm", "answer", "reason"),
    [
        ("one", LLM, "{", "answer that cannot be read"),
        ("one", LLM, "plain text", "answer that cannot be read"),
        ("one", LLM, '"text"', "answer that cannot be read"),
        ("one", LLM, "[" * 100_000, "answer that cannot be read"),
        ("one", LLM, '{"lc": 1, "type": "secret", "id": ["HOME"]}', "answer that cannot be read"),
        ("one", LLM, dumps(HumanMessage("hi")), "answer that cannot be read"),
        ("one", LLM, dumps(Generation(text=" ")), "answer that is empty, cut short or refused"),
        (
            "one",
            LLM,
            dumps(Generation(text="cut", generation_info={"finish_reason": "length"})),
            "answer that is empty, cut short or refused",
        ),
        (
            "one",
            LLM,
            dumps(ChatGeneration(message=AIMessage("", tool_calls=CALL))),
            "answer that calls tools",
        ),
        (
            "one",
            LLM,
            dumps(Generation(text="1", generation_info={"logprob": float("nan")})),
            "answer that would not read back as it is",
        ),
        ("one", "<object at 0x7f00>", dumps(Generation(text="1")), "request that is not identified"),
        ("one", "<class 'no.such.Class'>", dumps(Generation(text="1")), "request that is not identified"),
        ("one", LLM, None, "column of the wrong type"),
        (b"one", LLM, dumps(Generation(text="1")), "column of the wrong type"),
    ],
)
def test_what_MnemeCache_would_not_serve_is_skipped(prompt, llm, answer, reason, foreign, tmp_path, dest, words):
    source = foreign.langchain(tmp_path / "a.db", (prompt, llm, 0, answer), ("two", LLM, 0, foreign.text_answer("2")))

    report = import_entries(source, dest, words)

    assert (report.imported, {name: found.count for name, found in report.skipped.items()}) == (1, {reason: 1})


def test_several_answers_are_one_request_that_is_skipped(foreign, tmp_path, dest, words):
    source = foreign.langchain(
        tmp_path / "a.db",
        ("one", LLM, 0, foreign.text_answer("a")),
        ("one", LLM, 1, foreign.text_answer("b")),
        ("two", LLM, 0, foreign.text_answer("c")),
    )

    report = import_entries(source, dest, words)

    assert (report.read, report.imported, report.skipped) == (
        2,
        1,
        {"more than one answer": Reason(1, "full_llm_cache, row 1: 2 answers")},
    )


def test_a_second_import_changes_nothing(foreign, tmp_path, dest, words):
    source = foreign.langchain(tmp_path / "a.db", ("one", LLM, 0, foreign.text_answer("1")))
    import_entries(source, dest, words)

    report = import_entries(source, dest, words)

    assert (report.imported, report.present) == (0, 1)


def test_without_langchain_the_error_says_what_to_install(foreign, tmp_path, dest, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "mneme_langchain.importing", None)
    source = foreign.langchain(tmp_path / "a.db", ("one", LLM, 0, foreign.text_answer("1")))

    with pytest.raises(ImportError, match=r'pip install "mneme-middleware\[langchain\]"'):
        import_entries(source, dest, words)
    assert not dest.exists()


def test_importing_needs_langchain_for_its_files_alone(foreign, tmp_path, dest, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "mneme_langchain.importing", None)

    assert import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "one"}), dest, words).imported == 1
