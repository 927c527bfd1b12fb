"""Claims: what they cost beside ``ZPOPMIN``, how fast and how fairly waiting consumers get them."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, cast

import redis
import redis.asyncio

from benchmarks import claimers
from benchmarks.harness import Result, apart, microseconds, race
from redset import AsyncSortedSet, Claim, SortedSet, connect, connect_async
from redset.backends import MemoryBackend
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 500
BATCH = 100


def run(*, quick: bool) -> Iterator[Result]:
    """Compare claims with commands written by hand, then look at consumers that wait."""
    rounds = 10 if quick else 25
    with Server() as server, apart(server):
        for how in ("connect", "client"):
            yield from _single(server.port, rounds, how)
            yield from _batches(server.port, rounds, how)
        yield from _asyncio(server.port, rounds)
    yield _memory(rounds)
    with Server() as server:
        yield from claimers.run(server, quick=quick)


@contextmanager
def _opened(port: int, how: str) -> Iterator[tuple[redis.Redis, SortedSet[str]]]:
    """Give a client, and a set that is opened by ``connect``, or lent that client."""
    with redis.Redis(port=port) as client:
        if how == "client":
            yield client, SortedSet(client, "jobs")
        else:
            with connect(f"redis://localhost:{port}") as backend:
                yield client, SortedSet(backend, "jobs")


def _single(port: int, rounds: int, how: str) -> Iterator[Result]:
    with _opened(port, how) as (client, jobs):
        jobs.update(f"item {i}" for i in range(CALLS * 3 * (rounds + 1)))

        def by_hand() -> None:
            for _ in range(CALLS):
                client.zpopmin("jobs")

        def claim() -> None:
            for _ in range(CALLS):
                jobs.claim().ack()

        def consume() -> None:
            for done, claim in enumerate(jobs.consume(), 1):
                if done == CALLS:
                    claim.ack()
                    break

        costs = race(
            {"by hand": by_hand, "claim and ack": claim, "consume": consume},
            rounds=rounds,
            clock=time.perf_counter,
        )
    least = (0.4, 0.8) if how == "connect" else (None, None)
    yield _beside(f"{how}: claim and ack / zpopmin, items/s", costs, "claim and ack", least[0])
    yield _beside(f"{how}: consume / zpopmin, items/s", costs, "consume", least[1])


def _batches(port: int, rounds: int, how: str) -> Iterator[Result]:
    num = 20 * CALLS
    with _opened(port, how) as (client, jobs):
        jobs.update(f"item {i}" for i in range(num * 3 * (rounds + 1)))

        def by_hand() -> None:
            for _ in range(num // BATCH):
                popped = cast("list[tuple[bytes, float]]", client.zpopmin("jobs", BATCH))
                [str(member, "utf-8") for member, _ in popped]

        def ack_all() -> None:
            for _ in range(num // BATCH):
                jobs.ack_all(jobs.claims(BATCH))

        def done() -> None:
            claims: list[Claim[str]] = []
            for _ in range(num // BATCH):
                claims = jobs.claims(BATCH, done=claims)
            jobs.ack_all(claims)

        costs = race(
            {"by hand": by_hand, "ack_all": ack_all, "done": done},
            rounds=rounds,
            clock=time.perf_counter,
        )
    for ours, call in (("ack_all", "claims({}), ack_all"), ("done", "claims({}, done=…)")):
        name = f"{how}: {call.format(BATCH)} / zpopmin, items/s"
        yield _beside(name, costs, ours, 0.25 if how == "connect" else None, num)


def _asyncio(port: int, rounds: int) -> Iterator[Result]:
    client = redis.asyncio.Redis(port=port)
    backend = connect_async(f"redis://localhost:{port}")
    jobs = AsyncSortedSet(backend, "jobs")

    async def by_hand() -> None:
        for _ in range(CALLS):
            await client.zpopmin("jobs")

    async def claim() -> None:
        for _ in range(CALLS):
            await (await jobs.claim()).ack()

    async def consume() -> None:
        done = 0
        async with aclosing(jobs.consume()) as claims:
            async for claim in claims:
                done += 1
                if done == CALLS:
                    await claim.ack()
                    break

    with asyncio.Runner() as runner:
        runner.run(jobs.update(f"item {i}" for i in range(CALLS * 3 * (rounds + 1))))
        costs = race(
            {
                "by hand": lambda: runner.run(by_hand()),
                "claim and ack": lambda: runner.run(claim()),
                "consume": lambda: runner.run(consume()),
            },
            rounds=rounds,
            clock=time.perf_counter,
        )
        runner.run(backend.close())
        runner.run(client.aclose())
    for name in ("claim and ack", "consume"):
        yield _beside(f"connect_async: {name} / zpopmin, items/s", costs, name, None)


def _memory(rounds: int) -> Result:
    jobs = SortedSet(MemoryBackend(), "jobs")
    items = [f"item {i}" for i in range(CALLS)]

    def pop() -> None:
        for item in items:
            jobs.add(item)
        for _ in items:
            jobs.pop()

    def claim() -> None:
        for item in items:
            jobs.add(item)
        for _ in items:
            jobs.claim().ack()

    costs = race({"pop": pop, "claim": claim}, rounds=rounds)
    detail = " / ".join(microseconds(costs[name], CALLS) for name in ("claim", "pop"))
    return Result("memory: add, claim, ack / add, pop", detail, costs["claim"] / costs["pop"], 5)


def _beside(
    name: str, costs: dict[str, float], ours: str, limit: float | None, num: int = CALLS
) -> Result:
    """Compare items per second with those of commands written by hand."""
    detail = " / ".join(f"{num / costs[each]:,.0f}/s" for each in (ours, "by hand"))
    return Result(name, detail, costs["by hand"] / costs[ours], limit, at_least=True)
