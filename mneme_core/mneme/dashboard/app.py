"""The dashboard as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Thread

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mneme.dashboard.comparing import Comparing
from mneme.dashboard.decisions import Decisions
from mneme.dashboard.live import Live
from mneme.dashboard.pages import Pages
from mneme.dashboard.pool import Pool
from mneme.dashboard.sampling import Sampler
from mneme.dashboard.security import LOOPBACK, Guard
from mneme.dashboard.settings import Settings
from mneme.errors import InvalidArgumentError, MnemeError


def dashboard(settings: Settings, *, token: str, hosts: Collection[str] | None = LOOPBACK) -> ASGIApp:
    """Return the dashboard as an ASGI app, to be run at the root of an address.

    token: lets in whoever opens `/?token=...`; make it with `secrets.token_urlsafe()`.
    hosts: the names under which it answers; None for all.
    """
    live = Live(settings)
    sampler = Sampler(live.look, settings.interval)
    pool = Pool(live, settings)
    pages = Pages(settings, live, sampler, pool, token)
    comparing = Comparing(settings, live, pool, pages)
    decisions = Decisions(settings, live, pages)

    @asynccontextmanager
    async def sampling(_: Starlette) -> AsyncIterator[None]:
        ended = Event()
        preparing = Thread(target=comparing.prepare, args=(ended,), name="mneme-dashboard-pairs", daemon=True)
        await run_in_threadpool(sampler.start)
        preparing.start()
        try:
            yield
        finally:
            ended.set()
            await run_in_threadpool(sampler.stop)
            await run_in_threadpool(preparing.join)

    async def failed(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return pages.problem(request, error.detail, error.status_code)
        status = 400 if isinstance(error, InvalidArgumentError) else 503
        return pages.problem(request, str(error) or type(error).__name__, status)

    async def broken(request: Request, error: Exception) -> Response:
        return pages.problem(request, f"This page failed, which is a fault of Mneme: {type(error).__name__}", 500)

    def get(path: str, handler: Callable[[Request], Response]) -> Route:
        return Route(path, handler, methods=["GET"])

    def post(path: str, handler: Callable[[Request], Response]) -> Route:
        return Route(path, handler, methods=["POST"])

    app = Starlette(
        routes=[
            get("/", pages.overview),
            get("/explore", comparing.explore),
            get("/near", comparing.near),
            post("/near", comparing.label),
            get("/decisions", decisions.show),
            post("/decisions", decisions.report),
            post("/decisions/undo", decisions.undo),
            get("/entries", pages.entries),
            get("/entries/{key}", pages.entry),
            post("/entries/{key}", pages.delete),
            get("/namespaces", pages.namespaces),
            get("/health", pages.health),
            get("/explain", pages.explain),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        exception_handlers={
            **dict.fromkeys((HTTPException, MnemeError, OSError, ImportError), failed),
            Exception: broken,
        },
        lifespan=sampling,
    )
    return Guard(app, token=token, hosts=hosts)
