"""What an answer was made from: tags, and sources with their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mneme.errors import InvalidArgumentError
from mneme.model import Metadata

TAGS: Final = "mneme.tags"
SOURCES: Final = "mneme.sources"
OWN_PREFIX: Final = "mneme."
"""Names in an entry's metadata that begin with it are Mneme's own; no caller sees them."""

# A label of an entry with many makes every invalidation and every stored row larger; more than this is a mistake.
MOST_LABELS: Final = 1_000


def check_tags(tags: Any) -> tuple[str, ...]:
    """Return the tags, each once, sorted; raises InvalidArgumentError for what are no tags."""
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise InvalidArgumentError(f"tags are {tags!r}; they are a list of texts, such as ['doc:42'].")
    found = sorted({_name(tag, "tag") for tag in tags})
    _check_number(len(found), "tags")
    return tuple(found)


def check_sources(sources: Any) -> dict[str, str]:
    """Return source -> version; raises InvalidArgumentError for what is no mapping of texts."""
    if sources is None:
        return {}
    if not isinstance(sources, Mapping):
        raise InvalidArgumentError(
            f"source_version is {sources!r}; it is a mapping of sources to versions, such as {{'handbook': '7'}}."
        )
    found = {_name(source, "source"): _name(version, "version") for source, version in sources.items()}
    _check_number(len(found), "sources")
    return found


class Origins(NamedTuple):
    """Where an answer came from, checked."""

    tags: tuple[str, ...] = ()
    sources: Mapping[str, str] = MappingProxyType({})


NOWHERE: Final = Origins()


def origins_of(tags: Any, sources: Any) -> Origins:
    """Return where an answer came from; raises InvalidArgumentError for what are no tags or source versions."""
    if sources is None and isinstance(tags, tuple) and not tags:
        return NOWHERE
    return Origins(check_tags(tags), check_sources(sources))


def noted(metadata: Metadata, origins: Origins) -> Metadata:
    """Return metadata with where the answer came from."""
    own = {name: value for name, value in ((TAGS, list(origins.tags)), (SOURCES, dict(origins.sources))) if value}
    return {**metadata, **own} if own else metadata


def origins_in(metadata: Metadata) -> Origins:
    """Return what stored metadata says; what another program wrote there in another shape says nothing."""
    tags, sources = metadata.get(TAGS), metadata.get(SOURCES)
    return Origins(
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        {name: str(version) for name, version in sources.items()} if isinstance(sources, dict) else {},
    )


def without_own(metadata: Metadata) -> Metadata:
    """Return the caller's part of stored metadata."""
    return {name: value for name, value in metadata.items() if not name.startswith(OWN_PREFIX)}


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(f"a {what} is {value!r}; it is a text that is not empty.")
    return value


def _check_number(number: int, what: str) -> None:
    if number > MOST_LABELS:
        raise InvalidArgumentError(f"there are {number:,} {what}; an entry has {MOST_LABELS:,} at most.")
