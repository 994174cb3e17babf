"""Agent middleware: the agent's model, wrapped by `cached_model`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel

from mneme import AsyncSemanticCache, Explanation, SemanticCache
from mneme_langchain._link import Link
from mneme_langchain._model import LINK, cached_model
from mneme_langchain._strings import Call, Prompt, call_of

# An agent has a handful of models; one made anew for each call is wrapped for nothing and forgotten.
MODELS_KEPT = 16


class MnemeCacheMiddleware(AgentMiddleware[Any, Any, Any]):
    """Answers an agent's model calls from a cache: `create_agent(model, middleware=[MnemeCacheMiddleware(cache)])`.

    scope_from_context: names in the agent's runtime context, a mapping or an object, whose values must be equal for a
        hit, such as ("user_id",). A call without them is not cached.
    options: those of `cached_model`.
    """

    def __init__(
        self,
        cache: SemanticCache | AsyncSemanticCache,
        *,
        scope_from_context: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__()
        self._cache = cache
        self._names = (scope_from_context,) if isinstance(scope_from_context, str) else tuple(scope_from_context)
        self._options = options
        # By identity, with the model itself, so that its id is not given to another.
        self._models: OrderedDict[int, tuple[BaseChatModel, BaseChatModel]] = OrderedDict()

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Hand on the request with a model that asks the cache first."""
        with self._scope(_context_of(request)):
            return handler(request.override(model=self._cached(request.model)))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Do what `wrap_model_call` does."""
        with self._scope(_context_of(request)):
            return await handler(request.override(model=self._cached(request.model)))

    def explain(self, prompt: Prompt, llm: Any, *, context: Any = None) -> Explanation:
        """Return why one of the agent's calls hits or misses.

        prompt: what the model was asked: the system prompt and the messages before the answer. llm: the agent's model
        with its tools, `model.bind_tools(tools)`. context: the agent's runtime context, where `scope_from_context`
        reads it.
        Raises TypeError for what is no chat model, InvalidArgumentError for a call that is not cached, and what the
        embedder raises.
        """
        link, model, call = self._call(prompt, llm)
        with self._scope(context):
            return link.explain(model, call)

    async def aexplain(self, prompt: Prompt, llm: Any, *, context: Any = None) -> Explanation:
        """Return what `explain` returns."""
        link, model, call = self._call(prompt, llm)
        with self._scope(context):
            return await link.aexplain(model, call)

    def report_wrong(self, prompt: Prompt, llm: Any, *, context: Any = None) -> int:
        """Take back the answer that a call gets from the cache, as `cache.report_wrong` does; 0 where it gets none.

        The arguments and errors are those of `explain`.
        """
        link, model, call = self._call(prompt, llm)
        with self._scope(context):
            return link.report_wrong(model, call)

    async def areport_wrong(self, prompt: Prompt, llm: Any, *, context: Any = None) -> int:
        """Do what `report_wrong` does."""
        link, model, call = self._call(prompt, llm)
        with self._scope(context):
            return await link.areport_wrong(model, call)

    def _call(self, prompt: Prompt, llm: Any) -> tuple[Link, BaseChatModel, Call]:
        model, call = call_of(prompt, llm)
        cached = self._cached(model)
        return getattr(type(cached), LINK), cached, call

    def _cached(self, model: BaseChatModel) -> BaseChatModel:
        known = self._models.get(id(model))
        if known is None:
            known = self._models[id(model)] = (model, cached_model(model, self._cache, **self._options))
            if len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        return known[1]

    def _scope(self, context: Any) -> AbstractContextManager[None]:
        """Return the scope of the runtime context's values; without one of them nothing is read or stored."""
        if not self._names:
            return nullcontext()
        values = {name: _value(context, name) for name in self._names}
        if not all(isinstance(value, str | int) for value in values.values()):
            return self._cache.override(bypass=True)
        return self._cache.scope(vary={"agent": values})


def _context_of(request: ModelRequest[Any]) -> Any:
    return request.runtime.context if request.runtime is not None else None


def _value(context: Any, name: str) -> Any:
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
