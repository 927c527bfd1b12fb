"""In one process: the memory backend beside what else keeps items in order there.

Needs the packages in ``peers.txt``. All add the same items with random scores, and then pop them
one by one; each item once, with the lowest score first.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Place, Result, microseconds, race
from benchmarks.memory import bare, fake, through_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Pairs = Sequence[tuple[str, float]]

SMALL, LARGE = 3_000, 100_000


def run(*, quick: bool) -> Iterator[Result]:
    """Add and pop few items by all, and many by those whose calls take microseconds."""
    ways: dict[str, Callable[[list[tuple[str, float]]], object]] = {
        "redset": through_set,
        "dict and heapq": bare,
        "sortedcontainers": _sorted_containers,
        "fakeredis": fake,
        "burner-redis": _burner,
    }
    fast = dict(list(ways.items())[:3])
    yield from _compare(ways, 300 if quick else SMALL, 3)
    yield from _compare(fast, SMALL if quick else LARGE, 3 if quick else 7)


def _compare(
    ways: dict[str, Callable[[list[tuple[str, float]]], object]], num: int, rounds: int
) -> Iterator[Result]:
    rng = random.Random(1)
    pairs = [(f"item {i}", rng.random()) for i in range(num)]
    contestants = {name: lambda way=way: way(pairs) for name, way in ways.items()}
    costs = race(contestants, rounds=rounds)
    for name, seconds in costs.items():
        if name != "redset":
            detail = " / ".join(microseconds(each, num) for each in (seconds, costs["redset"]))
            yield Result(f"{num:,} items: {name} / redset", detail, seconds / costs["redset"])
    for name, seconds in costs.items():
        place = Place("inside", name, f"{num:,} items")
        yield Result(f"{num:,} items: {name}", "", num / seconds, unit=" /s", place=place)


def _sorted_containers(pairs: Pairs) -> None:
    """Keep a dict of scores, and a list in order: the usual way, which has O(log n) deletes."""
    made: Any = import_module("sortedcontainers").SortedList()
    scores: dict[bytes, float] = {}
    for item, score in pairs:
        member = item.encode()
        old = scores.get(member)
        if old != score:
            if old is not None:
                made.remove((old, member))
            scores[member] = score
            made.add((score, member))
    popped: list[str] = []
    with suppress(IndexError):
        while True:
            _, member = made.pop(0)
            del scores[member]
            popped.append(member.decode())


def _burner(pairs: Pairs) -> None:
    """Use burner-redis, an asyncio client of a store in Rust, which has no ZPOPMIN."""

    async def add_and_pop() -> None:
        client: Any = import_module("burner_redis").BurnerRedis()
        for item, score in pairs:
            await client.zadd("jobs", {item: score})
        popped: list[Any] = []
        while first := await client.zrange("jobs", 0, 0):
            await client.zrem("jobs", *first)
            popped += first
        assert len(popped) == len(pairs)

    asyncio.run(add_and_pop())
