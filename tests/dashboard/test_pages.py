"""What the pages show, and what their forms do."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mneme import SemanticCache, TokenUsage
from mneme import dashboard as dashboard_folder
from mneme.dashboard import Settings, dashboard
from mneme.dashboard.pairs import Pair
from mneme.dashboard.pool import Pool
from mneme.evaluation.mining import mine
from mneme.observe import AuditTrail
from mneme.runtime.pairs import read_labelled
from mneme.stores.base import StoreBusyError
from mneme.stores.sqlite.reading import ReadOnlySQLiteStore
from mneme.testing import FakeClock, WordEmbedder
from mneme.tools import looking

from .conftest import ORIGIN, TOKEN
from .reading import Page

PAGES = ["/", "/explore", "/near", "/decisions", "/entries", "/namespaces", "/health", "/health?check=1", "/explain"]
ASKED = [*PAGES, "/explain?question=how+do+I+pay&namespace=default", "/explore?kind=guarded&limit=0.5"]
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' {{ 7*7 }} {% raw %} &amp; \u202e \x00"


def empty(tmp_path: Path) -> Path:
    SemanticCache(tmp_path / "empty.db", WordEmbedder()).close()
    return tmp_path / "empty.db"


def foreign(tmp_path: Path) -> Path:
    with SemanticCache(tmp_path / "foreign.db", WordEmbedder()) as cache:
        for query in (
            "كيف أدفع الفاتورة",
            "كيف أدفع الفاتورة اليوم",
            "どうやって支払いますか",
            "🙂 ça va?",
            "как мне оплатить",
        ):
            cache.put(query, f"→ {query}", namespace="名前空間", tags=["ярлык"], metadata={"ключ": "значение"})
            cache.get(query, namespace="名前空間")
    return tmp_path / "foreign.db"


def big(tmp_path: Path) -> Path:
    with SemanticCache(tmp_path / "big.db", WordEmbedder()) as cache:
        cache.put_many([(f"question number {at} of {at % 7}", "x" * 500) for at in range(3_000)])
    return tmp_path / "big.db"


def hostile(tmp_path: Path) -> Path:
    with SemanticCache(tmp_path / "hostile.db", WordEmbedder()) as cache:
        for query in (f"one {HOSTILE} how are you today my friend", f"two {HOSTILE} how are you today my friend"):
            cache.put(query, HOSTILE, namespace=HOSTILE, tags=[HOSTILE], metadata={HOSTILE: HOSTILE})
            cache.get(query, namespace=HOSTILE)
    return tmp_path / "hostile.db"


CACHES = {"empty": empty, "foreign": foreign, "big": big, "hostile": hostile}


@pytest.mark.parametrize("kind", CACHES)
def test_every_page_of_every_cache_can_be_read(serve, tmp_path, kind):
    path = CACHES[kind](tmp_path)
    client = serve(
        path,
        labels=tmp_path / "labels.jsonl",
        trail=trail_over(path),
        allow_delete=True,
        quotas={HOSTILE: 1, "default": 5_000},
    )
    found = [f"/entries/{each.key}" for each in looking.entries(path, limit=2)[0]]
    for place in [*ASKED, "/entries?contains=%22%3E%3Cscript%3E&tag=%3C", *found, "/none"]:
        answer = client.get(place)

        assert answer.status_code == (404 if place == "/none" else 200), (place, answer.text)
        check_usable(Page(answer.text), place)
        assert "alert(1)</script>" not in answer.text
        assert "<img" not in answer.text


def trail_over(path: Path) -> Path:
    """A trail that tells of each outcome, by the first entries of a cache."""
    trail = path.with_name("audit.jsonl")
    entries = looking.entries(path, limit=3)[0]
    about = [
        {"query": each.query, "matched": each.query, "entry": each.key, "key": each.key, "namespace": each.namespace}
        for each in entries
    ]
    lines = [
        {"time": 2e9, "outcome": outcome, "verdict": HOSTILE, "layer": layer, "similarity": 0.9, **line}
        for outcome, layer in [("exact", "exact"), ("semantic", "semantic"), ("stale", "exact"), ("miss", None)]
        for line in [*about, {}]
    ]
    trail.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return trail


def check_usable(page: Page, place: str) -> None:
    """One heading, the landmarks, a language, and a name for each field, table, chart and button."""
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer", "title")] == [1] * 5, place
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.elements[page.elements.index(page.all("body")[0]) + 1].attributes["href"] == "#main"
    names = [each.attributes["id"] for each in page.elements if each.attributes.get("id")]
    assert len(set(names)) == len(names), place
    labelled = {each.attributes.get("for") for each in page.all("label")}
    for each in [*page.all("input"), *page.all("select")]:
        assert each.attributes.get("type") == "hidden" or each.attributes.get("id") in labelled, (place, each)
    for each in page.all("nav"):
        assert each.attributes["aria-label"]
    for each in page.all("table"):
        assert next(inner.tag for inner in each.inside) == "caption"
        assert any(inner.tag == "th" and inner.attributes.get("scope") for inner in each.inside)
    for each in page.all("th"):
        assert each.attributes["scope"] in ("row", "col")
    for each in page.all("svg"):
        hidden = "ul" in each.parents
        assert hidden or (each.attributes["role"], bool(each.attributes["aria-label"])) == ("img", True)
    for each in [*page.all("button"), *page.all("a"), *page.all("summary"), *page.all("label")]:
        assert each.text.strip(), (place, each)
    for each in page.all("form"):
        posts = each.attributes["method"] == "post"
        assert posts == any(inner.attributes.get("name") == "token" for inner in each.inside)
    for name in ("aria-labelledby", "aria-describedby"):
        assert {each.attributes[name] for each in page.elements if name in each.attributes} <= set(names)


def test_hostile_texts_are_shown_as_they_are(serve, tmp_path):
    path = hostile(tmp_path)
    entry = looking.entries(path, limit=1)[0][0]
    shown = Page(serve(path).get(f"/entries/{entry.key}").text).all("pre")

    assert [each.text.replace("\ufffd", "\x00") for each in shown] == [entry.query, entry.response]


def test_the_overview_shows_what_was_counted(serve, path):
    page = Page(serve(path).get("/").text)
    facts = dict(zip((each.text for each in page.all("dt")), (each.text for each in page.all("dd")), strict=True))

    assert facts["Hit ratio"] == "66.7%"
    assert (facts["Exact hits"], facts["Semantic hits"], facts["Misses"], facts["Entries"]) == ("1", "1", "1", "7")
    assert facts["Saved tokens"] == "2,200"


def test_charts_show_what_happens_while_the_dashboard_runs(serve, path, monkeypatch):
    monkeypatch.setattr("mneme.dashboard.sampling.LEAST_SECONDS", 0.0)
    client = serve(path)
    with SemanticCache(path, WordEmbedder()) as cache:
        for _ in range(3):
            cache.get("where is my order")
    page = Page(client.get("/").text)
    (lookups,) = [each for each in page.all("svg") if (each.attributes.get("aria-label") or "").startswith("Lookups")]
    (table,) = [each for each in page.all("table") if each.text.strip().startswith("Saved tokens")]

    assert "exact hits 0 last" not in lookups.attributes["aria-label"]
    assert "misses 0 last" in lookups.attributes["aria-label"]
    assert "5,500" in table.text


def numbers(client, **asked) -> list[str]:
    page = Page(client.get("/explore", params={"kind": "threshold", **asked}).text)
    return [page.by_id(name).text for name in ("served", "right", "wrong")]


def test_another_threshold_changes_the_numbers(serve, path, tmp_path):
    rows = [
        {"a": "one two three four", "b": "one two three five", "same": True, "similarity": 0.9},
        {"a": "when do you open", "b": "when do you close", "same": False, "similarity": 0.8},
        {"a": "one two three four five six", "b": "one two three four five seven", "same": False},
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    client = serve(path, pairs=(tmp_path / "pairs.jsonl",))

    assert numbers(client, limit=0.95) == ["0 of 5", "0 of 1", "0 of 2"]
    assert numbers(client, limit=0.85) == ["2 of 5", "1 of 1", "0 of 2"]
    assert numbers(client, limit=0.75) == ["5 of 5", "1 of 1", "2 of 2"]
    assert numbers(client, limit="nonsense") == numbers(client, limit="nan") == numbers(client)


def test_the_counters_tell_what_a_threshold_would_reach(serve, path):
    client = serve(path)
    near, far = (
        Page(client.get("/explore", params={"kind": "threshold", "limit": at}).text).by_id("reaching").text
        for at in (0.5, 1)
    )

    assert near != far


def test_a_pair_without_a_similarity_needs_the_cache_s_embedder(serve, path, tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"a": "one", "b": "two", "same": true}\n')
    client = serve(path, pairs=(tmp_path / "pairs.jsonl",), embedder=lambda: WordEmbedder(fingerprint="other"))
    answer = client.get("/explore")

    assert "1 pairs of files have no similarity" in answer.text
    assert "filled by the embedder" in answer.text


def test_a_line_that_was_torn_is_told_and_costs_no_other(serve, path, tmp_path):
    line = json.dumps({"a": "one two three", "b": "one two four", "same": True, "similarity": 0.9})
    (tmp_path / "labels.jsonl").write_text(f'{line}\n{{"a": "one t')
    client = serve(path, labels=tmp_path / "labels.jsonl")
    before = numbers(client, limit=0.85)[1]
    form, _ = first_pair(client)
    client.post("/near", data={**form, "label": "same"})
    after = client.get("/explore?kind=threshold&limit=0.5")

    assert "Of labels.jsonl 1 lines cannot be read." in after.text
    assert (before, Page(after.text).by_id("right").text) == ("1 of 1", "2 of 2")


def test_the_label_that_was_given_last_holds(serve, path, tmp_path):
    pairs = [("a b c", "a b d", True), ("A b  d", "a b c", False)]
    rows = [{"a": a, "b": b, "same": same, "similarity": 0.9} for a, b, same in pairs]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert numbers(serve(path, labels=tmp_path / "labels.jsonl"), limit=0.85)[1:] == ["0 of 0", "1 of 1"]


def test_an_audit_trail_s_near_misses_are_shown(serve, path, tmp_path):
    with (
        AuditTrail(tmp_path / "audit.jsonl") as trail,
        SemanticCache(path, WordEmbedder(), policy="guarded", observers=[trail]) as cache,
    ):
        cache.get("do you ship to Mexico")
    client = serve(path, pairs=(tmp_path / "audit.jsonl",))

    assert "audit.jsonl" in client.get("/near").text
    assert "Mexico" in client.get("/near").text


def first_pair(client) -> tuple[dict[str, str], Page]:
    page = Page(client.get("/near").text)
    form = page.all("form")[1]
    return {each.attributes["name"]: each.attributes["value"] for each in form.inside if each.tag == "input"}, page


def test_both_answers_of_a_pair_are_shown(serve, tmp_path):
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put("how do I pay my bill", "By card. " * 50)
        cache.put("how can I pay my bill", '{"v": 2, "via": [], "answer": {"text": "By transfer."}}')
        keys = [cache.key(each) for each in ("how do I pay my bill", "how can I pay my bill")]
    page = Page(serve(tmp_path / "c.db").get("/near").text)
    first, second = [each for each in page.all("dd") if each.attributes.get("class") == "answer"]
    (whole,) = [each for each in first.inside if each.tag == "pre"]

    assert (whole.text, whole.parents[-1]) == ("By card. " * 50, "details")
    assert "By transfer." in second.text
    assert [each.attributes["href"] for side in (first, second) for each in side.inside if each.tag == "a"] == [
        f"/entries/{key}" for key in keys
    ]


def test_answers_come_from_a_shadow_by_the_keys_of_a_trail_and_from_equal_questions(serve, path, tmp_path):
    entries = {each.query: each for each in looking.entries(path)[0]}
    entry = entries["do you ship to Canada"]
    rows = [
        {"a": "where is  my order", "b": "where is your order", "similarity": 0.7},
        {
            "a": "is it open now",
            "b": "is it open today",
            "similarity": 0.9,
            "answer_a": "Yes, it is.",
            "answer_b": "yes",
        },
        {"time": 1.0, "outcome": "miss", "matched": entry.query, "query": "do you ship to Peru", "similarity": 0.8}
        | {"entry": entry.key, "key": "0" * 32},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    page = Page(serve(path, pairs=(tmp_path / "rows.jsonl",)).get("/near").text)
    told = [each.text for each in page.all("section") if "rows.jsonl" in each.text]

    assert sorted([text in each for text in ("Yes, it is.", "Not known", "Yes.", "On its way.")] for each in told) == [
        [False, True, False, True],
        [False, True, True, False],
        [True, False, False, False],
    ]


def test_equal_answers_are_said_to_be_equal(serve, tmp_path):
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put_many([(f"how do I pay my {what} bill", "By card.") for what in ("first", "last")])

    assert "Both answers are the same" in serve(tmp_path / "c.db").get("/near").text


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=2), st.booleans())
def test_a_pair_keeps_what_an_earlier_line_of_it_knew(texts, is_turned):
    (a, b), answers = ("one", "two"), tuple(texts)
    known = Pair(a, b, 0.5, None, "x", ("k", None), answers)
    later = Pair(*((b, a) if is_turned else (a, b)), None, True, "y").after(known)

    assert (later.same, later.similarity, later.source, later.id) == (True, 0.5, "y", known.id)
    assert (later.keys, later.answers) == (((None, "k"), answers[::-1]) if is_turned else (("k", None), answers))


@pytest.mark.parametrize("label", ["same", "different"])
def test_a_label_is_written_as_calibrate_reads_it(serve, path, tmp_path, label):
    labels = tmp_path / "labels.jsonl"
    client = serve(path, labels=labels)
    form, before = first_pair(client)
    answer = client.post("/near", data={**form, "label": label})
    (pair,) = read_labelled(labels)

    assert answer.status_code == 200
    assert next(each.text for each in before.all("dd")) == pair.a
    assert (pair.same, pair.kind) == (label == "same", "dashboard")
    assert len(Page(answer.text).all("section")) == len(before.all("section")) - 1
    assert f"Labelled as {'the same' if label == 'same' else 'different'}:" in answer.text
    assert [each.text for each in Page(answer.text).by_id("labelled").inside] == [pair.a, pair.b]
    assert labels.stat().st_mode & 0o777 == 0o600


def test_what_was_labelled_as_different_is_kept_apart_where_the_file_is_the_cache_s_feedback(serve, path, tmp_path):
    labels = tmp_path / "labels.jsonl"
    form, _ = first_pair(client := serve(path, labels=labels))
    client.post("/near", data={**form, "label": "different"})
    (pair,) = read_labelled(labels)
    embedder, policy = WordEmbedder(), "threshold:0.1"
    reasons = []
    for feedback in (None, labels):
        with SemanticCache.open(path, embedder=embedder, policy=policy, feedback=feedback) as cache:
            near = {each.neighbour.query: each.verdict.reason for each in cache.explain(pair.a, k=9).candidates}
            reasons.append(near[pair.b] == "reported wrong")

    assert reasons == [False, True]


def test_labels_change_what_the_explorer_shows_and_make_a_policy(serve, path, tmp_path):
    labels = tmp_path / "labels.jsonl"
    client = serve(path, labels=labels)
    for label in ("same", "different"):
        client.post("/near", data={**first_pair(client)[0], "label": label})
    command = f"mneme calibrate --pairs {labels} --policy threshold --no-plot --min-precision 0.5 --json --out".split()
    command += [str(tmp_path / "policy.json"), "--embedder", "mneme.testing:WordEmbedder"]
    made = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120)

    assert numbers(client, limit=0.5)[1:] == ["1 of 1", "1 of 1"]
    assert (made.returncode, json.loads(made.stdout)["pairs"]) == (0, 2), made.stderr


@pytest.mark.parametrize(
    ("given", "status"), [({"label": "maybe"}, 400), ({"pair": "nothing", "label": "same"}, 200), ({}, 400)]
)
def test_a_label_that_makes_no_sense_writes_nothing(serve, path, tmp_path, given, status):
    client = serve(path, labels=tmp_path / "labels.jsonl")
    answer = client.post("/near", data={**first_pair(client)[0], **given})

    assert (answer.status_code, (tmp_path / "labels.jsonl").exists()) == (status, False)


def test_nothing_is_labelled_without_a_file_for_it(serve, path):
    client = serve(path)

    assert len(Page(client.get("/near").text).all("form")) == 1
    assert client.post("/near", data={"token": TOKEN, "label": "same"}).status_code == 400


def queries(client, **asked) -> list[str]:
    body = Page(client.get("/entries", params=asked).text)
    return [each.text for each in body.all("th") if each.attributes.get("scope") == "row"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"contains": "ACME"}, ["who are we"]),
        ({"namespace": "acme"}, ["who are we"]),
        ({"tag": "doc:1", "contains": "canada"}, ["do you ship to Canada"]),
        ({"expired": "yes"}, ["what was once"]),
        ({"contains": "nothing of the kind"}, []),
    ],
)
def test_entries_are_searched(serve, path, asked, expected):
    assert queries(serve(path), **asked) == expected


def test_an_integrations_answer_is_shown_as_it_reads(serve, tmp_path):
    stored = '{"v": 2, "via": [], "answer": {"text": "In Bern."}}'
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put("where are you", stored)
        key = cache.key("where are you")
    client = serve(tmp_path / "c.db")
    shown = Page(client.get(f"/entries/{key}").text).all("pre")
    lists = [Page(client.get(place).text).all("td") for place in ("/entries", "/explain?question=you+are+where")]

    assert [each.text for each in shown] == ["where are you", "In Bern.", stored]
    assert ["In Bern." in [each.text for each in cells] for cells in lists] == [True, True]


def test_the_pairs_of_a_large_cache_are_weighed_before_somebody_looks(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("mneme.dashboard.comparing.WEIGHED_AHEAD", 2)
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put_many([(f"how do I pay my {what} bill", "By card.") for what in ("first", "last")])
    weighed, done = [], threading.Event()
    score = Pool.score

    def noting(*arguments):
        weighed.append(arguments[1])
        done.set()
        return score(*arguments)

    monkeypatch.setattr(Pool, "score", noting)
    serve(tmp_path / "c.db")

    assert (done.wait(30), len(weighed)) == (True, 1)


def test_entries_that_did_not_change_are_not_compared_again(serve, path, monkeypatch):
    compared = []
    monkeypatch.setattr("mneme.dashboard.pool.FRESH_SECONDS", -1.0)
    monkeypatch.setattr("mneme.dashboard.pool.mine", lambda *given: compared.append(1) or mine(*given))
    client = serve(path)
    first, once = client.get("/near").text, len(compared)
    second, twice = client.get("/near").text, len(compared)
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("how may I pay my bill", "In cash.")

    assert (first, once > 0, twice - once) == (second, True, 0)
    assert len(client.get("/near").text) > len(first)
    assert len(compared) > twice


def test_entries_come_in_pages(serve, tmp_path):
    client = serve(big(tmp_path))
    first, second, last = (queries(client, sort="oldest", page=page) for page in (1, 2, 9_999))

    assert (len(first), len(second), len(last)) == (25, 25, 25)
    assert not set(first) & set(second)
    assert 'rel="prev"' in client.get("/entries?page=2").text


def form_of(client, key: str) -> dict[str, str]:
    (form,) = Page(client.get(f"/entries/{key}").text).all("form")
    return {each.attributes["name"]: each.attributes["value"] for each in form.inside if each.tag == "input"}


def test_an_entry_is_deleted_where_that_is_allowed(serve, path):
    client = serve(path, allow_delete=True)
    (entry,), _ = looking.entries(path, looking.Wanted(contains="canada"))
    with SemanticCache(path, WordEmbedder()) as cache:
        assert cache.get(entry.query) is not None
        form = form_of(client, entry.key)
        first, second = (client.post(f"/entries/{entry.key}", data=form) for _ in range(2))

        assert cache.get(entry.query, mode="exact") is None
    assert "The entry is deleted." in first.text
    assert "nothing was deleted" in second.text
    assert len(looking.entries(path)[0]) == 6


def test_a_form_that_is_older_than_the_answer_deletes_nothing(serve, path):
    client = serve(path, allow_delete=True)
    key = looking.entries(path)[0][0].key
    form = form_of(client, key)
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("who are we", "Acme and Sons.", namespace="acme")
    answer = client.post(f"/entries/{key}", data=form)

    assert "another answer took its place" in answer.text
    assert getattr(looking.entry(path, key), "response", None) == "Acme and Sons."


@pytest.mark.parametrize("stored_at", [None, "", "nan", "inf", "-1", "x", "1e999", "9" * 400])
def test_a_form_that_says_nothing_deletes_nothing(serve, path, stored_at):
    client = serve(path, allow_delete=True)
    key = looking.entries(path)[0][0].key
    form = {"token": TOKEN} if stored_at is None else {"token": TOKEN, "stored_at": stored_at}

    assert client.post(f"/entries/{key}", data=form).status_code in (200, 400)
    assert looking.entry(path, key) is not None


def test_an_entry_is_not_deleted_where_that_is_not_allowed(serve, path):
    client = serve(path)
    key = looking.entries(path)[0][0].key

    assert "Delete it" not in client.get(f"/entries/{key}").text
    assert client.post(f"/entries/{key}", data={"token": TOKEN}).status_code == 403
    assert looking.entry(path, key) is not None


def test_looking_at_every_page_leaves_the_file_as_it_is(serve, path):
    before = path.read_bytes(), path.stat().st_mtime_ns
    client = serve(path)
    for place in ASKED:
        assert client.get(place).status_code == 200

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_quotas_are_shown_beside_what_they_limit(serve, path):
    (meter,) = Page(serve(path, quotas={"acme": 10}).get("/namespaces").text).all("meter")

    assert meter.attributes["aria-label"] == "1 of 10 entries"


def test_a_whole_file_and_a_damaged_one_are_told_apart(serve, path):
    client = serve(path)
    sound = client.get("/health?check=1").text
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5_000)

    assert "Nothing is wrong." in sound
    assert "Something is wrong." in client.get("/health?check=1").text


def test_a_question_is_explained(serve, path):
    answer = serve(path).get("/explain", params={"question": "how do you pay my bill"})

    assert "<del>you</del> <ins>I</ins>" in answer.text
    assert "refuse" in answer.text


def test_while_a_large_cache_is_read_the_page_says_so_and_asks_again(serve, path, monkeypatch):
    free = threading.Event()

    class Slow(WordEmbedder):
        def embed(self, text):
            free.wait(30)
            return super().embed(text)

    monkeypatch.setattr("mneme.dashboard.live.LARGE", 7)
    monkeypatch.setattr("mneme.dashboard.live.PATIENCE_SECONDS", 0.05)
    client = serve(path, embedder=Slow)
    meanwhile = Page(client.get("/explain?question=how+do+I+pay").text)
    free.set()
    monkeypatch.setattr("mneme.dashboard.live.PATIENCE_SECONDS", 30)
    after = Page(client.get("/explain?question=how+do+I+pay").text)

    assert [each.attributes.get("content") for each in meanwhile.all("meta")][-1] == "1"
    assert "7 entries" in next(each.text for each in meanwhile.elements if each.attributes.get("role") == "status")
    assert (
        [each.attributes.get("http-equiv") for each in after.all("meta")],
        "Outcome" in after.all("main")[0].text,
    ) == (
        [None, None],
        True,
    )


def test_a_second_question_does_not_read_the_cache_again(serve, path, monkeypatch):
    read = []
    load = ReadOnlySQLiteStore.load_heads
    monkeypatch.setattr(ReadOnlySQLiteStore, "load_heads", lambda store: read.append(1) or load(store))
    client = serve(path)
    for question in ("how do I pay", "where is my order"):
        assert "Outcome" in client.get("/explain", params={"question": question}).text

    assert len(read) == 1


def test_an_entry_of_the_question_with_another_vary_is_named(serve, tmp_path):
    with SemanticCache(tmp_path / "c.db", WordEmbedder()) as cache:
        cache.put("q", "r", vary={"model": "large"}, usage=TokenUsage("large", 1, 1))
        key = cache.key("q", vary={"model": "large"})
    page = Page(serve(tmp_path / "c.db").get("/explain?question=q").text)
    (link,) = [each for each in page.all("a") if each.attributes["href"] == f"/entries/{key}"]

    assert link.text.strip() == f'the same question is entry {key[:8]}: model: "large" there, none here'


def test_what_cannot_be_shown_is_said(serve, path):
    client = serve(path, embedder=lambda: WordEmbedder(fingerprint="other"))
    unexplained = client.get("/explain?question=x")
    path.unlink()
    gone = client.get("/entries")

    assert (unexplained.status_code, "filled by the embedder" in unexplained.text) == (503, True)
    assert (gone.status_code, "there is no cache at" in gone.text) == (503, True)


def test_an_encrypted_cache_shows_what_it_counted_alone(serve, tmp_path):
    path = tmp_path / "sealed.db"
    with SemanticCache.open(path, embedder=WordEmbedder(), encryption=lambda: [b"k" * 32]) as cache:
        cache.put("a secret", "hidden")
        cache.get("a secret")
    client = serve(path)

    assert [client.get(place).status_code for place in ("/", "/explore", "/near", "/namespaces")] == [200] * 4
    assert (client.get("/entries").status_code, "encrypted" in client.get("/entries").text) == (503, True)


def test_a_label_that_was_wrong_is_changed(serve, path, tmp_path):
    client = serve(path, labels=tmp_path / "labels.jsonl")
    form, _ = first_pair(client)
    answer = client.post("/near", data={**form, "label": "same"})
    again = {**form, "label": "different"}
    refused = client.post("/near", data=again)
    changed = client.post("/near", data={**again, "again": "1"})

    assert len([each for each in Page(answer.text).elements if "autofocus" in each.attributes]) == 1
    assert "had a label already" in refused.text
    assert Page(changed.text).by_id("labelled").text.startswith("Labelled as different:")
    assert [pair.same for pair in read_labelled(tmp_path / "labels.jsonl")] == [True, False]


def test_pairs_come_in_pages_and_a_label_leads_back_to_its_own(serve, path, tmp_path):
    rows = [{"a": f"one {at}", "b": f"two {at}", "similarity": 0.5 + at / 100} for at in range(45)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    client = serve(path, pairs=(tmp_path / "pairs.jsonl",), labels=tmp_path / "labels.jsonl")
    pages = [Page(client.get("/near", params={"page": number}).text) for number in (1, 2, 3, 99)]
    form = {
        each.attributes["name"]: each.attributes["value"]
        for each in pages[1].all("form")[1].inside
        if each.tag == "input"
    }
    answer = client.post("/near", data={**form, "label": "same"})

    assert [len(each.all("section")) for each in pages] == [20, 20, 7, 7]
    assert answer.url.params["page"] == "2"


@pytest.mark.parametrize(
    ("policy", "asked", "limit", "named"),
    [
        (None, {}, "0.9800", "guarded:0.02"),
        (None, {"kind": "threshold"}, "0.8500", "threshold:0.85"),
        (None, {"kind": "threshold", "limit": "0.98", "was": "guarded"}, "0.8500", "threshold:0.85"),
        (None, {"kind": "threshold", "limit": "0.98", "was": "threshold"}, "0.9800", "threshold:0.98"),
        (None, {"limit": "1"}, "1.0000", None),
        ("guarded:0.1", {}, "0.9000", "guarded:0.1"),
        ("threshold:0.7", {}, "0.7000", "threshold:0.7"),
        ("threshold:0.7", {"kind": "guarded"}, "0.9800", "guarded:0.02"),
    ],
)
def test_the_explorer_begins_with_what_the_program_does(serve, path, policy, asked, limit, named):
    text = serve(path, policy=policy).get("/explore", params=asked).text
    page = Page(text)

    assert next(each.text for each in page.all("dd")) == limit
    assert ('id="policy"' in text, named is None or page.by_id("policy").text == f'policy="{named}"') == (
        named is not None,
        True,
    )


def test_what_the_guard_refuses_is_served_at_no_limit(serve, path, tmp_path):
    pair = {"a": "do you ship to Canada", "b": "do you not ship to Canada", "similarity": 0.9, "same": False}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    client = serve(path, pairs=(tmp_path / "pairs.jsonl",))

    assert numbers(client, kind="guarded", limit=0)[2] == "0 of 1"
    assert numbers(client, kind="threshold", limit=0)[2] == "1 of 1"


@pytest.mark.parametrize("limit", ["0.875", "0.865", "0.8", "0.29", "1"])
def test_the_limit_that_lookups_are_counted_to_is_the_one_that_is_said(serve, path, limit):
    view, _ = looking.look(path)
    said = Page(serve(path).get("/explore", params={"kind": "threshold", "limit": limit}).text).by_id("reaching").text
    edge = float(re.search(r"lie at ([\d.]+) or nearer", said)[1])
    both = [sum(each) for each in zip(*view.total.similarity.values(), strict=True)]

    assert edge <= float(limit) < edge + 0.01
    assert f"{sum(both[round(edge * 100) :]):,} lie at" in said


def test_ask_why_judges_as_the_program_does(serve, path, tmp_path):
    pair = {"a": "do you ship to Canada", "b": "do you ship to Canada please", "same": False}
    (tmp_path / "feedback.jsonl").write_text(json.dumps(pair) + "\n")
    asked = {"question": "do you ship to Canada please"}
    plain, strict, told = (
        serve(path, **settings).get("/explain", params=asked).text
        for settings in ({}, {"policy": "threshold:0.999"}, {"feedback": tmp_path / "feedback.jsonl"})
    )

    assert ("accept" in plain, "accept" in strict, "by threshold:0.999" in strict) == (True, False, True)
    assert ("reported wrong" in told, "accept" in told) == (True, False)


def test_ask_why_asks_as_an_entry_was_asked(serve, path):
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("are you open today", "Yes.", vary={"model": "m"}, namespace="acme")
    (entry,), _ = looking.entries(path, looking.Wanted(contains="open today"))
    client = serve(path)
    shown = Page(client.get(f"/entries/{entry.key}").text)
    (link,) = [
        each.attributes["href"] for each in shown.all("a") if (each.attributes["href"] or "").startswith("/explain?")
    ]

    assert "exact" in client.get(link).text
    assert "begins with &#39;ffffffff&#39;" in client.get("/explain?question=x&like=ffffffff").text


def test_a_namespace_without_entries_is_told_from_one_without_neighbours(serve, path):
    client = serve(path)
    other, known = (
        client.get("/explain", params={"question": "x", "namespace": each}).text for each in ("acne", "acme")
    )

    assert "holds no entries; others do: <b" in other
    assert "holds no entries" not in known


def test_namespaces_come_in_pages_and_are_found_by_name(serve, tmp_path):
    with SemanticCache(tmp_path / "many.db", WordEmbedder()) as cache:
        for at in range(130):
            cache.put("hello", "there", namespace=f"tenant {at:03}")
        cache.put("hello you", "there", namespace="tenant 129")
    client = serve(tmp_path / "many.db", quotas={"tenant 129": 1, "nobody": 5})

    def rows(**asked) -> list[str]:
        page = Page(client.get("/namespaces", params=asked).text)
        return [each.text for each in page.all("th") if each.attributes.get("scope") == "row"]

    assert [len(rows(page=page)) for page in (1, 2, 99)] == [100, 30, 30]
    assert (rows()[0], rows(contains="T 12")) == (
        "tenant 129",
        ["tenant 129", *(f"tenant {at}" for at in range(120, 129))],
    )
    assert "Nothing was ever in the namespace" in client.get("/namespaces").text


@pytest.mark.parametrize("now", [0.0, -1e12, 1.8e12, 1e18, 1e300])
def test_the_times_of_any_clock_are_shown(serve, tmp_path, now):
    with SemanticCache(tmp_path / "odd.db", WordEmbedder(), clock=FakeClock(now)) as cache:
        cache.put("hello", "there", ttl=1e300)
    client = serve(tmp_path / "odd.db")
    key = looking.entries(tmp_path / "odd.db")[0][0].key

    assert [client.get(place).status_code for place in (*PAGES, f"/entries/{key}")] == [200] * (len(PAGES) + 1)


def test_files_of_pairs_that_are_of_no_use_are_told(serve, path, tmp_path):
    (tmp_path / "odd.jsonl").write_text('{"a": 1}\n{"a": "one", "b": "two", "similarity": 0.7}\n')
    (tmp_path / "gone.jsonl").write_text('{"a": "one", "b": "three", "similarity": 0.7}\n')
    client = serve(path, pairs=(tmp_path / "odd.jsonl", tmp_path / "gone.jsonl"))
    (tmp_path / "gone.jsonl").unlink()

    for place in ("/explore", "/near"):
        text = client.get(place).text
        assert "Of odd.jsonl 1 lines hold no pair" in text
        assert "gone.jsonl cannot be read" in text


def test_what_was_deleted_is_no_pair_any_more(serve, path):
    client = serve(path, allow_delete=True)
    (entry,), _ = looking.entries(path, looking.Wanted(contains="how can I pay"))
    before = len(Page(client.get("/near").text).all("section"))
    client.post(f"/entries/{entry.key}", data=form_of(client, entry.key))

    assert len(Page(client.get("/near").text).all("section")) < before


def test_a_page_that_fails_is_a_page(path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no text of this is shown")

    app = dashboard(Settings(url=path), token=TOKEN)
    client = TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)
    client.get("/", params={"token": TOKEN})
    monkeypatch.setattr("mneme.dashboard.live.looking.entries", fail)
    answer = client.get("/entries")

    assert (answer.status_code, "RuntimeError" in answer.text, "no text" in answer.text) == (500, True, False)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_file_that_others_begin_to_write_is_read_again(serve, path, monkeypatch):
    calls: list[int] = []
    entries = looking.entries

    def busy(*arguments, **options):
        calls.append(1)
        if len(calls) < 3:
            raise StoreBusyError("a program began to write")
        return entries(*arguments, **options)

    monkeypatch.setattr("mneme.dashboard.live.looking.entries", busy)

    assert (serve(path).get("/entries").status_code, len(calls)) == (200, 3)


def test_the_whole_file_that_a_url_names_is_checked(serve, path):
    place = path.with_name("with space.db")
    path.rename(place)
    url = f"sqlite:///{quote(str(place))}"

    assert "Nothing is wrong." in serve(url).get("/health?check=1").text


@pytest.mark.parametrize("change", ["missing", "empty", "foreign", "damaged", "folder"])
def test_a_file_that_changed_under_the_dashboard_gives_a_page(serve, path, change):
    client = serve(path)
    path.unlink()
    if change == "empty":
        path.write_bytes(b"")
    elif change == "foreign":
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE other (x)")
    elif change == "damaged":
        path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5_000)
    elif change == "folder":
        path.mkdir()

    for place in ("/", "/explore", "/near", "/entries", "/entries/abcd", "/namespaces", "/explain?question=x"):
        answer = client.get(place)
        assert answer.status_code in (400, 503), (place, answer.text)
        assert "This cannot be shown" in answer.text


def test_a_file_that_is_locked_gives_a_page(serve, path, monkeypatch):
    monkeypatch.setattr(
        "mneme.stores.sqlite.store.SQLiteStore.__init__.__kwdefaults__", {"timeout": 0.05, "cache_size_kb": 100}
    )
    client = serve(path, allow_delete=True)
    (entry,), _ = looking.entries(path, limit=1)
    form = form_of(client, entry.key)
    with SemanticCache(path, WordEmbedder()), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        read, deleted = client.get("/entries"), client.post(f"/entries/{entry.key}", data=form)
        db.execute("ROLLBACK")

    assert (read.status_code, deleted.status_code) == (200, 503)
    assert "another process" in deleted.text
    assert looking.entry(path, entry.key) == entry


def test_a_light_and_a_dark_page_have_enough_contrast():
    def light(colour: str) -> float:
        digits = "".join(each * 2 for each in colour) if len(colour) == 3 else colour
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        parts = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    style = (Path(dashboard_folder.__file__).parent / "static" / "style.css").read_text()
    schemes = [dict(re.findall(r"--(\w+): #(\w+)", block)) for block in re.findall(r":root {(.*?)}", style, re.DOTALL)]
    assert len(schemes) == 2
    for scheme in schemes:
        for front in ("text", "dim", "link", "good", "bad", "s1", "s2", "s3", "mark"):
            for back in ("back", "panel"):
                one, other = sorted((light(scheme[front]), light(scheme[back])))

                # WCAG 2.2, AA.
                assert (other + 0.05) / (one + 0.05) >= 4.5, (front, back)
