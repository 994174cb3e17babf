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
