"""What a text asks: its content words with their roles, and the marks of question, tense, modality and person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Word(NamedTuple):
    """A content word in its place."""

    stem: str
    raw: str
    head: str
    """The preposition or conjunction that governs it, empty at the root of the sentence."""
    run: int
    """Words that stand together, with nothing between them, have the same number."""
    joined: bool = False
    """Whether `and`, `or` or `versus` stands before it."""
    opens: bool = False
    """Whether it is the first word of a sentence, which has a capital letter whatever it is."""
    light: bool = False
    """Whether it may stand alone on one side."""
    which: str = ""
    """`my`, `the` or `this`, where that opens the phrase it stands in."""


SOMEONE: Final = "someon"
"""The stem of every word for anybody: somebody, people, a person."""


@dataclass(slots=True)
class Reading:
    """A text as the guard understands it."""

    words: list[Word] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    """Prepositions and conjunctions that say something by themselves: from, than, if."""
    asks: set[str] = field(default_factory=set)
    """Question words and frames; `yesno` or `what` where there is none."""
    modals: list[str] = field(default_factory=list)
    tenses: set[str] = field(default_factory=set)
    persons: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    """`i as subject`, `i as object`: what tells who follows me from whom I follow."""
    asker: str = ""
    """Who is to do it: `i`, `you` or `someone`; empty where the text does not say."""
    actor: str = ""
    """Who does it, where an auxiliary tells: does my *daughter* use it, do *I*; nouns as they are written."""
    bearer: str = ""
    """Who is it: is my *daughter* insured, am *I*."""
    undergone: set[str] = field(default_factory=set)
    """Stems of what is done to somebody, not by him: I am charged, I get paid."""
    toward: set[str] = field(default_factory=set)
    """Whom something goes to or comes from: `to me`."""
    sequence: tuple[str, ...] = ()
    """Every word as written, in order, lower case, without punctuation: what two spellings of one text share."""
    stems: tuple[str, ...] = ()
    """The stems of all words in order: what a text looks like."""
    phrased: list[str] = field(default_factory=list)
    """The words in order, with phrases replaced by what they mean."""
    payload: str = ""
    """What the text wants something done with, where it says so in quotes or after a colon."""
    has_be: bool = False
    """Whether a form of to be or to get stands in it, so that -ed makes a passive and -ing goes on now."""
    is_code: bool = False
    is_readable: bool = True
    recalls: int | None = None
    """Where the verb stands whose object is the sentence before it."""
    is_possessive: bool = False
    """Whether a thing may be somebody's in it: an apostrophe."""
    is_floating: bool = False
    """Whether a negation is fused with an auxiliary, so that its place says nothing."""
