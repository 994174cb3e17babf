"""The dashboard in a Chromium without a window, where one is installed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copy2
from typing import Any

import pytest

from mneme import SemanticCache
from mneme.dashboard import Settings, dashboard
from mneme.observe import AuditTrail
from mneme.runtime.pairs import read_labelled
from mneme.testing import WordEmbedder
from mneme.tools import looking

from .browsers import FLAGS, chromium
from .conftest import TOKEN
from .running import serving

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PLACE = chromium()
pytestmark = pytest.mark.skipif(PLACE is None, reason="no Chromium or Chrome is installed: apt install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PLACE, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def trail(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is decided over a cache of the same entries: a miss, and a hit of another wording."""
    folder = tmp_path_factory.mktemp("decided")
    with (
        AuditTrail(folder / "audit.jsonl") as trail,
        SemanticCache(copy2(filled, folder / "cache.db"), WordEmbedder(), observers=[trail]) as cache,
    ):
        for query in ("where is the moon", "my bill how do I pay"):
            cache.get(query)
    return folder / "audit.jsonl"


@pytest.fixture
def address(path: Path, trail: Path, tmp_path: Path) -> Iterator[str]:
    pair = {"a": "when do you open today", "b": "when do you close today", "same": False, "similarity": 0.8}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    settings = Settings(
        url=path,
        allow_delete=True,
        trail=trail,
        labels=tmp_path / "labels.jsonl",
        pairs=(tmp_path / "pairs.jsonl",),
        embedder=WordEmbedder,
        interval=0.2,
    )
    with serving(dashboard(settings, token=TOKEN)) as address:
        yield f"{address}/?token={TOKEN}"


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that has been let in. What it asks of other hosts, and what the browser complains of, is an error."""
    context = browser.new_context(java_script_enabled=request.param)
    page = context.new_page()
    base, elsewhere = address.partition("?")[0], []
    page.on("request", lambda asked: None if asked.url.startswith(base) else elsewhere.append(asked.url))
    page.on("console", lambda said: elsewhere.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: elsewhere.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert elsewhere == []


def test_the_page_opens_and_its_address_holds_no_token(page):
    assert (page.title(), "token" in page.url) == ("Overview – Mneme", False)
    assert page.get_by_role("navigation", name="Pages").get_by_role("link").count() == 8


def test_entries_are_filtered_shown_and_deleted(page, path):
    page.get_by_role("link", name="Entries").click()
    page.get_by_label("Text in question or answer").fill("CANADA")
    page.get_by_role("button", name="Find").click()
    api.expect(page.get_by_role("rowheader")).to_have_text(["do you ship to Canada"])

    page.get_by_role("link", name="do you ship to Canada").click()
    page.get_by_text("Delete this entry").click()
    page.get_by_role("button", name="Delete it").click()

    api.expect(page.get_by_role("status")).to_have_text("The entry is deleted.")
    assert "do you ship to Canada" not in [each.query for each in looking.entries(path)[0]]


def test_a_near_miss_is_labelled(page, tmp_path):
    page.get_by_role("link", name="Near misses").click()
    api.expect(page.get_by_role("heading", level=1)).to_have_text("Near misses")
    same = page.get_by_role("button", name="Same answer", exact=True)
    before = same.count()
    page.get_by_role("button", name="Different answers").first.click()

    api.expect(page.get_by_role("status")).to_contain_text("Labelled as different:")
    assert same.count() == before - 1
    api.expect(same.first).to_be_focused()
    page.get_by_role("button", name="No, the same answer").click()
    api.expect(page.get_by_role("status")).to_contain_text("Labelled as the same:")
    assert same.count() == before - 1
    assert [pair.same for pair in read_labelled(tmp_path / "labels.jsonl")] == [False, True]


def test_an_answer_is_read_before_it_is_judged(page, path):
    long = "By card, or by transfer. " * 30
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.put("how should I pay my bill", long)
    page.get_by_role("link", name="Near misses").click()
    whole = page.locator("pre", has_text=long.strip())
    api.expect(whole).to_be_hidden()
    page.locator("summary", has_text="The whole answer").focus()
    page.keyboard.press("Enter")

    api.expect(whole).to_be_visible()


def test_a_decision_is_found_reported_and_put_back(page, path):
    page.get_by_role("link", name="Decisions").click()
    api.expect(page.get_by_role("heading", level=2)).to_have_count(2)
    page.get_by_label("Outcome").select_option("served")
    page.get_by_label("Text in a question").fill("BILL")
    page.get_by_role("button", name="Find").click()
    api.expect(page.get_by_role("heading", level=2)).to_contain_text(["semantic in default"])
    page.get_by_role("button", name="Find").focus()
    read = []
    for _ in range(3):
        page.keyboard.press("Tab")
        read.append(page.locator(":focus").inner_text().split()[0])
    assert read == ["Ask", "Entry", "That"]
    page.keyboard.press("Enter")

    api.expect(page.get_by_role("status")).to_contain_text("is served to no other question from now on")
    assert [each.wrong_for for each in looking.entries(path, looking.Wanted(contains="how do I pay"))[0]] == [
        ("my bill how do I pay",)
    ]
    api.expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    api.expect(page.get_by_role("status")).to_contain_text("The report is undone")
    assert [each.wrong_for for each in looking.entries(path, looking.Wanted(contains="how do I pay"))[0]] == [()]
    page.get_by_role("region").get_by_role("link", name="Ask why").click()
    api.expect(page.get_by_label("Question")).to_have_value("my bill how do I pay")


def test_another_threshold_changes_the_numbers(page):
    page.get_by_role("link", name="Similarity").click()
    page.get_by_label("Judged by").select_option("similarity alone")
    page.get_by_role("button", name="Show").click()
    api.expect(page.locator("#wrong")).to_have_text("0 of 1")
    assert page.get_by_label("At least").input_value() == "0.85"
    page.get_by_label("At least").fill("0.7")
    page.get_by_label("At least").press("Enter")

    api.expect(page.locator("#wrong")).to_have_text("1 of 1")
    assert re.search(r"limit=0\.7\b", page.url)


def test_the_slider_moves_the_threshold_by_keys(browser, address):
    page = browser.new_context().new_page()
    page.goto(address)
    page.get_by_role("link", name="Similarity").click()
    slider = page.get_by_label("Move it")
    api.expect(slider).to_be_visible()
    page.get_by_label("Judged by").select_option("similarity alone")
    api.expect(slider).to_have_value("0.85")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowLeft")

    api.expect(page.locator("#wrong")).to_have_text("1 of 1")
    assert slider.evaluate("each => each === document.activeElement")
    assert page.get_by_label("At least").input_value() == "0.79"
    api.expect(page.locator("#policy")).to_have_text('policy="threshold:0.79"')
    api.expect(page.get_by_role("status")).to_contain_text("At 0.7900")
    page.context.close()


def test_the_first_key_leads_past_the_navigation(page):
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")

    assert page.url.endswith("#main")


def test_the_overview_goes_on_by_itself_until_told_not_to(browser, address, path):
    page = browser.new_context().new_page()
    page.goto(address)
    lookups = page.locator("dl.facts > div", has_text="Lookups").locator("dd")
    before = int(lookups.inner_text())
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.get("where is my order")

    api.expect(lookups).to_have_text(str(before + 1))
    api.expect(page.get_by_role("img", name=re.compile("Lookups a second"))).to_be_visible()
    page.context.close()


def test_a_page_that_waits_for_the_cache_goes_on_by_itself_without_scripts(browser, path, monkeypatch):
    free = threading.Event()

    class Slow(WordEmbedder):
        def embed(self, text):
            free.wait(30)
            return super().embed(text)

    monkeypatch.setattr("mneme.dashboard.live.LARGE", 1)
    monkeypatch.setattr("mneme.dashboard.live.PATIENCE_SECONDS", 0.05)
    with serving(dashboard(Settings(url=path, embedder=Slow), token=TOKEN)) as address:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{address}/explain?question=how+do+I+pay&token={TOKEN}")
        api.expect(page.get_by_role("status")).to_contain_text("The cache is being read")
        free.set()

        api.expect(page.get_by_role("table")).to_be_visible()
        page.context.close()


PLACES = [
    "/",
    "/explore",
    "/near",
    "/decisions",
    "/entries",
    "/explain?question=how+do+I+pay+my+bill",
    "/namespaces",
    "/health?check=1",
]


@pytest.mark.parametrize("width", [320, 1_280])
def test_no_page_is_wider_than_its_window(browser, address, path, width):
    context = browser.new_context(viewport={"width": width, "height": 700}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    key = looking.entries(path)[0][0].key
    for place in [*PLACES, f"/entries/{key}"]:
        page.goto(address.partition("/?")[0] + place)

        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        clipped = """() => [...document.querySelectorAll("svg.chart")].flatMap((chart) =>
          [...chart.querySelectorAll("text")].filter((text) => text.getBoundingClientRect().left < 0))"""
        assert page.evaluate(clipped) == [], place
    context.close()


def test_a_page_that_cannot_be_brought_up_to_date_says_so(browser, address, path):
    page = browser.new_context().new_page()
    page.goto(address)
    api.expect(page.get_by_role("img", name=re.compile("Lookups a second"))).to_be_visible()
    path.rename(path.with_name("gone.db"))

    api.expect(page.get_by_role("alert")).to_contain_text("what is shown is older")
    path.with_name("gone.db").rename(path)
    api.expect(page.get_by_role("alert")).to_have_count(0)
    page.context.close()


def test_the_focus_stays_over_a_refresh(browser, address, path):
    page = browser.new_context().new_page()
    page.goto(address)
    summary = page.locator("summary").nth(1)
    summary.focus()
    summary.press("Enter")
    lookups = page.locator("dl.facts > div", has_text="Lookups").locator("dd")
    before = int(lookups.inner_text())
    with SemanticCache(path, WordEmbedder()) as cache:
        cache.get("where is my order")

    api.expect(lookups).to_have_text(str(before + 1))
    api.expect(summary).to_be_focused()
    assert page.locator("details").nth(1).get_attribute("open") is not None
    page.context.close()


def test_an_answer_that_comes_late_replaces_no_later_one(browser, address):
    page = browser.new_context().new_page()
    page.goto(address)
    page.goto(address.partition("?")[0] + "explore?kind=threshold")
    held = []
    page.route(re.compile("limit=0.6$"), lambda route: held.append(route))
    limit = page.get_by_label("At least")
    limit.fill("0.6")
    while not held:
        page.wait_for_timeout(10)
    limit.fill("0.9")
    api.expect(page.locator("#policy")).to_have_text('policy="threshold:0.9"')
    with page.expect_response(re.compile("limit=0.6$")):
        held[0].continue_()
    page.wait_for_timeout(50)

    api.expect(page.locator("#policy")).to_have_text('policy="threshold:0.9"')
    page.context.close()


CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((each) => each / 255)
      .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return parts(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  const said = [...document.querySelectorAll("body *")].filter((each) =>
    [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || each.matches("input, select"));
  return said.filter((each) => each.checkVisibility() && !each.closest("svg")).map((each) => {
    const [one, other] = [light(getComputedStyle(each).color), light(behind(each))];
    return [(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), each.outerHTML.slice(0, 99)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    for place in ["/", "/near", "/decisions", "/entries", "/explain?question=how+do+you+pay+my+bill"]:
        page.goto(address.partition("/?")[0] + place)
        contrasts = page.evaluate(CONTRASTS)

        # WCAG 2.2, AA.
        assert min(contrasts)[0] >= 4.5, min(contrasts)
        assert len(contrasts) > 20
    context.close()
