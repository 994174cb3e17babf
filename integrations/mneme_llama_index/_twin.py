"""A copy of a model with methods of ours before its own; it passes for one of the model's class."""

from __future__ import annotations

import functools
import logging
import types
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel

LINK = "_mneme_link"
T = TypeVar("T", bound=BaseModel)
_log = logging.getLogger("mneme.llama_index")

if TYPE_CHECKING:
    _Base = BaseModel
else:
    _Base = object  # no model itself: pydantic would take its names for fields


class Twin(_Base):
    """Comes before the model's own class in the order of methods."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        """Pickle as the model alone: a cache is open in one process."""
        _log.info("a cached %s is pickled without its cache", type(self).__name__)
        plain = self.model_copy()
        object.__setattr__(plain, "__class__", plain_class(type(self)))
        vars(plain).pop(LINK, None)
        return object.__new__, (type(plain),), plain.__getstate__()


def twin_of(model: T, methods: type[Twin], link: object) -> T:
    """Return a copy of `model` whose `methods` come first; they find `link` under the name LINK."""
    twin = model.model_copy()
    object.__setattr__(twin, "__class__", _twin_class(methods, plain_class(type(model))))
    object.__setattr__(twin, LINK, link)
    return twin


def plain_class(kind: type[T]) -> type[T]:
    """Return the model's own class, for the one made of it."""
    return cast("type[T]", kind.__bases__[1]) if issubclass(kind, Twin) else kind


@functools.cache
def _twin_class(methods: type[Twin], kind: type[T]) -> type[T]:
    names = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    return types.new_class(kind.__name__, (methods, kind), exec_body=lambda body: body.update(names))
