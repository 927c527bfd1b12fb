"""What the calls of blocking sets take and return."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Reversible, Sized
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_type

from typing_extensions import TypeVar

from redset import DeadLetter, Merge, ScheduledSet, SortedSet, TimeSortedSet, TTLSet
from redset.exceptions import EmptySetError, LockTimeout, RedsetError
from redset.interfaces import Backend, Serializer

if TYPE_CHECKING:
    from redset.backends import MemoryBackend

T = TypeVar("T")
Item = TypeVar("Item", default=str)


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


def anything(item: object) -> int:
    return len(str(item))


class Recency:
    def __call__(self, item: object, /) -> float:
        return -datetime.now(tz=UTC).timestamp() - (item is None)


def arguments_of_0_5_1_by_position(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(SortedSet(memory, "n", by_priority, tasks), SortedSet[Task])
    assert_type(SortedSet(memory, "n", by_priority, tasks, 10), SortedSet[Task])
    assert_type(SortedSet(memory, "n", by_priority, tasks, 10, 20.5), SortedSet[Task])
    assert_type(SortedSet(memory, "n", None, tasks, None, None), SortedSet[Task])
    assert_type(SortedSet(memory, "n", len, None, 10, 20), SortedSet[str])
    assert_type(TimeSortedSet(memory, "n", by_priority, tasks, 10, 20), TimeSortedSet[Task])
    assert_type(ScheduledSet(memory, "n", None, tasks, 10, 20), ScheduledSet[Task])


def arguments_of_0_5_1_by_keyword(memory: MemoryBackend) -> None:
    jobs = SortedSet(
        redis_client=memory,
        name="n",
        scorer=by_priority,
        serializer=TaskSerializer(),
        lock_timeout=10,
        lock_expires=20,
    )
    assert_type(jobs, SortedSet[Task])
    assert_type(SortedSet(memory, "n", lock_timeout=0, lock_expires=1.5), SortedSet[str])


def newer_arguments(memory: MemoryBackend) -> None:
    assert_type(SortedSet(memory, "n", merge=Merge.KEEP, dead_limit=100), SortedSet[str])
    assert_type(
        SortedSet(memory, "n", anything, TaskSerializer(), merge=Merge.KEEP), SortedSet[Task]
    )
    assert_type(TTLSet(memory, "n", ttl=60, merge=Merge.REPLACE), TTLSet[str])
    assert_type(TTLSet(memory, "n", ttl=0.5, serializer=TaskSerializer()), TTLSet[Task])


def scorers(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(SortedSet(memory, "n", len), SortedSet[str])
    assert_type(SortedSet(memory, "n", anything), SortedSet[str])
    assert_type(SortedSet(memory, "n", Recency()), SortedSet[str])
    assert_type(SortedSet(memory, "n", lambda item: len(item.upper())), SortedSet[str])
    assert_type(SortedSet(memory, "n", anything, tasks), SortedSet[Task])
    assert_type(SortedSet(memory, "n", Recency(), tasks), SortedSet[Task])
    assert_type(SortedSet(memory, "n", lambda task: task.priority, tasks), SortedSet[Task])
    assert_type(SortedSet(memory, "n", scorer=by_priority, serializer=tasks), SortedSet[Task])


def adding(jobs: SortedSet[Task], task: Task) -> None:
    assert_type(jobs.add(task), float)
    assert_type(jobs.add(task, 0), float)
    assert_type(jobs.add(task, score=1.5, merge=Merge.EARLIEST), float)
    assert_type(jobs.add(task, None, merge=None), float)
    assert_type(jobs.add_new(task), bool)
    assert_type(jobs.add_new(task, 3), bool)
    assert_type(jobs.update([task]), int)
    assert_type(jobs.update({task}, [1]), int)
    assert_type(jobs.update((each for each in [task]), (1.0,), merge=Merge.LATEST), int)
    assert_type(jobs.update({task: 1}.keys(), {task: 1}.values()), int)
    assert_type(jobs.increment(task), float)
    assert_type(jobs.increment(task, -2), float)
    assert_type(jobs.increment(task, by=0.5), float)


def taking(jobs: SortedSet[Task]) -> None:
    assert_type(jobs.pop(), Task)
    assert_type(jobs.pop(5), Task)
    assert_type(jobs.pop(timeout=0.5), Task)
    assert_type(jobs.pop(timeout=None), Task)
    assert_type(jobs.take(3), list[Task])
    assert_type(jobs.take(3, 1.5), list[Task])
    assert_type(jobs.take(num=3, timeout=None), list[Task])
    assert_type(jobs.pop_max(), Task)
    assert_type(jobs.take_max(3), list[Task])


def looking(jobs: SortedSet[Task], task: Task) -> None:
    assert_type(jobs.peek(), Task)
    assert_type(jobs.peek(-1), Task)
    assert_type(jobs.peek(position=1), Task)
    assert_type(jobs.peek_score(), float | None)
    assert_type(jobs.score(task), float | None)
    assert_type(jobs.scores([task]), list[float | None])
    assert_type(jobs.rank(task), int | None)
    assert_type(jobs.at(0), Task)
    assert_type(jobs.at(slice(2)), list[Task])
    assert_type(jobs[0], Task)
    assert_type(jobs[-1], Task)
    assert_type(jobs[1:], list[Task])
    assert_type(jobs[::-2], list[Task])
    assert_type(jobs.between(0, 1), list[Task])
    assert_type(jobs.between(low=0.5), list[Task])
    assert_type(jobs.count(), int)
    assert_type(jobs.count(0, high=1.5), int)
    assert_type(jobs.sample(), list[Task])
    assert_type(jobs.sample(3), list[Task])
    assert_type(jobs.length(), int)
    assert_type(jobs.contains(task), bool)
    assert_type(jobs.name, str)
    assert_type(jobs.backend, Backend)
    assert_type(jobs.serializer, Serializer[Task])


def operators(jobs: SortedSet[Task], task: Task) -> None:
    assert_type(len(jobs), int)
    assert_type(task in jobs, bool)
    assert_type(bool(jobs), bool)
    assert_type(repr(jobs), str)
    assert_type(iter(jobs), Iterator[Task])
    assert_type(list(jobs), list[Task])
    assert_type(sorted(jobs, key=by_priority), list[Task])
    assert_type(list(reversed(jobs)), list[Task])
    assert_type([*jobs], list[Task])
    for each in jobs:
        assert_type(each, Task)
    for each in reversed(jobs):
        assert_type(each, Task)
    for each in jobs.backwards():
        assert_type(each, Task)
    for item, score in jobs.items():
        assert_type(item, Task)
        assert_type(score, float)
    assert_type(dict(jobs.items()), dict[Task, float])
    first, *others = jobs
    assert_type(first, Task)
    assert_type(others, list[Task])


def removing(jobs: SortedSet[Task], task: Task) -> None:
    assert_type(jobs.discard(task), bool)
    jobs.remove(task)
    assert_type(jobs.difference_update([task]), int)
    assert_type(jobs.remove_between(0, 1.5), int)
    assert_type(jobs.clear(), bool)


def combining(jobs: SortedSet[Task], later: ScheduledSet[Task]) -> None:
    assert_type(jobs.union_update(), int)
    assert_type(jobs.union_update(jobs, later), int)
    assert_type(later.intersection_update(jobs), int)
    assert_type(jobs.update(later), int)
    assert_type(jobs.difference_update(later), int)


def dead_letters(jobs: SortedSet[Task]) -> None:
    assert_type(jobs.dead(), list[DeadLetter])
    assert_type(jobs.dead(10, start=5), list[DeadLetter])
    assert_type(jobs.dead_count(), int)
    assert_type(jobs.redrive(), int)
    assert_type(jobs.redrive(jobs.dead()), int)
    assert_type(jobs.forget(letter for letter in jobs.dead() if letter.score > 1), int)
    for letter in jobs.dead():
        assert_type(letter.raw, bytes)
        assert_type(letter.reason, str)
        assert_type(letter.score, float)
        assert_type(letter.time, float)
        assert_type(letter.attempts, int)


def locking(jobs: SortedSet[Task]) -> None:
    assert_type(jobs.lock, AbstractContextManager[None])
    with jobs.lock:
        jobs.clear()
    with jobs.lock as held:
        assert_type(held, None)


def scheduled(polls: ScheduledSet[Task], task: Task) -> None:
    assert_type(polls.available(), int)
    assert_type(polls.add(task), float)
    assert_type(polls.add(task, datetime.now(tz=UTC).timestamp(), merge=Merge.KEEP), float)
    assert_type(polls.add_new(task), bool)
    assert_type(polls.pop(timeout=None), Task)
    assert_type(polls.peek(), Task)


def seen_for_a_time(seen: TTLSet[Task], task: Task) -> None:
    assert_type(seen.add(task), bool)
    assert_type(seen.add(task, 60), bool)
    assert_type(seen.add(task, ttl=0.5, merge=Merge.REPLACE), bool)
    assert_type(seen.update([task], 60), int)
    assert_type(seen.ttl(task), float | None)
    assert_type(seen.sweep(), int)
    assert_type(seen.sweep(limit=10), int)
    assert_type(seen.length(), int)
    assert_type(seen.contains(task), bool)
    assert_type(seen.discard(task), bool)
    seen.remove(task)
    assert_type(seen.difference_update([task]), int)
    assert_type(seen.clear(), bool)
    assert_type(len(seen), int)
    assert_type(task in seen, bool)
    assert_type(bool(seen), bool)
    assert_type(list(seen), list[Task])
    for each in seen:
        assert_type(each, Task)


def sets_are_collections(jobs: SortedSet[Task], seen: TTLSet[Task]) -> None:
    collection: Collection[Task] = jobs
    reversible: Reversible[Task] = jobs
    iterable: Iterable[Task] = jobs
    container: Container[Task] = jobs
    sized: Sized = jobs
    wider: Collection[object] = jobs
    unordered: Collection[Task] = seen
    for each in (collection, reversible, iterable, container, sized, wider, unordered):
        repr(each)


def kinds_of_sorted_sets(polls: ScheduledSet[Task]) -> SortedSet[Task]:
    by_time: TimeSortedSet[Task] = polls
    return by_time


def errors(jobs: SortedSet[Task]) -> Task | None:
    try:
        with jobs.lock:
            return jobs.pop()
    except EmptySetError as empty:
        as_key_error: KeyError = empty
        raise as_key_error from None
    except LockTimeout as late:
        as_timeout: TimeoutError = late
        raise as_timeout from None
    except RedsetError:
        return None


class Jobs(SortedSet[Task]):
    def first_two(self) -> tuple[Task, Task]:
        return self.pop(), self.pop()


class Named(SortedSet[T]):
    def drained(self) -> list[T]:
        return self.take(len(self))


class Defaulting(SortedSet[Item]):
    """A generic set that says what its items are by default."""


class Polls(ScheduledSet[Task]):
    """A scheduled set of tasks."""


class Seen(TTLSet[T]):
    """A generic set of items seen."""


class WithDefaults(SortedSet[Task]):
    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, "tasks", by_priority, TaskSerializer(), merge=Merge.KEEP)


def subclasses_keep_the_type(memory: MemoryBackend, task: Task) -> None:
    jobs = Jobs(memory, "n", serializer=TaskSerializer())
    assert_type(jobs, Jobs)
    assert_type(jobs.pop(), Task)
    assert_type(jobs.first_two(), tuple[Task, Task])
    assert_type(jobs.add(task), float)
    text: Named[str] = Named(memory, "n")
    assert_type(text.drained(), list[str])
    named = Named(memory, "n", serializer=TaskSerializer())
    assert_type(named, Named[Task])
    assert_type(named.drained(), list[Task])
    assert_type(named[0], Task)
    assert_type(Defaulting(memory, "n"), Defaulting[str])
    assert_type(Defaulting(memory, "n", serializer=TaskSerializer()), Defaulting[Task])
    polls = Polls(memory, "n", by_priority, TaskSerializer())
    assert_type(polls.take(1), list[Task])
    seen: Seen[str] = Seen(memory, "n", ttl=1)
    assert_type(seen.add("item"), bool)
    assert_type(Seen(memory, "n", serializer=TaskSerializer()), Seen[Task])
    assert_type(WithDefaults(memory).pop(), Task)


def drain(jobs: SortedSet[T]) -> list[T]:
    return [item for item, _ in jobs.items()]


def make(memory: MemoryBackend, serializer: Serializer[T]) -> SortedSet[T]:
    return SortedSet(memory, "n", serializer=serializer)


def generic_functions(memory: MemoryBackend, polls: ScheduledSet[Task]) -> None:
    assert_type(drain(polls), list[Task])
    assert_type(drain(SortedSet(memory, "n")), list[str])
    assert_type(make(memory, TaskSerializer()), SortedSet[Task])
