"""A trail that is read from its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.errors import InvalidArgumentError
from mneme.tools import backwards, trail_pages
from mneme.tools.backwards import Place, lines_back
from mneme.tools.telling import reason_of
from mneme.tools.trail import Sought, read_trail
from mneme.tools.trail_pages import decision_at, read_page

TEXTS = st.sampled_from(
    ["How do I pay?", "wie zahle ich", "Stra\u00dfe", "\u212aelvin", 'a "b" \\ c', "\u2028", "x/y", "", "pay"]
)
DECISIONS = st.builds(
    dict,
    time=st.integers(0, 10_000).map(float),
    outcome=st.sampled_from(["exact", "semantic", "miss", "computed"]),
    namespace=st.sampled_from(["default", "acme", "A\u00fc"]),
    query=TEXTS,
    matched=TEXTS,
    key=st.sampled_from(["ab" * 16, "cd" * 16]),
)
SOUGHT = st.builds(
    Sought,
    st.none() | TEXTS | st.sampled_from(["PAY", "strasse", "k", "ab", '"', "\\"]),
    st.none() | st.sampled_from(["default", "acme", "A\u00fc", "none"]),
    st.sampled_from([(), ("exact",), ("miss", "exact")]),
    st.none() | st.integers(0, 10_000).map(float),
    st.none() | st.integers(0, 10_000).map(float),
)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few bytes at a time, as a large file is read."""
    for module in (backwards, trail_pages):
        monkeypatch.setattr(module, "BLOCK", 200)
    monkeypatch.setattr(trail_pages, "SLACK_SECONDS", 3.0)


def write(path: Path, decisions: list[dict[str, Any]], *, ascii: bool = True) -> Path:
    path.write_text("".join(json.dumps(each, ensure_ascii=ascii) + "\n" for each in decisions), "utf-8")
    return path


def all_pages(path: Path, sought: Sought, limit: int) -> Iterator[dict[str, Any]]:
    page = read_page(path, sought, limit=limit)
    yield from (each for _, each in page.decisions)
    while page.older is not None:
        page = read_page(path, sought, limit=limit, before=Place.of(str(page.older)))
        yield from (each for _, each in page.decisions)


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b" "))), st.integers(1, 50), st.booleans())
def test_lines_come_back_from_the_last_one(tmp_path_factory, lines, block, is_torn):
    path = tmp_path_factory.getbasetemp() / "lines"
    path.write_bytes(b"\n".join(lines) + (b"" if is_torn else b"\n"))
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(backwards, "BLOCK", block)
        found = list(lines_back(file))

    assert [line for _, line in found] == [line for line in reversed(lines) if line.strip()]
    assert all(path.read_bytes()[at:].startswith(line) for at, line in found)


@given(st.lists(DECISIONS, min_size=1), SOUGHT, st.integers(1, 5), st.booleans())
def test_pages_together_are_what_is_found_in_one_go(tmp_path_factory, decisions, sought, limit, ascii):
    decisions.sort(key=lambda each: each["time"])
    path = write(tmp_path_factory.getbasetemp() / "trail.jsonl", decisions, ascii=ascii)
    expected = read_trail(path, sought, limit=1_000).decisions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trail_pages, "BLOCK", 300)  # more than a line
        patch.setattr(trail_pages, "SLACK_SECONDS", 5.0)
        patch.setattr(trail_pages, "TIMED", 2)

        assert list(all_pages(path, sought, limit)) == expected[::-1]


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize(("text", "query"), [("strasse", "Stra\u00dfe"), ("kelvin", "\u212aelvin"), ('a "b"', 'a "b"')])
def test_no_line_is_passed_over_that_holds_the_text_in_other_letters(tmp_path, text, query, ascii):
    path = write(tmp_path / "audit.jsonl", [{"time": 1.0, "outcome": "miss", "query": query}], ascii=ascii)

    assert len(read_page(path, Sought(text), limit=5).decisions) == 1


def test_pages_go_on_where_they_were_while_the_trail_is_written_and_begins_anew(tmp_path, small_steps):
    decisions = [{"time": float(at), "outcome": "miss", "query": str(at)} for at in range(30)]
    path = write(tmp_path / "audit.jsonl", decisions[:20])
    first = read_page(path, Sought(), limit=5)
    path.rename(tmp_path / "audit.jsonl.1")
    write(path, decisions[20:])
    second = read_page(path, Sought(), limit=100, before=first.older)

    assert [each["query"] for _, each in first.decisions] == ["19", "18", "17", "16", "15"]
    assert [each["query"] for _, each in second.decisions] == [str(at) for at in range(14, -1, -1)]
    assert [each["query"] for each in all_pages(path, Sought(), 7)] == [str(at) for at in range(29, -1, -1)]


