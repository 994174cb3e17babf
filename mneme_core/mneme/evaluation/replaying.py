"""Puts labelled pairs and streams of requests to a contender."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mneme.demo.traffic import DemoRequest
from mneme.evaluation.contenders import Contender
from mneme.evaluation.figures import Asked
from mneme.runtime.pairs import LabelledPair


def ask_pairs(contender: Contender, pairs: Sequence[LabelledPair], step: Callable[[], None]) -> list[Asked]:
    """Keep an answer to the first question of each pair, ask the second; each pair is alone in the cache.

    Pairs with turns are conversations, which must not share answers unless the pair is the same.
    """
    asked = []
    for number, pair in enumerate(pairs):
        contender.keep({"pair": number, "turns": list(pair.turns_a)}, pair.a, "the answer")
        served = contender.ask({"pair": number, "turns": list(pair.turns_b)}, pair.b) is not None
        asked.append(Asked(pair.kind, pair.origin, pair.same, served, served and pair.same))
        step()
    return asked


def replay(contender: Contender, requests: Sequence[DemoRequest], step: Callable[[], None]) -> list[Asked]:
    """Ask the requests in order, one cache for all of them; what is not served is answered rightly and kept.

    The truth of each request must be known. Those of one truth are a cluster.
    """
    asked, there = [], set()
    for request in requests:
        group = {"tenant": request.tenant, "turns": list(request.messages[:-1])}
        truth = request.truth or ""
        response = contender.ask(group, request.text)
        place = (request.tenant, truth)
        asked.append(Asked(request.kind, truth, place in there, response is not None, response == truth))
        if response is None:
            contender.keep(group, request.text, truth)
            there.add(place)
        step()
    return asked
