"""Many items at a time: what ``update`` and ``take`` cost beside commands written by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import redis

from benchmarks.harness import Result, apart, race
from redset import SortedSet
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1000


def run(*, quick: bool) -> Iterator[Result]:
    """Compare ``update`` of 100,000 items with chunked ZADD, and ``take`` with ZPOPMIN."""
    num, rounds = (20_000, 5) if quick else (100_000, 15)
    items = [f"item {i}" for i in range(num)]
    with Server() as server, apart(server), redis.Redis(port=server.port) as client:
        jobs = SortedSet(client, "jobs")

        def by_hand() -> None:
            client.delete("jobs")
            for start in range(0, num, CHUNK):
                client.zadd("jobs", dict.fromkeys(items[start : start + CHUNK], 0))

        def update() -> None:
            client.delete("jobs")
            jobs.update(items)

        costs = race({"by hand": by_hand, "update": update}, rounds=rounds, clock=time.perf_counter)
        rates = [f"{num / costs[name]:,.0f}/s" for name in ("update", "by hand")]
        ratio = costs["update"] / costs["by hand"]
        yield Result(f"update of {num:,} / chunked zadd", " / ".join(rates), ratio, 1.15)

        for size in (100, CHUNK):
            yield _take(client, jobs, items, size, rounds)


def _take(
    client: redis.Redis, jobs: SortedSet[str], items: list[str], size: int, rounds: int
) -> Result:
    def by_hand() -> None:
        jobs.update(items)
        while popped := cast("list[tuple[bytes, float]]", client.zpopmin("jobs", size)):
            [str(member, "utf-8") for member, _ in popped]

    def take() -> None:
        jobs.update(items)
        while jobs.take(size):
            pass

    costs = race(
        {"fill": lambda: jobs.update(items), "by hand": by_hand, "take": take},
        rounds=rounds,
        clock=time.perf_counter,
    )
    ours, theirs = (costs[name] - costs["fill"] for name in ("take", "by hand"))
    detail = " / ".join(f"{len(items) / seconds:,.0f}/s" for seconds in (ours, theirs))
    return Result(f"take({size}) / zpopmin and decode", detail, ours / theirs, None)
