"""What the calls of asyncio sets take and return."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar, assert_type

from redset import (
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTimeSortedSet,
    AsyncTTLSet,
    DeadLetter,
    Merge,
)
from redset.interfaces import AsyncBackend, Serializer

if TYPE_CHECKING:
    from redset.backends import AsyncMemoryBackend

T = TypeVar("T")


class Task:
    priority = 1


class TaskSerializer:
    def dumps(self, item: Task) -> bytes:
        return bytes(item.priority)

    def loads(self, data: bytes) -> Task:
        task = Task()
        task.priority = len(data)
        return task


def by_priority(task: Task) -> float:
    return task.priority


def arguments(memory: AsyncMemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(AsyncSortedSet(memory, "n", by_priority, tasks, 10, 20), AsyncSortedSet[Task])
    assert_type(AsyncSortedSet(memory, "n", len, None, None, 20.5), AsyncSortedSet[str])
    assert_type(AsyncScheduledSet(memory, "n", None, tasks), AsyncScheduledSet[Task])
    assert_type(
        AsyncTimeSortedSet(memory, "n", serializer=tasks, merge=Merge.KEEP, dead_limit=5),
        AsyncTimeSortedSet[Task],
    )
    assert_type(AsyncTTLSet(memory, "n", ttl=60, serializer=tasks), AsyncTTLSet[Task])


async def adding(jobs: AsyncSortedSet[Task], task: Task) -> None:
    assert_type(await jobs.add(task), float)
    assert_type(await jobs.add(task, 0, merge=Merge.EARLIEST), float)
    assert_type(await jobs.add_new(task, 3), bool)
    assert_type(await jobs.update([task], [1], merge=Merge.LATEST), int)
    assert_type(await jobs.increment(task, by=0.5), float)


async def taking(jobs: AsyncSortedSet[Task]) -> None:
    assert_type(await jobs.pop(), Task)
    assert_type(await jobs.pop(timeout=None), Task)
    assert_type(await jobs.take(3, 1.5), list[Task])
    assert_type(await jobs.pop_max(), Task)
    assert_type(await jobs.take_max(3), list[Task])


async def looking(jobs: AsyncSortedSet[Task], task: Task) -> None:
    assert_type(await jobs.peek(-1), Task)
    assert_type(await jobs.peek_score(), float | None)
    assert_type(await jobs.score(task), float | None)
    assert_type(await jobs.scores([task]), list[float | None])
    assert_type(await jobs.rank(task), int | None)
    assert_type(await jobs.at(0), Task)
    assert_type(await jobs.at(slice(1, None)), list[Task])
    assert_type(await jobs.between(0, 1), list[Task])
    assert_type(await jobs.count(0, high=1.5), int)
    assert_type(await jobs.sample(3), list[Task])
    assert_type(await jobs.length(), int)
    assert_type(await jobs.contains(task), bool)
    assert_type(jobs.name, str)
    assert_type(jobs.backend, AsyncBackend)
    assert_type(jobs.serializer, Serializer[Task])


async def iterating(jobs: AsyncSortedSet[Task]) -> None:
    async for each in jobs:
        assert_type(each, Task)
    async for each in jobs.backwards():
        assert_type(each, Task)
    async for item, score in jobs.items():
        assert_type(item, Task)
        assert_type(score, float)
    assert_type([each async for each in jobs], list[Task])
    assert_type({item: score async for item, score in jobs.items()}, dict[Task, float])
    assert_type(aiter(jobs), AsyncIterator[Task])
    iterable: AsyncIterable[Task] = jobs
    assert_type(await anext(aiter(iterable)), Task)


async def removing(jobs: AsyncSortedSet[Task], task: Task) -> None:
    assert_type(await jobs.discard(task), bool)
    await jobs.remove(task)
    assert_type(await jobs.difference_update([task]), int)
    assert_type(await jobs.remove_between(0, 1.5), int)
    assert_type(await jobs.clear(), bool)


async def combining(jobs: AsyncSortedSet[Task], later: AsyncScheduledSet[Task]) -> None:
    assert_type(await jobs.union_update(jobs, later), int)
    assert_type(await later.intersection_update(jobs), int)


async def dead_letters(jobs: AsyncSortedSet[Task]) -> None:
    assert_type(await jobs.dead(10, start=5), list[DeadLetter])
    assert_type(await jobs.dead_count(), int)
    assert_type(await jobs.redrive(), int)
    assert_type(await jobs.redrive(await jobs.dead()), int)
    assert_type(await jobs.forget(), int)


async def locking(jobs: AsyncSortedSet[Task]) -> None:
    assert_type(jobs.lock, AbstractAsyncContextManager[None])
    async with jobs.lock:
        await jobs.clear()
    async with jobs.lock as held:
        assert_type(held, None)


async def scheduled(polls: AsyncScheduledSet[Task], task: Task) -> None:
    assert_type(await polls.available(), int)
    assert_type(await polls.add(task), float)
    assert_type(await polls.add_new(task), bool)
    assert_type(await polls.pop(timeout=None), Task)
    by_time: AsyncTimeSortedSet[Task] = polls
    by_score: AsyncSortedSet[Task] = by_time
    assert_type(await by_score.peek(), Task)


async def seen_for_a_time(seen: AsyncTTLSet[Task], task: Task) -> None:
    assert_type(await seen.add(task), bool)
    assert_type(await seen.add(task, ttl=0.5, merge=Merge.REPLACE), bool)
    assert_type(await seen.update([task], 60), int)
    assert_type(await seen.ttl(task), float | None)
    assert_type(await seen.sweep(10), int)
    assert_type(await seen.length(), int)
    assert_type(await seen.contains(task), bool)
    assert_type(await seen.discard(task), bool)
    assert_type(await seen.clear(), bool)
    assert_type([each async for each in seen], list[Task])


class Jobs(AsyncSortedSet[Task]):
    async def first_two(self) -> tuple[Task, Task]:
        return await self.pop(), await self.pop()


class Named(AsyncSortedSet[T]):
    async def drained(self) -> list[T]:
        return await self.take(await self.length())


class Seen(AsyncTTLSet[T]):
    """A generic set of items seen."""


async def subclasses_keep_the_type(memory: AsyncMemoryBackend) -> None:
    jobs = Jobs(memory, "n", serializer=TaskSerializer())
    assert_type(jobs, Jobs)
    assert_type(await jobs.pop(), Task)
    assert_type(await jobs.first_two(), tuple[Task, Task])
    text: Named[str] = Named(memory, "n")
    assert_type(await text.drained(), list[str])
    named = Named(memory, "n", serializer=TaskSerializer())
    assert_type(named, Named[Task])
    assert_type(await named.drained(), list[Task])
    seen: Seen[str] = Seen(memory, "n")
    assert_type(await seen.ttl("item"), float | None)
    assert_type(Seen(memory, "n", serializer=TaskSerializer()), Seen[Task])


async def drain(jobs: AsyncSortedSet[T]) -> list[T]:
    return [item async for item in jobs]


async def generic_functions(memory: AsyncMemoryBackend, polls: AsyncScheduledSet[Task]) -> None:
    assert_type(await drain(polls), list[Task])
    assert_type(await drain(AsyncSortedSet(memory, "n")), list[str])
