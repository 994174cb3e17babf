"""A cache as one archive file: written by `dump`, read by `load`.

The archive is a zip file of three members, none of them compressed: `manifest.json` says what it is, with sizes
and checksums; `entries.jsonl` has a line for each entry; `vectors.f32` has the vectors of those that have one, in
the same order, as little-endian float32. It holds no database and nothing that is executed.
"""

from mneme.runtime.checkpoint.reading import identity_of, load
from mneme.runtime.checkpoint.writing import dump

__all__ = ["dump", "identity_of", "load"]
