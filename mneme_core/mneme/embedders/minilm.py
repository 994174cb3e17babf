"""The bundled embedder: all-MiniLM-L6-v2 with int8 weights, on this machine, without network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mneme.embedders.batching import Batching
from mneme.embedders.weights import session, weights_path
from mneme.embedders.windows import MAX_WINDOWS, WINDOW_TOKENS, windows
from mneme.embedders.wordpiece import CLS, SEP
from mneme.errors import InvalidArgumentError

MAX_BATCH: Final = 32
MAX_BATCH_TOKENS: Final = 1_024
"""With padding. Larger batches are no faster on one thread, long texts even slower, and they take memory."""

RUN_TOKENS: Final = 14
"""What a run of the model costs whatever it reads, 1.7 ms for turning the weights to floats, in tokens of 0.12 ms."""


class MiniLMEmbedder:
    """Embeds English texts with sentence-transformers' all-MiniLM-L6-v2; thread-safe, one model a process.

    The vector is the mean over the tokens, at unit length. A text of more than 254 tokens is read in up
    to four windows and the mean goes over the tokens of all. A text that would share its vector with
    different texts raises InvalidArgumentError instead: too long for that, without a word, with words
    outside the vocabulary, or mostly in another script than Latin (see `mneme.embedders.windows`). A
    cache takes that for a miss.

    Raises ImportError, saying what to install, when onnxruntime or the weights are missing, and
    MnemeError at the first text when the weights are not those Mneme knows.
    """

    dim = 384
    # A text in a batch of eight of its length costs half of one alone; more are hardly cheaper, and are waited for.
    batching = Batching(texts=8, at_once=min(4, os.cpu_count() or 1))
    fingerprint = f"MiniLMEmbedder:all-MiniLM-L6-v2:int8:mean:{MAX_WINDOWS}x{WINDOW_TOKENS}"

    def __init__(self) -> None:
        weights_path()

    def embed(self, text: str) -> NDArray[np.float32]:
        """Return the vector of `text`: float32, shape (384,), unit length."""
        return self.embed_many([text]).reshape(-1)

    def embed_many(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `texts`: float32, shape (len(texts), 384), unit length.

        Raises InvalidArgumentError, before anything is computed, when one of the texts cannot be embedded.
        """
        if isinstance(texts, str):
            raise InvalidArgumentError("embed_many takes a list of texts; embed takes one")
        rows = [(row, window) for row, text in enumerate(texts) for window in windows(text)]
        sums = np.zeros((len(texts), self.dim), np.float32)
        for batch in _batches(rows):
            # A text's windows may share a batch: `+=` would keep only the last of them.
            np.add.at(sums, [row for row, _ in batch], _token_sums([window for _, window in batch]))
        # The mean is the sum but for its length, which is 1 here.
        vectors: NDArray[np.float32] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return vectors

    def __repr__(self) -> str:
        return "MiniLMEmbedder()"


@lru_cache(maxsize=1)
def default_embedder() -> MiniLMEmbedder:
    """Return the process's shared embedder, used where none is given.

    Raises ImportError, saying what to install, when onnxruntime or the weights are missing.
    """
    return MiniLMEmbedder()


def _batches(rows: list[tuple[int, list[int]]]) -> Iterator[list[tuple[int, list[int]]]]:
    """Yield the windows in the batches that read the fewest tokens, padding and RUN_TOKENS of each run among them."""
    rows = sorted(rows, key=lambda pair: len(pair[1]))
    costs, starts = [0], [0]
    for end, (_, window) in enumerate(rows, start=1):
        length = len(window) + 2
        first = max(0, end - min(MAX_BATCH, MAX_BATCH_TOKENS // length))
        cost, start = min((costs[at] + (end - at) * length + RUN_TOKENS, at) for at in range(first, end))
        costs.append(cost)
        starts.append(start)
    end = len(rows)
    while end:
        yield rows[starts[end] : end]
        end = starts[end]


def _token_sums(batch: list[list[int]]) -> NDArray[np.float32]:
    """Return the sum of each window's token vectors: float32, shape (len(batch), 384)."""
    longest = max(map(len, batch)) + 2
    ids = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(batch):
        ids[row, : len(window) + 2] = [CLS, *window, SEP]
        mask[row, : len(window) + 2] = 1
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (hidden,) = session().run(["last_hidden_state"], inputs)
    sums: NDArray[np.float32] = np.einsum("bth,bt->bh", hidden, mask.astype(np.float32))
    return sums
