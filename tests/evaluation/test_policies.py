"""Policies by name and as files."""

from __future__ import annotations

import json

import pytest

from mneme import Guarded, InvalidArgumentError, SemanticCache, Threshold
from mneme.evaluation.policies import policy_of
from mneme.runtime.policy_file import read_policy, write_policy
from mneme.testing import WordEmbedder

PRINT = WordEmbedder().fingerprint
OWN = Guarded(0.6)


def make() -> Threshold:
    return Threshold(0.5)


@pytest.mark.parametrize(
    ("spec", "kind", "numbers"),
    [
        ("guarded", Guarded, {"max_error": 0.02}),
        ("guarded:0.2", Guarded, {"max_error": 0.2}),
        ("threshold:0.9", Threshold, {"threshold": 0.9}),
        (f"{__name__}:OWN", Guarded, {"threshold": 0.6}),
        (f"{__name__}:make", Threshold, {"threshold": 0.5}),
    ],
)
def test_a_name_is_a_policy(spec, kind, numbers):
    policy = policy_of(spec, PRINT)

    assert type(policy) is kind
    assert {name: getattr(policy, name) for name in numbers} == numbers


def test_exact_is_no_policy():
    assert policy_of("exact", PRINT) is None


@pytest.mark.parametrize(
    "spec", ["", "guard", "guarded:x", "guarded:2", "threshold:", "threshold:7", f"{__name__}:PRINT"]
)
def test_what_is_no_policy_is_an_error(spec):
    with pytest.raises((InvalidArgumentError, TypeError)):
        policy_of(spec, PRINT)


@pytest.mark.parametrize("policy", [Guarded(0.75, max_error=0.1), Threshold(0.91, min_confidence=0.0)])
def test_a_file_brings_the_policy_back(policy, tmp_path):
    path = tmp_path / "policy.json"
    write_policy(policy, PRINT, path, {"pairs": 3})
    found = read_policy(path, PRINT)

    assert type(found) is type(policy)
    assert found.threshold == policy.threshold
    assert getattr(found, "max_error", None) == getattr(policy, "max_error", None)
    assert json.loads(path.read_text())["measured"] == {"pairs": 3}
    with SemanticCache.open("memory:", embedder=WordEmbedder(), policy=path) as cache:
        assert cache.explain("anything").outcome


def test_another_embedder_is_refused(tmp_path):
    path = tmp_path / "policy.json"
    write_policy(Threshold(0.9), "another", path, {})

    with pytest.raises(InvalidArgumentError, match="calibrate again"):
        SemanticCache.open("memory:", embedder=WordEmbedder(), policy=str(path))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "no policy file"),
        ("[]", "format"),
        ('{"format": "mneme-policy", "version": 2}', "version 2"),
        ('{"format": "mneme-policy", "version": 1, "embedder": "PRINT"}', "KeyError"),
        ('{"format": "mneme-policy", "version": 1, "embedder": "PRINT", "policy": "x"}', "'x'"),
        (
            '{"format": "mneme-policy", "version": 1, "embedder": "PRINT", "policy": "threshold", "threshold": 3}',
            "cosine",
        ),
        (
            '{"format": "mneme-policy", "version": 1, "embedder": "PRINT", "policy": "guarded", "threshold": "a"}',
            "Error",
        ),
    ],
)
def test_a_damaged_file_is_named(content, what, tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(content.replace("PRINT", PRINT))

    with pytest.raises(InvalidArgumentError, match=what):
        read_policy(path, PRINT)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        SemanticCache.open("memory:", embedder=WordEmbedder(), policy=tmp_path / "none.json")
