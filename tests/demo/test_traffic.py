"""Reading requests, and the shipped set's own promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mneme.demo.traffic import CLIENT_NAMES, BadLineError, DemoRequest, load, waves
from mneme.engine.canonical import canonical_text


def _asks(text: str, **fields: str) -> DemoRequest:
    return DemoRequest(fields.pop("id", text), ({"role": "user", "content": text},), **fields)


def _key(request: DemoRequest) -> tuple[str, str, str]:
    return request.tenant, request.history, canonical_text(request.text)


@pytest.fixture(scope="module")
def shipped() -> list[DemoRequest]:
    return load()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.jsonl"


def test_a_line_needs_no_more_than_a_prompt(file: Path) -> None:
    file.write_text('{"prompt": "Hello?"}\n\n{"prompt": "Bye?"}\n')

    assert load(file) == [_asks("Hello?", id="1"), _asks("Bye?", id="3")]


def test_every_field_of_a_line_is_kept(file: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    line = {"id": "a", "tenant": "t", "client": "langchain", "kind": "trap", "truth": "x", "answer": "Hi."}
    file.write_text(json.dumps({**line, "messages": messages, "note": "ignored"}))

    assert load(file) == [DemoRequest(messages=tuple(messages), **line)]  # type: ignore[arg-type]  # a dict of texts


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "expected a JSON object"),
        ("{}", 'needs "messages"'),
        ('{"messages": []}', "a list that is not empty"),
        ('{"messages": "hello"}', "a list that is not empty"),
        ('{"messages": ["hello"]}', 'needs a "role"'),
        ('{"messages": [{"role": "robot", "content": "x"}]}', 'needs a "role"'),
        ('{"messages": [{"role": "user", "content": " "}]}', 'needs a "content"'),
        ('{"messages": [{"role": "user", "content": ["x"]}]}', 'needs a "content"'),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', "must be the user's"),
        ('{"prompt": 3}', 'needs a "content"'),
        ('{"prompt": "x", "client": "curl"}', '"client" must be one of'),
        ('{"prompt": "x", "truth": 3}', '"truth" must be a text'),
        (r'{"prompt": "\ud800"}', "surrogates not allowed"),
        (r'{"prompt": "x", "id": "\ud800"}', "surrogates not allowed"),
        ('{"prompt": "x", "id": "first"}', "was used before"),
    ],
)
def test_a_bad_line_is_named_by_its_number(file: Path, line: str, reason: str) -> None:
    file.write_text('{"prompt": "good", "id": "first"}\n' + line)

    with pytest.raises(BadLineError, match="line 2: ") as caught:
        load(file)

    assert reason in str(caught.value)


def test_a_line_that_is_not_utf8_is_named_by_its_number(file: Path) -> None:
    file.write_bytes(b'{"prompt": "caf\xe9"}')

    with pytest.raises(BadLineError, match=r"line 1: .*utf-8"):
        load(file)


def test_a_file_without_requests_is_refused(file: Path) -> None:
    file.write_text("\n")

    with pytest.raises(BadLineError, match="no request"):
        load(file)


def test_two_requests_may_share_an_answer_when_tenant_and_truth_are_equal() -> None:
    one = _asks("a", tenant="t", truth="x")

    verdicts = [one.may_share_answer(_asks("b", tenant=t, truth=x)) for t, x in [("t", "x"), ("t", "y"), ("u", "x")]]

    assert verdicts == [True, False, False]


def test_without_a_truth_nobody_knows_whether_an_answer_may_be_shared() -> None:
    assert _asks("a", truth="x").may_share_answer(_asks("a")) is None


def test_a_wave_closes_before_the_same_words_and_before_the_same_truth() -> None:
    stream = [
        _asks("a", truth="1"),
        _asks("b", truth="2"),
        _asks(" A ", id="3"),
        _asks("c"),
        _asks("d", truth="1"),
    ]

    assert [[request.id for request in wave] for wave in waves(stream, 4)] == [["a", "b"], ["3", "c", "d"]]


def test_a_wave_is_no_larger_than_asked() -> None:
    assert [len(wave) for wave in waves(map(_asks, "abcde"), 2)] == [2, 2, 1]


def test_the_shipped_set_has_about_three_hundred_requests_of_all_kinds_clients_and_two_tenants(
    shipped: list[DemoRequest],
) -> None:
    kinds = {request.kind for request in shipped}
    clients = {request.client for request in shipped}
    tenants = {request.tenant for request in shipped}

    assert 280 <= len(shipped) <= 360
    assert kinds == {"new", "repeat", "paraphrase", "trap", "follow-up", "tenant"}
    assert clients == set(CLIENT_NAMES)
    assert tenants == {"alder", "birch"}


def test_what_the_shipped_set_calls_a_repeat_repeats_and_nothing_else_does(
    shipped: list[DemoRequest],
) -> None:
    seen: dict[tuple[str, str, str], str | None] = {}
    for request in shipped:
        repeats = seen.get(_key(request)) == request.truth

        assert (request.kind == "repeat") == repeats, request.id
        seen.setdefault(_key(request), request.truth)


def test_repeats_and_paraphrases_of_the_shipped_set_come_after_what_they_repeat(
    shipped: list[DemoRequest],
) -> None:
    seen: set[tuple[str, str | None]] = set()
    for request in shipped:
        known = (request.tenant, request.truth) in seen

        assert (request.kind in {"repeat", "paraphrase"}) == known, request.id
        seen.add((request.tenant, request.truth))


def test_one_truth_of_the_shipped_set_has_one_answer(shipped: list[DemoRequest]) -> None:
    answers = {request.truth: request.answer for request in shipped}

    assert [request.id for request in shipped if request.answer != answers[request.truth]] == []
    assert len(set(answers.values())) == len(answers)


def test_a_family_of_the_shipped_set_stays_with_one_client_and_at_least_eight_requests_apart(
    shipped: list[DemoRequest],
) -> None:
    last: dict[str, tuple[int, str]] = {}
    for position, request in enumerate(shipped):
        family = request.id.rpartition("-")[0]
        before, client = last.get(family, (position - 8, request.client))

        assert position - before >= 8, request.id
        assert client == request.client, request.id
        last[family] = (position, request.client)


def test_a_follow_up_of_the_shipped_set_says_the_same_words_as_another_conversation(
    shipped: list[DemoRequest],
) -> None:
    conversations: dict[str, set[str]] = {}
    for request in shipped:
        if request.kind == "follow-up":
            conversations.setdefault(request.text, set()).add(request.history)

    assert all(len(histories) >= 2 for histories in conversations.values())


def test_a_question_of_the_other_tenant_has_the_same_words_and_another_truth(
    shipped: list[DemoRequest],
) -> None:
    others = {(r.tenant, canonical_text(r.text)): r.truth for r in shipped}
    asked = [request for request in shipped if request.kind == "tenant"]

    assert asked
    assert all(others["alder", canonical_text(r.text)] not in (None, r.truth) for r in asked if r.tenant == "birch")
