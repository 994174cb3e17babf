"""A sentence-transformers model as an embedder."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from mneme.embedders.adapters import AsAsyncBatch
from mneme.embedders.batching import Batching
from mneme.embedders.clients import PROBE, Vectors, as_vectors, unnamed
from mneme.errors import UnembeddableTextError


class SentenceTransformerEmbedder:
    """Embeds with a `SentenceTransformer` that the caller loaded. Thread-safe; vectors have unit length.

    prompt_name: the model's prompt to put before every text, such as "query".
    fingerprint: made of the model's name or path where it is not given; InvalidArgumentError when it has
    none.

    A text that the model would cut off raises InvalidArgumentError: texts that differ only past the cut
    would get one vector.
    """

    batching = Batching(at_once=1)  # a model embeds one batch at a time

    # Any: the class is the caller's, and importing it for its type would load PyTorch.
    def __init__(self, model: Any, *, prompt_name: str | None = None, fingerprint: str | None = None) -> None:
        self._model = model
        self._prompt_name = prompt_name
        self._dim: int | None = model.get_sentence_embedding_dimension()
        # Hugging Face's tokenizers fail ("Already borrowed") when two threads use one.
        self._lock = threading.Lock()
        self.fingerprint = fingerprint or _fingerprint(model, prompt_name)

    @property
    def dim(self) -> int:
        """How many numbers a vector has; for a model that does not tell, the first use embeds a probe."""
        if self._dim is None:
            self._dim = len(self.embed(PROBE))
        return self._dim

    def embed(self, text: str) -> Vectors:
        """Return the vector of `text`: float32, shape (dim,), unit length."""
        return self.embed_many([text]).reshape(-1)

    def embed_many(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`: float32, shape (len(texts), dim), unit length."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        prompt = {} if self._prompt_name is None else {"prompt_name": self._prompt_name}
        with self._lock:
            self._check_lengths(texts)
            rows = self._model.encode(
                list(texts),
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
                **prompt,
            )
        return as_vectors(rows, len(texts))

    def _check_lengths(self, texts: Sequence[str]) -> None:
        limit = getattr(self._model, "max_seq_length", None)
        tokenizer = getattr(self._model, "tokenizer", None)
        if limit is None or math.isinf(limit) or not callable(tokenizer):
            return
        name = self._prompt_name or getattr(self._model, "default_prompt_name", None)
        prompt = self._model.prompts[name] if name else ""
        encoded: Any = tokenizer([prompt + text for text in texts], truncation=False, padding=False, verbose=False)
        longest = max(map(len, encoded["input_ids"]))
        if longest > limit:
            raise UnembeddableTextError(
                f"A text of {longest:,} tokens is too long to embed faithfully: the model reads {limit:,}."
            )

    def __repr__(self) -> str:
        return f"SentenceTransformerEmbedder({self.fingerprint!r})"


class AsyncSentenceTransformerEmbedder(AsAsyncBatch):
    """The same, awaited: the model runs in worker threads."""

    def __init__(self, model: Any, *, prompt_name: str | None = None, fingerprint: str | None = None) -> None:
        super().__init__(SentenceTransformerEmbedder(model, prompt_name=prompt_name, fingerprint=fingerprint))


def _fingerprint(model: Any, prompt_name: str | None) -> str:
    try:
        name = model[0].auto_model.config.name_or_path
    except (AttributeError, IndexError, KeyError, TypeError):
        name = None
    if not name:
        raise unnamed(model)
    return f"SentenceTransformerEmbedder:{name}" + (f":{prompt_name}" if prompt_name else "")
