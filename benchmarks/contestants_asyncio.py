"""How each asyncio library is driven, at the best settings that its documentation gives."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.watch import Contestant, Watch, work_in_context, work_later
from redset import AsyncClaim, AsyncSortedSet, connect_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BATCH = 100
TASKS = 50


# redset: as many tasks add as saq's own benchmark has. An event loop works for all of them, so one
# consumer is enough where nothing is done.

PRODUCERS = 20


def _with_jobs(work: Callable[[AsyncSortedSet[str]], Awaitable[None]], port: int) -> None:
    async def main() -> None:
        async with connect_async(f"redis://localhost:{port}") as backend:
            jobs = AsyncSortedSet(backend, "jobs")
            await jobs.length()
            await work(jobs)

    asyncio.run(main())


def redset_add(port: int, num: int, watch: Watch) -> None:
    async def produce(jobs: AsyncSortedSet[str]) -> None:
        numbers = iter(range(num))

        async def some() -> None:
            for number in numbers:
                await jobs.add(f"item {number}")

        watch.start()
        await asyncio.gather(*(some() for _ in range(PRODUCERS)))
        watch.stop()

    _with_jobs(produce, port)


def redset_buffered(port: int, num: int, watch: Watch) -> None:
    async def produce(jobs: AsyncSortedSet[str]) -> None:
        numbers = iter(range(num))
        async with jobs.buffered() as buffer:

            async def some() -> None:
                for number in numbers:
                    await buffer.add(f"item {number}")

            watch.start()
            await asyncio.gather(*(some() for _ in range(BATCH)))
        watch.stop()

    _with_jobs(produce, port)


def redset_update(port: int, num: int, watch: Watch) -> None:
    async def produce(jobs: AsyncSortedSet[str]) -> None:
        watch.start()
        await jobs.update(f"item {number}" for number in range(num))
        watch.stop()

    _with_jobs(produce, port)


def redset_prefetch(port: int, _num: int, watch: Watch) -> None:
    async def consume(jobs: AsyncSortedSet[str]) -> None:
        watch.start()
        async for _claim in jobs.consume(timeout=0, prefetch=BATCH):
            watch.work()
        watch.stop()

    _with_jobs(consume, port)


def redset_claims(port: int, _num: int, watch: Watch) -> None:
    async def consume(jobs: AsyncSortedSet[str]) -> None:
        watch.start()
        claims: list[AsyncClaim[str]] = []
        while claims := await jobs.claims(BATCH, done=claims):
            for _claim in claims:
                watch.work()
        watch.stop()

    _with_jobs(consume, port)


# saq: 20 jobs are enqueued at a time, as in its own benchmark, and 50 worked off; nothing is
# kept of a job that is done. It has no call that enqueues many.

SAQ_PRODUCERS = 20
SAQ_WORKERS = 50


def _saq(port: int) -> Any:
    logging.getLogger("saq").setLevel(logging.CRITICAL)
    return import_module("saq").Queue.from_url(f"redis://127.0.0.1:{port}")


def saq_enqueue(port: int, num: int, watch: Watch) -> None:
    async def produce() -> None:
        queue = _saq(port)
        await queue.connect()
        numbers = iter(range(num))

        async def some() -> None:
            for number in numbers:
                await queue.enqueue("work_in_context", _number=number, ttl=-1)

        watch.start()
        await asyncio.gather(*(some() for _ in range(SAQ_PRODUCERS)))
        watch.stop()

    asyncio.run(produce())


def saq_work(port: int, _num: int, watch: Watch) -> None:
    async def after(_context: object) -> None:
        watch.acknowledge()

    async def consume() -> None:
        queue = _saq(port)
        await queue.connect()
        workers: Any = import_module("saq").Worker
        worker = workers(queue, [work_in_context], concurrency=SAQ_WORKERS, after_process=after)
        watch.start()
        await worker.start()

    asyncio.run(consume())


# docket: execution_ttl=0, which is for the highest throughput, and connections for all tasks at
# a time. A worker whose places are taken looks again after its minimum_check_interval, so that
# is short; more places than 50 cost it more than they bring.

DOCKET_TASKS = 50


def _docket(port: int) -> Any:
    logging.getLogger("docket").setLevel(logging.WARNING)
    url = f"redis://127.0.0.1:{port}/0?max_connections={2 * DOCKET_TASKS}"
    return import_module("docket").Docket("jobs", url=url, execution_ttl=timedelta(0))


def docket_add(port: int, num: int, watch: Watch) -> None:
    async def produce() -> None:
        async with _docket(port) as docket:
            docket.register(work_later)
            watch.start()
            for number in range(num):
                await docket.add(work_later)(number)
            watch.stop()

    asyncio.run(produce())


def docket_add_many(port: int, num: int, watch: Watch) -> None:
    async def produce() -> None:
        async with _docket(port) as docket:
            docket.register(work_later)
            watch.start()
            await docket.add_many(docket.call(work_later)(number) for number in range(num))
            watch.stop()

    asyncio.run(produce())


def docket_work(port: int, _num: int, watch: Watch) -> None:
    async def consume() -> None:
        async with _docket(port) as docket:
            docket.register(work_later)
            workers: Any = import_module("docket").Worker
            often = timedelta(milliseconds=10)
            async with workers(
                docket, concurrency=DOCKET_TASKS, minimum_check_interval=often
            ) as worker:
                watch.start()
                await worker.run_until_finished()
                watch.stop()

    asyncio.run(consume())


# streaq: nothing is kept of a task that is done, and no line logged; as many tasks at a time as
# in its own benchmark. It enqueues many in one pipeline.

STREAQ_TASKS = 32


def _streaq(port: int) -> tuple[Any, Any]:
    logging.getLogger("streaq").setLevel(logging.WARNING)
    workers: Any = import_module("streaq").Worker
    worker = workers(f"redis://127.0.0.1:{port}", concurrency=STREAQ_TASKS, handle_signals=False)
    return worker, worker.task(ttl=0, silent=True)(work_later)


def streaq_enqueue(port: int, num: int, watch: Watch) -> None:
    async def produce() -> None:
        worker, task = _streaq(port)
        numbers = iter(range(num))

        async def some() -> None:
            for number in numbers:
                await task.enqueue(number)

        async with worker:
            watch.start()
            await asyncio.gather(*(some() for _ in range(STREAQ_TASKS)))
            watch.stop()

    asyncio.run(produce())


def streaq_enqueue_many(port: int, num: int, watch: Watch) -> None:
    async def produce() -> None:
        worker, task = _streaq(port)
        async with worker:
            watch.start()
            await worker.enqueue_many([task.enqueue(number) for number in range(num)])
            watch.stop()

    asyncio.run(produce())


def streaq_work(port: int, _num: int, watch: Watch) -> None:
    async def consume() -> None:
        worker, _ = _streaq(port)
        worker.burst = True
        watch.start()
        await worker.run_async()
        watch.stop()

    asyncio.run(consume())


OURS = [
    Contestant("redset asyncio add, prefetch", 5_000, redset_add, redset_prefetch, limit=3),
    Contestant(
        "redset asyncio buffered, prefetch", 20_000, redset_buffered, redset_prefetch, limit=3
    ),
    Contestant("redset asyncio update, claims", 50_000, redset_update, redset_claims, True, 10),
]
PEERS = [
    Contestant("saq", 1_000, saq_enqueue, saq_work),
    Contestant("docket", 1_000, docket_add, docket_work),
    Contestant("docket add_many", 1_000, docket_add_many, docket_work, batched=True),
    Contestant("streaq", 1_000, streaq_enqueue, streaq_work),
    Contestant("streaq enqueue_many", 1_000, streaq_enqueue_many, streaq_work, batched=True),
]
