"""Constructions that say one thing in two orders, brought into one."""

from __future__ import annotations

from typing import Final

from mneme.engine.guard.inflection import is_past, is_past_alone, stem
from mneme.engine.guard.kinds import is_superlative
from mneme.engine.guard.modifiers import weighed
from mneme.engine.guard.reading import Reading, Word
from mneme.engine.guard.thesaurus import is_thing, parts_of_speech
from mneme.engine.guard.words import LANGUAGES, TIMES

# What the question word says already: how much does it cost, how long does it take.
_IMPLIED: Final = {
    "howmuch": frozenset(stem(word) for word in ("cost", "price", "charge")),
    "howlong": frozenset(stem(word) for word in ("take",)),
}
# What is the cost of it: how much is it.
_MEASURES: Final = {
    **{stem(word): "howmuch" for word in ("cost", "price", "amount", "quantity")},
    **{stem(word): "howmany" for word in ("count", "number")},
    **{stem(word): "howlong" for word in ("duration", "period")},
}
_INTO: Final = frozenset(("into", "to"))
_TIMED: Final = frozenset(("in", "on", "at", "of", "for"))
_TIMES: Final = frozenset(stem(word) for word in TIMES)
# For a night is not at night; for Monday is on Monday.
_SPANS: Final = frozenset(
    (
        "night",
        "day",
        "week",
        "month",
        "year",
        "hour",
        "minute",
        "weekend",
        "morning",
        "decad",
        "daily",
        "weekly",
        "monthly",
        "yearly",
        "hourly",
    )
)
_STRONG: Final = ("yesno", "what")


def settle(reading: Reading, *, ends_in_have: bool) -> None:
    """Bring passives, `what X does Y have` and questions said twice into one form."""
    reading.words = dated(weighed(reading.words))
    if not (reading.tenses or reading.modals or reading.has_be) and _tells(reading):
        reading.tenses.add("past")
    if "perfect" in reading.tenses:
        reading.tenses.discard("perfect")
        reading.tenses.add("past" if _is_done(reading) else "present")
    if reading.has_be:
        reading.words = active(reading.words)
    if ends_in_have and reading.asks & {"what", "howmany"}:
        reading.words = _owned(reading.words)
    if reading.recalls is not None and "howto" in reading.asks:
        reading.words.insert(0, reading.words.pop(reading.recalls))
    if reading.has_be and reading.asks & {"what", "who"}:
        reading.words = _attributed(reading.words)
    if "who" in reading.asks:
        reading.words = [word._replace(stem=_deed(word.stem)) for word in reading.words]
    _settle_question(reading)


def _is_done(reading: Reading) -> bool:
    """Return whether the only auxiliary is that of a deed done: has been declined, has shipped."""
    if reading.tenses or (reading.modals and "been" not in reading.sequence):  # do I have, can I have it sent
        return False
    return "been" in reading.sequence or any(is_participle(word) for word in reading.words)


def _tells(reading: Reading) -> bool:
    """Return whether a verb in the past tense stands there: when it shipped, who taught physics."""
    words = reading.words
    if not reading.asks.isdisjoint(("howto", "wayto", "whatdo")):  # how to cancel what I ordered
        return False
    if "who" in reading.asks and words and is_past_alone(words[0].raw.lower()):
        return True
    return any(
        is_past_alone(word.raw.lower()) and not word.opens and _is_passive(words, at) for at, word in enumerate(words)
    )


def active(words: list[Word]) -> list[Word]:
    """Return the words with every passive in the active order: who acts, the verb, what is acted on, the rest."""
    cuts = [at for at, word in enumerate(words) if word.joined]
    for cut in cuts:
        # Two verbs joined: it was written by Ann and painted by Bob.
        if any(_is_passive(words, at) for at in range(cut)) and any(word.head == "by" for word in words[cut:]):
            return [*active(words[:cut]), *active(words[cut:])]
    return _active(words)


def _active(words: list[Word]) -> list[Word]:
    verb = next((at for at in range(len(words) - 1, -1, -1) if _is_passive(words, at)), None)
    if verb is None:
        return words
    before, after = words[:verb], words[verb + 1 :]
    return [
        *(word._replace(head="") for word in after if word.head == "by"),
        words[verb],
        *(word for word in before if not word.head),
        *(word for word in before if word.head),
        *(word for word in after if word.head != "by"),
    ]


