"""The page about single decisions, out of an audit trail, and what its forms do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mneme.dashboard.limits import number_in
from mneme.dashboard.live import Live
from mneme.dashboard.pages import Pages
from mneme.dashboard.settings import Settings
from mneme.observe.redaction import HASHED
from mneme.tools.backwards import Place
from mneme.tools.looking import Entry
from mneme.tools.looking.taking_back import TakenBack
from mneme.tools.telling import reason_of
from mneme.tools.trail import TOLD, Sought
from mneme.tools.trail_pages import decision_at, read_page

SHOWN_DECISIONS = 25
# Reports that can be undone: each holds the entries that it changed.
MOST_REPORTS = 50
ASKED: Final = ("text", "outcome", "namespace", "since", "until")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "served": ("exact", "semantic", "stale", "refused"),
    "not served": ("miss", "bypass"),
    **{outcome: (outcome,) for outcome in TOLD},
}
"""What can be chosen as an outcome -> the outcomes that are meant."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision on a page."""

    place: Place
    when: float
    outcome: str
    reason: str
    namespace: str
    query: str | None
    """None where the trail does not hold it as it was asked."""
    matched: str | None
    similarity: float | None
    is_served: bool
    is_near: bool
    """Whether the question of `entry` is another one."""
    had_entry: bool
    entry: Entry | None
    """What was served, or the nearest that was refused, as it is now; None where it is gone, or there was none."""
    like: str | None
    """The key of an entry that was put with the same `vary`."""

    @property
    def is_replaced(self) -> bool:
        """Whether the entry got another answer since."""
        return self.entry is not None and self.entry.created_at > self.when

    @property
    def can_be_reported(self) -> bool:
        """Whether it is known which answer was wrong, and for what."""
        is_known = self.query is not None or not self.is_near
        return self.is_served and is_known and self.entry is not None and not self.is_replaced


class Decisions:
    """The handlers. Each may block: they run in threads."""

    def __init__(self, settings: Settings, live: Live, pages: Pages) -> None:
        self._settings = settings
        self._live = live
        self._pages = pages
        self._reports: OrderedDict[str, TakenBack] = OrderedDict()
        self._numbers = count(1)
        self._lock = Lock()

    def show(self, request: Request) -> Response:
        """List decisions, the newest first."""
        given = request.query_params
        asked = {name: given.get(name, "") for name in ASKED}
        shown: dict[str, Any] = {"found": [], "older": None, "reached": None, "passed": 0}
        if self._settings.trail is not None:
            shown = self._found(self._settings.trail, asked, Place.of(given.get("before", "")))
        name = given.get("report", "")
        with self._lock:
            report = self._reports.get(name)
        newest = _query({**given, "before": ""})
        older = _query({**given, "before": str(shown["older"])})
        return self._pages.page(
            request,
            "decisions",
            asked=asked,
            groups=GROUPS,
            asked_as_text=_query(given),
            is_newest=not given.get("before"),
            newest_url=f"/decisions?{newest}",
            older_url=f"/decisions?{older}",
            most=SHOWN_DECISIONS,
            report=report,
            report_name=name,
            held=self._live.sizes(),
            **shown,
        )

    def report(self, request: Request) -> Response:
        """Take an answer back that was wrong."""
        form = request.state.form
        if not self._settings.allow_delete:
            return self._pages.problem(request, "This dashboard only reads: start it with --allow-delete.", 403)
        place, stored_at = Place.of(form.get("place", "")), number_in(form.get("stored_at"))
        if self._settings.trail is None or place is None or stored_at is None:
            return self._pages.problem(request, "This form does not say what it means: load its page again.", 400)
        told = decision_at(self._settings.trail, place)
        taken = None
        for shown in [] if told is None else self._shown([(place, told)]):
            if shown.can_be_reported and shown.entry is not None and shown.entry.created_at == stored_at:
                taken = self._live.take_back(shown.entry.key, shown.query)
        if taken is None:
            return _back(form, done="kept")
        with self._lock:
            name = str(next(self._numbers))
            self._reports[name] = taken
            while len(self._reports) > MOST_REPORTS:
                self._reports.popitem(last=False)
        return _back(form, report=name)

    def undo(self, request: Request) -> Response:
        """Put back what a report took."""
        form = request.state.form
        if not self._settings.allow_delete:
            return self._pages.problem(request, "This dashboard only reads: start it with --allow-delete.", 403)
        name = form.get("report", "")
        with self._lock:
            taken = self._reports.get(name)
        if taken is None:
            return _back(form, done="forgotten")
        self._live.give_back(taken)
        with self._lock:
            self._reports.pop(name, None)
        return _back(form, done="undone")

    def _found(self, trail: Path, asked: Mapping[str, str], before: Place | None) -> dict[str, Any]:
        sought = Sought(
            asked["text"].strip() or None,
            asked["namespace"] or None,
            GROUPS.get(asked["outcome"], ()),
            _moment(asked["since"]),
            _moment(asked["until"]),
        )
        page = read_page(trail, sought, limit=SHOWN_DECISIONS, before=before)
        return {
            "found": self._shown(page.decisions),
            "older": page.older,
            "reached": page.reached,
            "passed": page.passed,
        }

    def _shown(self, decisions: list[tuple[Place, dict[str, Any]]]) -> list[Shown]:
        keys = {str(told.get(name)) for _, told in decisions for name in ("entry", "key")}
        entries = self._live.these(keys)
        return [_shown(place, told, entries) for place, told in decisions]


def _shown(place: Place, told: Mapping[str, Any], entries: Mapping[str, Entry]) -> Shown:
    layer, similarity = told.get("layer"), told.get("similarity")
    entry = entries.get(str(told.get("entry")))
    beside = entry or entries.get(str(told.get("key")))
    return Shown(
        place=place,
        when=told["time"],
        outcome=told["outcome"],
        reason=reason_of(told),
        namespace=_text(told.get("namespace")) or "default",
        query=_text(told.get("query")),
        matched=_text(told.get("matched")),
        similarity=similarity if isinstance(similarity, float) else None,
        is_served=layer in ("exact", "semantic"),
        is_near=layer != "exact",
        had_entry="entry" in told,
        entry=entry,
        like=None if beside is None else beside.key,
    )


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) and not given.startswith(HASHED) else None


def _moment(text: str) -> float | None:
    """Return the time of a field; None for what is none."""
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromisoformat(text).timestamp()
    return None


def _query(given: Mapping[str, str]) -> str:
    """Return what a page of decisions was asked for, as its address has it."""
    return urlencode([(name, given[name]) for name in (*ASKED, "before") if given.get(name)])


def _back(form: Mapping[str, str], **more: str) -> Response:
    return RedirectResponse(f"/decisions?{urlencode(more)}&{_query(dict(parse_qsl(form.get('asked', ''))))}", 303)
