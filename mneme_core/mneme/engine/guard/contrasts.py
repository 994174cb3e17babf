"""Words of which one rules the other out, beyond WordNet's antonyms. Origin: written for Mneme.

A semicolon ends a group; each word of a group is another answer than the rest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.thesaurus import are_opposites
from mneme.engine.guard.words import word_set

_GROUPS: Final = """
upgrade downgrade; ascending descending; horizontal vertical; horizontally vertically; inbound outbound;
incoming outgoing; deposit withdraw; savings checking current; credit debit prepaid; gross net;
fixed variable adjustable; buyer seller; landlord tenant; employer employee; lender borrower; teacher student;
doctor patient; parent child; husband wife; mother father; son daughter; brother sister; uncle aunt; boy girl;
man woman; male female; client server; frontend backend; local remote; ascending descending; encode decode;
encrypt decrypt; serialize deserialize; compress decompress; install uninstall; subscribe unsubscribe;
follow unfollow; mute unmute; block unblock; lock unlock; archive unarchive; pin unpin; mount unmount;
attach detach; push pull commit stash rebase; merge split; upload download; import export; read write append;
get set; insert delete update; create destroy; start stop restart pause; open close; min max; minimum maximum;
first last second third; newest oldest; latest earliest; next previous; ascending random; breakfast lunch dinner;
brown white red green blue yellow black grey orange pink purple; small medium large;
monthly annual yearly weekly daily; domestic international; public private; free paid; personal business;
android iphone ios; windows mac macos linux ubuntu; tablet laptop desktop; cat dog rabbit hamster bird fish;
adult child baby toddler teenager newborn; beginner expert intermediate; symptom cause treatment cure prevention;
benefit risk side-effect; advantage disadvantage; pros cons; heat cool; boil fry bake roast steam grill poach;
raw cooked; frozen fresh; soft hard; cow goat sheep pig; beef pork chicken turkey fish;
aspirin ibuprofen paracetamol; north south east west; left right; front back; inside outside; upstairs downstairs;
top bottom; indoor outdoor; positive negative; acute chronic; mild severe; minor major; bacterial viral;
type-1 type-2; left right both; rent buy sell; arrive depart; departure arrival; entry exit; approve reject;
win lose; hire fire; promote demote; lend borrow; give take; give get; send receive; teach learn; ask answer; pass fail;
accept decline; increase decrease; rise fall; strengthen weaken; tighten loosen; expand shrink; lengthen shorten;
widen narrow; thicken thin; gain lose; save spend; earn spend; earn pay; interest principal; asset liability;
revenue cost; profit loss; bull bear; short long; bond stock; mortgage rent; physical virtual digital;
manual automatic; online offline inperson; free fee; wired wireless; analog digital; full empty
"""


def _parse(table: str) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, group in enumerate(table.split(";")):
        for word in group.split():
            found.setdefault(stem(word), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


_GROUPS_OF: Final = _parse(_GROUPS)
_NONE: Final[frozenset[int]] = frozenset()
_TURNING: Final = word_set("un in im il ir dis non mis de anti")


@lru_cache(maxsize=16_384)
def are_contrary(a: str, b: str) -> bool:
    """Return whether one of two stems rules the other out: antonyms, kinds of one thing, one with a turning prefix."""
    if are_opposites(a, b) or not _GROUPS_OF.get(a, _NONE).isdisjoint(_GROUPS_OF.get(b, _NONE)):
        return True
    short, long = sorted((a, b), key=len)
    return long.endswith(short) and long[: -len(short)] in _TURNING
