"""Who may see the dashboard, and what its pages may do."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # noqa: S105  # the name of a parameter
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# A form is a word, a key and the token.
MOST_BODY_BYTES = 16_384
# A name or an address, and a port.
_HOST = re.compile(r"(?:([\w.-]+)|\[([\da-f:.]+)\])(?::(\d{1,5}))?", re.ASCII)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: with that browsers send `Origin: null` with forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets nobody in without the token, and nothing be changed but by a form of the dashboard's own pages.

    token: comes by the URL once, then by a cookie; a form has it as a field besides.
    hosts: the names under which the dashboard answers, against DNS rebinding; None for all.
    What a form sent is in `request.state.form`.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Collection[str] | None = LOOPBACK) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        answer = await self._answer(Request(scope, receive)) or self._app
        await answer(scope, receive, _with_headers(send))

    async def _answer(self, request: Request) -> Response | None:
        """Return what is said without asking the app; None lets the app answer."""
        # Read here: of a header that is no host Starlette falls back on the address that was connected to.
        host = _HOST.fullmatch(request.headers.get("host", "").lower())
        if host is None or (self._hosts is not None and (host[1] or host[2]) not in self._hosts):
            return _refused(421, "The dashboard does not answer under this name: open the address that it printed.")
        if TOKEN in request.query_params and request.method == "GET":
            return self._enter(request, _cookie(host[3]))
        if not self._is_token(request.cookies.get(_cookie(host[3]))):
            return _refused(403, "Open the address that `mneme dashboard` printed: its token lets you in.")
        if request.method in ("GET", "HEAD"):
            return None
        if request.method != "POST":
            return _refused(405, "The dashboard knows GET and POST.")
        return await self._form(request)

    def _enter(self, request: Request, cookie: str) -> Response:
        if not self._is_token(request.query_params[TOKEN]):
            return _refused(403, "The token in this address is not that of the running dashboard.")
        kept = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != TOKEN])
        # A path of two slashes would name another host.
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(f"{path}?{kept}" if kept else path, 303)
        response.set_cookie(cookie, self._token.decode(), httponly=True, samesite="lax")
        return response

    async def _form(self, request: Request) -> Response | None:
        own = f"{request.url.scheme}://{request.headers['host']}"
        if [each.lower() for each in request.headers.getlist("origin")] != [own.lower()]:
            return _refused(403, "This form did not come from the dashboard's own pages.")
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BODY_BYTES:
                    return _refused(413, "This form is too large.")
        except ClientDisconnect:
            return _refused(400, "This form was cut off.")
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not self._is_token(form.pop(TOKEN, None)):
            return _refused(403, "This form lacks the dashboard's token: load its page again.")
        request.state.form = form
        return None

    def _is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)


def _cookie(port: str | None) -> str:
    """Return the cookie's name: browsers keep cookies by host, and several dashboards differ in their port."""
    return f"mneme-{port or 80}"


def _refused(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
