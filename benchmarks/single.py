"""One item at a time: what a call costs beside the same client's own command."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import redis
import redis.asyncio

from benchmarks.harness import Result, apart, microseconds, race
from redset import AsyncSortedSet, SortedSet, connect
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

LIMIT = 1.10


def run(*, quick: bool) -> Iterator[Result]:
    """Compare ``add`` and ``pop`` with ``zadd`` and ``zpopmin``: client CPU for each call."""
    num, rounds = (300, 11) if quick else (1000, 21)
    with Server() as server, apart(server):
        yield from _blocking(server, num, rounds)
        yield from asyncio.run(_asyncio(server, num, rounds))


def _results(kind: str, costs: dict[str, float], num: int) -> Iterator[Result]:
    for ours, theirs in (("add", "zadd"), ("pop", "zpopmin")):
        detail = f"{microseconds(costs[ours], num)} / {microseconds(costs[theirs], num)}"
        yield Result(f"{kind} {ours} / {theirs}", detail, costs[ours] / costs[theirs], LIMIT)


def _renamed(costs: dict[str, float]) -> dict[str, float]:
    return {name: costs[f"{name} by connect"] for name in ("add", "pop")}


def _blocking(server: Server, num: int, rounds: int) -> Iterator[Result]:
    client = redis.Redis(port=server.port)
    jobs = SortedSet(client, "jobs")
    backend = connect(f"redis://localhost:{server.port}")
    opened = SortedSet(backend, "jobs")
    items = [f"item {i}" for i in range(num)]

    def repeat(call: Callable[[str], object]) -> Callable[[], None]:
        def all_items() -> None:
            for item in items:
                call(item)

        return all_items

    costs = race(
        {
            "zadd": repeat(lambda item: client.zadd("jobs", {item: 0})),
            "zpopmin": repeat(lambda _: client.zpopmin("jobs")),
            "add": repeat(jobs.add),
            "pop": repeat(lambda _: jobs.pop()),
            "add by connect": repeat(opened.add),
            "pop by connect": repeat(lambda _: opened.pop()),
        },
        rounds=rounds,
    )
    backend.close()
    client.close()
    yield from _results("blocking", costs, num)
    yield from _results("connect", {**costs, **_renamed(costs)}, num)


async def _asyncio(server: Server, num: int, rounds: int) -> list[Result]:
    client = redis.asyncio.Redis(port=server.port)
    jobs = AsyncSortedSet(client, "jobs")
    items = [f"item {i}" for i in range(num)]
    calls: dict[str, Callable[[str], Awaitable[object]]] = {
        "zadd": lambda item: client.zadd("jobs", {item: 0}),
        "zpopmin": lambda _: client.zpopmin("jobs"),
        "add": jobs.add,
        "pop": lambda _: jobs.pop(),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            began = time.process_time()
            for item in items:
                await call(item)
            times[name].append(time.process_time() - began)
    await client.aclose()
    costs = {name: sorted(each)[len(each) // 2] for name, each in times.items()}
    return list(_results("asyncio", costs, num))
