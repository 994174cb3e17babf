"""Labels, quotation marks and fences that say nothing of the material may differ; those that say something may not."""

from __future__ import annotations

import pytest

from mneme.engine.guard import differences

NOTE = "The patient reports chest pain on exertion. It's relieved by rest."


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (f"Summarise this clinical note:\n\n{NOTE}", f"Summarise the clinical note below.\n\nNote: {NOTE}"),
        (f"Summarise this clinical note:\n\n{NOTE}", f"Summarise this clinical note.\n\nClinical note:\n{NOTE}"),
        (f"Write an advert from these facts: {NOTE}", f"Write an advert from the following facts.\n\nFacts: {NOTE}"),
        (f"Grade this student's answer.\n\n{NOTE}", f"Grade this student's answer.\n\nStudent answer: '{NOTE}'"),
        (f"Shorten this message:\n\n{NOTE}", f"Shorten this message.\n\nMessage: '{NOTE}'"),
        (f"Shorten this message:\n\n{NOTE}", f"Shorten this message.\n\n`{NOTE}`"),
        (
            f"Translate this text to Dutch:\n{NOTE}",
            f'Translate the text between the triple quotes into Dutch.\n"""{NOTE}"""',
        ),
        (
            f"Translate this text to Dutch:\n{NOTE}",
            f"Translate the text in triple backticks to Dutch.\n```\n{NOTE}\n```",
        ),
        ("Fix this workflow:\n```yaml\non: push\n```", "Fix the workflow below.\n```yml\non: push\n```"),
    ],
)
def test_what_says_no_more_than_what_the_material_is_may_be_left_out(a: str, b: str) -> None:
    assert differences(a, b) == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (f"What does the buyer want?\n\nBuyer: {NOTE}", f"What does the buyer want?\n\n{NOTE}"),
        (f"What does the buyer want?\n\nBuyer: {NOTE}", f"What does the buyer want?\n\nSeller: {NOTE}"),
        (f"Improve this example.\n\nBad example: {NOTE}", f"Improve this example.\n\nGood example: {NOTE}"),
        (f"Improve this example.\n\nBad example: {NOTE}", f"Improve this example.\n\n{NOTE}"),
        (f"Does this review hold a complaint?\n\nComplaint: {NOTE}", f"Does this review hold a complaint?\n\n{NOTE}"),
        (f"How many words has this note?\n\nNote: {NOTE}", f"How many words has this note?\n\n{NOTE}"),
        (f"Is this email from a customer?\n\nCustomer email: {NOTE}", f"Is this email from a customer?\n\n{NOTE}"),
        (f"Is this an email or a letter?\n\nEmail: {NOTE}", f"Is this an email or a letter?\n\n{NOTE}"),
        (f"Explain what this means to me.\n\n{NOTE}", f"Explain what this means.\n\n{NOTE}"),
        ("Who is this user?\n\nUser: Bo\nAge: 5", "Who is this user?\n\nBo\nAge: 5"),
        (
            f"Compare them.\n\nOriginal email:\n```\n{NOTE}\n```\nEmail:\n```\nNone.\n```",
            f"Compare them.\n\nEmail:\n```\n{NOTE}\n```\nOriginal email:\n```\nNone.\n```",
        ),
        (f"Which type has this expression?\n\n'{NOTE}'", f"Which type has this expression?\n\n{NOTE}"),
        (
            f"Correct the quotation marks in this text.\n\n'{NOTE}'",
            f"Correct the quotation marks in this text.\n\n{NOTE}",
        ),
        ("Shorten this text.\n\n'One' and 'two'", "Shorten this text.\n\nOne' and 'two"),
        ("Explain this script.\n```bash\nls\n```", "Explain this script.\n```fish\nls\n```"),
        ("Explain this script.\n```js\nls\n```", "Explain this script.\n```ts\nls\n```"),
        (f"Does A differ from B in this text?\n\n{NOTE}", f"Does B differ from A in this text?\n\n{NOTE}"),
    ],
)
def test_what_says_more_of_the_material_is_a_difference(a: str, b: str) -> None:
    assert differences(a, b) != ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Extract the dates from these notes.", "From the notes below, extract the dates."),
        ("Extract the dates from these notes as a list.", "From these notes, extract the dates as a list."),
        ("Plan a weekend for us based on these notes.", "Using the notes below, plan a weekend for us."),
        ("List the pros mentioned in this review.", "List the pros that this review mentions."),
        ("Correct the spelling and grammar of this text.", "Correct this text's grammar and spelling."),
        ("Translate this. Return only the translation.", "Translate this. Output the translation only."),
        ("Is this polite? Answer with one word.", "Is this polite? Reply with a single word."),
        ("Classify this. Reply with the label only.", "Classify this. Output just the label."),
        ("Classify this. Reply with the label only.", "Classify this. Answer with the label and nothing else."),
        ("Extract the dates as a JSON list.", "Extract the dates and return them as a JSON list."),
        ("Extract the dates as a JSON list.", "Extract the dates. Return them as a JSON list."),
        ("Explain this note.", "Explain this note to me."),
    ],
)
def test_one_instruction_has_many_places_for_its_parts(a: str, b: str) -> None:
    assert differences(f"{a}\n\n{NOTE}", f"{b}\n\n{NOTE}") == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Extract the dates from these notes.", "From the notes below, extract the names."),
        ("Extract the dates from these notes.", "From the notes below, extract the dates and names."),
        ("Answer only the questions in French.", "Answer the questions in French only."),
        ("Return only the price in euros.", "Return the price in euros only."),
        ("Write a function for this. Return only the length.", "Write a function for this. Output only the length."),
        ("Extract the dates. Return them as JSON.", "Extract the dates. Return them as YAML."),
        ("Extract the dates. Return them as JSON.", "Extract the dates. Return them."),
        ("Correct this text's grammar and spelling.", "Correct this text's grammar and output the spelling."),
        ("Write a letter using these notes.", "Write a letter without using these notes."),
        ("Using these notes, write a letter.", "Write a letter about using these notes."),
        ("In the first paragraph, find the typos.", "Find the typos in the second paragraph."),
        ("Answer with a single word.", "Answer with a single sentence."),
        ("Output just the label.", "Output the label."),
        ("Reply to this.", "Answer with this."),
        ("Route this to sales or billing; prefer the first.", "Route this to billing or sales; prefer the first."),
        ("Rank these: price, quality, speed.", "Rank these: speed, quality, price."),
    ],
)
def test_another_place_that_says_another_thing_is_a_difference(a: str, b: str) -> None:
    assert differences(f"{a}\n\n{NOTE}", f"{b}\n\n{NOTE}") != ()
