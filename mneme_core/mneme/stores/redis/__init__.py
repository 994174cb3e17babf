"""Entries in a Redis or Valkey server, for caches on several machines."""

try:
    import redis as _  # noqa: F401  # what is missing is said here, once
except ImportError as error:
    raise ImportError("RedisStore needs the client: pip install 'mneme-middleware[redis]'") from error

from mneme.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
