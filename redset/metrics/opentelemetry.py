"""Traces and metrics for OpenTelemetry.

`OpenTelemetryRecorder` makes a span of each call of a backend that `instrument` has wrapped, and
one of the work on each claim. `TracedSerializer` lets a keyed item carry the trace of its producer
to its consumer. Both need ``redset[opentelemetry]``, which is the API alone: without an SDK that
is set up, they do nothing. Names and attributes are those of OpenTelemetry's conventions for
messaging, as far as these go. ``docs/metrics.md`` has them all.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from redset.exceptions import MissingDependencyError
from redset.interfaces import KeyedMember

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import Link, SpanKind, Status, StatusCode
except ImportError as error:
    _message = (
        "redset.metrics.opentelemetry needs opentelemetry-api: pip install 'redset[opentelemetry]'"
    )
    raise MissingDependencyError(_message) from error

from redset.metrics._buckets import CALL_BUCKETS, WORK_BUCKETS
from redset.metrics._tracing import TracedSerializer, producer_of
from redset.metrics._work import Outcome

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from contextlib import AbstractContextManager

    from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation
    from opentelemetry.trace import Span, TracerProvider

    from redset._async.claims import AsyncClaim
    from redset._sync.claims import Claim
    from redset.interfaces import Hold, Lease
    from redset.metrics._work import Work, WorkInProgress

__all__ = ["OpenTelemetryRecorder", "TracedSerializer", "producer_of"]

# What calls are by the conventions for messaging. All others are of no such type.
_TYPES: Final = {
    **dict.fromkeys(("add", "schedule", "remember"), "send"),
    **dict.fromkeys(("pop", "wait_pop", "pop_into", "pop_any", "claim", "wait_claim"), "receive"),
    **dict.fromkeys(("acknowledge", "release", "reject"), "settle"),
}
_DONE: Final = (Outcome.ACKNOWLEDGED, Outcome.RESCHEDULED)


class OpenTelemetryRecorder:
    """Makes spans and metrics of what this process does with the backends that tell it.

    Args:
        tracer_provider: where spans go; the global one by default.
        meter_provider: where metrics go; the global one by default.

    >>> from redset import SortedSet, connect
    >>> from redset.metrics import instrument
    >>> recorder = OpenTelemetryRecorder()
    >>> jobs = SortedSet(instrument(connect("memory://"), recorder), "jobs")
    >>> jobs.add("sweep the floor")
    0.0
    >>> with jobs.claim() as claim, recorder.working_on(claim):
    ...     claim.item  # what is done here is part of the span "process jobs"
    'sweep the floor'
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("redset", tracer_provider=tracer_provider)
        self._watched: WeakSet[WorkInProgress] = WeakSet()
        # What is forgotten with its store, or by it, is forgotten here.
        self._spans: WeakKeyDictionary[Work, Span] = WeakKeyDictionary()
        self._works: WeakValueDictionary[Hold, Work] = WeakValueDictionary()
        meter = metrics.get_meter("redset", meter_provider=meter_provider)

        def histogram(name: str, buckets: Sequence[float]) -> Histogram:
            return meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=buckets)

        self._calls = histogram("messaging.client.operation.duration", CALL_BUCKETS)
        self._sent = meter.create_counter("messaging.client.sent.messages", "{message}")
        self._consumed = meter.create_counter("messaging.client.consumed.messages", "{message}")
        self._work = histogram("messaging.process.duration", WORK_BUCKETS)
        self._new = meter.create_counter("redset.new_items", "{item}")
        self._retries = meter.create_counter("redset.retries", "{claim}")
        self._ended = meter.create_counter("redset.claims_ended", "{claim}")
        self._waits = histogram("redset.queue.duration", WORK_BUCKETS)
        self._buried = meter.create_counter("redset.dead_letters", "{item}")
        self._dropped = meter.create_counter("redset.dead_letters_dropped", "{item}")
        meter.create_observable_gauge("redset.unfinished_work", [self._unfinished], "s")
        meter.create_observable_gauge("redset.longest_running", [self._longest], "s")

    def working_on(
        self, claim: Claim[object] | AsyncClaim[object]
    ) -> AbstractContextManager[object]:
        """Return a context manager in which the span of a claim's work is the current one.

        So what is called in there, such as a client that makes spans of its own, is part of it.

        Args:
            claim: the claim. Of one that this recorder was not told of, or that has ended,
                there is no span, and nothing is done.
        """
        work = self._works.get(claim.hold)
        span = None if work is None else self._spans.get(work)
        return nullcontext() if span is None else trace.use_span(span)

    def watch(self, work: WorkInProgress) -> None:
        """See `Recorder.watch`."""
        self._watched.add(work)

    @contextmanager
    def call(self, label: str, operation: str, count: int | None) -> Generator[None, None, None]:
        """See `Recorder.call`. Makes a span of kind client."""
        attributes = _attributes(label, operation, _TYPES.get(operation))
        details = attributes if count is None else _batch(attributes, count)
        began = time.perf_counter()
        with self._tracer.start_as_current_span(
            f"{operation} {label}", kind=SpanKind.CLIENT, attributes=details
        ) as span:
            try:
                yield
            except Exception as error:
                attributes["error.type"] = type(error).__qualname__
                span.set_attribute("error.type", attributes["error.type"])
                raise
            finally:
                self._calls.record(time.perf_counter() - began, attributes)

    def added(self, label: str, given: int, new: int) -> None:
        """See `Recorder.added`."""
        self._sent.add(given, _attributes(label, "add", "send"))
        self._new.add(new, _destination(label))

    def taken(self, label: str, num: int) -> None:
        """See `Recorder.taken`."""
        self._consumed.add(num, _attributes(label, "pop", "receive"))

    def waited(self, label: str, seconds: float) -> None:
        """See `Recorder.waited`."""
        self._waits.record(seconds, _destination(label))

    def began(self, work: Work, lease: Lease) -> None:
        """See `Recorder.began`. Begins a span of kind consumer, linked to the producer's."""
        self._consumed.add(1, _attributes(work.label, "claim", "receive"))
        if lease.attempt > 1:
            self._retries.add(1, _destination(work.label))
        attributes: dict[str, str | int] = {
            **_attributes(work.label, "process", "process"),
            "redset.attempt": lease.attempt,
            "redset.token": lease.token,
        }
        self._works[work.hold] = work
        self._spans[work] = self._tracer.start_span(
            f"process {work.label}",
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=_links(lease.member),
        )

    def ended(self, work: Work, outcome: Outcome, seconds: float) -> None:
        """See `Recorder.ended`. Ends the span; it is in error if the work was not done."""
        self._ended.add(1, {**_destination(work.label), "redset.outcome": outcome.value})
        attributes = _attributes(work.label, "process", "process")
        if outcome not in _DONE:
            attributes["error.type"] = outcome.value
        if outcome is not Outcome.LOST:
            self._work.record(seconds, attributes)
        span = self._spans.pop(work)
        span.set_attribute("redset.outcome", outcome.value)
        if outcome not in _DONE:
            span.set_attribute("error.type", outcome.value)
            span.set_status(Status(StatusCode.ERROR, outcome.value))
        span.end()

    def buried(self, label: str, num: int, dropped: int) -> None:
        """See `Recorder.buried`."""
        self._buried.add(num, _destination(label))
        self._dropped.add(dropped, _destination(label))

    # Parts

    def _unfinished(self, _: CallbackOptions) -> Iterable[Observation]:
        for label, ages in self._running().items():
            yield metrics.Observation(sum(ages), _destination(label))

    def _longest(self, _: CallbackOptions) -> Iterable[Observation]:
        for label, ages in self._running().items():
            yield metrics.Observation(max(ages), _destination(label))

    def _running(self) -> dict[str, list[float]]:
        ages: dict[str, list[float]] = {}
        for work in list(self._watched):
            for label, seconds in work.running():
                ages.setdefault(label, []).append(seconds)
        return ages


def _destination(label: str) -> dict[str, str]:
    return {"messaging.system": "redset", "messaging.destination.name": label}


def _attributes(label: str, operation: str, kind: str | None) -> dict[str, str]:
    attributes = {**_destination(label), "messaging.operation.name": operation}
    if kind is not None:
        attributes["messaging.operation.type"] = kind
    return attributes


def _batch(attributes: dict[str, str], count: int) -> dict[str, str | int]:
    return {**attributes, "messaging.batch.message_count": count}


def _links(member: bytes) -> list[Link]:
    payload = member.payload if isinstance(member, KeyedMember) else None
    context = None if payload is None else producer_of(payload)
    return [] if context is None else [Link(context)]
