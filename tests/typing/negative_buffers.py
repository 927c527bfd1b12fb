"""Wrong uses of buffers. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redset import AsyncSortedSet, SortedSet, TTLSet


class Task:
    priority = 1


def blocking(jobs: SortedSet[Task], seen: TTLSet[str]) -> None:
    with jobs.buffered() as buffer:
        buffer.add("a")  # wrong: no Task
        buffer.add(Task(), "1")  # wrong: a score of str
        buffer.add(Task(), merge="keep")  # wrong: a rule of str
        buffer.add(Task(), 1, None)  # wrong: keyword only
        score: float = buffer.add(Task())  # wrong: none
        print(score)
        buffer.add()  # wrong: no item
    jobs.buffered("100")  # wrong: a number of str
    jobs.buffered(max_delay="1")  # wrong: a delay of str
    jobs.buffered().missing()  # wrong: no such method
    seen.buffered()  # wrong: it adds with a time to live


async def asynchronous(jobs: AsyncSortedSet[Task], plain: SortedSet[Task]) -> None:
    with jobs.buffered():  # wrong: async with
        pass
    async with jobs.buffered() as buffer:
        await buffer.add("a")  # wrong: no Task
    async with plain.buffered():  # wrong: with
        pass
