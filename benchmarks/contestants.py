"""How each library is driven, at the best settings that its documentation gives."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from redset import Claim, SortedSet, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Only some of them are needed, and in an environment of their own: see `peers`.
BATCH = 100


class Watch:
    """Times one phase, and counts the items that are worked off. Safe for threads."""

    current: Watch

    def __init__(
        self, num: int, ready: Callable[[], object], report: Callable[[tuple[float, ...]], object]
    ) -> None:
        self._num = num
        self._ready = ready
        self._report = report
        self._lock = threading.RLock()
        self._acknowledged = self._worked = 0
        self._is_over = False
        Watch.current = self

    def start(self) -> None:
        """Say that all is prepared, and begin when told to."""
        self._ready()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def work(self) -> None:
        """Note that an item is worked on."""
        with self._lock:
            self._worked += 1

    def acknowledge(self) -> None:
        """Note that an item was acknowledged; the last one ends the phase."""
        with self._lock:
            self._acknowledged += 1
            if self._acknowledged == self._num:
                self.stop()

    def stop(self) -> None:
        """Report wall time, CPU time and the items that were worked on; once."""
        with self._lock:
            wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            if not self._is_over:
                self._is_over = True
                self._report((wall, cpu, self._worked))


class Contestant(NamedTuple):
    """A way to get items through a server."""

    name: str
    num: int
    produce: Callable[[int, int, Watch], None]
    consume: Callable[[int, int, Watch], None]
    batched: bool = False
    limit: float | None = None


def work(_number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()


async def work_later(_number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()


async def work_in_context(_context: object, *, _number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()


# redis-py by hand, which is as fast as any of them can be, but keeps no item that was taken.


def by_hand_add(port: int, num: int, watch: Watch) -> None:
    with _client(port) as client:
        watch.start()
        for number in range(num):
            client.zadd("jobs", {f"item {number}": 0})
        watch.stop()


def by_hand_pop(port: int, _num: int, watch: Watch) -> None:
    with _client(port) as client:
        watch.start()
        while client.zpopmin("jobs"):
            watch.work()
        watch.stop()


def _client(port: int) -> redis.Redis:
    client = redis.Redis(port=port)
    client.ping()
    return client


# redset, on a backend with default settings.


@contextmanager
def _jobs(port: int) -> Iterator[SortedSet[str]]:
    with connect(f"redis://localhost:{port}") as backend:
        jobs = SortedSet(backend, "jobs")
        jobs.length()
        yield jobs


def redset_add(port: int, num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        for number in range(num):
            jobs.add(f"item {number}")
        watch.stop()


def redset_buffered(port: int, num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        with jobs.buffered() as buffer:
            for number in range(num):
                buffer.add(f"item {number}")
        watch.stop()


def redset_update(port: int, num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        jobs.update(f"item {number}" for number in range(num))
        watch.stop()


def redset_consume(port: int, _num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        for _claim in jobs.consume(timeout=0):
            watch.work()
        watch.stop()


def redset_prefetch(port: int, _num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        for _claim in jobs.consume(timeout=0, prefetch=BATCH):
            watch.work()
        watch.stop()


def redset_claims(port: int, _num: int, watch: Watch) -> None:
    with _jobs(port) as jobs:
        watch.start()
        claims: list[Claim[str]] = []
        while claims := jobs.claims(BATCH, done=claims):
            for _claim in claims:
                watch.work()
        watch.stop()


# rq: a SimpleWorker, which does not fork for every job, in burst mode, as in its notes on
# performance; no results, and no log line per job.


def rq_enqueue(port: int, num: int, watch: Watch) -> None:
    rq: Any = import_module("rq")
    with _client(port) as client:
        queue = rq.Queue(connection=client)
        watch.start()
        for number in range(num):
            queue.enqueue(work, number, result_ttl=0, description="work")
        watch.stop()


def rq_enqueue_many(port: int, num: int, watch: Watch) -> None:
    rq: Any = import_module("rq")
    with _client(port) as client:
        queue = rq.Queue(connection=client)
        watch.start()
        for start in range(0, num, BATCH):
            queue.enqueue_many(
                rq.Queue.prepare_data(work, (number,), result_ttl=0, description="work")
                for number in range(start, min(start + BATCH, num))
            )
        watch.stop()


def rq_work(port: int, _num: int, watch: Watch) -> None:
    rq: Any = import_module("rq")
    with _client(port) as client:
        worker = rq.SimpleWorker(
            [rq.Queue(connection=client)], connection=client, log_job_description=False
        )
        watch.start()
        worker.work(burst=True, logging_level="WARNING")
        watch.stop()


# huey: no results; two worker threads, of which one works while the other waits for a reply. It
# has no acknowledgement, nor a call that enqueues many.

HUEY_WORKERS = 2


def _huey(port: int) -> tuple[Any, Any]:
    huey = import_module("huey").RedisHuey("jobs", results=False, port=port)
    return huey, huey.task()(work)


def huey_enqueue(port: int, num: int, watch: Watch) -> None:
    huey, task = _huey(port)
    huey.storage.conn.ping()
    watch.start()
    for number in range(num):
        task(number)
    watch.stop()


def huey_work(port: int, _num: int, watch: Watch) -> None:
    huey, _ = _huey(port)
    logging.getLogger("huey").setLevel(logging.WARNING)
    huey.signal("complete")(lambda *_: watch.acknowledge())
    consumers: Any = import_module("huey.consumer").Consumer
    consumer = consumers(huey, workers=HUEY_WORKERS, periodic=False)
    watch.start()
    consumer.run()


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


# dramatiq: without its middleware, of which such tasks need none; two worker threads and a
# large prefetch, so that what a consumer fetches at once is much. It has no call that enqueues
# many.

DRAMATIQ_THREADS = 2
DRAMATIQ_PREFETCH = "1000"


def _dramatiq(port: int, *middleware: object) -> tuple[Any, Any]:
    dramatiq: Any = import_module("dramatiq")
    brokers = import_module("dramatiq.brokers.redis")
    broker = brokers.RedisBroker(port=port, middleware=middleware)
    dramatiq.set_broker(broker)
    return broker, dramatiq.actor(work)


def dramatiq_send(port: int, num: int, watch: Watch) -> None:
    broker, actor = _dramatiq(port)
    broker.client.ping()
    watch.start()
    for number in range(num):
        actor.send(number)
    watch.stop()


def dramatiq_work(port: int, _num: int, watch: Watch) -> None:
    os.environ["dramatiq_queue_prefetch"] = DRAMATIQ_PREFETCH  # noqa: SIM112  (its name)
    dramatiq: Any = import_module("dramatiq")
    counting = dramatiq.Middleware()
    counting.after_ack = lambda *_: watch.acknowledge()
    broker, _ = _dramatiq(port, counting)
    worker = dramatiq.Worker(broker, worker_threads=DRAMATIQ_THREADS)
    watch.start()
    worker.start()
    threading.Event().wait()


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


BY_HAND = Contestant("redis-py zadd, zpopmin", 5_000, by_hand_add, by_hand_pop)
OURS = [
    Contestant("redset add, consume", 5_000, redset_add, redset_consume),
    Contestant("redset buffered, prefetch", 20_000, redset_buffered, redset_prefetch, limit=3),
    Contestant("redset add, claims", 5_000, redset_add, redset_claims),
    Contestant("redset update, consume", 5_000, redset_update, redset_consume, batched=True),
    Contestant("redset update, claims", 50_000, redset_update, redset_claims, True, 10),
]
PEERS = [
    Contestant("rq", 500, rq_enqueue, rq_work),
    Contestant("rq enqueue_many", 500, rq_enqueue_many, rq_work, batched=True),
    Contestant("huey", 3_000, huey_enqueue, huey_work),
    Contestant("saq", 1_000, saq_enqueue, saq_work),
    Contestant("dramatiq", 3_000, dramatiq_send, dramatiq_work),
    Contestant("docket", 1_000, docket_add, docket_work),
    Contestant("docket add_many", 1_000, docket_add_many, docket_work, batched=True),
]
