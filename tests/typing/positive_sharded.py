"""What sharded sets take and return."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, assert_type

from redset import (
    AsyncClaim,
    AsyncShardedSet,
    Claim,
    DeadLetter,
    Merge,
    Payload,
    Retry,
    ShardedSet,
    Stats,
)

if TYPE_CHECKING:
    import redis
    import redis.asyncio

    from redset.backends import AsyncMemoryBackend, MemoryBackend
    from redset.interfaces import AsyncShardableBackend, ShardableBackend


class Task:
    url = "/"
    priority = 1


class TaskSerializer:
    def dumps(self, item: Task) -> str:
        return item.url

    def loads(self, data: bytes) -> Task:
        task = Task()
        task.url = data.decode()
        return task


class Numbers:
    loads = int
    dumps = str


def making(memory: MemoryBackend, client: redis.RedisCluster, backend: ShardableBackend) -> None:
    assert_type(ShardedSet(memory, "n"), ShardedSet[str])
    assert_type(ShardedSet(client, "n", len, shards=64), ShardedSet[str])
    assert_type(ShardedSet(backend, "n", serializer=Numbers()), ShardedSet[int])
    assert_type(ShardedSet(memory, "n", serializer=TaskSerializer()), ShardedSet[Task])
    tasks = ShardedSet(
        memory,
        "n",
        lambda task: task.priority,
        TaskSerializer(),
        shards=12,
        merge=Merge.EARLIEST,
        dead_limit=100,
        retry=Retry(max_attempts=3),
        key=lambda task: task.url,
        payload=Payload.FIRST,
    )
    assert_type(tasks, ShardedSet[Task])


def calls(jobs: ShardedSet[Task], task: Task) -> None:
    assert_type(jobs.add(task, 1), float)
    assert_type(jobs.add_new(task), bool)
    assert_type(jobs.update([task]), int)
    assert_type(jobs.pop(timeout=None), Task)
    assert_type(jobs.take(10), list[Task])
    assert_type(jobs.pop_max(), Task)
    assert_type(jobs.peek(-1), Task)
    assert_type(jobs[0], Task)
    assert_type(jobs[1:3], list[Task])
    assert_type(jobs.score(task), float | None)
    assert_type(jobs.items(), Iterator[tuple[Task, float]])
    assert_type(jobs.claim(), Claim[Task])
    assert_type(jobs.claims(10, done=jobs.claims(10)), list[Claim[Task]])
    assert_type(jobs.dead(), list[DeadLetter])
    assert_type(jobs.stats(), Stats)
    assert_type(jobs.shard_count(), int)
    assert_type(jobs.difference_update([task]), int)
    jobs.reshard(16)
    with jobs.buffered() as buffer:
        buffer.add(task)
    jobs -= {task}


async def asyncio_sets(
    memory: AsyncMemoryBackend,
    client: redis.asyncio.RedisCluster,
    backend: AsyncShardableBackend,
    jobs: AsyncShardedSet[Task],
) -> None:
    assert_type(AsyncShardedSet(memory, "n"), AsyncShardedSet[str])
    assert_type(AsyncShardedSet(client, "n", shards=3), AsyncShardedSet[str])
    assert_type(AsyncShardedSet(backend, "n", serializer=Numbers()), AsyncShardedSet[int])
    assert_type(await jobs.pop(), Task)
    assert_type(await jobs.claim(), AsyncClaim[Task])
    pairs: AsyncIterator[tuple[Task, float]] = jobs.items()
    assert_type(await anext(pairs), tuple[Task, float])
    assert_type(await jobs.shard_count(), int)
    await jobs.reshard(16)
