"""`mneme explain`: why a question hits or misses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from mneme.cli.failing import exits
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import (
    DEFAULT_EMBEDDER,
    AsJson,
    Cache,
    EmbedderName,
    as_values,
    harmless,
    plain,
    print_json,
    working,
)
from mneme.errors import InvalidArgumentError
from mneme.tools.loading import load_embedder
from mneme.tools.readable import readable
from mneme.tools.wording import Side, differences, numbered

if TYPE_CHECKING:
    from mneme.model import Candidate, Explanation

VARY_HELP = 'All that must be equal, as the JSON mapping that the program gives: {"model": "gpt-4o"}.'
LIKE_HELP = (
    "Instead of --namespace and --vary: ask as the question of this entry was asked, by the first digits of its key."
)
POLICY_HELP = (
    "What the program judges with: guarded, guarded:0.05, threshold:0.85, or a file of `mneme calibrate`. "
    "By default what SemanticCache.open() uses."
)
FEEDBACK_HELP = "The file that the program opens with feedback=: pairs that it never takes for one another."

# Where the one that was asked is empty, those with most entries are named.
NAMESPACES_SHOWN: Final = 5

# Of an answer; `mneme inspect show` has all of it.
ANSWER_CHARS: Final = 120

_MARKED: Final[dict[Side, tuple[str, str, str]]] = {
    "both": ("", "", ""),
    "asked": ("[-", "-]", "red"),
    "stored": ("{+", "+}", "bold yellow"),
}


def command(
    cache: Cache,
    question: Annotated[str, typer.Argument(help="What was asked, as it was put to the cache.")],
    namespace: Annotated[str, typer.Option(help="Where it was asked.")] = "default",
    vary: Annotated[str | None, typer.Option(metavar="JSON", help=VARY_HELP)] = None,
    like: Annotated[str | None, typer.Option(metavar="KEY", help=LIKE_HELP)] = None,
    policy: Annotated[str | None, typer.Option(help=POLICY_HELP)] = None,
    feedback: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help=FEEDBACK_HELP)
    ] = None,
    candidates: Annotated[int, typer.Option("-k", "--candidates", min=1, help="How many neighbours.")] = 5,
    embedder: EmbedderName = DEFAULT_EMBEDDER,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Say why a question hits or misses: its neighbours, how they differ, what was decided of each. Counts nothing."""
    from mneme.tools.looking import explain, look

    with exits():
        if like is not None and vary is not None:
            raise InvalidArgumentError("--like and --vary both say what must be equal; give one of them.")
        given = _vary(vary)
        model = load_embedder(embedder)
        with working("Reading"):
            place = with_keys(cache, keys)
            found = explain(
                place,
                question,
                model,
                namespace=namespace,
                vary=given,
                k=candidates,
                policy=policy,
                feedback=feedback,
                like=like,
            )
            is_empty = not (found.candidates or found.exact or found.elsewhere or found.exact_only)
            sizes = look(place)[1] if is_empty else {}
    if as_json:
        print_json(_values(found))
    else:
        _show(found, sizes)


def _vary(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidArgumentError(f"--vary is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidArgumentError(f'--vary is {text}; it is a JSON mapping, such as {{"model": "gpt-4o"}}.')
    return found


def _values(found: Explanation) -> dict[str, Any]:
    values = as_values(found)
    for candidate in values["candidates"]:
        candidate["neighbour"]["answer"] = readable(candidate["neighbour"]["response"])
    return values


def _show(found: Explanation, sizes: Mapping[str, int]) -> None:
    console = Console()
    hit = found.outcome in ("exact", "semantic")
    lines = [
        f"question   {plain(found.query)}",
        f"namespace  {plain(found.namespace)}",
        f"outcome    [{'green' if hit else 'red'}]{found.outcome}[/]",
        f"exact      {found.exact or 'no entry'} (key {found.key})",
    ]
    if found.elsewhere:
        lines.append(
            f"elsewhere  {found.elsewhere:,} entries of this namespace have another vary (model, prompt, turns …); "
            "give it with --vary, or with --like the key of one of them (`mneme inspect list`)"
        )
    if others := sorted(sizes, key=lambda each: -sizes[each])[:NAMESPACES_SHOWN]:
        named = ", ".join(f"{plain(each) or '(empty)'} ({sizes[each]:,})" for each in others)
        more = " …" if len(sizes) > len(others) else ""
        lines.append(f"           this namespace is empty; others are not: {named}{more}")
    lines += [f"other vary {plain(str(each))}" for each in found.other_vary]
    if found.exact_only:
        lines.append(
            f"exact only {numbered(found.exact_only, 'entry', 'entries')} with the same vary: not served to other "
            "questions, as they call tools, or were reported as wrong for one"
        )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
    for candidate in found.candidates:
        console.print(_candidate(found.query, candidate), highlight=False)


def _candidate(asked: str, candidate: Candidate) -> Text:
    """Return what was decided of a neighbour, how its question differs, and its answer: a table would be too narrow."""
    near, verdict = candidate.neighbour, candidate.verdict
    word = ("accept", "green") if verdict.accepted else ("refuse", "red")
    text = Text.assemble("\n", (f"{near.similarity:.4f}", "bold"), "  ", word, harmless(f": {verdict.reason}"), "\n")
    text.append(differing(harmless(asked), harmless(near.query)))
    answer = shorten(harmless(readable(near.response)), ANSWER_CHARS, placeholder="…")
    text.append(f"\n{near.key[:8]} → {answer}", "dim")
    # Of what is too far away nothing else counted.
    if not verdict.reason.startswith("similarity below"):
        text.append(harmless(f"\n{_weighed(candidate)}"), "dim")
    return text


def _weighed(candidate: Candidate) -> str:
    """Return what the policy looked at; where that is the cosine alone, the confidence."""
    features = candidate.features or {"confidence": candidate.verdict.confidence}
    said = (
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in features.items()
    )
    return ", ".join(said)


def differing(asked: str, stored: str) -> Text:
    """Return the stored question with the words that differ marked: [-asked-] {+stored+}."""
    text = Text()
    for side, words in differences(asked, stored):
        before, after, style = _MARKED[side]
        text.append(f"{before}{words}{after}", style).append(" ")
    text.rstrip()
    return text
