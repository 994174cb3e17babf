"""Canonical text, partitions and keys."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mneme import InvalidArgumentError
from mneme.engine.canonical import canonical_text
from mneme.engine.keys import canonical_json, key_of, normalizer, partition_of, verbatim_text

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too
CODE = st.text("aB1 \n:`(-=/\r\u0301")
LETTERS = st.text("abcXYZ éÉñßẞÄöÿŸЖжΣσςΩωİıǅﬁ\u0301\u0345\u0327", max_size=12)


@given(ANY | CODE)
@example("ᾳ\u0323")
@example("\u1fc4")
@example("İ")
def test_canonical_text_is_its_own_canonical_text(text):
    canonical = canonical_text(text)

    assert canonical_text(canonical) == canonical


@given(st.text() | LETTERS | CODE, st.sampled_from(["NFC", "NFD"]))
def test_unicode_forms_have_one_canonical_text(text, form):
    assert canonical_text(unicodedata.normalize(form, text)) == canonical_text(text)


def test_every_character_that_is_folded_or_composed_has_one_canonical_text():
    wrong = []
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.normalize("NFD", character).casefold() == character and not unicodedata.combining(character):
            continue  # neither folded nor composed: it cannot differ
        for text in (character, f"{character}\u0345", f"a{character}"):
            canonical = canonical_text(text)
            forms = (canonical, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
            if any(canonical_text(form) != canonical for form in forms):
                wrong.append(text)

    assert wrong == []


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_and_other_text_are_folded_alike(text):
    assert canonical_text(text + " é") == f"{canonical_text(text)} é".strip()


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\n\\`_=<>{}[]($/0-9-")))
def test_ascii_case_makes_no_difference(text):
    assert canonical_text(text.swapcase()) == canonical_text(text)


@pytest.mark.parametrize(
    ("one", "two"),
    [("Straße", "STRASSE"), ("ÉTÉ", "été"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ЖИЗНЬ", "жизнь"), ("ﬁne", "FINE"), ("ᾳ", "ΑΙ")],
)
def test_case_beyond_ascii_makes_no_difference(one, two):
    assert canonical_text(one) == canonical_text(two)


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=4), st.data())
def test_white_space_is_one_space(words, data):
    spaces = st.text(" \t\n\r\x0b\x0c\u00a0\u2003\u3000", min_size=1, max_size=3)
    text = "".join(data.draw(spaces) + word for word in words) + data.draw(spaces)

    assert canonical_text(text) == " ".join(words)


LOOP = "Fix this:\nfor i in x:\n    a()\nb()"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (LOOP, LOOP.replace("\nb", "\n    b")),
        (LOOP, LOOP.upper()),
        ("Sort:\na:\n  b: 1\n  c: 2", "Sort:\na:\n  b: 1\nc: 2"),
        ("Rate this review:\nGREAT", "Rate this review:\ngreat"),
        ("What does git branch -d do?", "What does git branch -D do?"),
        ("How slow is 100 Mb/s?", "How slow is 100 MB/s?"),
        ("Is 5 mW much?", "Is 5 MW much?"),
        ("What is `a  b`?", "What is `a b`?"),
        ("Is `A` bound?", "Is `a` bound?"),
        ("What does Foo() do in X?", "What does foo() do in x?"),
        ("Summarise https://youtu.be/dQw4", "Summarise https://youtu.be/dQW4"),
        ("Is a_B set?", "Is a_b set?"),
        ("Is $Home set?", "Is $HOME set?"),
        (r"What matches \D?", r"What matches \d?"),
    ],
)
def test_what_counts_to_the_letter_stays_apart(one, two):
    assert canonical_text(one) != canonical_text(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (LOOP, f"\n{LOOP}  \n"),
        (LOOP, LOOP.replace("\n", " \r\n")),
        ("What is `a  b`?", "  what IS\t`a  b`? "),
        ("What does git branch -D do?", "what does GIT branch -D do?"),
        ("What is\n   the capital of France?", "what is the capital of FRANCE?"),
        ("Is GPT-4 (the big one) at 10 GB?", "is gpt-4 (the big one) at 10 gb?"),
        ("12 MHz or 3/4 KG, COVID-19", "12 Mhz or 3/4 kg, covid-19"),
        ("Foo() fails", "foo() fails"),
    ],
)
def test_what_surrounds_it_does_not(one, two):
    assert canonical_text(one) == canonical_text(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [("a b", "ab"), ("cafe", "café"), ("1", "１"), ("x²", "x2"), ("a", "а"), ("don't", "dont"), ("a\u200bb", "ab")],
)
def test_what_may_mean_something_else_stays_apart(one, two):
    assert canonical_text(one) != canonical_text(two)


@given(ANY)
def test_verbatim_text_is_the_text(text):
    assert verbatim_text(text) == text


def test_normalizing_is_asked_for_by_a_word_or_a_function():
    function, word = normalizer(str.upper)

    assert (normalizer(True), normalizer(False)) == ((canonical_text, "default"), (verbatim_text, "none"))
    assert (function("a"), word) == ("A", "custom")


@pytest.mark.parametrize("normalize", ["NFC", 1, None])
def test_other_ways_to_normalize_are_refused(normalize):
    with pytest.raises(InvalidArgumentError, match="normalize is"):
        normalizer(normalize)


def test_a_function_that_fails_is_an_error_of_ours():
    raising, _ = normalizer(lambda text: text[5])
    returning, _ = normalizer(lambda text: text.encode())

    with pytest.raises(InvalidArgumentError, match="normalize raised IndexError: string index out of range") as caught:
        raising("a")
    with pytest.raises(InvalidArgumentError, match="normalize returned bytes"):
        returning("a")
    assert isinstance(caught.value.__cause__, IndexError)


def test_keys_and_partitions_are_the_same_on_every_machine():
    partition = partition_of("tenant", {"model": "m", "t": 0.5})

    assert partition.hex() == "d3447d132a247c5bf5604493a68f0146"
    assert key_of(partition, "hello").hex() == "5e1fa483b222f493c2cd8fe8bf350121"


@given(ANY, ANY)
def test_different_texts_have_different_keys(one, two):
    partition = partition_of("n")

    assert (key_of(partition, one) == key_of(partition, two)) is (one == two)


@given(st.text(max_size=3), st.text(max_size=3), st.text(max_size=3), st.text(max_size=3))
def test_a_key_belongs_to_one_partition(namespace, other, text, another):
    same = (namespace, text) == (other, another)

    assert (key_of(partition_of(namespace), text) == key_of(partition_of(other), another)) is same


def test_an_empty_vary_is_none():
    assert partition_of("n", {}) == partition_of("n", None) == partition_of("n")


def test_canonical_json_sorts_keys_and_tells_types_apart():
    values = [1, 1.0, True, "1", None, False, 0, "", [], {}, [1], ["1"], {"1": 1}, "null", 1e16, 10**16]
    texts = [canonical_json(value) for value in values]

    assert canonical_json({"b": [1, {"d": None, "c": "é"}], "a": True}) == '{"a":true,"b":[1,{"c":"é","d":null}]}'
    assert len(set(texts)) == len(values)


def test_a_surrogate_pair_is_not_the_character_it_would_make():
    assert partition_of("n", {"a": "\ud83d\ude00"}) != partition_of("n", {"a": "\U0001f600"})


def test_a_tuple_is_a_list():
    assert canonical_json((1, (2,))) == canonical_json([1, [2]])


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({1: "a"}, "vary has the key 1 of type int"),
        ({"a": [{"b": {2: 3}}]}, r"vary\['a'\]\[0\]\['b'\] has the key 2"),
        ({"a": [0.0, float("nan")]}, r"vary\['a'\]\[1\] is nan"),
        ({"a": float("inf")}, r"vary\['a'\] is inf"),
        ({"a": float("-inf")}, r"vary\['a'\] is -inf"),
        ({"a": b"b"}, r"vary\['a'\] is of type bytes, which is not JSON"),
        ({"a": {1, 2}}, r"vary\['a'\] is of type set"),
        ({"a": 10**5000}, "vary cannot be written as JSON"),
        ("model", "vary is of type str; it is a mapping"),
        ([], "vary is of type list; it is a mapping"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(vary, words):
    with pytest.raises(InvalidArgumentError, match=words):
        partition_of("n", vary)
