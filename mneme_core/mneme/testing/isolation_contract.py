"""No answer crosses from one tenant to another, whatever they are called: subclass IsolationContract.

MNEME_REQUESTS in the environment says how many random requests are made; 2,000 without it.
"""

from __future__ import annotations

import os
import random

import pytest

from mneme.cache import SemanticCache
from mneme.engine.judge import Threshold
from mneme.model import Vary
from mneme.testing.embedders import WordEmbedder
from mneme.testing.sharing_contract import Stores

REQUESTS = int(os.environ.get("MNEME_REQUESTS", "2000"))
SEED = 20_261_125

# Names that end a literal, a query, a key or a pattern somewhere, and names that are nearly each other.
TENANTS = (
    *("a", "A", "a ", "ab", "b", "", "default", "a:b", "a/b", "a\x00b", "ä", "🙂"),
    *("'; DROP TABLE entries; --", '"', "' OR '1'='1", "$1", "%s", "\\", "*", "@partition:{*}", "{a}", "a|b", "a,b"),
    *("]==] return 1 --[==[", "\r\nFLUSHALL\r\n", "null", "0"),
)
VARIES: tuple[Vary | None, ...] = (
    *(None, {"model": "a"}, {"model": "b"}, {"model": "a' OR ''='"}, {"t": 0}, {"t": 0.0}, {"t": "0"}, {"t": False}),
    *({"model": "*"}, {"model": "a", "t": 0}),
)
WORDS = ("red", "green", "blue", "dark", "light", "'; --", "@x:{*}", "%")


class IsolationContract:
    """The test. `make_store` returns a new handle on one and the same content (or the same object again)."""

    @pytest.fixture
    def make_store(self) -> Stores:
        """The subclass says which."""
        raise NotImplementedError

    def test_random_requests_are_answered_out_of_their_own_partition(self, make_store: Stores) -> None:
        rng = random.Random(SEED)  # noqa: S311  # repeatable
        hits = {"exact": 0, "semantic": 0}
        caches = [SemanticCache(store=make_store(), embedder=WordEmbedder(32), policy=Threshold(0.6)) for _ in range(2)]
        asked = ["red"]
        for _ in range(REQUESTS):
            cache, place = rng.choice(caches), (rng.choice(TENANTS[:: rng.choice((1, 5))]), rng.choice(VARIES))
            query = " ".join(rng.sample(WORDS, rng.randint(1, 4))) if rng.random() < 0.1 else rng.choice(asked[-8:])
            asked.append(query)
            options = {"namespace": place[0], "vary": place[1]}
            action = rng.random()
            if action < 0.25:
                tag = f"{rng.choice(TENANTS)}!"
                cache.put(query, repr(place), metadata={tag: [tag]}, tags=[tag], **options)  # type: ignore[arg-type]
            elif action < 0.27:
                cache.delete(query, **options)  # type: ignore[arg-type]
            elif action < 0.273:
                cache.invalidate(tags=[f"{rng.choice(TENANTS)}!"])
            elif action < 0.275:
                cache.clear_namespace(place[0])
            else:
                hit = cache.get(query, **options)  # type: ignore[arg-type]
                if hit is not None:
                    hits[hit.layer] += 1
                    assert (hit.response, hit.namespace) == (repr(place), place[0])
        for cache in caches:
            cache.close()

        assert min(hits.values()) > REQUESTS / 100, hits
