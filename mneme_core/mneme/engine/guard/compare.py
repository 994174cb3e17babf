"""The differences between two texts that may change the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, get_args

from mneme.engine.guard.difference import Difference, Kind
from mneme.engine.guard.kinds import kind_of
from mneme.engine.guard.leftovers import is_soft, leftovers
from mneme.engine.guard.lexicon import related
from mneme.engine.guard.order import Label, Placed, swapped
from mneme.engine.guard.payload import payload_difference
from mneme.engine.guard.questions import naming, question_difference
from mneme.engine.guard.reader import read
from mneme.engine.guard.reading import Reading, Word
from mneme.engine.guard.surface import Surface, surface_of
from mneme.engine.guard.syntax import is_participle
from mneme.engine.guard.thesaurus import is_thing, parts_of_speech

_RANKS: Final = {kind: rank for rank, kind in enumerate(get_args(Kind))}
# Texts with more words unlike than this are different questions; so the pairing stays linear.
_MOST_OPEN: Final = 8


class Pairing(NamedTuple):
    """The words of two texts that have partners, each in its text's order, and those that have none."""

    a: list[Placed]
    b: list[Placed]
    left: list[Word]
    right: list[Word]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts have in common and what tells them apart."""

    differences: tuple[Difference, ...]
    """The weightiest first."""
    surface: Surface = Surface(1.0, 0)
    """How much is word for word the same."""
    shared: int = 0
    """Content words that have a partner."""
    synonyms: int = 0
    """Those of them whose partner is another word."""
    soft: int = 0
    """Words of little weight that stand alone on one side."""
    alone: tuple[int, int] = (0, 0)
    """Content words that have no partner, in either text."""
    things: bool = False
    """Whether both texts name a thing or a being that the other does not."""

    @property
    def veto(self) -> Difference | None:
        """The first difference that forbids whatever else is alike."""
        return next((found for found in self.differences if found.force == "always"), None)

    @property
    def doubt(self) -> Difference | None:
        """The first difference that only a sentence built anew excuses."""
        return next((found for found in self.differences if found.force == "alike"), None)


def differences(a: str, b: str) -> tuple[Difference, ...]:
    """Return what may make the answers to `a` and `b` differ; nothing where one may stand for the other.

    Every content word of either text must have a partner in the other, in the same role; questions, negations,
    numbers, modality, tense and person must agree. In doubt there is a difference. Never raises; linear in the
    length; texts over 4,096 characters or 256 words differ unless they are the same.
    """
    return compare(a, b).differences


def compare(a: str, b: str) -> Comparison:
    """Return the differences of two texts, and the counts that say how much `wording` they are."""
    if a == b:
        return _SAME
    if b < a:  # one direction alone is computed, so that the verdict is the same in both
        there = compare(b, a)
        found = tuple(replace(found, a=found.b, b=found.a) for found in there.differences)
        return replace(there, differences=found, alone=there.alone[::-1])
    first, second = read(a), read(b)
    if first.is_readable and second.is_readable and first.sequence == second.sequence and not first.is_code:
        return _SAME
    doubt = _unreadable(first, second, a, b)
    if doubt is not None:
        return Comparison((doubt,))
    pairing = _aligned(first.words, second.words)
    named = naming(first, second)
    if named:
        pairing = pairing._replace(
            left=[word for word in pairing.left if word.stem not in named],
            right=[word for word in pairing.right if word.stem not in named],
        )
    found = [
        *payload_difference(first.payload, second.payload),
        *_marks(first, second),
        *_words(first, second, pairing),
    ]
    ordered = tuple(sorted(dict.fromkeys(found), key=lambda difference: _RANKS[difference.kind]))
    left, right = _hard(pairing.left), _hard(pairing.right)
    there = dict(pairing.b)
    return Comparison(
        ordered,
        surface_of(first.stems, second.stems),
        shared=len(pairing.a),
        synonyms=sum(word.stem != there[label].stem for label, word in pairing.a),
        soft=len(pairing.left) + len(pairing.right) - len(left) - len(right),
        alone=(len(left), len(right)),
        things=any(is_thing(word.stem) for word in left) and any(is_thing(word.stem) for word in right),
    )


_SAME: Final = Comparison(())


def _unreadable(first: Reading, second: Reading, a: str, b: str) -> Difference | None:
    if not (first.is_readable and second.is_readable):
        return (
            None if a.split() == b.split() else Difference("unreadable", f"{len(a)} characters", f"{len(b)} characters")
        )
    if first.is_code or second.is_code:
        return None if a.split() == b.split() else Difference("code", a[:40], b[:40])
    if not (first.words and second.words):
        return Difference("unreadable", a[:40], b[:40])
    return None


def _marks(first: Reading, second: Reading) -> Iterator[Difference]:
    yield from question_difference(first, second)
    yield from _tense(first, second)
    if _persons_differ(first, second):
        a, b = _listed(first.cases or first.persons), _listed(second.cases or second.persons)
        is_us = {*first.persons, *second.persons} <= {"i", "you"}  # do you ship, can I get it shipped
        yield Difference("person", a, b, "alike" if is_us else "always")


def _asks_what_to_do(first: Reading, second: Reading) -> bool:
    """Return whether both ask for advice: what to do if it is lost, it was lost, what to do."""
    return first.asks == second.asks == {"whatdo"}


def _tense(first: Reading, second: Reading) -> Iterator[Difference]:
    """Compare the tenses that auxiliaries tell; a text without one leaves past and present open."""
    a, b = first.tenses, second.tenses
    if _asks_what_to_do(first, second):
        return
    decisive = {"past", "future", "once"} if a and b else {"future", "once"}
    if a & decisive != b & decisive:
        # How long will it take is how long does it take; will it rain is not does it rain.
        is_plan = "yesno" not in first.asks | second.asks and a ^ b <= {"future", "present"}
        yield Difference("tense", _listed(a), _listed(b), "never" if is_plan else "always")


def _persons_differ(first: Reading, second: Reading) -> bool:
    """Return whether someone else is meant: both speak of persons, and not of the same ones in the same part."""
    a, b = first.persons, second.persons
    is_generic = len(a) == len(b) == 1 and {*a, *b} == {"i", "you"} and {"can", "should", "must"} & {*first.modals}
    if not (a and b) or is_generic:  # can you, can I: can one
        return False
    if first.cases and second.cases and first.cases.isdisjoint(second.cases):
        return True
    return list(dict.fromkeys(a)) != list(dict.fromkeys(b))


def _words(first: Reading, second: Reading, pairing: Pairing) -> Iterator[Difference]:
    a, b, left, right = pairing
    yield from leftovers(left, right, first.words, second.words, is_closed="yesno" in first.asks | second.asks)
    left, right = _hard(left), _hard(right)
    yield from _states(a, b, first.has_be and second.has_be)
    role_left, role_right = _rest(first.roles, second.roles)
    role_left, role_right = _without_related(role_left, role_right)
    if _asks_what_to_do(first, second):
        role_left, role_right = (
            [role for role in role_left if role != "if"],
            [role for role in role_right if role != "if"],
        )
    if role_left or role_right:
        kind: Kind = kind_of((role_left or role_right)[0], "")
        yield Difference(
            kind, _listed(role_left), _listed(role_right), "always" if role_left and role_right else "alike"
        )
    if left or right or role_left or role_right:
        a, b = _nominal(a), _nominal(b)
        change = swapped(a, b) if len(a) == len(b) else None
        if change is not None:
            yield Difference("order", *change)
    else:
        if first.is_floating or second.is_floating:
            a = [placed for placed in a if placed[1].stem != "not"]
            b = [placed for placed in b if placed[1].stem != "not"]
        change = swapped(a, b)
        if change is not None:
            yield Difference("order", *change)


def _nominal(words: Sequence[Placed]) -> list[Placed]:
    """Return the words that name something: in a sentence built anew verbs move, the things keep their roles."""
    return [placed for placed in words if parts_of_speech(placed[1].stem)[:1] in ("n", "")]


def _aligned(a: Sequence[Word], b: Sequence[Word]) -> Pairing:
    """Pair the words of two texts: equal stems first, in order, then words that may stand for each other."""
    places: dict[str, list[int]] = {}
    for number, word in enumerate(b):
        places.setdefault(word.stem, []).append(number)
    partner: dict[int, int] = {}
    left: list[int] = []
    for number, word in enumerate(a):
        waiting = places.get(word.stem)
        if waiting:
            partner[waiting.pop(0)] = number
        else:
            left.append(number)
    right = [number for number in range(len(b)) if number not in partner]
    unpaired: list[Word] = []
    for number in left:
        is_open = len(left) <= _MOST_OPEN and len(right) <= _MOST_OPEN
        match = next((other for other in right if related(a[number].stem, b[other].stem)), None) if is_open else None
        if match is None:
            unpaired.append(a[number])
        else:
            partner[match] = number
            right.remove(match)
    labels = _labels(a, b, partner)
    placed_b = [(labels[partner[number]], word) for number, word in enumerate(b) if number in partner]
    placed_a = [(labels[number], word) for number, word in enumerate(a) if number in labels]
    return Pairing(placed_a, placed_b, unpaired, [b[number] for number in right])


def _labels(a: Sequence[Word], b: Sequence[Word], partner: dict[int, int]) -> dict[int, Label]:
    return {number: (min(a[number].stem, b[other].stem), number) for other, number in partner.items()}


def _hard(words: Sequence[Word]) -> list[Word]:
    return [word for word in words if not is_soft(word)]


def _states(a: Sequence[Placed], b: Sequence[Placed], are_states: bool) -> Iterator[Difference]:
    """Yield the verbs that go on here and are done there: is closing, is closed, is close."""
    others = dict(b)
    for label, word in a:
        other = others[label]
        if word.raw != other.raw and word.stem == other.stem and not is_soft(word):
            forms = {_form(word), _form(other)}
            if forms == {"ing", "ed"} or (are_states and len(forms) == 2 and not (word.head or other.head)):
                yield Difference("tense", word.raw, other.raw)


def _form(word: Word) -> str:
    if word.raw.lower().endswith("ing"):
        return "ing"
    return "ed" if is_participle(word._replace(head="")) else ""


def _rest(a: Iterable[str], b: Iterable[str]) -> tuple[list[str], list[str]]:
    ours, theirs = Counter(a), Counter(b)
    return list((ours - theirs).elements()), list((theirs - ours).elements())


def _without_related(a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
    for word in list(a):
        match = next((other for other in b if related(word, other)), None)
        if match is not None:
            a.remove(word)
            b.remove(match)
    return a, b


def _listed(words: Iterable[str]) -> str:
    return " ".join(sorted(words))
