"""What was reported goes on competing: a report takes answers away and gives none to a question that had another."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mneme import AsyncSemanticCache, MemoryStore, SemanticCache, TokenUsage, default_embedder
from mneme.runtime import reports
from mneme.testing import FakeClock, WordEmbedder
from mneme.testing.searching_store import SearchingStore


class Remembering:
    """The bundled embedder, which embeds each text once."""

    def __init__(self):
        self.inner, self.vectors = default_embedder(), {}
        self.dim, self.fingerprint = self.inner.dim, self.inner.fingerprint

    def embed(self, text):
        if text not in self.vectors:
            self.vectors[text] = self.inner.embed(text)
        return self.vectors[text]


THRESHOLD = {"embedder": WordEmbedder(), "policy": "threshold:0.7"}
GUARDED = {"embedder": Remembering(), "policy": "guarded"}
A, B = "Where is the router?", "Where is my router?"
REWORDED = ("Where's the router?", "Can you tell me where the router is?", "Where's my router?")

WORDS = ("pay", "bill", "card", "abroad", "today")
QUESTIONS = [f"how do I {one} {two}" for one in WORDS for two in ("", *WORDS) if one != two]


def reported(cache):
    """Report A's answer to B as wrong, and answer B."""
    cache.put(A, "for A")
    wrong = cache.get(B)
    changed = cache.report_wrong(wrong)
    assert (wrong.response, changed) == ("for A", 1)
    assert cache.get_or_compute(B, lambda: "for B").status == "computed"
    return wrong


def answers(cache):
    return [hit and hit.response for hit in map(cache.get, (A, B, *REWORDED))]


def test_a_rewording_of_either_question_gets_neither_answer(tmp_path):
    with SemanticCache.open(tmp_path / "answers.db", **GUARDED) as cache:
        reported(cache)
        here, why = answers(cache), [cache.explain(question).outcome for question in REWORDED]
    with SemanticCache.open(tmp_path / "answers.db", **GUARDED) as cache:
        reopened = answers(cache)

    assert here == reopened == ["for A", "for B", None, None, None]
    assert why == ["reported_wrong"] * 3


async def test_the_async_cache_does_the_same():
    async with AsyncSemanticCache.open("memory:", **GUARDED) as cache:
        await cache.put(A, "for A")
        wrong = await cache.get(B)
        await cache.report_wrong(wrong)
        await cache.put(B, "for B")
        refused = [await cache.get(question) for question in REWORDED]
        undone = await cache.unreport(wrong)

        assert (refused, undone, (await cache.get(REWORDED[0])).response) == ([None] * 3, 1, "for A")


@pytest.mark.parametrize("options", [THRESHOLD, GUARDED], ids=["threshold", "guarded"])
@pytest.mark.parametrize("make", [MemoryStore, SearchingStore])
@given(
    stored=st.lists(st.sampled_from(QUESTIONS), min_size=1, max_size=6, unique=True),
    asked=st.lists(st.sampled_from(QUESTIONS), min_size=1, max_size=5, unique=True),
)
@settings(max_examples=12, deadline=None)
def test_who_was_served_a_reported_entry_is_served_nothing_by_meaning(options, make, stored, asked):
    store, wrong = make(), set()
    with SemanticCache(store=store, **options) as cache, SemanticCache(store=store, **options) as other:
        cache.put_many([(question, f"for {question}") for question in stored])
        before = {question: cache.get(question) for question in QUESTIONS}
        for question in asked:
            hit = cache.get(question)
            if hit is not None and hit.layer == "semantic":
                cache.report_wrong(hit)
                wrong.add(hit.query)
                cache.put(question, f"for {question}")
        for question in QUESTIONS:
            was, now = before[question], [one.get(question) for one in (cache, other)]
            by_meaning = [hit for hit in now if hit is not None and hit.layer == "semantic"]
            if was is not None and was.query in wrong:
                assert by_meaning == [] or was.layer == "exact"
            assert not {hit.query for hit in by_meaning} & wrong
        assert all(cache.get(question).response == f"for {question}" for question in {*stored, *wrong})


def test_one_that_ran_out_goes_on_competing_and_one_stored_anew_too():
    clock = FakeClock()
    with SemanticCache.open("memory:", clock=clock, **GUARDED) as cache:
        cache.put(A, "for A", ttl=60)
        cache.report_wrong(cache.get(B))
        cache.put(B, "for B")
        clock.advance(61)
        stale = answers(cache)
        cache.put(A, "for A, anew")
        assert (stale, answers(cache)) == (
            [None, "for B", None, None, None],
            ["for A, anew", "for B", None, None, None],
        )


