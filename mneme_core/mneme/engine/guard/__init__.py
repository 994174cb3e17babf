"""The guard: what makes two texts that look alike ask for different answers."""

from mneme.engine.guard.compare import Comparison, compare, differences
from mneme.engine.guard.difference import Difference, Kind

__all__ = ["Comparison", "Difference", "Kind", "compare", "differences"]
