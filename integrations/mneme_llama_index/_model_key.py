"""What of a model changes its answers: its class, its settings, and how it writes prompts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llama_index.core.llms import LLM
from pydantic import BaseModel

from mneme.identity import function_form, is_function, is_plain, is_secret, sealed, state_of
from mneme_llama_index._canonical import Json, NotKeyedError, canonical, type_name

# Who pays, and a token that runs out: two of them share answers. Other secrets count by their digest.
_ACCOUNT = re.compile(r"(^|_)(api_key|(access|auth|bearer|session|ad|api|id)_token|token_provider)$")
_HEADERS = re.compile(r"(^|_)headers?$")
_ACCOUNTS = ("aws_access_key_id", "aws_secret_access_key", "client_secret", "password", "credentials")
_OPERATIONAL = (
    *("callback_manager", "rate_limiter", "max_retries", "timeout", "request_timeout", "reuse_client"),
    *("num_workers", "verbose", "show_progress", "keep_alive", "cache_folder"),
    "tokenizer",  # counts tokens; the model's own is private
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
        name: _headers(value) if _HEADERS.search(name) else _setting(value, name)
        for name, value in ((str(name), value) for name, value in settings.items())
        if name not in (*_OPERATIONAL, *_ACCOUNTS) and not _ACCOUNT.search(name)
    }


def _headers(headers: Any) -> Json:
    """Return HTTP headers by their digests: any of them may be a secret."""
    if isinstance(headers, Mapping):
        return {str(name).lower(): sealed(value) for name, value in headers.items()}
    return sealed(headers)


def _setting(value: Any, where: str) -> Json:
    if is_secret(where, value):
        return sealed(value)
    if isinstance(value, BaseModel):
        return [type_name(type(value)), _settings(value)]
    if isinstance(value, Mapping):
        return _counted(value)
    if isinstance(value, list | tuple):
        return [_setting(item, where) for item in value]
    if isinstance(value, Path):
        return str(value)
    if callable(value) and not isinstance(value, type):
        return _strict(where, value)
    try:
        return canonical(value)
    except NotKeyedError:
        # A class; or a client, a loaded network: the settings beside it say which.
        return type_name(value if isinstance(value, type) else type(value))


def _strict(where: str, value: Any) -> Json:
    """Return the form of a function, or of what one depends on. Raises NotKeyedError where that has none."""
    if is_secret(where.rpartition(".")[2], value):
        return sealed(value)
    if is_function(value):
        return {"$function": function_form(value, _strict, where)}
    if isinstance(value, BaseModel):
        return [type_name(type(value)), _settings(value)]
    if isinstance(value, Mapping):
        return {"$mapping": [[str(name), _strict(f"{where}.{name}", item)] for name, item in value.items()]}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *[_strict(where, item) for item in value]]
    if callable(value) and not isinstance(value, type) and is_plain(type(value)):
        forms = {name: _strict(f"{where}.{name}", item) for name, item in sorted(state_of(value).items())}
        return [type_name(type(value)), forms]
    if isinstance(value, type) and not issubclass(value, BaseModel):
        return type_name(value)
    try:
        return canonical(value)
    except NotKeyedError as error:
        raise NotKeyedError(
            f"{where} depends on a value of type {type_name(type(value))}, which no key can hold; models that differ "
            "in it would share answers"
        ) from error
