"""Why a question hits or misses a cache that another process uses."""

from __future__ import annotations

from os import PathLike
from typing import Any

from mneme.cache import SemanticCache
from mneme.embedders.base import Embedder
from mneme.engine.judge import Policy
from mneme.errors import EmbedderMismatchError, EncryptionError, InvalidArgumentError
from mneme.model import Explanation, Vary
from mneme.runtime.opening import careful
from mneme.stores.base import Identity
from mneme.tools.looking.counting import shown
from mneme.tools.looking.finding import full_key
from mneme.tools.looking.opening import reading


def explain(
    url: str | PathLike[str],
    query: str,
    embedder: Embedder,
    *,
    namespace: str = "default",
    vary: Vary | None = None,
    k: int = 5,
    policy: Policy | str | PathLike[str] | None = None,
    feedback: str | PathLike[str] | None = None,
    like: str | None = None,
) -> Explanation:
    """Return what `cache.explain` returns, of a cache that stays as it is: nothing is counted or written.

    policy: what the program judges with, where that is not what `SemanticCache.open` does.
    feedback: the file that the program opens with `feedback=`.
    like: a key or its beginning; asks as that entry was asked, in the place of `namespace` and `vary`.
    Raises EmbedderMismatchError for another embedder than the cache's, InvalidArgumentError for one that was opened
    with a normaliser of its own, EncryptionError for one that is encrypted, and as `cache.explain` does.
    """
    with reading(url) as (store, identity):
        check_embedder(identity, embedder, shown(url))
        options: dict[str, Any] = {"normalize": identity.normalize == "default"}
        if policy is not None:
            options["policy"] = policy
        if feedback is not None:
            options["feedback"] = feedback
        if like is not None:
            like = full_key(store, identity, like)
        cache = SemanticCache(store=store, embedder=embedder, **careful(options, embedder))
        try:
            return cache.explain(query, namespace=namespace, vary=vary, k=k, like=like)
        finally:
            cache.close()


def check_embedder(identity: Identity, embedder: Embedder, url: str) -> None:
    """Raise what `explain` does where this embedder cannot compare questions with a cache's entries."""
    if identity.is_sealed:
        raise EncryptionError(
            "this cache is encrypted, and questions are compared with its entries where its keys are given alone: "
            "--keys FILE, or cache.explain in its program."
        )
    if identity.normalize == "custom":
        raise InvalidArgumentError(
            f"{url} was filled with a normaliser of its program's own, which is not known here: call cache.explain "
            "in that program."
        )
    if (embedder.fingerprint, embedder.dim) != (identity.fingerprint, identity.dim):
        raise EmbedderMismatchError(
            f"{url} was filled by the embedder {identity.fingerprint!r} ({identity.dim} numbers), this one is "
            f"{embedder.fingerprint!r} ({embedder.dim} numbers). Name the cache's own: --embedder MODULE:ATTRIBUTE."
        )
