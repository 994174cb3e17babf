"""vary={"turns": Similar(...)}: conversations that mean the same share answers, others never do."""

from __future__ import annotations

import pytest

from mneme import Guarded, InvalidArgumentError, SemanticCache, Shadow, Similar, Threshold, Verdict
from mneme.engine.likeness import GENERIC
from mneme.testing import WordEmbedder

OPTIONS = {"embedder": WordEmbedder(), "policy": Threshold(0.6)}
ROUTER, REWORDED = "How do I reset my router?", "How can I reset my router?"
MODEM = "How do I reset my modem?"


@pytest.fixture(params=["memory:", "sqlite"])
def cache(request, tmp_path):
    url = request.param if request.param == "memory:" else f"sqlite:///{tmp_path}/answers.db"
    with SemanticCache.open(url, **OPTIONS) as opened:
        yield opened


def after(*turns):
    return {"model": "m", "turns": Similar(turns)}


def test_equal_turns_are_an_exact_hit(cache):
    cache.put("How long does it take?", "a minute", vary=after(ROUTER))

    hit = cache.get("how long does it take?", vary=after(ROUTER))
    assert (hit.layer, hit.metadata) == ("exact", {})
    assert cache.get("How long does it take?", vary=after(ROUTER.upper())).layer == "semantic"


@pytest.mark.parametrize(("one", "other"), [("print(x)", "PRINT(X)"), ("if a:\n  b()\nc()", "if a:\n  b()\n  c()")])
def test_code_that_differs_in_case_or_space_is_other_code(cache, one, other):
    for role in ("user", "assistant"):
        first, second = ({"role": role, "content": text} for text in (one, other))
        cache.put("What does it do?", role, vary=after(ROUTER, first))

        assert cache.get("What does it do?", vary=after(ROUTER, second)) is None


def test_turns_that_say_the_same_share_an_answer(cache):
    cache.put("How long does it take?", "a minute", vary=after(ROUTER), metadata={"by": "us"})

    hit = cache.get("How long does it take?", vary=after(REWORDED))
    assert (hit.layer, hit.response, hit.metadata) == ("semantic", "a minute", {"by": "us"})


@pytest.mark.parametrize(
    "turns",
    [
        (MODEM,),
        (),
        (ROUTER, ROUTER),
        ("What is a router?",),
        ("How do I reset my router without a button?",),
        (ROUTER, {"role": "assistant", "content": "Press the button."}),
        ({"role": "system", "content": "Be brief."}, ROUTER),
    ],
    ids=str,
)
def test_a_question_that_points_back_crosses_nothing_else(cache, turns):
    cache.put("How long does it take?", "a minute", vary=after(ROUTER))

    assert cache.get("How long does it take?", vary=after(*turns)) is None


def test_what_the_assistant_said_counts_where_the_question_points_back(cache):
    said = {"role": "assistant", "content": "Press A or B."}
    cache.put("What does the second one do?", "It resets.", vary=after(ROUTER, said))

    assert cache.get("What does the second one do?", vary=after(REWORDED, said)) is not None
    other = {"role": "assistant", "content": "Press B or A."}
    assert cache.get("What does the second one do?", vary=after(REWORDED, other)) is None


def test_where_the_question_stands_by_itself_the_assistant_may_have_said_anything(cache):
    one, other = ({"role": "assistant", "content": text} for text in ("Press A.", "Hold B."))
    cache.put("What is the capital of France?", "Paris", vary=after(ROUTER, one))

    assert cache.get("What's the capital of France?", vary=after(REWORDED, other)).response == "Paris"
    assert cache.get("What is the capital of France?", vary=after(MODEM, one)) is None


@pytest.mark.parametrize("told", ["Answer in French.", "I am a vegan.", "Please be brief", "Forget all that."])
def test_what_the_user_told_holds_for_every_question(cache, told):
    cache.put("What is the capital of France?", "Paris", vary=after(ROUTER))

    assert cache.get("What is the capital of France?", vary=after(ROUTER, told)) is None
    cache.put("What is the capital of France?", "PARIS", vary=after(ROUTER, told))
    assert cache.get("What is the capital of France?", vary=after(REWORDED, told)).response == "PARIS"


def test_similar_turns_and_exact_ones_never_meet(cache):
    cache.put("What is the capital of France?", "Paris", vary=after(ROUTER))

    for vary in (None, {"model": "m"}, {"model": "m", "turns": [ROUTER]}, {"model": "m", "turns": "similar"}):
        assert cache.get("What is the capital of France?", vary=vary) is None
    assert cache.get("What is the capital of France?", vary={**after(ROUTER), "model": "other"}) is None


