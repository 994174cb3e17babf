"""The page about single decisions, and what its forms do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mneme import SemanticCache
from mneme.observe import AuditTrail
from mneme.runtime.pairs import latest, read_labelled
from mneme.testing import WordEmbedder
from mneme.tools import looking, trail_pages

from .conftest import TOKEN
from .reading import Page

NEAR = "my bill how do I pay"


@pytest.fixture
def trail(path: Path, tmp_path: Path) -> Path:
    """A miss, an exact hit, a hit of another wording, a question that looks like one, and a miss in a namespace."""
    place = tmp_path / "audit.jsonl"
    with AuditTrail(place) as audit, SemanticCache(path, WordEmbedder(), observers=[audit]) as cache:
        cache.get("entirely new")
        cache.get("how do I pay my bill")
        cache.get(NEAR)
        cache.get("do you ship to Mexico")
        cache.get("moon", namespace="sky")
    return place


@pytest.fixture
def client(serve: Callable[..., TestClient], path: Path, trail: Path) -> TestClient:
    return serve(path, trail=trail, allow_delete=True)


def headings(client: TestClient, **asked: Any) -> list[str]:
    answer = client.get("/decisions", params=asked)
    assert answer.status_code == 200, answer.text
    return [each.text.partition(": ")[2] for each in Page(answer.text).all("h2")]


def can_be_reported(client: TestClient, **asked: Any) -> bool:
    return any(
        each.text == "That was wrong" for each in Page(client.get("/decisions", params=asked).text).all("button")
    )


def form_for(client: TestClient, query: str, **asked: Any) -> dict[str, str]:
    page = Page(client.get("/decisions", params={"text": query, **asked}).text)
    (form,) = [
        each
        for each in page.all("form")
        if each.attributes["action"] == "/decisions" and "class" not in each.attributes
    ]
    return {
        each.attributes["name"] or "": each.attributes["value"] or "" for each in form.inside if each.tag == "input"
    }


def test_decisions_are_shown_the_newest_first_with_their_reasons(client):
    text = client.get("/decisions").text

    assert headings(client) == [
        "miss in sky",
        "miss in default",
        "semantic in default",
        "exact in default",
        "miss in default",
    ]
    assert [reason in text for reason in ("Nothing to compare it with", "Served the answer", "The same request")] == [
        True
    ] * 3
    assert "By card." in text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"text": "MOON"}, ["miss in sky"]),
        ({"outcome": "served"}, ["semantic in default", "exact in default"]),
        ({"outcome": "exact"}, ["exact in default"]),
        ({"outcome": "not served", "namespace": "default"}, ["miss in default"] * 2),
        ({"namespace": "sky"}, ["miss in sky"]),
        ({"since": "2999-01-01T00:00"}, []),
        ({"until": "2999-01-01T00:00", "text": "moon"}, ["miss in sky"]),
        ({"until": "2001-01-01T00:00"}, []),
        ({"outcome": "none", "since": "x", "until": "99999-01-01", "before": "0"}, ["miss in sky"]),
    ],
)
def test_decisions_are_chosen(client, asked, expected):
    found = headings(client, **asked)

    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


def test_a_decision_leads_to_ask_why_and_to_its_entry(client, path):
    (entry,) = [each for each in looking.entries(path)[0] if each.query == "how do I pay my bill"]
    page = Page(client.get("/decisions", params={"text": NEAR}).text)
    (section,) = page.all("section")
    links = {each.text.strip(): each.attributes["href"] for each in section.inside if each.tag == "a"}
    explained = client.get(links["Ask why"]).text

    assert links[f"Entry {entry.key[:8]}"] == f"/entries/{entry.key}"
    assert [text in explained for text in (f'value="{NEAR}"', f'value="{entry.key}"', "how do I pay")] == [True] * 3


def test_an_answer_that_was_wrong_is_taken_back_and_put_back(serve, path, trail, tmp_path):
    feedback = tmp_path / "feedback.jsonl"
    feedback.touch()
    client = serve(path, trail=trail, allow_delete=True, feedback=feedback)
    with SemanticCache(path, WordEmbedder()) as cache:
        assert cache.get(NEAR).response == "By card."
        answer = client.post("/decisions", data=form_for(client, NEAR, outcome="semantic"))
        after = cache.get(NEAR)
        undone = Page(answer.text)
        (form,) = [each for each in undone.all("form") if each.attributes["action"] == "/decisions/undo"]
        fields = {each.attributes["name"]: each.attributes["value"] for each in form.inside if each.tag == "input"}
        wrong = [pair.same for pair in latest(read_labelled(feedback))]
        last, again = (client.post("/decisions/undo", data=fields).text for _ in range(2))

        assert after is None or after.response != "By card."
        assert cache.get(NEAR).response == "By card."
    assert "served to no other question" in undone.by_id("reported").text
    assert "outcome=semantic" in str(answer.url)
    assert (wrong, [pair.same for pair in latest(read_labelled(feedback))]) == ([False], [])
    assert ("The report is undone" in last, "not known any more" in again) == (True, True)


def test_an_answer_that_was_wrong_for_its_own_question_is_removed(client, path):
    answer = client.post("/decisions", data=form_for(client, "how do I pay", outcome="exact"))

    assert "is removed" in Page(answer.text).by_id("reported").text
    assert "how do I pay my bill" not in [each.query for each in looking.entries(path)[0]]
    assert "Not in the cache any more." in client.get("/decisions?outcome=exact").text


def test_a_form_that_is_older_than_the_answer_changes_nothing(client, path):
    form = form_for(client, "how do I pay", outcome="exact")
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("how do I pay my bill", "By transfer.")
    answer = client.post("/decisions", data=form)

    assert "nothing was changed" in answer.text
    assert "By transfer." in [each.response for each in looking.entries(path)[0]]
    assert "It was stored since" in client.get("/decisions?outcome=exact").text
    assert not can_be_reported(client, outcome="exact")


@pytest.mark.parametrize(
    ("given", "status"),
    [({"place": ""}, 400), ({"place": "1-1"}, 200), ({"stored_at": "x"}, 400), ({"stored_at": "5"}, 200)],
)
def test_a_form_that_makes_no_sense_changes_nothing(client, path, given, status):
    before = path.read_bytes()
    answer = client.post("/decisions", data={**form_for(client, NEAR, outcome="semantic"), **given})

    assert (answer.status_code, path.read_bytes() == before) == (status, True)


def test_nothing_is_reported_where_that_is_not_allowed(serve, client, path, trail):
    form = form_for(client, NEAR, outcome="semantic")
    reader = serve(path, trail=trail)
    answers = [reader.post(place, data=form) for place in ("/decisions", "/decisions/undo")]

    assert [each.status_code for each in answers] == [403, 403]
    assert not can_be_reported(reader)
    assert len(looking.entries(path)[0]) == 7


def test_without_a_trail_the_page_says_what_it_needs(serve, path):
    client = serve(path, allow_delete=True)

    assert "--trail" in client.get("/decisions").text
    assert client.post("/decisions", data={"token": TOKEN, "place": "1-1", "stored_at": "1"}).status_code == 400


def test_older_decisions_are_on_further_pages(serve, path, tmp_path):
    lines = [{"time": time.time() + at, "outcome": "miss", "query": f"question {at}"} for at in range(60)]
    (tmp_path / "long.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    client, seen, place = serve(path, trail=tmp_path / "long.jsonl"), [], "/decisions?outcome=miss"
    while place:
        page = Page(client.get(place).text)
        seen += re.findall(r"question \d+", " ".join(each.text for each in page.all("dd")))
        place = next((each.attributes["href"] for each in page.all("a") if each.attributes.get("rel") == "next"), None)

    assert seen == [f"question {at}" for at in range(59, -1, -1)]


def test_a_long_trail_is_read_a_part_at_a_time(client, monkeypatch):
    monkeypatch.setattr(trail_pages, "MOST_PASSED", 2)
    first = Page(client.get("/decisions?outcome=exact").text)
    (link,) = [each for each in first.all("a") if each.attributes.get("rel") == "next"]
    second = client.get(link.attributes["href"]).text

    assert ("2 lines were read" in first.all("main")[0].text, link.text) == (True, "Look further back")
    assert ("how do I pay my bill" in second, "Newest" in second) == (True, True)


def test_what_a_trail_does_not_hold_is_not_shown_and_not_reported(serve, path, tmp_path, trail):
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    for line in lines:
        line["query"] = "blake2b:00"
        line.pop("matched", None)
    odd = {
        "time": 1.0,
        "outcome": "semantic",
        "layer": "semantic",
        "entry": [1],
        "query": {},
        "namespace": 7,
        "similarity": "x",
    }
    (tmp_path / "hashed.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (odd, *lines)))
    client = serve(path, trail=tmp_path / "hashed.jsonl", allow_delete=True)

    assert [can_be_reported(client, outcome=each) for each in ("semantic", "exact")] == [False, True]
    assert client.get("/decisions").text.count("Not in the trail.") >= len(lines)


@pytest.mark.parametrize("change", ["missing", "foreign", "folder"])
def test_a_trail_that_cannot_be_read_gives_a_page(client, trail, change):
    trail.unlink()
    if change == "foreign":
        trail.write_text("no trail\n")
    elif change == "folder":
        trail.mkdir()
    answer = client.get("/decisions")

    assert (answer.status_code in (400, 503), "This cannot be shown" in answer.text) == (True, True)
