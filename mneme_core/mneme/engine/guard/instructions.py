"""Whether what two requests ask of the same material is the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from mneme.engine.canonical import canonical_text
from mneme.engine.guard.imperatives import COURTESY, VERB, is_request, sentences
from mneme.engine.guard.material import NAMES, Task

MATERIAL: Final = "thematerial"
"""The word for the material in what is asked of it."""
_GENERIC: Final = r"(?:text|passage|excerpt|snippet|content|input|sentence|paragraph)"
BARE: Final = (
    r"(?=\s*(?:$|[.,:;?!])|\s+(?:in|into|to|as|and|while|for|using|with|without|so|more|less|by|is|are|mean|say|from|at"
    r"|than|or|if|on|about|contains?|mentions?|needs?|have|has|looks?|sounds?|makes?|includes?|violates?|expresse?s?|does|do"
    r"|prints?|works?|refers?|matche?s?)\b)"
)


class _Foldings:
    """What is written instead of what, one after the other, whatever the case."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = [(re.compile(pattern, re.IGNORECASE), by) for pattern, by in pairs]

    def __call__(self, text: str) -> str:
        for pattern, by in self._pairs:
            text = pattern.sub(by, text)
        return text


_BELOW: Final = _Foldings(
    (rf"\b(?:the|this|these) following(?: below)?{BARE}", MATERIAL),
    (r"\bthe following (?=\w)", "the "),
    (r"\b(the(?: [\w']+){1,3}) below\b", r"\1"),
)
_ABOVE: Final = _Foldings((r"\b(the(?: [\w']+){1,3}) above\b", r"\1"), (r"\bthe above (?=\w)", "the "))
_SOME_TEXT: Final = re.compile(rf"\b(?:the|this|these) {_GENERIC}s?(?='|{BARE})", re.IGNORECASE)
_BARE_THIS: Final = re.compile(rf"\b(?:this|these){BARE}", re.IGNORECASE)
_THIS: Final = re.compile(r"\b(?:this|these) (?=[a-z])", re.IGNORECASE)
_FROM: Final = re.compile(rf"\bfrom ((?:the|an?) (?:{NAMES})|{MATERIAL})\b", re.IGNORECASE)
# What goes on from where the material ends depends on what it is: a sentence, a text.
_GROWING: Final = re.compile(r"\b(?:continu|complet|expand|extend|finish|elaborat|count|how many|split)", re.IGNORECASE)
_THANKS: Final = re.compile(
    r"[,.!?]?\s*\b(?:please|for me|for us|thanks|thank you|thanks in advance|cheers)[.!?]*$", re.IGNORECASE
)
_COURTESY: Final = re.compile(COURTESY, re.IGNORECASE)
_IMPERATIVE: Final = re.compile(rf"{VERB}\b", re.IGNORECASE)
_SAID: Final = re.compile(
    r"^(explain|describe|tell|give|show|name|list|define|provide|suggest|recommend|contrast)\b", re.IGNORECASE
)
"""Verbs that open a question as `what is` does, and in an instruction say what to do."""
# How something is to be done, which may be said before or after what: answer in one word.
_MANNER: Final = re.compile(
    r"(?:be|keep|use|avoid|do not|don't|never|only|answer|reply|respond|return|output|limit|include|mention)\b",
    re.IGNORECASE,
)
_MOST_REWORDED: Final = 8
_COUNTED: Final = r"(?:words?|characters?|sentences?|lines?|letters?|tokens?|bullets?|bullet points?|paragraphs?)\b"
_NUMBER: Final = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty)"
_MAKE: Final = r"^(?:give|write|provide|create|make|produce|draft)(?: me)? "
_REWORDED: Final = _Foldings(
    (r"\be-mail", "email"),
    (r"^i(?:'d| would) like (?=an? )|^i (?:need|want) (?=an? )", "give "),
    (
        r"^translate (the following|this|the|these) (?-i:([A-Z]\w+)) (\w+) (?:in)?to ",
        r"translate \1 \3 from \2 to ",
    ),
    (rf"\b(?:a )?max(?:imum)?\.?(?: of)? (?={_NUMBER} {_COUNTED})", "at most "),
    (rf"\bno (?:longer|more) than (?={_NUMBER} {_COUNTED})", "at most "),
    (rf"\b({_NUMBER}) ({_COUNTED}) (?:or (?:fewer|less)|at most|max(?:imum)?)\b", r"at most \1 \2"),
    (rf"\b(?:under|less than) (?={_NUMBER} {_COUNTED})", "fewer than "),
    (rf"\b(?:this|these|the|the following) ({_NUMBER})-(\w+)", r"the \1long\2"),
    (rf"\b({_NUMBER})-(word|sentence|line|paragraph|bullet|character|day|week|month|year|page|step)\b", r"\1 \2"),
    (rf"\b(?:about|roughly|approximately|around|circa) (?={_NUMBER}\b)", "nearabout "),
    (rf"\b({_NUMBER})-year-old\b", r"\1 yearsold"),
    (r"\bevery (?=[a-z]+\b)(?!\w+ (?:days?|hours?|weeks?|months?|years?|minutes?))", "all "),
    (r"\ball (?:of )?the ", "all "),
    (r"\bin (alphabetical|chronological|numerical) order\b", r"\1ly"),
    (r"\ba single (?=(?:word|sentence|line|paragraph)\b)", "1 "),
    (r"\bone (?!of\b)", "1 "),
    (r"\bone of (?:these|the following|the) (?:categories|labels|classes|options|values)\b", "one of"),
    (r"\blike i(?:'m| am) (?:five|5)\b", "like afiveyearold"),
    (r"\bfor an? (child|layman|beginner)\b", r"for reader\1"),
    (r"\bvery ", "veryvery "),
    (r"\bsome (?!of\b)", "certainsome "),
    (r"^(give|tell|show|write|find|make|list|draft|suggest|name) me ", r"\1 "),
    (r"^only (answer|output|reply|respond|return)\b", r"\1 only"),
    (r"^use (.+) to (answer .+)$", r"\2 using \1"),
    (r"\b(?:an?|the) (\w+) (?:named|called) (?-i:(?=[A-Z]))", r"the \1 "),
    (rf"{_MAKE}a (bulleted|numbered) list of (.+)$", r"list \2 as a \1 list"),
    (rf"{_MAKE}a summary of ", "summarise "),
    (rf"{_MAKE}an? ({_NUMBER}) (word|sentence|line|paragraph) summary of (.+)$", r"summarise \3 in \1 \2"),
    (rf"{_MAKE}(?:a|the) translation of ", "translate "),
    (r"\bas (?!well\b|soon\b|long\b|much\b|many\b|if\b)", "actas "),
)
# Where in the sentence it is said what the material is, and how.
_THE_MATERIAL: Final = rf"(?:the (?:[\w'-]+ ){{0,2}}(?:{NAMES}|facts?|notes?|(?:bullet )?points|details)|{MATERIAL})"
_PLAIN: Final = r"(?:the |an? )?[\w-]+(?: (?!(?:in|of|for|from|to|with|and|as|on|by|that|which|only)\b)[\w-]+){0,2}"
_GIVE: Final = "(return|output|answer|reply|respond|give)"
_WRITE: Final = "(?:write|plan|make|create|generate|draft|compose|prepare|suggest)"
_PLACED: Final = _Foldings(
    (rf"^((?:from|in|using|based on|given|according to) the [\w' -]{{3,40}}), (?=({VERB}\b.*)$).*", r"\2 \1"),
    (rf"^((?:doing)?{_WRITE}\b.*) (?:from|based on|using) (?={_THE_MATERIAL}$)", r"\1 using "),
    (rf"^(?:make|create|generate) (?=(?:an?|{_NUMBER}) )", "create "),
    (rf"^(doingexplain {_THE_MATERIAL}) to me$", r"\1"),
    (rf"\bthat ({_THE_MATERIAL}) (mention|contain)s\b", r"\2ed in \1"),
    (r",? and (?:return|output) (?:them|it|the results?) (?=actas )", " "),
    (rf"^{_GIVE}( with| in)? (?:only|just|nothing but) ({_PLAIN})$", r"\1\2 \3 only"),
    (rf"^{_GIVE} (?:only|just)( with| in)? ({_PLAIN})$", r"\1\2 \3 only"),
    (rf"^{_GIVE}( with| in)? ({_PLAIN}),? (?:and )?nothing else$", r"\1\2 \3 only"),
    (rf"^(?:return|output|answer with|reply with|respond with) ({_PLAIN}) only$", r"output \1 only"),
    (r"^(?:reply|respond) (?=with |in )", "answer "),
    (r"\bso (?:that )?(?:its|the) tone is ([a-z]+)$", r"in a \1 tone"),
)
_MOVED: Final = re.compile(rf"^(.*?) in ({_THE_MATERIAL})\b(?= \w)(.*)$", re.IGNORECASE)
_INTRODUCED: Final = re.compile(
    rf"(?:here is|here are|this is|below is|given|consider|read)(?: the following| an?| the| this| these)? {NAMES}"
    "|tasks?|instructions?",
    re.IGNORECASE,
)
"""What says no more than that the material follows."""
# Behind an instruction that may be the first line of the material.
_TO_SOMEONE: Final = re.compile(r"(?:can|could|would|will|do|did|are|have) you\b", re.IGNORECASE)
_FINDING: Final = re.compile(r"(?:doing)?(?:extract|identify|list|find|get|collect)\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(rf",? and (?:please )?(?={VERB}\b)", re.IGNORECASE)
_GENITIVE: Final = re.compile(
    rf"\b(the (?:[a-z]+ )?[a-z]+|{MATERIAL})'s"
    rf" ([a-z]+(?: and (?!{VERB}\b)[a-z]+(?=$|[.,;:?!]| (?:in|as|into|to|with)\b))?)\b"
)
_CODE: Final = r"(?:code|function|snippet|script|program|class|query|loop|file|method)\b"
_CODED: Final = re.compile(r"\b(?:code|function|script|program|method|class|api|endpoint|sql|query)\b", re.IGNORECASE)
_RESULT: Final = re.compile(r"(?:return|output) (?:them|it|the results?) (?=actas )", re.IGNORECASE)


Asked: TypeAlias = tuple[str, bool]
"""A sentence, and whether it may be worded otherwise."""


def told_apart(a: Task, b: Task, is_same: Callable[[str, str], bool]) -> tuple[str, str] | None:
    """Return what two requests of the same material ask differently; None where they ask the same.

    is_same: whether two sentences say the same by the guard's rules. What is no request, but a statement in the midst
    of the instruction, must be equal.
    """
    ours, theirs = _folded(a), _folded(b)
    apart = _told_apart(ours, theirs, is_same)
    return apart and _told_apart(_clauses(ours), _clauses(theirs), is_same)


def _told_apart(
    ours: Sequence[Asked], theirs: Sequence[Asked], is_same: Callable[[str, str], bool]
) -> tuple[str, str] | None:
    ours, theirs = _without_lone_material(ours, theirs)
    left, right = unshared([text for text, _ in ours], [text for text, _ in theirs])
    shown = " ".join(left)[:60], " ".join(right)[:60]
    free = {text for text, is_free in (*ours, *theirs) if is_free}
    if len(left) != len(right) or not free.issuperset((*left, *right)):
        return shown
    partners = _partners(left, right, is_same)
    if partners is None:
        return shown
    order = [partners.get(text) or _plain(text) for text, _ in ours if not _MANNER.match(text)]
    there = [text if text in right else _plain(text) for text, _ in theirs if not _MANNER.match(text)]
    return None if order == there else ("order: " + " ".join(order)[:50], " ".join(there)[:50])


def unshared(a: Sequence[str], b: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the sentences of either text that are not among those they share, in order."""
    common = Counter(map(_plain, a)) & Counter(map(_plain, b))
    return _without(a, Counter(common)), _without(b, common)


def _without(texts: Sequence[str], common: Counter[str]) -> list[str]:
    left = []
    for text in texts:
        plain = _plain(text)
        if common[plain]:
            common[plain] -= 1
        else:
            left.append(text)
    return left


def _plain(text: str) -> str:
    return canonical_text(text).rstrip(" .:;!?")


def _partners(left: list[str], right: list[str], is_same: Callable[[str, str], bool]) -> dict[str, str] | None:
    """Return the sentence of the other text that says the same as each; None where one has none."""
    if len(left) > _MOST_REWORDED:
        return None
    waiting, partners = list(right), {}
    for text in left:
        match = next((other for other in waiting if is_same(text, other)), None)
        if match is None:
            return None
        waiting.remove(match)
        partners[text] = match
    return partners


def _folded(task: Task) -> list[Asked]:
    """Return the sentences of what is asked, with what is peculiar to instructions folded, and whether each is free
    to be worded otherwise."""
    found: list[Asked] = []
    for piece in task.asked:
        for number, sentence in enumerate(sentences(piece.text)):
            is_free = is_request(sentence) and not (number and _TO_SOMEONE.match(sentence))
            text = _fold(sentence, task)
            if text and not (len(task.blocks) == 1 and _INTRODUCED.fullmatch(text)):
                if _RESULT.match(text) and found and _FINDING.match(found[-1][0]):
                    text = f"{found.pop()[0]} {_RESULT.sub('', text)}"
                found.append((text, piece.is_question or is_free))
    return found


def _clauses(asked: Sequence[Asked]) -> list[Asked]:
    """Return what is asked with two instructions of one sentence as two."""
    return [(clause, is_free) for text, is_free in asked for clause in _CLAUSE.split(text)]


def _fold(sentence: str, task: Task) -> str:
    text = _COURTESY.sub("", " ".join(sentence.split()), count=1)
    is_imperative = _IMPERATIVE.match(text) is not None
    if is_imperative or len(text) < 30:
        text = _THANKS.sub("", text)
    text = text.rstrip(" .:;!" + ("?" if is_imperative else ""))
    text = _SAID.sub(r"doing\1", _REWORDED(text), count=1)
    if len(task.blocks) == 1:
        tag = re.escape(task.blocks[0].tag)
        if tag:
            text = re.sub(rf"\b(the|this|following|these) {tag} (?={_CODE})", r"\1 ", text, flags=re.IGNORECASE)
        text = _without_pointers(text, task)
        text = text if any(_CODED.search(piece.text) for piece in task.asked) else _placed(text)
    return _GENITIVE.sub(r"the \2 of \1", text)


def _without_pointers(text: str, task: Task) -> str:
    """Return what is asked with the words that point to the material left out, or replaced by one word."""
    text = _BELOW(text) if task.is_below else text
    text = _ABOVE(text) if task.is_above else text
    if not _GROWING.search(text):
        text = _SOME_TEXT.sub(MATERIAL, text)
    return _THIS.sub("the ", _BARE_THIS.sub(MATERIAL, text))


def _placed(text: str) -> str:
    """Return what is asked with what is said of the material in one place and one form."""
    text = _PLACED(text)
    if not _FINDING.match(text):
        return text
    text = _FROM.sub(r"in \1", text)
    return _MOVED.sub(r"\1\3 in \2", text)


def _without_lone_material(a: Sequence[Asked], b: Sequence[Asked]) -> tuple[Sequence[Asked], Sequence[Asked]]:
    """Say `this` for the material where the other text does not name it: translate to French."""
    counts = [sum(text.count(MATERIAL) for text, _ in pieces) for pieces in (a, b)]
    if counts[0] == counts[1] or 0 not in counts:
        return a, b
    return [(text.replace(MATERIAL, "this"), free) for text, free in a], [
        (text.replace(MATERIAL, "this"), free) for text, free in b
    ]
