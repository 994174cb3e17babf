"""Which entry leaves: each policy against one that looks at all entries every time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme import CostAware, Evictable, InvalidArgumentError, Lru, Sieve
from mneme.engine.eviction import MOST_AT_ONCE, overflow


@pytest.mark.parametrize(
    ("count", "limit", "leaving"),
    [(0, 0, 0), (1, 0, 1), (10, 10, 0), (11, 10, 1), (101, 100, 10), (150, 100, 50), (5, 100, 0)],
)
def test_about_a_tenth_leaves_when_the_limit_is_passed(count, limit, leaving):
    assert overflow(count, limit) == leaving


def test_of_a_large_cache_less_than_a_tenth_leaves_so_that_nobody_waits():
    assert overflow(1_000_001, 1_000_000) == MOST_AT_ONCE


def test_without_a_share_one_leaves_at_a_time():
    assert overflow(101, 100, 0.0) == 1


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1))
def test_the_limit_holds_afterwards_and_nothing_leaves_before_it_is_passed(count, limit, share):
    leaving = overflow(count, limit, share)

    assert 0 <= count - leaving <= limit if count > limit else leaving == 0


class NaiveLru:
    def __init__(self):
        self.keys = []

    def add(self, entry):
        self.keys.append(entry.key)

    def use(self, key):
        self.keys.append(self.keys.pop(self.keys.index(key)))

    def remove(self, key):
        self.keys.remove(key)

    def victim(self):
        return self.keys[0]


class NaiveSieve:
    """The paper's own words: one queue, newest first; the hand walks from the tail to the head and round."""

    def __init__(self):
        self.queue, self.visited, self.hand = [], {}, None

    def add(self, entry):
        self.queue.insert(0, entry.key)
        self.visited[entry.key] = entry.uses > 0

    def use(self, key):
        self.visited[key] = True

    def _before(self, key):
        place = self.queue.index(key)
        return self.queue[place - 1] if place else None

    def remove(self, key):
        if key == self.hand:
            self.hand = self._before(key)
        self.queue.remove(key)
        del self.visited[key]

    def victim(self):
        key = self.hand or self.queue[-1]
        while self.visited[key]:
            self.visited[key] = False
            key = self._before(key) or self.queue[-1]
        self.hand = key
        return key


class NaiveCost:
    def __init__(self, policy):
        self.policy, self.age, self.ticks, self.entries = policy, 0.0, itertools.count(), {}

    def _rank(self, entry, uses):
        return (self.age + uses * (self.policy.value(entry) / entry.size), next(self.ticks))

    def add(self, entry):
        self.entries[entry.key] = (self._rank(entry, 1 + entry.uses), entry, 1 + entry.uses)

    def use(self, key):
        _, entry, uses = self.entries[key]
        self.entries[key] = (self._rank(entry, uses + 1), entry, uses + 1)

    def remove(self, key):
        del self.entries[key]

    def victim(self):
        rank, entry, _ = min(self.entries.values(), key=lambda found: found[0])
        self.age = rank[0]
        return entry.key


NUMBERS = st.one_of(st.none(), st.floats(0, 10), st.integers(0, 3).map(float))
ENTRIES = st.builds(
    Evictable,
    key=st.integers(0, 12).map(lambda number: bytes([number])),
    size=st.integers(1, 5_000),
    cost=NUMBERS,
    compute_seconds=NUMBERS,
    uses=st.integers(0, 2),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ENTRIES),
        st.tuples(st.sampled_from(["use", "use", "remove"]), st.integers(0, 12).map(lambda number: bytes([number]))),
        st.tuples(st.just("evict"), st.none()),
    ),
    max_size=120,
)


@pytest.mark.parametrize(
    ("policy", "naive"),
    [
        (Lru(), NaiveLru),
        (Sieve(), NaiveSieve),
        (CostAware(), lambda: NaiveCost(CostAware())),
        (CostAware(0.0, unknown=0.0), lambda: NaiveCost(CostAware(0.0, unknown=0.0))),
    ],
)
def test_a_policy_chooses_what_the_naive_one_chooses(policy, naive):
    @given(STEPS)
    def check(steps):
        order, reference, held = policy.order(), naive(), set()
        for step, what in steps:
            if step == "add" and what.key not in held:
                held.add(what.key)
                order.add(what)
                reference.add(what)
            elif step == "evict" and held:
                key = order.victim()
                assert key == reference.victim()
                held.remove(key)
                order.remove(key)
                reference.remove(key)
            elif step in ("use", "remove") and what in held:
                held -= {what} if step == "remove" else set()
                getattr(order, step)(what)
                getattr(reference, step)(what)
        while held:
            key = order.victim()
            assert key == reference.victim()
            held.remove(key)
            order.remove(key)
            reference.remove(key)

    check()


def left_after(policy, entries, used=()):
    """The order in which entries leave, after some were used."""
    order = policy.order()
    for entry in entries:
        order.add(entry)
    for key in used:
        order.use(key)
    left = []
    for _ in entries:
        left.append(order.victim())
        order.remove(left[-1])
    return left


def test_what_saves_less_for_its_room_leaves_first():
    dear = Evictable(b"dear", 1_000, cost=2.0)
    slow = Evictable(b"slow", 1_000, compute_seconds=30.0)
    large = Evictable(b"large", 10_000, cost=2.0)
    unknown = Evictable(b"unknown", 1_000)

    assert left_after(CostAware(0.01), [dear, slow, large, unknown]) == [b"large", b"slow", b"unknown", b"dear"]


def test_what_was_used_is_worth_more():
    entries = [Evictable(b"a", 1_000), Evictable(b"b", 1_000)]

    assert left_after(CostAware(), entries, [b"a"]) == [b"b", b"a"]


def test_a_worth_of_old_is_overtaken():
    order = CostAware().order()
    order.add(Evictable(b"old", 1_000, uses=9))
    for number in range(12):
        order.add(Evictable(bytes([number]), 1_000))
        if (gone := order.victim()) == b"old":
            break
        order.remove(gone)

    assert (gone, number) == (b"old", 9)


def test_sieve_keeps_what_was_used_from_a_scan():
    order = Sieve().order()
    for number in range(3):
        order.add(Evictable(bytes([number]), 1_000))
    order.use(b"\x00")
    gone = []
    for number in range(10, 20):
        gone.append(order.victim())
        order.remove(gone[-1])
        order.add(Evictable(bytes([number]), 1_000))

    assert b"\x00" not in gone


@pytest.mark.parametrize("arguments", [{"per_second": -1}, {"unknown": float("nan")}, {"per_second": True}])
def test_what_is_no_worth_is_an_error_that_says_so(arguments):
    with pytest.raises(InvalidArgumentError, match=f"{next(iter(arguments))} is"):
        CostAware(**arguments)
