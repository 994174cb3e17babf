"""The word tables fit the guard that reads them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mneme.engine.guard import thesaurus
from mneme.engine.guard.contrasts import are_contrary
from mneme.engine.guard.inflection import stem
from mneme.engine.guard.lexicon import related
from mneme.engine.guard.thesaurus import are_opposites, are_partners, is_thing, is_word, parts_of_speech


@pytest.mark.parametrize("name", ["partners.txt", "opposites.txt", "words.txt"])
def test_a_table_holds_stems_as_the_guard_makes_them(name: str) -> None:
    words = {word for line in thesaurus._lines(name) for word in line.split()[: 1 if name == "words.txt" else None]}

    assert words
    assert all(word.isascii() and word == word.lower() for word in words)


def test_partners_hold_both_ways() -> None:
    assert are_partners(stem("absence"), "absent") is are_partners("absent", stem("absence")) is True


@pytest.mark.parametrize("pair", ["server waiter", "thread yarn", "calcium california", "learn teach", "kill overcome"])
def test_partners_are_forms_of_one_root(pair: str) -> None:
    assert not are_partners(*map(stem, pair.split()))


def test_opposites_hold_both_ways() -> None:
    assert are_opposites("hot", "cold") is are_opposites("cold", "hot") is True


@pytest.mark.parametrize(
    ("a", "b"), [("hot", "cold"), ("credit", "debit"), ("block", "unblock"), ("upgrade", "downgrade")]
)
def test_what_rules_each_other_out_is_never_a_partner(a: str, b: str) -> None:
    assert (are_contrary(stem(a), stem(b)), related(stem(a), stem(b))) == (True, False)


def test_a_word_has_its_parts_of_speech() -> None:
    assert (parts_of_speech("city"), parts_of_speech("zzz"), is_word("city"), is_word("zzz")) == ("n", "", True, False)


def test_a_thing_is_one() -> None:
    assert (is_thing("dog"), is_thing(stem("idea")), is_thing("zzz")) == (True, False, False)


def test_the_tables_are_read_on_first_use_alone() -> None:
    code = "import mneme, sys; mneme.SemanticCache; print('mneme.engine.guard.thesaurus' in sys.modules and "
    code += "sys.modules['mneme.engine.guard.thesaurus']._words.cache_info().currsize)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert printed in ("0", "False")
