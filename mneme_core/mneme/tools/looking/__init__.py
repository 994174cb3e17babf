"""Looking into a cache that others may be using: what it counts, what it holds, and why a question hits or misses.

Everything here only reads, but for `delete`, `report_wrong` and `unreport`. A cache is named as for
`SemanticCache.open`: a path or a URL, and `Keyed` for one that is encrypted.
"""

from mneme.tools.keyed import Keyed
from mneme.tools.looking.counting import Counted, Latency, View, look
from mneme.tools.looking.explaining import explain
from mneme.tools.looking.finding import Entry, Wanted, delete, entries, entry
from mneme.tools.looking.reporting import Reported, are_akin, report_wrong, unreport
from mneme.tools.looking.several import these

__all__ = [
    "Counted",
    "Entry",
    "Keyed",
    "Latency",
    "Reported",
    "View",
    "Wanted",
    "are_akin",
    "delete",
    "entries",
    "entry",
    "explain",
    "look",
    "report_wrong",
    "these",
    "unreport",
]
