"""How the cost of an operation grows with the set."""

from __future__ import annotations

import math
import random
from heapq import heappop, heappush
from itertools import count, islice
from typing import TYPE_CHECKING

import redis

from benchmarks.harness import Place, Result, apart, microseconds, race
from redset import SortedSet
from redset.backends import MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redset.interfaces import Backend, RedisClient

_numbers = count()
CALLS = 500
READS = 3
BY_HAND = "dict and heapq add and pop"
# What has no such promise: order is made in memory when it is asked for.
UNBOUND = {BY_HAND, "memory count after a change", "memory middle after a change"}
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def run(*, quick: bool, large: bool = False) -> Iterator[Result]:
    """Compare the cost at every size with that at the smallest, over log n."""
    sizes = SIZES[:3] if quick else SIZES if large else SIZES[:-1]
    rounds = 5 if quick else 15
    yield from _results(BY_HAND, _by_hand(sizes, rounds))
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
        for name, call in _reads(jobs, rng).items():
            seconds = race({name: call}, rounds=2)[name]
            costs.setdefault(name, {})[size] = seconds / READS
        jobs.clear()
    for name, each in costs.items():
        yield from _results(f"{where} {name}", each)


def _by_hand(sizes: Sequence[int], rounds: int) -> dict[int, float]:
    """Return the cost of a dict and a heap written by hand, which any in memory has."""
    rng = random.Random(1)
    costs: dict[int, float] = {}
    for size in sizes:
        scores = {f"item {i}".encode(): rng.random() for i in range(size)}
        heap = sorted((score, member) for member, score in scores.items())

        def add_and_pop(
            scores: dict[bytes, float] = scores, heap: list[tuple[float, bytes]] = heap
        ) -> None:
            for item in _new():
                score, member = rng.random(), item.encode()
                scores[member] = score
                heappush(heap, (score, member))
            for _ in range(CALLS):
                _, member = heappop(heap)
                del scores[member]

        costs[size] = race({"": add_and_pop}, rounds=rounds)[""] / CALLS
    return costs


def _results(name: str, costs: dict[int, float]) -> Iterator[Result]:
    small, *_, large = costs
    detail = " at ".join((microseconds(costs[large], 1), f"{large:,}"))
    detail += f" / {microseconds(costs[small], 1)} at {small:,}"
    growth = costs[large] / costs[small]
    allowed = math.log(large) / math.log(small)
    limit = None if name in UNBOUND else 1.5
    yield Result(f"{name}: growth / log growth", detail, growth / allowed, limit)
    for size, cost in costs.items():
        place = Place("growth", name, size)
        yield Result(f"{name} at {size:,}", "", cost * 1e6, unit=" µs", place=place)


def _calls(jobs: SortedSet[str], size: int, rng: random.Random) -> dict[str, Callable[[], object]]:
    def add_and_pop() -> None:
        for item in _new():
            jobs.add(item, rng.random())
        for _ in range(CALLS):
            jobs.pop()

    def claim() -> None:
        for _ in range(CALLS):
            claim = jobs.claim()
            claim.reschedule(claim.score)

    def acknowledge() -> None:
        for item in _new():
            jobs.add(item, -1)
            jobs.claim().ack()

    some = [f"item {rng.randrange(size)}" for _ in range(CALLS)]
    return {
        "add and pop": add_and_pop,
        "claim, reschedule": claim,
        "add, claim, ack": acknowledge,
        "score": lambda: [jobs.score(item) for item in some],
        "peek": lambda: [jobs.peek() for _ in some],
    }


def _new() -> list[str]:
    """Return items that are in no set yet."""
    return [f"new {number}" for number in islice(_numbers, CALLS)]


def _reads(jobs: SortedSet[str], rng: random.Random) -> dict[str, Callable[[], object]]:
    """Return what reads in order: as it is, and after a change each time."""
    middle = len(jobs) // 2

    def again(read: Callable[[], object]) -> Callable[[], None]:
        def read_again() -> None:
            for _ in range(READS):
                read()

        return read_again

    def after_a_change(read: Callable[[], object]) -> Callable[[], None]:
        def change_and_read() -> None:
            jobs.add("changed", rng.random())
            read()

        return again(change_and_read)

    def count() -> int:
        return jobs.count(0.4, 0.6)

    return {
        "iterate over a thousand": again(lambda: list(islice(iter(jobs), 1000))),
        "count": again(count),
        "first hundred after a change": after_a_change(lambda: jobs[:100]),
        "count after a change": after_a_change(count),
        "middle after a change": after_a_change(lambda: jobs[middle]),
    }
