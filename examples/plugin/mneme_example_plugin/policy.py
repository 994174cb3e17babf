"""A policy that looks at the similarity alone."""

from mneme.model import Verdict


class Lenient:
    """Accepts every neighbour from a similarity on."""

    def __init__(self, floor=0.6):
        self.floor = floor

    def judge(self, query, neighbour, others):
        return Verdict(neighbour.similarity >= self.floor, neighbour.similarity, "close enough")
