"""Follow-up questions of real conversations, asked word for word in other conversations: how many get a wrong answer.

    python -m benchmarks.conversations [--data ../shared/data]

TREC CAsT 2020, 25 conversations. Every follow-up that its annotators had to rewrite, because it means something else
elsewhere, is stored after its own turns and asked, in the same words, after as many turns of every other conversation.
Then each is asked after its own turns as the annotators rewrote them: how many reworded conversations are recognised.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import mneme
from mneme.evaluation.figures import rate

ROOT = Path(__file__).parent.parent
FILE = "2020_2020_manual_evaluation_topics_v1.0.json"
CONTEXTS = {
    "last message alone": lambda turns: None,  # noqa: ARG005
    "turns in vary": lambda turns: {"turns": turns},
    "similar turns": lambda turns: {"turns": mneme.Similar(turns)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    topics = json.loads((options.data / "cast" / FILE).read_text(encoding="utf-8"))
    conversations = [
        [(turn["raw_utterance"], turn["manual_rewritten_utterance"]) for turn in topic["turn"]] for topic in topics
    ]
    print(f"{'context':20} {'served in another conversation':>40} {'served after reworded turns':>34}")
    for name, vary in CONTEXTS.items():
        with mneme.SemanticCache.open("memory:") as cache:
            wrong, right = [], []
            for number, position, question in follow_ups(conversations):
                own = [raw for raw, _ in conversations[number][:position]]
                cache.put(question, "the answer", vary=vary(own))
                for other, turns in enumerate(conversations):
                    if other != number:
                        before = [raw for raw, _ in turns[: min(position, len(turns))]]
                        wrong.append((str(number), cache.get(question, vary=vary(before)) is not None))
                reworded = [rewritten for _, rewritten in conversations[number][:position]]
                if reworded != own:
                    right.append((str(number), cache.get(question, vary=vary(reworded)) is not None))
                cache.clear()
        shown = (str(rate(outcomes)).replace("\n", " ") + f" of {len(outcomes):,}" for outcomes in (wrong, right))
        print(f"{name:20} {next(shown):>40} {next(shown):>34}")


def follow_ups(conversations: list[list[tuple[str, str]]]) -> Iterator[tuple[int, int, str]]:
    """Yield conversation, position and words of every question that means something else elsewhere."""
    for number, conversation in enumerate(conversations):
        for position, (raw, rewritten) in enumerate(conversation):
            if position and raw != rewritten:
                yield number, position, raw


if __name__ == "__main__":
    main()
