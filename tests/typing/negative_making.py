"""Wrong ways to make a set. What is not marked is right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import redis
import redis.asyncio
import valkey.asyncio

from redset import (
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTTLSet,
    Merge,
    ScheduledSet,
    SortedSet,
    TimeSortedSet,
    TTLSet,
    connect,
    connect_async,
)
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend, RedisBackend
from redset.serializers import (
    DataclassSerializer,
    JSONSerializer,
    NamedtupleSerializer,
    PickleSerializer,
    SignedSerializer,
    StringSerializer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import AsyncBackend, Backend, Clock, Entry, Scorer, Serializer

KEY = b"sixteen bytes or more"


class Task:
    priority = 1


class TaskSerializer:
    def dumps(self, item: Task) -> bytes:
        return bytes(item.priority)

    def loads(self, data: bytes) -> Task:
        task = Task()
        task.priority = len(data)
        return task


class OnlyDumps:
    dumps = str


class OnlyLoads:
    loads = int


class DumpsToNumber:
    dumps = int
    loads = str


class LoadsText:
    def dumps(self, item: str) -> str:
        return item

    def loads(self, data: str) -> str:
        return data


class NotCallable:
    dumps = "text"
    loads = "text"


class AsyncSerializer:
    async def dumps(self, item: str) -> bytes:
        return item.encode()

    async def loads(self, data: bytes) -> str:
        return data.decode()


def by_priority(task: Task) -> float:
    return task.priority


def to_text(item: object) -> str:
    return str(item)


def of_two(item: str, other: str) -> float:
    return len(item) + len(other)


async def later(item: object) -> float:
    return len(str(item))


def serializers(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    SortedSet(r, "n", serializer=TaskSerializer())
    SortedSet(r, "n", serializer=object())  # wrong: no serializer
    SortedSet(r, "n", serializer=3)  # wrong: no serializer
    SortedSet(r, "n", serializer="json")  # wrong: no serializer
    SortedSet(r, "n", serializer=TaskSerializer)  # wrong: the class, not an object
    SortedSet(r, "n", None, TaskSerializer)  # wrong: the class, not an object
    SortedSet(r, "n", serializer=JSONSerializer)  # wrong: the class, not an object
    SortedSet(r, "n", serializer=OnlyDumps())  # wrong: no loads
    SortedSet(r, "n", serializer=OnlyLoads())  # wrong: no dumps
    SortedSet(r, "n", serializer=DumpsToNumber())  # wrong: dumps to an int
    SortedSet(r, "n", serializer=LoadsText())  # wrong: loads takes bytes
    SortedSet(r, "n", serializer=NotCallable())  # wrong: what cannot be called
    SortedSet(r, "n", serializer=AsyncSerializer())  # wrong: must not be awaited
    SortedSet(r, "n", serializer=redis)  # wrong: a module without dumps and loads
    SortedSet(r, "n", serializer=json.dumps)  # wrong: a function
    TTLSet(r, "n", serializer=object())  # wrong: no serializer
    TTLSet(r, "n", serializer=OnlyDumps())  # wrong: no loads
    ScheduledSet(r, "n", serializer=object())  # wrong: no serializer
    AsyncSortedSet(a, "n", serializer=object())  # wrong: no serializer
    AsyncSortedSet(a, "n", serializer=OnlyDumps())  # wrong: no loads
    AsyncTTLSet(a, "n", serializer=TaskSerializer)  # wrong: the class, not an object


def types_of_items(r: redis.Redis) -> None:
    right: SortedSet[Task] = SortedSet(r, "n", serializer=TaskSerializer())
    text: SortedSet[str] = SortedSet(r, "n", serializer=TaskSerializer())  # wrong: of Task
    number: SortedSet[int] = SortedSet(r, "n")  # wrong: of str
    wider: SortedSet[object] = right  # wrong: takes more types of items
    of_text: SortedSet[str] = SortedSet(r, "n", None, StringSerializer())
    of_task: TTLSet[Task] = TTLSet(r, "n")  # wrong: of str
    names: Serializer[Task] = StringSerializer()  # wrong: of str
    for each in (right, text, number, wider, of_text, of_task, names):
        repr(each)


def our_serializers() -> None:
    NamedtupleSerializer(Task)  # wrong: no namedtuple
    DataclassSerializer(Task)  # wrong: no dataclass
    DataclassSerializer("Task")  # wrong: no class
    SignedSerializer(object(), KEY)  # wrong: no serializer
    SignedSerializer(OnlyLoads(), KEY)  # wrong: no dumps
    SignedSerializer(TaskSerializer, KEY)  # wrong: the class, not an object
    SignedSerializer(TaskSerializer(), "key")  # wrong: a key of str
    SignedSerializer(TaskSerializer(), KEY, salt="salt")  # wrong: a salt of str
    PickleSerializer(5)  # wrong: keyword only
    PickleSerializer(protocol="5")  # wrong: no int
    StringSerializer().dumps(b"bytes")  # wrong: bytes
    JSONSerializer[Task]().dumps("text")  # wrong: of Task


def scorers(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    tasks = TaskSerializer()
    SortedSet(r, "n", by_priority, tasks)
    SortedSet(r, "n", len)
    SortedSet(r, "n", by_priority)  # wrong: scores Task, not str
    SortedSet(r, "n", scorer=by_priority)  # wrong: scores Task, not str
    SortedSet(r, "n", by_priority, StringSerializer())  # wrong: scores Task, not str
    SortedSet(r, "n", len, tasks)  # wrong: scores str, not Task
    SortedSet(r, "n", scorer=len, serializer=tasks)  # wrong: scores str, not Task
    SortedSet(r, "n", to_text)  # wrong: gives str
    SortedSet(r, "n", to_text, tasks)  # wrong: gives str
    SortedSet(r, "n", of_two)  # wrong: takes two
    SortedSet(r, "n", later)  # wrong: must not be awaited
    SortedSet(r, "n", 5)  # wrong: cannot be called
    SortedSet(r, "n", tasks)  # wrong: the serializer comes after
    TimeSortedSet(r, "n", by_priority)  # wrong: scores Task, not str
    AsyncSortedSet(a, "n", by_priority)  # wrong: scores Task, not str
    AsyncScheduledSet(a, "n", later)  # wrong: must not be awaited
    scorer: Scorer[Task] = len  # wrong: scores what has a length
    repr(scorer)


def clients_of_the_other_kind(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    SortedSet(r, "n")
    SortedSet(a, "n")  # wrong: asyncio client
    SortedSet(a, "n", serializer=TaskSerializer())  # wrong: asyncio client
    TTLSet(a, "n")  # wrong: asyncio client
    ScheduledSet(valkey.asyncio.Valkey(), "n")  # wrong: asyncio client
    SortedSet(redis.asyncio.RedisCluster("host"), "n")  # wrong: asyncio client
    RedisBackend(a)  # wrong: asyncio client
    AsyncSortedSet(a, "n")
    AsyncSortedSet(r, "n")  # wrong: blocking client
    AsyncSortedSet(r, "n", serializer=TaskSerializer())  # wrong: blocking client
    AsyncTTLSet(r, "n")  # wrong: blocking client
    AsyncScheduledSet(redis.RedisCluster("host"), "n")  # wrong: blocking client
    AsyncRedisBackend(r)  # wrong: blocking client


def backends_of_the_other_kind(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    SortedSet(AsyncMemoryBackend(), "n")  # wrong: asyncio backend
    SortedSet(AsyncRedisBackend(a), "n")  # wrong: asyncio backend
    SortedSet(AsyncMemoryBackend(), "n", serializer=TaskSerializer())  # wrong: asyncio backend
    SortedSet(connect_async("memory://"), "n")  # wrong: asyncio backend
    TTLSet(AsyncMemoryBackend(), "n")  # wrong: asyncio backend
    AsyncSortedSet(MemoryBackend(), "n")  # wrong: blocking backend
    AsyncSortedSet(RedisBackend(r), "n")  # wrong: blocking backend
    AsyncSortedSet(connect("memory://"), "n")  # wrong: blocking backend
    AsyncTTLSet(MemoryBackend(), "n")  # wrong: blocking backend
    AsyncMemoryBackend(AsyncMemoryBackend())  # wrong: the store is a blocking one
    one: Backend = AsyncMemoryBackend()  # wrong: asyncio backend
    two: AsyncBackend = MemoryBackend()  # wrong: blocking backend
    repr((one, two))


def no_backends_at_all() -> None:
    SortedSet(3, "n")  # wrong: neither backend nor client
    SortedSet(None, "n")  # wrong: neither backend nor client
    SortedSet("redis://", "n")  # wrong: a URL goes through connect
    SortedSet(redis, "n")  # wrong: the module
    SortedSet(redis.Redis, "n")  # wrong: the class, not an object
    AsyncSortedSet("redis://", "n")  # wrong: a URL goes through connect_async
    TTLSet({}, "n")  # wrong: neither backend nor client
    connect(3)  # wrong: no URL


def other_arguments(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    SortedSet(r)  # wrong: no name
    SortedSet(r, b"n")  # wrong: a name of bytes
    SortedSet(r, "n", merge="keep")  # wrong: no Merge
    SortedSet(r, "n", merge=True)  # wrong: no Merge
    SortedSet(r, "n", merge=None)  # wrong: no Merge
    SortedSet(r, "n", None, None, None, None, Merge.KEEP)  # wrong: keyword only
    SortedSet(r, "n", lock_timeout="10")  # wrong: no number
    SortedSet(r, "n", None, None, "10")  # wrong: no number
    SortedSet(r, "n", lock_expires=b"10")  # wrong: no number
    SortedSet(r, "n", dead_limit=1.5)  # wrong: no int
    SortedSet(r, "n", dead_limit="many")  # wrong: no int
    SortedSet(r, "n", ttl=60)  # wrong: a TTLSet has one
    SortedSet(r, "n", serialiser=TaskSerializer())  # wrong: misspelt
    TTLSet(r, "n", 60)  # wrong: keyword only
    TTLSet(r, "n", ttl="60")  # wrong: no number
    TTLSet(r, "n", merge="keep")  # wrong: no Merge
    TTLSet(r, "n", scorer=len)  # wrong: it has no scores
    AsyncSortedSet(a, "n", merge="keep")  # wrong: no Merge
    AsyncSortedSet(a, "n", None, None, None, None, Merge.KEEP)  # wrong: keyword only
    AsyncTTLSet(a, "n", 60)  # wrong: keyword only


class TooFew:
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return len(name) + len(entries) + len(merge.value)


class TextOnly:
    def time(self) -> str:
        return "now"


def parts_of_others() -> None:
    SortedSet(TooFew(), "n")  # wrong: most methods are missing
    backend: Backend = TooFew()  # wrong: most methods are missing
    clock: Clock = TextOnly()  # wrong: tells no time
    MemoryBackend(clock=TextOnly())  # wrong: tells no time
    MemoryBackend(clock=3)  # wrong: no clock
    repr((backend, clock))


class Jobs(SortedSet[Task]):
    """Keeps its type of items."""


def subclasses(r: redis.Redis, a: redis.asyncio.Redis) -> None:
    Jobs(r, "n", serializer=TaskSerializer()).add(Task())
    Jobs(r, "n", serializer=TaskSerializer()).add("text")  # wrong: of Task
    Jobs(r, "n", serializer=StringSerializer())  # wrong: of Task
    Jobs(r, "n", serializer=object())  # wrong: no serializer
    Jobs(a, "n", serializer=TaskSerializer())  # wrong: asyncio client
    text: SortedSet[str] = Jobs(r, "n", serializer=TaskSerializer())  # wrong: of Task
    repr(text)
