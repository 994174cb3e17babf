"""Makes the pictures of docs/how-to/dashboard.md: `python -m tests.dashboard.pictures`, with a Chromium installed."""

from __future__ import annotations

import json
import random
import threading
import time
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright
from tests.dashboard.browsers import FLAGS, chromium
from tests.dashboard.running import serving

from mneme import Prices, SemanticCache, TokenUsage, default_embedder
from mneme.dashboard import Settings, dashboard
from mneme.observe import AuditTrail

PLACE = Path(__file__).parents[2] / "docs" / "images"
SECONDS = 25
# Of each: the question, its answer, another wording, and a question that only looks like it.
QUESTIONS = [
    ("How do I reset my password?", "Under 'Account'.", "How can I reset my password?", "How do I reset my router?"),
    ("What is your refund policy?", "Within 30 days.", "What's your refund policy?", "What is your privacy policy?"),
    ("Where is my order?", "See 'My orders'.", "Where's my order?", "Where is my invoice?"),
    ("How do I cancel my plan?", "Under 'Plans'.", "How can I cancel my plan?", "How do I renew my plan?"),
    (
        "What does the annual plan cost?",
        "96 dollars.",
        "How much is the annual plan?",
        "What does the monthly plan cost?",
    ),
    ("Do you ship to Canada?", "Yes, in five days.", "Do you deliver to Canada?", "Do you ship to Germany?"),
    ("How long is the warranty?", "Two years.", "How long does the warranty last?", "How long is the delivery?"),
]
PICTURES = {
    "overview": "/",
    "explore": "/explore?kind=threshold&limit=0.84",
    "near": "/near?kind=threshold&limit=0.84",
    "decisions": "/decisions?outcome=semantic",
    "entries": "/entries?contains=plan",
}


def model(answer: str) -> str:
    """Answer as slowly as a quick model."""
    time.sleep(0.3)
    return answer


def fill(path: Path, pairs: Path) -> None:
    """Make the cache, and pairs of which some have a label."""
    with SemanticCache.open(path) as cache:
        for number, (question, answer, _, trap) in enumerate(QUESTIONS):
            for each in (question, trap)[: 1 + number % 2]:
                usage = TokenUsage("gpt-4o-mini", 400 + 30 * number, 90)
                space = "acme" if number > 4 else "default"
                cache.get_or_compute(each, partial(model, answer), tags=["faq"], usage=usage, namespace=space)
    rows = [
        {"a": question, "b": other, "same": same} if number % 3 else {"a": question, "b": other}
        for number, (question, _, wording, trap) in enumerate(QUESTIONS)
        for other, same in ((wording, True), (trap, False))
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ask(path: Path, trail: Path, ended: threading.Event) -> None:
    """Ask as users do."""
    chance = random.Random(1)
    with AuditTrail(trail) as audit, SemanticCache.open(path, observers=[audit]) as cache:
        while not ended.is_set():
            question, _, wording, trap = chance.choice(QUESTIONS)
            cache.get(chance.choice([question, question, wording, trap]), namespace=chance.choice(["default", "acme"]))
            time.sleep(chance.random() / 20)


def main() -> None:
    with TemporaryDirectory() as directory, sync_playwright() as playwright:
        path, pairs, trail = (Path(directory, name) for name in ("cache.db", "pairs.jsonl", "audit.jsonl"))
        ended = threading.Event()
        fill(path, pairs)
        asking = threading.Thread(target=ask, args=(path, trail, ended))
        asking.start()
        settings = Settings(
            url=path,
            prices=Prices.shipped(),
            pairs=(pairs,),
            trail=trail,
            labels=Path("labels.jsonl"),
            allow_delete=True,
            embedder=default_embedder,
            interval=2.0,
        )
        with serving(dashboard(settings, token="t", hosts=None)) as address:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = browser.new_context(viewport={"width": 1080, "height": 800}).new_page()
            page.goto(f"{address}/?token=t")
            page.wait_for_timeout(SECONDS * 1000)
            for name, place in PICTURES.items():
                page.goto(f"{address}{place}")
                page.wait_for_timeout(500)
                # Few colours: a picture of text takes a fifth of the bytes.
                Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(128).save(
                    PLACE / f"dashboard-{name}.png", optimize=True
                )
            browser.close()
        ended.set()
        asking.join()


if __name__ == "__main__":
    main()
