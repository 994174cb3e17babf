"""2,000 mixed requests through the integrations, each asked twice: is every replay equal to the original?

    python -m benchmarks.replay [--requests 2000]

A stand-in model on loopback numbers its answers, so that only a replay can equal the original. Kinds: chat, streams,
tool calls and structured output, through LangChain, LlamaIndex, `wrap_openai` and a decorated function.
Prints how many replays were equal and what asking twice took; fails where one differs or asked the model.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any
from zlib import crc32

import numpy as np
from langchain_openai import ChatOpenAI
from llama_index.core.base.llms.types import ChatMessage
from llama_index.llms.openai import OpenAI as LlamaOpenAI
from numpy.typing import NDArray
from openai import OpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from mneme import MemoryStore, SemanticCache
from mneme_decorator import cached, wrap_openai
from mneme_langchain import cached_model
from mneme_llama_index import cached_llm

TOOL = {"type": "function", "function": {"name": "Person", "parameters": {"type": "object", "properties": {}}}}


class Person(BaseModel):
    """Someone."""

    name: str


class Directions:
    """An embedder that gives each text a direction of its own, so that no other text is near."""

    dim = 384
    fingerprint = "benchmark:directions"

    def embed(self, text: str) -> NDArray[np.float32]:
        """Return a unit vector, float32, shape (384,)."""
        vector = np.random.default_rng(crc32(text.encode())).normal(size=self.dim)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class Model(ThreadingHTTPServer):
    """Speaks OpenAI's chat format; every answer is another."""

    daemon_threads = True
    asked = 0

    def answer(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the completion, or its chunks where a stream is asked for."""
        self.asked += 1
        message: dict[str, Any] = {"role": "assistant", "content": f"answer number {self.asked}"}
        reason = "stop"
        if "response_format" in asked:
            message["content"] = json.dumps({"name": f"Jane {self.asked}"})
        elif asked.get("tools"):
            function = {"name": "Person", "arguments": json.dumps({"name": f"Jane {self.asked}"})}
            call = {"index": 0, "id": f"call_{self.asked}", "type": "function", "function": function}
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        frame = {"id": f"c{self.asked}", "created": 1, "model": asked["model"]}
        if not asked.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": reason}
            yield {**frame, "object": "chat.completion", "choices": [choice]}
            return
        words = (message.pop("content") or "").split(" ")
        for delta in [message, *({"content": word} for word in words if word)]:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            yield {**frame, "object": "chat.completion.chunk", "choices": [choice]}
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        yield {**frame, "object": "chat.completion.chunk", "choices": [choice]}


class Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = [json.dumps(part) for part in self.server.answer(asked)]
        stream = asked.get("stream")
        body = "".join(f"data: {part}\n\n" for part in [*parts, "[DONE]"]) if stream else parts[0]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def ways(url: str, cache: SemanticCache) -> dict[str, Callable[[str], Any]]:
    """Return the ways to ask, each with a result that can be compared."""
    chat = cached_model(ChatOpenAI(model="m", base_url=url, api_key="k"), cache)
    llm = cached_llm(LlamaOpenAI(model="gpt-4o-mini", api_base=url, api_key="k"), cache)
    plain = OpenAI(base_url=url, api_key="k")
    client = wrap_openai(plain, cache)
    structured = chat.with_structured_output(Person)
    tooled = chat.bind_tools([Person])

    @cached(cache)
    def complete(prompt: str) -> ChatCompletion:
        return plain.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])

    def create(text: str, **more: Any) -> Any:
        return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **more)

    return {
        "LangChain chat": lambda text: chat.invoke(text).content,
        "LangChain stream": lambda text: [chunk.content for chunk in chat.stream(text)],
        "LangChain tools": lambda text: tooled.invoke(text).tool_calls,
        "LangChain structured": structured.invoke,
        "LlamaIndex chat": lambda text: llm.chat([ChatMessage(text)]).message,
        "LlamaIndex stream": lambda text: [(c.message, c.delta) for c in llm.stream_chat([ChatMessage(text)])],
        "OpenAI chat": create,
        "OpenAI stream": lambda text: list(create(text, stream=True)),
        "OpenAI tools": lambda text: create(text, tools=[TOOL]),
        "decorator": complete,
    }


def main() -> None:
    """Ask everything twice, in two orders, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000)
    requests = parser.parse_args().requests
    chance = random.Random(0)
    with Model(("127.0.0.1", 0), Handler) as model, SemanticCache(store=MemoryStore(), embedder=Directions()) as cache:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        ask = ways(f"http://127.0.0.1:{model.server_port}/v1", cache)
        asked = [(way, f"question number {number}?") for number in range(requests // len(ask)) for way in ask]
        originals, first = _all(ask, chance.sample(asked, len(asked)))
        calls = model.asked
        replays, second = _all(ask, chance.sample(asked, len(asked)))
        model.shutdown()
    equal = Counter(way for way, text in asked if replays[way, text] == originals[way, text])
    for way in ask:
        print(
            f"{way:22} {equal[way]:5} of {requests // len(ask)} equal   "
            f"asked {median(first[way]) * 1e3:7.2f} ms   replayed {median(second[way]) * 1e3:7.3f} ms"
        )
    more = model.asked - calls
    print(f"\n{sum(equal.values())} of {len(asked)} replays are equal; the model was asked {calls} times, then {more}")
    if sum(equal.values()) != len(asked) or model.asked != calls:
        raise AssertionError("a replay differs from its original, or asked the model")


def _all(
    ask: dict[str, Callable[[str], Any]], requests: list[tuple[str, str]]
) -> tuple[dict[tuple[str, str], Any], dict[str, list[float]]]:
    answers, seconds = {}, {way: [] for way in ask}
    for way, text in requests:
        start = time.perf_counter()
        answers[way, text] = ask[way](text)
        seconds[way].append(time.perf_counter() - start)
    return answers, seconds


if __name__ == "__main__":
    main()
