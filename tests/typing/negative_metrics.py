"""Wrong uses of metrics and traces. What is not marked is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from redset import AsyncSortedSet, SortedSet, TTLSet
from redset.metrics import AsyncInstrumented, Instrumented, instrument
from redset.metrics.opentelemetry import OpenTelemetryRecorder, TracedSerializer, producer_of
from redset.metrics.prometheus import PrometheusRecorder, SetCollector

if TYPE_CHECKING:
    from redset import Claim
    from redset.backends import AsyncMemoryBackend, MemoryBackend
    from redset.metrics import Recorder, Work


class Deaf:
    """No recorder: it is told of nothing."""


def instrumenting(memory: MemoryBackend, later: AsyncMemoryBackend, recorder: Recorder) -> None:
    instrument(memory, recorder)
    instrument(memory)  # wrong: no recorder
    instrument(memory, Deaf())  # wrong: no recorder
    instrument(memory, PrometheusRecorder)  # wrong: the class, not an object
    instrument("memory://", recorder)  # wrong: a URL
    instrument(redis.Redis(), recorder)  # wrong: a client
    instrument(memory, recorder, str.lower)  # wrong: keyword only
    instrument(memory, recorder, label="jobs")  # wrong: a label for all
    instrument(memory, recorder, label=len)  # wrong: labels are text
    instrument(memory, recorder, timed=1)  # wrong: a number
    one: AsyncInstrumented = instrument(memory, recorder)  # wrong: a blocking one
    two: Instrumented = instrument(later, recorder)  # wrong: an asyncio one
    SortedSet(instrument(later, recorder), "n")  # wrong: an asyncio one
    AsyncSortedSet(instrument(memory, recorder), "n")  # wrong: a blocking one
    repr((one, two))


def prometheus(jobs: SortedSet[int], later: AsyncSortedSet[int], seen: TTLSet[int]) -> None:
    PrometheusRecorder("registry")  # wrong: no registry
    PrometheusRecorder(None, [1.0])  # wrong: keyword only
    PrometheusRecorder(call_buckets=1.0)  # wrong: one bucket
    SetCollector(jobs, later)  # wrong: an asyncio set
    SetCollector(seen)  # wrong: nothing is counted in it
    SetCollector("jobs")  # wrong: a name
    SetCollector([jobs])  # wrong: a list


def opentelemetry(recorder: OpenTelemetryRecorder, claim: Claim[int], work: Work) -> None:
    OpenTelemetryRecorder("tests")  # wrong: no provider
    with recorder.working_on(claim):
        pass
    recorder.working_on(claim.item)  # wrong: an item
    recorder.working_on(work)  # wrong: no claim
    producer_of("payload")  # wrong: str
    print(producer_of(b"").trace_id)  # wrong: may be None


class NumberSerializer:
    def dumps(self, item: int) -> str:
        return str(item)

    def loads(self, data: bytes) -> int:
        return int(data)


def traces(memory: MemoryBackend) -> None:
    TracedSerializer()  # wrong: no serializer
    TracedSerializer(str)  # wrong: no serializer
    TracedSerializer(NumberSerializer).dumps(1)  # wrong: the class, not an object
    serializer = TracedSerializer(NumberSerializer())
    serializer.dumps("1")  # wrong: int
    one: str = serializer.loads(b"1")  # wrong: int
    numbers = SortedSet(memory, "n", serializer=serializer, key=str)
    numbers.add("1")  # wrong: int
    repr(one)
