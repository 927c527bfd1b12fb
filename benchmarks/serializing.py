"""What serializers cost by themselves, and in a set."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.harness import Place, Result, microseconds, race
from redset import SortedSet
from redset.backends import MemoryBackend
from redset.serializers import (
    DataclassSerializer,
    JSONSerializer,
    MsgpackSerializer,
    NamedtupleSerializer,
    PickleSerializer,
    SignedSerializer,
    StringSerializer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Serializer

CALLS = 500


@dataclass
class Page:
    """An item like many."""

    url: str
    depth: int
    tags: list[str]
    weight: float


class Point(NamedTuple):
    """The same as a namedtuple."""

    url: str
    depth: int
    tags: list[str]
    weight: float


def run(*, quick: bool) -> Iterator[Result]:
    """Write and read one item again and again; add and pop it with the memory backend."""
    rounds = 5 if quick else 31
    parts = ("https://example.org/page/1234", 3, ["news", "überall"], 0.75)
    plain = dict(zip(("url", "depth", "tags", "weight"), parts, strict=True))
    contestants: dict[str, tuple[Serializer[Any], object]] = {
        "StringSerializer": (StringSerializer(), parts[0]),
        "JSONSerializer": (JSONSerializer(), plain),
        "module json": (json, plain),
        "MsgpackSerializer": (MsgpackSerializer(), plain),
        "DataclassSerializer": (DataclassSerializer(Page), Page(*parts)),
        "NamedtupleSerializer": (NamedtupleSerializer(Point), Point(*parts)),
        "PickleSerializer": (PickleSerializer[object](), plain),
        "module pickle": (pickle, plain),
        "SignedSerializer of JSON": (SignedSerializer(JSONSerializer(), b"k" * 32), plain),
    }
    calls: dict[str, Callable[[], object]] = {}
    for name, (serializer, item) in contestants.items():
        calls.update(_calls(name, serializer, item))
    costs = race(calls, rounds=rounds)
    for name in contestants:
        for what in ("dumps", "loads", "add and pop"):
            seconds = costs[f"{name}: {what}"]
            place = Place("serializing", what, name)
            figure = seconds / CALLS * 1e6
            yield Result(f"{name}: {what}", "", figure, unit=" µs", place=place)
    ours, theirs = (costs[f"{name}: dumps"] for name in ("JSONSerializer", "module json"))
    detail = " / ".join(microseconds(each, CALLS) for each in (ours, theirs))
    yield Result("JSONSerializer.dumps / json.dumps", detail, ours / theirs)


def _calls(name: str, serializer: Serializer[Any], item: object) -> dict[str, Callable[[], object]]:
    jobs = SortedSet(MemoryBackend(), "jobs", serializer=serializer)
    dumped = serializer.dumps(item)
    data = dumped.encode() if isinstance(dumped, str) else dumped

    def dumps() -> None:
        for _ in range(CALLS):
            serializer.dumps(item)

    def loads() -> None:
        for _ in range(CALLS):
            serializer.loads(data)

    def add_and_pop() -> None:
        for _ in range(CALLS):
            jobs.add(item)
            jobs.pop()

    each = {"dumps": dumps, "loads": loads, "add and pop": add_and_pop}
    return {f"{name}: {what}": call for what, call in each.items()}
