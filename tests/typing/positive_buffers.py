"""Right uses of buffers."""

from __future__ import annotations

from typing import assert_type

from redset import AsyncBuffer, AsyncSortedSet, Buffer, Merge, ScheduledSet, SortedSet


class Task:
    priority = 1


def blocking(jobs: SortedSet[Task], polls: ScheduledSet[str]) -> None:
    with jobs.buffered() as buffer:
        assert_type(buffer.add(Task()), None)
        buffer.add(Task(), 1)
        buffer.add(Task(), 1.5, merge=Merge.KEEP)
        assert_type(len(buffer), int)
        assert_type(buffer.flush(), None)
    with jobs.buffered(100, 0.5) as buffer:
        buffer.add(Task())
        feed(buffer)
    with polls.buffered(max_items=100, max_delay=None) as texts:
        texts.add("now")
        texts.add("later", score=5)


def feed(buffer: Buffer[Task]) -> None:
    buffer.add(Task())


async def feed_async(buffer: AsyncBuffer[Task]) -> None:
    await buffer.add(Task())


async def asynchronous(jobs: AsyncSortedSet[Task]) -> None:
    async with jobs.buffered(max_items=100) as buffer:
        assert_type(await buffer.add(Task(), 1), None)
        await feed_async(buffer)
        await buffer.flush()
