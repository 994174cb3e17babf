"""The public names, their signatures and the order of their fields: what users' code was written against."""

import inspect
import re
import typing
from importlib import import_module, resources

import numpy as np
import pytest

import mneme
from mneme import AsyncEmbedder, AsyncSemanticCache, Embedder, SemanticCache
from mneme.testing import AsyncWordEmbedder, WordEmbedder

NAMES = """
AsyncEmbedder AsyncSemanticCache CacheClosedError CheckpointError ConfidenceFn CorruptCacheError Embedder
EmbedderDimensionError EmbedderMismatchError Health Hit HitLayer Index IndexBackend IndexBackendUnavailableError
MemoryStore MetricsHook MnemeError MultiProcessLockError MultiProcessMode NamespaceQuotaExceededError QuantizationError
SQLiteStore SchemaMigrationError SemanticCache Stats Store StoreBackendError StoredEntry Validator VectorDtype
__version__ to_async_embedder to_sync_embedder
"""
PATHS = {
    "mneme.adapters.prometheus": ["PrometheusMetricsHook"],
    "mneme.adapters.opentelemetry": ["OTelMetricsHook"],
    "mneme.tools.calibrate": ["CalibrationResult", "find_threshold", "precision_recall_curve", "main"],
    "mneme.tools.migrate": ["reembed", "areembed"],
}
FACADES = pytest.mark.parametrize("facade", [SemanticCache, AsyncSemanticCache])


@pytest.mark.parametrize("name", NAMES.split())
def test_every_documented_name_can_be_imported(name):
    assert getattr(mneme, name) is not None


def test_every_exported_name_exists():
    assert [name for name in mneme.__all__ if not hasattr(mneme, name)] == []
    assert dir(mneme) == sorted(mneme.__all__)
    assert set(NAMES.split()) <= set(mneme.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'SemanticCashe'"):
        mneme.SemanticCashe  # noqa: B018


@pytest.mark.parametrize("path", PATHS)
def test_every_documented_import_path_exists(path):
    module = import_module(path)

    assert [name for name in PATHS[path] if not hasattr(module, name)] == []


def test_the_version_has_two_dots():
    assert re.fullmatch(r"\d+\.\d+\.\d+", mneme.__version__)


def test_the_package_is_marked_as_typed():
    assert resources.files("mneme").joinpath("py.typed").is_file()


def test_the_aliases_are_those_documented():
    assert typing.get_args(mneme.VectorDtype) == ("float32", "float16", "int8")
    assert typing.get_args(mneme.HitLayer) == ("exact", "semantic")
    assert typing.get_args(mneme.IndexBackend) == ("numpy", "hnsw", "auto")
    assert typing.get_args(mneme.MultiProcessMode) == ("single", "stale-tolerant", "mmap-shared")


def parameters(function):
    """Return the parameters of a method as written, without types."""
    return " ".join(
        str(parameter.replace(annotation=inspect.Parameter.empty))
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in ("self", "cls")
    )


@FACADES
def test_the_constructor_takes_what_is_documented(facade):
    signature = inspect.signature(facade)
    documented = {
        "path": None,
        "embedder": None,
        "store": None,
        "similarity_threshold": 0.85,
        "default_ttl": None,
        "max_entries": None,
        "namespace_quotas": None,
        "confidence_fn": None,
        "validator": None,
        "metrics_hook": None,
        "normalize": True,
        "index_backend": "auto",
        "index_options": None,
        "vector_dtype": "float32",
        "multi_process_mode": "single",
        "stale_check_interval": 0.0,
        "max_query_bytes": 32_768,
        "max_response_bytes": 4 * 1_048_576,
        "max_metadata_bytes": 65_536,
        "min_confidence": 0.7,
    }
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    positional = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]

    assert list(defaults.items())[: len(documented)] == list(documented.items())
    added = {"policy", "feedback", "bypass_if", "ttl_jitter", "negative_ttl", "flight_wait", "observers", "batching"}
    added |= {"prices", "durability", "max_bytes", "eviction", "clock"}
    assert (positional, set(defaults) - set(documented)) == (["path", "embedder"], added)


