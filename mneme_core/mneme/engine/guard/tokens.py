"""Text as tokens: words in lower case, numbers, identifiers kept as they are, and boundaries."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from mneme.engine.canonical import counts_to_the_letter
from mneme.engine.guard.words import MONTHS, NUMBERS, ORDINALS, UNIT_SHORT, word_set

Shape: TypeAlias = Literal["word", "number", "identifier", "boundary"]


class Token(NamedTuple):
    """A piece of a text."""

    norm: str
    """What is compared."""
    raw: str
    """What people read in a reason."""
    shape: Shape


_EDGE: Final = ".,;:?!\"'()[]“”„«»‘’*…—–-¿¡。？！，、；："
_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "–": "-", "−": "-"})
_NUMBER: Final = re.compile(r"([$€£¥₹]?)([+-]?\d+(?:,\d{3})*(?:\.\d+)*)(?:(st|nd|rd|th)|([a-z°%$€£¥₹]{0,12}))")
_LETTERED: Final = re.compile(r"\b(\d+)\(([a-z])\)")
"""401(k) is 401k."""
_RANGE: Final = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")
# Characters that prose does not hold inside a word; a text with them is compared as code.
_CODE: Final = re.compile(r"[{}<>=;|\\`^~]|\w\(|\)\.|\w\[|::|->|&&|\+\+")
_MARKS: Final = re.compile(r"[{}<>=;|\\`^~()\[:&+]")
"""One of these is in whatever _CODE finds; to look for it is much quicker."""
_BREAKS: Final = frozenset(".,;:?!()[]—–-。？！，、；：…")


_INDENTED: Final = re.compile(r"\n[ \t]")


def holds_code(text: str) -> bool:
    """Return whether `text` may hold a piece of code, so that white space and letter case may count."""
    return _CODE.search(text) is not None or _INDENTED.search(text) is not None


def is_code(text: str) -> bool:
    """Return whether `text` holds marks of program code, markup or data."""
    return _MARKS.search(text) is not None and len(_CODE.findall(text)) >= 2


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of `text`; letters are case-folded except in identifiers and acronyms."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    shouted = text.isupper()
    if not shouted and _is_titled(text):
        text = text.lower()
    if "(" in text:
        text = _LETTERED.sub(r"\1\2", text)
    tokens: list[Token] = []
    behind: Shape = "boundary"
    for chunk in text.split():
        tokens += _pieces(chunk, shouted, behind)
        behind = tokens[-1].shape
    if "number" in [token.shape for token in tokens]:  # one of several numbers is a number; a new one is not
        tokens = [token._replace(norm="1", shape="number") if token.norm == "one" else token for token in tokens]
    elif "#" not in text:
        return tokens
    return [_day(tokens, at) for at in range(len(tokens))]


def _day(tokens: list[Token], at: int) -> Token:
    """Return the third of March as the 3 of 3 March."""
    token = tokens[at]
    if token.norm[:1] != "#":
        return token
    near = {tokens[place].norm for place in (at - 1, at + 1, at + 2) if 0 <= place < len(tokens)}
    return token._replace(norm=token.norm[1:]) if near & MONTHS else token


def _is_titled(text: str) -> bool:
    """Return whether nearly every word has a capital letter, as in a headline: it marks no names then."""
    letters = [word[0] for word in text.split() if word[0].isalpha()]
    return len(letters) >= 4 and sum(map(str.isupper, letters)) >= 0.8 * len(letters)


@lru_cache(maxsize=8_192)
def _pieces(chunk: str, shouted: bool, behind: Shape) -> tuple[Token, ...]:
    """Return the tokens of what stands between two spaces, behind a token of some shape."""
    if chunk.isalpha():
        return (_word_or_name(chunk, shouted, behind),)
    tokens: list[Token] = []
    core = chunk.rstrip(_EDGE)
    tail = chunk[len(core) :]
    start = core.lstrip(_EDGE)
    lead = core[: len(core) - len(start)]
    if start and (lead.endswith(("--", "*.")) or (lead.endswith("-") and len(start) == 1)):  # --soft, *.py, -D
        start, lead = lead + start, ""
    elif lead and start and (lead[-1] == "." or (lead[-1] == "-" and start[0].isdigit())):  # .NET, -5
        start, lead = lead[-1] + start, lead[:-1]
    if not start:
        # Punctuation alone ends a phrase, but 2 * 3 is not 2 - 3.
        is_sign = chunk in ("*", "-") and behind == "number"
        return (Token(chunk, chunk, "identifier") if is_sign else Token("", chunk, "boundary"),)
    if tail.startswith("!") and core[-1].isdigit():  # 5! is 120
        core, start, tail = core + "!", start + "!", tail[1:]
    if tail.startswith("'") and not lead and core.isalpha() and core.endswith("s"):  # my kids' phones
        return (Token(core.lower(), core + "'", "word"), *_boundary(tail))
    if lead and not _BREAKS.isdisjoint(lead):
        tokens.append(Token("", lead, "boundary"))
        behind = "boundary"
    _add_core(tokens, start, shouted, behind)
    return (*tokens, *_boundary(tail))


def _boundary(tail: str) -> tuple[Token, ...]:
    return (Token("", tail, "boundary"),) if tail and not _BREAKS.isdisjoint(tail) else ()


def _add_core(tokens: list[Token], core: str, shouted: bool, behind: Shape) -> None:
    if core.isalpha():
        tokens.append(_word_or_name(core, shouted, behind))
    elif core == "&":
        tokens.append(Token("and", core, "word"))
    elif (found := _RANGE.fullmatch(core)) is not None:
        tokens += [_number(found[1]), Token("to", "to", "word"), _number(found[2])]
    elif (found := _NUMBER.fullmatch(core.lower())) is not None:
        _add_number(tokens, found)
    elif core.replace("'", "").isalpha():
        tokens.append(Token(core.lower(), core, "word"))
    elif core.replace("-", "").replace("/", "").replace("'", "").isalpha() and core[0].isalpha():
        tokens += [_word(part, shouted) for part in re.split("[-/]", core) if part]
    else:
        tokens.append(Token(core, core, "identifier"))


def _word_or_name(raw: str, shouted: bool, behind: Shape) -> Token:
    # A letter by itself is a name, unless a sentence may begin with it.
    is_name = raw == "A" and not shouted and behind != "boundary"
    return Token(raw, raw, "identifier") if is_name else _word(raw, shouted)


def _word(raw: str, shouted: bool) -> Token:
    low = raw.casefold()
    if low in NUMBERS and low != "one":  # a new one, one of them
        return Token(NUMBERS[low], raw, "number")
    if low in ORDINALS:
        return Token(ORDINALS[low], raw, "number")
    if len(raw) == 2 and counts_to_the_letter(raw):  # Mb
        return Token(raw, raw, "identifier")
    # US is a country and us is not; IT, WHO and OR likewise.
    if not shouted and 2 <= len(raw) <= 4 and raw.isupper() and low in _WORDLIKE:
        return Token(raw, raw, "identifier")
    return Token(low, raw, "word")


_WORDLIKE: Final = word_set("us it who or in at am as be me so may can will is on do go ai")


_NAMES_WITH_DIGITS: Final = {"2fa": "twofactor"}


def _number(text: str) -> Token:
    return Token(text.replace(",", ""), text, "number")


def _add_number(tokens: list[Token], found: re.Match[str]) -> None:
    if found[0] in _NAMES_WITH_DIGITS:
        tokens.append(Token(_NAMES_WITH_DIGITS[found[0]], found[0], "word"))
        return
    sign, digits, ordinal, unit = found.groups()
    if ordinal:
        tokens.append(Token("#" + digits, found[0], "number"))
        return
    tokens.append(_number(digits))
    for mark in (sign, unit):
        if mark:
            tokens.append(Token(UNIT_SHORT.get(mark, mark), mark, "word"))
