"""`mneme report-wrong`: an answer that was wrong is not served there again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mneme.cli.failing import exits
from mneme.cli.inspect import Key, confirm_removal, there
from mneme.cli.keys import KeysFile, with_keys
from mneme.cli.shared import AsJson, Cache, Yes, print_json, print_lines
from mneme.engine.canonical import canonical_text

if TYPE_CHECKING:
    from mneme.tools.looking import Reported

QUESTION_HELP = "What was asked and got this answer. By default the entry's own question."
FEEDBACK_HELP = (
    "The file that the program opens with feedback=. It never takes the two questions for one another, from when it "
    "opens the cache next."
)


def command(
    cache: Cache,
    key: Key,
    question: Annotated[str | None, typer.Option("--question", "-q", help=QUESTION_HELP)] = None,
    feedback: Annotated[Path | None, typer.Option(dir_okay=False, metavar="FILE", help=FEEDBACK_HELP)] = None,
    keys: KeysFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take back an answer that was wrong, as a program's `report_wrong` does, for every process that uses the cache.

    An answer that was wrong for its own question is removed; that is asked first. One that was wrong for another
    question stays with its own and is served to no other.
    """
    from mneme.tools.looking import entry, report_wrong

    with exits():
        place = with_keys(cache, keys)
        found = there(entry(place, key), key)
        if question is None or canonical_text(question) == canonical_text(found.query):
            confirm_removal(found, yes)
        reported = there(report_wrong(place, found.key, question=question, feedback=feedback), key)
    if as_json:
        print_json({**asdict(reported), "feedback": None if feedback is None else str(feedback)})
    else:
        print_lines(_lines(reported, feedback))


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
            "An answer that is stored anew may be served again: --feedback FILE keeps the two questions apart for "
            "good, where the program opens the cache with feedback=FILE."
        )
    else:
        lines.append(f"{feedback} keeps the two questions apart from when the program opens the cache next")
    return lines
