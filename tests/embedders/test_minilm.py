"""The bundled embedder, with its real weights."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.embedders import BatchEmbedder, Embedder, MiniLMEmbedder, default_embedder
from mneme.embedders.minilm import MAX_BATCH, MAX_BATCH_TOKENS, RUN_TOKENS, _batches
from mneme.errors import InvalidArgumentError

REFERENCE = json.loads(Path(__file__).with_name("minilm_reference.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def embedder() -> MiniLMEmbedder:
    return default_embedder()


@pytest.mark.parametrize("text", REFERENCE)
def test_the_vectors_are_those_of_the_float32_model_but_for_rounding(embedder: MiniLMEmbedder, text: str) -> None:
    assert float(embedder.embed(text) @ np.array(REFERENCE[text], np.float32)) > 0.9985


def test_the_published_vector_of_hello_world_starts_alike(embedder: MiniLMEmbedder) -> None:
    assert embedder.embed("Hello world")[:3] == pytest.approx([-0.0344773, 0.0310232, 0.006735], abs=0.01)


def test_a_vector_is_float32_of_unit_length(embedder: MiniLMEmbedder) -> None:
    vector = embedder.embed("How do I cook rice?")

    assert (vector.dtype, vector.shape, float(np.linalg.norm(vector))) == (
        np.float32,
        (embedder.dim,),
        pytest.approx(1.0, abs=1e-6),
    )


def test_it_is_an_embedder_that_embeds_many(embedder: MiniLMEmbedder) -> None:
    assert isinstance(embedder, Embedder)
    assert isinstance(embedder, BatchEmbedder)


def test_a_paraphrase_is_nearer_than_an_unrelated_question(embedder: MiniLMEmbedder) -> None:
    asked, paraphrase, unrelated = embedder.embed_many(
        ["How do I reset my password?", "I forgot my password, how can I change it?", "How do I cook rice?"]
    )

    assert asked @ paraphrase > 0.7 > 0.3 > asked @ unrelated


def test_a_batch_gives_the_vectors_of_single_calls(embedder: MiniLMEmbedder) -> None:
    texts = ["short", "a question of middling length, is it not?", "word " * 300, "Hello", "word " * 80]

    np.testing.assert_allclose(embedder.embed_many(texts), [embedder.embed(text) for text in texts], atol=1e-4)


def test_a_batch_of_more_than_one_run_keeps_the_order(embedder: MiniLMEmbedder) -> None:
    texts = [f"{'very ' * (number % 5)}question number {number}" for number in range(40)]

    vectors = embedder.embed_many(texts)

    np.testing.assert_allclose(vectors[[0, 17, 39]], [embedder.embed(texts[row]) for row in (0, 17, 39)], atol=1e-4)


@given(st.lists(st.integers(1, 254), max_size=80))
def test_a_batch_is_padded_only_where_that_costs_less_than_another_run(lengths: list[int]) -> None:
    rows = [(row, [7] * length) for row, length in enumerate(lengths)]
    batches = list(_batches(rows))
    read = [(len(batch), max(len(window) + 2 for _, window in batch)) for batch in batches]

    assert sorted(pair for batch in batches for pair in batch) == rows
    assert all(size <= MAX_BATCH and size * longest <= MAX_BATCH_TOKENS for size, longest in read)
    alone = sum(length + 2 + RUN_TOKENS for length in lengths)
    assert sum(size * longest + RUN_TOKENS for size, longest in read) <= alone


def test_texts_of_one_length_are_read_together_and_a_long_one_is_not_waited_for() -> None:
    rows = [(row, [7] * length) for row, length in enumerate([10, 200, 11, 10])]

    assert [[row for row, _ in batch] for batch in _batches(rows)] == [[1], [0, 3, 2]]


def test_no_texts_give_no_vectors(embedder: MiniLMEmbedder) -> None:
    assert embedder.embed_many([]).shape == (0, 384)


def test_one_string_is_not_taken_for_a_list_of_characters(embedder: MiniLMEmbedder) -> None:
    with pytest.raises(InvalidArgumentError, match="list of texts"):
        embedder.embed_many("Hello")


def test_long_texts_that_differ_only_at_the_end_do_not_embed_equal(embedder: MiniLMEmbedder) -> None:
    start = "The report describes the region and its history in detail. " * 30
    one, other = embedder.embed_many([start + "Summarise it.", start + "Is the bridge safe?"])

    assert float(one @ other) < 0.9999


def test_emoji_that_the_vocabulary_lacks_are_told_apart(embedder: MiniLMEmbedder) -> None:
    glad, angry = embedder.embed_many(["I feel 😀 today", "I feel 😡 today"])

    assert float(glad @ angry) < 0.8


def test_one_text_that_cannot_be_embedded_refuses_the_batch(embedder: MiniLMEmbedder) -> None:
    with pytest.raises(InvalidArgumentError, match="too long"):
        embedder.embed_many(["Hello", "word " * 2_000])


def test_threads_may_share_it(embedder: MiniLMEmbedder) -> None:
    texts = [f"question {number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(embedder.embed, texts))

    np.testing.assert_allclose(vectors, [embedder.embed(text) for text in texts], atol=1e-6)


def test_the_process_shares_one_default_embedder() -> None:
    assert default_embedder() is default_embedder()


def test_the_fingerprint_names_what_makes_the_vectors(embedder: MiniLMEmbedder) -> None:
    assert embedder.fingerprint == "MiniLMEmbedder:all-MiniLM-L6-v2:int8:mean:4x254"
