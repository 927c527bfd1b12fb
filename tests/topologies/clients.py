"""Backends of producers and workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.retry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from redset.backends import AsyncRedisBackend, RedisBackend
from redset.testing import blocking
from tests.support.servers import HOST, Cluster, Sentinel

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from redset.interfaces import Backend

__all__ = ["Clients"]


class Clients:
    """Opens backends on the servers of a run, with clients that send again what fails."""

    def __init__(self, setup: Cluster | Sentinel, wait_replicas: int) -> None:
        self._setup = setup
        self._wait_replicas = wait_replicas

    def open(self, number: int) -> AbstractContextManager[Backend]:
        """Open a blocking backend, or for an odd number an asyncio one, made blocking."""
        if number % 2 == 0:
            client, *others = self._make(redis, redis.cluster.ClusterNode, Retry)
            return RedisBackend(client, owns=[client, *others], wait_replicas=self._wait_replicas)

        def make() -> AsyncRedisBackend:
            client, *others = self._make(
                redis.asyncio, redis.asyncio.cluster.ClusterNode, redis.asyncio.retry.Retry
            )
            return AsyncRedisBackend(
                client, owns=[client, *others], wait_replicas=self._wait_replicas
            )

        return blocking(make)

    def _make(self, clients: Any, node: Any, retry: Any) -> list[Any]:
        if isinstance(self._setup, Cluster):
            nodes = [node(HOST, each.port) for each in self._setup.servers]
            return [clients.RedisCluster(startup_nodes=nodes)]
        sentinel = clients.Sentinel(self._setup.addresses)
        again = [redis.ConnectionError, redis.TimeoutError]
        policy = retry(ExponentialBackoff(cap=1.0, base=0.05), 10)
        client = sentinel.master_for(self._setup.service, retry=policy, retry_on_error=again)
        return [client, *sentinel.sentinels]
