"""Many items at a time: what ``update`` and ``take`` cost beside commands written by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import redis

from benchmarks.harness import Place, Result, apart, race
from redset import SortedSet, connect
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1000
SIZES = (10, 100, 1_000, 100_000)


def run(*, quick: bool) -> Iterator[Result]:
    """Move as many items in calls of every size, there and back, by three ways."""
    most, rounds = (20_000, 5) if quick else (SIZES[-1], 9)
    with (
        Server() as server,
        apart(server),
        redis.Redis(port=server.port) as client,
        connect(f"redis://localhost:{server.port}") as backend,
    ):
        sets = {"client": SortedSet(client, "jobs"), "connect": SortedSet(backend, "jobs")}
        for size in SIZES:
            # Few calls are too short to be timed, and many too long.
            num = most if size > CHUNK else max(CHUNK, 20 * size)
            yield from _compare(client, sets, min(size, num), num, rounds)


def _compare(
    client: redis.Redis, sets: dict[str, SortedSet[str]], size: int, num: int, rounds: int
) -> Iterator[Result]:
    items = [f"item {i}" for i in range(num)]
    batches = [items[start : start + size] for start in range(0, num, size)]
    updates: dict[str, Callable[[], object]] = {"by hand": lambda: _zadd(client, batches)}
    takes: dict[str, Callable[[], object]] = {"by hand": lambda: _zpopmin(client, size)}
    for how, jobs in sets.items():
        updates[how] = lambda jobs=jobs: _update(jobs, batches)  # type: ignore[misc]  # bound at once
        takes[how] = lambda jobs=jobs: _take(jobs, size)  # type: ignore[misc]  # bound at once

    def empty() -> None:
        client.delete("jobs")

    def fill() -> None:
        sets["connect"].update(items)

    clock = time.perf_counter
    costs = race(updates, rounds=rounds, clock=clock, prepare=empty)
    yield from _results(f"update of {size:,}", "zadd", size, num, costs)
    costs = race(takes, rounds=rounds, clock=clock, prepare=fill)
    yield from _results(f"take({size:,})", "zpopmin and decode", size, num, costs)


def _results(
    call: str, command: str, size: int, num: int, costs: dict[str, float]
) -> Iterator[Result]:
    rates = {how: num / seconds for how, seconds in costs.items()}
    kind = call.partition(" ")[0].partition("(")[0]
    for how in ("client", "connect"):
        ratio = costs[how] / costs["by hand"]
        limit = 1.15 if size > CHUNK and kind == "update" else None
        detail = f"{rates[how]:,.0f}/s / {rates['by hand']:,.0f}/s"
        yield Result(f"{how}: {call} / {command}", detail, ratio, limit)
    for how, rate in rates.items():
        line = f"{command.partition(' ')[0]} by hand" if how == "by hand" else f"{kind}, {how}"
        name = f"{call}: {how}"
        yield Result(name, "", rate / 1000, unit=" k/s", place=Place("batches", line, size))


def _zadd(client: redis.Redis, batches: list[list[str]]) -> None:
    for batch in batches:
        for start in range(0, len(batch), CHUNK):
            client.zadd("jobs", dict.fromkeys(batch[start : start + CHUNK], 0))


def _update(jobs: SortedSet[str], batches: list[list[str]]) -> None:
    for batch in batches:
        jobs.update(batch)


def _zpopmin(client: redis.Redis, size: int) -> None:
    while popped := cast("list[tuple[bytes, float]]", client.zpopmin("jobs", size)):
        [str(member, "utf-8") for member, _ in popped]


def _take(jobs: SortedSet[str], size: int) -> None:
    while jobs.take(size):
        pass
