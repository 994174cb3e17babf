"""What is put in front, told from the other side, or said of a thing by itself is the same question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mneme.engine.guard import differences
from mneme.engine.guard.fronting import straight
from mneme.engine.guard.tokens import tokens_of
from mneme.engine.guard.words import word_set

SAME = [
    ("Without a password, how do I unzip an encrypted file?", "How do I unzip an encrypted file without a password?"),
    ("On Sundays is the museum in Leeds closed?", "Is the museum in Leeds closed on Sundays?"),
    ("In Python how do I sort a list", "How do I sort a list in Python?"),
    ("With a card, can I pay in a shop?", "Can I pay with a card in a shop?"),
    ("Tea or coffee, which has more caffeine?", "Which has more caffeine, tea or coffee?"),
    ("If I work abroad, do I have to file taxes?", "Do I have to file taxes if I work abroad?"),
    ("After an operation, how long should I rest?", "How long should I rest after an operation?"),
    ("Is the Nile longer than the Amazon?", "Is the Amazon shorter than the Nile?"),
    ("Is gold cheaper than silver?", "Is silver more expensive than gold?"),
    ("How are black holes formed?", "How do black holes form?"),
    ("How did World War I start?", "How did the First World War begin?"),
    ("How far is it from Paris to Rome?", "How far is it from Rome to Paris?"),
    ("How can I get an appointment with a doctor?", "How do I book an appointment with a doctor?"),
    ("TCP vs UDP", "What is the difference between TCP and UDP?"),
    ("What books about Rust do you recommend?", "What are the best books about Rust?"),
    ("Is taking ibuprofen safe when pregnant?", "Is it safe to take ibuprofen when pregnant?"),
    ("Where is fresh yeast sold?", "Where can I buy fresh yeast?"),
    ("Which shops sell fresh yeast?", "Where do they sell fresh yeast?"),
    ('How do you say "good night" in French?', 'Translate "good night" to French'),
    ("Who is the current president of France?", "Who is the president of France?"),
    ("When was NASA founded?", "When was NASA established?"),
    ("how 2 delete my account", "How do I delete my account?"),
    ("How do I undo the most recent commit?", "How do I undo the last commit?"),
]
OTHER = [
    ("Where can I buy fresh yeast?", "Where can I buy fresh yeast online?"),
    ("How long does it take to learn Spanish?", "How long did it take you to learn Spanish?"),
    ("If I cancel, do I get a refund?", "Unless I cancel, do I get a refund?"),
    ("What is the current interest rate?", "What will the interest rate be?"),
    ("TCP vs UDP", "What is the difference between TCP and QUIC?"),
    ("TCP vs UDP", "TCP and UDP"),
    ("What books about Rust do you recommend?", "What are the worst books about Rust?"),
    ("Is taking ibuprofen safe when pregnant?", "Is it safe to take ibuprofen when nursing?"),
    ("Where is my house sold?", "Where can I sell my house?"),
    ("Where can I sell my car?", "Where can I buy my car?"),
    ('How do you say "good night" in French?', 'Translate "good night" to Spanish'),
    ('How do you say "good night" in French?', 'How do you say "good day" in French?'),
    ("What is alternating current?", "What is direct current?"),
    ("Who founded NASA?", "Who found NASA?"),
    ("From Paris, how do I get to Rome?", "From Rome, how do I get to Paris?"),
    ("In French, how do I say the English word dog?", "In English, how do I say the French word dog?"),
    ("With a key, how do I open it?", "Without a key, how do I open it?"),
    ("Is the Nile longer than the Amazon?", "Is the Nile shorter than the Amazon?"),
    ("Is the Nile longer than the Amazon?", "Is the Amazon longer than the Nile?"),
    ("If it rains, do we play?", "If we play, does it rain?"),
    ("Tea or coffee, which has more caffeine?", "Tea or cocoa, which has more caffeine?"),
    ("Before dinner, should I take the pill?", "After dinner, should I take the pill?"),
    ("How are fevers broken by aspirin?", "How do fevers break aspirin?"),
    ("How did World War I start?", "How did World War II start?"),
    ("What distance did he run from Paris to Rome?", "What did he run from Rome to Paris for?"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_these_are_one_question(a: str, b: str) -> None:
    assert differences(a, b) == differences(b, a) == ()


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_these_are_two(a: str, b: str) -> None:
    assert differences(a, b)


WORDS = sorted(word_set("in on if when what is how tea or than longer shorter formed , ? . the 5"))


@given(st.lists(st.sampled_from(WORDS)))
def test_no_word_is_lost(words: list[str]) -> None:
    tokens = tokens_of(" ".join(words))
    kept = [token.raw for token in straight(tokens) if token.shape != "boundary"]

    assert sorted({*kept}) == sorted({token.raw for token in tokens if token.shape != "boundary"})
