"""What sets do with other sets, and what that returns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, assert_type

from redset import (
    Aggregate,
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTTLSet,
    ScheduledSet,
    SortedSet,
    TTLSet,
    pop_from_any,
    pop_from_any_async,
)

if TYPE_CHECKING:
    from redset.backends import MemoryBackend


class Task:
    priority = 1


class Jobs(SortedSet[Task]):
    """A set of tasks."""


def updating(
    jobs: SortedSet[Task], polls: ScheduledSet[Task], seen: TTLSet[Task], task: Task
) -> None:
    assert_type(jobs.union_update(), int)
    assert_type(jobs.union_update(jobs, polls), int)
    assert_type(jobs.union_update([task], seen, polls, {task}), int)
    assert_type(jobs.union_update(polls, weights=[1, 2.5]), int)
    assert_type(jobs.union_update(polls, weights=(1, 2), aggregate=Aggregate.MAX), int)
    assert_type(jobs.intersection_update(polls, seen, [task]), int)
    assert_type(jobs.intersection_update(polls, aggregate=Aggregate.MIN), int)
    assert_type(jobs.difference_update(seen, (task for _ in range(3))), int)
    assert_type(seen.difference_update(jobs, [task]), int)
    assert_type(seen.intersection_update(jobs), int)


def yielding(jobs: SortedSet[Task], seen: TTLSet[Task], task: Task) -> None:
    assert_type(jobs.union(seen, [task]), Iterator[Task])
    assert_type(jobs.intersection(jobs, seen), Iterator[Task])
    assert_type(seen.difference(jobs, [task]), Iterator[Task])
    assert_type(set(jobs.union()), set[Task])
    for each in jobs.difference(seen):
        assert_type(each, Task)


def comparing(jobs: SortedSet[Task], seen: TTLSet[Task], task: Task) -> None:
    assert_type(jobs.isdisjoint(seen), bool)
    assert_type(jobs.isdisjoint([task]), bool)
    assert_type(seen.issubset({task}), bool)
    assert_type(jobs.issuperset(iter([task])), bool)


def operators(jobs: SortedSet[Task], polls: ScheduledSet[Task], seen: TTLSet[Task]) -> None:
    jobs |= polls
    jobs |= frozenset([Task()])
    jobs &= seen
    jobs -= {Task()}
    seen -= jobs
    seen &= {Task()}
    assert_type(jobs, SortedSet[Task])
    assert_type(seen, TTLSet[Task])


def moving(jobs: SortedSet[Task], polls: ScheduledSet[Task], task: Task) -> None:
    assert_type(jobs.move(task, polls), bool)
    assert_type(polls.pop_into(jobs), Task)
    found, item = pop_from_any([jobs, jobs], timeout=None)
    assert_type(found, SortedSet[Task])
    assert_type(item, Task)
    urgent_first: list[SortedSet[Task]] = [polls, jobs]
    assert_type(pop_from_any(urgent_first, 1.5), tuple[SortedSet[Task], Task])
    assert_type(pop_from_any(each for each in urgent_first)[1], Task)


def whole_sets(memory: MemoryBackend, polls: ScheduledSet[Task], seen: TTLSet[Task]) -> None:
    assert_type(polls.rename("new"), ScheduledSet[Task])
    assert_type(seen.rename("new", replace=True), TTLSet[Task])
    assert_type(SortedSet(memory, "n").rename("new"), SortedSet[str])
    assert_type(polls.expire_at(1.5), bool)
    assert_type(polls.persist(), bool)


def subclasses_keep_the_type(jobs: Jobs) -> None:
    assert_type(jobs.rename("new"), Jobs)
    jobs |= jobs
    assert_type(jobs, Jobs)


async def asyncio(
    jobs: AsyncSortedSet[Task], polls: AsyncScheduledSet[Task], seen: AsyncTTLSet[Task], task: Task
) -> None:
    assert_type(await jobs.union_update(polls, seen, [task]), int)
    assert_type(await jobs.union_update(polls, weights=[1, 2], aggregate=Aggregate.SUM), int)
    assert_type(await jobs.intersection_update(seen, {task}), int)
    assert_type(await seen.difference_update(jobs, [task]), int)
    assert_type(jobs.union(polls, [task]), AsyncIterator[Task])
    assert_type([each async for each in jobs.intersection(seen)], list[Task])
    assert_type([each async for each in seen.difference(jobs)], list[Task])
    assert_type(await jobs.isdisjoint(seen), bool)
    assert_type(await seen.issubset([task]), bool)
    assert_type(await jobs.issuperset(polls), bool)
    assert_type(await jobs.move(task, polls), bool)
    assert_type(await polls.pop_into(jobs), Task)
    found, item = await pop_from_any_async([jobs, jobs], timeout=5)
    assert_type(found, AsyncSortedSet[Task])
    assert_type(item, Task)
    assert_type(await polls.rename("new"), AsyncScheduledSet[Task])
    assert_type(await seen.rename("new", replace=True), AsyncTTLSet[Task])
    assert_type(await jobs.expire_at(0), bool)
    assert_type(await jobs.persist(), bool)
