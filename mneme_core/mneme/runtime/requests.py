"""From a call's arguments to what is looked up: checks, canonical text, scope, partition, key."""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping
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

# Partitions of plain namespaces are few and hashed once; more than this are not kept.
PARTITIONS_KEPT = 10_000
# What is asked again is mostly asked in the very same words. Some 10 MB of questions of 100 characters.
REQUESTS_KEPT = 16_384
LONGEST_KEPT = 500
# An application has few settings of its calls, but a conversation is another one with each turn.
VARIES_KEPT = 1_024
LARGEST_VARY_KEPT = 4_096


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


class Requests:
    """Makes requests for one cache; `word` says how it makes canonical text."""

    def __init__(self, owner: object, options: Options) -> None:
        self.owner = owner
        self.canonical, self.word = normalizer(options.normalize)
        self._max_query = options.max_query_bytes
        self._max_response = options.max_response_bytes
        self._max_metadata = options.max_metadata_bytes
        self._partitions: dict[str, bytes] = {}
        self._varies: dict[tuple[str, bytes], bytes] = {}
        self._recent: dict[tuple[str, bytes], Request] = {}
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
        if len(query) * 4 > self._max_query:
            check_size(query, self._max_query, "query", "max_query_bytes")
        reads = writes = True
        if current_scope.get() is not None:
            scope = scope_of(self.owner)
            if scope is not None:
                namespace, vary = self._scoped(scope, namespace, vary)
                reads, writes = scope.reads, scope.writes
        turns = None
        if vary is None:
            partition = exact = self._partitions.get(namespace) or self._partition(namespace)
        else:
            partition, exact, turns = self._varied(namespace, vary)
        same = (query, partition)
        semantic = mode == "semantic"
        if not semantic:
            check_mode(mode)
        elif plain and turns is None and reads and writes:
            known = self._recent.get(same)
            if known is not None:
                return known
        text = self.canonical(query)
        key = key_of(exact, text)
        # An empty text means nothing: it is compared exactly or not at all.
        asked = semantic and bool(text)
        # Not through the class's own constructor, which is a Python function.
        request: Request = tuple.__new__(
            Request, (namespace, query, text, partition, key, asked, reads, writes, turns, 0.0)
        )
        if plain and semantic and turns is None and reads and writes and len(query) <= self._longest:
            if len(self._recent) >= REQUESTS_KEPT:
                self._recent = {}
            self._recent[same] = request
        return request

    def _varied(self, namespace: str, vary: Vary) -> tuple[bytes, bytes, tuple[Turn, ...] | None]:
        """Return the partition that similar requests have, the one that equal ones have, and the turns."""
        try:
            # Only `vary_of` reads it. Other than equality it tells 1 from True, and it takes nothing but plain values.
            same = namespace, marshal.dumps(vary, 2)  # type: ignore[arg-type]  # refuses the rest
        except ValueError:
            same = namespace, b""
        partition = self._varies.get(same)
        if partition is not None:
            return partition, partition, None
        found = split(vary) if isinstance(vary, Mapping) else None
        if found is None:
            partition = partition_of(namespace, vary, self.word)
            if 0 < len(same[1]) <= LARGEST_VARY_KEPT:
                if len(self._varies) >= VARIES_KEPT:
                    self._varies = {}
                self._varies[same] = partition
            return partition, partition, None
        check_size("".join(text for _, text in found.turns), self._max_query, "earlier turns", "max_query_bytes")
        exact = partition_of(namespace, found.exact, self.word)
        return partition_of(namespace, found.partition, self.word), exact, found.turns

    def vary_of(self, namespace: str, partition: bytes) -> Vary | None:
        """Return the `vary` with which this process asked in a partition, None where that is not known any more."""
        if partition == partition_of(namespace, None, self.word):
            return {}
        for (asked_in, values), made in list(self._varies.items()):
            if made == partition and asked_in == namespace:
                found: Vary = marshal.loads(values)  # noqa: S302  # of this very process
                return found
        return None

    @staticmethod
    def _scoped(scope: Scope, namespace: str, vary: Vary | None) -> tuple[str, Vary | None]:
        if scope.namespace is not None and namespace == "default":
            namespace = scope.namespace
        return namespace, merged(scope.vary, vary)

    def _partition(self, namespace: str) -> bytes:
        partition = self._partitions.get(namespace)
        if partition is None:
            # Its counters are written in a group with other namespaces' entries: it must not be what fails there.
            check_unicode(namespace, "namespace")
            partition = partition_of(namespace, None, self.word)
            if len(self._partitions) < PARTITIONS_KEPT:
                self._partitions[namespace] = partition
        return partition

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
            self._partition(namespace)
        self._varied("", {} if vary is None else vary)

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
