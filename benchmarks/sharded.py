"""One set over several nodes beside one set on one node, where servers are what limits."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from statistics import mean, median
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.harness import Result
from redset import ShardedSet, SortedSet, connect
from redset.backends import MemoryBackend
from tests.support.servers import Server, start_cluster
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PROCESSES = 4
SHARDS = 8
NODES = 3
# Into so many parts a core is divided, so that servers are what limits.
PARTS = 4
CALLS = {
    "update": "update of thousands",
    "claim": "claims(100, done=…)",
    "take": "take(100)",
    "cut": "remove_between",
}

Jobs: TypeAlias = SortedSet[str] | ShardedSet[str]


def run(*, quick: bool) -> Iterator[Result]:
    """Do the same with several processes, here and there in turn."""
    num, rounds = (20_000, 3) if quick else (100_000, 5)
    with ExitStack() as stack:
        server = stack.enter_context(Server())
        cluster = stack.enter_context(start_cluster("valkey-9.1", NODES))
        url = f"redis+cluster://127.0.0.1:{cluster.servers[0].port}"
        one = _Crew(server.url, [server], None)
        stack.callback(one.stop)
        sharded = _Crew(url, cluster.servers, SHARDS)
        stack.callback(sharded.stop)
        crews = {"one": one, "sharded": sharded}
        for keyed in (False, True):
            yield from _race(crews, num, rounds, keyed=keyed)
        with _parted(crews.values()):
            for keyed in (False, True):
                yield from _race(crews, num, rounds, keyed=keyed, where=f"of 1/{PARTS} core, ")
        for shards in (8, 64):
            yield from _whole(url, shards, num)
    for shards in (8, 32):
        for consumers in (1, 4, 16, 64, 256):
            yield _order(shards, consumers, num)


@contextmanager
def _parted(crews: Iterable[_Crew]) -> Iterator[None]:
    """Give each server the same part of one core, and its clients another core.

    Where servers are fewer than there are parts, programs that only count have the others.
    """
    cores = sorted(os.sched_getaffinity(0))
    idle = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(idle) for _ in range(PARTS)]
    try:
        for each in others:
            os.sched_setaffinity(each.pid, cores[:1])
        for crew in crews:
            crew.part(cores, others)
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


def _race(
    contestants: dict[str, _Crew], num: int, rounds: int, *, keyed: bool, where: str = ""
) -> Iterator[Result]:
    """Have what one item costs: by the clock, and of the time of the server with most to do."""
    costs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for number in range(rounds + 1):
        for call, fills in (("update", False), ("claim", False), ("take", True), ("cut", True)):
            for name, crew in contestants.items():
                if fills:
                    crew.time("update", num // PROCESSES, keyed=keyed)
                cost = crew.time(call, num // PROCESSES, keyed=keyed)
                if number:  # the first one is to warm up
                    costs[call, name].append(cost)
    for call, title in CALLS.items():
        clock, busy = (
            [median(each[way] for each in costs[call, name]) for name in contestants]
            for way in (0, 1)
        )
        what = f"{title}{' with keys' if keyed else ''}, {where}{SHARDS} shards / 1 set"
        rates = " / ".join(f"{num / seconds:,.0f}/s" for seconds in reversed(clock))
        yield Result(f"{what}", rates, clock[0] / clock[1])
        detail = " / ".join(f"{seconds / num * 1e6:.2f} µs" for seconds in reversed(busy))
        yield Result("  by the busiest server's CPU time", detail, busy[0] / busy[1])


def _whole(url: str, shards: int, num: int) -> Iterator[Result]:
    """Time what asks all shards, for the model on paper."""
    with connect(url) as store:
        jobs = ShardedSet(store, f"jobs {shards}", shards=shards)
        jobs.update(map(str, range(num)), range(num))
        began = time.perf_counter()
        for _ in range(100):
            len(jobs)
        length = time.perf_counter() - began
        yield Result(f"len of {shards} shards", "", length / 100 * 1e3, unit=" ms")
        began = time.perf_counter()
        read = sum(1 for _ in jobs)
        each = (time.perf_counter() - began) / read
        yield Result(f"iterating over {shards} shards, an item", "", each * 1e6, unit=" µs")
        began = time.perf_counter()
        jobs.reshard(shards + shards // 2)
        rate = num / (time.perf_counter() - began)
        title = f"re-sharding from {shards} to {shards + shards // 2}, items"
        yield Result(title, f"{num:,} items", rate / 1000, unit=" k/s")


def _order(shards: int, consumers: int, num: int) -> Result:
    """See how many items come before those that are handed out, until half of all are."""
    store, chance = MemoryBackend(), random.Random(1)
    sets = [ShardedSet(store, "jobs", shards=shards) for _ in range(consumers)]
    scores = {str(number): chance.random() for number in range(num)}
    sets[0].update(scores, scores.values())
    order = sorted(scores.values())
    ranks: list[int] = []
    for _ in range(num // 2):
        rank = bisect_left(order, scores[chance.choice(sets).pop()])
        ranks.append(rank)
        del order[rank]
    title = f"mean rank of {shards} shards, {consumers} consumers"
    return Result(title, f"worst {max(ranks) / shards:.0f}", mean(ranks) / shards, unit=" s")


class _Crew:
    """Processes that each do the same at once."""

    def __init__(self, url: str, servers: Sequence[Server], shards: int | None) -> None:
        self._servers = servers
        self._others: list[subprocess.Popen[bytes]] = []
        context = multiprocessing.get_context("spawn")
        pipes = [context.Pipe() for _ in range(PROCESSES)]
        self._pipes = [here for here, _ in pipes]
        self._workers = [
            context.Process(target=_work, args=(url, shards, place, there))
            for place, (_, there) in enumerate(pipes)
        ]
        for worker in self._workers:
            worker.start()
        for pipe in self._pipes:
            pipe.recv()

    def part(self, cores: Sequence[int], others: list[subprocess.Popen[bytes]]) -> None:
        """Have servers on the first core, beside others that take what they must not have."""
        for server in self._servers:
            os.sched_setaffinity(server.pid, cores[:1])
        for worker in self._workers:
            os.sched_setaffinity(worker.pid or 0, cores[1:2] or cores)
        self._others = others

    def time(self, call: str, num: int, *, keyed: bool) -> tuple[float, float]:
        """Return the seconds that all need together, and those of the busiest server's CPU."""
        for number, other in enumerate(self._others):
            goes_on = number < PARTS - len(self._servers)
            other.send_signal(signal.SIGCONT if goes_on else signal.SIGSTOP)
        before, began = self._busy(), time.perf_counter()
        for pipe in self._pipes:
            pipe.send((call, num, keyed))
        for pipe in self._pipes:
            pipe.recv()
        seconds = time.perf_counter() - began
        return seconds, max(now - then for now, then in zip(self._busy(), before, strict=True))

    def stop(self) -> None:
        """End all."""
        for pipe in self._pipes:
            pipe.send(None)
        for worker in self._workers:
            worker.join()

    def _busy(self) -> list[float]:
        found = [pairs(server.call("INFO", "cpu")) for server in self._servers]
        return [
            float(each["used_cpu_user_main_thread"]) + float(each["used_cpu_sys_main_thread"])
            for each in found
        ]


