"""Requests of a cache that keeps no personal text: made in place of Requests where `bypass_if` is given, else never."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mneme.model import Mode, Vary
from mneme.runtime.requests import Request, Requests

if TYPE_CHECKING:
    from mneme.runtime.options import Options

_log = logging.getLogger("mneme.cache")


class CarefulRequests(Requests):
    """Makes requests that neither read nor write where the question, or a turn before it, is personal."""

    def __init__(self, owner: object, options: Options) -> None:
        super().__init__(owner, options)
        self._longest = 0  # nothing personal is remembered, here neither
        self._is_personal = options.bypass_if
        self._has_warned = False

    def resolve(self, query: str, namespace: str, vary: Vary | None, mode: Mode) -> Request:
        """Return the request; a personal one is not embedded either."""
        request = super().resolve(query, namespace, vary, mode)
        texts = (query, *(text for _, text in request.turns or ()))
        if any(map(self._must_bypass, texts)):
            return request._replace(semantic=False, reads=False, writes=False)
        return request

    def may_store(self, response: str) -> bool:
        """Return whether an answer is not personal."""
        return not self._must_bypass(response)

    def _must_bypass(self, text: str) -> bool:
        """Return what `bypass_if` says; True where it fails."""
        try:
            return self._is_personal is not None and bool(self._is_personal(text))
        except Exception as error:
            if not self._has_warned:
                self._has_warned = True
                # Not the error itself: it may quote the text.
                _log.warning(
                    "bypass_if raised %s; what it cannot judge is neither looked up nor stored. This is said once",
                    type(error).__name__,
                )
            return True


def requests_of(owner: object, options: Options) -> Requests:
    """Return what makes a cache's requests."""
    return Requests(owner, options) if options.bypass_if is None else CarefulRequests(owner, options)