def test_one_that_is_not_among_the_first_competes():
    near = [f"how do I pay by card number {number}" for number in range(12)]
    with SemanticCache.open("memory:", **THRESHOLD) as cache:
        cache.put("how do I pay by card", "reported")
        cache.report_wrong(cache.get("how do I pay by card abroad"))
        cache.put_many([(question, question) for question in near])

        assert cache.get("how do I pay by card number 3 today") is None
        assert cache.explain("how do I pay by card number 3 today").outcome == "reported_wrong"


def test_a_pair_in_the_file_counts_without_an_entry_of_the_other_question(tmp_path):
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps({"a": A, "b": B, "same": False}) + "\n")
    with SemanticCache.open("memory:", feedback=path, **GUARDED) as cache:
        cache.put(B, "for B")
        cache.put("How do I block my SIM card?", "so")

        assert answers(cache) == [None, "for B", None, None, None]
        assert cache.get("How can I block my SIM card?").response == "so"


@pytest.mark.parametrize(("similarity", "served"), [(0.1, True), (0.95, False), (None, False)])
def test_a_threshold_reads_no_words_so_the_pair_s_own_similarity_tells(tmp_path, similarity, served):
    path = tmp_path / "labels.jsonl"
    row = {"a": "how do I pay", "b": "where is my parcel", "same": False}
    path.write_text(json.dumps(row | ({} if similarity is None else {"similarity": similarity})) + "\n")
    with SemanticCache.open("memory:", feedback=path, **THRESHOLD) as cache:
        cache.put("how do I pay", "by card")

        assert (cache.get("how do I pay today") is not None) == served


def test_a_report_is_taken_back(tmp_path):
    path = tmp_path / "wrong.jsonl"
    with SemanticCache.open(tmp_path / "answers.db", feedback=path, **GUARDED) as cache:
        wrong = reported(cache)
        assert (cache.unreport(wrong), cache.unreport(wrong)) == (1, 0)
        there = answers(cache)
    with SemanticCache.open(tmp_path / "answers.db", feedback=path, **GUARDED) as cache:
        assert there == answers(cache)
        assert (there[0], there[1], cache.get(REWORDED[0]).layer) == ("for A", "for B", "semantic")
    assert [json.loads(line).get("withdrawn") for line in path.read_text().splitlines()] == [None, True]


def test_a_hit_of_the_entry_s_own_question_takes_back_all_that_was_reported_of_it():
    with SemanticCache.open("memory:", **THRESHOLD) as cache:
        cache.put("how do I pay", "card", metadata={"by": "us"})
        hit = cache.get("how do I pay today")
        cache.report_wrong(hit)
        cache.put("how do I pay", "card", metadata={"by": "us"})
        assert cache.get("how do I pay now") is None
        own = cache.get("how do I pay")

        assert (cache.unreport(own), own.metadata, cache.get("how do I pay now").response) == (1, {"by": "us"}, "card")
        assert cache.get("how do I pay today").response == "card"


def test_what_others_add_to_the_file_holds_without_opening_again(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "LOOK_SECONDS", 0.0)
    path, others = tmp_path / "wrong.jsonl", tmp_path / "theirs.jsonl"
    with SemanticCache.open("memory:", feedback=path, **THRESHOLD) as cache:
        cache.put("how do I pay", "card")
        assert cache.get("how do I pay today") is not None
        others.write_text('{"a": "how do I pay", "b": "how do I pay today", "same": false}\n')
        others.replace(path)  # at once: nobody reads half of it
        until = time.monotonic() + 20
        while cache.get("how do I pay today") is not None and time.monotonic() < until:
            pass
        assert cache.explain("how do I pay today").outcome == "reported_wrong"
        others.write_text("no report\n")
        others.replace(path)
        cache.get("how do I pay today")
        path.unlink()

        assert cache.get("how do I pay today") is None


def test_what_a_wrong_hit_seemed_to_save_is_taken_back():
    with SemanticCache.open("memory:", **THRESHOLD) as cache:
        for question in ("how do I pay", "where is my parcel"):
            cache.put(question, "so", usage=TokenUsage("m", 70, 30))
        wrong = cache.get("how do I pay today")
        cache.get("where is my parcel now")
        saved = cache.stats().saved_input_tokens
        counts = [cache.report_wrong(wrong), cache.report_wrong(wrong)]

        assert (saved, counts, cache.stats().saved_input_tokens) == (140, [1, 0], 70)
