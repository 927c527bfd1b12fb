"""Wrong uses of asyncio sets. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset import AsyncScheduledSet, AsyncSortedSet, AsyncTTLSet, Merge, SortedSet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Task:
    priority = 1


async def items(text: AsyncSortedSet[str], jobs: AsyncSortedSet[Task], task: Task) -> None:
    await text.add("item")
    await text.add(1)  # wrong: int
    await text.add(b"item")  # wrong: bytes
    await jobs.add(task)
    await jobs.add("item")  # wrong: str
    await jobs.add_new("item")  # wrong: str
    await jobs.update(["item"])  # wrong: str
    await jobs.increment("item")  # wrong: str
    await jobs.discard("item")  # wrong: str
    await jobs.remove("item")  # wrong: str
    await jobs.contains("item")  # wrong: str
    await jobs.score("item")  # wrong: str
    await jobs.rank("item")  # wrong: str
    await jobs.union_update(text)  # wrong: str
    await jobs.intersection_update(text)  # wrong: str


async def awaited_results(text: AsyncSortedSet[str], jobs: AsyncSortedSet[Task]) -> None:
    one: int = await text.pop()  # wrong: str
    two: str = await jobs.pop()  # wrong: Task
    three: Task = await jobs.take(1)  # wrong: a list
    four: float = await jobs.peek_score()  # wrong: may be None
    five: list[Task] = await jobs.at(0)  # wrong: one item
    (await text.pop()).missing()  # wrong: str has no such method
    async for each in text:
        each.missing()  # wrong: str has no such method
    repr((one, two, three, four, five))


async def missing_awaits(
    jobs: AsyncSortedSet[Task], seen: AsyncTTLSet[Task], polls: AsyncScheduledSet[Task], task: Task
) -> None:
    one: Task = jobs.pop()  # wrong: not awaited
    two: list[Task] = jobs.take(1)  # wrong: not awaited
    three: float = jobs.add(task)  # wrong: not awaited
    four: bool = seen.add(task)  # wrong: not awaited
    five: int = polls.available()  # wrong: not awaited
    six: float | None = jobs.score(task)  # wrong: not awaited
    seven: Task = jobs.at(0)  # wrong: not awaited
    await jobs.add(jobs.pop())  # wrong: the item is not awaited
    await jobs.redrive(jobs.dead())  # wrong: the letters are not awaited
    await jobs.update(jobs.take(1))  # wrong: the items are not awaited
    jobs.take(1)[0]  # wrong: not awaited
    print(jobs.pop().priority)  # wrong: not awaited
    jobs.length() + 1  # wrong: not awaited
    print(jobs.length() > 1)  # wrong: not awaited
    for _ in jobs.take(1):  # wrong: not awaited
        pass
    async for _ in jobs.take(1):  # wrong: not awaited
        pass
    repr((one, two, three, four, five, six, seven))


async def what_only_blocking_sets_have(jobs: AsyncSortedSet[Task], task: Task) -> None:
    len(jobs)  # wrong: length
    print(task in jobs)  # wrong: contains
    jobs[0]  # wrong: at
    jobs[1:]  # wrong: at
    reversed(jobs)  # wrong: backwards
    list(jobs)  # wrong: async for
    for _ in jobs:  # wrong: async for
        pass
    for _ in jobs.items():  # wrong: async for
        pass
    with jobs.lock:  # wrong: async with
        await jobs.clear()
    await jobs.items()  # wrong: async for
    one: Collection[Task] = jobs  # wrong: no collection
    two: Iterable[Task] = jobs  # wrong: an asynchronous one
    repr((one, two))


def mixed(jobs: AsyncSortedSet[Task], blocking: SortedSet[Task]) -> None:
    blocking.union_update(jobs)  # wrong: an asyncio set
    one: AsyncSortedSet[Task] = blocking  # wrong: a blocking set
    two: SortedSet[Task] = jobs  # wrong: an asyncio set
    repr((one, two))


async def arguments(jobs: AsyncSortedSet[Task], seen: AsyncTTLSet[Task], task: Task) -> None:
    await jobs.pop("5")  # wrong: a timeout of str
    await jobs.take("1")  # wrong: a number of str
    await jobs.take(1, timeout="5")  # wrong: a timeout of str
    await jobs.add(task, "1")  # wrong: a score of str
    await jobs.add(task, merge="keep")  # wrong: no Merge
    await jobs.add(task, 1, Merge.KEEP)  # wrong: keyword only
    await jobs.update([task], ["1"])  # wrong: scores of str
    await jobs.between("a", "b")  # wrong: bounds of str
    await jobs.redrive([task])  # wrong: no letters
    await seen.add("item")  # wrong: str
    await seen.add(task, "60")  # wrong: a time of str
    await seen.add(task, 60, Merge.KEEP)  # wrong: keyword only
    await seen.pop()  # wrong: nothing is taken from it
