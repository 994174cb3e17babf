"""What each page shows, and what its forms do."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mneme.dashboard import exploring
from mneme.dashboard.charts import Series, histogram
from mneme.dashboard.live import Live
from mneme.dashboard.overview import charts_of
from mneme.dashboard.pool import MOST_ENTRIES, Pair, Pool
from mneme.dashboard.sampling import Sampler
from mneme.dashboard.settings import Settings
from mneme.evaluation.mining import FLOOR
from mneme.evaluation.tuning import PolicyKind
from mneme.tools.looking import Wanted
from mneme.tools.looking.finding import Sort
from mneme.tools.readable import readable
from mneme.tools.wording import ago, differences, duration, money, percent

DEFAULT_LIMITS: Final[Mapping[PolicyKind, float]] = {"threshold": 0.85, "guarded": 0.98}
PAGE_ENTRIES = 25
PAGE_NAMESPACES = 100
# No list has more pages than a number of so many can say.
MOST_DIGITS = 9
SHOWN_PAIRS = 20
SHOWN_CHARS = 160
DONE: Final = {
    "same": "Labelled as the same.",
    "different": "Labelled as different.",
    "labelled": "This pair had a label already; nothing was written.",
    "deleted": "The entry is deleted.",
    "gone": "This entry is not there any more, or another answer took its place: nothing was deleted.",
    "unknown": "This pair is not here any more; nothing was written.",
}


class Pages:
    """The handlers. Each may block: they run in threads."""

    def __init__(self, settings: Settings, live: Live, sampler: Sampler, token: str) -> None:
        self._settings = settings
        self._live = live
        self._sampler = sampler
        self._pool = Pool(live, settings)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.filters |= {
            "ago": lambda when: ago(time.time() - when),
            "differences": differences,
            "duration": duration,
            "percent": percent,
            "readable": readable,
            "short": short,
            "when": when,
            "as_json": lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        }
        self._templates.globals |= {"money": money, "settings": settings, "token": token}

    def overview(self, request: Request) -> Response:
        """Show what was counted, and the charts."""
        view = self._live.look()
        charts = charts_of(self._sampler.steps(view), view.currency)
        return self._page(request, "overview", view=view, charts=charts)

    def explore(self, request: Request) -> Response:
        """Show how near neighbours are, and what another limit would do."""
        view = self._live.look()
        kind, limit = _limit(request.query_params)
        pairs = self._pool.pairs()
        scored = [
            (self._pool.score(pair, kind, view.fingerprint), pair.same)
            for pair in pairs.by_id.values()
            if pair.similarity is not None
        ]
        seen = [Series(of, exploring.hundredths(view.total.similarity[of])) for of in ("accepted", "refused")]
        labelled = [
            Series(name, exploring.bucketed(score for score, said in scored if said is same))
            for name, same in (("same", True), ("different", False), ("not labelled", None))
        ]
        low = exploring.LOWEST
        mark = limit if kind == "threshold" else None
        return self._page(
            request,
            "explore",
            kind=kind,
            limit=limit,
            reaching=exploring.reaching(view.total, limit),
            counted=histogram("Nearest neighbours of lookups", seen, low=low, high=1.0, mark=mark),
            counted_rows=_rows(seen),
            served=exploring.served(scored, limit),
            pairs=histogram("Pairs of questions", labelled, low=low, high=1.0, mark=limit),
            pairs_rows=_rows(labelled),
            floor=FLOOR,
            most=MOST_ENTRIES,
            is_cut=pairs.is_cut,
            troubles=pairs.troubles,
        )

    def near(self, request: Request) -> Response:
        """Show the pairs nearest to the limit that nobody has labelled."""
        view = self._live.look()
        kind, limit = _limit(request.query_params)
        known = self._pool.pairs()
        pairs = known.by_id.values()
        open_pairs = [pair for pair in pairs if pair.same is None and pair.similarity is not None]

        def score(pair: Pair) -> float:
            return self._pool.score(pair, kind, view.fingerprint)

        open_pairs.sort(key=lambda pair: (abs(score(pair) - limit), pair.id))
        shown = [(pair, score(pair)) for pair in open_pairs[:SHOWN_PAIRS]]
        labels = sum(pair.same is not None for pair in pairs)
        return self._page(
            request,
            "near",
            kind=kind,
            limit=limit,
            shown=shown,
            number=len(open_pairs),
            labels=labels,
            troubles=known.troubles,
        )

    def label(self, request: Request) -> Response:
        """Write a label to the labels file."""
        form = request.state.form
        if self._settings.labels is None or form.get("label") not in ("same", "different"):
            return self.problem(request, "Nothing can be labelled: start the dashboard with --labels FILE.", 400)
        kind, limit = _limit(form)
        pair = self._pool.pairs().by_id.get(form.get("pair", ""))
        if pair is None:
            done = "unknown"
        elif pair.same is not None:
            done = "labelled"
        else:
            done = form["label"]
            self._pool.label(pair, done == "same")
        return RedirectResponse(f"/near?kind={kind}&limit={limit:g}&done={done}", 303)

    def entries(self, request: Request) -> Response:
        """List entries."""
        given = request.query_params
        asked = {name: given.get(name, "") for name in ("contains", "namespace", "tag", "expired", "sort")}
        wanted = Wanted(
            asked["namespace"] or None,
            asked["tag"] or None,
            asked["contains"] or None,
            {"yes": True, "no": False}.get(asked["expired"]),
        )
        sort = cast("Sort", asked["sort"] if asked["sort"] in get_args(Sort) else "newest")
        number = _page_number(request)
        found, total = self._live.entries(wanted, sort, PAGE_ENTRIES, (number - 1) * PAGE_ENTRIES)
        pages = max(1, -(-total // PAGE_ENTRIES))
        if number > pages:
            number = pages
            found, total = self._live.entries(wanted, sort, PAGE_ENTRIES, (number - 1) * PAGE_ENTRIES)
        return self._page(
            request,
            "entries",
            asked={**asked, "sort": sort},
            sorts=get_args(Sort),
            found=found,
            total=total,
            number=number,
            pages=pages,
            url_of=_url_of(request),
        )

    def entry(self, request: Request) -> Response:
        """Show an entry."""
        found = self._live.entry(request.path_params["key"])
        if found is None:
            return self.problem(request, "No entry's key begins so.", 404)
        return self._page(request, "entry", entry=found)

    def delete(self, request: Request) -> Response:
        """Delete an entry."""
        if not self._settings.allow_delete:
            return self.problem(request, "This dashboard only reads: start it with --allow-delete.", 403)
        stored_at = _number(request.state.form.get("stored_at"))
        if stored_at is None:
            return self.problem(request, "This form does not say which answer it means: load its page again.", 400)
        found = self._live.delete(request.path_params["key"], stored_at)
        self._pool.forget()
        return RedirectResponse(f"/entries?done={'gone' if found is None else 'deleted'}", 303)

    def namespaces(self, request: Request) -> Response:
        """List the namespaces."""
        view = self._live.look(by_namespace=True)
        contains = request.query_params.get("contains", "")
        text = contains.casefold()
        named = [each for each in view.namespaces if each.namespace is not None and text in each.namespace.casefold()]
        named.sort(key=lambda each: -each.entries)
        pages = max(1, -(-len(named) // PAGE_NAMESPACES))
        number = min(_page_number(request), pages)
        return self._page(
            request,
            "namespaces",
            view=view,
            contains=contains,
            found=named[(number - 1) * PAGE_NAMESPACES : number * PAGE_NAMESPACES],
            absent=sorted(self._settings.quotas.keys() - {each.namespace for each in view.namespaces}),
            total=len(named),
            number=number,
            pages=pages,
            url_of=_url_of(request),
        )

    def health(self, request: Request) -> Response:
        """Show the plugins, and what `mneme doctor` finds."""
        from mneme.plugins import get_plugin_manager

        checked = "check" in request.query_params
        found = self._live.examine() if checked else None
        plugins = get_plugin_manager().plugins()
        view = None if checked else self._live.look()
        is_file = self._live.path is not None
        return self._page(request, "health", view=view, found=found, checked=checked, plugins=plugins, is_file=is_file)

    def explain(self, request: Request) -> Response:
        """Say why a question hits or misses."""
        question, namespace = (request.query_params.get(name, "") for name in ("question", "namespace"))
        found = self._live.explain(question, namespace or "default") if question.strip() else None
        return self._page(request, "explain", question=question, namespace=namespace or "default", found=found)

    def problem(self, request: Request, what: str, status: int) -> Response:
        """Say what cannot be shown."""
        return self._page(request, "problem", status=status, what=what)

    def _page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
        done = DONE.get(request.query_params.get("done", ""))
        text = self._templates.get_template(f"{name}.html").render(page=name, done=done, **values)
        # A JSON text may hold half a surrogate pair.
        return HTMLResponse(text.encode("utf-8", "replace"), status)


def short(text: str) -> str:
    """Return a text for a list, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARS else f"{line[: SHOWN_CHARS - 1]}…"