def test_the_turns_survive_opening_dumping_and_being_reported(tmp_path):
    url = f"sqlite:///{tmp_path}/answers.db"
    with SemanticCache.open(url, **OPTIONS) as cache:
        cache.put("How long does it take?", "a minute", vary=after(ROUTER))
        cache.dumps(tmp_path / "dump.zip")
    with SemanticCache.open(url, **OPTIONS) as cache:
        assert cache.get("How long does it take?", vary=after(REWORDED)) is not None
        assert cache.get("How long does it take?", vary=after(MODEM)) is None
        cache.report_wrong(cache.get("How long does it take?", vary=after(REWORDED)))
        assert cache.get("How long does it take?", vary=after(REWORDED)) is None
        assert cache.get("How long does it take?", vary=after(ROUTER)).metadata == {}


def test_a_question_reported_after_turns_is_not_told_from_itself(tmp_path):
    path = tmp_path / "wrong.jsonl"
    with SemanticCache.open("memory:", feedback=path, **OPTIONS) as cache:
        cache.put("How long does it take?", "a minute", vary=after(ROUTER))
        cache.report_wrong(cache.get("How long does it take?", vary=after(REWORDED)))
        cache.put("How long does it take?", "a day", vary=after(MODEM))

        assert cache.get("How long does it take?", vary=after("How can I reset my modem?")).response == "a day"
    assert not path.exists()


def test_a_shadow_writes_nothing_of_what_was_asked_after_turns(tmp_path):
    path = tmp_path / "shadow.jsonl"
    trial = Shadow(Guarded(0.6, calibration=GENERIC), path=path)
    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy=trial) as cache:
        cache.put("How long does it take?", "a minute", vary=after(ROUTER))
        assert cache.get("How long does it take?", vary=after(REWORDED)) is None
        cache.put("How long does it take?", "an hour", vary=after(REWORDED))

    assert (trial.report().differed, path.exists()) == (1, False)


def test_they_work_in_a_scope_and_in_get_or_compute(cache):
    with cache.scope(vary=after(ROUTER)):
        cache.get_or_compute("How long does it take?", lambda: "a minute")
    with cache.scope(vary=after(REWORDED)):
        assert cache.get_or_compute("How long does it take?", lambda: "never").status == "hit"
    with cache.scope(vary=after(MODEM)):
        assert cache.get_or_compute("How long does it take?", lambda: "an hour").value == "an hour"


def test_explain_names_what_was_said_before(cache):
    cache.put("How long does it take?", "a minute", vary=after(ROUTER))
    explanation = cache.explain("How long does it take?", vary=after(MODEM))

    reason = explanation.candidates[0].verdict.reason
    assert reason == "turns: word: modem / router"


@pytest.mark.parametrize("turns", ["text", 3, [3], [{"role": "user"}], [{"role": 1, "content": "x"}], [None]])
def test_what_are_no_turns_is_named(turns):
    with pytest.raises(InvalidArgumentError, match="turn"):
        Similar(turns)


def test_two_of_them_are_one_too_many(cache):
    with pytest.raises(InvalidArgumentError, match="2 times"):
        cache.get("x", vary={"a": Similar([]), "b": Similar([])})


def test_turns_without_end_are_refused(cache):
    with pytest.raises(InvalidArgumentError, match="earlier turns"):
        cache.get("x", vary=after("x" * 50_000))


def test_the_name_in_metadata_is_ours(cache):
    with pytest.raises(InvalidArgumentError, match=r"mneme\.turns"):
        cache.put("x", "y", metadata={"mneme.turns": []})


def test_of_a_thousand_conversations_only_those_of_one_shape_are_judged(cache):
    judged = []

    class Counting:
        floor = 0.5

        def judge(self, query, neighbour, neighbours):
            judged.append(neighbour)
            return Verdict(True, 1.0, "near")

    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy=Counting()) as counted:
        for number in range(200):
            turns = [f"What is topic {number}?"] * (1 + number % 4)
            counted.put("How long does it take?", str(number), vary=after(*turns))
        assert counted.get("How long does it take now?", vary=after(*["Who climbed the mountain?"] * 4)) is None

    assert 50 <= len(set(map(id, judged))) <= 8 + 32 + 50


def test_judging_ends_where_many_were_refused():
    judged = []

    class Refusing:
        floor = 0.0

        def judge(self, query, neighbour, neighbours):
            judged.append(neighbour.query)
            return Verdict(False, 0.0, "no")

    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy=Refusing()) as cache:
        cache.put_many([(f"question {number}", "answer") for number in range(700)])
        assert cache.get("question") is None

    assert len(judged) == 8 + 32 + 128 + 512
