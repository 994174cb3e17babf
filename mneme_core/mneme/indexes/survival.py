"""When a rotation no longer fits the vectors it is used on."""

from __future__ import annotations

# A share of survivors that costs as much as the prefixes themselves, and over how many searches it is measured.
TOO_MANY, SEARCHES = 0.01, 64


class Survival:
    """How large a share of a block's rows its prefixes fail to rule out, and whether that calls for a new rotation.

    It is fitted again where the share is more than TOO_MANY and twice what the last fit gave, so that vectors which
    no rotation helps cost one fit.
    """

    __slots__ = ("_searches", "_share", "_usual")

    def __init__(self) -> None:
        self._usual: float | None = 0.0  # the first rotation may be another partition's
        self._share = 0.0
        self._searches = 0

    def note(self, share: float | None) -> None:
        """Note the share of one search; None where no prefixes were tried, because they were in vain before."""
        self._searches += 1
        if share is not None:
            self._share += (share - self._share) / min(self._searches, SEARCHES)
        if self._usual is None and self._searches >= SEARCHES:
            self._usual = self._share

    @property
    def is_bad(self) -> bool:
        """Whether a new rotation is called for."""
        usual = self._usual
        return usual is not None and self._searches >= SEARCHES and self._share > max(TOO_MANY, 2 * usual)

    def start_again(self) -> None:
        """Measure what a new rotation gives."""
        self._searches, self._share, self._usual = 0, 0.0, None