def dated(words: list[Word]) -> list[Word]:
    """Return the words with phrases of time apart from those of place; say in French is translate into French."""
    words = [word._replace(head="in") if word.head in _INTO and word.stem in LANGUAGES else word for word in words]
    times = {word.run for word in words if word.head in _TIMED and (_is_year(word.stem) or word.stem in _TIMES)}
    if not times:
        return words
    ends = {word.run: word for word in words if word.head == "of"}
    times -= {run for run, word in ends.items() if not (_is_year(word.stem) or word.stem in _TIMES)}  # of annual leave
    years = {word.run for word in words if _is_year(word.stem)}
    spans = {word.run for word in words if word.head == "for" and word.stem in _SPANS} - years
    return [
        word._replace(head="lasting" if word.run in spans else "when") if word.run in times else word for word in words
    ]


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdigit()


def is_participle(word: Word) -> bool:
    """Return whether a root word has the form of a past participle."""
    return not word.head and is_past(word.raw.lower())


def _is_passive(words: list[Word], at: int) -> bool:
    """Return whether a participle stands there that is no adjective: an experienced cook."""
    if not is_participle(words[at]):
        return False
    after = words[at + 1 : at + 2]
    return not (after and after[0].run == words[at].run and _is_noun(after[0].stem))


def _attributed(words: list[Word]) -> list[Word]:
    """Return `which river is the longest` as `the longest river`."""
    at = next((at for at, word in enumerate(words) if is_superlative(word.stem)), 0)
    if at and all(word.run == words[0].run != words[at].run and not word.head for word in words[:at]):
        return [words[at]._replace(run=words[0].run), *words[:at], *words[at + 1 :]]
    return words


def _deed(word: str) -> str:
    """Return what somebody does who is named by it: the inventor, who invented."""
    does = stem(word[:-2]) if word.endswith(("er", "or")) and len(word) > 4 else ""
    return does if parts_of_speech(does).startswith("v") or (does and is_thing(word)) else word


def _owned(words: list[Word]) -> list[Word]:
    """Return `what symptoms does diabetes have` as `diabetes symptoms`."""
    first = words[0].run if words else 0
    thing = [word for word in words if word.run == first]
    owner = [word for word in words if word.run != first]
    return [*owner, *thing] if all(not word.head for word in owner) else words


def _settle_question(reading: Reading) -> None:
    asks, words = reading.asks, reading.words
    if "doit" in asks:  # I need to do X, how do I do that
        asks.discard("doit")
        asks.add("howto")
        reading.modals.clear()
    if not asks:
        asks.add("open")
    for weak in _STRONG:  # a question word rules out what word order suggested
        if len(asks) > 1:
            asks.discard(weak)
    if asks == {"how"} and reading.has_be and reading.modals == ["can"]:  # how can it be done
        asks.add("howto")
        reading.modals.clear()
    if "howto" in asks:
        asks.discard("how")
    if asks & {"whatif", "whatdo"}:  # what happens if, what happens when
        reading.roles[:] = [role for role in reading.roles if role not in ("if", "when")]
    if "whatif" in asks:
        asks.discard("when")
    if asks <= {"what", "open"} and len(words) > 1:
        measure = next((word for word in words if word.stem in _MEASURES and not word.head), None)
        if measure is not None:  # the cost of it, not what is included in the cost
            asks.clear()
            asks.add(_MEASURES[measure.stem])
            words[:] = [word for word in words if word.head or _MEASURES.get(word.stem) != _MEASURES[measure.stem]]
    if asks == {"what"} and len(words) > 1 and words[-1].stem == "mean":
        words.pop()
    elif asks == {"how"} and any(word.stem == "differ" for word in words):
        asks.clear()
        asks.add("what")
    for asked in asks & _IMPLIED.keys():
        kept = [word for word in words if word.stem not in _IMPLIED[asked]]
        reading.words = words = kept or words


def _is_noun(word: str) -> bool:
    """Return whether a stem is mostly a noun, and none of time: it was sold yesterday."""
    return parts_of_speech(word).startswith("n") and word not in _TIMES
