"""Redis clients of the three kinds Feast knows, with timeouts and a short retry."""

from collections.abc import Callable
from typing import Any

from redis import Redis, RedisCluster, Sentinel
from redis import asyncio as redis_asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.retry import Retry as AsyncRetry
from redis.cluster import ClusterNode
from redis.retry import Retry

from ingestion.stores.redis_online.address import Address
from ingestion.stores.redis_online.link import (
    PAUSES,
    AsyncClusterLink,
    AsyncLink,
    AsyncServerLink,
    ClusterLink,
    Link,
    ServerLink,
)


def connect(kind: str, address: Address, *, master: str, attempts: int, timeouts: dict[str, float]) -> Link:
    """A link for threads; connections are made when they are needed.

    Args:
        kind: ``redis``, ``redis_cluster`` or ``redis_sentinel``.
        address: Servers; their parameters overrule the timeouts.
        master: Name of the master that sentinels are asked for.
        attempts: How often a command is sent before it counts as failed.
        timeouts: ``socket_timeout`` and ``socket_connect_timeout``, seconds.
    """
    options = {"retry": Retry(PAUSES, attempts - 1), **timeouts, **address.parameters}
    if kind == "redis_cluster":
        return ClusterLink(RedisCluster(startup_nodes=_nodes(ClusterNode, address), **options), attempts)
    if kind == "redis_sentinel":
        sentinel = Sentinel(address.nodes, sentinel_kwargs=timeouts, **options)
        return ServerLink(sentinel.master_for(master), attempts, sentinel.sentinels)
    host, port = address.nodes[0]
    return ServerLink(Redis(host=host, port=port, **options), attempts)


def connect_async(
    kind: str, address: Address, *, master: str, attempts: int, timeouts: dict[str, float]
) -> AsyncLink:
    """A link for the running event loop; arguments as of ``connect``."""
    options = {"retry": AsyncRetry(PAUSES, attempts - 1), **timeouts, **address.parameters}
    if kind == "redis_cluster":
        nodes = _nodes(AsyncClusterNode, address)
        return AsyncClusterLink(redis_asyncio.RedisCluster(startup_nodes=nodes, **options))
    deadline = options["socket_timeout"]
    if kind == "redis_sentinel":
        sentinel = redis_asyncio.Sentinel(list(address.nodes), sentinel_kwargs=timeouts, **options)
        return AsyncServerLink(sentinel.master_for(master), attempts, deadline, sentinel.sentinels)
    host, port = address.nodes[0]
    return AsyncServerLink(redis_asyncio.Redis(host=host, port=port, **options), attempts, deadline)


def _nodes(node: Callable[..., Any], address: Address) -> list[Any]:
    return [node(host=host, port=port) for host, port in address.nodes]
