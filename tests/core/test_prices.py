"""What tokens cost."""

from __future__ import annotations

import json
import re

import pytest

from mneme import InvalidArgumentError, MemoryStore, Prices, SemanticCache, TokenUsage
from mneme.prices import Price, prices_of
from mneme.testing import WordEmbedder

MINE = {"models": {"small": {"input": 1, "output": 2}, "big": {"input": 10, "output": 40, "cached_input": 2}}}


def test_a_million_tokens_cost_the_price():
    prices = Prices.of(MINE)

    assert prices.cost(TokenUsage("small", 1_000_000, 500_000, 400_000)) == 2
    assert prices.cost(TokenUsage("big", 1_000_000, 0, 500_000)) == 6
    assert prices.cost(TokenUsage("other", 1, 1)) is None


@pytest.mark.parametrize(
    "name", ["small", "mine/small", "small-2024-08-06", "small-20240806", "small@20240806", "a/b/small-latest"]
)
def test_a_model_is_found_without_its_provider_and_state(name):
    assert Prices.of(MINE).price(name) == Price(1.0, 2.0)


@pytest.mark.parametrize("name", ["smaller", "small-2", "", "small-mini"])
def test_another_model_has_no_price(name):
    assert Prices.of(MINE).price(name) is None


def test_prices_come_from_json_toml_a_mapping_or_themselves(tmp_path):
    table = {**MINE, "currency": "EUR", "date": "2026-01-31", "source": "the contract"}
    (tmp_path / "prices.json").write_text(json.dumps(table), "utf-8")
    (tmp_path / "prices.toml").write_text(
        'currency = "EUR"\ndate = 2026-01-31\nsource = "the contract"\n'
        "[models.small]\ninput = 1\noutput = 2\n[models.big]\ninput = 10\noutput = 40\ncached_input = 2\n",
        "utf-8",
    )
    loaded = Prices.load(tmp_path / "prices.json")

    assert (loaded.currency, loaded.date, loaded.source) == ("EUR", "2026-01-31", "the contract")
    assert Prices.load(tmp_path / "prices.toml") == loaded == prices_of(table) == prices_of(tmp_path / "prices.json")
    assert prices_of(loaded) is loaded
    assert Prices.of(MINE["models"]).models == loaded.models
    assert prices_of(None) is None


def test_the_shipped_prices_say_when_and_whose_they_are():
    prices = Prices.shipped()

    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", prices.date)
    assert prices.source
    assert prices.cost(TokenUsage("gpt-4o-mini-2024-07-18", 1_000_000, 1_000_000)) == pytest.approx(0.75)
    assert all(0 < price.input <= price.output for price in prices.models.values())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([], "list"),
        ({"models": {}}, "no models"),
        ({"models": 3}, "no models"),
        ({"m": {"input": 1}}, "prices, m"),
        ({"m": {"input": 1, "output": 2, "else": 3}}, "no price"),
        ({"m": {"input": -1, "output": 2}}, "'input' is -1"),
        ({"m": {"input": float("nan"), "output": 2}}, "nan"),
        ({"m": {"input": 10**400, "output": 2}}, "from 0 to"),
        ({"m": {"input": 1e308, "output": 2}}, "from 0 to"),
        ({"m": {"input": True, "output": 2}}, "True"),
        ({"m": {"input": None, "output": 2}}, "numbers"),
    ],
)
def test_what_are_no_prices_is_refused(table, said):
    with pytest.raises(InvalidArgumentError, match=said):
        prices_of(table)


@pytest.mark.parametrize("content", [b"\xff\xfe{", b"[" * 100_000, b"{"], ids=["not UTF-8", "too deep", "torn"])
def test_a_file_of_another_content_is_named(tmp_path, content):
    (tmp_path / "bad.json").write_bytes(content)

    with pytest.raises(InvalidArgumentError, match=r"bad\.json cannot be read as prices"):
        prices_of(tmp_path / "bad.json")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{", "utf-8")

    with pytest.raises(InvalidArgumentError, match=r"bad\.json"):
        prices_of(tmp_path / "bad.json")
    with pytest.raises(InvalidArgumentError, match=r"none\.json"):
        SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), prices=str(tmp_path / "none.json"))


def test_the_table_that_ships_is_named():
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), prices="shipped")
    cache.put("q", "r", usage=TokenUsage("gpt-4o-mini", 1_000_000, 0))
    cache.get("q")

    assert cache.stats().saved_cost == Prices.shipped().cost(TokenUsage("gpt-4o-mini", 1_000_000, 0))
