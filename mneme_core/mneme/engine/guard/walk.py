"""One walk over the tokens of a text, which fills its reading."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Final

from mneme.engine.guard.inflection import is_past, stem
from mneme.engine.guard.particles import PARTICLES, joined
from mneme.engine.guard.reading import SOMEONE, Reading, Word
from mneme.engine.guard.thesaurus import parts_of_speech
from mneme.engine.guard.tokens import Token
from mneme.engine.guard.words import (
    ARTICLES,
    AUXILIARIES,
    BE,
    CASES,
    CAUSING,
    CLAUSAL,
    FRAMES,
    GENERIC,
    HEADS,
    INSTRUMENTAL,
    LIGHT,
    MODIFYING,
    MUST,
    NEGATIONS,
    PERSONS,
    PLACES,
    POINTING,
    POSSESSIVE,
    QUESTIONS,
    RECALLING,
    REFUSING,
    REQUESTS,
    ROLE_WORDS,
    SAME_HEAD,
    SAME_QUESTION,
    SOFT,
    tenses_of,
)

_ASKING: Final = QUESTIONS | FRAMES
_SOFT: Final = frozenset(stem(word) for word in SOFT)
_CAUSING: Final = frozenset(stem(word) for word in CAUSING)
_MODIFYING: Final = frozenset(stem(word) for word in MODIFYING)
_TOWARD: Final = frozenset(("to", "from", "for"))
_ABOUT: Final = frozenset(("going", "supposed", "meant"))
_EMPTY: Final = frozenset(("it", "there", "something", "anything"))
_RECEIVERS: Final = frozenset(("me", "you", "us", "him", "them"))


class Walk:
    """Walks over the items once and fills a reading."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.head = ""
        self.run = 0
        self.run_start = 0
        self.run_is_marked = False  # an article or a preposition opened the run
        self.clause_start = 0
        self.is_joined = False
        self.is_fresh = True
        self.undergoing = ""  # be or get, where a participle may follow
        self.has_subject = False
        self.which = ""
        self.is_asking = False  # a question word opened the clause
        self.is_plain = False  # and was no phrase that says more: what is the price of
        self.is_state = False  # it is to be
        self.awaits_actor = False  # an auxiliary opened a question, the subject of which follows

    def over(self, items: list[Token]) -> None:
        questions = len([item for item in items if item.norm in _ASKING])
        for (norm, raw, shape), following in zip_longest(items, items[1:]):
            after = following.norm if following is not None else ""
            if norm == "when" and (questions > 1 or not self.is_fresh) and after not in AUXILIARIES:
                self._govern(norm)  # what happens when it rains
            elif shape == "word":
                if norm not in PARTICLES or not self._ends_verb(norm, after):
                    _DEALING.get(norm, Walk._content)(self, norm, raw, after)
            elif shape == "boundary":
                if following is None:
                    self._recall("it")  # it fails, how to fix?
                self._root()
                self.is_fresh = True
                self.clause_start = len(self.reading.words)
            else:
                self._add(norm, raw)

    def _ends_verb(self, particle: str, after: str) -> bool:
        """Join a particle to the verb before it; return whether there was one."""
        words = self.reading.words
        is_last = not after or after in HEADS or after in QUESTIONS
        found = joined(words, self.clause_start, particle, is_last=is_last and after != "of")
        if found is None:
            return False
        words[found.at] = words[found.at]._replace(stem=found.verb)
        if found.head:
            self._govern(found.head)
        return True

    def _content(self, norm: str, raw: str, _: str) -> None:
        if self.is_fresh and norm in REQUESTS:
            self.reading.asks.add("what")
            return
        base = stem(norm)
        is_got = base == "get"
        self.reading.has_be |= is_got  # get hacked
        if (self.undergoing == "get" or (self.undergoing and self.has_subject)) and is_past(raw.lower()):
            self.reading.undergone.add(base)
        self.undergoing, self.has_subject = ("get" if is_got else ""), False
        self._add(base, raw)
        if norm in INSTRUMENTAL:
            self._govern("with")

    def _light(self, norm: str, _raw: str, _after: str) -> None:
        self._recall(norm)
        self._break()

    def _pointing(self, norm: str, raw: str, after: str) -> None:
        self._light(norm, raw, after)
        self.which = "this"

    def _empty(self, norm: str, raw: str, after: str) -> None:
        self._light(norm, raw, after)
        self.awaits_actor = False

    def _somebody(self, _norm: str, raw: str, _after: str) -> None:
        if self.is_asking:
            self._follow_question()
        self._act(SOMEONE)
        words = self.reading.words
        is_made_to = bool(words) and words[-1].run == self.run and words[-1].stem in _CAUSING  # let people join
        if len(words) == self.clause_start and not self.head:
            self.reading.asker = self.reading.asker or "someone"
        elif is_made_to:
            words[-1] = words[-1]._replace(light=False)
        self._break()
        words.append(Word(SOMEONE, raw, self.head, self.run, light=not is_made_to))
        self._break()

    def _article(self, norm: str, _raw: str, _after: str) -> None:
        self._break(is_marked=True)
        self.which = norm
        if self.is_asking:
            self._follow_question()

    def _one(self, norm: str, raw: str, after: str) -> None:
        self._article(norm, raw, after)
        self._act("you")

    def _need(self, _norm: str, _raw: str, _after: str) -> None:
        self.reading.modals.append("must")
        self.awaits_actor = False
        self._break()

    def _negation(self, _norm: str, raw: str, _after: str) -> None:
        self.reading.is_floating |= raw.lower() not in NEGATIONS and "not" not in raw.lower().split()
        self._add("not", raw)

    def _recall(self, norm: str) -> None:
        """Note a verb whose object is the sentence before: it won't start, how do I fix it."""
        words = self.reading.words
        if norm in RECALLING and 0 < self.clause_start == len(words) - 1:
            self.reading.recalls = self.clause_start

    def _add(self, norm: str, raw: str) -> None:
        words = self.reading.words
        is_behind = bool(words) and words[-1].run == self.run
        if is_behind and _is_soft_noun(words[-1]) and _is_noun(norm):  # *state* taxes
            words[-1] = words[-1]._replace(light=False)
        is_light = norm in _SOFT and _stays_light(norm, is_behind)
        words.append(Word(norm, raw, self.head, self.run, self.is_joined, self.is_fresh, is_light, self.which))
        if self.awaits_actor and norm != "not":
            self._act(raw.lower())
        self.is_joined = self.is_fresh = False

    def _follow_question(self) -> None:
        """Note that what follows a question word is who does it, and no verb: what the bank needs, when I can."""
        if len(self.reading.words) == self.clause_start:
            self.is_asking = False
            self.awaits_actor |= self.is_plain

    def _act(self, who: str) -> None:
        """Note who does it, where an auxiliary has said that this follows."""
        reading = self.reading
        if self.awaits_actor and self.is_state:
            reading.bearer = reading.bearer or who
        elif self.awaits_actor:
            reading.actor = reading.actor or who
        self.awaits_actor = False

    def _break(self, *, is_marked: bool = False) -> None:
        """End the run of words that stand together."""
        self.run += self.run_start < len(self.reading.words)
        self.run_start = len(self.reading.words)
        self.run_is_marked = is_marked
        self.which = ""

    def _root(self) -> None:
        """End the phrase as well: what follows is governed by nothing."""
        self._break()
        self.head = ""

    def _auxiliary(self, norm: str, raw: str, after: str) -> None:
        reading = self.reading
        if self.is_fresh and norm in AUXILIARIES:
            reading.asks.add("yesno")
        if norm in AUXILIARIES:
            is_inverted = self.is_fresh or self.is_asking
            self.awaits_actor = is_inverted and " " not in raw  # not what should, of what to
            self.is_state = norm in BE
            self.is_asking = False
        elif norm in BE:  # what would be the price
            self.awaits_actor = False
        self.is_fresh = False
        if norm == "being" and reading.has_be and reading.words and not self.head:
            reading.tenses.add("ongoing")  # is it being sent, is it sent
        reading.has_be |= norm in BE
        self.undergoing = "be" if norm in BE else ""
        if norm in ("can", "could", "may", "might", "must", "should", "would"):
            reading.modals.append("can" if norm == "could" else norm)
        if raw.lower() not in REFUSING:
            reading.tenses.update(tenses_of(norm))
        if norm in ("be", "been", "being") or (norm in ("have", "has", "had") and self.head in CLAUSAL):
            self._break()
        else:
            self._root()
        if norm == "have" and self.has_subject and not reading.words and (after in ARTICLES or _is_noun(stem(after))):
            self._add(stem(norm), raw)  # do I have a cold, do I get a cold

    def _question(self, norm: str, raw: str, _after: str) -> None:
        self._root()
        self.is_fresh = False
        self.is_asking = norm in QUESTIONS or norm in ("what", "which")
        self.is_plain = " " not in raw
        self.awaits_actor = norm == "yesno" or raw.endswith(" if")  # do you know whether it, what happens if it
        self.is_state = False
        if norm != "who" or not self.reading.asks:  # else a relative clause: a person who
            self.reading.asks.add(SAME_QUESTION.get(norm, norm))

    def _join(self, norm: str, _: str, after: str) -> None:
        self.is_joined = True
        self._break(is_marked=self.run_is_marked)
        if parts_of_speech(stem(after))[:1] in ("v", "r"):  # written by Ann and painted by Bob
            self.head = ""
        if norm == "or":
            self.reading.roles.append(norm)

    def _head(self, norm: str, _: str, after: str) -> None:
        if norm == "to" and (_is_verb(after) or after in ("cost", "rain", "change")):
            words = self.reading.words
            if len(words) > self.clause_start and words[-1].raw.lower() in _ABOUT:  # what is the bank going to do
                reading = self.reading
                reading.actor = reading.actor or reading.bearer or words[self.clause_start].raw.lower()
            if words and words[-1].raw.lower() == "going":
                words.pop()
                self.reading.tenses.add("future")
            if words and words[-1].head == "for":  # a way for a friend to call
                run = words[-1].run
                words[:] = [word._replace(head="") if word.run == run else word for word in words]
            self._root()
        else:
            self._govern(SAME_HEAD.get(norm, norm))

    def _govern(self, norm: str) -> None:
        self.awaits_actor = False
        self._break(is_marked=True)
        self.head = norm
        if norm in ROLE_WORDS:
            self.reading.roles.append(norm)

    def _person(self, norm: str, raw: str, _: str) -> None:
        person = PERSONS[norm]
        self.is_fresh = False  # I can: no question
        self.reading.persons.append(person)
        if (
            person == "i"
            and norm in CASES
            and CASES[norm] == "subject"
            and len(self.reading.words) == self.clause_start
        ):
            self.reading.asker = "i"
        if norm in CASES:
            self.reading.cases.append(f"{person} as {CASES[norm]}")
        self.has_subject |= CASES.get(norm) == "subject" or (norm == "you" and not self.head)
        if norm in _RECEIVERS and self.head in _TOWARD:
            self.reading.toward.add(f"{self.head} {norm}")
        self._break(is_marked=True)
        if self.is_asking:
            self._follow_question()
        if norm in POSSESSIVE:
            self.which = "my" if person == "i" else ""
        else:
            self._act(person)
        if person in ("he", "she"):
            self._add(person, raw)
            self._break()


