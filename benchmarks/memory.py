"""The memory backend beside fakeredis, and beside a dict and a heap written by hand."""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import fakeredis

from benchmarks.harness import Result, microseconds, race
from redset import Merge, SortedSet
from redset.backends import MemoryBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL, MEDIUM, LARGE = 3_000, 10_000, 100_000


def run(*, quick: bool) -> Iterator[Result]:
    """Add all items and pop them again."""
    rounds = 5 if quick else 9
    rng = random.Random(1)
    for num in (SMALL,) if quick else (SMALL, MEDIUM, LARGE):
        pairs = [(f"item {i}", rng.random()) for i in range(num)]
        costs = race(
            {
                "bare": lambda pairs=pairs: bare(pairs),  # type: ignore[misc]  # bound at once
                "backend": lambda pairs=pairs: backend(pairs),  # type: ignore[misc]  # bound at once
                "set": lambda pairs=pairs: through_set(pairs),  # type: ignore[misc]  # bound at once
            },
            rounds=rounds,
        )
        for name in ("backend", "set"):
            detail = f"{microseconds(costs[name], num)} / {microseconds(costs['bare'], num)}"
            limit = 2.5 if num == LARGE and name == "backend" else None
            ratio = costs[name] / costs["bare"]
            yield Result(f"memory {name}, {num:,} items / dict+heapq", detail, ratio, limit)
        if num != LARGE:
            yield from _beside_fakeredis(pairs, rounds=3 if quick else 5)


def _beside_fakeredis(pairs: list[tuple[str, float]], rounds: int) -> Iterator[Result]:
    ours = {"backend": lambda: backend(pairs), "set": lambda: through_set(pairs)}
    costs = race({"fakeredis": lambda: fake(pairs), **ours}, rounds=rounds)
    num = len(pairs)
    for name in ours:
        detail = f"{microseconds(costs['fakeredis'], num)} / {microseconds(costs[name], num)}"
        limit = 50 if name == "backend" else None
        ratio = costs["fakeredis"] / costs[name]
        title = f"fakeredis / memory {name}, {num:,} items"
        yield Result(title, detail, ratio, limit, at_least=True)


def bare(pairs: list[tuple[str, float]]) -> None:
    """Do the least that can be done with a dict and a heap."""
    scores: dict[bytes, float] = {}
    heap: list[tuple[float, bytes]] = []
    for item, score in pairs:
        member = item.encode()
        if scores.get(member) != score:
            scores[member] = score
            heappush(heap, (score, member))
    popped: list[str] = []
    while heap:
        score, member = heappop(heap)
        if scores.get(member) == score:
            del scores[member]
            popped.append(member.decode())


def backend(pairs: list[tuple[str, float]]) -> None:
    """Use the backend as a set does."""
    store = MemoryBackend()
    for item, score in pairs:
        store.add("jobs", [(item.encode(), score)], Merge.REPLACE)
    popped: list[str] = []
    while entries := store.pop("jobs", 1):
        popped.append(entries[0][0].decode())


def through_set(pairs: list[tuple[str, float]]) -> None:
    """Use a set on the backend."""
    jobs = SortedSet(MemoryBackend(), "jobs")
    for item, score in pairs:
        jobs.add(item, score)
    popped = [jobs.pop() for _ in pairs]
    assert len(popped) == len(pairs)


def fake(pairs: list[tuple[str, float]]) -> None:
    """Use fakeredis through its client."""
    client = fakeredis.FakeRedis()
    for item, score in pairs:
        client.zadd("jobs", {item: score})
    popped = [client.zpopmin("jobs") for _ in pairs]
    assert len(popped) == len(pairs)
