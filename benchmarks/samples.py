"""Timing calls one by one, and saying how long they took."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from statistics import fmean, median
from time import perf_counter_ns
from typing import Any, TypedDict


class Timing(TypedDict):
    """Microseconds a call, without what reading the timer costs."""

    median: float
    p99: float
    mean: float
    calls: int
    wrong: int
    """How many calls did not return the truth."""


def timing(nanoseconds: list[int], wrong: int = 0) -> Timing:
    """Return the median, the 99th percentile and the mean of samples."""
    samples = sorted(nanoseconds)
    own = timer_cost()
    return {
        "median": (median(samples) - own) / 1_000,
        "p99": (samples[int(len(samples) * 0.99)] - own) / 1_000,
        "mean": (fmean(samples) - own) / 1_000,
        "calls": len(samples),
        "wrong": wrong,
    }


def timer_cost() -> float:
    """Return the nanoseconds between two readings with nothing between them."""
    return median(-(perf_counter_ns() - perf_counter_ns()) for _ in range(1_000))


def time_calls(call: Callable[[Any], Any], arguments: Iterable[Any]) -> tuple[list[int], list[Any]]:
    """Return how many nanoseconds each call took, and what it returned."""
    nanoseconds, results = [], []
    for argument in arguments:
        start = perf_counter_ns()
        result = call(argument)
        nanoseconds.append(perf_counter_ns() - start)
        results.append(result)
    return nanoseconds, results


async def time_awaits(call: Callable[[Any], Awaitable[Any]], arguments: Iterable[Any]) -> tuple[list[int], list[Any]]:
    """Return the same of calls that are awaited one after another."""
    nanoseconds, results = [], []
    for argument in arguments:
        start = perf_counter_ns()
        result = await call(argument)
        nanoseconds.append(perf_counter_ns() - start)
        results.append(result)
    return nanoseconds, results


async def time_gathered(
    call: Callable[[Any], Awaitable[Any]], batches: Iterable[Iterable[Any]]
) -> tuple[list[int], list[Any]]:
    """Return how many nanoseconds the calls of a batch took together, and what all of them returned."""
    nanoseconds, results = [], []
    for batch in batches:
        start = perf_counter_ns()
        found = await asyncio.gather(*map(call, batch))
        nanoseconds.append(perf_counter_ns() - start)
        results.extend(found)
    return nanoseconds, results
