"""Importing what other caches hold: detection, the destination, runs that are interrupted, the report."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from mneme import SemanticCache, UnembeddableTextError
from mneme.errors import (
    CorruptCacheError,
    EmbedderDimensionError,
    EmbedderError,
    EmbedderMismatchError,
    InvalidArgumentError,
    StoreBackendError,
)
from mneme.testing import AsyncWordEmbedder, FakeClock, WordEmbedder
from mneme.tools.importing import Reason, import_entries


@pytest.fixture
def words() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def answers(path: Path, embedder: WordEmbedder, **options) -> dict[str, str]:
    """Return question -> answer of a cache's default namespace."""
    with SemanticCache(path, embedder, **options) as cache:
        return {query: cache.get(query).response for query in cache.list_queries()}


def state(directory: Path) -> dict[str, str]:
    """Return name -> digest of every file."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


# ---------------------------------------------------------------------- which file it is


def test_the_format_is_found(foreign, tmp_path, words):
    sources = [
        foreign.mneme_cache(tmp_path / "a.db", {"query": "one"}),
        foreign.gptcache(tmp_path / "b.db", {"question": "one"}),
        foreign.langchain(tmp_path / "c.db", ("one", "llm", 0, foreign.text_answer("1"))),
    ]

    reports = [import_entries(source, tmp_path / f"{source.stem}-new.db", words) for source in sources]

    assert [(report.format, report.read, report.imported) for report in reports] == [
        ("mneme-cache", 1, 1),
        ("gptcache", 1, 1),
        ("langchain", 1, 1),
    ]


@pytest.mark.parametrize("format", [None, "mneme-cache", "gptcache", "langchain"])
def test_another_program_s_database_is_refused_and_nothing_is_made(format, tmp_path, dest, words):
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE songs (title TEXT)")

    with pytest.raises(InvalidArgumentError, match=r"its tables \(songs\)"):
        import_entries(tmp_path / "other.db", dest, words, format=format)
    assert not dest.exists()


def test_a_file_of_another_version_s_columns_is_refused(tmp_path, dest, words):
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE full_llm_cache (prompt, llm, answer)")

    with pytest.raises(InvalidArgumentError, match="lack columns"):
        import_entries(tmp_path / "other.db", dest, words, format="langchain")


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\0 and no more"])
def test_a_file_that_is_no_database_is_refused(content, tmp_path, dest, words):
    (tmp_path / "notes.txt").write_bytes(content)

    with pytest.raises(InvalidArgumentError, match="not a SQLite database"):
        import_entries(tmp_path / "notes.txt", dest, words)


def test_a_cache_of_mneme_s_own_is_refused(tmp_path, dest, words):
    SemanticCache(tmp_path / "own.db", words).close()

    with pytest.raises(InvalidArgumentError, match="a Mneme cache already"):
        import_entries(tmp_path / "own.db", dest, words)


def test_of_a_file_of_two_formats_one_is_named(foreign, tmp_path, dest, words):
    source = foreign.gptcache(tmp_path / "both.db", {"question": "one"})
    foreign.langchain(source, ("two", "llm", 0, foreign.text_answer("2")))

    with pytest.raises(InvalidArgumentError, match="gptcache and langchain"):
        import_entries(source, dest, words)
    assert import_entries(source, dest, words, format="gptcache").imported == 1


def test_an_unknown_format_is_refused(foreign, tmp_path, dest, words):
    with pytest.raises(InvalidArgumentError, match="'redis'; it is one of mneme-cache, gptcache, langchain"):
        import_entries(foreign.gptcache(tmp_path / "a.db"), dest, words, format="redis")


@pytest.mark.parametrize("source", ["nowhere.db", "."])
def test_a_missing_source_is_a_missing_file(source, tmp_path, dest, words):
    with pytest.raises(FileNotFoundError):
        import_entries(tmp_path / source, dest, words)


# ---------------------------------------------------------------------- the source


@pytest.mark.parametrize("make", ["mneme_cache", "gptcache"])
def test_the_source_and_its_directory_are_left_as_they_were(make, foreign, tmp_path, dest, words):
    (tmp_path / "there").mkdir()
    question = {"query": "one"} if make == "mneme_cache" else {"question": "one"}
    source = getattr(foreign, make)(tmp_path / "there" / "source.db", question)
    before = state(source.parent)

    import_entries(source, dest, words)

    assert state(source.parent) == before


def test_a_source_in_use_is_read_with_what_is_in_its_log(foreign, tmp_path, dest, words):
    source = foreign.mneme_cache(tmp_path / "source.db", {"query": "one"})
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE entries SET response = 'By cash.'")
        before = source.read_bytes()

        import_entries(source, dest, words)

        assert (answers(dest, words), source.read_bytes()) == ({"one": "By cash."}, before)


def test_a_source_that_someone_begins_to_write_meanwhile_is_an_error(foreign, tmp_path, dest, words):
    source = foreign.mneme_cache(tmp_path / "source.db", {"query": "one"})

    def write(done: int, total: int) -> None:
        with closing(sqlite3.connect(source, isolation_level=None)) as db:
            db.execute("UPDATE entries SET response = 'By cash.'")

    with pytest.raises(StoreBackendError, match="was changed while it was read"):
        import_entries(source, dest, words, progress=write)


def test_a_damaged_source_is_an_error(foreign, tmp_path, dest, words):
    source = foreign.gptcache(tmp_path / "source.db", *({"question": f"number {n} " + "x" * 900} for n in range(50)))
    content = bytearray(source.read_bytes())
    content[-40_000:] = b"\xff" * 40_000
    source.write_bytes(content)

    with pytest.raises(StoreBackendError, match="cannot be read"):
        import_entries(source, dest, words)


# ---------------------------------------------------------------------- the destination


def test_the_source_cannot_be_the_destination(foreign, tmp_path, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": "one"})
    (tmp_path / "link.db").symlink_to(source)

    with pytest.raises(InvalidArgumentError, match="must differ"):
        import_entries(source, tmp_path / "link.db", words)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        (WordEmbedder(fingerprint="test:other"), EmbedderMismatchError),
        (WordEmbedder(dim=8), EmbedderDimensionError),
    ],
)
def test_a_cache_of_another_embedder_is_refused(other, error, foreign, tmp_path, dest, words):
    SemanticCache(dest, other).close()

    with pytest.raises(error):
        import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "one"}), dest, words)


def test_another_program_s_file_is_not_written_to(foreign, tmp_path, dest, words):
    with closing(sqlite3.connect(dest)) as db:
        db.execute("CREATE TABLE songs (title TEXT)")

    with pytest.raises(CorruptCacheError, match="another program"):
        import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "one"}), dest, words)


def test_a_directory_that_is_missing_is_named(foreign, tmp_path, words):
    with pytest.raises(FileNotFoundError, match="Create it first"):
        import_entries(foreign.gptcache(tmp_path / "a.db"), tmp_path / "no" / "cache.db", words)


def test_entries_that_the_cache_has_stay(foreign, tmp_path, dest, words):
    with SemanticCache(dest, words) as cache:
        cache.put("one", "of ours")
        cache.put("two", "of ours")
    source = foreign.gptcache(tmp_path / "a.db", {"question": "One"}, {"question": "three"})

    report = import_entries(source, dest, words)

    assert (report.present, answers(dest, words)) == (1, {"one": "of ours", "two": "of ours", "three": "By card."})


def test_a_newer_answer_takes_an_older_one_s_place(foreign, tmp_path, dest, words):
    with SemanticCache(dest, words, clock=FakeClock(500.0)) as cache:
        cache.put("one", "of ours")
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "One", "response": "theirs", "created_at": 501})

    report = import_entries(source, dest, words)

    assert (report.imported, report.replaced, answers(dest, words)) == (1, 1, {"One": "theirs"})


class Meanwhile(WordEmbedder):
    """Calls a function while a text is embedded."""

    def __init__(self, call) -> None:
        super().__init__()
        self.call = call

    def embed(self, text):
        self.call()
        return super().embed(text)


@pytest.mark.parametrize("created_at", [None, 1, 499])
def test_an_answer_that_is_put_while_the_import_embeds_wins(created_at, foreign, tmp_path, dest, words):
    if created_at is None:
        source = foreign.gptcache(tmp_path / "b.db", {"question": "One", "create_on": None}, {"question": "two"})
    else:
        source = foreign.mneme_cache(
            tmp_path / "a.db",
            {"query": "One", "created_at": created_at},
            {"query": "one ", "created_at": created_at + 0.5, "query_hash": "1"},
            {"query": "two"},
        )
    with SemanticCache(dest, words, clock=FakeClock(500.0)) as cache:
        report = import_entries(source, dest, Meanwhile(lambda: cache.put("one", "live")))

        assert [cache.get(query).response for query in ("one", "two")] == ["live", "By card."]
    assert (report.read, report.imported, report.replaced) == (report.imported + report.present, 1, 0)
    assert answers(dest, words) == {"one": "live", "two": "By card."}


def test_of_two_answers_the_newer_one_wins_though_the_other_is_put_while_the_import_embeds(
    foreign, tmp_path, dest, words
):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "One", "created_at": 501})
    with SemanticCache(dest, words, clock=FakeClock(500.0)) as cache:
        report = import_entries(source, dest, Meanwhile(lambda: cache.put("one", "live")))

        assert (report.imported, report.present, cache.get("one").response) == (1, 0, "By card.")


def test_an_import_and_a_live_cache_write_by_turns(foreign, tmp_path, dest, words):
    source = foreign.gptcache(tmp_path / "a.db", *({"question": f"question {n}"} for n in range(20)))
    with SemanticCache(dest, words) as cache:
        turns = iter(range(100, 200))
        report = import_entries(source, dest, Meanwhile(lambda: cache.put(f"live {next(turns)}", "live")), batch_size=3)
        found = [cache.get(f"question {n}").response for n in range(20)]
        found += [cache.get(f"live {n}").response for n in range(100, 120)]

    assert (report.imported, found) == (20, ["By card."] * 20 + ["live"] * 20)
    assert len(answers(dest, words)) == 40


def test_an_open_cache_sees_what_is_imported(foreign, tmp_path, dest, words):
    with SemanticCache(dest, words) as cache:
        import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "How do I pay?"}), dest, words)

        assert cache.get("how do i  PAY?").response == "By card."


def test_a_cache_that_normalises_with_a_function_is_refused(foreign, tmp_path, dest, words):
    SemanticCache(dest, words, normalize=str.upper).close()

    with pytest.raises(InvalidArgumentError, match="a function"):
        import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "one"}), dest, words)


def test_a_cache_that_does_not_normalise_keeps_questions_apart(foreign, tmp_path, dest, words):
    SemanticCache(dest, words, normalize=False).close()
    source = foreign.gptcache(tmp_path / "a.db", {"question": "us"}, {"question": "US", "answers": [("USA", 0)]})

    report = import_entries(source, dest, words)

    assert (report.normalize, answers(dest, words, normalize=False)) == (False, {"us": "By card.", "US": "USA"})


# ---------------------------------------------------------------------- the run


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_batch_size_changes_nothing(batch_size, foreign, tmp_path, dest, words):
    source = foreign.mneme_cache(
        tmp_path / "a.db",
        {"query": "one", "created_at": 5},
        {"query": "two"},
        {"query": "ONE", "response": "newer", "created_at": 7, "query_hash": "1"},
        {"query": "one ", "response": "older", "created_at": 6, "query_hash": "2"},
        {"query": "gone", "ttl": 1},
    )

    report = import_entries(source, dest, words, batch_size=batch_size)

    assert (report.read, report.imported, report.replaced, report.present, report.skipped, answers(dest, words)) == (
        5,
        3,
        1,
        1,
        {"expired": Reason(1, "entries, row 5")},
        {"two": "By card.", "ONE": "newer"},
    )


@pytest.mark.parametrize("batch_size", [0, -1, True, 1.5])
def test_a_batch_size_that_is_none_is_refused(batch_size, foreign, tmp_path, dest, words):
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        import_entries(foreign.gptcache(tmp_path / "a.db"), dest, words, batch_size=batch_size)


def test_an_import_that_was_interrupted_goes_on_where_it_ended(foreign, tmp_path, dest, words):
    class Broken(WordEmbedder):
        def embed(self, text):
            if len(self.calls) == 4:
                raise ConnectionError("the embedding service is away")
            return super().embed(text)

    source = foreign.gptcache(tmp_path / "a.db", *({"question": f"question {n}"} for n in range(6)))
    with pytest.raises(EmbedderError, match="ConnectionError: the embedding service is away"):
        import_entries(source, dest, Broken(), batch_size=2)

    report = import_entries(source, dest, words, batch_size=2)

    assert (report.present, report.imported, words.calls) == (4, 2, ["question 4", "question 5"])
    assert len(answers(dest, words)) == 6


def test_a_second_import_changes_nothing(foreign, tmp_path, dest, words):
    source = foreign.mneme_cache(tmp_path / "a.db", {"query": "one"}, {"query": "two"})
    import_entries(source, dest, words)
    words.calls.clear()

    report = import_entries(source, dest, words)

    assert (report.present, report.imported, words.calls) == (2, 0, [])


def test_texts_are_embedded_in_batches(foreign, tmp_path, dest):
    class Many(WordEmbedder):
        sizes: list[int] = []  # noqa: RUF012

        def embed_many(self, texts):
            self.sizes.append(len(texts))
            return [self.embed(text) for text in texts]

    source = foreign.gptcache(tmp_path / "a.db", *({"question": f"question {n}"} for n in range(5)))

    import_entries(source, dest, Many(), batch_size=2)

    assert Many.sizes == [2, 2, 1]


def test_a_text_that_is_refused_serves_equal_requests_alone(foreign, tmp_path, dest):
    class Picky(WordEmbedder):
        def embed(self, text):
            if "strange" in text:
                raise UnembeddableTextError("a language of which I know nothing")
            return super().embed(text)

    source = foreign.gptcache(tmp_path / "a.db", {"question": "strange words"}, {"question": "one"})

    report = import_entries(source, dest, Picky())

    assert (report.imported, report.exact_only, report.vectors_made) == (2, 1, 1)
    assert answers(dest, Picky()) == {"strange words": "By card.", "one": "By card."}


def test_an_embedder_whose_vectors_have_another_length_is_an_error(foreign, tmp_path, dest):
    class Wrong(WordEmbedder):
        def embed(self, text):
            return np.ones(3, np.float32)

    with pytest.raises(EmbedderDimensionError):
        import_entries(foreign.gptcache(tmp_path / "a.db", {"question": "one"}), dest, Wrong())


def test_an_async_embedder_is_refused(foreign, tmp_path, dest):
    with pytest.raises(InvalidArgumentError, match="to_sync_embedder"):
        import_entries(foreign.gptcache(tmp_path / "a.db"), dest, AsyncWordEmbedder())


def test_progress_counts_what_was_read(foreign, tmp_path, dest, words):
    seen: list[tuple[int, int]] = []
    source = foreign.gptcache(
        tmp_path / "a.db", {"question": "one"}, {"question": "two", "deleted": -1}, {"question": "three"}
    )

    import_entries(source, dest, words, batch_size=2, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(2, 3), (3, 3)]


def test_an_empty_source_makes_an_empty_cache(foreign, tmp_path, dest, words):
    report = import_entries(foreign.langchain(tmp_path / "a.db"), dest, words)

    assert (report.read, report.imported, report.skipped, answers(dest, words)) == (0, 0, {}, {})


@pytest.mark.parametrize(
    ("query", "response", "reason", "said"),
    [
        (" \n", "x", "empty question", ""),
        ("one", " ", "empty answer", ""),
        ("one", "[LLM Error] no model", "answer that reports an error", ""),
        ("x" * 32_769, "x", "over a size limit", "the query has 32,769 bytes"),
        ("one", "x" * (4 * 1_048_576 + 1), "over a size limit", "the response has 4,194,305 bytes"),
    ],
)
def test_what_cannot_be_served_is_skipped(query, response, reason, said, foreign, tmp_path, dest, words):
    source = foreign.gptcache(tmp_path / "a.db", {"question": query, "answers": [(response, 0)]}, {"question": "two"})

    report = import_entries(source, dest, words)

    assert (report.imported, list(report.skipped)) == (1, [reason])
    assert report.skipped[reason].example.startswith(f"gptcache_question, row 1{said and ': ' + said}")


def test_reasons_come_with_the_most_first(foreign, tmp_path, dest, words):
    gone = {"question": "one", "deleted": -1}
    source = foreign.gptcache(tmp_path / "a.db", {"question": ""}, gone, gone)

    report = import_entries(source, dest, words)

    assert list(report.skipped.items()) == [
        ("deleted", Reason(2, "gptcache_question, row 2")),
        ("empty question", Reason(1, "gptcache_question, row 1")),
    ]
