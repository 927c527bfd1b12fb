"""Many items at a time: what ``update`` and ``take`` cost beside commands written by hand."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import redis

from benchmarks.harness import Place, Result, apart, race
from redset import SortedSet, connect
from tests.support.servers import HOST, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1000
# Of a pipeline by hand.
PIPELINED = 100
BY_SOCKET = "by a bare socket"
SIZES = (10, 100, 1_000, 100_000)


def run(*, quick: bool) -> Iterator[Result]:
    """Move as many items in calls of every size, there and back, by three ways."""
    most, rounds = (20_000, 5) if quick else (SIZES[-1], 9)
    with (
        Server() as server,
        apart(server),
        redis.Redis(port=server.port) as client,
        connect(f"redis://localhost:{server.port}") as backend,
        closing(socket.create_connection((HOST, server.port))) as bare,
    ):
        sets = {"client": SortedSet(client, "jobs"), "connect": SortedSet(backend, "jobs")}
        for size in SIZES:
            # Few calls are too short to be timed, and many too long.
            num = most if size > CHUNK else max(CHUNK, 20 * size)
            yield from _compare(client, bare, sets, min(size, num), num, rounds)


def _compare(
    client: redis.Redis,
    bare: socket.socket,
    sets: dict[str, SortedSet[str]],
    size: int,
    num: int,
    rounds: int,
) -> Iterator[Result]:
    items = [f"item {i}" for i in range(num)]
    batches = [items[start : start + size] for start in range(0, num, size)]
    updates: dict[str, Callable[[], object]] = {"by hand": lambda: _zadd(client, batches)}
    takes: dict[str, Callable[[], object]] = {"by hand": lambda: _zpopmin(client, size)}
    for how, jobs in sets.items():
        updates[how] = lambda jobs=jobs: _update(jobs, batches)  # type: ignore[misc]  # bound at once
        takes[how] = lambda jobs=jobs: _take(jobs, size)  # type: ignore[misc]  # bound at once
    if size > CHUNK:
        # As ``redis-benchmark -P 100`` does it, of commands that were packed before.
        adding = _pipelines(client, [("ZADD", "jobs", 0, item) for item in items])
        popping = _pipelines(client, [("ZPOPMIN", "jobs")] * num)
        updates[BY_SOCKET] = lambda: _exchange(bare, adding, 1)
        takes[BY_SOCKET] = lambda: _exchange(bare, popping, 5)

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
        if BY_SOCKET in rates:
            command_by_command = f"{command.partition(' ')[0]} in pipelines of {PIPELINED}"
            detail = f"{rates[how]:,.0f}/s / {rates[BY_SOCKET]:,.0f}/s, {BY_SOCKET}"
            name = f"{how}: {call} / {command_by_command}, items/s"
            yield Result(name, detail, rates[how] / rates[BY_SOCKET], 0.9, at_least=True)
    for how, rate in rates.items():
        if how == BY_SOCKET:
            continue
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


def _pipelines(client: redis.Redis, commands: list[tuple[str | int, ...]]) -> list[bytes]:
    """Pack commands, so many together."""
    packer: Any = client.connection_pool.make_connection()
    starts = range(0, len(commands), PIPELINED)
    return [b"".join(packer.pack_commands(commands[start : start + PIPELINED])) for start in starts]


def _exchange(bare: socket.socket, pipelines: list[bytes], lines: int) -> None:
    """Send pipelines; await as many lines for each of their commands."""
    for each in pipelines:
        bare.sendall(each)
        left = lines * PIPELINED
        while left > 0:
            left -= bare.recv(1 << 16).count(b"\n")
