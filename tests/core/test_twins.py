"""The two drivers are one text: take `async` and `await` from the async one and the sync one is left."""

import ast
import re
from pathlib import Path

import pytest

import mneme

HOME = Path(mneme.__file__).parent
SUBJECTS = sorted(path.name for path in (HOME / "sync").glob("[!_]*.py"))
TWINS = {"cache.py": "async_cache.py"} | {f"sync/{name}": f"aio/{name}" for name in SUBJECTS}

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
    "Awaitable[None]": "None",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "AsyncEmbedder | Embedder": "Embedder",
    "T | Awaitable[T]": "T",
}


def driver(module, translation):
    """Return the bases of the class in a module, and name -> code of its methods, whatever the line breaks."""
    text = (HOME / module).read_text()
    for ours, theirs in translation.items():
        text = text.replace(ours, theirs)
    text = re.sub(r"\bAsync(?=[A-Z])", "", text) if translation else text
    (facade,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    methods = {node.name: ast.unparse(node) for node in facade.body if isinstance(node, ast.FunctionDef)}
    return facade.name, [ast.unparse(base) for base in facade.bases], methods


def test_every_subject_of_one_driver_is_one_of_the_other():
    assert sorted(path.name for path in (HOME / "aio").glob("[!_]*.py")) == SUBJECTS


@pytest.mark.parametrize("module", TWINS)
def test_the_drivers_have_the_same_bases_and_the_same_methods_in_the_same_order(module):
    name, bases, methods = driver(module, {})
    other_name, other_bases, stripped = driver(TWINS[module], TRANSLATION)

    assert (other_name, other_bases, list(stripped)) == (name, bases, list(methods))


def test_the_drivers_differ_in_the_methods_listed_and_in_no_others():
    sync, stripped = {}, {}
    for module, twin in TWINS.items():
        sync |= driver(module, {})[2]
        stripped |= driver(twin, TRANSLATION)[2]

    assert {name for name in sync if sync[name] != stripped[name]} == set(DIFFERENT)
