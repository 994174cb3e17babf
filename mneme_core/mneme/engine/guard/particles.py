"""Two-word verbs with their object between: turn the light off, keep it from barking. Origin: written for Mneme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.reading import Word

_TABLE: Final = """
turn on turnon; switch on turnon; turn off turnoff; switch off turnoff; set up setup; give back return;
send back return; take back return; get back recover; pay back repay; take off remove;
throw away dispose; throw out dispose; put off postpone; pick up collect; look up find; shut down shutdown;
speed up speed; clean up clean; back up backup; hook up connect; call off cancel; turn down reject; fill out complete;
fill in complete; clear up resolve; sort out resolve; slow down slow; warm up warm; wake up wake; put away store;
split up split; try out try; close down close; bring up raise; bring down lower; get rid delete
"""
_GOVERNING: Final = """
keep from prevent from; stop from prevent from; prevent from prevent from; get out remove from; get off remove from;
wipe off remove from; wash out remove from; take out remove from;

turn into convert into; make into convert into; change into convert into
"""
# Farther back the verb has another particle, or the particle another verb.
_MOST_BETWEEN: Final = 5


class Joined(NamedTuple):
    """What a verb and its particle are."""

    at: int
    """Where the verb stands."""
    verb: str
    head: str
    """The preposition that governs what follows, empty where the particle ends the phrase."""


def _parse(table: str) -> dict[tuple[str, str], tuple[str, str]]:
    rows = (entry.split() for entry in table.split(";"))
    return {(stem(row[0]), row[1]): (stem(row[2]), row[3] if len(row) > 3 else "") for row in rows}


_ENDING: Final = _parse(_TABLE)
_OPENING: Final = _parse(_GOVERNING)
PARTICLES: Final = frozenset(particle for _, particle in (*_ENDING, *_OPENING))


def joined(words: Sequence[Word], start: int, particle: str, *, is_last: bool) -> Joined | None:
    """Return the verb in `words[start:]` that a particle belongs to, and what both mean; None where there is none.

    is_last: whether the phrase ends with the particle.
    """
    table = _ENDING if is_last else _OPENING
    for at in range(len(words) - 2, max(start, len(words) - 2 - _MOST_BETWEEN) - 1, -1):
        found = table.get((words[at].stem, particle))
        if found is not None:
            return Joined(at, *found)
    return None
