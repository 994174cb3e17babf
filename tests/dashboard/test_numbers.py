"""What the pages count, sample and draw."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.dashboard import charts, sampling
from mneme.dashboard.charts import Series
from mneme.dashboard.exploring import bucketed, served
from mneme.dashboard.gate import Gate
from mneme.dashboard.sampling import Sampler
from mneme.tools import looking
from mneme.tools.looking import View
from mneme.tools.wording import differences

SCORED = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([True, False, None])))


@given(SCORED, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_limit_serves_no_more(scored, one, other):
    low, high = (served(scored, limit) for limit in sorted((one, other)))

    assert (low.served >= high.served, low.right >= high.right, low.wrong >= high.wrong) == (True, True, True)
    assert (low.pairs, low.same, low.different) == (high.pairs, high.same, high.different)


@given(SCORED, st.floats(0, 1))
def test_what_is_served_is_counted_by_its_label(scored, limit):
    found = served(scored, limit)
    taken = [same for score, same in scored if score >= limit and score > 0]

    assert (found.served, found.right, found.wrong) == (len(taken), taken.count(True), taken.count(False))
    assert found.precision is None or 0 <= found.precision_interval[0] <= found.precision <= 1


@given(st.lists(st.floats(-1, 1)))
def test_a_histogram_leaves_out_what_is_low_alone(scores):
    assert sum(bucketed(scores)) == sum(score >= 0.5 for score in scores)


@given(st.text(), st.text())
def test_differences_hold_every_word(asked, stored):
    runs = differences(asked, stored)

    assert " ".join(words for side, words in runs if side != "asked").split() == stored.split()
    ours = " ".join(words for side, words in runs if side != "stored")
    assert bare(ours) == bare(asked)


def bare(text: str) -> list[str]:
    return [word.rstrip("?!.,;:") or word for word in text.casefold().split()]


@pytest.mark.parametrize(
    ("asked", "stored", "runs"),
    [
        ("Is it waterproof", "is it waterproof?", [("both", "is it waterproof?")]),
        ("why C", "why C++", [("both", "why"), ("asked", "C"), ("stored", "C++")]),
        ("why ?", "why !", [("both", "why"), ("asked", "?"), ("stored", "!")]),
    ],
)
def test_only_words_are_differences(asked, stored, runs):
    assert differences(asked, stored) == runs


@pytest.fixture
def view(path: Path) -> View:
    return looking.look(path)[0]


def later(view: View, seconds: float, hits: int) -> View:
    total = replace(view.total, hits_exact=view.total.hits_exact + hits)
    return replace(view, taken_at=view.taken_at + seconds, total=total)


def test_a_step_has_what_happened_a_second(view):
    sampler = Sampler(lambda: view, 1.0)
    sampler.take(view)
    (step,) = sampler.steps(later(view, 4.0, 10))

    assert (step.rates, step.latency) == ((2.5, 0.0, 0.0), (None, None, None))


def test_a_moment_makes_no_step(view):
    sampler = Sampler(lambda: view, 1.0)
    sampler.take(view)

    assert sampler.steps(later(view, 0.01, 10)) == []


def test_a_cache_that_was_replaced_has_no_negative_rates(view):
    sampler = Sampler(lambda: view, 1.0)
    sampler.take(later(view, 0.0, 100))
    (step,) = sampler.steps(later(view, 2.0, 0))

    assert step.rates == (0.0, 0.0, 0.0)


def test_a_long_day_still_fits(view, monkeypatch):
    monkeypatch.setattr(sampling, "MOST_SAMPLES", 10)
    sampler = Sampler(lambda: view, 1.0)
    for second in range(1, 101):
        sampler.take(later(view, second, second))
    steps = sampler.steps(view)

    assert 5 <= len(steps) < 10
    assert steps[-1].time == view.taken_at + 100
    assert all(step.rates[0] == pytest.approx(1.0) for step in steps)
    assert all(before.time < after.time for before, after in pairwise(steps))


def test_a_cache_that_cannot_be_read_ends_no_sampling(view, caplog):
    def fail() -> View:
        raise FileNotFoundError("there is no cache")

    sampler = Sampler(fail, 0.01)
    sampler.start()
    sampler.stop()

    assert sampler.steps(view) == []
    assert "there is no cache" in caplog.text


def test_a_line_has_gaps_where_nothing_is_known():
    drawn = charts.lines("Title", [0.0, 1.0, 2.0, 3.0], [Series("one", [1.0, 2.0, None, 0.0])], str)
    (path,) = re.findall(r'<path class="line s1" d="(.*?)"', drawn)

    assert [path.count(pen) for pen in "MLh"] == [2, 1, 1]
    assert 'aria-label="Title: one 0.0 last, 2.0 at most"' in drawn


def test_names_in_a_chart_are_escaped():
    drawn = charts.lines('"><script>', [0.0, 0.0], [Series("<b>", [None, None])], str)

    assert ("<script>" in drawn, "<b>" in drawn) == (False, False)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.floats(0, 1))
def test_bars_stay_inside_their_chart(values, mark):
    drawn = charts.histogram("Title", [Series("one", values)], low=0.5, high=1.0, mark=mark)
    for x, y, wide, tall in re.findall(r'<rect class="bar s1" x="(.+?)" y="(.+?)" width="(.+?)" height="(.+?)"', drawn):
        assert charts.LEFT <= float(x) <= float(x) + float(wide) <= charts.WIDTH
        assert 0 <= float(y) <= float(y) + float(tall) <= charts.HEIGHT

    assert drawn.count("<rect") == sum(map(bool, values))


@given(st.one_of(st.just(0.0), st.floats(1e-9, 1e15)), st.sampled_from([0.0, 2.0]))
def test_an_axis_ends_at_a_round_number_not_far_above_its_values(most, least):
    drawn = charts.lines("Title", [0.0, 1.0], [Series("one", [most, 0.0])], repr, least=least)
    ticks = [float(each) for each in re.findall(r'text-anchor="end">([\d.e+-]+)</text>', drawn)]
    end = max(ticks)

    assert end >= most
    assert len(f"{end / 10 ** math.floor(math.log10(end)):.6g}") == 1
    assert end <= max(2.001 * most, least) or (most, end) == (0.0, 1.0)


@given(st.lists(st.one_of(st.none(), st.floats(1e-7, 1e3)), min_size=1, max_size=20))
def test_lines_by_powers_of_ten_stay_inside_their_chart(values):
    times = [float(at) for at in range(len(values))]
    drawn = charts.lines("Title", times, [Series("one", values)], repr, decades=True)
    ticks = [float(each) for each in re.findall(r'text-anchor="end">([\d.e+-]+)</text>', drawn)]
    (path,) = re.findall(r'<path class="line s1" d="(.*?)"', drawn)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.-]+)", path)]

    assert all(after == pytest.approx(10 * before) for before, after in pairwise(ticks))
    assert len(heights) == len([each for each in values if each is not None])
    assert all(charts.TOP <= each <= charts.TOP + charts.SQUARE_HEIGHT for each in heights)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=50))
def test_the_ticks_of_counts_are_whole(values):
    drawn = charts.histogram("Title", [Series("one", values)], low=0.5, high=1.0, mark=None)
    low, middle, end = (int(each.replace(",", "")) for each in re.findall(r'text-anchor="end">(.*?)</text>', drawn))

    assert (low, 2 * middle) == (0, end)


def test_an_outage_is_logged_once_and_ends_no_sampling(view, caplog):
    answers: list[View | Exception] = [RuntimeError("gone"), RuntimeError("gone"), view, RuntimeError("gone")]

    def look() -> View:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sampler = Sampler(look, 1.0)
    for _ in range(4):
        sampler._sample()

    assert caplog.text.count("gone") == 2
    assert len(sampler.steps(later(view, 5.0, 1))) == 1


def test_many_share_a_gate_and_one_has_it_alone():
    gate, noted = Gate(), []
    inside = threading.Barrier(3, timeout=30)

    def share() -> None:
        with gate.shared():
            inside.wait()  # all three at once
            noted.append("shared")

    def take() -> None:
        with gate.alone():
            noted.append("alone")

    sharing = [threading.Thread(target=share) for _ in range(2)]
    for each in sharing:
        each.start()
    with gate.shared():
        alone = threading.Thread(target=take)
        inside.wait()
        alone.start()
        for each in sharing:
            each.join(30)
        noted.append("left")
    alone.join(30)
    with gate.shared():
        noted.append("free")

    assert noted == ["shared", "shared", "left", "alone", "free"]
