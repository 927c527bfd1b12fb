"""Several processes on one set: how fast they take, and how fast they wake."""

from __future__ import annotations

import multiprocessing
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.harness import Result
from redset import ScheduledSet, SortedSet
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

CONSUMERS = 4


def run(*, quick: bool) -> Iterator[Result]:
    """Take due items with four consumers; wake a consumer from another process."""
    with Server() as server:
        yield _take_scheduled(server.port, 20_000 if quick else 400_000)
        kinds: list[type[SortedSet[str]]] = [SortedSet, ScheduledSet]
        for kind in kinds:
            yield from _wake(kind, server.port, 50 if quick else 500)


def _take_scheduled(port: int, num: int) -> Result:
    context = multiprocessing.get_context("spawn")
    with redis.Redis(port=port) as client:
        due = ScheduledSet(client, "due")
        past = time.time() - 1000
        due.update((f"item {i}" for i in range(num)), (past for _ in range(num)))
        results = context.SimpleQueue()
        started = context.Barrier(CONSUMERS)
        workers = [
            context.Process(target=_consume, args=(port, started, results))
            for _ in range(CONSUMERS)
        ]
        for worker in workers:
            worker.start()
        parts = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
    taken = [part[0] for part in parts]
    seconds = max(part[2] for part in parts) - min(part[1] for part in parts)
    detail = f"fewest {min(taken):,}, most {max(taken):,} of {num:,} items"
    return Result(
        f"take(100) of due items, {CONSUMERS} consumers", detail, num / seconds / 1000, unit=" k/s"
    )


def _consume(port: int, started: Any, results: Any) -> None:
    with redis.Redis(port=port) as client:
        due = ScheduledSet(client, "due")
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
    worst = quantiles(delays, n=100)[98] * 1000
    yield Result(name, f"99 of 100 within {worst:.2f} ms", median(delays) * 1000, unit=" ms")


def _wait(kind: type[SortedSet[str]], port: int, pipe: Any, times: int) -> None:
    with redis.Redis(port=port) as client:
        jobs = kind(client, "wake")
        for _ in range(times):
            pipe.send(None)
            jobs.pop(timeout=30)
            pipe.send(time.time())
