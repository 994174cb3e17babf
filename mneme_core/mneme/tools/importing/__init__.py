"""Imports what another cache holds: `import_entries(source, dest_path, embedder)`.

A file is opened by `source`, told by `detecting`, read by `mneme_cache`, `gptcache` or `langchain`; `drafting` checks
what was read, `destination` writes it, `running` joins them, `report` counts.
"""

from mneme.tools.importing.detecting import FORMATS
from mneme.tools.importing.report import ImportReport, Reason
from mneme.tools.importing.running import import_entries

__all__ = ["FORMATS", "ImportReport", "Reason", "import_entries"]
