"""Four worker processes over one file: they see each other's answers, and compute each only once."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from mneme import SemanticCache
from mneme.testing import WordEmbedder

QUESTIONS = [f"What is the capital of country number {number}?" for number in range(5)]


def work(worker: int) -> list[str]:
    """Ask every question; note each call to the model in a file that all share."""

    def complete(question: str) -> str:
        time.sleep(0.05)  # a real model takes longer
        with Path("calls.txt").open("a") as calls:
            calls.write(f"{worker} {question}\n")
        return f"An answer to: {question}"

    # flight_wait: while another process computes an answer, wait for it.
    with SemanticCache.open("answers.db", embedder=WordEmbedder(), policy="threshold:0.99", flight_wait=30) as cache:
        return [cache.get_or_compute(each, lambda each=each: complete(each)).value for each in QUESTIONS]


def main() -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        answers = list(pool.map(work, range(4)))
    calls = Path("calls.txt").read_text().splitlines()
    assert answers == [[f"An answer to: {question}" for question in QUESTIONS]] * 4
    assert len(calls) == len(QUESTIONS)
    print(f"4 processes asked {4 * len(QUESTIONS)} questions, {len(calls)} calls to the model")


if __name__ == "__main__":
    sys.exit(main())
