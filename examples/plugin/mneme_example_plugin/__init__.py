"""A Mneme plugin with one of everything, as small as it can be and still be right."""

from mneme.plugins import EmbedderSpec, IndexSpec, PolicySpec, StoreSpec, hookimpl
from mneme_example_plugin.embedder import LetterEmbedder
from mneme_example_plugin.index import BruteIndex
from mneme_example_plugin.policy import Lenient
from mneme_example_plugin.store import open_log

heard = []


@hookimpl
def mneme_register_stores(register):
    register(StoreSpec("log", ("log",), open_log))


@hookimpl
def mneme_register_indexes(register):
    register(IndexSpec("brute", lambda dim, dtype, options: BruteIndex(dtype)))


@hookimpl
def mneme_register_embedders(register):
    register(EmbedderSpec("letters", LetterEmbedder))


@hookimpl
def mneme_register_policies(register):
    register(PolicySpec("lenient", Lenient))


@hookimpl
def mneme_on_event(event, attributes):
    heard.append((event, attributes["namespace"]))
