"""Whoever waits is embedded once or has left, in whatever order things happen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mneme.embedders import Batching
from mneme.runtime.queueing import Queue

STEPS = st.lists(st.sampled_from(["join", "take", "end", "leave", "leave leader"]), max_size=60)


@given(steps=STEPS, texts=st.integers(1, 4), at_once=st.integers(1, 3))
def test_in_whatever_order_every_call_is_embedded_once_or_has_left(steps, texts, at_once):
    queue: Queue[list[int]] = Queue(Batching(texts=texts, at_once=at_once))
    leader: list[int] | None = None
    waiting: list[list[int]] = []
    embedded: list[list[int]] = []
    joined, left, busy = 0, 0, 0

    def take() -> None:
        nonlocal leader, busy
        first = leader
        batch, leader = queue.take()
        busy += 1
        assert batch[0] is first
        assert batch == waiting[: len(batch)]
        assert 1 <= len(batch) <= texts
        del waiting[: len(batch)]
        embedded.extend(batch)

    def end() -> None:
        nonlocal leader, busy
        busy -= 1
        appointed = queue.end()
        assert leader is None or appointed is None
        leader = leader or appointed

    for step in steps:
        if step == "join":
            joined += 1
            call = [joined]
            waiting.append(call)
            if queue.join(call):
                assert leader is None
                leader = call
        elif step == "take" and leader is not None:
            take()
        elif step == "end" and busy:
            end()
        elif step.startswith("leave") and waiting:
            call = leader if step == "leave leader" and leader is not None else waiting[-1]
            waiting.remove(call)
            left += 1
            appointed = queue.leave(call)
            leader = appointed if call is leader else leader
        assert busy + (leader is not None) <= at_once
        assert not waiting or leader is not None or busy == at_once
    while leader is not None or busy:
        if leader is not None:
            take()
        else:
            end()

    assert (len(embedded) + left, waiting) == (joined, [])
