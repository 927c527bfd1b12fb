"""One set over several nodes beside one set on one node, where the server is what limits."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.harness import Result
from redset import ShardedSet, SortedSet, connect
from tests.support.servers import Server, start_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES = 4
SHARDS = 8
NODES = 3

Jobs: TypeAlias = SortedSet[str] | ShardedSet[str]


def run(*, quick: bool) -> Iterator[Result]:
    """Add and claim with several processes, here and there in turn."""
    num, rounds = (20_000, 3) if quick else (100_000, 9)
    with ExitStack() as stack:
        server = stack.enter_context(Server())
        cluster = stack.enter_context(start_cluster("valkey-9.1", NODES))
        url = f"redis+cluster://127.0.0.1:{cluster.servers[0].port}"
        contestants = {"one": _Crew(server.url, None), "sharded": _Crew(url, SHARDS)}
        for crew in contestants.values():
            stack.callback(crew.stop)
        for keyed in (False, True):
            yield from _race(contestants, num, rounds, keyed=keyed)
        yield from _spread(url, num)


def _race(
    contestants: dict[str, _Crew], num: int, rounds: int, *, keyed: bool
) -> Iterator[Result]:
    calls = {"update": "update of a thousand", "claim": "claims(100, done=…)"}
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        for call in calls:
            for name, crew in contestants.items():
                seconds = crew.time(call, num // PROCESSES, keyed=keyed)
                if number:  # the first one is to warm up
                    times.setdefault((call, name), []).append(seconds)
    for call, title in calls.items():
        ours, theirs = (median(times[call, name]) for name in ("sharded", "one"))
        detail = " / ".join(f"{num / seconds:,.0f}/s" for seconds in (ours, theirs))
        kind = "with keys, " if keyed else ""
        what = f"{kind}{title}: {SHARDS} shards on {NODES} nodes / 1"
        yield Result(what, detail, theirs / ours)


def _spread(url: str, num: int) -> Iterator[Result]:
    """Time what asks all shards, for the model on paper."""
    with connect(url) as store:
        for shards in (8, 64):
            jobs = ShardedSet(store, f"spread {shards}", shards=shards)
            jobs.update(map(str, range(num)), range(num))
            for what, call in (
                ("len", lambda jobs=jobs: len(jobs)),
                ("iterating, for each item", lambda jobs=jobs: sum(1 for _ in jobs) / num),
            ):
                began = time.perf_counter()
                call()
                each = (time.perf_counter() - began) / (num if "item" in what else 1)
                yield Result(f"{what}, {shards} shards", "", each * 1e6, unit=" µs")
            began = time.perf_counter()
            jobs.reshard(shards * 2)
            seconds = time.perf_counter() - began
            detail = f"{num:,} items from {shards} to {2 * shards} shards"
            yield Result("re-sharding", detail, num / seconds / 1000, unit=" k/s")


class _Crew:
    """Processes that each do the same at once."""

    def __init__(self, url: str, shards: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._numbers = count()
        self._pipes = []
        self._workers = []
        for place in range(PROCESSES):
            here, there = context.Pipe()
            worker = context.Process(target=_work, args=(url, shards, place, there))
            worker.start()
            self._pipes.append(here)
            self._workers.append(worker)
        for pipe in self._pipes:
            pipe.recv()

    def time(self, call: str, num: int, *, keyed: bool) -> float:
        """Return how many seconds they need all together."""
        began = time.perf_counter()
        for pipe in self._pipes:
            pipe.send((call, num, keyed))
        for pipe in self._pipes:
            pipe.recv()
        return time.perf_counter() - began

    def stop(self) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for worker in self._workers:
            worker.join()


def _work(url: str, shards: int | None, place: int, pipe: Any) -> None:
    with connect(url) as store:
        sets = {keyed: _open(store, shards, keyed=keyed) for keyed in (False, True)}
        for jobs in sets.values():
            len(jobs)
        pipe.send(None)
        while order := pipe.recv():
            call, num, keyed = order
            if call == "update":
                sets[keyed].update(f"item {place} {number}" for number in range(num))
            else:
                _claim_all(sets[keyed])
            pipe.send(None)


def _open(store: Any, shards: int | None, *, keyed: bool) -> Jobs:
    options: dict[str, Any] = {"key": lambda item: item} if keyed else {}
    name = "keyed" if keyed else "jobs"
    if shards is None:
        return SortedSet(store, name, **options)
    return ShardedSet(store, name, shards=shards, **options)


def _claim_all(jobs: Jobs) -> None:
    claims = jobs.claims(100)
    while claims:
        claims = jobs.claims(100, done=claims)
