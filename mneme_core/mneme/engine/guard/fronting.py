"""What was put in front for emphasis, put back where it stands otherwise: without a key, how do I open it."""

from __future__ import annotations

from typing import Final

from mneme.engine.guard.inflection import stem
from mneme.engine.guard.thesaurus import parts_of_speech
from mneme.engine.guard.tokens import Token
from mneme.engine.guard.words import AUXILIARIES, BE, HEADS, NEGATIONS, QUESTIONS, word_set

_ENDS: Final = frozenset(".?!。？！")
_PAUSES: Final = frozenset(",;:")
_MOST: Final = 8
"""Words in front, at most: more are a sentence of their own."""
# What governs a sentence, not a phrase: it is put back where a comma shows its end.
_CLAUSES: Final = word_set(
    "if whether when while whilst because unless although despite before after until till since than of"
)
# Comparisons told from the lesser side: A is shorter than B, B is longer than A.
_TURNED: Final = {
    lesser: greater.split()
    for lesser, greater in {
        "shorter": "longer",
        "lighter": "heavier",
        "younger": "older",
        "smaller": "bigger",
        "cheaper": "more expensive",
        "slower": "faster",
        "lower": "higher",
        "weaker": "stronger",
        "worse": "better",
        "colder": "hotter",
        "thinner": "thicker",
        "poorer": "richer",
    }.items()
}
# Verbs that say the same of a thing with and without a doer unnamed: how are they formed, how do they form.
_BY_THEMSELVES: Final = {
    "formed": "form",
    "started": "start",
    "begun": "begin",
    "developed": "develop",
    "spread": "spread",
    "broken": "break",
    "melted": "melt",
    "frozen": "freeze",
    "ended": "end",
}


_ADVISING: Final = [["do", "you", word] for word in ("recommend", "suggest", "advise")]
_JUDGING: Final = word_set(
    "safe legal illegal ok okay bad harmful dangerous possible allowed healthy worth rude normal"
)


