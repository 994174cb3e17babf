"""The pages about pairs of questions: what a limit would serve, and labels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mneme.dashboard import exploring
from mneme.dashboard.answers import Answer, answers_of
from mneme.dashboard.charts import Series, histogram
from mneme.dashboard.limits import Limit, limit_of
from mneme.dashboard.live import Live
from mneme.dashboard.pages import Pages, page_number, url_of
from mneme.dashboard.pairs import Pair
from mneme.dashboard.pool import MOST_ENTRIES, Pool
from mneme.dashboard.settings import Settings
from mneme.evaluation.mining import FLOOR
from mneme.runtime.policy_file import policy_given

SHOWN_PAIRS = 20
# Entries, of which weighing the pairs takes longer than a page should.
WEIGHED_AHEAD = 1_000
KINDS = (("same", True), ("different", False), ("not labelled", None))


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair on a page."""

    pair: Pair
    score: float
    is_served: bool
    answers: tuple[Answer, Answer]

    @property
    def are_equal(self) -> bool:
        """Whether both questions were answered with the same words."""
        return self.answers[0].text is not None and self.answers[0].text == self.answers[1].text


class Comparing:
    """The handlers. Each may block: they run in threads."""

    def __init__(self, settings: Settings, live: Live, pool: Pool, pages: Pages) -> None:
        self._settings = settings
        self._live = live
        self._pool = pool
        self._pages = pages
        self._policies: dict[str, Any] = {}

    def prepare(self, ended: Event) -> None:
        """Weigh the pairs of a large cache before somebody looks at them, which then takes a second less."""
        with suppress(Exception):  # the page says it
            view = self._live.look()
            if view.total.entries < WEIGHED_AHEAD:
                return
            limit = self._limit({}, view.fingerprint)
            for pair in self._pool.mined():
                if ended.is_set():
                    return
                self._score(pair, limit, view.fingerprint)

    def explore(self, request: Request) -> Response:
        """Show how near neighbours are, and what another limit would do."""
        view = self._live.look()
        limit = self._limit(request.query_params, view.fingerprint)
        pairs = self._pool.pairs()
        scored = [
            (self._score(pair, limit, view.fingerprint), pair.same)
            for pair in pairs.by_id.values()
            if pair.similarity is not None
        ]
        seen = [Series(of, exploring.hundredths(view.total.similarity[of])) for of in ("accepted", "refused")]
        labelled = [
            Series(name, exploring.bucketed(score for score, said in scored if said is same)) for name, same in KINDS
        ]
        low = exploring.LOWEST
        mark = limit.value if limit.kind == "threshold" else None
        return self._pages.page(
            request,
            "explore",
            limit=limit,
            reaching=exploring.reaching(view.total, limit.value),
            counted=histogram("Nearest neighbours of lookups", seen, low=low, high=1.0, mark=mark),
            counted_rows=_rows(seen),
            served=exploring.served(scored, limit.value),
            pairs=histogram("Pairs of questions", labelled, low=low, high=1.0, mark=limit.value),
            pairs_rows=_rows(labelled),
            lower=sum(score < low for score, _ in scored),
            low=low,
            floor=FLOOR,
            most=MOST_ENTRIES,
            is_cut=pairs.is_cut,
            troubles=pairs.troubles,
            encrypted=view.encrypted,
        )

    def near(self, request: Request) -> Response:
        """Show the pairs nearest to the limit that nobody has labelled."""
        view = self._live.look()
        limit = self._limit(request.query_params, view.fingerprint)
        known = self._pool.pairs()
        found = [
            (self._score(pair, limit, view.fingerprint), name, pair)
            for name, pair in known.by_id.items()
            if pair.same is None and pair.similarity is not None
        ]
        found.sort(key=lambda each: (abs(each[0] - limit.value), each[1]))
        pages = max(1, -(-len(found) // SHOWN_PAIRS))
        number = min(page_number(request), pages)
        page = found[(number - 1) * SHOWN_PAIRS : number * SHOWN_PAIRS]
        answers = answers_of([pair for _, _, pair in page], self._live, self._pool)
        shown = [
            Shown(pair, score, exploring.is_served(score, limit.value), both)
            for (score, _, pair), both in zip(page, answers, strict=True)
        ]
        given = known.by_id.get(request.query_params.get("pair", ""))
        return self._pages.page(
            request,
            "near",
            limit=limit,
            shown=shown,
            total=len(found),
            labels=sum(pair.same is not None for pair in known.by_id.values()),
            labelled=given if given is not None and given.same is not None else None,
            number=number,
            pages=pages,
            url_of=url_of(request),
            troubles=known.troubles,
            encrypted=view.encrypted,
        )

    def label(self, request: Request) -> Response:
        """Write a label to the labels file."""
        form = request.state.form
        if self._settings.labels is None or form.get("label") not in ("same", "different"):
            return self._pages.problem(request, "Nothing can be labelled: start the dashboard with --labels FILE.", 400)
        limit = limit_of(form, None)
        pair = self._pool.pairs().by_id.get(form.get("pair", ""))
        asked = {"kind": limit.kind, "limit": f"{limit.value:.10g}", "page": form.get("page", "1")}
        if pair is None:
            asked["done"] = "unknown"
        elif pair.same is not None and "again" not in form:
            asked["done"] = "labelled"
        else:
            self._pool.label(pair, form["label"] == "same")
            asked["pair"] = pair.id
        return RedirectResponse(f"/near?{urlencode(asked)}", 303)

    def _limit(self, given: Any, fingerprint: str) -> Limit:
        return limit_of(given, self._policy(fingerprint))

    def _score(self, pair: Pair, limit: Limit, fingerprint: str) -> float:
        return self._pool.score(pair, limit.kind, fingerprint, self._policy(fingerprint))

    def _policy(self, fingerprint: str) -> Any:
        """Return the program's policy, read once: scores are kept."""
        if fingerprint not in self._policies:
            self._policies[fingerprint] = policy_given(self._settings.policy, fingerprint)
        return self._policies[fingerprint]


def _rows(series: list[Series]) -> list[tuple[str, ...]]:
    """Return the rows of a histogram's table, the nearest first; empty ones left out."""
    rows = []
    for at, values in enumerate(zip(*(each.values for each in series), strict=True)):
        if any(values):
            rows.append((f"{exploring.LOWEST + at / 100:.2f}", *(f"{value:,.0f}" for value in values)))
    return rows[::-1]
