"""open(url): a file, memory, or what a plugin brings."""

from functools import partial

import pytest

import mneme.embedders
from mneme import AsyncSemanticCache, Guarded, InvalidArgumentError, MemoryStore, PluginError, SemanticCache, Threshold
from mneme.engine.likeness import GENERIC
from mneme.testing import WordEmbedder


@pytest.fixture(params=[SemanticCache, AsyncSemanticCache])
def facade(request):
    return request.param


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///cache.db", "cache.db"),
        ("sqlite:///with%20space.db", "with space.db"),
        ("bare.db", "bare.db"),
        ("./bare.db", "bare.db"),
        ("no-suffix", "no-suffix"),
    ],
)
def test_a_relative_url_or_path_names_a_file_here(facade, here, url, name):
    with facade.open(url, embedder=WordEmbedder()).as_sync() as cache:
        store = cache.health().store_backend

    assert (store, (here / name).exists()) == ("sqlite", True)


@pytest.mark.parametrize("form", ["sqlite:///{}", "{}"])
def test_an_absolute_path_names_that_file(facade, tmp_path, form):
    with facade.open(form.format(tmp_path / "cache.db"), embedder=WordEmbedder()).as_sync():
        assert (tmp_path / "cache.db").exists()


def test_a_path_object_names_its_file(facade, tmp_path):
    with facade.open(tmp_path / "a:b.db", embedder=WordEmbedder()).as_sync():
        assert (tmp_path / "a:b.db").exists()


def test_memory_is_a_store_of_its_own(facade):
    with facade.open("memory:", embedder=WordEmbedder()).as_sync() as one:
        one.put("q", "r")
        with facade.open("memory:", embedder=WordEmbedder()).as_sync() as two:
            assert (two.health().store_backend, two.get("q")) == ("memory", None)


def test_the_options_are_those_of_the_constructor(facade):
    with facade.open("memory:", embedder=WordEmbedder(), similarity_threshold=0.5).as_sync() as cache:
        assert cache.similarity_threshold == 0.5


def test_without_an_embedder_the_bundled_one_is_used(facade, monkeypatch):
    monkeypatch.setattr(mneme.embedders, "default_embedder", lambda: WordEmbedder(8, "bundled"), raising=False)

    with facade.open("memory:").as_sync() as cache:
        assert cache.stats().embedder_fingerprint == "bundled"


@pytest.mark.parametrize("url", ["", None, 5, "sqlite://", "sqlite:///", "sqlite:cache.db"])
def test_what_names_no_store_is_refused(facade, url):
    with pytest.raises(InvalidArgumentError):
        facade.open(url, embedder=WordEmbedder())


def test_an_unknown_scheme_is_refused_with_the_known_ones(facade):
    with pytest.raises(PluginError, match="sqlite"):
        facade.open("carrier-pigeon://coop", embedder=WordEmbedder())


@pytest.mark.parametrize(
    ("options", "threshold", "min_confidence"),
    [
        ({}, 0.7, 0.7),
        ({"similarity_threshold": 0.9}, 0.9, 0.7),
        ({"min_confidence": 0.8}, 0.7, 0.8),
        ({"policy": None, "confidence_fn": lambda *_: 1.0}, 0.7, 0.7),
    ],
)
def test_what_is_opened_by_url_is_guarded_whatever_its_threshold(facade, options, threshold, min_confidence):
    with facade.open("memory:", embedder=WordEmbedder(), **options).as_sync() as cache:
        policy = cache._core.policy

    assert (type(policy), policy.threshold, policy.min_confidence) == (Guarded, threshold, min_confidence)
    assert policy.confidence_fn == options.get("confidence_fn")
    assert policy.calibration == GENERIC


def test_a_threshold_lets_no_opened_cache_serve_what_the_guard_forbids():
    with SemanticCache.open("memory:", embedder=WordEmbedder(), similarity_threshold=0.5) as cache:
        cache.put("Is it open on Sundays?", "Yes.")

        assert cache.get("Is it not open on Sundays?") is None


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("guarded", Guarded(calibration=GENERIC)),
        ("guarded:0.05", Guarded(max_error=0.05, calibration=GENERIC)),
        ("threshold:0.9", Threshold(0.9, min_confidence=0.0)),
    ],
)
def test_a_policy_may_be_named(facade, name, policy):
    with (
        facade.open("memory:", embedder=WordEmbedder(), policy=name).as_sync() as opened,
        facade(store=MemoryStore(), embedder=WordEmbedder(), policy=name).as_sync() as made,
    ):
        assert (opened._core.policy, made._core.policy) == (policy, policy)


@pytest.mark.parametrize("policy", [Guarded, "gaurded", "guarded:", "guarded:x", "threshold", "exact", "no/file.json"])
def test_what_is_no_policy_is_refused_at_the_door(facade, policy):
    with pytest.raises(InvalidArgumentError, match="policy"):
        facade.open("memory:", embedder=WordEmbedder(), policy=policy)


@pytest.mark.parametrize(
    "given", [{"similarity_threshold": 0.99}, {"min_confidence": 0.9}, {"confidence_fn": lambda *_: 1.0}]
)
@pytest.mark.parametrize("policy", ["guarded:0.05", Threshold(0.9)])
def test_a_policy_beside_what_it_has_of_its_own_is_refused(facade, given, policy):
    for opening in (lambda **options: facade.open("memory:", **options), partial(facade, store=MemoryStore())):
        with pytest.raises(InvalidArgumentError, match=f"Leave out {next(iter(given))}, or policy"):
            opening(embedder=WordEmbedder(), policy=policy, **given)


def test_the_constructors_defaults_beside_a_policy_are_given_by_nobody(facade):
    options = {"similarity_threshold": 0.85, "min_confidence": 0.7, "confidence_fn": None}
    with facade(store=MemoryStore(), embedder=WordEmbedder(), policy="threshold:0.9", **options).as_sync() as cache:
        assert cache.similarity_threshold == 0.9
    with pytest.raises(InvalidArgumentError, match="similarity_threshold and min_confidence and confidence_fn"):
        facade.open("memory:", embedder=WordEmbedder(), policy="threshold:0.9", **options)
