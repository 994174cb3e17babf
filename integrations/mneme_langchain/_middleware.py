"""Agent middleware: the agent's model, wrapped by `cached_model`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel

from mneme import AsyncSemanticCache, SemanticCache
from mneme_langchain._model import cached_model

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
        with self._scope(request):
            return handler(request.override(model=self._cached(request.model)))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Do what `wrap_model_call` does."""
        with self._scope(request):
            return await handler(request.override(model=self._cached(request.model)))

    def _cached(self, model: BaseChatModel) -> BaseChatModel:
        known = self._models.get(id(model))
        if known is None:
            known = self._models[id(model)] = (model, cached_model(model, self._cache, **self._options))
            if len(self._models) > MODELS_KEPT:
                self._models.popitem(last=False)
        return known[1]

    def _scope(self, request: ModelRequest[Any]) -> AbstractContextManager[None]:
        """Return the scope of the runtime context's values; without one of them nothing is read or stored."""
        if not self._names:
            return nullcontext()
        context = request.runtime.context if request.runtime is not None else None
        values = {name: _value(context, name) for name in self._names}
        if not all(isinstance(value, str | int) for value in values.values()):
            return self._cache.override(bypass=True)
        return self._cache.scope(vary={"agent": values})


def _value(context: Any, name: str) -> Any:
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
