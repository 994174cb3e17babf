"""What each page shows, and what its forms do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mneme.dashboard.limits import number_in
from mneme.dashboard.live import Live
from mneme.dashboard.overview import charts_of
from mneme.dashboard.pool import Pool
from mneme.dashboard.sampling import Sampler
from mneme.dashboard.settings import Settings
from mneme.tools.looking import Wanted
from mneme.tools.looking.finding import Sort
from mneme.tools.readable import readable
from mneme.tools.wording import ago, differences, duration, money, percent

PAGE_ENTRIES = 25
PAGE_NAMESPACES = 100
# No list has more pages than a number of so many can say.
MOST_DIGITS = 9
SHOWN_CHARS = 160
DONE: Final = {
    "labelled": "This pair had a label already; nothing was written.",
    "deleted": "The entry is deleted.",
    "gone": "This entry is not there any more, or another answer took its place: nothing was deleted.",
    "kept": "This answer is not in the cache any more, or another took its place: nothing was changed.",
    "undone": "The report is undone: what can be served is what could be before.",
    "forgotten": "This report is not known any more: it was undone, or the dashboard was started since.",
    "unknown": "This pair is not here any more; nothing was written.",
}


class Pages:
    """The handlers. Each may block: they run in threads."""

    def __init__(self, settings: Settings, live: Live, sampler: Sampler, pool: Pool, token: str) -> None:
        self._settings = settings
        self._live = live
        self._sampler = sampler
        self._pool = pool
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
        return self.page(request, "overview", view=view, charts=charts)

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
        number = page_number(request)
        found, total = self._live.entries(wanted, sort, PAGE_ENTRIES, (number - 1) * PAGE_ENTRIES)
        pages = max(1, -(-total // PAGE_ENTRIES))
        if number > pages:
            number = pages
            found, total = self._live.entries(wanted, sort, PAGE_ENTRIES, (number - 1) * PAGE_ENTRIES)
        return self.page(
            request,
            "entries",
            asked={**asked, "sort": sort},
            sorts=get_args(Sort),
            found=found,
            total=total,
            number=number,
            pages=pages,
            url_of=url_of(request),
            held=self._live.sizes(),
        )

    def entry(self, request: Request) -> Response:
        """Show an entry."""
        found = self._live.entry(request.path_params["key"])
        if found is None:
            return self.problem(request, "No entry's key begins so.", 404)
        return self.page(request, "entry", entry=found)

    def delete(self, request: Request) -> Response:
        """Delete an entry."""
        if not self._settings.allow_delete:
            return self.problem(request, "This dashboard only reads: start it with --allow-delete.", 403)
        stored_at = number_in(request.state.form.get("stored_at"))
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
        number = min(page_number(request), pages)
        return self.page(
            request,
            "namespaces",
            view=view,
            contains=contains,
            found=named[(number - 1) * PAGE_NAMESPACES : number * PAGE_NAMESPACES],
            absent=sorted(self._settings.quotas.keys() - {each.namespace for each in view.namespaces}),
            total=len(named),
            number=number,
            pages=pages,
            url_of=url_of(request),
        )

    def health(self, request: Request) -> Response:
        """Show the plugins, and what `mneme doctor` finds."""
        from mneme.plugins import get_plugin_manager

        checked = "check" in request.query_params
        found = self._live.examine() if checked else None
        plugins = get_plugin_manager().plugins()
        view = None if checked else self._live.look()
        is_file = self._live.path is not None
        return self.page(request, "health", view=view, found=found, checked=checked, plugins=plugins, is_file=is_file)

    def explain(self, request: Request) -> Response:
        """Say why a question hits or misses."""
        asked = {name: request.query_params.get(name, "") for name in ("question", "namespace", "like")}
        namespace = asked["namespace"] or "default"
        like = asked["like"].strip() or None
        found, since = None, None
        if asked["question"].strip():
            found, since = self._live.explain(asked["question"], namespace, like)
        held = self._live.sizes()
        absent = found is not None and like is None and namespace not in held
        shown: dict[str, Any] = {**asked, "namespace": namespace, "found": found, "held": held, "absent": absent}
        shown |= {"since": since, "number": sum(held.values())}
        return self.page(request, "explain", **shown)

    def problem(self, request: Request, what: str, status: int) -> Response:
        """Say what cannot be shown."""
        return self.page(request, "problem", status=status, what=what)

    def page(self, request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page of a template."""
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


def page_number(request: Request) -> int:
    """Return which page of a list is asked for, from 1."""
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isdecimal() and len(text) <= MOST_DIGITS else 1


def url_of(request: Request) -> Callable[[int], str]:
    """Return what makes the address of another page of the same list."""
    return lambda number: f"?{request.url.include_query_params(page=number).remove_query_params('done').query}"
