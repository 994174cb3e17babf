"""Recognises text that should not be kept: for `bypass_if=`, which is off unless you give it.

A recogniser of forms, not of meanings: e-mail addresses, telephone and card numbers, IBANs, US social security numbers,
keys and tokens. It knows no names and no addresses. Every pattern is bounded or possessive, so that the time is linear
in the length of the text, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

__all__ = ["KINDS", "kinds_of", "looks_personal"]

# What word processors and web pages write for a space: non-breaking, figure, thin and narrow ones.
_SPACES = " \u00a0\u2007\u2009\u202f"
# As keyboards for Chinese and Japanese write "@", and a small one.
_ATS = "\uff20\ufe6b"
# Not git@host:path, which is an address of nobody.
_EMAIL = re.compile(r"(?<![\w.+-])(?!git@)[\w.+-]{1,64}+@(?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}+(?![\w-])")

# Digits and what people write between them, as far as it goes; the first group may stand in brackets. No possessive
# group: Python 3.11 before 3.11.5 matches those wrongly.
_BETWEEN = _SPACES + ".-/()"
_RUN = re.compile(rf"(?<![\w+])(?<!\d[.,])[+(]?\d[\d{re.escape(_BETWEEN)}]*+")
_GROUPS = re.compile(rf"[+(]?\d+(?:[{re.escape(_BETWEEN)}]{{1,3}}\d+)*")
_GOES_ON = re.compile(r"\w|[.,:]\d")
_LONGEST = 32
# A word just before a number that says what it is.
_PHONE_WORD = re.compile(
    r"\b(?:phones?|tel|telephone|telefon|mobile|cell|cellphone|fax|whatsapp|call(?:ing|ed)?|dial|text|sms|"
    r"my (?:new |old )?number is|reach (?:me|us|him|her|them)|contact)\b[^\d\n]{0,20}+$",
    re.IGNORECASE,
)
_BEFORE = 48
_DATE = re.compile(r"\d{1,4}+([./-])\d{1,2}+\1\d{1,4}+(?!\1\d)")

# A comma and digits after it are the next field of a row, a point and digits a fraction.
_CARD = re.compile(
    rf"(?<!\w)(?<!\d[.,])(?:\d{{12,19}}|\d{{4}}([{_SPACES}-])\d{{4}}\1\d{{4}}\1\d{{1,7}}"
    rf"|\d{{4}}([{_SPACES}-])\d{{6}}\2\d{{4,5}})(?!\w|\.\d)"
)
# Visa, Mastercard, Amex, Diners, JCB, Maestro with Discover and UnionPay, and how many digits each has:
# https://en.wikipedia.org/wiki/Payment_card_number
_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|(?:1800|2131)\d{11}|35\d{14}|(?:50|5[6-8]|6\d)\d{10,17}"
)
_IBAN = re.compile(
    rf"(?<![^\W_])[A-Z]{{2}}\d{{2}}(?:[{_SPACES}]?[A-Z0-9]{{4}}){{2,7}}(?:[{_SPACES}]?[A-Z0-9]{{1,4}})?(?![^\W_])",
    re.IGNORECASE,
)
_SSN = re.compile(r"(?<![\w-])(?!000|666)[0-8]\d{2}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")

_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----"
    r"|(?<![A-Za-z0-9])(?:"
    r"[spr]k[-_](?:[a-z0-9]{1,12}[-_]){0,3}(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{16}"  # OpenAI, Anthropic, Stripe
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{22}|glpat-[A-Za-z0-9_-]{20}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10}|hf_[A-Za-z0-9]{30}|AIza[A-Za-z0-9_-]{35}|npm_[A-Za-z0-9]{36}"
    r"|eyJ[A-Za-z0-9_-]{8,8192}+\.eyJ[A-Za-z0-9_-]{8}"  # a JSON Web Token
    r")"
    r"|(?<![A-Za-z])(?i:api[_ -]?key|secret|token|password|passwd|pwd)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?=\S{0,64}\d)\S{8}"
)
_TOKEN = re.compile(r"(?<![A-Za-z0-9_/.-])[A-Za-z0-9_-]{32,}+(?!\.?[A-Za-z0-9_/-])")
# "chatcmpl-", "lc_run--": what identifiers of answers begin with, which are no secrets.
_PREFIX = re.compile(r"(?:[a-z]{1,12}[-_]{1,2}){1,3}")
_TOKEN_CHARACTERS, _TOKEN_READ = 32, 256


def looks_personal(text: str) -> bool:
    """Return whether `text` holds what looks like personal data or a secret; for `bypass_if=`."""
    return next(_found(text), None) is not None


def kinds_of(text: str) -> list[str]:
    """Return the kinds of what was recognised, each one of KINDS; to see why a text is bypassed."""
    return list(_found(text))


def _found(text: str) -> Iterator[str]:
    return (kind for kind, holds in KINDS.items() if holds(text))


def _has_email(text: str) -> bool:
    for at in _ATS:
        text = text.replace(at, "@")
    return "@" in text and _EMAIL.search(text) is not None


def _has_card(text: str) -> bool:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _ISSUED.fullmatch(digits) and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    """Return whether the check digit of a card is right."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(digit), 10)) for digit in even)) % 10 == 0


