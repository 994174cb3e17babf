"""One cache on a server, for several machines: a replica in each process, fed by the server's log of changes.

Give the URL of a Postgres or Redis server: `python shared_cache.py redis://localhost:6379`.
"""

import sys

from mneme import SemanticCache
from mneme.testing import WordEmbedder


def main(url: str) -> None:
    options = {"embedder": WordEmbedder(), "policy": "threshold:0.7"}
    with SemanticCache.open(url, **options) as here, SemanticCache.open(url, **options) as elsewhere:
        here.clear()
        here.put("how do I pay my bill", "By card.", tags=["payments"])

        # Another process or machine: the answer is there, by the same words and by others.
        assert elsewhere.get_or_compute("how do I pay my bill", lambda: "asked again").value == "By card."
        hit = elsewhere.get("how can I pay my bill")
        assert hit is not None
        assert hit.layer == "semantic"

        assert elsewhere.invalidate(tags=["payments"]) == 1
        print("two caches, one set of answers")
        here.clear()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(sys.argv[1])
    else:
        print("give the URL of a server: python shared_cache.py redis://localhost:6379")
