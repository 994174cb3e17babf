"""Who is measured: what is installed for it, and which adapter drives it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.redis_server import PACKAGES

OURS = "mneme"
MNEME_CACHE = ("mneme-cache==1.0.1",)
WITH_HNSW = ("mneme-cache[hnsw]==1.0.1",)
SERVER = ("redis-server", PACKAGES)
"""The environment of the Redis server, and what is in it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One contender."""

    label: str
    adapter: str
    """Module and class within benchmarks.peer."""
    environment: str = ""
    requirements: tuple[str, ...] = ()
    """What its environment has; none: it runs in ours."""
    on_server: bool = False
    usual: bool = True
    """Whether it is measured without being named."""
    approximate: bool = False
    """Whether it may find another entry than the nearest, which is counted."""

    @property
    def ours(self) -> bool:
        """Whether a failure ends the run; a wrong answer does, too, but of one that is approximate."""
        return not self.requirements


GPTCACHE = ("gptcache==0.1.44", "sqlalchemy", "faiss-cpu")
REDIS = ("redisvl==0.28.0", "langchain-redis==0.2.6")
BINARY = ("binary-semantic-cache==1.0.1",)
PEERS = {
    OURS: Peer("Mneme", "mneme_caches.Mneme"),
    "mneme-ann": Peer("Mneme, [ann]", "mneme_caches.MnemeAnn", approximate=True),
    "by-hand": Peer("by hand (the floor)", "by_hand.ByHand"),
    "mneme-cache": Peer("mneme-cache, NumPy", "mneme_caches.MnemeCache", "mneme-cache", MNEME_CACHE),
    "mneme-cache-hnsw": Peer("mneme-cache, HNSW", "mneme_caches.MnemeCacheHNSW", "mneme-cache-hnsw", WITH_HNSW),
    "gptcache": Peer("GPTCache", "gptcache_cache.GPTCache", "gptcache", GPTCACHE),
    "redisvl": Peer("RedisVL", "redis_caches.RedisVL", "redis", REDIS, on_server=True),
    "langchain-redis": Peer("langchain-redis", "redis_caches.LangChainRedis", "redis", REDIS, on_server=True),
    "binary-semantic-cache": Peer("binary-semantic-cache", "binary_cache.Binary", "binary", BINARY),
    "mneme-redis": Peer("Mneme on Redis, replica", "mneme_caches.MnemeReplica", on_server=True, usual=False),
    "mneme-redis-server": Peer("Mneme, Redis searching", "mneme_caches.MnemeServer", on_server=True, usual=False),
}
