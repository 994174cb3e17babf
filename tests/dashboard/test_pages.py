"""What the pages show, and what their forms do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mneme import SemanticCache, TokenUsage
from mneme.observe import AuditTrail
from mneme.runtime.pairs import read_labelled
from mneme.testing import WordEmbedder
from mneme.tools import looking

from .conftest import TOKEN
from .reading import Page

PAGES = ["/", "/explore", "/near", "/entries", "/namespaces", "/health", "/health?check=1", "/explain"]
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
    client = serve(path, labels=tmp_path / "labels.jsonl", allow_delete=True, quotas={HOSTILE: 1, "default": 5_000})
    found = [f"/entries/{each.key}" for each in looking.entries(path, limit=2)[0]]
    for place in [*ASKED, "/entries?contains=%22%3E%3Cscript%3E&tag=%3C", *found, "/none"]:
        answer = client.get(place)

        assert answer.status_code == (404 if place == "/none" else 200), (place, answer.text)
        check_usable(Page(answer.text), place)
        assert "alert(1)</script>" not in answer.text
        assert "<img" not in answer.text


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
