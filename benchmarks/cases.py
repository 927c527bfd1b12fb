"""What two revisions are compared by: run in a process of its own, on one of them.

``python benchmarks/cases.py PORT REPEATS`` times the redset that is found first, and prints the CPU
seconds of each case as JSON. It uses nothing else of the benchmarks, which may be of another
revision. What a revision does not have is left out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio

from redset import AsyncSortedSet, SortedSet, TTLSet, connect
from redset.backends import MemoryBackend
from redset.serializers import JSONSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Case = tuple[str, Callable[[], object]]

CALLS = 100
ITEMS = [f"item {i}" for i in range(CALLS)]
MANY = [f"item {i}" for i in range(1000)]


def main(port: int, repeats: int) -> None:
    """Time all cases in turn, again and again; print the best of each."""
    with redis.Redis(port=port) as client, connect(f"redis://localhost:{port}") as backend:
        client.flushall()
        best: dict[str, float] = {}
        cases = list(_cases(client, backend, port))
        for _ in range(repeats):
            for name, call in cases:
                with suppress(AttributeError, TypeError):  # what this revision does not have
                    began = time.process_time()
                    call()
                    spent = time.process_time() - began
                    best[name] = min(spent, best.get(name, spent))
        print(json.dumps(best))


def _cases(client: redis.Redis, backend: Any, port: int) -> Iterator[Case]:
    yield from _on("client", client)
    yield from _on("connect", backend)
    yield from _on("memory", MemoryBackend())
    keyed = SortedSet(MemoryBackend(), "keyed", key=lambda item: item)
    yield "memory, keyed: add and pop", lambda: _each(keyed.add, keyed.pop)
    seen = TTLSet(client, "seen", ttl=60)
    yield "client: add to a TTLSet", lambda: [seen.add(item) for item in ITEMS]
    yield from _serializing()
    yield from _asyncio(port)


def _on(where: str, source: Any) -> Iterator[Case]:
    jobs, work = SortedSet(source, "jobs"), SortedSet(source, "work")
    yield f"{where}: add", lambda: [jobs.add(item) for item in ITEMS]
    yield f"{where}: pop", lambda: [jobs.pop() for _ in ITEMS]
    yield f"{where}: update of 1,000", lambda: jobs.update(MANY)
    yield f"{where}: take(1,000)", lambda: jobs.take(len(MANY))
    yield f"{where}: add, claim, ack", lambda: _each(work.add, lambda: work.claim().ack())


def _each(add: Callable[[str], object], take: Callable[[], object]) -> None:
    for item in ITEMS:
        add(item)
    for _ in ITEMS:
        take()


def _serializing() -> Iterator[Case]:
    serializer = JSONSerializer[object]()
    item = {"url": "https://example.org/", "depth": 3, "tags": ["news"], "weight": 0.75}
    data = serializer.dumps(item)
    yield "JSON: dumps", lambda: [serializer.dumps(item) for _ in MANY]
    yield "JSON: loads", lambda: [serializer.loads(data) for _ in MANY]


def _asyncio(port: int) -> Iterator[Case]:
    runner = asyncio.Runner()
    jobs = AsyncSortedSet(redis.asyncio.Redis(port=port), "later")

    async def add() -> None:
        for item in ITEMS:
            await jobs.add(item)

    async def pop() -> None:
        for _ in ITEMS:
            await jobs.pop()

    yield "asyncio: add", lambda: runner.run(add())
    yield "asyncio: pop", lambda: runner.run(pop())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
