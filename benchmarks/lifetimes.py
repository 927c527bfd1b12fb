"""``TTLSet``: beside a key with ``SET NX EX`` for each item, and a TTLCache in the process.

Needs the packages in ``peers.txt``. Each asks for every item whether it was unseen.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.harness import Place, Result, apart, microseconds, race
from redset import TTLSet, connect
from redset.backends import MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TTL = 3600
BATCH = 1000


def run(*, quick: bool) -> Iterator[Result]:
    """Ask one by one, then for many at a time, then in the process."""
    num, rounds = (300, 5) if quick else (1000, 31)
    with (
        Server() as server,
        apart(server),
        redis.Redis(port=server.port) as client,
        connect(f"redis://localhost:{server.port}") as backend,
    ):
        yield from _one_by_one(client, TTLSet(backend, "seen", ttl=TTL), num, rounds)
        yield from _many(client, TTLSet(backend, "seen", ttl=TTL), rounds)
    yield from _inside(num * 10, rounds)


def _one_by_one(client: redis.Redis, seen: TTLSet[str], num: int, rounds: int) -> Iterator[Result]:
    lent = TTLSet(client, "seen", ttl=TTL)
    items = [f"item {i}" for i in range(num)]
    costs = race(
        {
            "SET NX EX": lambda: [client.set(item, 1, nx=True, ex=TTL) for item in items],
            "add by a client": lambda: [lent.add(item) for item in items],
            "add by connect": lambda: [seen.add(item) for item in items],
        },
        rounds=rounds,
        clock=time.perf_counter,
    )
    client.flushall()
    yield from _beside(costs, "SET NX EX", num, "one by one")


def _many(client: redis.Redis, seen: TTLSet[str], rounds: int) -> Iterator[Result]:
    items = [f"item {i}" for i in range(BATCH)]

    def pipelined() -> None:
        with client.pipeline(transaction=False) as pipe:
            for item in items:
                pipe.set(item, 1, nx=True, ex=TTL)
            pipe.execute()

    costs = race(
        {"SET NX EX in a pipeline": pipelined, "add_unseen": lambda: seen.add_unseen(items)},
        rounds=rounds,
        clock=time.perf_counter,
    )
    yield from _beside(costs, "SET NX EX in a pipeline", BATCH, "a thousand at a time")


def _inside(num: int, rounds: int) -> Iterator[Result]:
    caches: Any = import_module("cachetools").TTLCache
    cache = caches(maxsize=num, ttl=TTL)
    seen = TTLSet(MemoryBackend(), "seen", ttl=TTL)
    items = [f"item {i}" for i in range(num)]

    def cached() -> None:
        for item in items:
            if item not in cache:
                cache[item] = None

    contestants: dict[str, Callable[[], object]] = {
        "TTLCache": cached,
        "add in memory": lambda: [seen.add(item) for item in items],
    }
    yield from _beside(race(contestants, rounds=rounds), "TTLCache", num, "in the process")


def _beside(costs: dict[str, float], other: str, num: int, way: str) -> Iterator[Result]:
    for name, seconds in costs.items():
        if name != other:
            detail = " / ".join(microseconds(each, num) for each in (seconds, costs[other]))
            yield Result(f"{name} / {other}", detail, seconds / costs[other])
    for name, seconds in costs.items():
        place = Place("lifetimes", "redset" if "add" in name else "other", f"{way}: {name}")
        yield Result(f"{way}: {name}", "", num / seconds, unit=" /s", place=place)
