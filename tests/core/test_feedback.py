"""report_wrong: an answer found wrong is not served again where it was wrong."""

from __future__ import annotations

import json
import stat

import pytest

from mneme import AsyncSemanticCache, InvalidArgumentError, SemanticCache, Similar
from mneme.testing import WordEmbedder
from mneme.testing.searching_store import SearchingStore

OPTIONS = {"embedder": WordEmbedder(), "policy": "threshold:0.7"}


@pytest.fixture(params=["memory:", "sqlite"])
def url(request, tmp_path):
    return request.param if request.param == "memory:" else f"sqlite:///{tmp_path}/answers.db"


@pytest.fixture
def cache(url):
    with SemanticCache.open(url, **OPTIONS) as opened:
        yield opened


def test_a_hit_knows_what_was_asked(cache):
    cache.put("how do I pay", "card")

    assert (cache.get("How do I  pay").asked, cache.get("how do I pay today").asked) == (
        "How do I  pay",
        "how do I pay today",
    )


def test_an_answer_to_the_very_question_is_removed(cache):
    cache.put("how do I pay", "card")

    assert cache.report_wrong(cache.get("how do I pay")) == 1
    assert cache.get("how do I pay") is None
    assert cache.stats().entries == 0


def test_an_answer_to_another_question_stays_with_that_question(cache):
    cache.put("how do I pay", "card", metadata={"by": "us"}, ttl=60)
    wrong = cache.get("how do I pay today")

    assert cache.report_wrong(wrong) == 1
    assert cache.get("how do I pay today") is None
    assert cache.get("how do I pay tomorrow") is None
    own = cache.get("how do I pay")
    assert (own.response, own.metadata) == ("card", {"by": "us"})


def test_the_same_answer_under_questions_near_it_goes_with_it(cache):
    cache.put("how do I pay", "card")
    cache.put("how do I pay it", "card")
    cache.put("how do I pay now", "cheque")
    cache.put("where is my parcel", "card")

    assert cache.report_wrong(cache.get("how do I pay today")) == 2
    assert cache.get("how do I pay today") is None  # it may be either of them
    assert cache.get("where is my parcel now").response == "card"


def test_the_pair_is_never_taken_for_one_again(cache):
    cache.put("how do I pay", "card")
    cache.report_wrong(cache.get("how do I pay today"))
    cache.put("how do I pay", "by card")  # a new answer does not make one question of the two

    assert (cache.get("how do I pay TODAY"), cache.get("how do I pay tomorrow")) == (None, None)
    assert cache.get("how do I pay").response == "by card"
    assert cache.explain("how do I pay today").candidates[0].verdict.reason == "reported wrong"
    cache.clear()
    cache.put("how do I pay today", "by cheque")
    assert cache.get("how do I pay") is None


