"""Consumers of claims in several processes: what waiting costs, wake-up, fairness."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import contextmanager
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.consumers import waits
from benchmarks.harness import Result
from redset import ScheduledSet, SortedSet
from tests.support.servers import wait_until
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.servers import Server

CONSUMERS = 8
KINDS: list[type[SortedSet[str]]] = [SortedSet, ScheduledSet]


def run(server: Server, *, quick: bool) -> Iterator[Result]:
    """Count what idle consumers send, time how they wake, and see who gets how much."""
    for kind in KINDS:
        yield _idle(server, kind, 4 if quick else 10)
    for kind in KINDS:
        for how in (_claims, _consumed):
            yield from _wake(server, kind, how, 100 if quick else 500)
    yield _foreign(server, 3 if quick else 10)
    yield _due(server, 5 if quick else 30)
    num = 1_000 if quick else 10_000
    yield _share(server, num, idle=False)
    yield _share(server, num, idle=True)


def _idle(server: Server, kind: type[SortedSet[str]], seconds: int) -> Result:
    with _consumer(server, kind, _consumed):
        sent = ("cmdstat_eval", "cmdstat_evalsha", "cmdstat_blpop")
        before = _calls(server, sent)
        time.sleep(seconds)
        counts = [after - calls for after, calls in zip(_calls(server, sent), before, strict=True)]
    detail = f"{counts[0] + counts[1]} scripts and {counts[2]} BLPOP in {seconds} s"
    name = f"{kind.__name__}: commands of idle consume"
    return Result(name, detail, sum(counts) / seconds, 3, unit="/s")


def _calls(server: Server, commands: Sequence[str]) -> list[int]:
    stats = pairs(server.call("INFO", "commandstats"))
    return [
        int(stats.get(command, "calls=0").split(",")[0].removeprefix("calls="))
        for command in commands
    ]


def _wake(
    server: Server, kind: type[SortedSet[str]], how: Callable[..., None], times: int
) -> Iterator[Result]:
    delays: list[float] = []
    with _consumer(server, kind, how) as (jobs, _, pipe):
        for number in range(times):
            _until_idle(server, 1)
            began = time.time()
            jobs.add(f"item {number}")
            delays.append(pipe.recv() - began)
    way = "claim" if how is _claims else "consume"
    yield from waits(f"{kind.__name__}: add wakes {way}", f"{kind.__name__}: {way}", delays)


def _foreign(server: Server, times: int) -> Result:
    delays: list[float] = []
    with _consumer(server, SortedSet, _consumed) as (jobs, client, pipe):
        for number in range(times):
            _until_idle(server, 1)
            time.sleep(random.random())
            began = time.time()
            client.zadd(jobs.name, {f"item {number}": 0})
            delays.append(pipe.recv() - began)
    detail = f"worst of {times}, median {median(delays):.2f} s"
    return Result("plain zadd is noticed by consume", detail, max(delays), 1.2, unit=" s")


def _due(server: Server, times: int) -> Result:
    delays: list[float] = []
    with _consumer(server, ScheduledSet, _consumed) as (jobs, _, pipe):
        for number in range(times):
            _until_idle(server, 1)
            due = time.time() + random.uniform(0.05, 1)
            jobs.add(f"item {number}", due)
            delays.append(pipe.recv() - due)
    late, worst = quantiles(delays, n=20, method="inclusive")[18] * 1000, max(delays) * 1000
    detail = f"median {median(delays) * 1000:.1f} ms, worst {worst:.1f} ms"
    name = "ScheduledSet: due to consume, 95 of 100"
    return Result(name, detail, late, 20, unit=" ms")


def _share(server: Server, num: int, *, idle: bool) -> Result:
    """Give items one by one to consumers; either at full speed, or to idle ones."""
    context = multiprocessing.get_context("spawn")
    results, done = context.SimpleQueue(), context.Event()
    name = f"shares {idle}"
    workers = [
        context.Process(target=_count, args=(server.port, name, results, done))
        for _ in range(CONSUMERS)
    ]
    for worker in workers:
        worker.start()
    with redis.Redis(port=server.port) as client:
        jobs = SortedSet(client, name)
        _until_idle(server, CONSUMERS)
        for i in range(num):
            if idle:
                _until_idle(server, CONSUMERS)
            jobs.add(f"item {i}")
        wait_until(lambda: not any((jobs.stats().pending, jobs.stats().claimed)), "all is done")
    done.set()
    taken = sorted(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    assert sum(taken) == num
    share = num / CONSUMERS
    detail = f"fewest {taken[0]:,}, most {taken[-1]:,} of {num:,} items"
    way = "idle" if idle else "busy"
    return Result(f"most / mean share of {CONSUMERS} {way} consumers", detail, taken[-1] / share, 2)


def _count(port: int, name: str, results: Any, done: Any) -> None:
    taken = 0
    with redis.Redis(port=port) as client:
        jobs = SortedSet(client, name)
        while not done.is_set():
            for _ in jobs.consume(timeout=1):
                taken += 1
    results.put(taken)


@contextmanager
def _consumer(
    server: Server, kind: type[SortedSet[str]], how: Callable[..., None]
) -> Iterator[tuple[SortedSet[str], redis.Redis, Any]]:
    """Start a process that waits for items, and tells when it gets one."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    name = f"{kind.__name__} {how.__name__}"
    worker = context.Process(target=how, args=(server.port, kind, name, there))
    worker.start()
    with redis.Redis(port=server.port) as client:
        jobs = kind(client, name)
        _until_idle(server, 1)
        yield jobs, client, here
        jobs.add("stop")
        worker.join()


def _consumed(port: int, kind: type[SortedSet[str]], name: str, pipe: Any) -> None:
    with redis.Redis(port=port) as client:
        for claim in kind(client, name).consume():
            pipe.send(time.time())
            if claim.item == "stop":
                claim.ack()
                break


def _claims(port: int, kind: type[SortedSet[str]], name: str, pipe: Any) -> None:
    with redis.Redis(port=port) as client:
        jobs = kind(client, name)
        item = ""
        while item != "stop":
            with jobs.claim(timeout=30) as claim:
                pipe.send(time.time())
                item = claim.item


def _until_idle(server: Server, consumers: int) -> None:
    """Return when so many consumers wait in a blocking command."""
    wait_until(
        lambda: pairs(server.call("INFO", "clients"))["blocked_clients"] == str(consumers),
        "the consumers wait",
    )