def test_what_is_gone_by_now_has_nothing_older(tmp_path):
    path = write(tmp_path / "audit.jsonl", [{"time": 1.0, "outcome": "miss"}])

    assert read_page(path, Sought(), limit=5, before=Place(path.stat().st_ino + 1, 50)).decisions == []


def test_of_a_long_trail_a_page_reads_so_much_and_says_where_it_ended(tmp_path, monkeypatch):
    path = write(tmp_path / "audit.jsonl", [{"time": float(at), "outcome": "miss", "query": "q"} for at in range(100)])
    monkeypatch.setattr(trail_pages, "MOST_PARSED", 10)
    parsed = read_page(path, Sought(outcomes=("exact", "stale")), limit=5)
    monkeypatch.setattr(trail_pages, "MOST_PASSED", 40)
    passed = read_page(path, Sought("nothing"), limit=5)

    assert (parsed.decisions, parsed.passed, parsed.reached) == ([], 10, 90.0)
    assert (passed.decisions, passed.passed) == ([], 40)
    assert (parsed.older is None, passed.older is None) == (False, False)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("until", [0.0, 499.0, 1_000.0, 5_000.0])
def test_what_is_newer_than_asked_for_is_not_read(tmp_path, until):
    decisions = [{"time": float(at), "outcome": "miss"} for at in range(1_000)]
    path = write(tmp_path / "audit.jsonl", decisions[500:])
    write(tmp_path / "audit.jsonl.1", decisions[:500])
    page = read_page(path, Sought(until=until), limit=1)

    assert [each["time"] for _, each in page.decisions] == [min(until, 999.0)]
    assert page.passed < 40


@pytest.mark.usefixtures("small_steps")
def test_what_is_older_than_asked_for_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(trail_pages, "TIMED", 10)
    path = write(tmp_path / "audit.jsonl", [{"time": float(at), "outcome": "miss"} for at in range(1_000)])
    pages = [read_page(path, Sought(text, since=990.0), limit=100) for text in (None, "nowhere")]

    assert [(len(page.decisions), page.older, page.passed < 40) for page in pages] == [
        (10, None, True),
        (0, None, True),
    ]


@pytest.mark.parametrize("text", [b"\n\n", b""])
def test_a_trail_that_holds_nothing_yet_is_empty(tmp_path, text):
    (tmp_path / "audit.jsonl").write_bytes(text)

    assert read_page(tmp_path / "audit.jsonl", Sought(), limit=5).decisions == []


def test_what_is_no_trail_is_told(tmp_path):
    (tmp_path / "other").write_bytes(b"x" * 3_000_000)

    with pytest.raises(InvalidArgumentError, match="holds no decision"):
        read_page(tmp_path / "other", Sought(), limit=5)


def test_a_decision_is_found_again_by_its_place(tmp_path):
    path = write(tmp_path / "audit.jsonl", [{"time": float(at), "outcome": "miss"} for at in range(3)])
    page = read_page(path, Sought(), limit=5)

    assert [decision_at(path, place) for place, _ in page.decisions] == [told for _, told in page.decisions]
    assert decision_at(path, Place(page.decisions[0][0].file, 3)) is None
    assert decision_at(path, Place(0, 0)) is None


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "a-b", "1-2-3", "9" * 30 + "-1"])
def test_a_text_that_names_no_place_is_none(text):
    assert Place.of(text) is None


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        ({"outcome": "exact"}, "The same request had been answered before."),
        (
            {"outcome": "semantic", "verdict": "number: {0} / 3"},
            "Served the answer to a question near it: number: {0} / 3.",
        ),
        ({"outcome": "semantic"}, "Served the answer to a question near it."),
        (
            {"outcome": "miss", "reason": "below_threshold", "verdict": "negation"},
            "The nearest question was refused: negation.",
        ),
        ({"outcome": "miss", "reason": "below_threshold"}, "Nothing near enough was stored."),
        ({"outcome": "miss", "reason": "new"}, "Not served: new."),
        ({"outcome": "miss"}, "Not served."),
        ({"outcome": "odd"}, "odd."),
    ],
)
def test_a_reason_is_a_sentence(decision, reason):
    assert reason_of(decision) == reason
