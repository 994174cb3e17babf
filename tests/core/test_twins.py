"""The two drivers are one text: take `async` and `await` from the async one and the sync one is left."""

import ast
from pathlib import Path

import mneme

DIFFERENT = {
    "as_async": "each is itself in its own colour",
    "as_sync": "each is itself in its own colour",
    "loads": "an archive is read in a thread of its own",
    "close": "the last write is made in a thread of its own",
    "_check_embedder": "each wants an embedder of its colour",
    "_embed": "embeddings are awaited under another name",
    "_embed_many": "embeddings are awaited under another name",
    "_search": "the async one leaves the event loop, or gives it to others in between",
    "_run": "the async one leaves the event loop",
    "_store": "the async one leaves the event loop where the store can block",
    "_pause": "the async one leaves the event loop to others",
    "_write": "the async one lets a thread write",
    "_clear": "the async one returns before the store has written",
}
TRANSLATION = {
    "async def ": "def ",
    "await ": "",
    "_value(compute)": "compute()",
    ".arun(": ".run(",
    ".arun,": ".run,",
    ".astart(": ".start(",
    ".astreams.": ".streams.",
    "areplayed(": "replayed(",
    "AsyncIterator": "Iterator",
    "Awaitable[None]": "None",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "AsyncSemanticCache": "SemanticCache",
    "AsyncEmbedder": "Embedder",
    "Embedder | Embedder": "Embedder",
    "T | Awaitable[T]": "T",
}


def methods(module, translation):
    """Return name -> code of a driver's methods, whatever the line breaks."""
    text = (Path(mneme.__file__).parent / f"{module}.py").read_text()
    for ours, theirs in translation.items():
        text = text.replace(ours, theirs)
    facade = next(node for node in ast.parse(text).body if getattr(node, "name", "") == "SemanticCache")
    return {node.name: ast.unparse(node) for node in facade.body if isinstance(node, ast.FunctionDef)}


def test_the_drivers_have_the_same_methods_in_the_same_order():
    assert list(methods("async_cache", TRANSLATION)) == list(methods("cache", {}))


def test_the_drivers_differ_in_the_methods_listed_and_in_no_others():
    sync, stripped = methods("cache", {}), methods("async_cache", TRANSLATION)

    assert {name for name in sync if sync[name] != stripped[name]} == set(DIFFERENT)
