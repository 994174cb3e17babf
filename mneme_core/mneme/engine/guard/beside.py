"""Words that may stand for each other beside certain things alone: update my address, change my address.

Origin: written for Mneme. A line is `verbs: things`; what is said of one thing is not said of another: to update a
program is not to change it.
"""

from __future__ import annotations

from collections.abc import Set
from functools import lru_cache
from typing import Final

from mneme.engine.guard.inflection import stem

_TABLE: Final = """
change update: address email phone number password profile detail information preference payment card photo
change edit: address profile detail information photo
switch change: plan bank doctor provider job school language
register enroll: course class
end stop cancel: subscription membership trial
restore recover retrieve: photo picture message contact note
turnoff disable: notification renewal autorenew autopay autocorrect feature mode cookie tracking
turnoff disable: sync javascript caching twofactor alert
turnon enable: notification renewal autorenew autopay autocorrect feature mode cookie tracking
turnon enable: sync javascript caching twofactor alert
clear delete: cache history cookie
join concatenate concat: string
erect build: wall bridge tower
lose shed drop: weight
improve raise increase boost: score
raise increase: limit salary price rent fee wage rate
launch start open: app program browser game
right correct: way answer order size method format
reduce cut: cost expense spending
visit see consult: doctor dentist specialist
file make submit: claim complaint
quit leave resign: job
stop quit giveup: smoke drink vape alcohol procrastinate
cook make prepare: rice soup dinner meal pasta chicken
treat relieve: symptom pain headache throat
ease soothe relieve: pain throat
wash clean: car window dish
order sort: list array dictionary
miss skip: payment class lesson lecture meal dose
catch handle: exception
common typical usual frequent: symptom sign cause reason mistake error effect way method example type question
test check: speed battery hearing eyesight
enlarge increase: font
"""


def _parse(table: str) -> dict[frozenset[str], frozenset[str]]:
    found: dict[frozenset[str], frozenset[str]] = {}
    for line in table.strip().splitlines():
        verbs, _, things = line.partition(":")
        beside = frozenset(stem(thing) for thing in things.split())
        stems = [stem(verb) for verb in verbs.split()]
        for pair in (frozenset((a, b)) for a in stems for b in stems if a != b):
            found[pair] = found.get(pair, frozenset()) | beside
    return found


_THINGS: Final = _parse(_TABLE)
_VERBS: Final = frozenset().union(*_THINGS)
_NONE: Final[frozenset[str]] = frozenset()


@lru_cache(maxsize=16_384)
def things_beside(a: str, b: str) -> frozenset[str]:
    """Return the stems of the things beside which two stems may stand for each other."""
    return _THINGS.get(frozenset((a, b)), _NONE)


def related_beside(a: str, b: str, things: Set[str]) -> bool:
    """Return whether two stems may stand for each other where these things are spoken of in both texts."""
    return a in _VERBS and not things_beside(a, b).isdisjoint(things)
