"""The guard: what makes two texts that look alike ask for different answers."""

from mneme.engine.guard.compare import Comparison
from mneme.engine.guard.difference import Difference, Kind
from mneme.engine.guard.tasks import compare, differences

__all__ = ["Comparison", "Difference", "Kind", "compare", "differences"]
