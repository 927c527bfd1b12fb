"""What can be instrumented, who can be told, and what can be counted."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, assert_type

from prometheus_client import REGISTRY, CollectorRegistry

from redset import (
    AsyncClaim,
    AsyncShardedSet,
    AsyncSortedSet,
    Claim,
    ScheduledSet,
    ShardedSet,
    SortedSet,
    TimeSortedSet,
    connect,
    connect_async,
)
from redset.metrics import (
    AsyncInstrumented,
    AsyncShardableInstrumented,
    Instrumented,
    ShardableInstrumented,
    instrument,
)
from redset.metrics.opentelemetry import OpenTelemetryRecorder, TracedSerializer, producer_of
from redset.metrics.prometheus import PrometheusRecorder, SetCollector

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opentelemetry.trace import SpanContext

    from redset.backends import MemoryBackend, RedisBackend
    from redset.interfaces import (
        AsyncBackend,
        Backend,
        Lease,
        Payload,
        Serializer,
        ShardableBackend,
    )
    from redset.metrics import Outcome, Recorder, Work, WorkInProgress


class Task:
    url = "/"


class TaskSerializer:
    def dumps(self, item: Task) -> str:
        return item.url

    def loads(self, data: bytes) -> Task:
        task = Task()
        task.url = data.decode()
        return task


class Quiet:
    """A recorder that subclasses nothing."""

    def watch(self, work: WorkInProgress) -> None:
        assert_type(work.running(), list[tuple[str, float]])

    def call(self, label: str, operation: str, count: int | None) -> AbstractContextManager[object]:
        return nullcontext((label, operation, count))

    def added(self, label: str, given: int, new: int) -> None: ...

    def taken(self, label: str, num: int) -> None: ...

    def waited(self, label: str, seconds: float) -> None: ...

    def began(self, work: Work, lease: Lease) -> None:
        assert_type(work.hold, tuple[bytes, int])
        assert_type(lease.attempt, int)

    def ended(self, work: Work, outcome: Outcome, seconds: float) -> None:
        print(work.label, outcome.value.upper(), seconds)

    def buried(self, label: str, num: int, dropped: int) -> None: ...


def recorders(registry: CollectorRegistry) -> list[Recorder]:
    return [
        Quiet(),
        PrometheusRecorder(),
        PrometheusRecorder(registry),
        PrometheusRecorder(REGISTRY, call_buckets=[0.1, 1], work_buckets=(1, 2.5)),
        OpenTelemetryRecorder(),
        OpenTelemetryRecorder(None, None),
    ]


def blocking(
    memory: MemoryBackend, server: RedisBackend, backend: Backend, recorder: Recorder, url: str
) -> Backend:
    assert_type(instrument(memory, recorder), ShardableInstrumented)
    assert_type(instrument(server, recorder), ShardableInstrumented)
    assert_type(instrument(backend, recorder), Instrumented)
    assert_type(instrument(connect(url), recorder), ShardableInstrumented)
    store = instrument(memory, recorder, label=str.lower, timed={"news"})
    assert_type(SortedSet(store, "jobs"), SortedSet[str])
    with store as opened:
        assert_type(opened, ShardableInstrumented)
    assert_type(instrument(store, Quiet()), ShardableInstrumented)
    assert_type(instrument(instrument(backend, recorder), Quiet()), Instrumented)
    assert_type(ShardedSet(store, "jobs"), ShardedSet[str])
    return store


def asyncio(backend: AsyncBackend, recorder: Recorder, url: str) -> AsyncBackend:
    assert_type(instrument(backend, recorder), AsyncInstrumented)
    # Not asserted of this one: with a lambda, zuban says Any.
    instrument(backend, recorder, label=lambda name: name[:3])
    store = instrument(connect_async(url), recorder, label=str.lower, timed=["a", "b"])
    assert_type(store, AsyncShardableInstrumented)
    assert_type(AsyncSortedSet(store, "jobs"), AsyncSortedSet[str])
    assert_type(AsyncShardedSet(store, "jobs"), AsyncShardedSet[str])
    return store


def views(
    store: Instrumented,
    later: AsyncInstrumented,
    payload: Payload,
    shardable: ShardableInstrumented,
) -> ShardableBackend:
    assert_type(store.keyed(payload), Instrumented)
    assert_type(later.keyed(payload), AsyncInstrumented)
    assert_type(shardable.keyed(payload), ShardableInstrumented)
    return shardable


def collecting(
    jobs: SortedSet[Task], polls: ScheduledSet[int], news: TimeSortedSet[str]
) -> SetCollector:
    SetCollector()
    return SetCollector(jobs, polls, news)


def working(recorder: OpenTelemetryRecorder, claim: Claim[Task], later: AsyncClaim[Task]) -> None:
    with recorder.working_on(claim), recorder.working_on(later):
        pass


def traces(memory: MemoryBackend, payload: bytes) -> None:
    serializer = TracedSerializer(TaskSerializer())
    assert_type(serializer, TracedSerializer[Task])
    kept: Serializer[Task] = serializer
    tasks = SortedSet(memory, "tasks", serializer=kept, key=lambda task: task.url)
    assert_type(tasks, SortedSet[Task])
    assert_type(
        SortedSet(memory, "tasks", serializer=serializer, key=lambda task: task.url),
        SortedSet[Task],
    )
    producer: SpanContext | None = producer_of(payload)
    if producer is not None:
        assert_type(producer.trace_id, int)
