"""Reads who asks from the running chain's config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config

from mneme_langchain._messages import NotKeyedError


@contextmanager
def run_of(config: RunnableConfig | None) -> Iterator[None]:
    """Hold while it shall be as inside a chain that runs with `config`; None leaves it as it is."""
    if config is None:
        yield
        return
    token = var_child_runnable_config.set(config)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def scope_of_run(names: Sequence[str]) -> dict[str, str | int]:
    """Return the values of `names` in the running chain's `configurable`, else its `metadata`.

    Raises NotKeyedError where one is missing. LangChain shows the config inside chains and graphs only; a
    direct `model.invoke(..., config=...)` has none, and its answers must not go to all others without a name.
    """
    # LangChain types the two mappings' values as Any.
    config: Any = var_child_runnable_config.get() or {}
    known: dict[str, Any] = {**(config.get("metadata") or {}), **(config.get("configurable") or {})}
    scope = {}
    for name in names:
        value = known.get(name)
        if not isinstance(value, str | int):
            raise NotKeyedError(f"scope_from_config asks for {name!r}, which the running config does not hold as text")
        scope[name] = value
    return scope
