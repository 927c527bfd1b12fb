"""How each blocking library is driven, at the best settings that its documentation gives."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.watch import Contestant, Watch, work
from redset import Claim, SortedSet, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

# Only some of them are needed, and in an environment of their own: see `peers`.
BATCH = 100


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


BY_HAND = Contestant("redis-py zadd, zpopmin", 5_000, by_hand_add, by_hand_pop)
OURS = [
    Contestant("redset add, consume", 5_000, redset_add, redset_consume),
    Contestant("redset buffered, prefetch", 20_000, redset_buffered, redset_prefetch, limit=3),
    Contestant("redset add, prefetch", 5_000, redset_add, redset_prefetch, limit=3),
    Contestant("redset update, consume", 5_000, redset_update, redset_consume, batched=True),
    Contestant("redset update, claims", 50_000, redset_update, redset_claims, True, 10),
]
PEERS = [
    Contestant("rq", 500, rq_enqueue, rq_work),
    Contestant("rq enqueue_many", 500, rq_enqueue_many, rq_work, batched=True),
    Contestant("huey", 3_000, huey_enqueue, huey_work),
    Contestant("dramatiq", 3_000, dramatiq_send, dramatiq_work),
]
