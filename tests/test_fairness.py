"""Of many consumers that wait for items, none gets much more than the others."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import redis

from redset import AsyncSortedSet, SortedSet, connect, connect_async
from redset.backends import AsyncMemoryBackend, MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Place: TypeAlias = "MemoryBackend | str"

CONSUMERS = 8
ITEMS = 800
STOP = "stop"


@pytest.fixture(params=["memory", "valkey-9.1"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Place, Callable[[], int]]]:
    """Give a store or its URL, and what tells how many wait there."""
    if request.param == "memory":
        store = MemoryBackend()
        yield store, lambda: len(store._waiters.get("jobs", ()))  # noqa: SLF001  (nobody else tells)
        return
    with Server(request.param) as server, closing(redis.Redis(port=server.port)) as client:
        yield server.url, lambda: int(client.info("clients")["blocked_clients"])


def given(takers: list[int], waiting: Callable[[], int]) -> Iterator[str | None]:
    """Give what is to be added, once all wait again: items, and at last what ends each consumer.

    None stands for a moment in which others are to go on.
    """
    deadline = time.monotonic() + 120
    for number in range(ITEMS):
        while len(takers) < number or waiting() < CONSUMERS:
            assert time.monotonic() < deadline, "an item is not taken, or a consumer waits no more"
            yield None
        yield str(number)
    yield from (f"{STOP} {number}" for number in range(CONSUMERS))


def check(takers: list[int]) -> None:
    """See that all was taken, and by no consumer more than twice its share."""
    assert len(takers) == ITEMS
    assert max(map(takers.count, range(CONSUMERS))) <= 2 * ITEMS / CONSUMERS


def test_threads(place: tuple[Place, Callable[[], int]]) -> None:
    where, waiting = place
    takers: list[int] = []

    def work(number: int) -> None:
        for claim in jobs.consume():
            if claim.item.startswith(STOP):
                claim.ack()
                break
            takers.append(number)

    store = connect(where) if isinstance(where, str) else where
    with store:
        jobs = SortedSet(store, "jobs")
        threads = [
            threading.Thread(target=work, args=(number,), daemon=True)
            for number in range(CONSUMERS)
        ]
        for thread in threads:
            thread.start()
        for item in given(takers, waiting):
            if item is None:
                time.sleep(0)
            else:
                jobs.add(item)
        for thread in threads:
            thread.join()
    check(takers)


def test_tasks(place: tuple[Place, Callable[[], int]]) -> None:
    where, waiting = place
    takers: list[int] = []

    async def work(jobs: AsyncSortedSet[str], number: int) -> None:
        async for claim in jobs.consume():
            if claim.item.startswith(STOP):
                await claim.ack()
                break
            takers.append(number)

    async def main() -> None:
        store = connect_async(where) if isinstance(where, str) else AsyncMemoryBackend(where)
        async with store:
            jobs = AsyncSortedSet(store, "jobs")
            tasks = [asyncio.create_task(work(jobs, number)) for number in range(CONSUMERS)]
            for item in given(takers, waiting):
                if item is None:
                    await asyncio.sleep(0)
                else:
                    await jobs.add(item)
            await asyncio.gather(*tasks)

    asyncio.run(main())
    check(takers)
