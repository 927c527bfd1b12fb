"""What claims are, for each way to make a set and to claim from it."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, closing
from typing import TYPE_CHECKING, Any, assert_type

from typing_extensions import TypeVar

import redset
from redset import (
    AsyncClaim,
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTimeSortedSet,
    Claim,
    Retry,
    ScheduledSet,
    SortedSet,
    Stats,
    TimeSortedSet,
)
from redset.exceptions import EmptySetError, LeaseLost, RedsetError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import redis
    import redis.asyncio

    from redset.backends import AsyncMemoryBackend, MemoryBackend
    from redset.interfaces import Serializer

T = TypeVar("T")


class Task:
    priority = 1


class UrgentTask(Task):
    """A kind of task."""


class TaskSerializer:
    def dumps(self, item: Task) -> bytes:
        return bytes(item.priority)

    def loads(self, data: bytes) -> Task:
        task = Task()
        task.priority = len(data)
        return task


class Numbers:
    loads = int
    dumps = str


def each_way_to_make_a_set(
    memory: MemoryBackend, client: redis.Redis, cluster: redis.RedisCluster
) -> None:
    tasks = TaskSerializer()
    assert_type(SortedSet(memory, "n").claim(), Claim[str])
    assert_type(SortedSet(client, "n").claim(), Claim[str])
    assert_type(SortedSet(redset.connect("memory://"), "n").claim(), Claim[str])
    assert_type(SortedSet(memory, "n", len).claim(), Claim[str])
    assert_type(SortedSet(memory, "n", serializer=tasks).claim(), Claim[Task])
    assert_type(SortedSet(memory, "n", lambda task: task.priority, tasks).claim(), Claim[Task])
    assert_type(SortedSet(memory, "n", serializer=Numbers()).claim(), Claim[int])
    assert_type(SortedSet(memory, "n", serializer=json).claim(), Claim[Any])
    assert_type(TimeSortedSet(cluster, "n").claim(), Claim[str])
    assert_type(ScheduledSet(memory, "n", serializer=tasks).claim(), Claim[Task])
    jobs: SortedSet[UrgentTask] = SortedSet(memory, "n", serializer=json)
    assert_type(jobs.claim(), Claim[UrgentTask])


def each_way_to_claim(jobs: SortedSet[Task]) -> None:
    assert_type(jobs.claim(), Claim[Task])
    assert_type(jobs.claim(60), Claim[Task])
    assert_type(jobs.claim(60, None), Claim[Task])
    assert_type(jobs.claim(lease=0.5, timeout=1, keep_alive=True), Claim[Task])
    assert_type(jobs.claims(5), list[Claim[Task]])
    assert_type(jobs.claims(5, 60, None, keep_alive=True), list[Claim[Task]])
    assert_type(jobs.claims(num=5, done=jobs.claims(5)), list[Claim[Task]])
    assert_type(next(jobs.consume()), Claim[Task])
    iterator: Iterator[Claim[Task]] = jobs.consume(60, timeout=None, keep_alive=True)
    assert_type([claim.item for claim in iterator], list[Task])
    assert_type(next(jobs.consume(prefetch=100)), Claim[Task])
    for claim in jobs.consume(timeout=1):
        assert_type(claim, Claim[Task])
        assert_type(claim.item, Task)
    with closing(jobs.consume()) as loop:
        for each in loop:
            assert_type(each, Claim[Task])
    jobs.ack_all(jobs.claims(5))
    jobs.ack_all(each for each in jobs.claims(5) if each.attempt < 3)
    assert_type(jobs.stats(), Stats)


def what_a_claim_has(claim: Claim[Task]) -> None:
    assert_type(claim.item, Task)
    assert_type(claim.score, float)
    assert_type(claim.attempt, int)
    assert_type(claim.token, int)
    assert_type(claim.deadline, float)
    assert_type(claim.is_over, bool)
    assert_type(claim.lost, bool)
    assert_type(claim.extend(), float)
    assert_type(claim.extend(60), float)
    claim.ack()
    claim.nack()
    claim.nack(5)
    claim.nack(delay=0.5)
    claim.reschedule(5)
    claim.reschedule(score=0.5)
    claim.reschedule(delay=60)
    claim.bury("hopeless")


def blocks(jobs: ScheduledSet[Task]) -> None:
    with jobs.claim() as claim:
        assert_type(claim, Claim[Task])
        assert_type(claim.item.priority, int)
    for each in jobs.consume():
        with each:
            assert_type(each.item, Task)
        with each as again:
            assert_type(again, Claim[Task])
    manager: AbstractContextManager[Claim[Task]] = jobs.claim()
    with manager as managed:
        assert_type(managed.item, Task)


def a_block_does_not_swallow_errors(jobs: SortedSet[int]) -> int:
    with jobs.claim() as claim:
        return claim.item


async def each_way_to_make_an_asyncio_set(
    memory: AsyncMemoryBackend, client: redis.asyncio.Redis, cluster: redis.asyncio.RedisCluster
) -> None:
    tasks = TaskSerializer()
    assert_type(await AsyncSortedSet(memory, "n").claim(), AsyncClaim[str])
    assert_type(await AsyncSortedSet(client, "n").claim(), AsyncClaim[str])
    opened = redset.connect_async("memory://")
    assert_type(await AsyncSortedSet(opened, "n").claim(), AsyncClaim[str])
    assert_type(await AsyncSortedSet(memory, "n", serializer=tasks).claim(), AsyncClaim[Task])
    assert_type(await AsyncSortedSet(memory, "n", serializer=Numbers()).claim(), AsyncClaim[int])
    assert_type(await AsyncSortedSet(memory, "n", serializer=json).claim(), AsyncClaim[Any])
    assert_type(await AsyncTimeSortedSet(cluster, "n").claim(), AsyncClaim[str])
    assert_type(await AsyncScheduledSet(memory, "n", None, tasks).claim(), AsyncClaim[Task])


async def each_way_to_claim_in_asyncio(jobs: AsyncSortedSet[Task]) -> None:
    assert_type(await jobs.claim(), AsyncClaim[Task])
    assert_type(await jobs.claim(60, None, keep_alive=True), AsyncClaim[Task])
    assert_type(await jobs.claims(5), list[AsyncClaim[Task]])
    assert_type(await jobs.claims(5, done=await jobs.claims(5)), list[AsyncClaim[Task]])
    assert_type(await anext(jobs.consume()), AsyncClaim[Task])
    iterator: AsyncIterator[AsyncClaim[Task]] = jobs.consume(60, None, keep_alive=True)
    assert_type([claim.item async for claim in iterator], list[Task])
    async for claim in jobs.consume(timeout=1):
        assert_type(claim, AsyncClaim[Task])
        assert_type(claim.item, Task)
    async with aclosing(jobs.consume()) as loop:
        async for each in loop:
            assert_type(each, AsyncClaim[Task])
    await jobs.ack_all(await jobs.claims(5))
    assert_type(await jobs.stats(), Stats)


async def what_an_asyncio_claim_has(claim: AsyncClaim[Task]) -> None:
    assert_type(claim.item, Task)
    assert_type(claim.score, float)
    assert_type(claim.attempt, int)
    assert_type(claim.token, int)
    assert_type(claim.deadline, float)
    assert_type(claim.is_over, bool)
    assert_type(claim.lost, bool)
    assert_type(await claim.extend(60), float)
    await claim.ack()
    await claim.nack(delay=5)
    await claim.reschedule(5)
    await claim.reschedule(delay=60)
    await claim.bury("hopeless")


async def asyncio_blocks(jobs: AsyncScheduledSet[Task]) -> Task:
    async for each in jobs.consume():
        async with each:
            assert_type(each.item, Task)
    manager: AbstractAsyncContextManager[AsyncClaim[Task]] = await jobs.claim()
    async with manager as managed:
        assert_type(managed.item, Task)
    async with await jobs.claim() as claim:
        assert_type(claim, AsyncClaim[Task])
        return claim.item


def handle(claim: Claim[Task]) -> int:
    return claim.item.priority


async def handle_later(claim: AsyncClaim[Task]) -> int:
    return claim.item.priority


async def a_claim_of_a_kind_is_a_claim(
    jobs: SortedSet[UrgentTask], later: AsyncSortedSet[UrgentTask]
) -> None:
    handle(jobs.claim())
    anything: Claim[object] = jobs.claim()
    await handle_later(await later.claim())
    anything_later: AsyncClaim[object] = await later.claim()
    repr((anything, anything_later))


def item_of(claim: Claim[T]) -> T:
    return claim.item


def items_of(jobs: SortedSet[T]) -> list[T]:
    return [item_of(claim) for claim in jobs.claims(5)]


def make(memory: MemoryBackend, serializer: Serializer[T]) -> Claim[T]:
    return SortedSet(memory, "n", serializer=serializer).claim()


def generic_functions(memory: MemoryBackend, jobs: ScheduledSet[Task]) -> None:
    assert_type(item_of(jobs.claim()), Task)
    assert_type(items_of(jobs), list[Task])
    assert_type(make(memory, TaskSerializer()), Claim[Task])


class Jobs(SortedSet[Task]):
    def first(self) -> Claim[Task]:
        return self.claim(keep_alive=True)


def subclasses(memory: MemoryBackend) -> None:
    jobs = Jobs(memory, "n", serializer=TaskSerializer(), retry=Retry(3))
    assert_type(jobs.claim(), Claim[Task])
    assert_type(jobs.first(), Claim[Task])


def retries(memory: MemoryBackend, later: AsyncMemoryBackend) -> None:
    retry = Retry(max_attempts=5, backoff=2, cap=60, jitter=0)
    assert_type(retry, Retry)
    assert_type(Retry(None, 0.5, 60.5, 0.1).max_attempts, int | None)
    assert_type((retry.backoff, retry.cap, retry.jitter), tuple[float, float, float])
    assert_type(retry.delay(1), float)
    assert_type(retry.is_last(1), bool)
    assert_type(SortedSet(memory, "n", retry=retry), SortedSet[str])
    assert_type(SortedSet(memory, "n", retry=None), SortedSet[str])
    assert_type(TimeSortedSet(memory, "n", retry=retry), TimeSortedSet[str])
    tasks = TaskSerializer()
    assert_type(ScheduledSet(memory, "n", None, tasks, retry=retry), ScheduledSet[Task])
    assert_type(AsyncSortedSet(later, "n", retry=retry), AsyncSortedSet[str])
    assert_type(AsyncScheduledSet(later, "n", None, tasks, retry=retry), AsyncScheduledSet[Task])


def counts(jobs: SortedSet[Task]) -> None:
    stats = jobs.stats()
    assert_type(stats.pending, int)
    assert_type(stats.due, int)
    assert_type(stats.delayed, int)
    assert_type(stats.claimed, int)
    assert_type(stats.parked, int)
    assert_type(stats.dead, int)
    assert_type(stats.oldest_score, float | None)
    assert_type(stats.oldest_claim, float | None)


def errors(jobs: SortedSet[Task]) -> Task | None:
    try:
        with jobs.claim() as claim:
            return claim.item
    except EmptySetError:
        return None
    except LeaseLost as lost:
        as_runtime_error: RuntimeError = lost
        as_redset_error: RedsetError = lost
        raise as_redset_error from as_runtime_error
