"""From what a source holds to what can be stored under Mneme's own keys."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from mneme.engine.freshness import is_expired
from mneme.engine.judge import is_servable
from mneme.engine.vectors import unit
from mneme.errors import InvalidArgumentError, MnemeError
from mneme.model import Metadata, StoredEntry
from mneme.runtime.options import Options
from mneme.runtime.requests import Request, Requests, check_size
from mneme.tools.importing.found import Found, Skipped


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that can be stored, before its vector is known."""

    found: Found
    request: Request
    metadata: Metadata
    vector: bytes | None
    """As a store holds it; None where it is to be made."""

    def entry(self, vector: bytes, now: float) -> StoredEntry:
        """Return the entry. A source without times gets the time of the import."""
        found, request = self.found, self.request
        created = now if found.created_at is None else found.created_at
        return StoredEntry(
            id=0,
            namespace=request.namespace,
            query_hash=request.key.hex(),
            query=request.query,
            response=found.response,
            embedding=vector,
            metadata=self.metadata,
            created_at=created,
            last_accessed_at=created if found.last_accessed_at is None else found.last_accessed_at,
            ttl=found.ttl,
            access_count=found.access_count,
            partition=request.partition,
        )


class Drafting:
    """Checks questions with the limits of a cache that is opened without any of its own."""

    def __init__(self, *, normalizes: bool, namespace: str, dim: int) -> None:
        self._options = Options(normalize=normalizes)
        self._requests = Requests(self, self._options)
        self._namespace, self._dim = namespace, dim

    def draft(self, found: Found, now: float) -> Draft | Skipped:
        """Return the draft of a question, or why there is none."""
        reason = _reason(found, now)
        if reason:
            return Skipped(reason, found.place)
        limits = self._options
        try:
            check_size(found.query, limits.max_query_bytes, "query", "max_query_bytes")
            check_size(found.response, limits.max_response_bytes, "response", "max_response_bytes")
        except InvalidArgumentError as error:
            return Skipped("over a size limit", found.place, str(error))
        try:
            namespace = self._namespace if found.namespace is None else found.namespace
            request = self._requests.resolve(found.query, namespace, found.vary, found.mode)
            metadata = self._requests.check_storable(request, found.response, found.metadata)
        except InvalidArgumentError as error:
            return Skipped("metadata or text that cannot be stored", found.place, str(error))
        return Draft(found, request, metadata, self._vector(found, request))

    def _vector(self, found: Found, request: Request) -> bytes | None:
        """Return the vector that is known without asking the embedder."""
        if not request.semantic:
            return b""
        # A vector of another text, normalised in another way, is not the one a lookup is compared with.
        if not found.vector or sha256(request.text.encode()).hexdigest() != found.vector_of:
            return None
        try:
            return unit(np.frombuffer(found.vector, "<f4"), self._dim).tobytes()
        except (ValueError, MnemeError):
            return None


def _reason(found: Found, now: float) -> str:
    """Return why a question is of no use, empty where it is."""
    if not found.query.strip():
        return "empty question"
    if not found.response.strip():
        return "empty answer"
    if not is_servable(found.response):
        return "answer that reports an error"
    if found.created_at is not None and is_expired(found.created_at, found.ttl, now):
        return "expired"
    return ""
