"""What a model's answer took, and what is saved each time it is given again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mneme.errors import InvalidArgumentError
from mneme.model import Metadata, TokenUsage

USAGE: Final = "mneme.usage"
"""Where an entry's metadata has it: [model, input tokens, cached input tokens, output tokens]."""
TOKENS: Final = "saved_tokens"
"""How the counters of saved tokens begin: `saved_tokens:input:gpt-4o`."""
KINDS: Final = ("input", "cached_input", "output")
# It becomes part of a counter's name.
MODEL_CHARS: Final = 200


class Worth(NamedTuple):
    """What a hit of one entry saves."""

    microseconds: int
    tokens: tuple[tuple[str, int], ...]
    """Counters, and what to add to each."""


NOTHING: Final = Worth(0, ())


def worth_of(compute_seconds: float | None, metadata: str | None) -> Worth:
    """Return what a hit of an entry saves, from what is stored with it; metadata as JSON text."""
    usage = stored_usage(json.loads(metadata)) if metadata is not None and USAGE in metadata else None
    tokens: tuple[tuple[str, int], ...] = ()
    if usage is not None:
        amounts = (usage.input_tokens - usage.cached_input_tokens, usage.cached_input_tokens, usage.output_tokens)
        named = zip(KINDS, amounts, strict=True)
        tokens = tuple((f"{TOKENS}:{kind}:{usage.model}", amount) for kind, amount in named if amount)
    microseconds = 0 if not compute_seconds else round(compute_seconds * 1e6)
    return Worth(microseconds, tokens) if microseconds or tokens else NOTHING


def saved_usage(tallies: Mapping[tuple[str, str], int]) -> tuple[TokenUsage, ...]:
    """Return the tokens saved of each model, by its name, from (namespace, counter) -> amount."""
    models: dict[str, dict[str, int]] = {}
    for (_, name), amount in tallies.items():
        what, _, rest = name.partition(":")
        kind, _, model = rest.partition(":")
        if what == TOKENS and kind in KINDS:
            amounts = models.setdefault(model, dict.fromkeys(KINDS, 0))
            amounts[kind] += amount
    return tuple(
        TokenUsage(model, found["input"] + found["cached_input"], found["output"], found["cached_input"])
        for model, found in sorted(models.items())
    )


def check_usage(given: Any) -> TokenUsage | None:
    """Return a usage; raises InvalidArgumentError for what is none."""
    if given is None or isinstance(given, TokenUsage):
        found = given
    elif isinstance(given, Mapping):
        try:
            found = TokenUsage(**given)
        except TypeError as error:
            raise InvalidArgumentError(
                f"usage is {given!r}; it has the names model, input_tokens, output_tokens and, if need be, "
                "cached_input_tokens."
            ) from error
    else:
        raise InvalidArgumentError(f"usage is {given!r}; it is a mneme.TokenUsage, or a mapping of its fields.")
    if found is not None:
        _check(found)
    return found


def _check(usage: TokenUsage) -> None:
    if not isinstance(usage.model, str) or not usage.model.isprintable() or len(usage.model) > MODEL_CHARS:
        raise InvalidArgumentError(
            f"usage has the model {usage.model!r}; it is a text of up to {MODEL_CHARS} characters, such as 'gpt-4o'."
        )
    amounts = (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens)
    if not all(isinstance(amount, int) and not isinstance(amount, bool) and 0 <= amount < 2**53 for amount in amounts):
        raise InvalidArgumentError(f"usage has {amounts} tokens; they are whole numbers from 0 on.")
    if usage.cached_input_tokens > usage.input_tokens:
        raise InvalidArgumentError(
            f"usage has {usage.cached_input_tokens:,} cached input tokens among {usage.input_tokens:,} input tokens; "
            "input_tokens counts all of them."
        )


def noted_usage(metadata: Metadata, usage: TokenUsage | None) -> Metadata:
    """Return metadata with a usage."""
    if usage is None:
        return metadata
    return {**metadata, USAGE: [usage.model, usage.input_tokens, usage.cached_input_tokens, usage.output_tokens]}


def stored_usage(metadata: Metadata) -> TokenUsage | None:
    """Return what stored metadata says; what another program wrote there in another shape says nothing."""
    try:
        model, total, cached, output = metadata[USAGE]
        return check_usage(TokenUsage(model, total, output, cached))
    except (KeyError, TypeError, ValueError):
        return None


def usage_in(answer: Any) -> TokenUsage | None:
    """Return the usage that an answer carries, as OpenAI, Anthropic and those who speak like them report it, or None.

    answer: their object or its JSON; for a stream the list of its chunks. Never raises: what cannot be read, or makes
    no sense, is None.
    """
    try:
        return check_usage(_read(answer))
    except Exception:  # the object is another library's, and reading an attribute may run anything
        return None


def _read(answer: Any) -> TokenUsage | None:
    parts = answer if isinstance(answer, list | tuple) else [answer]
    model, most = "", [0, 0, 0]
    for part in parts:
        for holder in (part, _get(part, "message"), _get(part, "response")):
            usage = _get(holder, "usage")
            model = model or _text(_get(holder, "model"))
            if usage is not None:
                most = [max(pair) for pair in zip(most, _amounts(usage), strict=True)]
    total, cached, output = most
    return TokenUsage(model, total, output, min(cached, total)) if total or output else None


def _amounts(usage: Any) -> tuple[int, int, int]:
    """Return the input tokens, those of them that were cached, and the output tokens."""
    details = _get(usage, "prompt_tokens_details") or _get(usage, "input_tokens_details")
    total = _first(_number(_get(usage, name)) for name in ("input_tokens", "prompt_tokens"))
    output = _first(_number(_get(usage, name)) for name in ("output_tokens", "completion_tokens"))
    # Anthropic counts what was read from and written to its cache apart from the input.
    read, written = (_number(_get(usage, f"cache_{what}_input_tokens")) for what in ("read", "creation"))
    return total + read + written, read or _number(_get(details, "cached_tokens")), output


def _first(numbers: Iterable[int]) -> int:
    return next((number for number in numbers if number), 0)


def _get(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        return holder.get(name)
    return None if holder is None or isinstance(holder, str) else getattr(holder, name, None)


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= MODEL_CHARS else ""
