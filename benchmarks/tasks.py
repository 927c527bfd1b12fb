"""asyncio: many tasks that add and pop at once, beside redis.asyncio's own commands."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module, util
from typing import TYPE_CHECKING, Any

import redis.asyncio

from benchmarks.harness import Place, Result, apart, race
from redset import AsyncSortedSet, connect_async
from redset.backends import AsyncRedisBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TASKS = (1, 10, 100, 1000)


def run(*, quick: bool) -> Iterator[Result]:
    """Share the same number of calls among one task and more."""
    num, rounds = (300, 3) if quick else (2_000, 5)
    with Server() as server, apart(server), asyncio.Runner() as runner:
        # As many connections as there are tasks, so that none fails for want of one.
        most = TASKS[-1]
        client = redis.asyncio.Redis(port=server.port, max_connections=most)
        backend = connect_async(f"redis://localhost:{server.port}?max_connections={most}")
        lent, opened = AsyncSortedSet(client, "jobs"), AsyncSortedSet(backend, "jobs")
        glide: Any = runner.run(_Glide.open(server.port)) if util.find_spec("glide") else None

        async def buffered(tasks: int) -> None:
            async with opened.buffered() as buffer:
                await _share(tasks, num, buffer.add)

        async def pops(tasks: int, pop: Callable[[], Awaitable[object]]) -> None:
            await _share(tasks, num, lambda _: pop())

        for tasks in TASKS:
            ways: dict[str, Callable[[], Awaitable[object]]] = {
                "zadd": lambda: _share(tasks, num, lambda item: client.zadd("jobs", {item: 0})),  # noqa: B023  (raced at once)
                "zpopmin": lambda: pops(tasks, lambda: client.zpopmin("jobs")),  # noqa: B023
                "add by a client": lambda: _share(tasks, num, lent.add),  # noqa: B023
                "pop by a client": lambda: pops(tasks, lent.pop),  # noqa: B023
                "add by connect": lambda: _share(tasks, num, opened.add),  # noqa: B023
                "pop by connect": lambda: pops(tasks, opened.pop),  # noqa: B023
                "buffered add": lambda: buffered(tasks),  # noqa: B023
            }
            if glide is not None:
                other = AsyncSortedSet(AsyncRedisBackend(glide), "jobs")
                ways["add by valkey-glide"] = lambda: _share(tasks, num, other.add)  # noqa: B023
            contestants = {
                name: lambda way=way: runner.run(_awaited(way)) for name, way in ways.items()
            }
            runner.run(opened.clear())
            costs = race(contestants, rounds=rounds, clock=time.perf_counter)
            yield from _results(tasks, num, costs)
        if glide is not None:
            runner.run(glide.close())
        runner.run(backend.close())
        runner.run(client.aclose())


class _Glide:
    """valkey-glide's client as far as a backend needs one, where it is installed."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    async def open(cls, port: int) -> _Glide:
        """Connect to a server."""
        glide: Any = import_module("glide")
        address = glide.NodeAddress("127.0.0.1", port)
        return cls(await glide.GlideClient.create(glide.GlideClientConfiguration([address])))

    async def execute_command(self, *arguments: Any, **_options: object) -> Any:
        """Send a command whose script the server knows by now."""
        given = [part if isinstance(part, (bytes, str)) else str(part) for part in arguments]
        return await self._client.custom_command(given)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


async def _awaited(way: Callable[[], Awaitable[object]]) -> None:
    await way()


async def _share(tasks: int, num: int, call: Callable[[str], Awaitable[object]]) -> None:
    numbers = iter(range(num))

    async def some() -> None:
        for number in numbers:
            await call(f"item {number}")

    await asyncio.gather(*(some() for _ in range(tasks)))


def _results(tasks: int, num: int, costs: dict[str, float]) -> Iterator[Result]:
    named = "1 task" if tasks == 1 else f"{tasks:,} tasks"
    for ours, seconds in costs.items():
        theirs = "zadd" if "add" in ours else "zpopmin"
        if ours != theirs:
            detail = " / ".join(f"{num / each:,.0f}/s" for each in (seconds, costs[theirs]))
            yield Result(f"{named}: {ours} / {theirs}, items/s", detail, costs[theirs] / seconds)
    for name, seconds in costs.items():
        place = Place("tasks", name, tasks)
        yield Result(f"{named}: {name}", "", num / seconds, unit=" /s", place=place)
