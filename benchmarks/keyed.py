"""What a key costs a set that has one, and that it costs nothing where there is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

import redis

from benchmarks.harness import Result, apart, microseconds, race
from redset import Merge, SortedSet
from redset.backends import MemoryBackend, RedisBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

Contestants: TypeAlias = "dict[str, Callable[[], object]]"

CALLS = 500
BATCH = 1000


def run(*, quick: bool) -> Iterator[Result]:
    """Add and pop with keys and without, then look for what the latter pay for the former."""
    rounds = 10 if quick else 25
    with Server() as server, apart(server), redis.Redis(port=server.port) as client:
        backend = RedisBackend(client)
        yield _beside("add, pop", _singly(backend, rounds, time.perf_counter), CALLS, 1.6)
        yield _beside("update, take of a thousand", _batches(backend, rounds), BATCH)
        yield _unkeyed(client, rounds)
        yield from _asking(server.port)
    yield _beside("memory: add, pop", _singly(MemoryBackend(), rounds, time.process_time), CALLS)


def _beside(name: str, costs: dict[str, float], num: int, limit: float | None = None) -> Result:
    detail = " / ".join(microseconds(costs[each], num) for each in ("keyed", "unkeyed"))
    return Result(f"{name}: keyed / unkeyed", detail, costs["keyed"] / costs["unkeyed"], limit)


def _sets(backend: Backend) -> dict[str, SortedSet[str]]:
    # Both write the same items; one of them is told apart by the number alone.
    keyed = SortedSet(backend, "keyed", key=lambda item: item.rpartition(" ")[2])
    return {"keyed": keyed, "unkeyed": SortedSet(backend, "unkeyed")}


def _singly(backend: Backend, rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    items = [f"item {i}" for i in range(CALLS)]

    def add_and_pop(jobs: SortedSet[str]) -> Callable[[], None]:
        def all_items() -> None:
            for item in items:
                jobs.add(item)
            for _ in items:
                jobs.pop()

        return all_items

    contestants: Contestants = {name: add_and_pop(jobs) for name, jobs in _sets(backend).items()}
    return race(contestants, rounds=rounds, clock=clock)


def _batches(backend: Backend, rounds: int) -> dict[str, float]:
    items = [f"item {i}" for i in range(BATCH)]

    def update_and_take(jobs: SortedSet[str]) -> Callable[[], None]:
        def all_items() -> None:
            jobs.update(items)
            jobs.take(BATCH)

        return all_items

    contestants: Contestants = {
        name: update_and_take(jobs) for name, jobs in _sets(backend).items()
    }
    return race(contestants, rounds=rounds, clock=time.perf_counter)


def _unkeyed(client: redis.Redis, rounds: int) -> Result:
    """Compare a set without keys with what it calls, in which no key is ever looked for."""
    backend, jobs = RedisBackend(client), SortedSet(client, "unkeyed")
    items = [f"item {i}" for i in range(CALLS)]

    def by_hand() -> None:
        for item in items:
            backend.add("unkeyed", [(item.encode(), 0.0)], Merge.REPLACE)
        for _ in items:
            backend.pop("unkeyed", 1)[0][0].decode()

    def through_set() -> None:
        for item in items:
            jobs.add(item)
        for _ in items:
            jobs.pop()

    costs = race({"set": through_set, "by hand": by_hand}, rounds=rounds)
    detail = " / ".join(microseconds(costs[each], CALLS) for each in ("set", "by hand"))
    return Result("unkeyed set / its backend by hand", detail, costs["set"] / costs["by hand"], 1.2)


class Counting(redis.Redis):
    """Counts the commands that it sends."""

    sent = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.sent += 1
        execute: Any = super().execute_command
        return execute(*args, **options)


def _asking(port: int) -> Iterator[Result]:
    """Count commands: only the first call may ask whether there are keys."""
    with Counting(port=port) as client:
        kept = SortedSet(client, "asking")
        ways: dict[str, Callable[[], SortedSet[str]]] = {
            "one set": lambda: kept,
            "made anew each time": lambda: SortedSet(client, "asking"),
        }
        for name, find in ways.items():
            find().add("first")
            before = client.sent
            for _ in range(CALLS):
                find().add("item")
                find().pop()
            figure = (client.sent - before) / (2 * CALLS)
            yield Result(f"unkeyed, {name}: commands a call", "", figure, 1)
