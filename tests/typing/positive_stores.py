"""What a set can live on: clients of all makes, and our backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import fakeredis
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
import valkey
import valkey.asyncio

from redset import (
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTTLSet,
    ScheduledSet,
    SortedSet,
    TTLSet,
    connect,
    connect_async,
)
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend, RedisBackend

if TYPE_CHECKING:
    from redset.interfaces import (
        AsyncBackend,
        AsyncShardableBackend,
        Backend,
        ShardableBackend,
    )


def redis_clients(
    plain: redis.Redis, text: redis.Redis, cluster: redis.RedisCluster, sub: redis.StrictRedis
) -> None:
    assert_type(SortedSet(plain, "n"), SortedSet[str])
    assert_type(SortedSet(text, "n"), SortedSet[str])
    assert_type(SortedSet(cluster, "n"), SortedSet[str])
    assert_type(SortedSet(sub, "n"), SortedSet[str])
    assert_type(TTLSet(cluster, "n"), TTLSet[str])
    assert_type(ScheduledSet(redis.Redis(decode_responses=True), "n"), ScheduledSet[str])
    assert_type(SortedSet(redis.cluster.RedisCluster("host"), "n"), SortedSet[str])
    assert_type(SortedSet(RedisBackend(plain, owns=[cluster]), "n"), SortedSet[str])


def asyncio_redis_clients(plain: redis.asyncio.Redis, cluster: redis.asyncio.RedisCluster) -> None:
    assert_type(AsyncSortedSet(plain, "n"), AsyncSortedSet[str])
    assert_type(AsyncSortedSet(cluster, "n"), AsyncSortedSet[str])
    assert_type(AsyncTTLSet(cluster, "n"), AsyncTTLSet[str])
    assert_type(
        AsyncSortedSet(redis.asyncio.cluster.RedisCluster("host"), "n"), AsyncSortedSet[str]
    )
    assert_type(AsyncScheduledSet(redis.asyncio.Redis(), "n"), AsyncScheduledSet[str])
    assert_type(AsyncSortedSet(AsyncRedisBackend(plain, owns=[plain]), "n"), AsyncSortedSet[str])


def valkey_clients(cluster: valkey.ValkeyCluster, later: valkey.asyncio.ValkeyCluster) -> None:
    assert_type(SortedSet(valkey.Valkey(), "n"), SortedSet[str])
    assert_type(SortedSet(cluster, "n"), SortedSet[str])
    assert_type(AsyncSortedSet(valkey.asyncio.Valkey(), "n"), AsyncSortedSet[str])
    assert_type(AsyncSortedSet(later, "n"), AsyncSortedSet[str])


def fake_clients() -> None:
    assert_type(SortedSet(fakeredis.FakeRedis(), "n"), SortedSet[str])
    assert_type(SortedSet(fakeredis.FakeStrictRedis(), "n"), SortedSet[str])
    assert_type(AsyncSortedSet(fakeredis.FakeAsyncRedis(), "n"), AsyncSortedSet[str])


def backends_from_urls(url: str) -> None:
    backend = connect(url)
    assert_type(backend, MemoryBackend | RedisBackend)
    assert_type(SortedSet(backend, "n"), SortedSet[str])
    assert_type(TTLSet(connect(url), "n", ttl=1), TTLSet[str])
    assert_type(connect(url, wait_replicas=1, wait_timeout=2), MemoryBackend | RedisBackend)
    with connect(url) as opened:
        assert_type(SortedSet(opened, "n").pop(), str)
    backend.close()


async def asyncio_backends_from_urls(url: str) -> None:
    backend = connect_async(url)
    assert_type(backend, AsyncMemoryBackend | AsyncRedisBackend)
    assert_type(AsyncSortedSet(backend, "n"), AsyncSortedSet[str])
    assert_type(AsyncTTLSet(connect_async(url), "n", ttl=1), AsyncTTLSet[str])
    async with connect_async(url) as opened:
        assert_type(await AsyncSortedSet(opened, "n").pop(), str)
    await backend.close()


def ours_fit_the_protocols(
    client: redis.Redis, later: redis.asyncio.Redis
) -> tuple[list[ShardableBackend], list[AsyncShardableBackend]]:
    store = MemoryBackend()
    return [store, RedisBackend(client)], [AsyncMemoryBackend(store), AsyncRedisBackend(later)]


def shardable_ones_do_for_all(
    store: ShardableBackend, later: AsyncShardableBackend
) -> tuple[Backend, AsyncBackend]:
    return store, later
