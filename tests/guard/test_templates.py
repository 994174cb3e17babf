"""Long shared prefixes and templates: what is worked on decides."""

from __future__ import annotations

import random

import pytest

from mneme import Guarded, MemoryStore, SemanticCache
from mneme.engine.guard import differences
from mneme.testing import WordEmbedder

NOUNS = ["train", "letter", "garden", "invoice", "doctor", "window", "market", "engine", "river", "teacher", "camera"]
VERBS = ["arrived", "broke", "opened", "closed", "waited", "failed", "moved"]
TIMES = ["today", "yesterday", "on Monday", "at noon", "again", "too late", "at last", "this week", "in March", "early"]


def _sentences(count: int) -> list[str]:
    every = [f"The {noun} {verb} {time}" for noun in NOUNS for verb in VERBS for time in TIMES]
    return random.Random(0).sample(every, count)


@pytest.mark.parametrize(
    "template",
    [
        "Translate the following sentence into French: {}",
        'Please translate "{}" to French.',
        "You are a careful translator. Keep names and numbers as they are.\n\nTranslate into French:\n{}",
        "Extract the subject and the verb of this sentence as JSON: {}",
    ],
)
def test_two_hundred_requests_under_one_template_hit_nothing_but_themselves(template: str) -> None:
    cache = SemanticCache(store=MemoryStore(), embedder=WordEmbedder(), policy=Guarded(0.0, min_confidence=0.0))
    wrong = []
    for sentence in _sentences(200):
        request = template.format(sentence)
        result = cache.get(request)
        if result is not None:
            wrong.append((sentence, result.response))
        cache.put(request, f"answer to {sentence}")

    assert wrong == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Translate into French: I like tea", "Translate into French: I really like tea"),
        ('Translate "good day" to French', 'Translate "good days" to French'),
        ("Summarize the text:\nAnn is here.", "Summarize the text:\nAnn is there."),
        ("Fix the grammar: he go home", "Fix the grammar: he goes home"),
    ],
)
def test_in_what_is_worked_on_every_word_counts(a: str, b: str) -> None:
    assert differences(a, b)[0].kind == "payload"


def test_the_instruction_may_be_worded_otherwise() -> None:
    assert differences("Translate into French: I like tea.", "Please translate into French: I like tea") == ()
