"""How a request is told from the material that it is about."""

from __future__ import annotations

import re
from typing import Final

from mneme.engine.guard.words import word_set

# Verbs in which a request says what is to be done. Not those that are as well what a note or a letter begins with.
_VERBS: Final = """add analyse analyze annotate anonymise anonymize answer apply arrange assess assign avoid be
    brainstorm build calculate categorise categorize change check choose classify clean combine compare compile
    complete compose compute condense continue contrast convert copy correct count create critique debug decide
    deduplicate define derive describe design detect determine discuss divide don't draft echo edit enumerate
    estimate evaluate expand explain express extract fill filter find fix flag format generate give grade guess
    highlight identify implement improve include infer interpret invent judge keep label limit list make mention
    merge multiply name normalise normalize number optimise optimize outline output paraphrase parse pick plan
    polish predict produce proofread propose provide put quote rank rate read recap recommend redact refactor
    refine reformat remove repeat rephrase replace reply respond restate return reverse review revise reword
    rewrite round say score select shorten show simplify solve sort split spot state subtract suggest sum
    summarise summarize tag tell tidy transcribe transform translate turn use validate verify write"""
VERB: Final = "(?:do not|" + "|".join(sorted({*_VERBS.split()}, key=len, reverse=True)) + ")"
_OPENERS: Final = word_set(f"{_VERBS} do hi hello hey please kindly can could would will i i'd your")
_ASKING: Final = (
    "(?:what|who|whose|whom|when|where|why|how|which|is|are|was|were|am|do|does|did|can|could|should|would|will|has|have"
    "|must|may|shall)"
)
COURTESY: Final = (
    r"(?:(?:hi|hello|hey)(?: there)?[ ,!.]+|please,? |kindly |(?:can|could|would|will) you (?:please )?(?:help me )?"
    rf"(?=(?:please )?{VERB}\b)|i (?:want|need|would like) you to |i'd like you to |your (?:task|job) is to "
    r"|(?:task|instructions?): )*"
)
_REQUEST: Final = re.compile(
    rf"{COURTESY}(?:(?:in|from|for|with|on|based|according|using)\b[^.:\n]*, )?(?:{VERB}|{_ASKING})\b(?![:'])",
    re.IGNORECASE,
)
_IMPERATIVE: Final = re.compile(rf"\s*{COURTESY}{VERB}\b(?![:'])", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"(?<=[.?!:])[\"”)]?\s+|\n+")
_PERSONA: Final = re.compile(r"(?:you are|you're|act as|imagine you are)\b", re.IGNORECASE)
_INTRODUCTION: Final = re.compile(
    r"(?:given|consider|here (?:is|are)|this is|these are|below (?:is|are)|look at)\b[^\n]*:$", re.IGNORECASE
)
_AHEAD: Final = re.compile(r"\b(?:below|the following)\b|:$", re.IGNORECASE)
_POINTER: Final = re.compile(r"\b(?:this|these|below|above|the following)\b|:$", re.IGNORECASE)

# What is done with the wording itself, so that no word may be another.
_ON_WORDS: Final = re.compile(
    r"translat|classif|rephras|rewrit|reword|grammar|spell|proofread|correct|paraphras|summari|extract|detect|sentiment"
    r"|intent|convert|repeat|\blabel (?:the|it|each|every)|\btag|moderat|categor|editor|transcri|encod"
    r"|\bcount|grad(?:e|ing)|polite(?:ness)?\?|tone of|synonym|tokeni|keyword|echo|quote|parrot|analy[sz]",
    re.IGNORECASE,
)

# Where the order of what is listed is itself asked for.
_ORDERED: Final = re.compile(
    rf"^{VERB} and {VERB}\b"
    r"|\b(?:csv|tsv|columns?|sort|order|rank|keys?|fields?|headers?|table|rows?|format|array|schema|prefix|append|steps?)\b",
    re.IGNORECASE,
)


def works_on_words(text: str) -> bool:
    """Return whether what `text` says is done with the wording of what stands beside it."""
    return _ON_WORDS.search(text) is not None


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, and what stands before a colon as one."""
    return [part for part in _SENTENCE.split(text.strip()) if part.strip()]


def is_request(text: str) -> bool:
    """Return whether a sentence of `text` asks for something, or asks something."""
    return any(_REQUEST.match(part) or part.endswith(("?", "?:")) for part in sentences(text))


def says_what_to_do(sentence: str) -> bool:
    """Return whether a sentence tells a model what it is, or what to do."""
    return _PERSONA.match(sentence) is not None or _REQUEST.match(sentence) is not None or "you " in sentence.lower()


def opens_with_verb(text: str) -> bool:
    """Return whether `text` begins, but for courtesy, with what is to be done."""
    first, _, _ = text.partition(" ")
    return first.lower().rstrip(",.!") in _OPENERS and _IMPERATIVE.match(text) is not None


def leads(text: str) -> bool:
    """Return whether the first sentence of `text`, but for who is asked, asks for something."""
    first = next((part for part in sentences(text) if not is_persona(part)), "")
    return _REQUEST.match(first) is not None or first.endswith(("?", "?:"))


def is_persona(text: str) -> bool:
    """Return whether `text` begins by saying who is asked."""
    return _PERSONA.match(text.strip()) is not None


def is_introduction(text: str) -> bool:
    """Return whether a line says no more than that something follows."""
    return _INTRODUCTION.match(text.strip()) is not None


def points(text: str) -> bool:
    """Return whether `text` points to something outside it."""
    return _POINTER.search(text.strip()) is not None


def points_ahead(text: str) -> bool:
    """Return whether `text` points to what stands behind it."""
    return _AHEAD.search(text.strip()) is not None


def is_filled(line: str) -> bool:
    """Return whether behind a colon in a line stands something that is not asked."""
    _, _, rest = line.partition(": ")
    return bool(rest.strip()) and not leads(rest)


def is_ordered(text: str) -> bool:
    """Return whether the order of what an instruction lists may be asked for."""
    return _ORDERED.search(text) is not None or (" and " in text and any(map(str.isdigit, text)))
