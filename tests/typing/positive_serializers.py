"""The type of a set's items comes from its serializer."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, assert_type

import msgpack

from redset import (
    AsyncScheduledSet,
    AsyncSortedSet,
    AsyncTimeSortedSet,
    AsyncTTLSet,
    ScheduledSet,
    SortedSet,
    TimeSortedSet,
    TTLSet,
)
from redset.interfaces import Serializer
from redset.serializers import (
    DataclassSerializer,
    JSONSerializer,
    JSONValue,
    MsgpackSerializer,
    MsgpackValue,
    NamedtupleSerializer,
    PickleSerializer,
    SignedSerializer,
    StringSerializer,
)

if TYPE_CHECKING:
    from redset.backends import AsyncMemoryBackend, MemoryBackend

KEY = b"sixteen bytes or more"


@dataclass
class Task:
    url: str


class Point(NamedTuple):
    x: int
    y: int


class Numbers:
    loads = int
    dumps = str


class Static:
    @staticmethod
    def dumps(item: Task) -> bytes:
        return item.url.encode()

    @staticmethod
    def loads(data: bytes) -> Task:
        return Task(data.decode())


class Methods:
    def dumps(self, item: Task, *, indent: int = 0) -> str:
        return " " * indent + item.url

    def loads(self, data: bytes | str) -> Task:
        return Task(str(data))


def text_is_the_default(memory: MemoryBackend, later: AsyncMemoryBackend) -> None:
    assert_type(SortedSet(memory, "n"), SortedSet[str])
    assert_type(SortedSet(memory, "n", None, None), SortedSet[str])
    assert_type(SortedSet(memory, "n", serializer=None), SortedSet[str])
    assert_type(TimeSortedSet(memory, "n"), TimeSortedSet[str])
    assert_type(ScheduledSet(memory, "n"), ScheduledSet[str])
    assert_type(TTLSet(memory, "n"), TTLSet[str])
    assert_type(AsyncSortedSet(later, "n"), AsyncSortedSet[str])
    assert_type(AsyncTimeSortedSet(later, "n"), AsyncTimeSortedSet[str])
    assert_type(AsyncScheduledSet(later, "n"), AsyncScheduledSet[str])
    assert_type(AsyncTTLSet(later, "n"), AsyncTTLSet[str])


def no_type_argument_means_text(bare: SortedSet, later: AsyncTTLSet) -> None:
    assert_type(bare, SortedSet[str])
    assert_type(later, AsyncTTLSet[str])


def our_serializers(memory: MemoryBackend) -> None:
    assert_type(SortedSet(memory, "n", serializer=StringSerializer()), SortedSet[str])
    plain, packed, pickled = JSONSerializer(), MsgpackSerializer(), PickleSerializer()
    assert_type(SortedSet(memory, "n", serializer=plain), SortedSet[JSONValue])
    assert_type(SortedSet(memory, "n", serializer=packed), SortedSet[MsgpackValue])
    assert_type(SortedSet(memory, "n", serializer=pickled), SortedSet[object])
    table = JSONSerializer[dict[str, int]]()
    assert_type(SortedSet(memory, "n", serializer=table), SortedSet[dict[str, int]])
    assert_type(SortedSet(memory, "n", serializer=JSONSerializer[Task]()), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=MsgpackSerializer[bytes]()), SortedSet[bytes])
    assert_type(SortedSet(memory, "n", serializer=PickleSerializer[Task]()), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=NamedtupleSerializer(Point)), SortedSet[Point])
    assert_type(SortedSet(memory, "n", serializer=DataclassSerializer(Task)), SortedSet[Task])


def signed(memory: MemoryBackend) -> None:
    text = SignedSerializer(StringSerializer(), KEY, salt=b"n")
    assert_type(SortedSet(memory, "n", serializer=text), SortedSet[str])
    plain, packed, anything = JSONSerializer(), MsgpackSerializer(), PickleSerializer()
    assert_type(SignedSerializer(plain, KEY), SignedSerializer[JSONValue])
    assert_type(SignedSerializer(packed, KEY), SignedSerializer[MsgpackValue])
    assert_type(SignedSerializer(anything, KEY), SignedSerializer[object])
    table = SignedSerializer(JSONSerializer[dict[str, int]](), KEY)
    assert_type(SortedSet(memory, "n", serializer=table), SortedSet[dict[str, int]])
    raw = SignedSerializer(MsgpackSerializer[bytes](), KEY)
    assert_type(SortedSet(memory, "n", serializer=raw), SortedSet[bytes])
    pickled = SignedSerializer(PickleSerializer[Task](), KEY)
    assert_type(SortedSet(memory, "n", serializer=pickled), SortedSet[Task])
    point = SignedSerializer(NamedtupleSerializer(Point), KEY)
    assert_type(SortedSet(memory, "n", serializer=point), SortedSet[Point])
    task = SignedSerializer(DataclassSerializer(Task), KEY)
    assert_type(SortedSet(memory, "n", serializer=task), SortedSet[Task])
    assert_type(SignedSerializer(pickle, KEY), SignedSerializer[Any])
    assert_type(SignedSerializer(Numbers(), KEY), SignedSerializer[int])
    assert_type(SignedSerializer(task, KEY), SignedSerializer[Task])


def modules(memory: MemoryBackend, later: AsyncMemoryBackend) -> None:
    assert_type(SortedSet(memory, "n", serializer=json), SortedSet[Any])
    assert_type(SortedSet(memory, "n", None, json), SortedSet[Any])
    assert_type(SortedSet(memory, "n", serializer=pickle), SortedSet[Any])
    assert_type(TTLSet(memory, "n", serializer=json), TTLSet[Any])
    assert_type(SortedSet(memory, "n", serializer=msgpack), SortedSet[object])
    assert_type(AsyncSortedSet(later, "n", serializer=json), AsyncSortedSet[Any])
    assert_type(AsyncTTLSet(later, "n", serializer=pickle), AsyncTTLSet[Any])


def anything_with_both_methods(memory: MemoryBackend, later: AsyncMemoryBackend) -> None:
    assert_type(SortedSet(memory, "n", serializer=Numbers()), SortedSet[int])
    assert_type(SortedSet(memory, "n", serializer=Static()), SortedSet[Task])
    assert_type(SortedSet(memory, "n", serializer=Methods()), SortedSet[Task])
    assert_type(TimeSortedSet(memory, "n", serializer=Numbers()), TimeSortedSet[int])
    assert_type(ScheduledSet(memory, "n", serializer=Methods()), ScheduledSet[Task])
    assert_type(TTLSet(memory, "n", serializer=Methods()), TTLSet[Task])
    assert_type(AsyncSortedSet(later, "n", serializer=Numbers()), AsyncSortedSet[int])
    assert_type(AsyncTimeSortedSet(later, "n", serializer=Methods()), AsyncTimeSortedSet[Task])
    assert_type(AsyncScheduledSet(later, "n", serializer=Methods()), AsyncScheduledSet[Task])
    assert_type(AsyncTTLSet(later, "n", serializer=Methods()), AsyncTTLSet[Task])


def behind_the_protocol(memory: MemoryBackend, serializer: Serializer[Task]) -> None:
    jobs = SortedSet(memory, "n", serializer=serializer)
    assert_type(jobs, SortedSet[Task])
    assert_type(jobs.serializer, Serializer[Task])
    assert_type(jobs.serializer.dumps(Task("url")), str | bytes)
    assert_type(jobs.serializer.loads(b"url"), Task)


def they_fit_the_protocol() -> list[Serializer[Task]]:
    return [
        Methods(),
        Static(),
        json,
        pickle,
        JSONSerializer[Task](),
        JSONSerializer(),
        PickleSerializer[Task](),
        MsgpackSerializer[Task](),
        DataclassSerializer(Task),
        SignedSerializer(DataclassSerializer(Task), KEY),
    ]


def methods_of_our_own_are_precise() -> None:
    assert_type(StringSerializer().dumps("text"), bytes)
    assert_type(StringSerializer().loads(b"text"), str)
    assert_type(JSONSerializer[Task]().dumps(Task("url")), bytes)
    assert_type(NamedtupleSerializer(Point).loads(b"{}"), Point)
    assert_type(DataclassSerializer(Task).loads(b"{}"), Task)
    assert_type(SignedSerializer(StringSerializer(), KEY).loads(b""), str)
