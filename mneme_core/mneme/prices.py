"""What tokens cost: a table that is yours to replace, and one that ships, with its date and its source."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

from mneme.errors import InvalidArgumentError
from mneme.model import Saving, TokenUsage

SHIPPED: Final = Path(__file__).with_name("prices.json")
TOKENS: Final = 1_000_000
"""A price is that of so many tokens."""
# Of a price; sums of any tokens at it are finite.
DEAREST: Final = 10**12

# How providers name one state of a model: gpt-4o-2024-08-06, claude-haiku-4-5-20251001, claude-haiku-4-5@20251001.
_STATE = re.compile(r"[-@:](\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a model cost."""

    input: float
    output: float
    cached_input: float | None = None
    """Of input tokens that the provider had cached; None where they cost what others do."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models, all in one currency."""

    models: Mapping[str, Price]
    currency: str = "USD"
    date: str = ""
    """When they held, as year-month-day; empty where nobody says."""
    source: str = ""

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Prices:
        """Return the prices of a file, JSON, or TOML where its name ends with .toml.

        It has "models": {name: {"input": 2.5, "output": 10, "cached_input": 1.25}}, in units of the currency for a
        million tokens, and optionally "currency", "date" and "source".
        Raises InvalidArgumentError for another content, OSError for a file that cannot be read.
        """
        content = Path(path).read_bytes()
        try:
            text = content.decode("utf-8")
            found = tomllib.loads(text) if str(path).endswith(".toml") else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"{path} cannot be read as prices: {error}.") from error
        return cls.of(found, str(path))

    @classmethod
    def shipped(cls) -> Prices:
        """Return the prices that came with this version: a few models, as of `date`. Replace them with your own."""
        return cls.load(SHIPPED)

    @classmethod
    def of(cls, table: Any, what: str = "prices") -> Prices:
        """Return the prices of a mapping such as `load` reads, or of its "models" alone; `what` names it in errors.

        Raises InvalidArgumentError for another content.
        """
        if not isinstance(table, Mapping):
            raise InvalidArgumentError(f"{what} is of type {type(table).__name__}; it is a mapping with 'models'.")
        models = table.get("models", table)
        if not isinstance(models, Mapping) or not models:
            raise InvalidArgumentError(
                f"{what} names no models; write {{'models': {{'gpt-4o': {{'input': 2.5, …}}}}}}."
            )
        rest = {name: table[name] for name in ("currency", "date", "source") if "models" in table and name in table}
        return cls(
            {str(name): _price(given, f"{what}, {name}") for name, given in models.items()},
            **{name: str(value) for name, value in rest.items()},
        )

    def price(self, model: str) -> Price | None:
        """Return the price of a model; None where there is none.

        Under its own name, else without its provider ("openai/gpt-4o"), else without its state ("-2024-08-06").
        """
        plain = model.rpartition("/")[2]
        names = (model, plain, _STATE.sub("", plain))
        return next((self.models[name] for name in names if name in self.models), None)

    def cost(self, usage: TokenUsage) -> float | None:
        """Return what these tokens cost, in units of the currency; None for a model without a price."""
        price = self.price(usage.model)
        if price is None:
            return None
        cached = price.input if price.cached_input is None else price.cached_input
        fresh = usage.input_tokens - usage.cached_input_tokens
        return (fresh * price.input + usage.cached_input_tokens * cached + usage.output_tokens * price.output) / TOKENS


def prices_of(given: Any) -> Prices | None:
    """Return prices from what a caller gave: "shipped", a path, a mapping, prices or None.

    Raises InvalidArgumentError for what are none, and for a file that cannot be read.
    """
    if given is None or isinstance(given, Prices):
        return given
    if given == "shipped":
        return Prices.shipped()
    if isinstance(given, str | PathLike):
        try:
            return Prices.load(given)
        except OSError as error:
            raise InvalidArgumentError(f"the prices at {given!s} cannot be read: {error.strerror or error}.") from error
    return Prices.of(given)


def savings(usages: Iterable[TokenUsage], prices: Prices | None) -> tuple[Saving, ...]:
    """Return each usage with its cost."""
    return tuple(Saving(usage, None if prices is None else prices.cost(usage)) for usage in usages)


def _price(given: Any, what: str) -> Price:
    if isinstance(given, Price):
        given = {"input": given.input, "output": given.output, "cached_input": given.cached_input}
    known = ("input", "output", "cached_input")
    if not isinstance(given, Mapping) or not {"input", "output"} <= given.keys() <= set(known):
        raise InvalidArgumentError(
            f"{what}: {given!r} is no price. It has 'input' and 'output', for a million tokens, and may have "
            "'cached_input'."
        )
    numbers = {name: given[name] for name in known if given.get(name) is not None}
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= DEAREST:
            raise InvalidArgumentError(f"{what}: {name!r} is {number!r}; it is a number from 0 to {DEAREST:,}.")
    if len(numbers.keys() & {"input", "output"}) < 2:
        raise InvalidArgumentError(f"{what}: 'input' and 'output' are numbers, not None.")
    return Price(**{name: float(number) for name, number in numbers.items()})
