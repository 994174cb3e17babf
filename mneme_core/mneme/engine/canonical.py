"""The one form of texts that say the same but for case, white space and Unicode form."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# In these, case tells things apart: code, options (-d, -D), the paths of URLs.
_CODE: Final = re.compile(r"[`\\_=<>{}\[\]]|\$[a-zA-Z]|\w\(|://|(?<![\w-])--?[a-zA-Z]")
# And in units: bits, not bytes; bytes a second, not bits; milli, not mega.
_TO_THE_LETTER: Final = re.compile(
    rf"{_CODE.pattern}|(?<![a-zA-Z])(?:[kKMGTP]b(?:/s)?|[KMGTP]Bps|m[WVAJN])(?![a-zA-Z])"
)
_UNITS: Final = ("Kb", "Mb", "Gb", "Tb", "Pb", "Bps", "mW", "mV", "mA", "mJ", "mN")
# One of these is in whatever counts to the letter. Each alternative begins with a character of its own, which `re`
# looks for three times as fast as for one of a set.
_MARKS: Final = re.compile("|".join([*map(re.escape, "\n`\\_=<>{}[]($/-"), *_UNITS]))
_LEADING: Final = re.compile(r":[ \t]*\n")
"""What follows is set apart: the body of a loop, or what a request is about."""
_WORDS: Final = re.compile(r"(?:`[^`]*`|\S)+")
"""What stands between white space, but for that inside of backticks."""


def folded_text(text: str) -> str:
    """Return `text` in NFC, case-folded, each run of white space as one space, stripped."""
    if text.isascii():
        return " ".join(text.split()).lower()
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold()).split())


def canonical_text(query: str) -> str:
    """Return `query` folded, but for what counts to the letter.

    That is a text of several lines with code in it, or with a line that ends in a colon: of it only the white space at
    the ends of lines is set aside. In other texts it is what stands between backticks, and the case of words that look
    like code, options, URLs or units such as Mb, but for the letter that begins the text.
    """
    folded = folded_text(query)
    # Most texts have no other capital.
    if folded[1:] == query[1:] and query[:1].isascii():
        return folded
    text = (query if query.isascii() else unicodedata.normalize("NFC", query)).strip()
    if _MARKS.search(text) is None:
        return folded
    if "\n" in text and (_CODE.search(text) is not None or _LEADING.search(text) is not None):
        return "\n".join([line.rstrip() for line in text.split("\n")])
    words = _WORDS.findall(text) if "`" in text else text.split()
    if words and words[0][0].isascii():
        words[0] = words[0][0].lower() + words[0][1:]
    # A plain word is no unit, nor code; most words are plain.
    kept = {word for word in words if not (word.isalpha() and len(word) > 2) and counts_to_the_letter(word)}
    return " ".join([word if word in kept else folded_text(word) for word in words]) if kept else folded


def counts_to_the_letter(word: str) -> bool:
    """Return whether the case of a word may change the answer."""
    return _TO_THE_LETTER.search(word) is not None
