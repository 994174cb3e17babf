"""The differences between two texts that may change the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from mneme.engine.canonical import canonical_text, folded_text
from mneme.engine.guard.arithmetic import grouping_difference
from mneme.engine.guard.difference import Difference, Kind
from mneme.engine.guard.kinds import kind_of
from mneme.engine.guard.leftovers import classifies, leftovers
from mneme.engine.guard.lexicon import related
from mneme.engine.guard.marks import direction_difference, listed, person_difference, state_difference, tense_difference
from mneme.engine.guard.order import swapped, traded
from mneme.engine.guard.owners import actor_difference, owner_difference
from mneme.engine.guard.pairing import Pairing, paired
from mneme.engine.guard.payload import payload_difference
from mneme.engine.guard.questions import naming, question_difference, rest
from mneme.engine.guard.reader import read
from mneme.engine.guard.reading import Reading, Word
from mneme.engine.guard.surface import WHOLE, Surface, kernel_overlap, surface_of

# If, when, from, out may be said otherwise; not these.
_FIRM: Final = frozenset(("unless", "outside"))
_RANKS: Final = {kind: rank for rank, kind in enumerate(get_args(Kind))}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts have in common and what tells them apart."""

    differences: tuple[Difference, ...]
    """The weightiest first."""
    surface: Surface = WHOLE
    """How much is word for word the same."""
    soft: int = 0
    """Words of little weight that stand alone on one side."""
    alone: tuple[int, int] = (0, 0)
    """Content words that have no partner, in either text."""

    def turned(self) -> Comparison:
        """Return the same of the two texts in the other order."""
        found = tuple([Difference(each.kind, each.b, each.a, each.force) for each in self.differences])
        return Comparison(found, self.surface, self.soft, (self.alone[1], self.alone[0]))

    @property
    def veto(self) -> Difference | None:
        """The first difference that forbids whatever else is alike."""
        return next((found for found in self.differences if found.force == "always"), None)

    @property
    def doubt(self) -> Difference | None:
        """The first difference that only a sentence built anew excuses."""
        return next((found for found in self.differences if found.force == "alike"), None)

    @property
    def forbids(self) -> bool:
        """Whether neither text may stand for the other, however near they are."""
        return any(not self._excuses(found) for found in self.differences)

    def _excuses(self, found: Difference) -> bool:
        """Return whether the texts are so unlike as they are written that a difference may be no more than wording."""
        if found.force == "alike":
            is_one_sided = found.kind == "modality" and not (found.a and found.b)
            if (is_one_sided or found.kind in ("tense", "person")) and self.alone == (0, 0):  # all that changed
                return False
            return self.surface.is_worded_anew if found.kind == "order" else self.surface.is_anew
        return found.force == "never"


def compare(a: str, b: str) -> Comparison:
    """Return the differences of two texts as sentences, and the counts that say how much `wording` they are."""
    if b < a:  # one direction alone is computed, so that the verdict is the same in both
        return compare(b, a).turned()
    if folded_text(a) == folded_text(b) and canonical_text(a) != canonical_text(b):
        return Comparison((Difference("code", a[:40], b[:40]),))
    grouping = grouping_difference(a, b)
    if grouping is not None:
        return Comparison((grouping,))
    first, second = read(a), read(b)
    is_prose = first.is_readable and second.is_readable and not first.is_code and not second.is_code
    if is_prose and first.sequence == second.sequence and (first.sequence or a.split() == b.split()):
        return SAME
    doubt = _unread(first, second, a, b)
    if doubt is not None:
        return Comparison((doubt,))
    surface = surface_of(first.stems, second.stems)
    pairing = _without(naming(first, second), paired(first.words, second.words), first, second)
    found = [
        *payload_difference(first.payload, second.payload),
        *question_difference(first, second),
        *tense_difference(first, second),
        *person_difference(first, second),
        *_words(first, second, pairing, is_anew=surface.is_worded_anew),
    ]
    ordered = tuple(sorted(dict.fromkeys(found), key=lambda difference: _RANKS[difference.kind]))
    left, right = _hard(pairing.left), _hard(pairing.right)
    forces = {difference.force for difference in found}
    if surface.is_worded_anew and "alike" in forces and "always" not in forces:
        surface = surface._replace(kernel=kernel_overlap(first.phrased, second.phrased))
    return Comparison(
        ordered,
        surface,
        soft=len(pairing.left) + len(pairing.right) - len(left) - len(right),
        alone=(len(left), len(right)),
    )


def _without(stems: frozenset[str], pairing: Pairing, first: Reading, second: Reading) -> Pairing:
    """Return a pairing without the unpaired words of some stems, and those that only say what a name stands for."""
    left, right = (
        [word for word in words if word.stem not in stems and not classifies(word, text)]
        for words, text in ((pairing.left, first.words), (pairing.right, second.words))
    )
    return pairing._replace(left=left, right=right)


SAME: Final = Comparison(())
"""What two texts are that nothing tells apart."""


def _unread(first: Reading, second: Reading, a: str, b: str) -> Difference | None:
    if not (first.is_readable and second.is_readable):
        return (
            None if a.split() == b.split() else Difference("too long", f"{len(a)} characters", f"{len(b)} characters")
        )
    if first.is_code or second.is_code:
        return None if a.split() == b.split() else Difference("code", a[:40], b[:40])
    if not (first.words and second.words):
        return Difference("no content word", a[:40], b[:40])
    return None


def _words(first: Reading, second: Reading, pairing: Pairing, *, is_anew: bool) -> Iterator[Difference]:
    a, b = pairing.a, pairing.b
    is_howto = _asks_deed(first) and _asks_deed(second)
    yield from leftovers(
        pairing,
        first.words,
        second.words,
        is_closed="yesno" in first.asks | second.asks,
        is_alike=is_howto or first.asks == second.asks,
        is_howto=is_howto,
    )
    yield from state_difference(a, b, first.has_be and second.has_be)
    yield from direction_difference(first, second, a, b)
    yield from owner_difference(first, second, a, b)
    yield from actor_difference(first, second, a, b)
    roles = _without_related(*rest(first.roles, second.roles))
    if any(roles):
        kinds: list[Kind] = [kind_of(role, "") for side in roles for role in side]
        is_firm = any(kind in ("comparison", "quantifier") for kind in kinds) or not _FIRM.isdisjoint(
            (*roles[0], *roles[1])
        )
        yield Difference(kinds[0], listed(roles[0]), listed(roles[1]), "always" if is_firm else "alike")
    if first.is_floating or second.is_floating:
        fused = {label for label, word in (*a, *b) if word.stem == "not"}
        a, b = ([placed for placed in words if placed[0] not in fused] for words in (a, b))
    change = swapped(a, b, is_possessive=first.is_possessive or second.is_possessive)
    if change is not None:
        is_to_me = ("i as object" in first.cases) != ("i as object" in second.cases)
        yield Difference("order", *change, "alike" if is_anew and not (is_to_me or traded(a, b)) else "always")


def _asks_deed(reading: Reading) -> bool:
    """Return whether it is asked how to do something, or whether one can."""
    return not reading.asks.isdisjoint(("howto", "wayto")) or (reading.asks == {"yesno"} and reading.modals == ["can"])


def _hard(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if not word.light]


def _without_related(a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
    for word in list(a):
        match = next((other for other in b if related(word, other)), None)
        if match is not None:
            a.remove(word)
            b.remove(match)
    return a, b
