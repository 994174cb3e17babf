"""Helpers for testing Mneme and what plugs into it.

The contracts need pytest, which is imported when one of them is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mneme.testing.clock import FakeClock
from mneme.testing.embedders import AsyncWordEmbedder, FailingEmbedder, WordEmbedder
from mneme.testing.faults import FaultyStore

if TYPE_CHECKING:
    from mneme.testing.index_contract import IndexContract
    from mneme.testing.store_contract import StoreContract

__all__ = [
    "AsyncWordEmbedder",
    "FailingEmbedder",
    "FakeClock",
    "FaultyStore",
    "IndexContract",
    "StoreContract",
    "WordEmbedder",
]

_ASSERTING = (
    "differential",
    "index_contract",
    "isolation_contract",
    "lease_contract",
    "network_contract",
    "reader",
    "search_contract",
    "sharing_contract",
    "store_contract",
)
if "pytest" in sys.modules:
    # So that a contract's test that fails shows the values, as one in the plugin's own tests does.
    sys.modules["pytest"].register_assert_rewrite(*(f"{__name__}.{name}" for name in _ASSERTING))

_HOMES = {
    "IndexContract": "mneme.testing.index_contract",
    "StoreContract": "mneme.testing.store_contract",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mneme.testing' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
