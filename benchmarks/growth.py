"""How the cost of an operation grows with the set."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import redis

from benchmarks.harness import Place, Result, apart, microseconds, race
from redset import SortedSet
from redset.backends import MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redset.interfaces import Backend, RedisClient

CALLS = 500
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def run(*, quick: bool, large: bool = False) -> Iterator[Result]:
    """Compare the cost at every size with that at the smallest, over log n."""
    sizes = SIZES[:3] if quick else SIZES if large else SIZES[:-1]
    rounds = 5 if quick else 15
    yield from _grow("memory", MemoryBackend, sizes, rounds)
    with Server() as server, apart(server):
        yield from _grow("server", lambda: redis.Redis(port=server.port), sizes, rounds)


def _grow(
    where: str,
    store: Callable[[], Backend | RedisClient],
    sizes: Sequence[int],
    rounds: int,
) -> Iterator[Result]:
    rng = random.Random(1)
    source = store()
    costs: dict[str, dict[int, float]] = {}
    for size in sizes:
        jobs = SortedSet(source, f"jobs {size}")
        for start in range(0, size, 10_000):
            part = range(start, min(start + 10_000, size))
            jobs.update((f"item {i}" for i in part), (rng.random() for _ in part))
        # Pairs of calls that leave the set as large as it was.
        for name, seconds in race(_calls(jobs, size, rng), rounds=rounds).items():
            costs.setdefault(name, {})[size] = seconds / CALLS
        jobs.clear()
    for name, each in costs.items():
        yield from _results(f"{where} {name}", each)


def _results(name: str, costs: dict[int, float]) -> Iterator[Result]:
    small, *_, large = costs
    detail = " at ".join((microseconds(costs[large], 1), f"{large:,}"))
    detail += f" / {microseconds(costs[small], 1)} at {small:,}"
    growth = costs[large] / costs[small]
    allowed = math.log(large) / math.log(small)
    yield Result(f"{name}: growth / log growth", detail, growth / allowed, 1.5)
    for size, cost in costs.items():
        place = Place("growth", name, size)
        yield Result(f"{name} at {size:,}", "", cost * 1e6, unit=" µs", place=place)


def _calls(jobs: SortedSet[str], size: int, rng: random.Random) -> dict[str, Callable[[], object]]:
    some = [f"item {rng.randrange(size)}" for _ in range(CALLS)]

    def add_and_pop() -> None:
        for i in range(CALLS):
            jobs.add(f"new {i}", rng.random())
        for _ in range(CALLS):
            jobs.pop()

    def score() -> None:
        for item in some:
            jobs.score(item)

    def peek() -> None:
        for _ in range(CALLS):
            jobs.peek()

    def claim() -> None:
        for _ in range(CALLS):
            claim = jobs.claim()
            claim.reschedule(claim.score)

    return {"add and pop": add_and_pop, "claim": claim, "score": score, "peek": peek}
