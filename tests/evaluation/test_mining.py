"""Pairs out of a log are those a cache would have had to decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.engine.canonical import canonical_text
from mneme.errors import InvalidArgumentError
from mneme.evaluation.contenders import Vectors
from mneme.evaluation.mining import mine, read_log, sample
from mneme.testing import WordEmbedder

QUERIES = st.lists(st.text("abc ", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=30)


@given(QUERIES)
def test_each_is_paired_with_the_nearest_before_it(queries):
    vectors = Vectors(WordEmbedder())
    vectors.learn(queries)
    mined = mine(queries, vectors, floor=0.5)
    expected = []
    before: list[str] = []
    for query in queries:
        if canonical_text(query) in map(canonical_text, before):
            continue
        similarities = [float(vectors.of(other) @ vectors.of(query)) for other in before]
        if similarities and max(similarities) >= 0.5:
            expected.append((before[int(np.argmax(similarities))], query))
        before.append(query)

    assert (mined.requests, mined.repeats) == (len(queries), len(queries) - len(before))
    assert [b for _, b in mined.pairs] == [b for _, b in expected]


def test_a_sample_is_no_more_than_there_is():
    assert sorted(sample([("a", "b"), ("c", "d")], 5)) == [("a", "b"), ("c", "d")]
    assert len(sample([("a", str(n)) for n in range(50)], 7)) == 7


def test_a_log_is_text_or_json(tmp_path):
    path = tmp_path / "log"
    path.write_text(
        'how do I pay\n\n{"query": "a"}\n{"prompt": "b"}\n{"messages": [{"role": "user", "content": "c"}]}\n', "utf-8"
    )

    assert read_log(path) == ["how do I pay", "a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no queries"),
        (b'{"x": 1}', "line 1"),
        (b"ok\n{", "line 2"),
        (b'{"messages": []}', "line 1"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_bad_log_is_named(tmp_path, content, said):
    path = tmp_path / "log"
    path.write_bytes(content)

    with pytest.raises(InvalidArgumentError, match=said):
        read_log(path)
