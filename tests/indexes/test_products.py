"""A product in groups is the product, whatever BLAS may do with its threads."""

from __future__ import annotations

import numpy as np
import pytest

from mneme.indexes import products as module


@pytest.mark.parametrize("has_one_thread", [False, True])
@pytest.mark.parametrize("shape", [(0, 64), (1, 64), (127, 64), (8_192, 64), (300, 384), (5, 9_000)], ids=str)
@pytest.mark.parametrize("columns", [None, 1, 63])
def test_it_is_the_product(shape, columns, has_one_thread, monkeypatch) -> None:
    monkeypatch.setattr(module, "HAS_ONE_THREAD", has_one_thread)
    chance = np.random.default_rng(0)
    rows = chance.standard_normal(shape).astype(np.float32)
    other = chance.standard_normal(shape[1:] if columns is None else (shape[1], columns)).astype(np.float32)

    found = module.products(rows, other)

    assert found.shape == (rows @ other).shape
    assert np.allclose(found, rows.astype(np.float64) @ other.astype(np.float64), atol=1e-3)