def _has_iban(text: str) -> bool:
    return any(_mod_97(re.sub(r"\s", "", found[0]).upper()) for found in _IBAN.finditer(text))


def _mod_97(iban: str) -> bool:
    """Return whether the check digits of an IBAN are right (ISO 13616)."""
    return 15 <= len(iban) <= 34 and int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def _has_phone(text: str) -> bool:
    return any(_is_phone(text, found) for found in _RUN.finditer(text))


def _is_phone(text: str, found: re.Match[str]) -> bool:
    number = found[0].rstrip(_BETWEEN)
    if len(number) > _LONGEST or not _GROUPS.fullmatch(number):
        return False
    if _GOES_ON.match(text, found.start() + len(number)):
        return False
    digits = re.sub(r"\D", "", number)
    if not 7 <= len(digits) <= 15:
        return False
    groups = re.findall(r"\d+", number)
    if number.startswith("+") or (re.match("00[1-9]", number) and len(digits) >= 11):
        return True
    if _DATE.match(number):
        return False
    sizes = [len(group) for group in groups]
    if sizes[-3:] == [3, 3, 4] and (len(sizes) == 3 or (len(sizes) == 4 and sizes[0] <= 3)):
        return True  # 541-754-3010, (541) 754-3010, 1-541-754-3010
    if number.lstrip("(").startswith("0") and 9 <= len(digits) <= 11 and min(len(groups), sizes[0]) > 1:
        return True  # 030 1234567, 079 2718 1155
    return _PHONE_WORD.search(text, max(0, found.start() - _BEFORE), found.start()) is not None


def _has_ssn(text: str) -> bool:
    return _SSN.search(text) is not None


def _has_key(text: str) -> bool:
    return _KEY.search(text) is not None or any(_is_random(found[0]) for found in _TOKEN.finditer(text))


def _is_random(token: str) -> bool:
    """Return whether a long word was drawn rather than written: letters of both cases and digits, well mixed."""
    prefix = _PREFIX.match(token)
    drawn = token[prefix.end() if prefix else 0 :][:_TOKEN_READ]
    kinds = ["a" if sign.islower() else "A" if sign.isupper() else "0" if sign.isdigit() else "-" for sign in drawn]
    changes = sum(before != after for before, after in pairwise(kinds))
    # Of random letters and digits six in ten neighbours differ in kind, of words in camel case three in ten.
    return len(drawn) >= _TOKEN_CHARACTERS and {"a", "A", "0"} <= set(kinds) and changes > 0.4 * len(drawn)


KINDS: Final[dict[str, Callable[[str], bool]]] = {
    "email": _has_email,
    "phone": _has_phone,
    "card": _has_card,
    "iban": _has_iban,
    "ssn": _has_ssn,
    "key": _has_key,
}
"""Kind -> whether a text holds one."""