# What is done with a word that is no content. A word of several classes is of the last.
_DEALING: Final[dict[str, Callable[[Walk, str, str, str], None]]] = {
    word: deal
    for deal, words in (
        (Walk._need, MUST),
        (Walk._light, LIGHT),
        (Walk._pointing, POINTING),
        (Walk._empty, _EMPTY),
        (Walk._somebody, GENERIC),
        (Walk._article, ARTICLES),
        (Walk._one, frozenset(("one",))),
        (Walk._person, frozenset(PERSONS)),
        (Walk._head, HEADS),
        (Walk._join, frozenset(("and", "or", "vs", "versus"))),
        (Walk._question, _ASKING),
        (Walk._negation, NEGATIONS),
        (Walk._auxiliary, AUXILIARIES | BE),
    )
    for word in words
}


def _is_verb(word: str) -> bool:
    """Return whether `to` before this word opens an infinitive."""
    return parts_of_speech(stem(word)).startswith("v") or word in AUXILIARIES or word in BE


def _stays_light(word: str, is_behind: bool) -> bool:
    """Return whether a soft stem may stand alone; a noun behind another is what the whole is: an order *number*."""
    return not (is_behind and _is_noun(word) and word not in PLACES)


def _is_soft_noun(word: Word) -> bool:
    return word.light and _is_noun(word.stem) and word.stem not in _MODIFYING


def _is_noun(word: str) -> bool:
    return parts_of_speech(word)[:1] == "n"
