"""From a call's arguments to what is looked up: checks, canonical text, scope, partition, key."""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from mneme.engine.guard.turns import Turn
from mneme.engine.keys import key_of, normalizer, partition_of
from mneme.engine.origins import OWN_PREFIX
from mneme.engine.turns import split
from mneme.errors import InvalidArgumentError
from mneme.model import Metadata, Mode, Vary
from mneme.runtime.scope import Scope, merged, scope_of
from mneme.runtime.scope import current as current_scope

if TYPE_CHECKING:
    from mneme.runtime.options import Options

# Namespaces are few, and their partitions hashed once.
NAMESPACES_KEPT = 10_000
# An application has few settings of its calls, but a conversation is another one with each turn.
VARIES_KEPT = 1_024
LARGEST_VARY_KEPT = 4_096
# What is asked again is mostly asked in the very same words. Some 10 MB of questions of 100 characters.
REQUESTS_KEPT = 16_384
LONGEST_KEPT = 500


class Request(NamedTuple):
    """A request whose exact key is known."""

    namespace: str
    query: str
    text: str
    """The canonical query: what is hashed and embedded."""
    partition: bytes
    key: bytes
    semantic: bool
    """Whether the semantic layer is asked too."""
    reads: bool
    writes: bool
    turns: tuple[Turn, ...] | None = None
    """What was said before, where it is compared by meaning; None where the question is compared alone."""
    started: float = 0.0
    """When it was asked, by `time.perf_counter`; 0 where it is not to be timed."""

    def since(self, started: float) -> Request:
        """Return the same request, asked then: in half the time that `_replace` takes."""
        return tuple.__new__(Request, (*self[:-1], started))


@dataclass(slots=True, eq=False)
class Place:
    """Where the requests of one namespace and vary go."""

    partition: bytes
    """The one that similar requests have."""
    exact: bytes
    """The one that equal ones have."""
    turns: tuple[Turn, ...] | None = None
    asked: dict[str, Request] = field(default_factory=dict)
    """What was asked there lately, in the very words; empty where there are turns."""


