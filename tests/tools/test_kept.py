"""A cache that is kept between two questions about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mneme import SemanticCache
from mneme.errors import InvalidArgumentError
from mneme.model import Explanation
from mneme.runtime.pairs import append_row
from mneme.stores.base import StoreBusyError
from mneme.testing import WordEmbedder
from mneme.tools import looking
from mneme.tools.looking.explaining import Kept

ASKED = "pay my bill how do I"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SemanticCache(tmp_path / "cache.db", WordEmbedder()) as cache:
        cache.put_many([(f"how do I pay my {what} bill", "By card.") for what in ("first", "last")])
        cache.put("where is my order", "On its way.", namespace="acme")
    return tmp_path / "cache.db"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each time that all entries are read."""
    noted: list[str] = []
    load: Callable[..., Any] = looking.opening.ReadOnlySQLiteStore.load_heads

    def noting(store: Any) -> Any:
        noted.append(store.path.name)
        return load(store)

    monkeypatch.setattr(looking.opening.ReadOnlySQLiteStore, "load_heads", noting)
    return noted


def told(found: Explanation) -> list[tuple[str, str, str]]:
    return [(each.neighbour.query, each.neighbour.response, each.verdict.reason) for each in found.candidates]


def test_what_was_put_replaced_and_removed_meanwhile_is_known_without_reading_all_again(path, read):
    kept = Kept(path, WordEmbedder())
    first = told(kept.explain(ASKED))
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("how do I pay my bill", "In cash.")
        cache.put("how do I pay my last bill", "By transfer.")
        looking.delete(path, cache.key("how do I pay my first bill"))
        live = told(kept.explain(ASKED))
    closed = kept.explain(ASKED)

    assert read == ["cache.db"]
    assert live == told(closed) == told(looking.explain(path, ASKED, WordEmbedder()))
    assert [(query, response) for query, response, _ in live] != [(query, response) for query, response, _ in first]
    assert {query: response for query, response, _ in live} == {
        "how do I pay my bill": "In cash.",
        "how do I pay my last bill": "By transfer.",
    }
    kept.close()


def opened_files() -> list[str]:
    """What this process has open, where the system tells."""
    found = []
    for each in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            found.append(str(each.readlink()))
    return found


def test_the_file_is_not_held_between_two_questions(path):
    kept = Kept(path, WordEmbedder())
    for _ in range(2):
        kept.explain(ASKED)

        assert str(path) not in opened_files()
        assert [each.name for each in path.parent.iterdir()] == ["cache.db"]


def other(path: Path, number: int) -> Path:
    place = path.with_name("other.db")
    with SemanticCache(place, WordEmbedder()) as cache:
        cache.put_many([(f"pay my bill {at}", "Never.") for at in range(number)])
    return place


@pytest.mark.parametrize("number", [1, 9])
def test_another_file_in_its_place_is_read(path, number):
    kept = Kept(path, WordEmbedder())
    kept.explain(ASKED)
    other(path, number).replace(path)

    assert {response for _, response, _ in told(kept.explain(ASKED))} == {"Never."}


def test_an_older_file_that_is_copied_over_it_is_read(path):
    kept = Kept(path, WordEmbedder())
    kept.explain(ASKED)
    shutil.copyfile(other(path, 1), path)

    assert {response for _, response, _ in told(kept.explain(ASKED))} == {"Never."}


def test_feedback_that_was_given_since_counts(path, tmp_path):
    asked, feedback = "how can I pay my last bill", tmp_path / "feedback.jsonl"
    feedback.touch()
    kept = Kept(path, WordEmbedder(), feedback=feedback)
    before = kept.explain(asked)
    append_row(feedback, {"a": "how do I pay my last bill", "b": asked, "same": False})

    assert "reported wrong" not in [reason for _, _, reason in told(before)]
    assert "reported wrong" in [reason for _, _, reason in told(kept.explain(asked))]


def test_a_wrong_key_costs_no_reading(path, read):
    kept = Kept(path, WordEmbedder())
    kept.explain(ASKED)
    with pytest.raises(InvalidArgumentError):
        kept.explain(ASKED, like="ffffffff")
    kept.explain(ASKED)

    assert len(read) == 1


def test_what_was_read_while_somebody_began_to_write_is_not_kept(path, read):
    class Writing(WordEmbedder):
        def embed(self, text: str) -> Any:
            if text == "write":
                os.utime(path, ns=(1, 1))
            return super().embed(text)

    kept = Kept(path, Writing())
    with pytest.raises(StoreBusyError):
        kept.explain("write")
    kept.explain(ASKED)

    assert len(read) == 2


def test_a_file_that_is_gone_is_said_to_be_gone(path):
    kept = Kept(path, WordEmbedder())
    kept.explain(ASKED)
    path.unlink()

    with pytest.raises(FileNotFoundError):
        kept.explain(ASKED)
