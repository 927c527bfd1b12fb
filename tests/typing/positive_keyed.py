"""What sets with keys take and return."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_type

from redset import (
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTimeSortedSet,
    AsyncTTLSet,
    Payload,
    ScheduledSet,
    SortedSet,
    TimeSortedSet,
    TTLSet,
)
from redset.interfaces import AsyncBackend, Backend, KeyedMember
from redset.serializers import DataclassSerializer

if TYPE_CHECKING:
    from redset.backends import AsyncMemoryBackend, MemoryBackend


@dataclass(frozen=True)
class Task:
    url: str
    priority: int = 1


class TaskSerializer:
    def dumps(self, item: Task) -> str:
        return item.url

    def loads(self, data: bytes) -> Task:
        return Task(data.decode())


def by_url(task: Task) -> str:
    return task.url


def anything(item: object) -> bytes:
    return str(item).encode()


class Prefix:
    def __call__(self, task: Task) -> str | bytes:
        return task.url[:3]


def items_are_inferred_from_the_serializer(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(
        SortedSet(memory, "n", serializer=tasks, key=lambda task: task.url), SortedSet[Task]
    )
    assert_type(SortedSet(memory, "n", None, tasks, key=lambda task: task.url), SortedSet[Task])
    assert_type(
        SortedSet(
            memory,
            "n",
            lambda task: task.priority,
            DataclassSerializer(Task),
            key=lambda task: task.url.encode(),
        ),
        SortedSet[Task],
    )
    assert_type(
        TimeSortedSet(memory, "n", serializer=tasks, key=lambda task: task.url),
        TimeSortedSet[Task],
    )
    assert_type(
        ScheduledSet(memory, "n", serializer=tasks, key=lambda task: task.url),
        ScheduledSet[Task],
    )
    assert_type(TTLSet(memory, "n", serializer=tasks, key=lambda task: task.url), TTLSet[Task])
    assert_type(SortedSet(memory, "n", key=lambda text: text.lower()), SortedSet[str])
    assert_type(TTLSet(memory, "n", ttl=1, key=lambda text: text.lower()), TTLSet[str])


def key_functions(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(SortedSet(memory, "n", serializer=tasks, key=by_url), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=tasks, key=anything), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=tasks, key=Prefix()), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=tasks, key=None), SortedSet[Task])
    assert_type(SortedSet(memory, "n", key=str.lower), SortedSet[str])
    assert_type(SortedSet(memory, "n", key=anything), SortedSet[str])


def payloads(memory: MemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(
        SortedSet(memory, "n", serializer=tasks, key=by_url, payload=Payload.FIRST),
        SortedSet[Task],
    )
    assert_type(
        TTLSet(memory, "n", serializer=tasks, key=by_url, payload=Payload.WITH_SCORE),
        TTLSet[Task],
    )


def calls(jobs: SortedSet[Task], seen: TTLSet[Task]) -> None:
    assert_type(jobs.by_key("url"), Task)
    assert_type(jobs.by_key(b"url"), Task)
    assert_type(jobs.discard_key("url"), bool)
    assert_type(jobs.keys(), Iterator[bytes])
    assert_type(seen.by_key("url"), Task)
    assert_type(seen.discard_key(b"url"), bool)
    assert_type(list(seen.keys()), list[bytes])
    for letter in jobs.dead():
        assert_type(letter.key, bytes | None)


def asyncio_sets(memory: AsyncMemoryBackend) -> None:
    tasks = TaskSerializer()
    assert_type(
        AsyncSortedSet(memory, "n", serializer=tasks, key=lambda task: task.url),
        AsyncSortedSet[Task],
    )
    assert_type(
        AsyncTimeSortedSet(memory, "n", serializer=tasks, key=by_url, payload=Payload.NEWEST),
        AsyncTimeSortedSet[Task],
    )
    assert_type(
        AsyncScheduledSet(memory, "n", None, tasks, key=lambda task: task.url),
        AsyncScheduledSet[Task],
    )
    assert_type(
        AsyncTTLSet(memory, "n", serializer=tasks, key=lambda task: task.url), AsyncTTLSet[Task]
    )
    assert_type(AsyncSortedSet(memory, "n", key=lambda text: text.lower()), AsyncSortedSet[str])


async def asyncio_calls(jobs: AsyncSortedSet[Task], seen: AsyncTTLSet[Task]) -> None:
    assert_type(await jobs.by_key("url"), Task)
    assert_type(await jobs.discard_key(b"url"), bool)
    assert_type(jobs.keys(), AsyncIterator[bytes])
    async for key in seen.keys():
        assert_type(key, bytes)


class Tasks(SortedSet[Task]):
    def __init__(self, backend: Backend) -> None:
        super().__init__(
            backend, "tasks", serializer=TaskSerializer(), key=by_url, payload=Payload.FIRST
        )


def subclasses_keep_the_type(memory: MemoryBackend) -> None:
    assert_type(Tasks(memory).by_key("url"), Task)


def views(memory: MemoryBackend, backend: AsyncBackend) -> None:
    view: Backend = memory.keyed(Payload.NEWEST)
    assert_type(view.is_keyed("n"), bool | None)
    assert_type(backend.keyed(Payload.FIRST), AsyncBackend)
    member = KeyedMember(b"key", b"payload")
    assert_type(member.payload, bytes | None)
    plain: bytes = member
    assert_type(view.entries("n", [plain]), list[tuple[bytes, float]])
