"""What tells two requests apart, be they sentences or tasks that carry their material."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mneme.engine.guard.compare import SAME, Comparison
from mneme.engine.guard.compare import compare as compare_sentences
from mneme.engine.guard.difference import Difference
from mneme.engine.guard.imperatives import opens_with_verb, points, sentences, works_on_words
from mneme.engine.guard.instructions import told_apart, unshared
from mneme.engine.guard.labels import unlabelled
from mneme.engine.guard.material import Block, Piece, Task, may_hold_material, task_of
from mneme.engine.guard.sureness import is_surely_same

_SHARED: Final = 12
"""Texts that have a sentence in common at either end have as many characters there."""
_ENDS: Final = (". ", "? ", "! ", "\n")
_MOST: Final = 3
"""From as many times the length of the rest on, the cosine of two texts is that of what they share."""
_MOST_ALONE: Final = 2
_WORDED: Final = frozenset(("word", "number", "comparison", "order", "question", "format", "quantifier"))
_NEUTRAL: Final = frozenset(("", "text", "txt", "plaintext", "log", "console"))
_QUOTES: Final = re.compile("[\"'`“”«»‘’]")
# What is asked for where a full stop at the end of the material counts, and where quotation marks around it do.
_TO_THE_STOP: Final = re.compile(
    r"punctuat|full stop|period|comma|grammar|proofread|correct|fix|edit|error|character|letter|length|count|revers"
    r"|how (?:many|long)|encod|decod|hash|regex|regular|exact|verbatim|repeat|quote|\bends?\b|last|continue|complete"
    r"|token|evaluat|comput|calculat|print|run|execut|pars|convert",
    re.IGNORECASE,
)
_TO_THE_QUOTES: Final = re.compile(
    r"character|count|length|how (?:many|long)|revers|hash|encod|quot|punctuat|token"
    r"|(?:what|which) types?\b|expression|evaluat|python|script\b|literal|\bsql\b|\bshell|\bcode\b|syntax|regex|regular"
    r"|escap|variable|\bvalid|(?<!of )\bstrings?\b|\bprints?\b|markdown|\bmd\b|pars(?:e|ing)|docstring|\brun\b|execut"
    r"|comput|command|(?:this|following|these) (?:json|ya?ml|csv|toml|html|xml)|verbatim|repeat|echo|exact(?:ly)? as",
    re.IGNORECASE,
)


def differences(a: str, b: str) -> tuple[Difference, ...]:
    """Return what may make the answers to `a` and `b` differ; nothing where one may stand for the other.

    Every content word of either text must have a partner in the other, in the same role; questions, negations,
    numbers, modality, tense and person must agree; material that the texts carry must be equal. In doubt there is a
    difference. Never raises; linear in the length; sentences of more than 4,096 characters or 256 words differ unless
    they are the same.
    """
    return compare(a, b).differences


def compare(a: str, b: str) -> Comparison:
    """Return the differences of two texts, and the counts that say how much `wording` they are."""
    if a == b:
        return SAME
    if b < a:  # one direction alone is computed, so that the verdict is the same in both
        return compare(b, a).turned()
    is_marked = may_hold_material(a) or may_hold_material(b)
    first, second = (task_of(a), task_of(b)) if is_marked else (None, None)
    if first is not None and second is not None:
        return _of_tasks(first, second)
    found = _sharing(a, b) or compare_sentences(a, b)
    if is_marked:
        is_asked = points(a) or points(b) or (opens_with_verb(a) and opens_with_verb(b))
        is_doubtful = not found.forbids and is_asked and _words(a) != _words(b)
        is_kept = (_stands_in(first, b) or _stands_in(second, a)) and _may_be_quoted_otherwise(a, b)
        return Comparison((Difference("payload", a[:60], b[:60]),)) if is_doubtful and not is_kept else found
    if opens_with_verb(a) and opens_with_verb(b) and _may_be_wording(found):
        return SAME if _are_one_instruction(a, b) else found
    return found


def _stands_in(task: Task | None, text: str) -> bool:
    """Return whether the material of a task is in a text to the letter."""
    return task is not None and all(block.text in text for block in task.blocks)


def _may_be_quoted_otherwise(a: str, b: str) -> bool:
    return _QUOTES.findall(a) == _QUOTES.findall(b) or not (_TO_THE_QUOTES.search(a) or _TO_THE_QUOTES.search(b))


def _of_tasks(first: Task, second: Task) -> Comparison:
    apart = _materials(first, second) or told_apart(first, second, is_surely_same)
    return SAME if apart is None else Comparison((Difference("payload", *apart),))


def _may_be_wording(found: Comparison) -> bool:
    """Return whether two instructions that differ may do so in no more than what is peculiar to instructions."""
    if sum(found.alone) > _MOST_ALONE or not found.forbids:
        return False
    return all(each.kind in _WORDED and not _replaces(each) for each in found.differences)


def _replaces(found: Difference) -> bool:
    """Return whether one text has a word of content where the other has another: a list, a table."""
    return found.kind in ("word", "format") and bool(found.a and found.b)


def _are_one_instruction(a: str, b: str) -> bool:
    def is_same(one: str, other: str) -> bool:
        is_unfolded = a.startswith(one) and b.startswith(other)  # which has been compared
        return not is_unfolded and is_surely_same(one, other)

    first, second = (Task((Piece(text),), ()) for text in (a, b))
    return told_apart(first, second, is_same) is None


def _words(text: str) -> list[str]:
    return text.casefold().rstrip(" .?!\n").split()


def _sharing(a: str, b: str) -> Comparison | None:
    """Return what tells two texts apart that have most sentences in common, by the rest; None where they have not.

    What is common has every word that a question can be asked by, and its length makes every cosine high.
    """
    if (a[:_SHARED] != b[:_SHARED] and a[-_SHARED:] != b[-_SHARED:]) or not any(end in a for end in _ENDS):
        return None
    ours, theirs = sentences(a), sentences(b)
    left, right = unshared(ours, theirs)
    if len(left) == len(ours) or not (left and right):
        return None
    one, other = " ".join(left), " ".join(right)
    is_on_words = works_on_words(" ".join({*ours} - {*left}))
    if not is_on_words and len(a) + len(b) < _MOST * (len(one) + len(other)):
        return None
    if is_surely_same(one, other) and not is_on_words:
        return SAME
    found = [replace(each, force="always") for each in compare_sentences(one, other).differences]
    return Comparison(tuple(found) or (Difference("word", one[:60], other[:60]),))


def _materials(first: Task, second: Task) -> tuple[str, str] | None:
    """Return both sides of what differs in the material, None where it is equal."""
    if len(first.blocks) != len(second.blocks):
        return f"{len(first.blocks)} pieces", f"{len(second.blocks)} pieces"
    for one, other in _pairs(first, second):
        is_equal = one.text == other.text
        if not is_equal and not _mention(_TO_THE_STOP, first, second):
            is_equal = _without_stop(one) == _without_stop(other)
        if not is_equal:
            return one.text[:60], other.text[:60]
        if one.is_quoted != other.is_quoted and _mention(_TO_THE_QUOTES, first, second):
            return ("quoted", "not quoted") if one.is_quoted else ("not quoted", "quoted")
        is_told = (one.label and other.label) or _tells(one.label or other.label, first, second)
        if one.label != other.label and (len(first.blocks) > 1 or is_told):
            return one.label, other.label
        if not (_is_named(one.tag, other, second) and _is_named(other.tag, one, first)):
            return one.tag, other.tag
    return None


def _pairs(first: Task, second: Task) -> list[tuple[Block, Block]]:
    """Return the blocks side by side, without a label that one of them alone has."""
    pairs = list(zip(first.blocks, second.blocks, strict=True))
    if len(pairs) != 1 or pairs[0][0].text == pairs[0][1].text:
        return pairs
    bare = tuple(unlabelled(each, first, second) for each in pairs[0])
    return [(bare[0], bare[1])]


def _tells(label: str, *tasks: Task) -> bool:
    """Return whether a label says what is asked: is this an email, is this email from a customer."""
    whose, _, kind = label.rpartition(" ")
    of_whom = rf"|\b{re.escape(whose)}s?\b(?!(?:'s)? {re.escape(kind)})" if whose else ""
    return bool(label) and _mention(re.compile(rf"(?i)\b(?:an?|or) (?:\w+ )?{re.escape(kind)}\b{of_whom}"), *tasks)


def _without_stop(block: Block) -> str:
    return block.text if "\n" in block.text or block.tag else block.text.removesuffix(".")


def _mention(pattern: re.Pattern[str], *tasks: Task) -> bool:
    return any(pattern.search(piece.text) for task in tasks for piece in task.asked)


def _is_named(tag: str, other: Block, task: Task) -> bool:
    """Return whether the language of a fence is that of the other, or what is asked of the other names it."""
    return (
        tag in _NEUTRAL
        or tag == other.tag
        or (not other.tag and _mention(re.compile(rf"(?i)\b{re.escape(tag)}\b"), task))
    )
