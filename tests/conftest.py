"""Other caches' files, and an endpoint on loopback that speaks OpenAI's and Anthropic's wire formats."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mneme import SemanticCache
from mneme.testing.servers import ServerUnavailableError
from mneme.tools import looking

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


class Endpoint(ThreadingHTTPServer):
    """Answers with what `answer(asked, number)` makes, a number unless a suite says otherwise, or with `message`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any], int], dict[str, Any]] = lambda _, number: {"content": f"answer {number}"}
        self.message: dict[str, Any] | None = None
        self.reason = "stop"
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def completion(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        number = len(self.asked)
        message = self.message or self.answer(asked, number)
        reason = "tool_calls" if message.get("tool_calls") else self.reason
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": asked["model"],
            "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", **message}}],
            "usage": USAGE,
        }

    def chunks(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the chunks of a completion: its role, its words one by one or its tool calls, its end, its usage."""
        whole = self.completion(asked)
        choice = whole["choices"][0]
        message = choice["message"]
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in (message.get("content") or "").split(" ") if word]
        calls = message.get("tool_calls") or []
        deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in enumerate(calls)]
        frame = {**whole, "object": "chat.completion.chunk", "usage": None}
        for delta in deltas:
            yield {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
        if (asked.get("stream_options") or {}).get("include_usage"):
            yield {**frame, "choices": [], "usage": USAGE}

    def response(self, asked: dict[str, Any]) -> dict[str, Any]:
        whole = self.completion(asked)
        text = {"type": "output_text", "text": whole["choices"][0]["message"]["content"], "annotations": []}
        said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
        plain = {"object": "response", "status": "completed", "parallel_tool_calls": True, "tool_choice": "auto"}
        return {**plain, "id": whole["id"], "created_at": 1.0, "model": asked["model"], "output": [said], "tools": []}

    def claude(self, asked: dict[str, Any]) -> dict[str, Any]:
        whole = self.completion(asked)
        return {
            "id": f"msg_{len(self.asked)}",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [{"type": "text", "text": whole["choices"][0]["message"]["content"]}],
            "stop_reason": {"stop": "end_turn", "length": "max_tokens"}[self.reason],
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 2},
        }

    def claude_events(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        whole = self.claude(asked)
        text = whole["content"][0]["text"]
        yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for word in text.split(" "):
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        yield {"type": "content_block_stop", "index": 0}
        ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 2}}
        yield {"type": "message_stop"}


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_claude = self.path.endswith("/messages")
        if self.server.status != 200:
            self.reply("application/json", json.dumps({"error": {"message": "told to fail", "type": "x"}}))
        elif not asked.get("stream"):
            is_response = self.path.endswith("/responses")
            make = self.server.response if is_response else self.server.claude if is_claude else self.server.completion
            answer = make(asked)
            self.reply("application/json", json.dumps(answer))
        elif is_claude:
            events = self.server.claude_events(asked)
            self.reply("text/event-stream", "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events))
        else:
            lines = [json.dumps(chunk) for chunk in self.server.chunks(asked)]
            self.reply("text/event-stream", "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]))

    def reply(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-request-id", "req_1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the test output clean."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def filed(embedder: Any, tmp_path: Path) -> Iterator[SemanticCache]:
    """A cache in a file, with the embedder of the suite."""
    with SemanticCache(tmp_path / "cache.db", embedder) as opened:
        yield opened


@pytest.fixture
def read(tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that reads the answers of `filed` as a person does."""
    return lambda: [entry.answer for entry in looking.entries(tmp_path / "cache.db")[0]]


@pytest.fixture(scope="session")
def foreign() -> ModuleType:
    """The functions of foreign.py."""
    spec = spec_from_file_location("foreign", Path(__file__).with_name("foreign.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# `make test` says so: there a server that does not start is a failure, elsewhere its tests are skipped with the reason.
SERVERS_REQUIRED = bool(os.environ.get("MNEME_REQUIRE_SERVERS"))
SERVER_TESTS = re.compile(r"tests/(stores/test_(postgres|redis)|faults/network)")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Any:
    try:
        return (yield)
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Any:
    try:
        return (yield)
    except ServerUnavailableError as error:
        pytest.skip(str(error))


def _fail_where_required(report: Any) -> None:
    if SERVERS_REQUIRED and report.skipped and SERVER_TESTS.search(str(report.nodeid)):
        report.outcome = "failed"
        report.longrepr = f"a server that `make test` requires: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    report = yield
    _fail_where_required(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    report = yield
    _fail_where_required(report)
    return report
