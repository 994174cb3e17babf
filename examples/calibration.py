"""Calibrate on pairs of one's own, and open a cache with what came out."""

import json
import subprocess
import sys
from pathlib import Path

from mneme import SemanticCache
from mneme.testing import WordEmbedder

PAIRS = [
    ("how do I pay my bill", "how can I pay my bill", True),
    ("where is my order now", "where is my order", True),
    ("how do I close my account", "how can I close my account", True),
    ("when do you open your shop", "when does the big shop close", False),
    ("how do I pay my bill", "how do I dispute a charge", False),
    ("where is my order", "where is your office", False),
]


def main() -> None:
    lines = [json.dumps({"a": a, "b": b, "same": same}) for a, b, same in PAIRS]
    Path("pairs.jsonl").write_text("\n".join(lines))

    # Leave out --policy and --embedder to calibrate the guarded policy with the bundled embedder.
    command = "calibrate --pairs pairs.jsonl --policy threshold --embedder mneme.testing:WordEmbedder"
    subprocess.run([sys.executable, "-m", "mneme", *command.split()], check=True)
    assert Path("calibration.png").stat().st_size > 0

    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy="policy.json") as cache:
        cache.put("how do I pay my bill", "By card.")
        hit = cache.get("how can I pay my bill")
        assert hit is not None
        assert hit.response == "By card."
        assert cache.get("how do I dispute a charge") is None
        print(f"served at a cosine of {hit.similarity:.2f}, from {cache.similarity_threshold:.2f} on")


main()
