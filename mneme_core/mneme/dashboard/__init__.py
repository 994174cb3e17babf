"""A web page over a cache that others may be using: `mneme dashboard`. Needs the extra `dashboard`.

It only reads, but for labels, which go to a file of their own, and for deleting, which has to be allowed.
"""

from mneme.dashboard.app import dashboard
from mneme.dashboard.settings import Settings

__all__ = ["Settings", "dashboard"]
