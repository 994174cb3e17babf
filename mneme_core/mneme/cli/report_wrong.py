"""`mneme report-wrong`: an answer that was wrong is not served there again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mneme.cli.failing import exits
from mneme.cli.inspect import Key, confirm_removal, there
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import DEFAULT_EMBEDDER, AsJson, Cache, EmbedderName, Yes, print_json, print_lines
from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError

if TYPE_CHECKING:
    from mneme.embedders import Embedder
    from mneme.tools.looking import Entry, Reported

QUESTION_HELP = "What was asked and got this answer. By default the entry's own question."
FEEDBACK_HELP = (
    "The file that the program opens with feedback=. It never takes the two questions for one another again."
)
TRAIL_HELP = "The file of an AuditTrail. A question that it says was served this entry needs no --force."
FORCE_HELP = "Report also a question that has nothing to do with the entry's own."
UNDO_HELP = "Take back what was reported: of this question, or without --question all that was reported of the entry."
# Decisions about one entry that are looked through, the newest.
READ: Final = 100_000


def command(
    cache: Cache,
    key: Key,
    question: Annotated[str | None, typer.Option("--question", "-q", help=QUESTION_HELP)] = None,
    feedback: Annotated[Path | None, typer.Option(dir_okay=False, metavar="FILE", help=FEEDBACK_HELP)] = None,
    trail: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, metavar="TRAIL", help=TRAIL_HELP)] = None,
    force: Annotated[bool, typer.Option("--force", help=FORCE_HELP)] = False,
    undo: Annotated[bool, typer.Option("--undo", help=UNDO_HELP)] = False,
    embedder: EmbedderName = DEFAULT_EMBEDDER,
    keys: KeysFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take back an answer that was wrong, as a program's `report_wrong` does, for every process that uses the cache.

    An answer that was wrong for its own question is removed; that is asked first. One that was wrong for another
    question stays with its own and is served to no other.
    """
    from mneme.tools.looking import entry, report_wrong, unreport

    with exits():
        place = with_keys(cache, keys)
        found = there(entry(place, key), key)
        if not undo:
            if question is None or canonical_text(question) == canonical_text(found.query):
                confirm_removal(found, yes)
            elif not force and not (trail is not None and _was_served(trail, found, question)):
                _check_akin(place, found, question, embedder)
        tell = unreport if undo else report_wrong
        reported = there(tell(place, found.key, question=question, feedback=feedback), key)
    if as_json:
        print_json({**asdict(reported), "feedback": None if feedback is None else str(feedback)})
    elif undo:
        many = f", and so may {reported.changed - 1:,} more with the same answer" if reported.changed > 1 else ""
        said = f"may be served to other questions again{many}" if reported.changed else "was not reported so"
        print_lines([f"{reported.key} {said}"])
    else:
        print_lines(_lines(reported, feedback))


def _was_served(trail: Path, found: Entry, question: str) -> bool:
    from mneme.tools.trail import Sought, read_trail

    asked = canonical_text(question)
    told = read_trail(trail, Sought(found.key), limit=READ).decisions
    return any(
        each.get("entry") == found.key and canonical_text(str(each.get("query", ""))) == asked
        for each in told
        if each["outcome"] != "miss"
    )


def _check_akin(place: str | PathLike[str], found: Entry, question: str, name: str) -> None:
    """Raise InvalidArgumentError where a question can hardly have got this entry's answer."""
    from mneme.tools.loading import load_embedder
    from mneme.tools.looking import are_akin

    model: Embedder | None = None
    with suppress(ImportError, AttributeError):  # not installed: then by words alone
        model = load_embedder(name)
    if not are_akin(place, question, found.query, model):
        raise InvalidArgumentError(
            f"{question!r} has nothing to do with the entry's question, {found.query!r}: is it the right entry? "
            "Nothing was reported. --trail FILE finds out whether it was served; --force reports it all the same."
        )


def _lines(reported: Reported, feedback: Path | None) -> list[str]:
    if reported.removed:
        return [f"{reported.key} removed: its answer was wrong for its own question"]
    own = "serves its own question alone"
    if reported.changed > 1:
        more = f"{reported.changed - 1:,} more with the same answer"
        lines = [f"{reported.key} {own} from now on, and so does each of {more}"]
    else:
        lines = [f"{reported.key} {own} {'from now on' if reported.changed else 'already'}"]
    if feedback is None:
        lines.append(
            "That holds as long as the entry is kept: --feedback FILE keeps the two questions apart for good, where "
            "the program opens the cache with feedback=FILE."
        )
    else:
        lines.append(f"{feedback} keeps the two questions apart, within seconds in a program opened with feedback=")
    return lines