def straight(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a text in the order and voice in which most people would put it."""
    said = {token.norm for token in tokens}
    for rule, word in _BY_WORD:
        if word in said:
            tokens = rule(tokens)
    for rule in (_asked_for_advice, _offered, _as_infinitive, _by_itself, _from_above):
        tokens = rule(tokens)
    return unfronted(tokens)


def _left_over(tokens: list[Token]) -> list[Token]:
    """Return `check how much of my data is left` as `check my remaining data`."""
    at = next((at for at, token in enumerate(tokens) if at and token.norm == "much"), 0)
    if at < 2 or tokens[at - 1].norm != "how" or at + 4 >= len(tokens):
        return tokens
    end = len(tokens) - (tokens[-1].shape == "boundary")
    said = [token.norm for token in tokens[at + 1 : end]]
    if len(said) > _MOST or said[-1] not in ("left", "remaining") or said[-2] != "is" or said[0] != "of":
        return tokens
    owner = at + 2 + (said[1] in ("my", "the", "our"))
    return [
        *tokens[: at - 1],
        *tokens[at + 2 : owner],
        Token("remaining", "remaining", "word"),
        *tokens[owner : end - 2],
        *tokens[end:],
    ]


def _measured_once(tokens: list[Token]) -> list[Token]:
    """Return `from 50 Mbit to 100 Mbit` as `from 50 to 100 Mbit`."""
    numbers = [at for at, token in enumerate(tokens) if token.shape == "number"]
    if len(numbers) != 2 or numbers[1] - numbers[0] != 3 or numbers[1] + 1 >= len(tokens):
        return tokens
    unit = numbers[0] + 1
    is_same = tokens[unit].shape == "word" and tokens[unit].norm == tokens[numbers[1] + 1].norm
    is_range = tokens[unit + 1].norm in ("to", "and")
    return [*tokens[:unit], *tokens[unit + 1 :]] if is_same and is_range else tokens


def _named_apart(tokens: list[Token]) -> list[Token]:
    """Return `A vs B` as `what is difference between A and B`."""
    said = [token.norm for token in tokens]
    at = next((at for at, norm in enumerate(said) if norm in ("vs", "versus")), 0)
    if not at or len(tokens) > _MOST or any(_opens(token) or token.norm in HEADS for token in tokens):
        return tokens
    words = [Token(word, tokens[at].raw, "word") for word in ("what", "is", "difference", "between", "and")]
    return [*words[:4], *tokens[:at], words[4], *tokens[at + 1 :]]


# Rules that nothing is there for without a word.
_BY_WORD: Final = (
    (_left_over, "much"),
    (_measured_once, "to"),
    (_measured_once, "and"),
    (_named_apart, "vs"),
    (_named_apart, "versus"),
)


def _asked_for_advice(tokens: list[Token]) -> list[Token]:
    """Return `which books do you recommend` as `what are the best books`."""
    if len(tokens) < 5 or tokens[0].norm not in ("what", "which"):
        return tokens
    end = len(tokens) - (tokens[-1].shape == "boundary")
    said = [token.norm for token in tokens[:end]]
    if len(said) < 5 or said[-3:] not in _ADVISING:
        return tokens
    best = [Token(word, tokens[end - 1].raw, "word") for word in ("are", "the", "best")]
    return [tokens[0], *best, *tokens[1 : end - 3], *tokens[end:]]


def _offered(tokens: list[Token]) -> list[Token]:
    """Return `where is it sold` as `where can I buy it`."""
    end = len(tokens) - (bool(tokens) and tokens[-1].shape == "boundary")
    if end < 4 or tokens[0].norm != "where" or tokens[1].norm not in ("is", "are") or tokens[end - 1].norm != "sold":
        return tokens
    buy = [Token(word, tokens[end - 1].raw, "word") for word in ("can", "i", "buy")]
    return [tokens[0], *buy, *tokens[2 : end - 1], *tokens[end:]]


def _as_infinitive(tokens: list[Token]) -> list[Token]:
    """Return `is taking it safe when …` as `is it safe to take it when …`."""
    if len(tokens) < 4 or tokens[0].norm not in ("is", "was") or not tokens[1].norm.endswith("ing"):
        return tokens
    at = next((at for at, token in enumerate(tokens) if at > 1 and token.norm in _JUDGING), 0)
    verb = _infinitive(tokens[1].norm)
    if not at or not verb or any(token.shape == "boundary" or _opens(token) for token in tokens[1:at]):
        return tokens
    follows = tokens[at + 1].norm if at + 1 < len(tokens) else ""
    if follows and follows not in HEADS:  # a safe idea, safe enough
        return tokens
    is_it = [tokens[0], Token("it", tokens[1].raw, "word"), tokens[at], Token("to", tokens[1].raw, "word")]
    return [*is_it, Token(verb, tokens[1].raw, "word"), *tokens[2:at], *tokens[at + 1 :]]


def _infinitive(gerund: str) -> str:
    """Return a verb whose -ing form the word is, as far as its stem is that of a verb; else an empty text."""
    base = stem(gerund)
    return base if base != gerund and parts_of_speech(base).startswith("v") else ""


def _from_above(tokens: list[Token]) -> list[Token]:
    """Return `is A shorter than B` as `is B longer than A`."""
    if not tokens or tokens[0].norm not in BE:
        return tokens
    than = next((at for at, token in enumerate(tokens) if token.norm == "than"), 0)
    if than < 3 or tokens[than - 1].norm not in _TURNED:
        return tokens
    end = len(tokens) - (tokens[-1].shape == "boundary")
    inner = tokens[:end]
    if end <= than + 1 or any(token.shape == "boundary" or token.norm in NEGATIONS for token in inner):
        return tokens
    if any(token.norm in ("than", "and", "or") for token in tokens[than + 1 : end]):
        return tokens
    lesser = tokens[than - 1]
    greater = [Token(word, lesser.raw, "word") for word in _TURNED[lesser.norm]]
    return [tokens[0], *inner[than + 1 :], *greater, tokens[than], *inner[1 : than - 1], *tokens[end:]]


def _by_itself(tokens: list[Token]) -> list[Token]:
    """Return `how are they formed` as `how do they form`."""
    end = len(tokens) - (bool(tokens) and tokens[-1].shape == "boundary")
    if end < 4 or tokens[0].norm not in QUESTIONS or tokens[1].norm not in BE:
        return tokens
    last = tokens[end - 1]
    if last.norm not in _BY_THEMSELVES:
        return tokens
    did = "did" if tokens[1].norm in ("was", "were") else "do"
    active = [
        Token(did, tokens[1].raw, "word"),
        *tokens[2 : end - 1],
        Token(_BY_THEMSELVES[last.norm], last.raw, "word"),
    ]
    return [tokens[0], *active, *tokens[end:]]


def unfronted(tokens: list[Token]) -> list[Token]:
    """Return the one sentence of a text with its leading phrase, or the alternatives it asks about, at the end.

    The phrase is one that a preposition opens, before a comma or the question: "In France, how old …", "On Sundays is
    it open?". Alternatives stand before a comma and a question: "Tea or coffee, which is better?".
    """
    body = tokens[:-1] if tokens and tokens[-1].shape == "boundary" else tokens
    if any(token.shape == "boundary" and not _ENDS.isdisjoint(token.raw) for token in body):
        return tokens
    end = _end_of_front(body)
    if end is None:
        return tokens
    rest = body[end:]
    if rest and rest[0].shape == "boundary":
        rest = rest[1:]
    return [*rest, *body[:end], *tokens[len(body) :]] if len(rest) > 1 else tokens


def _end_of_front(body: list[Token]) -> int | None:
    """Return how many tokens stand in front; None where none do."""
    if len(body) < 4:
        return None
    comma = next((at for at, token in enumerate(body) if token.shape == "boundary"), None)
    if body[0].norm in _CLAUSES:
        return comma if comma is not None and 2 < comma <= _MOST and not _is_question(body[0], body[1]) else None
    if body[0].norm in HEADS:
        if body[1].norm in QUESTIONS or body[1].norm in ("how", "what", "which", "whom"):  # to whom, for how long
            return None
        asked = next((at for at, token in enumerate(body) if at > 1 and _opens(token)), None)
        end = asked if comma is None or (asked is not None and asked < comma) else comma
        return end if end is not None and end <= _MOST else None
    if comma is not None and 2 < comma <= _MOST and any(token.norm == "or" for token in body[:comma]):
        follows = body[comma + 1].norm if comma + 1 < len(body) else ""
        is_one = not any(_opens(token) for token in body[:comma]) and not _PAUSES.isdisjoint(body[comma].raw)
        return comma if is_one and (follows in QUESTIONS or follows in ("which", "what")) else None
    return None


def _is_question(first: Token, second: Token) -> bool:
    """Whether `when` asks, and opens no clause: when is it, when it is."""
    return first.norm == "when" and _opens(second)


def _opens(token: Token) -> bool:
    return token.norm in QUESTIONS or token.norm in AUXILIARIES or token.norm in BE
