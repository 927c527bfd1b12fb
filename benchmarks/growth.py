"""How the cost of an operation grows with the set."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import redis

from benchmarks.harness import Result, apart, microseconds, race
from redset import SortedSet
from redset.backends import MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend, RedisClient

CALLS = 500


def run(*, quick: bool) -> Iterator[Result]:
    """Compare the cost at the largest size with that at the smallest, over log n."""
    sizes = (1_000, 30_000) if quick else (1_000, 1_000_000)
    rounds = 5 if quick else 15
    yield from _grow("memory", MemoryBackend, sizes, rounds)
    with Server() as server, apart(server):
        yield from _grow("server", lambda: redis.Redis(port=server.port), sizes, rounds)


def _grow(
    where: str,
    store: Callable[[], Backend | RedisClient],
    sizes: tuple[int, int],
    rounds: int,
) -> Iterator[Result]:
    rng = random.Random(1)
    source = store()
    costs: dict[tuple[str, int], float] = {}
    for size in sizes:
        jobs = SortedSet(source, f"jobs {size}")
        for start in range(0, size, 10_000):
            part = range(start, min(start + 10_000, size))
            jobs.update((f"item {i}" for i in part), (rng.random() for _ in part))
        calls = _calls(jobs, size, rng)
        # Pairs of calls that leave the set as large as it was.
        for name, seconds in race(calls, rounds=rounds).items():
            costs[name, size] = seconds
        jobs.clear()
    small, large = sizes
    allowed = math.log(large) / math.log(small)
    for name in dict.fromkeys(name for name, _ in costs):
        detail = " at ".join((microseconds(costs[name, large], CALLS), f"{large:,}"))
        detail += f" / {microseconds(costs[name, small], CALLS)} at {small:,}"
        growth = costs[name, large] / costs[name, small]
        yield Result(f"{where} {name}: growth / log growth", detail, growth / allowed, 1.5)


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

    return {"add and pop": add_and_pop, "score": score, "peek": peek}
