"""A client of one server, or of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import redis
from redis.cluster import RedisCluster

from mneme.errors import InvalidArgumentError
from mneme.stores.arguments import meant

OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {"name": str, "mode": str, "timeout": float, "poll": float}


def check_url(url: object) -> str:
    """Return the URL; raises InvalidArgumentError, without showing it, for one that cannot be used."""
    if not isinstance(url, str) or not url.startswith(("redis://", "rediss://", "unix://")):
        raise InvalidArgumentError("the url of a RedisStore starts with redis://; its value is not shown.")
    try:
        client = redis.Redis.from_url(url)
        options = client.connection_pool.connection_kwargs
        client.connection_pool.connection_class(**options)
    except Exception as error:
        raise InvalidArgumentError(
            f"the url of a RedisStore cannot be used ({type(error).__name__}; its value is not shown). Signs such as "
            "/, # and @ in a password must be written as %2F, %23 and %40, and parameters be ones of redis-py. "
            f"{meant(url, OPTIONS)}"
        ) from None
    if options.get("decode_responses"):
        raise InvalidArgumentError("the url of a RedisStore says decode_responses; entries are bytes. Leave it out.")
    return url


def connect(url: str, timeout: float) -> Any:
    """Return a client for a checked URL; raises what the client raises where the server does not answer."""
    options: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "client_name": "mneme"}
    client = redis.Redis.from_url(url, **options)
    try:
        is_cluster = bool(client.info("cluster").get("cluster_enabled"))
    except redis.ResponseError:  # one who may not ask
        is_cluster = False
    if not is_cluster:
        return client
    client.close()
    return RedisCluster.from_url(url, **options)


def run_of(client: Any) -> str:
    """Return what tells one run of the server from the next; empty where it may not be asked, and of a cluster."""
    if isinstance(client, RedisCluster):
        return ""
    try:
        return str(client.info("server").get("run_id", ""))
    except redis.ResponseError:
        return ""
