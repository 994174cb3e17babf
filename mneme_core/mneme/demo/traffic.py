"""Requests to replay: read from JSONL, checked line by line, cut into waves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError

ClientName = Literal["decorator", "langchain", "llama_index"]
CLIENT_NAMES: Final[tuple[ClientName, ...]] = get_args(ClientName)
ROLES: Final = ("system", "user", "assistant")
SHIPPED: Final = Path(__file__).parent / "data" / "questions.jsonl"

Message = dict[str, str]


class BadLineError(InvalidArgumentError):
    """A line of the data that is not a request; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """One request of the stream."""

    id: str
    messages: tuple[Message, ...]
    tenant: str = "default"
    client: ClientName = "decorator"
    kind: str = "request"
    truth: str | None = None
    """Names the right answer; None where it is not known."""
    answer: str | None = None
    """What the model replies; None lets the stand-in make something up."""

    @property
    def text(self) -> str:
        """The last user message: the part that may differ in wording."""
        return self.messages[-1]["content"]

    @property
    def history(self) -> str:
        """Everything before the last message, as one comparable text."""
        return json.dumps(self.messages[:-1], ensure_ascii=False, sort_keys=True)

    def may_share_answer(self, other: DemoRequest) -> bool | None:
        """Whether both have the same right answer; None where a truth is missing."""
        if self.truth is None or other.truth is None:
            return None
        return self.tenant == other.tenant and self.truth == other.truth


def load(path: Path = SHIPPED) -> list[DemoRequest]:
    """Return the requests of a JSONL file, in order.

    Needed in each line: `messages` (or `prompt`, a text). Optional: `id`, `tenant`, `client`, `kind`,
    `truth`, `answer`. Empty lines are skipped, other fields ignored.
    Raises BadLineError with the number of the first line that cannot be used.
    """
    requests: dict[str, DemoRequest] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            request = _parse(line, number)
            if request.id in requests:
                raise ValueError(f"the id {request.id!r} was used before")
        except ValueError as error:
            raise BadLineError(f"{path}, line {number}: {error}") from error
        requests[request.id] = request
    if not requests:
        raise BadLineError(f"{path}, line 1: the file holds no request")
    return list(requests.values())


def waves(requests: Iterable[DemoRequest], size: int) -> Iterator[list[DemoRequest]]:
    """Yield the requests in order, at most `size` at a time.

    A wave is sent at once, so it closes before a request that says the same, or wants the same answer, as
    one in it: what a request finds in the cache then depends on the data and not on the machine's speed.
    """
    wave: list[DemoRequest] = []
    for request in requests:
        if len(wave) == size or any(_alike(request, other) for other in wave):
            yield wave
            wave = []
        wave.append(request)
    if wave:
        yield wave


def _alike(a: DemoRequest, b: DemoRequest) -> bool:
    return a.may_share_answer(b) is True or canonical_text(a.text) == canonical_text(b.text)


def _parse(line: bytes, number: int) -> DemoRequest:
    """Return the request of one line, or raise ValueError."""
    raw = json.loads(line.decode("utf-8"))
    if not isinstance(raw, dict):
        raise ValueError("expected a JSON object")
    if "messages" not in raw and "prompt" not in raw:
        raise ValueError('needs "messages" (a list) or "prompt" (a text)')
    client = raw.get("client", "decorator")
    if client not in CLIENT_NAMES:
        raise ValueError(f'"client" must be one of {", ".join(CLIENT_NAMES)}, not {client!r}')
    return DemoRequest(
        id=_text(raw, "id") or str(number),
        messages=_messages(raw.get("messages", [{"role": "user", "content": raw.get("prompt")}])),
        tenant=_text(raw, "tenant") or "default",
        client=client,
        kind=_text(raw, "kind") or "request",
        truth=_text(raw, "truth"),
        answer=_text(raw, "answer"),
    )


def _text(raw: dict[str, Any], field: str) -> str | None:
    value = raw.get(field)
    if value is not None and not isinstance(value, str):
        raise ValueError(f'"{field}" must be a text, not {type(value).__name__}')
    if value is not None:
        _check_unicode(value)
    return value


def _check_unicode(text: str) -> None:
    # JSON can spell half a surrogate pair, which no client can send; UnicodeEncodeError is a ValueError.
    text.encode("utf-8")


def _messages(raw: object) -> tuple[Message, ...]:
    """Return checked messages: role and text of each, the last one the user's."""
    if not isinstance(raw, list) or not raw:
        raise ValueError('"messages" must be a list that is not empty')
    messages: list[Message] = []
    for message in raw:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise ValueError(f'each message needs a "role" out of {", ".join(ROLES)}')
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            raise ValueError('each message needs a "content" that is a text and not empty')
        _check_unicode(content)
        messages.append({"role": message["role"], "content": content})
    if messages[-1]["role"] != "user":
        raise ValueError("the last message must be the user's")
    return tuple(messages)
