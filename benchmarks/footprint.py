"""What an item takes in memory: of the process, for the memory backend, and of a server."""

from __future__ import annotations

import gc
import tracemalloc
from heapq import heappush
from typing import TYPE_CHECKING

import redis

from benchmarks.harness import Place, Result
from redset import SortedSet, TTLSet, connect
from redset.backends import MemoryBackend
from tests.support.servers import Server
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend


def run(*, quick: bool) -> Iterator[Result]:
    """Fill a set in every way, and see how much memory went."""
    num = 10_000 if quick else 100_000
    yield from _compare("process", {"dict and heapq": _bare, **_ways(MemoryBackend)}, num, _traced)
    with (
        Server() as server,
        redis.Redis(port=server.port) as client,
        connect(f"redis://localhost:{server.port}") as backend,
    ):

        def empty() -> None:
            # By default the memory is given back later.
            client.execute_command("FLUSHALL", "SYNC")

        def used(fill: Callable[[int], object], num: int) -> float:
            fill(1)  # scripts that are sent for the first time stay there
            empty()
            before = _used(server)
            fill(num)
            grown = _used(server) - before
            empty()
            return grown

        ways: dict[str, Callable[[int], object]] = {
            "plain ZADD": lambda num: _by_hand(client, num),
            **_ways(lambda: backend),
        }
        yield from _compare("server", ways, num, used)


def _compare(
    where: str,
    ways: dict[str, Callable[[int], object]],
    num: int,
    measure: Callable[[Callable[[int], object], int], float],
) -> Iterator[Result]:
    sizes = {name: measure(fill, num) / num for name, fill in ways.items()}
    other = next(iter(sizes))
    for name, size in sizes.items():
        if name != other:
            detail = f"{size:,.0f} / {sizes[other]:,.0f} bytes"
            yield Result(f"{where}: {name} / {other}", detail, size / sizes[other])
    for name, size in sizes.items():
        place = Place("footprint", where, "by hand" if name == other else name)
        yield Result(f"{where}: an item by {name}", "", size, unit=" bytes", place=place)


def _ways(store: Callable[[], Backend]) -> dict[str, Callable[[int], object]]:
    def plain(num: int) -> object:
        jobs = SortedSet(store(), "jobs")
        jobs.update(_items(num), map(float, range(num)))
        return jobs

    def keyed(num: int) -> object:
        jobs = SortedSet(store(), "jobs", key=lambda item: item.rpartition(" ")[2])
        jobs.update(_items(num), map(float, range(num)))
        return jobs

    def claimed(num: int) -> object:
        jobs = SortedSet(store(), "jobs")
        jobs.update(_items(num), map(float, range(num)))
        for _ in range(0, num, 1000):
            jobs.claims(1000, lease=3600)
        return jobs

    def seen(num: int) -> object:
        jobs = TTLSet(store(), "jobs", ttl=3600)
        jobs.update(_items(num))
        return jobs

    return {"SortedSet": plain, "SortedSet with key=": keyed, "claimed": claimed, "TTLSet": seen}


def _items(num: int) -> Iterator[str]:
    return (f"https://example.org/{i:09}" for i in range(num))


def _bare(num: int) -> object:
    scores: dict[bytes, float] = {}
    heap: list[tuple[float, bytes]] = []
    for score, item in enumerate(_items(num)):
        member = item.encode()
        scores[member] = float(score)
        heappush(heap, (scores[member], member))
    return scores, heap


def _by_hand(client: redis.Redis, num: int) -> None:
    items = list(_items(num))
    for start in range(0, num, 1000):
        scores = {item: start + place for place, item in enumerate(items[start : start + 1000])}
        client.zadd("jobs", scores)


def _traced(fill: Callable[[int], object], num: int) -> float:
    fill(1)
    gc.collect()
    tracemalloc.start()
    kept = fill(num)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def _used(server: Server) -> int:
    return int(pairs(server.call("INFO", "memory"))["used_memory"])
