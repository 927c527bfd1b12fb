"""Wrong uses of several sets. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset import Aggregate, pop_from_any, pop_from_any_async

if TYPE_CHECKING:
    from redset import AsyncSortedSet, AsyncTTLSet, ScheduledSet, SortedSet, TTLSet
    from redset.backends import MemoryBackend


class Task:
    priority = 1


def others(jobs: SortedSet[Task], text: SortedSet[str], seen: TTLSet[Task], task: Task) -> None:
    jobs.union_update(text)  # wrong: str
    jobs.union_update(task)  # wrong: one item
    jobs.union_update(["item"])  # wrong: str
    jobs.union_update(jobs, text)  # wrong: str
    jobs.intersection_update(["item"])  # wrong: str
    jobs.difference_update(text)  # wrong: str
    jobs.difference_update(task)  # wrong: one item
    seen.difference_update(text)  # wrong: str
    jobs.union(text)  # wrong: str
    jobs.intersection(task)  # wrong: one item
    seen.difference(["item"])  # wrong: str
    jobs.isdisjoint(text)  # wrong: str
    jobs.isdisjoint()  # wrong: no other
    jobs.isdisjoint(jobs, jobs)  # wrong: two others
    jobs.issubset("item")  # wrong: str
    seen.issuperset(task)  # wrong: one item


def scores(jobs: SortedSet[Task], seen: TTLSet[Task]) -> None:
    jobs.union_update(jobs, weights=1)  # wrong: one weight
    jobs.union_update(jobs, weights=["1", "2"])  # wrong: weights of str
    jobs.union_update(jobs, aggregate="sum")  # wrong: no Aggregate
    jobs.intersection_update(jobs, aggregate=max)  # wrong: no Aggregate
    jobs.difference_update(jobs, weights=[1, 2])  # wrong: scores do not matter
    seen.intersection_update(seen, aggregate=Aggregate.MAX)  # wrong: its scores are times
    seen.union_update([Task()])  # wrong: its items are given a time to live
    jobs.union(jobs, weights=[1, 2])  # wrong: nothing is stored


def results(jobs: SortedSet[Task], task: Task) -> None:
    one: list[Task] = jobs.union()  # wrong: an iterator
    two: set[str] = set(jobs.difference(jobs))  # wrong: of Task
    three: str = jobs.pop_into(jobs)  # wrong: Task
    four: str = pop_from_any([jobs])[1]  # wrong: Task
    five: Task = pop_from_any([jobs])  # wrong: the set, too
    six: int = jobs.rename("new")  # wrong: a set
    len(jobs.intersection(jobs))  # wrong: an iterator
    repr((one, two, three, four, five, six, task))


def operators(jobs: SortedSet[Task], text: SortedSet[str], seen: TTLSet[Task]) -> None:
    jobs |= text  # wrong: str
    jobs |= [Task()]  # wrong: no set
    jobs &= {"item"}  # wrong: str
    jobs -= text  # wrong: str
    seen -= [Task()]  # wrong: no set
    seen |= seen  # wrong: its items are given a time to live


def no_operators(jobs: SortedSet[Task], more: SortedSet[Task]) -> None:
    jobs | more  # wrong: there is union
    jobs & more  # wrong: there is intersection
    jobs - more  # wrong: there is difference
    repr(jobs <= more)  # wrong: there is issubset
    repr(jobs > more)  # wrong: there is issuperset


def moving(
    memory: MemoryBackend, jobs: SortedSet[Task], text: SortedSet[str], seen: TTLSet[Task]
) -> None:
    task = Task()
    jobs.move("item", jobs)  # wrong: str
    jobs.move(task)  # wrong: no other
    jobs.move(task, text)  # wrong: of str
    jobs.move(task, seen)  # wrong: no sorted set
    jobs.move(task, [task])  # wrong: no sorted set
    jobs.move(task, memory)  # wrong: no sorted set
    jobs.pop_into(text)  # wrong: of str
    jobs.pop_into(seen)  # wrong: no sorted set
    jobs.pop_into("other")  # wrong: a name
    seen.move(task, jobs)  # wrong: nothing is taken from it
    pop_from_any(jobs)  # wrong: one set
    pop_from_any(["jobs"])  # wrong: names
    pop_from_any([seen])  # wrong: nothing is taken from it
    pop_from_any([jobs], "5")  # wrong: a timeout of str
    pop_from_any()  # wrong: no sets


def whole_sets(jobs: SortedSet[Task], polls: ScheduledSet[Task], seen: TTLSet[Task]) -> None:
    jobs.rename(b"new")  # wrong: bytes
    jobs.rename(polls)  # wrong: a set
    jobs.rename("new", True)  # wrong: keyword only
    jobs.expire_at("tomorrow")  # wrong: a time of str
    jobs.expire_at(None)  # wrong: there is persist
    jobs.expire_at()  # wrong: no time
    jobs.persist(1.5)  # wrong: for ever
    seen.expire_at(1.5)  # wrong: its items have times of their own


async def asyncio(
    jobs: AsyncSortedSet[Task],
    text: AsyncSortedSet[str],
    seen: AsyncTTLSet[Task],
    blocking: SortedSet[Task],
) -> None:
    task = Task()
    await jobs.union_update(text)  # wrong: str
    await jobs.difference_update(task)  # wrong: one item
    await jobs.isdisjoint(["item"])  # wrong: str
    await jobs.union(jobs)  # wrong: an iterator
    for _ in jobs.difference(jobs):  # wrong: for asyncio
        pass
    await jobs.move(task, blocking)  # wrong: a blocking set
    await jobs.pop_into(text)  # wrong: of str
    await pop_from_any_async([blocking])  # wrong: a blocking set
    pop_from_any([jobs])  # wrong: for asyncio
    await pop_from_any_async([seen])  # wrong: nothing is taken from it
    await jobs.expire_at("soon")  # wrong: a time of str


async def no_asyncio_operators(jobs: AsyncSortedSet[Task], more: AsyncSortedSet[Task]) -> None:
    jobs |= more  # wrong: it could not wait


async def nor_these(jobs: AsyncSortedSet[Task]) -> None:
    jobs &= {Task()}  # wrong: it could not wait


async def nor_that(jobs: AsyncSortedSet[Task], seen: AsyncTTLSet[Task]) -> None:
    seen -= jobs  # wrong: it could not wait