METHODS = {
    "get": "query embedding=None namespace='default' vary=None mode='semantic' bypass=False",
    "put": "query response embedding=None namespace='default' vary=None metadata=None ttl=None tags=() "
    "source_version=None cost=None mode='semantic' usage=None",
    "get_or_compute": "query compute namespace='default' vary=None ttl=None metadata=None mode='semantic' codec=None "
    "cache_if=None tags=() source_version=None stale_while_revalidate=None cost=None usage=None",
    "get_or_stream": "query produce codec namespace='default' vary=None ttl=None metadata=None mode='semantic' "
    "cache_if=None tags=() source_version=None cost=None usage=None",
    "get_many": "queries embeddings=None namespace='default' vary=None mode='semantic'",
    "put_many": "items embeddings=None namespace='default' vary=None metadata=None ttl=None tags=() "
    "source_version=None cost=None mode='semantic'",
    "delete": "query namespace='default' vary=None",
    "explain": "query embedding=None namespace='default' vary=None k=5 like=None",
    "report_wrong": "hit",
    "unreport": "hit",
    "invalidate": "tags=() source=None query=None near=None min_similarity=0.85 namespace=None",
    "key": "query namespace='default' vary=None",
    "scope": "namespace=None vary=None",
    "override": "bypass=False refresh=False read_only=False",
    "vacuum": "namespace=None compact=True",
    "compact": "",
    "stats": "namespace=None",
    "health": "",
    "list_namespaces": "",
    "list_queries": "namespace='default'",
    "clear_namespace": "namespace",
    "clear": "",
    "requantize": "dtype",
    "set_similarity_threshold": "value",
    "flush": "",
    "dumps": "dest in_clear=False",
    "loads": "source path embedder encryption=None **kwargs",
    "open": "url embedder=None encryption=None **options",
    "cached": "*function **options",
    "as_async": "",
    "as_sync": "",
    "close": "",
}


@FACADES
def test_the_methods_take_what_is_documented(facade):
    assert {name: parameters(getattr(facade, name)) for name in METHODS} == METHODS


@FACADES
def test_there_are_no_other_public_methods(facade):
    public = {name for name in dir(facade) if not name.startswith("_") and hasattr(facade, name)}

    assert public == set(METHODS) | {"similarity_threshold"}


@FACADES
@pytest.mark.parametrize("name", ["lookup", "alookup", "update", "aupdate"])
def test_whoever_gives_a_facade_to_langchain_is_told_what_to_give_it(facade, name):
    with pytest.raises(AttributeError, match=rf"'{facade.__name__}' .* no attribute '{name}'. For LangChain wrap it"):
        getattr(facade, name)


AWAITED = (
    "get put get_or_compute get_or_stream get_many put_many delete explain report_wrong unreport invalidate vacuum "
    "compact flush dumps loads close"
)


def test_the_async_facade_awaits_what_may_wait_and_nothing_else():
    coroutines = {name for name in METHODS if inspect.iscoroutinefunction(getattr(AsyncSemanticCache, name))}

    assert coroutines == set(AWAITED.split())
    assert not any(inspect.iscoroutinefunction(getattr(SemanticCache, name)) for name in METHODS)


def test_the_protocols_can_be_checked_while_running():
    class Attributes:
        dim = 3
        fingerprint = "f"

        def embed(self, text):
            return np.ones(3)

    assert [isinstance(thing, Embedder) for thing in (Attributes(), WordEmbedder(), object())] == [True, True, False]
    assert isinstance(AsyncWordEmbedder(), AsyncEmbedder)
    assert isinstance(mneme.MemoryStore(), mneme.Store)
    assert isinstance(SemanticCache(store=mneme.MemoryStore(), embedder=WordEmbedder())._core.index, mneme.Index)


def test_every_error_is_one_of_ours_and_bad_arguments_are_value_errors():
    errors = [value for name in mneme.__all__ if name.endswith("Error") for value in [getattr(mneme, name)]]

    assert all(issubclass(error, mneme.MnemeError) for error in errors)
    assert issubclass(mneme.InvalidArgumentError, ValueError)
    assert issubclass(mneme.CorruptCacheError, mneme.StoreBackendError)


@pytest.mark.parametrize("facade", [SemanticCache, AsyncSemanticCache])
def test_every_public_method_is_documented(facade):
    assert [name for name in METHODS if not (getattr(facade, name).__doc__ or "").strip()] == []