def _work(url: str, shards: int | None, place: int, pipe: Any) -> None:
    with connect(url) as store:
        sets = {keyed: _open(store, shards, keyed=keyed) for keyed in (False, True)}
        for jobs in sets.values():
            len(jobs)
        pipe.send(None)
        while order := pipe.recv():
            call, num, keyed = order
            _call(sets[keyed], call, place, num)
            pipe.send(None)


def _open(store: Any, shards: int | None, *, keyed: bool) -> Jobs:
    options: dict[str, Any] = {"key": lambda item: item} if keyed else {}
    name = "keyed" if keyed else "jobs"
    if shards is None:
        return SortedSet(store, name, **options)
    return ShardedSet(store, name, shards=shards, **options)


def _call(jobs: Jobs, call: str, place: int, num: int) -> None:
    if call == "update":
        first = place * num
        items = (f"item {number}" for number in range(first, first + num))
        jobs.update(items, range(first, first + num))
    elif call == "claim":
        claims = jobs.claims(100)
        while claims:
            claims = jobs.claims(100, done=claims)
    elif call == "take":
        while jobs.take(100):
            pass
    else:
        for first in range(place * num, (place + 1) * num, 10_000):
            jobs.remove_between(first, min(first + 10_000, (place + 1) * num) - 1)
