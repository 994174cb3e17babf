"""Which answers are worth keeping, read from the shapes that chat clients return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

# An answer of any client: an object with attributes, or the same as a mapping.
Answer: TypeAlias = Any

# OpenAI chat and completions, then Anthropic. Anything else was cut short, filtered or refused.
_COMPLETE = ("stop", "tool_calls", "function_call", "end_turn", "stop_sequence", "tool_use")
_TOOL_CALLS = ("tool_use", "function_call", "custom_tool_call", "mcp_call")


def is_complete(answer: Answer) -> bool:
    """Whether `answer` is whole: neither empty nor, as far as its client says, cut short or refused.

    Knows the answers of OpenAI's chat, completions and responses and of Anthropic's messages; of others only
    None and blank text are incomplete. This is what `cached` asks when no `cache_if` is given.
    """
    if answer is None or isinstance(answer, str):
        return bool(answer and answer.strip())
    choices = _choices(answer)
    if choices:
        return all(map(_is_whole_choice, choices))
    if _get(answer, "type") == "message" and _get(answer, "role") == "assistant":
        return bool(_list(answer, "content")) and _get(answer, "stop_reason") in _COMPLETE
    if _get(answer, "object") == "response":
        return _get(answer, "status") == "completed" and not any(map(_is_refusal, _response_blocks(answer)))
    return True


def calls_tools(answer: Answer) -> bool:
    """Whether `answer` asks for tools to be run. It fits the exact words of its question alone."""
    messages = [_get(choice, "message") for choice in _choices(answer)]
    if any(_get(message, "tool_calls") or _get(message, "function_call") for message in messages):
        return True
    blocks = [*_list(answer, "content"), *_list(answer, "output")]
    return any(_get(block, "type") in _TOOL_CALLS for block in blocks)


def is_complete_stream(chunks: Sequence[Answer]) -> bool:
    """Whether the chunks of a stream add up to a whole answer; what `cached` asks of a generator's.

    Knows the chunks of OpenAI's chat and the events of its responses and of Anthropic's messages.
    """
    if all(isinstance(chunk, str) for chunk in chunks):
        return bool("".join(chunks).strip())
    choices = [choice for chunk in chunks for choice in _choices(chunk)]
    if choices:
        ends = {_get(choice, "index"): _get(choice, "finish_reason") for choice in choices if _ended(choice)}
        refused = any(_get(_get(choice, "delta"), "refusal") for choice in choices)
        indices = {_get(choice, "index") for choice in choices}
        return not refused and ends.keys() == indices and all(reason in _COMPLETE for reason in ends.values())
    kinds = [_get(chunk, "type") for chunk in chunks]
    if "message_start" in kinds:
        deltas = [_get(chunk, "delta") for chunk in chunks if _get(chunk, "type") == "message_delta"]
        reasons = [_get(delta, "stop_reason") for delta in deltas]
        return "message_stop" in kinds and bool(reasons) and reasons[-1] in _COMPLETE
    if "response.created" in kinds:
        return "response.completed" in kinds and "response.refusal.done" not in kinds
    return bool(chunks)


def stream_calls_tools(chunks: Sequence[Answer]) -> bool:
    """Whether the chunks of a stream ask for tools to be run."""
    for chunk in chunks:
        deltas = [_get(choice, "delta") for choice in _choices(chunk)]
        if any(_get(delta, "tool_calls") or _get(delta, "function_call") for delta in deltas):
            return True
        blocks = (_get(chunk, "content_block"), _get(chunk, "item"))
        if any(_get(block, "type") in _TOOL_CALLS for block in blocks):
            return True
    return False


def _ended(choice: Answer) -> bool:
    return _get(choice, "finish_reason") is not None


def _is_whole_choice(choice: Answer) -> bool:
    message = _get(choice, "message")
    if _get(choice, "finish_reason") not in _COMPLETE or _get(message, "refusal"):
        return False
    said = _get(choice, "text") or _get(message, "content") or _get(message, "audio")
    return bool(said or _get(message, "tool_calls") or _get(message, "function_call"))


def _is_refusal(block: Answer) -> bool:
    return bool(_get(block, "type") == "refusal")


def _response_blocks(answer: Answer) -> list[Answer]:
    return [block for item in _list(answer, "output") for block in _list(item, "content")]


def _choices(answer: Answer) -> list[Answer]:
    """Return the choices of a completion; a user's own class may have a field of that name."""
    return [choice for choice in _list(answer, "choices") if _has(choice, "finish_reason")]


def _list(answer: Answer, name: str) -> list[Answer]:
    items = _get(answer, name)
    return list(items) if isinstance(items, list | tuple) else []


def _has(answer: Answer, name: str) -> bool:
    return name in answer if isinstance(answer, Mapping) else hasattr(answer, name)


def _get(answer: Answer, name: str) -> Answer:
    return answer.get(name) if isinstance(answer, Mapping) else getattr(answer, name, None)