class Requests:
    """Makes requests for one cache; `word` says how it makes canonical text."""

    def __init__(self, owner: object, options: Options) -> None:
        self.owner = owner
        self.canonical, self.word = normalizer(options.normalize)
        self._max_query = options.max_query_bytes
        self._max_response = options.max_response_bytes
        self._max_metadata = options.max_metadata_bytes
        self._places: dict[str, Place] = {}
        self._varied: dict[tuple[str, bytes], Place] = {}
        self._kept = 0
        # A user's function may say something else the next time.
        self._longest = 0 if self.word == "custom" else LONGEST_KEPT

    def resolve(self, query: str, namespace: str, vary: Vary | None, mode: Mode) -> Request:
        """Return the request.

        Raises InvalidArgumentError for a query over max_query_bytes, a namespace that is not valid Unicode, a `vary`
        that is not JSON or an unknown mode, TypeError for a query or namespace that is not text.
        """
        plain = query.__class__ is str
        if not plain or namespace.__class__ is not str:
            _check_text(query, "query")
            _check_text(namespace, "namespace")
        reads = writes = True
        if current_scope.get() is not None:
            scope = scope_of(self.owner)
            if scope is not None:
                namespace, vary = self._scoped(scope, namespace, vary)
                reads, writes = scope.reads, scope.writes
        if vary is None:
            place = self._places.get(namespace) or self._place(namespace)
        else:
            place = self._place_varied(namespace, vary)
        semantic = mode == "semantic"
        if not semantic:
            check_mode(mode)
        elif plain and reads and writes:
            known = place.asked.get(query)
            if known is not None:
                return known
        check_size(query, self._max_query, "query", "max_query_bytes")
        text = self.canonical(query)
        # Not through the class's own constructor, which is a Python function.
        # An empty text means nothing: it is compared exactly or not at all.
        request: Request = tuple.__new__(
            Request,
            (
                namespace,
                query,
                text,
                place.partition,
                key_of(place.exact, text),
                semantic and bool(text) and not text.isspace(),
                reads,
                writes,
                place.turns,
                0.0,
            ),
        )
        if plain and semantic and place.turns is None and reads and writes and len(query) <= self._longest:
            self._keep(place, request)
        return request

    def _keep(self, place: Place, request: Request) -> None:
        """Remember a request."""
        if self._kept >= REQUESTS_KEPT:
            self._places, self._varied, self._kept = {}, {}, 0
        self._kept += 1
        place.asked[request.query] = request

    def _place(self, namespace: str) -> Place:
        """Return where the requests of a namespace go."""
        # Its counters are written in a group with other namespaces' entries: it must not be what fails there.
        check_unicode(namespace, "namespace")
        partition = partition_of(namespace, None, self.word)
        if len(self._places) >= NAMESPACES_KEPT:
            self._places = {}
        place = self._places[namespace] = Place(partition, partition)
        return place

    def _place_varied(self, namespace: str, vary: Vary) -> Place:
        try:
            # Only `vary_of` reads it. Other than equality it tells 1 from True, and it takes nothing but plain values.
            same = namespace, marshal.dumps(vary, 2)  # type: ignore[arg-type]  # refuses the rest
        except ValueError:
            same = namespace, b""
        place = self._varied.get(same)
        if place is not None:
            return place
        found = split(vary) if isinstance(vary, Mapping) else None
        if found is not None:
            check_size("".join(text for _, text in found.turns), self._max_query, "earlier turns", "max_query_bytes")
            exact = partition_of(namespace, found.exact, self.word)
            return Place(partition_of(namespace, found.partition, self.word), exact, found.turns)
        partition = partition_of(namespace, vary, self.word)
        place = Place(partition, partition)
        if 0 < len(same[1]) <= LARGEST_VARY_KEPT:
            if len(self._varied) >= VARIES_KEPT:
                self._varied = {}
            self._varied[same] = place
        return place

    def vary_of(self, namespace: str, partition: bytes) -> Vary | None:
        """Return the `vary` with which this process asked in a partition, None where that is not known any more."""
        if partition == partition_of(namespace, None, self.word):
            return {}
        for (asked_in, values), place in list(self._varied.items()):
            if place.partition == partition and asked_in == namespace:
                found: Vary = marshal.loads(values)  # noqa: S302  # of this very process
                return found
        return None

    @staticmethod
    def _scoped(scope: Scope, namespace: str, vary: Vary | None) -> tuple[str, Vary | None]:
        if scope.namespace is not None and namespace == "default":
            namespace = scope.namespace
        return namespace, merged(scope.vary, vary)

    def placed(self, namespace: str | None) -> str | None:
        """Return the namespace that a call about many entries means: for none and the default one that of the scope.

        Raises as `resolve` does.
        """
        if namespace is not None:
            self.check_scope(namespace, None)
        around = scope_of(self.owner) if namespace in (None, "default") else None
        return namespace if around is None or around.namespace is None else around.namespace

    def check_scope(self, namespace: str | None, vary: Vary | None) -> None:
        """Raise, as `resolve` would, for a scope's namespace or vary that cannot be used."""
        if namespace is not None:
            _check_text(namespace, "namespace")
            self._place(namespace)
        self._place_varied("", {} if vary is None else vary)

    def check_storable(self, request: Request, response: Any, metadata: Any) -> Metadata:
        """Return a copy of `metadata` as JSON gives it back.

        Raises InvalidArgumentError for a response or metadata over its limit, for text that is not valid Unicode,
        and for metadata that is not a mapping of JSON values; TypeError for a response that is not text.
        """
        _check_text(response, "response")
        check_size(response, self._max_response, "response", "max_response_bytes")
        check_unicode(request.query, "query")
        check_unicode(response, "response")
        return self.check_metadata(metadata)

    def may_store(self, response: str) -> bool:  # noqa: ARG002  # which CarefulRequests reads
        """Return whether an answer may be kept at all; a cache with `bypass_if` asks that."""
        return True

    def check_metadata(self, metadata: Any) -> Metadata:
        """Return a copy of `metadata` as JSON gives it back; raises InvalidArgumentError for what cannot be stored."""
        if metadata is None:
            return {}
        if not isinstance(metadata, dict):
            raise InvalidArgumentError(f"metadata is of type {type(metadata).__name__}; it is a dict of JSON values.")
        try:
            text = json.dumps(metadata, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"metadata is not JSON: {error}. Nothing was stored.") from error
        copy: Metadata = json.loads(text)
        for name in copy:
            if name.startswith(OWN_PREFIX):
                raise InvalidArgumentError(
                    f"metadata has the name {name!r}; names that begin with {OWN_PREFIX!r} are Mneme's own. "
                    "Choose another."
                )
        self.check_metadata_size(text)
        return copy

    def check_metadata_size(self, text: str) -> None:
        """Raise InvalidArgumentError for metadata, as JSON text, over its limit."""
        check_size(text, self._max_metadata, "metadata", "max_metadata_bytes")


def check_size(text: str, limit: int, name: str, argument: str) -> None:
    """Raise InvalidArgumentError when `text` takes more than `limit` bytes in UTF-8."""
    if len(text) * 4 <= limit:
        return
    size = len(text) if len(text) > limit or text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise InvalidArgumentError(
            f"the {name} has {size:,} bytes or more, the limit is {limit:,}. Shorten it, or open the cache with a "
            f"larger {argument}."
        )


def check_mode(mode: Any) -> None:
    """Raise InvalidArgumentError for an unknown mode."""
    if mode not in ("semantic", "exact"):
        raise InvalidArgumentError(f'mode is {mode!r}; it is "semantic" or "exact".')


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        remedy = " Pass json.dumps(value), or use get_or_compute with codec=mneme.JsonCodec()."
        hint = remedy if name == "response" else ""
        raise TypeError(f"the {name} is of type {type(value).__name__}; it must be text (str).{hint}")


def check_unicode(text: str, name: str) -> None:
    """Raise InvalidArgumentError for text with a lone surrogate."""
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            f"the {name} holds a lone surrogate (U+{ord(text[error.start]):04X}) at position {error.start}, which is "
            "not valid Unicode and cannot be stored. Decode the text with errors='replace'."
        ) from None
