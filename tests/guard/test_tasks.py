"""Instructions that carry their material: the material must be equal, the instruction may be worded otherwise."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mneme.engine.guard import Difference, differences

HERE = Path(__file__).parent
TRAPS = [json.loads(line) for line in (HERE / "pairs_tasks.jsonl").read_text(encoding="utf-8").splitlines()]
MAIL = "Hi Tom, the venue has changed. We meet at 9:30, not at 10. Please tell Anna."
CODE = "```python\ndef average(xs):\n    return sum(xs) / len(xs)\n```"
WRAPPINGS = (
    "Summarise this e-mail in two sentences: {}",
    'Summarise the e-mail in 2 sentences: "{}"',
    "Please summarise the following email in two sentences:\n\n{}",
    "Can you summarise the email below in two sentences for me?\n\nE-mail:\n{}",
    "E-mail: “{}”\nSummarise this e-mail in two sentences.",
    "{}\n\nIn two sentences, summarise the e-mail above.",
    "Give me a two-sentence summary of this e-mail.\n```\n{}\n```\nThanks!",
)
# No mark that would end the material, or begin another.
MATERIAL = st.text(alphabet="abcXYZ 019,;.!\n-_'é", min_size=3, max_size=40).map(lambda text: f"Ann {text} end")


@pytest.mark.parametrize(("a", "b"), list(combinations(WRAPPINGS, 2)))
def test_the_material_is_the_same_however_it_is_set_apart(a: str, b: str) -> None:
    assert differences(a.format(MAIL), b.format(MAIL)) == ()


@given(MATERIAL, MATERIAL, st.sampled_from(WRAPPINGS), st.sampled_from(WRAPPINGS))
def test_material_that_differs_by_anything_is_a_difference(one: str, other: str, a: str, b: str) -> None:
    lines = [[line.rstrip() for line in text.split("\n")] for text in (one, other)]
    assume(lines[0] != lines[1] and one.casefold().split() != other.casefold().split())

    assert differences(a.format(one), b.format(other)) != ()


@pytest.mark.parametrize("pair", TRAPS, ids=lambda pair: pair["a"][:40])
def test_another_instruction_role_or_order_is_a_difference(pair: dict[str, str]) -> None:
    assert differences(pair["a"], pair["b"]) != ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (f"Fix this function:\n{CODE}", f"Hi! Can you fix this function for me?\n\n{CODE}\n\nThanks!"),
        (
            "Classify this review's sentiment as positive, neutral or negative.\n\nReview: Never again.",
            'Classify the sentiment of this review as positive, negative or neutral. Review: "Never again."',
        ),
        (
            "Answer only yes or no: does the comment below hold an insult?\nComment: No.",
            'Does this comment hold an insult? Answer only yes or no.\n\nComment: "No."',
        ),
        (
            "Write a reply to this e-mail. Be warm and keep it under 100 words. E-mail: Hi",
            "Please write a reply to the email below. Keep it under 100 words and be warm.\n\nE-mail: Hi",
        ),
        ("Sum up this letter in 40 words or fewer: Hi", "Sum up the following letter in at most 40 words:\n\nHi"),
        ("Name: Ann\nIssue: late\n\nWrite a reply.", "Write a reply.\n\nName: Ann\nIssue: late"),
        (
            'Tool result: {"t": -4}. User question: Should I cycle to work? Answer in one sentence.',
            'User question: Should I cycle to work?\nTool result: {"t": -4}\nAnswer in one sentence.',
        ),
        (
            "Sort these cities alphabetically: Turin, Porto",
            "Sort the following cities in alphabetical order: Turin, Porto.",
        ),
        (
            "Translate this German sentence to English: Hallo",
            "Translate the sentence below from German into English.\n\nHallo",
        ),
        ("Write a letter to a guest named Lou Ray.", "Write a letter to the guest Lou Ray."),
    ],
)
def test_what_is_peculiar_to_instructions_is_no_difference(a: str, b: str) -> None:
    assert differences(a, b) == ()


CONTEXT = "Refunds are paid within 14 days.\nWhat is sent back must be unused."
TEMPLATES = (
    "Use the following context to answer the question at the end.\n\n{context}\n\nQuestion: {question}\nAnswer:",
    "Context information is below.\n-----\n{context}\n-----\nGiven the context, answer.\nQuery: {question}\nAnswer: ",
    "You are polite. You know why, when, who and how. Was it unclear? Ask.\n\nUser: {question}\nAssistant:",
    "You are polite. You know why, when, who and how. Is it unclear, was it? Then ask. Do not guess. {question}",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_in_a_template_the_question_decides(template: str) -> None:
    asked = template.format(context=CONTEXT, question="How do I return a used item?")
    same = template.format(context=CONTEXT, question="How can I return a used item?")
    others = ("Why do I return a used item?", "When do I return a used item?", "How did I return a used item?")

    assert differences(asked, same) == ()
    for question in others:
        assert differences(asked, template.format(context=CONTEXT, question=question))[0].force == "always"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Extract the price, then the amount: 3, 4", "Extract the amount, then the price: 3, 4"),
        ("Fix this: ```a``` ```b```", "Fix this: ```a```"),
        ("Fix this. Error: no x. ```a```", "Please fix this. Error: no x. ```a```"),
        (
            "Tool result: {bad json\nUser: Is it on?",
            "Tool result: {bad json\nUser: Is it on?\nAnswer: no\nUser: Is it?",
        ),
        ("How many characters has this text: “ab”", "How many characters has this text: ab"),
        ("Add 1. Add 2. Add 3. Add 4. Add 5. Add 6. Add 7. Add 8. Add 9: 1", "Put 1. " * 8 + "Put 9: 1"),
        ("Rate this.\nReview: good", "Rate this.\nComment: good"),
        ("My boss wrote this, is it polite?\nSend it", "My boss wrote this, is it polite?\nPlease send it"),
        ("Review: good\nRate the review above", "Review: good\nLabel it. Rate the review above"),
    ],
)
def test_what_cannot_be_taken_apart_alike_is_a_difference(a: str, b: str) -> None:
    assert differences(a, b) != ()


def test_material_that_only_one_text_sets_apart_is_found_in_the_other() -> None:
    assert differences("Convert this timestamp in bash: 170000", "pls convert this timestamp in bash - 170000") == ()


def test_an_instruction_in_one_sentence_or_two_is_one() -> None:
    there = "Correct the grammar and spelling of this text and change nothing else: helo"

    assert differences("Correct the spelling and grammar of this text, changing nothing else: helo", there) == ()


def test_a_long_text_with_a_short_instruction_is_compared() -> None:
    text = "The harbour was built in 1890. " * 200

    assert differences(f"Summarise this text: {text}", f"Please summarise the following text:\n\n{text}") == ()
    assert differences(f"Summarise this text: {text}", f"Please translate the following text:\n\n{text}") != ()


def test_the_reason_shows_what_differs() -> None:
    found = differences("Shorten this text: Ann is here", "Shorten this text: Ann is there")

    assert found == (Difference("payload", "Ann is here", "Ann is there"),)


@pytest.mark.parametrize(
    "text", ['"' * 999, "```" * 333, "„" * 9_999, "[" * 99_999, "Context: {" * 999, "a:\n" * 9_999]
)
def test_any_marks_are_taken(text: str) -> None:
    assert differences(f"Summarise this: {text}", f"Shorten this: {text} zebra") != ()