def test_it_holds_after_opening_again(tmp_path):
    url, path = f"sqlite:///{tmp_path}/answers.db", tmp_path / "wrong.jsonl"
    with SemanticCache.open(url, feedback=path, **OPTIONS) as cache:
        cache.put("how do I pay", "card")
        hit = cache.get("how do I pay today")
        cache.report_wrong(hit)
        cache.report_wrong(hit)
    with SemanticCache.open(url, **OPTIONS) as cache:
        assert cache.get("how do I pay tomorrow") is None
        assert cache.delete("how do I pay")
    with SemanticCache.open(url, feedback=path, **OPTIONS) as cache:
        cache.put("how do I pay", "card")
        assert cache.get("how do I pay today") is None
        assert cache.get("how do I pay") is not None

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["a"], row["b"], row["same"]) for row in rows] == [("how do I pay", "how do I pay today", False)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_process_sees_it(tmp_path):
    url = f"sqlite:///{tmp_path}/answers.db"
    with SemanticCache.open(url, **OPTIONS) as one, SemanticCache.open(url, **OPTIONS) as other:
        one.put("how do I pay", "card")
        assert other.get("how do I pay today") is not None
        one.report_wrong(one.get("how do I pay today"))
        assert other.get("how do I pay today") is None
        assert other.get("how do I pay").response == "card"


def test_an_answer_replaced_meanwhile_is_left_alone(cache):
    cache.put("how do I pay", "card")
    exact, near = cache.get("how do I pay"), cache.get("how do I pay today")
    cache.put("how do I pay", "cheque")

    assert (cache.report_wrong(exact), cache.report_wrong(near)) == (0, 0)
    assert cache.get("how do I pay").response == "cheque"


def test_a_hit_of_an_entry_that_is_gone_changes_nothing(cache):
    cache.put("how do I pay", "card")
    hit = cache.get("how do I pay")
    cache.clear()

    assert cache.report_wrong(hit) == 0


async def test_the_async_cache_does_the_same(url):
    async with AsyncSemanticCache.open(url, **OPTIONS) as cache:
        await cache.put("how do I pay", "card")
        assert await cache.report_wrong(await cache.get("how do I pay today")) == 1
        assert await cache.get("how do I pay today") is None
        assert await cache.report_wrong(await cache.get("how do I pay")) == 1
        assert await cache.get("how do I pay") is None


def test_a_feedback_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "wrong.jsonl"
    path.write_text("{}")

    with pytest.raises(InvalidArgumentError, match="line 1"):
        SemanticCache.open("memory:", feedback=path, **OPTIONS)


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    with SemanticCache.open("memory:", feedback=tmp_path / "none" / "wrong.jsonl", **OPTIONS) as cache:
        cache.put("how do I pay", "card")
        assert cache.report_wrong(cache.get("how do I pay today")) == 1
    assert "could not be written" in caplog.text


def test_explain_tells_people_what_was_weighed():
    with SemanticCache.open("memory:", embedder=WordEmbedder()) as cache:
        cache.put("how long may I keep 2 books", "a week")
        explanation = cache.explain("how long may I keep 3 books")

    assert explanation.candidates[0].features["differences"].startswith("number: 3 / 2")
    assert "P(same answer) 0" in str(explanation)


def test_a_line_that_was_torn_costs_that_report_alone(tmp_path, caplog):
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"a": "how do I pay", "b": "how do I pay today", "same": false}\n{"a": "where is')
    with SemanticCache.open("memory:", **OPTIONS, feedback=path) as cache:
        cache.put("how do I pay", "card")
        cache.put("when does it open", "at nine")
        assert cache.get("how do I pay today") is None
        cache.report_wrong(cache.get("when does it open today"))
    assert "1 lines that cannot be read" in caplog.text
    with SemanticCache.open("memory:", **OPTIONS, feedback=path) as cache:
        cache.put("when does it open", "at nine")
        assert cache.get("when does it open today") is None


def test_a_label_that_was_mended_is_no_report(tmp_path):
    path = tmp_path / "labels.jsonl"
    rows = [("how do I pay", "how do I pay today", said) for said in ("false", "true")]
    rows += [("when does it open", "when does it open today", said) for said in ("true", "false")]
    path.write_text("".join(f'{{"a": "{a}", "b": "{b}", "same": {said}}}\n' for a, b, said in rows))
    with SemanticCache.open("memory:", **OPTIONS, feedback=path) as cache:
        cache.put("how do I pay", "card")
        cache.put("when does it open", "at nine")

        assert cache.get("how do I pay today").response == "card"
        assert cache.get("when does it open today") is None


def test_a_line_nested_without_end_is_one_that_cannot_be_read(tmp_path):
    path = tmp_path / "wrong.jsonl"
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(InvalidArgumentError, match="not JSON"):
        SemanticCache.open("memory:", **OPTIONS, feedback=path)


@pytest.mark.parametrize("change", ["invalidate", "replace", "delete", "clear"])
def test_a_report_brings_nothing_back_that_another_took_away(tmp_path, change):
    path, question = tmp_path / "answers.db", "how do I reset my password"
    with SemanticCache.open(path, **OPTIONS) as one, SemanticCache.open(path, **OPTIONS) as other:
        one.put(question, "old", tags=["t"])
        hit = other.get(f"{question} please")
        if change == "invalidate":
            one.invalidate(tags=["t"])
        elif change == "replace":
            one.put(question, "new")
        elif change == "delete":
            one.delete(question)
        else:
            one.clear()
        other.report_wrong(hit)

        left = one.get(question)
        assert (left and left.response) == ("new" if change == "replace" else None)


@pytest.mark.parametrize("question", ["how do I pay", "how do I pay today"])
def test_what_another_process_served_from_a_store_that_searches_is_taken_back(question):
    store = SearchingStore()
    with SemanticCache(store=store, **OPTIONS) as one, SemanticCache(store=store, **OPTIONS) as other:
        one.put("how do I pay", "card")
        one.put("how do I pay it", "card")
        hit = one.get(question)

        assert other.report_wrong(hit) == (1 if hit.layer == "exact" else 2)
        assert one.get(question, mode="exact") is None
        served = one.get("how do I pay now")
        assert (served and served.query) == ("how do I pay it" if hit.layer == "exact" else None)


def test_a_follow_up_that_another_process_served_is_not_noted(tmp_path):
    store, path = SearchingStore(), tmp_path / "wrong.jsonl"
    vary = {"turns": Similar(["who wrote emma"])}
    with (
        SemanticCache(store=store, **OPTIONS) as one,
        SemanticCache(store=store, feedback=path, **OPTIONS) as other,
    ):
        one.put("how old was she then", "41", vary=vary)
        hit = one.get("how old was she", vary=vary)

        assert (other.report_wrong(hit), path.exists()) == (1, False)
