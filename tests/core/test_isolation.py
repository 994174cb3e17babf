"""No similarity is ever computed across partitions: a hit always comes from its own namespace and vary."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from mneme import MemoryStore, SemanticCache
from mneme.engine.keys import partition_of
from mneme.testing import WordEmbedder

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates too
PARTITIONS = st.tuples(TEXT, st.none() | st.dictionaries(TEXT, JSON, max_size=3))


def same(one, two):
    """Whether two varies are the same JSON, which tells 1 from 1.0 and from true."""
    return json.dumps(one or {}, sort_keys=True, ensure_ascii=False) == json.dumps(
        two or {}, sort_keys=True, ensure_ascii=False
    )


@given(PARTITIONS, PARTITIONS)
def test_different_namespaces_or_varies_never_share_a_partition(one, two):
    expected = one[0] == two[0] and same(one[1], two[1])

    assert (partition_of(*one) == partition_of(*two)) is expected


@given(st.text(max_size=6), st.text(max_size=6), JSON)
def test_no_text_can_cross_the_border_between_namespace_and_vary(left, right, value):
    spellings = {
        (left + right, None),
        (left, json.dumps({right: value})),
        (left + json.dumps({right: value}), None),
        (left + "\x00" + right, None),
    }
    partitions = {partition_of(namespace, json.loads(vary) if vary else None) for namespace, vary in spellings}

    assert len(partitions) == len(spellings)


def test_a_border_moved_by_one_letter_is_another_partition():
    namespaces = ["a", "ab", "abc", "bc", "c", "", 'a{"b":"c"}', "a\x00b", "a/b"]
    varies = [None, {"b": "c"}, {"bc": ""}, {"": "bc"}, {"b": ["c"]}, {"b": {"c": None}}, {"b": 'c","d":"e'}]
    partitions = {partition_of(namespace, vary) for namespace in namespaces for vary in varies}

    assert len(partitions) == len(namespaces) * len(varies)


def test_10_000_random_requests_hit_their_own_partition_alone():
    rng = random.Random(20_261_122)
    words = [f"word{number}" for number in range(6)]
    namespaces = [f"tenant{number}" for number in range(25)] + ["", "tenant1 ", "TENANT1", "default"]
    varies = [None, {}, {"model": "a"}, {"model": "b"}, {"model": "a", "t": 0}, {"t": 0}, {"t": 0.0}, {"t": "0"}]
    stored: dict[bytes, set[str]] = {}
    hits = {"exact": 0, "semantic": 0}
    with SemanticCache(store=MemoryStore(), embedder=WordEmbedder(32), max_entries=600) as cache:
        for _ in range(10_000):
            namespace, vary = rng.choice(namespaces), rng.choice(varies)
            query = " ".join(rng.sample(words, rng.randint(1, 4)))
            partition = partition_of(namespace, vary)
            action = rng.random()
            if action < 0.25:
                response = f"{partition.hex()} {query}"
                cache.put(query, response, namespace=namespace, vary=vary)
                stored.setdefault(partition, set()).add(response)
            elif action < 0.3:
                cache.delete(query, namespace=namespace, vary=vary)
            elif action < 0.301:
                cache.clear_namespace(namespace)
            else:
                hit = cache.get(query, namespace=namespace, vary=vary)
                if hit is not None:
                    hits[hit.layer] += 1
                    assert hit.namespace == namespace
                    assert hit.response in stored[partition]

    assert min(hits.values()) > 200  # or this tested nothing


def test_a_file_opened_with_another_reading_of_queries_answers_nothing_of_the_first(tmp_path):
    """The canonical "us" stands for "US" where case is folded, and for itself alone where it is not."""
    path = tmp_path / "cache.db"
    with SemanticCache(path, WordEmbedder()) as folding:
        folding.put("US", "the country")
    hits = []
    for normalize in (False, str.lower):
        with SemanticCache(path, WordEmbedder(), normalize=normalize) as cache:
            hits.append(cache.get("us"))
    with SemanticCache(path, WordEmbedder()) as folding:
        again = folding.get("us")

    assert (hits, again.response) == ([None, None], "the country")