def when(time: float) -> str:
    """Return a time for people; a program's clock may be none of ours."""
    try:
        return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{time:g} s since 1970"


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isdecimal() and len(text) <= MOST_DIGITS else 1


def _url_of(request: Request) -> Callable[[int], str]:
    """Return what makes the address of another page of the same list."""
    return lambda number: f"?{request.url.include_query_params(page=number).remove_query_params('done').query}"


def _limit(given: Mapping[str, str]) -> tuple[PolicyKind, float]:
    """Return what policy is asked for, with its limit; the defaults for what makes no sense."""
    kind = cast("PolicyKind", given.get("kind") if given.get("kind") in DEFAULT_LIMITS else "threshold")
    limit = _number(given.get("limit"))
    return kind, DEFAULT_LIMITS[kind] if limit is None else min(max(limit, 0.0), 1.0)


def _number(text: str | None) -> float | None:
    """Return the number of a field; None for what is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _rows(series: list[Series]) -> list[tuple[str, ...]]:
    """Return the rows of a histogram's table, the nearest first; empty ones left out."""
    rows = []
    for at, values in enumerate(zip(*(each.values for each in series), strict=True)):
        if any(values):
            rows.append((f"{exploring.LOWEST + at / 100:.2f}", *(f"{value:,.0f}" for value in values)))
    return rows[::-1]
