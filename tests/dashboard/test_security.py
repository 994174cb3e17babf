"""Who may see the dashboard, and who may change something by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mneme.dashboard import Settings, dashboard
from mneme.tools import looking

from .conftest import ORIGIN, TOKEN

PATHS = [
    "/",
    "/explore",
    "/near",
    "/decisions",
    "/entries",
    "/namespaces",
    "/health",
    "/explain",
    "/static/style.css",
    "/none",
]


@pytest.fixture
def stranger(path: Path) -> TestClient:
    made = Settings(url=path, allow_delete=True, labels=path.with_name("labels.jsonl"))
    return TestClient(dashboard(made, token=TOKEN), base_url=ORIGIN)


def key_of(path: Path, query: str) -> str:
    return next(each.key for each in looking.entries(path)[0] if each.query == query)


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "\u00e9"])
def test_nothing_is_shown_without_the_token(stranger, place, token):
    answer = stranger.get(place, params={} if token is None else {"token": token})

    assert (answer.status_code, "<" in answer.text, answer.headers.get("set-cookie")) == (403, False, None)


def test_the_token_is_taken_out_of_the_address_and_kept_in_a_cookie(stranger):
    answer = stranger.get(f"/entries?contains=a+b&token={TOKEN}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/entries?contains=a+b")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert stranger.get("/entries").status_code == 200


@pytest.mark.parametrize("place", ["//elsewhere.example", "///elsewhere.example", "/\\elsewhere.example"])
def test_the_way_in_leads_to_no_other_host(stranger, place):
    answer = stranger.get(f"{ORIGIN}{place}?token={TOKEN}", follow_redirects=False)

    assert answer.headers["location"] in ("/elsewhere.example", "/%5Celsewhere.example")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"])
def test_another_name_of_the_machine_is_not_answered(stranger, host):
    answer = stranger.get("/", params={"token": TOKEN}, headers={"host": host})

    assert answer.status_code == 421


NO_HOSTS = [
    "",
    "localhost/",
    "evil.example/localhost",
    "evil@localhost",
    "localhost?",
    "[::1",
    "localhost:x",
    "a b",
    "[z]",
]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host_is_not_answered(stranger, host):
    answer = stranger.get("/", headers={"host": host, "cookie": f"mneme-8765={TOKEN}"})

    assert answer.status_code == 421


def test_the_name_that_was_given_may_have_capitals(path):
    app = dashboard(Settings(url=path), token=TOKEN, hosts=("MyMachine",))
    answer = TestClient(app, base_url="http://mymachine").get("/", params={"token": TOKEN}, follow_redirects=False)

    assert answer.status_code == 303


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:8765", "[::1]:80", "LOCALHOST:8765"])
def test_loopback_has_several_names(stranger, host):
    answer = stranger.get("/", params={"token": TOKEN}, headers={"host": host}, follow_redirects=False)

    assert answer.status_code == 303


@pytest.mark.parametrize(
    "origin",
    [
        *(None, "", "null", "http://evil.example", "http://localhost:1", "https://localhost:8765", "http://localhost"),
        *("http://[", "http://localhost:8765/", "http://localhost:8765, http://evil.example", "http://127.0.0.1:8765"),
    ],
)
def test_a_form_of_another_site_changes_nothing(serve, path, origin):
    client = serve(path, allow_delete=True)
    key = key_of(path, "who are we")
    del client.headers["origin"]
    answer = client.post(f"/entries/{key}", data={"token": TOKEN}, headers={} if origin is None else {"origin": origin})

    assert (answer.status_code, looking.entry(path, key) is None) == (403, False)


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": "wrong"}])
def test_a_form_without_the_token_changes_nothing(serve, path, form):
    client = serve(path, allow_delete=True)
    key = key_of(path, "who are we")
    answer = client.post(f"/entries/{key}", data=form)

    assert (answer.status_code, looking.entry(path, key) is None) == (403, False)


@pytest.mark.parametrize("place", ["/decisions", "/decisions/undo", "/near"])
@pytest.mark.parametrize("fault", ["no token", "wrong token", "no origin", "other origin", "other host", "no cookie"])
def test_every_form_needs_the_token_the_origin_the_host_and_the_cookie(serve, path, fault, place):
    client = serve(path, allow_delete=True, labels=path.with_name("labels.jsonl"), trail=path.with_name("audit.jsonl"))
    form = {"token": TOKEN, "place": "1-1", "stored_at": "1", "report": "1", "label": "same"}
    headers = {}
    if fault == "no token":
        del form["token"]
    elif fault == "wrong token":
        form["token"] = "wrong"
    elif fault == "no origin":
        del client.headers["origin"]
    elif fault == "other origin":
        headers["origin"] = "http://evil.example"
    elif fault == "other host":
        headers |= {"host": "evil.example", "origin": "http://evil.example"}
    elif fault == "no cookie":
        client.cookies.clear()
    answer = client.post(place, data=form, headers=headers, follow_redirects=False)

    assert (answer.status_code, "<" in answer.text) == (421 if fault == "other host" else 403, False)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_form_with_the_token_and_no_cookie_changes_nothing(stranger, path):
    key = key_of(path, "who are we")
    answer = stranger.post(f"/entries/{key}", data={"token": TOKEN}, headers={"origin": ORIGIN})

    assert (answer.status_code, looking.entry(path, key) is None) == (403, False)


def test_a_form_that_is_too_large_is_refused(serve, path):
    assert serve(path).post("/near", data={"token": TOKEN, "pair": "x" * 20_000}).status_code == 413


def test_a_form_of_two_origins_is_refused(serve, path):
    client = serve(path)
    request = client.build_request("POST", "/near", data={"token": TOKEN})
    request.headers = httpx_headers = type(request.headers)([*request.headers.raw, (b"origin", b"http://evil.example")])

    assert len(httpx_headers.get_list("origin")) == 2
    assert client.send(request).status_code == 403


def test_a_form_that_is_cut_off_ends_quietly(path):
    app = dashboard(Settings(url=path), token=TOKEN)
    sent: list[dict[str, object]] = []
    headers = {"host": "localhost", "origin": "http://localhost", "cookie": f"mneme-80={TOKEN}"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/near",
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # messages are of any mapping

    assert sent[0]["status"] == 400


@pytest.mark.parametrize(
    "name", ["..%2fapp.py", "%2e%2e/app.py", "%00", "/etc/passwd", "..%5capp.py", "%ff", "a" * 300, ""]
)
def test_nothing_but_the_style_sheet_and_its_like_is_static(serve, path, name):
    assert serve(path).get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(serve, path, method):
    assert serve(path, allow_delete=True).request(method, "/entries/abcd").status_code == 405


@pytest.mark.parametrize("place", [*PATHS, "/entries/ffff0000"])
def test_a_page_may_load_nothing_from_elsewhere(serve, path, place):
    answer = serve(path).get(place)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert answer.headers["referrer-policy"] == "same-origin"
    for word in ("style=", "onclick", "http://", "https://", "<script>"):
        assert word not in answer.text


def test_refusals_are_as_strict(stranger):
    assert "default-src 'none'" in stranger.get("/").headers["content-security-policy"]
