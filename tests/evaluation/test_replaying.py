"""Pairs and streams, put to our caches and to a peer in a process of its own."""

from __future__ import annotations

import sys

import pytest

from mneme import Threshold
from mneme.demo.traffic import DemoRequest
from mneme.errors import InvalidArgumentError, UnembeddableTextError
from mneme.evaluation.contenders import Own, Vectors
from mneme.evaluation.figures import figures
from mneme.evaluation.peers import Peer, PeerError
from mneme.evaluation.replaying import ask_pairs, replay
from mneme.runtime.pairs import LabelledPair
from mneme.testing import WordEmbedder

PAIRS = [
    LabelledPair("how do I pay", "how do I pay", True),
    LabelledPair("how do I pay today", "today how do I pay", True),
    LabelledPair("how do I pay", "where is my parcel", False),
    LabelledPair("to Rome from Paris", "from Rome to Paris", False, kind="trap"),
    LabelledPair("what does it cost", "what does it cost", False, turns_a=("a car?",), turns_b=("a bike?",)),
]
REQUESTS = [
    DemoRequest("1", ({"role": "user", "content": "how do I pay"},), truth="pay"),
    DemoRequest("2", ({"role": "user", "content": "do I pay how"},), truth="pay"),
    DemoRequest("3", ({"role": "user", "content": "how do I pay"},), truth="pay", tenant="other"),
    DemoRequest("4", ({"role": "user", "content": "I do how pay"},), truth="another"),
]


@pytest.fixture
def vectors() -> Vectors:
    vectors = Vectors(WordEmbedder())
    vectors.learn([text for pair in PAIRS for text in (pair.a, pair.b)])
    vectors.learn(request.text for request in REQUESTS)
    return vectors


@pytest.fixture(params=["own", "peer"])
def contender(request, vectors):
    if request.param == "own":
        made = Own("threshold", vectors, Threshold(0.85))
    else:
        # Our own surface is the peer's: under this interpreter the script drives Mneme itself.
        made = Peer("mneme-cache", sys.executable, vectors)
    yield made
    made.close()


def test_pairs_are_alone(contender):
    steps = []
    run = ask_pairs(contender, PAIRS, lambda: steps.append(1))

    # The bag of words takes a change of order for no change: that is served, and wrong. A peer knows no earlier turns.
    is_peer = isinstance(contender, Peer)
    assert [one.served for one in run] == [True, True, False, True, is_peer]
    assert (figures(run).recall.part, figures(run).trapped.part) == (2, 2 if is_peer else 1)
    assert len(steps) == len(PAIRS)


def test_a_stream_fills_one_cache(contender):
    run = replay(contender, REQUESTS, lambda: None)

    assert [(one.served, one.right) for one in run] == [(False, False), (True, True), (False, False), (True, False)]
    assert [one.answerable for one in run] == [False, True, False, False]


def test_the_baseline_serves_equal_questions_alone(vectors):
    run = ask_pairs(Own("exact", vectors, None, "exact"), PAIRS, lambda: None)

    assert [one.served for one in run] == [True, False, False, False, False]


def test_a_text_without_a_vector_is_known_as_such(vectors):
    class Picky(WordEmbedder):
        def embed(self, text):
            if "x" in text:
                raise UnembeddableTextError(text)
            return super().embed(text)

    picky = Vectors(Picky())
    done = []
    picky.learn(["a", "x", "b", "a"], done.append)

    assert sum(done) == 3
    assert picky.of("x") is None
    assert picky.of("b") is not None
    assert (
        ask_pairs(Own("t", picky, Threshold(0.85)), [LabelledPair("x", "x", True), LabelledPair("x", "a", True)], int)[
            1
        ].served
        is False
    )


def test_a_peer_that_ends_is_an_error(vectors):
    with pytest.raises(PeerError, match="cannot be started"):
        Peer("mneme-cache", "/nowhere/python", vectors)
    with pytest.raises(PeerError, match="exit code"):
        Peer("gptcache", sys.executable, vectors).ask({"pair": 1}, "how do I pay")
    with pytest.raises(InvalidArgumentError, match="no known peer"):
        Peer("other", sys.executable, vectors)
