"""What of a model changes its answers: its class, its settings, and how it writes prompts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llama_index.core.llms import LLM
from pydantic import BaseModel

from mneme_llama_index._canonical import Json, NotKeyedError, canonical, type_name

# Credentials never reach a key; the others change how a request is made, not what it answers.
_SECRET = re.compile(r"(^|_)(key|secret|password|credentials?|headers?|(access|auth|bearer|session|ad|api|id)_token)$")
_OPERATIONAL = (
    *("callback_manager", "rate_limiter", "max_retries", "timeout", "request_timeout", "reuse_client"),
    *("num_workers", "verbose", "show_progress", "keep_alive", "cache_folder"),
    *("embed_batch_size", "embeddings_cache"),
)


def model_key(llm: LLM, kind: type[LLM]) -> Json:
    """Return what must be equal for two models to share answers. Read anew for each call: fields can be set.

    kind: the model's own class, which answers for how it calls.
    Private attributes count where they are pydantic models, such as the model inside LangChainLLM.
    """
    return {**embedder_key(llm, kind), "model": canonical(llm.metadata.model_dump())}


def embedder_key(model: BaseModel, kind: type[BaseModel]) -> dict[str, Json]:
    """Return what must be equal for two embedders to share vectors."""
    private = [item for item in (model.__pydantic_private__ or {}).values() if isinstance(item, BaseModel)]
    return {"class": type_name(kind), "settings": _settings(model), "private": [_settings(item) for item in private]}


def _settings(model: BaseModel) -> Json:
    names = type(model).model_fields
    return _counted({**{name: getattr(model, name, None) for name in names}, **(model.model_extra or {})})


def _counted(settings: Mapping[Any, Any]) -> Json:
    return {
        str(name): _setting(value)
        for name, value in settings.items()
        if name not in _OPERATIONAL and not _SECRET.search(str(name))
    }


def _setting(value: Any) -> Json:
    if isinstance(value, BaseModel):
        return [type_name(type(value)), _settings(value)]
    if isinstance(value, Mapping):
        return _counted(value)
    if isinstance(value, list | tuple):
        return [_setting(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if callable(value) and not isinstance(value, type):
        return _function(value)
    try:
        return canonical(value)
    except NotKeyedError:
        # A secret, a client, a tokenizer, a loaded network: the settings beside it say which.
        return type_name(type(value))


def _function(function: Callable[..., Any]) -> Json:
    """Return where a function is written: two lambdas of one module share their name, but not their line."""
    code = getattr(function, "__code__", None)
    if code is None:
        return type_name(type(function))
    return [getattr(function, "__module__", ""), code.co_qualname, code.co_firstlineno]
