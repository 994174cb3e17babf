"""A policy of one's own: the guarded one, but careful where the question is about money."""

from collections.abc import Sequence

from mneme import Guarded, Neighbour, SemanticCache, Verdict

MONEY = {"price", "cost", "fee", "refund", "invoice", "pay"}


class CarefulAboutMoney:
    """Serves no answer about money to a question in other words."""

    def __init__(self) -> None:
        self._inner = Guarded()

    @property
    def floor(self) -> float:
        """The cosine below which no neighbour is looked at."""
        return self._inner.floor

    def judge(self, query: str, neighbour: Neighbour, neighbours: Sequence[Neighbour]) -> Verdict:
        """Say whether the neighbour's answer may be served."""
        words = set(query.casefold().strip("?!. ").split())
        if words & MONEY:
            return Verdict(False, 0.0, "money is asked about: exact answers only")
        return self._inner.judge(query, neighbour, neighbours)


def main() -> None:
    with SemanticCache.open("memory:", policy=CarefulAboutMoney()) as cache:
        cache.put("How do I reset my password?", "Click 'Forgot password'.")
        cache.put("How do I get a refund?", "Write to us.")

        assert cache.get("What's the way to reset my password?") is not None
        assert cache.get("What's the way to get a refund?") is None
        assert cache.get("how do I get a refund?") is not None  # the same words

        explanation = cache.explain("What's the way to get a refund?")
        print(explanation.candidates[0].verdict.reason)


main()
