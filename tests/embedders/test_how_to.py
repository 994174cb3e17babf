"""The examples of docs/how-to/embedders.md run."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from llama_index.core.embeddings import MockEmbedding

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "embedders.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


class NamedFake(DeterministicFakeEmbedding):
    model: str = "fake"


def given() -> dict[str, object]:
    """What a reader has already."""
    modules = [SimpleNamespace(auto_model=SimpleNamespace(config=SimpleNamespace(name_or_path="acme/small")))]
    transformer = type("Model", (list,), {"get_sentence_embedding_dimension": lambda self: 2})(modules)
    return {
        "embeddings": NamedFake(size=4),
        "embed_model": MockEmbedding(embed_dim=3, model_name="mock"),
        "model": transformer,
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = given()
    try:
        exec(compile(example, str(PAGE), "exec"), names)
    finally:
        if "cache" in names:
            names["cache"].close()  # type: ignore[attr-defined]


def test_the_first_example_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    exec(EXAMPLES[0], names)

    assert names["hit"].response == "Under Settings, choose Security."  # type: ignore[attr-defined]


def test_the_letter_embedder_is_what_a_cache_takes() -> None:
    names: dict[str, object] = {}
    exec(next(example for example in EXAMPLES if "LetterEmbedder" in example).split("\n\n\ncache =")[0], names)

    vector = names["LetterEmbedder"]().embed("abba")  # type: ignore[operator]

    assert (vector.dtype, vector[:3].tolist()) == (np.float32, [2.0, 2.0, 0.0])
