"""An answer that is reported as wrong, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mneme import SemanticCache
from mneme.runtime.pairs import read_labelled
from mneme.testing import WordEmbedder
from mneme.tools import looking
from mneme.tools.looking.taking_back import give_back, take_back

ASKED = "how should I pay my bill"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def cache(path: Path) -> Iterator[SemanticCache]:
    with SemanticCache(path, WordEmbedder(), similarity_threshold=0.7) as cache:
        cache.put("how do I pay my bill", "By card.", ttl=500, tags=["doc:1"], metadata={"page": 3})
        cache.put("how can I pay my bill", "By card.")
        cache.put("how may I pay my bill", "At the desk.")
        yield cache


@pytest.fixture
def served(cache: SemanticCache) -> Callable[[], list[str | None]]:
    """What is served to questions near those of the entries, and to their own."""

    def ask() -> list[str | None]:
        hits = [cache.get(query) for query in ("pay my bill how do I", "how do I pay my bill", "how can I pay my bill")]
        return [hit and hit.response for hit in hits]

    return ask


def key_of(cache: SemanticCache) -> str:
    return cache.key("how do I pay my bill")


def test_a_report_that_is_undone_leaves_all_as_it_was(cache, path, tmp_path, served):
    before, entries = served(), looking.entries(path)[0]
    taken = take_back(path, key_of(cache), question="pay my bill how do I", feedback=tmp_path / "feedback.jsonl")
    meanwhile = served()
    number = give_back(path, taken, feedback=tmp_path / "feedback.jsonl")

    assert (taken.reported.changed, number) == (2, 2)
    assert (before, served()) == (["By card."] * 3, ["By card."] * 3)
    assert meanwhile == [None, "By card.", "By card."]
    assert {
        (each.key, each.created_at, each.ttl, each.tags, str(each.metadata)) for each in looking.entries(path)[0]
    } == {(each.key, each.created_at, each.ttl, each.tags, str(each.metadata)) for each in entries}
    assert (taken.is_noted, read_labelled(tmp_path / "feedback.jsonl")) == (True, [])


def test_a_removed_answer_is_put_back(cache, path, served):
    taken = take_back(path, key_of(cache))
    is_gone = looking.entry(path, key_of(cache)) is None
    give_back(path, taken)

    assert (taken.reported.removed, is_gone, served()) == (True, True, ["By card."] * 3)


def test_an_answer_that_was_stored_since_stays(cache, path):
    taken = take_back(path, key_of(cache))
    cache.put("how do I pay my bill", "By transfer.")

    assert give_back(path, taken) == 0
    assert cache.get("how do I pay my bill").response == "By transfer."


def test_what_was_said_before_the_report_is_not_unsaid(cache, path, tmp_path):
    feedback = tmp_path / "feedback.jsonl"
    first = take_back(path, key_of(cache), question=ASKED, feedback=feedback)
    second = take_back(path, key_of(cache), question=ASKED, feedback=feedback)
    give_back(path, second, feedback=feedback)

    assert (first.is_noted, second.is_noted, second.before) == (True, False, ())
    assert [pair.same for pair in read_labelled(feedback)] == [False]


def test_a_report_is_undone_in_an_encrypted_cache(tmp_path):
    def keys() -> list[bytes]:
        return [b"k" * 32]

    url = looking.Keyed(tmp_path / "sealed.db", keys)
    with SemanticCache.open(url.url, embedder=WordEmbedder(), encryption=keys, policy="threshold:0.7") as cache:
        cache.put("how do I pay my bill", "By card.")
        taken = take_back(url, key_of(cache), question=ASKED)
        meanwhile = cache.get(ASKED)
        give_back(url, taken)

        assert (meanwhile, cache.get(ASKED).response) == (None, "By card.")
    assert looking.these(url.url, [taken.reported.key]) == {}
    assert looking.these(url, [taken.reported.key])[taken.reported.key].searchable


def test_no_entry_is_none(cache, path):
    assert take_back(path, "ffff") is None


def test_entries_are_found_by_their_keys(cache, path):
    key = key_of(cache)

    assert list(looking.these(path, [key, key[:8], "ff" * 16, "", "x"])) == [key]
    assert looking.these(path, []) == {}
