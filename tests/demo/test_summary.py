"""What the counts, the tables, the neighbours and the plot say of results made up here."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from mneme.demo.alone import Alone, Once, threshold_alone
from mneme.demo.neighbours import nearest_earlier
from mneme.demo.plot import draw
from mneme.demo.replay import Result
from mneme.demo.report import show
from mneme.demo.summary import Summary, summarise
from mneme.demo.traffic import ClientName, DemoRequest
from mneme.demo.wire import Call, Question
from mneme.errors import InvalidArgumentError
from mneme.testing import WordEmbedder


def _asks(id: str, truth: str | None, client: ClientName = "decorator", text: str | None = None) -> DemoRequest:
    return DemoRequest(id, ({"role": "user", "content": text or f"{id}?"},), "t", client, truth=truth)


def _result(request: DemoRequest, source: DemoRequest | None = None, layer: str | None = None) -> Result:
    call = Call(Question([{"content": "12345678"}], {}), "1234", seconds=2.0)
    similarity = None if layer is None else 0.9
    return Result(request, source or request, call, 0.5 if source is None else 0.25, layer, similarity, None)


def _summary(*results: Result) -> Summary:
    return summarise(results, Counter({"hit:exact": 1}), threshold=0.9, wall_seconds=1.0)


A, B = _asks("a", "x"), _asks("b", "y")
REPEAT, PARAPHRASE, TRAP, MISSED = (_asks(*pair) for pair in (("r", "x"), ("p", "x"), ("t", "z"), ("m", "y")))
RUN = (
    _result(A),
    _result(B),
    _result(REPEAT, A, "exact"),
    _result(PARAPHRASE, A, "semantic"),
    _result(TRAP, A, "semantic"),
    _result(MISSED),
)


def _shown(summary: Summary) -> str:
    console = Console(file=io.StringIO(), width=160)
    show(summary, console)
    return console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_calls_hits_wrong_hits_and_missed_answers_are_counted() -> None:
    total = _summary(*RUN).total

    assert (total.requests, total.calls, total.exact_hits, total.semantic_hits) == (6, 3, 1, 2)
    assert (total.wrong_hits, total.unknown_hits, total.reusable, total.missed) == (1, 0, 3, 1)


def test_wrong_hits_save_neither_time_nor_tokens() -> None:
    total = _summary(*RUN).total

    assert (total.model_seconds, total.saved_seconds, total.tokens, total.saved_tokens) == (6.0, 4.0, 9, 6)


def test_without_the_cache_every_hit_had_been_a_call() -> None:
    total = _summary(*RUN).total

    assert (total.baseline_seconds, total.baseline_tokens) == (12.0, 18)


def test_hits_and_calls_have_their_median_time() -> None:
    total = _summary(*RUN).total

    assert (total.hit_ms, total.call_ms) == (250.0, 500.0)


def test_a_wrong_hit_is_listed_with_the_question_it_belongs_to() -> None:
    (wrong,) = _summary(*RUN).wrong

    assert (wrong.question, wrong.matched, wrong.similarity, wrong.layer) == ("t?", "a?", 0.9, "semantic")


def test_a_wrong_answer_where_the_right_one_was_there_is_a_missed_one_too() -> None:
    summary = _summary(*RUN[:2], _result(REPEAT, B, "semantic"))

    assert (summary.missed, summary.total.missed, summary.total.wrong_hits) == (["r"], 1, 1)


def test_a_missed_answer_is_listed_by_its_id() -> None:
    assert _summary(*RUN).missed == ["m"]


def test_each_client_that_was_used_is_counted_by_itself() -> None:
    summary = _summary(_result(A), _result(_asks("l", "y", "langchain")))

    assert {name: tally.requests for name, tally in summary.clients.items()} == {
        "decorator": 1,
        "langchain": 1,
    }


def test_without_truths_wrong_hits_and_missed_answers_are_unknown() -> None:
    a = _asks("a", None)
    summary = _summary(_result(a), _result(_asks("b", None), a, "exact"))

    assert (summary.total.wrong_hits, summary.total.unknown_hits, summary.total.missed) == (None, 1, None)
    assert "unknown" in _shown(summary)


def test_a_hit_between_known_and_unknown_truth_is_neither_right_nor_wrong() -> None:
    total = _summary(_result(A), _result(_asks("b", None), A, "exact")).total

    assert (total.wrong_hits, total.unknown_hits) == (0, 1)


def test_the_summary_is_json() -> None:
    summary = asdict(_summary(*RUN))

    assert json.loads(json.dumps(summary)) == summary


def test_the_tables_name_every_wrong_hit_plainly() -> None:
    shown = _shown(_summary(*RUN))

    assert "Wrong hits (1): the answer to another question was served" in shown
    assert "t?" in shown


def test_a_run_without_wrong_hits_says_so() -> None:
    assert "No hit was wrong" in _shown(_summary(*RUN[:4]))


def test_questions_are_not_read_as_markup() -> None:
    trap = _asks("t", "z", text="What does [bold]x[/bold] mean?")

    assert "[bold]x[/bold]" in _shown(_summary(_result(A), _result(trap, A, "semantic")))


def test_a_run_of_calls_alone_can_be_shown() -> None:
    assert "0 of 0" in _shown(_summary(_result(A)))


def test_the_nearest_is_looked_for_in_the_same_tenant_client_and_conversation() -> None:
    requests = [
        _asks("1", "x", text="red apple pie"),
        _asks("2", "y", "langchain", text="red apple pie"),
        _asks("3", "x", text="red apple cake"),
        _asks("4", "x", text="Red  apple PIE"),
    ]
    found = nearest_earlier(requests, WordEmbedder())

    assert [(near.request.id, near.earlier.id, near.is_right) for near in found] == [("3", "1", True)]


def test_a_text_the_embedder_refuses_has_no_neighbour() -> None:
    class Picky(WordEmbedder):
        def embed(self, text):
            if "pie" in text:
                raise InvalidArgumentError("no pie")
            return super().embed(text)

    assert nearest_earlier([_asks("1", "x", text="cake"), _asks("2", "x", text="pie")], Picky()) == []


@pytest.mark.parametrize("texts", [[], ["a b", "a c", "a b c", "d"]])
def test_the_plot_is_a_png_of_a_fixed_size(tmp_path: Path, texts: list[str]) -> None:
    requests = [_asks(str(n), str(n % 2), text=text) for n, text in enumerate(texts)]
    draw(nearest_earlier(requests, WordEmbedder()), 0.9, tmp_path / "plot.png")
    head = (tmp_path / "plot.png").read_bytes()[:24]

    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1350, 675)


def test_what_a_threshold_alone_serves_of_the_same_requests_is_shown_beside_it() -> None:
    requests = [
        _asks("1", "x", text="red apple pie of mine"),
        _asks("2", "y", "langchain", text="red apple pie of mine"),
        _asks("3", "z", text="red apple pie of mine now"),
        _asks("4", "x", text="Red  apple PIE of mine"),
    ]
    embedded: list[str] = []

    class Counting(WordEmbedder):
        def embed(self, text):
            embedded.append(text)
            return super().embed(text)

    once = Once(Counting())
    found = [threshold_alone(requests, once) for _ in range(2)]

    assert (found, len(embedded)) == ([Alone(0.85, hits=2, wrong=1)] * 2, 2)
    shown = _shown(replace(_summary(*RUN), alone=found[0]))
    assert re.search(r"by a cosine of 0.85 alone\s*│\s*1 of 2", shown)


def test_without_truths_nobody_knows_what_a_threshold_alone_does() -> None:
    found = threshold_alone([_asks("1", None, text="a"), _asks("2", None, text="A")], WordEmbedder())

    assert found == Alone(0.85, hits=1, wrong=None)
    assert "unknown of 1" in _shown(replace(_summary(*RUN), alone=found))
