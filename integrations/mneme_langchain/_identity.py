"""What identifies the model behind an `llm_string`."""

from __future__ import annotations

import json
import re
import sys
from functools import lru_cache
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from mneme_langchain._messages import NotKeyedError

_CLASS = re.compile(r"<class '([^']+)'>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def model_digest(llm_string: str) -> str:
    """Return a hash of the model and its parameters; the string can hold headers and is never stored itself.

    LangChain names a response schema by its class alone. Two schemas can share a name, so the schema is hashed
    too. Raises NotKeyedError where it cannot be found, and for objects named by their address in memory.
    """
    if _ADDRESS.search(llm_string):
        raise NotKeyedError("the model's parameters hold an object that only its address in memory identifies")
    schemas = [schema_of(_find_class(path)) for path in _CLASS.findall(llm_string)]
    return sha256("\0".join([llm_string, *schemas]).encode("utf-8", "surrogatepass")).hexdigest()


def _find_class(path: str) -> type:
    """Return the class of that dotted name among the modules already imported."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is None:
            continue
        for name in parts[cut:]:
            found = vars(found).get(name) if hasattr(found, "__dict__") else None
        if isinstance(found, type):
            return found
    raise NotKeyedError(
        "the response schema is a class that cannot be found by its name: define it at the top of a module, "
        "or pass with_structured_output a JSON schema"
    )


@lru_cache(maxsize=256)
def schema_of(kind: type) -> str:
    """Return the JSON schema of a class. Raises NotKeyedError for one that has none."""
    try:
        return json.dumps(TypeAdapter(kind).json_schema(), sort_keys=True)
    except Exception as error:  # pydantic raises several kinds for a class it cannot describe
        raise NotKeyedError("the response schema is a class that has no JSON schema") from error
