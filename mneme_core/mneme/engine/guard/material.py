"""A request taken apart: what is asked, and the material that it is asked of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from json import JSONDecodeError, JSONDecoder
from typing import Final, NamedTuple

from mneme.engine.guard.imperatives import (
    is_filled,
    is_introduction,
    is_persona,
    is_request,
    leads,
    points,
    points_ahead,
    says_what_to_do,
    sentences,
    works_on_words,
)

NAMES: Final = (
    "(?:text|passage|context|review|comment|(?:support )?ticket|e-?mail|message|letter|notice|(?:meeting )?notes"
    "|minutes|transcript|article|paragraph|sentence|document|input|content|excerpt|policy|description|log"
    "|tool (?:result|output)|error(?: message)?|code|snippet|data|csv|json|clause|post|invoice|recipe)"
)
_OF_WHOM: Final = "(?:(?:customer|user|product|original|source|input|full|article|email) )?"
_STARTS: Final = r"(?:^|(?<=\n)|(?<=[.?!\"”»\]}] ))"
_LABEL: Final = re.compile(
    rf"{_STARTS}(?:({_OF_WHOM}{NAMES})|(question|user question|user|human|query)):(?=\s)", re.IGNORECASE
)
LABELLED: Final = re.compile(f"{_OF_WHOM}{NAMES}", re.IGNORECASE)
"""A label that says no more than what kind of text it is."""
_LAST_LABEL: Final = re.compile(rf"{_STARTS}(?:{_OF_WHOM}{NAMES}):\s*$", re.IGNORECASE)
_CUE: Final = re.compile(
    r"\n(?:(?:helpful |final |your )?(?:answer|response|reply)|output|assistant|ai):\s*$", re.IGNORECASE
)
"""What a template ends with, for the model to go on."""
_FENCE: Final = re.compile(r"([\w+#.-]*)[ \t]*\n(.*)", re.DOTALL)
_TRIPLE: Final = re.compile(r'"""((?:(?!""").)+)"""' + r"|'''((?:(?!''').)+)'''", re.DOTALL)
_QUOTED: Final = re.compile(rf'(?s:{_TRIPLE.pattern})|"([^"]+)"|“([^“”]+)”|«([^«»]+)»|„([^„“”]+)[“”]|「([^「」]+)」')
# Around the whole alone: in a line they may belong to what is said. An apostrophe within a word ends nothing.
_QUOTED_WHOLE: Final = re.compile(
    rf"{_QUOTED.pattern}|`([^`]+)`|'((?:[^']|(?<=\w)'(?=\w))+)'|‘((?:[^‘’]|(?<=\w)’(?=\w))+)’"
)
_IN_TRIPLE: Final = re.compile(
    r" (?:(?:given|enclosed|delimited|surrounded) )?"
    r"(?:between|in|inside|within|by) (?:the )?triple (quotes|backticks)\b",
    re.IGNORECASE,
)
"""How an instruction points to what stands between them."""
_SYNONYMS: Final = {
    **{
        "js": "javascript",
        "ts": "typescript",
        "py": "python",
        "rb": "ruby",
        "rs": "rust",
        "golang": "go",
        "kt": "kotlin",
    },
    **{"cs": "csharp", "c#": "csharp", "c++": "cpp", "sh": "shell", "yml": "yaml", "md": "markdown", "htm": "html"},
}
"""What else the fence of a language says."""
_OPENS: Final = re.compile(r"(?:^|[:\n]|[.?!:)] )$")
_CLOSES: Final = re.compile(r"[.?!]?(?:\s*$|\s*\n|\s+[A-Z])")
_BLANK: Final = re.compile(r"\n[ \t]*\n")
_FIELDS: Final = re.compile(r"(?:[A-Z][\w ]{1,25}: [^\n]+(?:\n|$)){2,}")
"""Lines that each say the value of a name."""
_ANSWERING: Final = re.compile(r"\b(?:answer|reply|respond|context|based|using|use|according)\b", re.IGNORECASE)


class Block(NamedTuple):
    """A piece of material."""

    text: str
    label: str = ""
    """What stands before it, lower case: review, context."""
    tag: str = ""
    """The language that its fence names."""
    is_quoted: bool = False


class Piece(NamedTuple):
    """A stretch of what is asked."""

    text: str
    is_question: bool = False
    """Whether it is labelled as the question, and may be any text."""


class Task(NamedTuple):
    """A request with its material."""

    asked: tuple[Piece, ...]
    blocks: tuple[Block, ...]
    is_below: bool = False
    """Whether material stands behind something that is asked."""
    is_above: bool = False
    """Whether material stands before something that is asked."""


def may_hold_material(text: str) -> bool:
    """Return whether `text` has one of the marks by which material is told from what is asked."""
    if ":" in text or '"' in text or "\n" in text.strip():
        return True
    return not text.isascii() and _QUOTED.search(text) is not None


@lru_cache(maxsize=2_048)
def task_of(text: str) -> Task | None:
    """Return what `text` asks and of what; None where the two cannot be told apart for sure. Linear.

    What is asked stands in front of the material, or behind it where it points to it; the material goes to the end of
    the text, unless a fence, quotation marks or a label ends it.
    """
    text = _CUE.sub("", text).strip()
    if "```" in text:
        return _fenced(text)
    return _labelled(text) or _quoted(text) or _set_apart(text) or _behind_colon(text)


def _task(parts: list[Piece | Block]) -> Task | None:
    """Return a task of its parts in order; None where nothing is asked. Several blocks leave marks where they stood."""
    parts = [part for part in parts if isinstance(part, Block) or part.text.strip()]
    blocks = [part for part in parts if isinstance(part, Block)]
    places = [isinstance(part, Block) for part in parts]
    if not any(is_request(part.text) or part.is_question for part in parts if isinstance(part, Piece)):
        return None
    asked: list[Piece] = []
    for part in parts:
        if isinstance(part, Piece):
            asked.append(part)
        elif len(blocks) > 1:
            asked.append(Piece(f"[block{blocks.index(part) + 1}]"))
    first, last = places.index(False), len(places) - places[::-1].index(False)
    return Task(tuple(asked), tuple(blocks), is_below=any(places[first:]), is_above=any(places[:last]))


def block(text: str, label: str = "", tag: str = "") -> Block:
    """Return material without the white space at line ends and the quotation marks around it."""
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    if not tag:
        text = text.strip()
    found = _QUOTED_WHOLE.fullmatch(text)
    if found is None:
        return Block(text, label, tag)
    return Block(next(part for part in found.groups() if part).strip(), label, tag, is_quoted=True)


def _fenced(text: str) -> Task | None:
    pieces = text.split("```")
    if len(pieces) % 2 == 0:
        return None
    parts: list[Piece | Block] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            found = _FENCE.fullmatch(piece)
            parts.append(
                Block(block(found[2], tag="-").text, tag=_SYNONYMS.get(found[1].lower(), found[1].lower()))
                if found
                else Block(piece.strip())
            )
        else:
            outside = _LAST_LABEL.sub("", piece) if number == 0 and len(pieces) == 3 else piece
            if _LABEL.search(outside):
                return None
            parts.append(Piece(outside.strip()))
    return _task(_without_delimiters(parts, "backticks"))


def _labelled(text: str) -> Task | None:
    found = list(_LABEL.finditer(text))
    if not found:
        return None
    before = text[: found[0].start()].strip()
    questions = [match.start() for match in found if match[2]]
    is_asked = len(questions) == 1 and questions[0] in (found[0].start(), found[-1].start())
    is_asked = is_asked and (not before or is_persona(before) or _ANSWERING.search(before) is not None)
    is_asked = is_asked and not any(works_on_words(part) for part in sentences(before) if says_what_to_do(part))
    if questions and not is_asked:
        return None
    parts: list[Piece | Block] = [block(before) if questions and "\n" in before else Piece(before)]
    for match, after in zip(found, [*found[1:], None], strict=True):
        content = text[match.end() : after.start() if after else len(text)].strip()
        if match[2]:
            if "\n" in content:
                return None
            parts.append(Piece(content, is_question=True))
        else:
            is_front = not before and not questions and after is None
            parts += _delimited(content, match[1].lower().replace("-", ""), is_front=is_front)
    return _task(parts)


def _delimited(content: str, label: str, *, is_front: bool) -> Iterator[Piece | Block]:
    """Yield a labelled block, and what is asked behind it; is_front: whether nothing was asked before it."""
    end = _end_of_value(content)
    quoted = _QUOTED.match(content)
    if quoted is not None and _CLOSES.match(content, quoted.end()):
        end = quoted.end()
    elif not end and is_front:
        blank = [match.start() for match in _BLANK.finditer(content)] or [content.rfind("\n")]
        end = blank[-1] if blank[-1] > 0 and is_request(content[blank[-1] :].strip()) else 0
    end = end or len(content)
    yield block(content[:end], label)
    yield Piece(content[end:].strip(" .\n"))


def _end_of_value(content: str) -> int:
    """Return where a value of JSON ends with which some text begins; 0 where it begins with none."""
    if content[:1] not in ("{", "["):
        return 0
    try:
        return _JSON.raw_decode(content)[1]
    except (JSONDecodeError, RecursionError):
        return 0


_JSON: Final = JSONDecoder()


def _quoted(text: str) -> Task | None:
    if text.count('"') % 2:
        return None
    parts: list[Piece | Block] = []
    at = 0
    for match in _QUOTED.finditer(text):
        if _OPENS.search(text, max(0, match.start() - 2), match.start()) and _CLOSES.match(text, match.end()):
            parts += [Piece(text[at : match.start()].strip()), block(match[0])]
            at = match.end() + (text[match.end() : match.end() + 1] in (".", "!", "?"))
    parts.append(Piece(text[at:].strip()))
    return _task(_without_delimiters(parts, "quotes" if _TRIPLE.search(text) else "")) if at else None


def _without_delimiters(parts: list[Piece | Block], delimiters: str) -> list[Piece | Block]:
    """Return the parts with the words left out by which what is asked points to the delimiters of the material."""
    if not delimiters or sum(isinstance(part, Block) for part in parts) > 1:
        return parts

    def left(match: re.Match[str]) -> str:
        return " below" if match[1].lower() == delimiters else match[0]

    return [part if isinstance(part, Block) else part._replace(text=_IN_TRIPLE.sub(left, part.text)) for part in parts]


def _set_apart(text: str) -> Task | None:
    """Return the task of a text whose first line, or last paragraph, asks something of the rest."""
    lines = text.split("\n")
    if len(lines) < 2:
        return None
    first = next((at for at, line in enumerate(lines) if line.strip() and not is_persona(line)), 0)
    head, rest = "\n".join(lines[: first + 1]), "\n".join(lines[first + 1 :]).strip("\n")
    ends = [match.start() for match in _BLANK.finditer(rest)]
    last = rest[ends[-1] :].strip() if ends else ""
    if is_introduction(lines[first]) and leads(last):
        return _task([Piece(head), block(rest[: ends[-1]]), Piece(last)])
    if leads(lines[first]):
        if (
            not rest
            or is_filled(lines[first])
            or (leads(last or rest) and not (points_ahead(lines[first]) and not points(last)))
        ):
            return None
        return _task([Piece(head), block(rest)])
    ends = [match.start() for match in _BLANK.finditer(text)]
    last = text[ends[-1] :].strip() if ends else ""
    if leads(last) and (points(last) or _FIELDS.fullmatch(text[: ends[-1]])):
        return _task([block(text[: ends[-1]]), Piece(last)])
    return None


def _behind_colon(text: str) -> Task | None:
    head, _, rest = text.partition(": ")
    if not rest or "\n" in head or not leads(head):
        return None
    return _task([Piece(f"{head}:"), block(rest)])
