"""Several processes on one set: how fast they take, and how fast they wake."""

from __future__ import annotations

import multiprocessing
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.harness import Place, Result
from redset import ScheduledSet, SortedSet, connect
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONSUMERS = (1, 4, 8)


def run(*, quick: bool) -> Iterator[Result]:
    """Take due items with one consumer and with more; wake one from another process."""
    with Server() as server:
        for consumers in CONSUMERS:
            yield _take_scheduled(server.port, consumers, 20_000 if quick else 400_000)
        kinds: list[type[SortedSet[str]]] = [SortedSet, ScheduledSet]
        for kind in kinds:
            yield from _wake(kind, server.port, 50 if quick else 500)


def _take_scheduled(port: int, consumers: int, num: int) -> Result:
    context = multiprocessing.get_context("spawn")
    with redis.Redis(port=port) as client:
        due = ScheduledSet(client, "due")
        past = time.time() - 1000
        due.update((f"item {i}" for i in range(num)), (past for _ in range(num)))
        results = context.SimpleQueue()
        started = context.Barrier(consumers)
        workers = [
            context.Process(target=_consume, args=(port, started, results))
            for _ in range(consumers)
        ]
        for worker in workers:
            worker.start()
        parts = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
    taken = [part[0] for part in parts]
    seconds = max(part[2] for part in parts) - min(part[1] for part in parts)
    detail = f"fewest {min(taken):,}, most {max(taken):,} of {num:,} items"
    name = f"take(100) of due items, consumers: {consumers}"
    place = Place("consumers", "take(100)", f"consumers: {consumers}")
    return Result(name, detail, num / seconds / 1000, unit=" k/s", place=place)


def _consume(port: int, started: Any, results: Any) -> None:
    with connect(f"redis://127.0.0.1:{port}") as backend:
        due = ScheduledSet(backend, "due")
        due.peek_score()
        started.wait()
        began, taken = time.time(), 0
        while items := due.take(100):
            taken += len(items)
        results.put((taken, began, time.time()))


def _wake(kind: type[SortedSet[str]], port: int, times: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=_wait, args=(kind, port, there, times))
    worker.start()
    delays: list[float] = []
    with redis.Redis(port=port) as client:
        jobs = kind(client, "wake")
        for _ in range(times):
            here.recv()
            time.sleep(0.01)  # until the other one waits
            began = time.time()
            jobs.add("go")
            delays.append(here.recv() - began)
    worker.join()
    name = f"{kind.__name__}: from add to a waiting pop"
    yield from waits(name, f"{kind.__name__}: pop", delays)


def waits(name: str, short: str, delays: Sequence[float]) -> Iterator[Result]:
    """Show how long it took to be woken, mostly and at worst."""
    limits = {"median": 2, "99 of 100": 20}
    for which, delay in (
        ("median", median(delays)),
        ("99 of 100", quantiles(delays, n=100, method="inclusive")[98]),
    ):
        place = Place("waiting", which, short)
        detail = f"worst of {len(delays)}: {max(delays) * 1000:.1f} ms"
        figure = delay * 1000
        yield Result(f"{name}, {which}", detail, figure, limits[which], unit=" ms", place=place)


def _wait(kind: type[SortedSet[str]], port: int, pipe: Any, times: int) -> None:
    with redis.Redis(port=port) as client:
        jobs = kind(client, "wake")
        for _ in range(times):
            pipe.send(None)
            jobs.pop(timeout=30)
            pipe.send(time.time())
