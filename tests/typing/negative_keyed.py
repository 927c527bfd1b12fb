"""Wrong uses of sets with keys. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redset
from redset import AsyncSortedSet, AsyncTTLSet, Payload, ScheduledSet, SortedSet, TTLSet
from redset.interfaces import KeyedMember

if TYPE_CHECKING:
    from redset.backends import AsyncMemoryBackend, MemoryBackend


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


def by_url(task: Task) -> str:
    return task.url


def by_priority(task: Task) -> int:
    return task.priority


def by_both(task: Task, other: Task) -> str:
    return task.url + other.url


def perhaps(task: Task) -> str | None:
    return task.url or None


async def later(task: Task) -> str:
    return task.url


def key_functions(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    SortedSet(memory, "n", serializer=tasks, key=by_url)
    SortedSet(memory, "n", key=by_url)  # wrong: takes Task, not str
    SortedSet(memory, "n", serializer=tasks, key=str.lower)  # wrong: takes str, not Task
    SortedSet(memory, "n", None, tasks, key=str.lower)  # wrong: takes str, not Task
    SortedSet(memory, "n", serializer=tasks, key=by_priority)  # wrong: gives int
    SortedSet(memory, "n", serializer=tasks, key=perhaps)  # wrong: may give None
    SortedSet(memory, "n", serializer=tasks, key=later)  # wrong: must not be awaited
    SortedSet(memory, "n", serializer=tasks, key=by_both)  # wrong: takes two
    SortedSet(memory, "n", serializer=tasks, key="url")  # wrong: cannot be called
    SortedSet(memory, "n", None, tasks, None, None, by_url)  # wrong: keyword only
    ScheduledSet(memory, "n", key=by_url)  # wrong: takes Task, not str
    ScheduledSet(memory, "n", serializer=tasks, key=by_priority)  # wrong: gives int
    TTLSet(memory, "n", key=by_url)  # wrong: takes Task, not str
    TTLSet(memory, "n", serializer=tasks, key=by_priority)  # wrong: gives int


def payloads(memory: MemoryBackend) -> None:
    SortedSet(memory, "n", key=str.lower, payload=Payload.FIRST)
    SortedSet(memory, "n", key=str.lower, payload="first")  # wrong: no Payload
    SortedSet(memory, "n", key=str.lower, payload=None)  # wrong: no Payload
    TTLSet(memory, "n", key=str.lower, payload=True)  # wrong: no Payload


def calls(jobs: SortedSet[Task], seen: TTLSet[Task], task: Task) -> None:
    jobs.by_key(task)  # wrong: the item
    jobs.by_key(1)  # wrong: int
    jobs.discard_key(task)  # wrong: the item
    jobs.keys("all")  # wrong: no arguments
    text: str = jobs.by_key("/")  # wrong: Task
    keys: list[str] = list(jobs.keys())  # wrong: of bytes
    left: bytes = jobs.dead()[0].key  # wrong: may be None
    seen.by_key(None)  # wrong: None
    repr((text, keys, left))


async def asyncio_sets(memory: AsyncMemoryBackend, jobs: AsyncSortedSet[Task]) -> None:
    AsyncSortedSet(memory, "n", key=by_url)  # wrong: takes Task, not str
    AsyncSortedSet(memory, "n", serializer=TaskSerializer(), key=later)  # wrong: not awaited
    AsyncTTLSet(memory, "n", key=str.lower, payload="first")  # wrong: no Payload
    task: Task = jobs.by_key("/")  # wrong: must be awaited
    await jobs.keys()  # wrong: an iterator
    repr(task)


def members(member: KeyedMember) -> None:
    KeyedMember("key", b"payload")  # wrong: a key of str
    KeyedMember(b"key", "payload")  # wrong: a payload of str
    text: bytes = member.payload  # wrong: may be None
    redset.KeyedMember  # wrong: it is in redset.interfaces  # noqa: B018
    repr(text)
