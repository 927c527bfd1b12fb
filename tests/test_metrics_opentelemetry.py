"""What OpenTelemetry is given: spans, metrics, and the trace that goes with an item."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from redset import Payload, SortedSet, TTLSet
from redset.backends import MemoryBackend
from redset.interfaces import KeyedMember, Merge, Terms
from redset.metrics import instrument
from redset.metrics._buckets import CALL_BUCKETS, WORK_BUCKETS
from redset.metrics.opentelemetry import OpenTelemetryRecorder, TracedSerializer, producer_of
from redset.serializers import JSONSerializer, SignedSerializer, StringSerializer
from redset.testing import ManualClock
from tests.support.backends import make_set
from tests.support.recording import instrumented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from redset.interfaces import Backend
    from tests.support.backends import Backends

ROOT = Path(__file__).parents[1]
MARK = b"\xffW3C"
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Telemetry:
    """An SDK that keeps all in memory."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])
        self.tracer = self.tracers.get_tracer("tests")
        self.recorder = OpenTelemetryRecorder(self.tracers, self.meters)

    def spans(self, name: str) -> list[ReadableSpan]:
        """Return the spans of a name that have ended."""
        return [span for span in self._spans.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        """Return the one span of a name."""
        (span,) = self.spans(name)
        return span

    def points(self, metric: str) -> list[Any]:
        """Return what there is of a metric, one for each set of attributes."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]

    def values(self, metric: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the attributes of a metric, and their value or number of values."""
        return [
            (dict(point.attributes), point.value if hasattr(point, "value") else point.count)
            for point in self.points(metric)
        ]

    def value(self, metric: str, name: str) -> Any:
        """Return the value of a metric of a set."""
        found = self.values(metric)
        (value,) = [v for at, v in found if at["messaging.destination.name"] == name]
        return value


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.meters.shutdown()


@pytest.fixture(params=["memory", "memory-async", "valkey-9.1", "valkey-9.1-async"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def store(backends: Backends, kind: str, telemetry: Telemetry) -> Backend:
    return instrumented(backends.get(kind), telemetry.recorder)


@pytest.fixture
def jobs(store: Backend, name: str) -> Iterator[Any]:
    jobs = make_set(store, "SortedSet", name)
    yield jobs
    jobs.clear()


# Spans


def test_each_call_is_a_span(jobs: Any, name: str, telemetry: Telemetry) -> None:
    jobs.update(["a", "b", "c"])
    jobs.pop()
    jobs.claim().ack()
    jobs.length() if hasattr(jobs, "length") else len(jobs)
    of_set = {"messaging.system": "redset", "messaging.destination.name": name}
    for operation, kind, count in (
        ("add", "send", 3),
        ("pop", "receive", None),
        ("claim", "receive", None),
        ("acknowledge", "settle", 1),
        ("length", None, None),
    ):
        span = telemetry.span(f"{operation} {name}")
        expected: dict[str, object] = {**of_set, "messaging.operation.name": operation}
        if kind is not None:
            expected["messaging.operation.type"] = kind
        if count is not None:
            expected["messaging.batch.message_count"] = count
        assert dict(span.attributes or {}) == expected
        assert span.kind is SpanKind.CLIENT
        assert span.status.status_code is StatusCode.UNSET


def test_a_call_that_raises_is_a_span_in_error(telemetry: Telemetry) -> None:
    class Broken(MemoryBackend):
        def length(self, name: str) -> int:
            raise ConnectionError(name)

    jobs = SortedSet(instrument(Broken(), telemetry.recorder), "jobs")
    with pytest.raises(ConnectionError):
        len(jobs)
    span = telemetry.span("length jobs")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ConnectionError"
    ((attributes, count),) = [
        (at, count)
        for at, count in telemetry.values("messaging.client.operation.duration")
        if at["messaging.operation.name"] == "length"
    ]
    assert (attributes["error.type"], count) == ("ConnectionError", 1)


def test_a_call_is_part_of_what_it_is_made_in(telemetry: Telemetry) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), telemetry.recorder), "jobs")
    with telemetry.tracer.start_as_current_span("request") as span:
        jobs.add("a")
    parent = telemetry.span("add jobs").parent
    assert parent is not None
    assert parent.span_id == span.get_span_context().span_id


def test_work_is_a_span_from_its_claim_to_its_end(
    jobs: Any, name: str, telemetry: Telemetry
) -> None:
    jobs.add("a")
    claim = jobs.claim()
    assert telemetry.spans(f"process {name}") == []
    token = claim.token
    claim.ack()
    span = telemetry.span(f"process {name}")
    assert span.kind is SpanKind.CONSUMER
    assert dict(span.attributes or {}) == {
        "messaging.system": "redset",
        "messaging.destination.name": name,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "redset.attempt": 1,
        "redset.token": token,
        "redset.outcome": "acknowledged",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert list(span.links) == []


@pytest.mark.parametrize(
    ("end", "outcome", "is_error"),
    [
        ("ack", "acknowledged", False),
        ("reschedule", "rescheduled", False),
        ("nack", "released", True),
        ("bury", "rejected", True),
        ("lose", "lost", True),
    ],
)
def test_a_span_of_work_tells_its_outcome(
    end: str, outcome: str, is_error: bool, telemetry: Telemetry
) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), telemetry.recorder), "jobs")
    jobs.add("a")
    claim = jobs.claim()
    if end == "lose":
        jobs.clear()
        with pytest.raises(RuntimeError, match="lease"):
            claim.ack()
    else:
        getattr(claim, end)(*{"reschedule": (1,), "bury": ("why",)}.get(end, ()))
    span = telemetry.span("process jobs")
    attributes = span.attributes or {}
    assert attributes["redset.outcome"] == outcome
    assert (attributes.get("error.type") == outcome) is is_error
    assert (span.status.status_code is StatusCode.ERROR) is is_error
    durations = telemetry.values("messaging.process.duration")
    assert [at.get("error.type") for at, _ in durations] == (
        [] if end == "lose" else [outcome if is_error else None]
    )


def test_what_is_done_for_an_item_is_part_of_its_work(
    jobs: Any, name: str, telemetry: Telemetry
) -> None:
    jobs.add("a")
    claim = jobs.claim()
    with telemetry.recorder.working_on(claim), telemetry.tracer.start_as_current_span("fetch"):
        pass
    claim.ack()
    work, part = telemetry.span(f"process {name}"), telemetry.span("fetch")
    context = work.get_span_context()
    assert part.parent is not None
    assert context is not None
    assert part.parent.span_id == context.span_id
    # It has ended, so there is nothing that this could be part of.
    with telemetry.recorder.working_on(claim), telemetry.tracer.start_as_current_span("after"):
        pass
    assert telemetry.span("after").parent is None


def test_an_error_in_the_work_is_on_its_span(telemetry: Telemetry) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), telemetry.recorder), "jobs")
    jobs.add("a")
    with (
        pytest.raises(ZeroDivisionError),
        jobs.claim() as claim,
        telemetry.recorder.working_on(claim),
    ):
        1 / 0  # noqa: B018  (it is to raise)
    span = telemetry.span("process jobs")
    assert [event.name for event in span.events] == ["exception"]
    assert (span.attributes or {})["redset.outcome"] == "released"


def test_spans_of_claims_that_nobody_ends_go_with_their_store(telemetry: Telemetry) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), telemetry.recorder), "jobs")
    jobs.add("a")
    claim = jobs.claim()
    # What is kept cannot be seen from outside.
    spans: Any = vars(telemetry.recorder)["_spans"]
    assert len(spans) == 1
    del jobs, claim
    assert len(spans) == 0


def test_claims_of_one_member_and_token_do_no_harm(telemetry: Telemetry) -> None:
    clock = ManualClock()
    stores = [instrument(MemoryBackend(clock=clock), telemetry.recorder) for _ in range(2)]
    sets = [SortedSet(store, "jobs") for store in stores]
    for jobs in sets:
        jobs.add("a")
    claims = [jobs.claim() for jobs in sets]
    assert claims[0].hold == claims[1].hold
    for claim in claims:
        claim.ack()
    assert len(telemetry.spans("process jobs")) == 2
    assert sum(count for _, count in telemetry.values("redset.claims_ended")) == 2


# Metrics


def test_metrics(jobs: Any, name: str, telemetry: Telemetry) -> None:
    jobs.update(["a", "b", "a"])
    jobs.pop()
    claim = jobs.claim()
    unfinished = telemetry.value("redset.unfinished_work", name)
    longest = telemetry.value("redset.longest_running", name)
    assert 0 < unfinished <= longest < 60
    claim.nack(delay=0)
    jobs.claim().bury("hopeless")
    assert telemetry.value("messaging.client.sent.messages", name) == 3
    assert telemetry.value("redset.new_items", name) == 2
    consumed = telemetry.values("messaging.client.consumed.messages")
    assert {at["messaging.operation.name"]: value for at, value in consumed} == {
        "pop": 1,
        "claim": 2,
    }
    assert telemetry.value("redset.retries", name) == 1
    ended = telemetry.values("redset.claims_ended")
    assert {at["redset.outcome"]: value for at, value in ended} == {"released": 1, "rejected": 1}
    assert telemetry.value("redset.dead_letters", name) == 1
    assert telemetry.value("redset.dead_letters_dropped", name) == 0
    assert telemetry.values("redset.unfinished_work") == []
    calls = telemetry.values("messaging.client.operation.duration")
    assert {at["messaging.operation.name"] for at, _ in calls} >= {"add", "pop", "claim"}


def test_durations_have_buckets_of_seconds(telemetry: Telemetry) -> None:
    jobs = SortedSet(instrument(MemoryBackend(), telemetry.recorder), "jobs")
    jobs.add("a")
    jobs.claim().ack()
    for metric, buckets in (
        ("messaging.client.operation.duration", CALL_BUCKETS),
        ("messaging.process.duration", WORK_BUCKETS),
    ):
        assert {point.explicit_bounds for point in telemetry.points(metric)} == {buckets}


def test_queue_latency(store: Backend, name: str, telemetry: Telemetry) -> None:
    polls = make_set(store, "ScheduledSet", name)
    polls.add("a")
    polls.claim().ack()
    assert telemetry.value("redset.queue.duration", name) == 1


def test_nothing_happens_without_an_sdk() -> None:
    source = """
import redset.metrics.opentelemetry as telemetry
from redset import SortedSet, connect
from redset.metrics import instrument
from opentelemetry import trace

recorder = telemetry.OpenTelemetryRecorder()
jobs = SortedSet(
    instrument(connect("memory://"), recorder),
    "jobs",
    serializer=telemetry.TracedSerializer(telemetry.StringSerializer()),
    key=str,
)
jobs.add("a")
with jobs.claim() as claim, recorder.working_on(claim):
    assert not trace.get_current_span().is_recording()
    print(claim.item, claim.hold[0].payload)
import sys
print("opentelemetry.sdk" in sys.modules)
""".replace("telemetry.StringSerializer", "StringSerializer").replace(
        "from redset import", "from redset.serializers import StringSerializer\nfrom redset import"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a b'\\xffW3C\\x00\\x00a'\nFalse\n"


def test_opentelemetry_is_asked_for() -> None:
    source = """
import sys
sys.modules["opentelemetry"] = None
import redset.metrics
from redset.exceptions import MissingDependencyError
try:
    import redset.metrics.opentelemetry
except MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install 'redset[opentelemetry]'" in done.stdout


# The trace that goes with an item


def url(task: dict[str, Any]) -> str:
    return str(task["url"])


@pytest.fixture
def tasks(store: Backend, name: str) -> Iterator[Any]:
    serializer = TracedSerializer(JSONSerializer())
    tasks = make_set(store, "SortedSet", name, serializer=serializer, key=url)
    yield tasks
    tasks.clear()


def test_work_is_linked_to_its_producer(tasks: Any, name: str, telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("request") as producer:
        tasks.add({"url": "/about"})
    with tasks.claim() as claim:
        assert claim.item == {"url": "/about"}
    (link,) = telemetry.span(f"process {name}").links
    assert link.context.trace_id == producer.get_span_context().trace_id
    assert link.context.span_id == producer.get_span_context().span_id
    assert link.context.is_remote


def test_what_was_added_outside_of_a_trace_has_no_link(
    tasks: Any, name: str, telemetry: Telemetry
) -> None:
    tasks.add({"url": "/about"})
    tasks.claim().ack()
    assert list(telemetry.span(f"process {name}").links) == []


def test_an_item_that_is_added_in_two_traces_is_one(tasks: Any, telemetry: Telemetry) -> None:
    new = []
    for _ in range(2):
        with telemetry.tracer.start_as_current_span("request"):
            new.append(tasks.add_new({"url": "/about"}))
    assert new == [True, False]


@pytest.mark.parametrize("kind_of_set", [SortedSet, TTLSet])
def test_without_a_key_it_would_be_two_and_so_is_refused(
    kind_of_set: Any, telemetry: Telemetry
) -> None:
    serializer = TracedSerializer(StringSerializer())
    made = set()
    for _ in range(2):
        with telemetry.tracer.start_as_current_span("request"):
            made.add(serializer.dumps("a"))
    assert len(made) == 2
    key = b"sixteen bytes or more"
    for refused in (serializer, SignedSerializer(serializer, key)):
        with pytest.raises(TypeError, match=r"gives equal items different bytes.*pass key="):
            kind_of_set(MemoryBackend(), "jobs", serializer=refused)
    kind_of_set(MemoryBackend(), "jobs", serializer=SignedSerializer(StringSerializer(), key))


def test_which_trace_stays_is_decided_as_the_payload_is(telemetry: Telemetry) -> None:
    store = instrument(MemoryBackend(), telemetry.recorder)
    serializer: Any = TracedSerializer(JSONSerializer())
    for rule, place in ((Payload.NEWEST, 1), (Payload.FIRST, 0)):
        tasks = SortedSet(store, rule.value, serializer=serializer, key=url, payload=rule)
        producers = []
        for _ in range(2):
            with telemetry.tracer.start_as_current_span("request") as span:
                tasks.add({"url": "/"})
            producers.append(span.get_span_context().span_id)
        tasks.claim().ack()
        (link,) = telemetry.span(f"process {rule.value}").links
        assert link.context.span_id == producers[place]


def test_items_that_were_added_without_it_are_read(name: str, telemetry: Telemetry) -> None:
    store = instrument(MemoryBackend(), telemetry.recorder)
    plain: Any = JSONSerializer()
    SortedSet(store, name, serializer=plain, key=url).add({"url": "/about"})
    after = SortedSet(store, name, serializer=TracedSerializer(plain), key=url)
    with after.claim() as claim:
        assert claim.item == {"url": "/about"}
    assert list(telemetry.span(f"process {name}").links) == []


def test_members_without_a_payload_have_no_link(telemetry: Telemetry) -> None:
    view = instrument(MemoryBackend(), telemetry.recorder).keyed(Payload.NEWEST)
    members = [KeyedMember(b"a", None), KeyedMember(b"b", b"payload")]
    view.add("jobs", [(member, 0.0) for member in members], Merge.KEEP)
    leases = view.claim("jobs", 2, Terms(60.0, math.inf, Merge.KEEP, None, 10)).leases
    view.acknowledge("jobs", [(lease.member, lease.token) for lease in leases], Merge.KEEP)
    assert [list(span.links) for span in telemetry.spans("process jobs")] == [[], []]


def test_the_state_of_a_trace_goes_along_and_no_baggage() -> None:
    state = trace.TraceState([("vendor", "value")])
    given = trace.SpanContext(1, 2, is_remote=False, trace_state=state)
    token = attach(
        baggage.set_baggage(
            "secret", "word", trace.set_span_in_context(trace.NonRecordingSpan(given))
        )
    )
    try:
        data = TracedSerializer(StringSerializer()).dumps("a")
    finally:
        detach(token)
    assert b"word" not in data
    found = producer_of(data)
    assert found is not None
    assert (found.trace_id, found.span_id) == (1, 2)
    assert found.trace_state.get("vendor") == "value"


def test_a_state_that_is_too_long_is_left_out() -> None:
    state = trace.TraceState([(f"vendor{i}", "v" * 200) for i in range(5)])
    given = trace.SpanContext(1, 2, is_remote=False, trace_state=state)
    with trace.use_span(trace.NonRecordingSpan(given)):
        data = TracedSerializer(StringSerializer()).dumps("a")
    assert len(data) < 100
    found = producer_of(data)
    assert found is not None
    assert (found.trace_id, len(found.trace_state)) == (1, 0)


def carrying(header: bytes, payload: bytes = b"a") -> bytes:
    return MARK + len(header).to_bytes(2, "big") + header + payload


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\n",
        b"nonsense",
        b"\xff\xfe\x00",
        TRACE[:-1],
        b"ff" + TRACE[2:],
        TRACE + b"-more",
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        TRACE + b"\n" + b"v=1," * 500,
        b"\n" + TRACE,
        TRACE + b"\n" * 600,
    ],
)
def test_what_is_no_trace_is_passed_over(header: bytes) -> None:
    data = carrying(header)
    assert producer_of(data) is None
    assert TracedSerializer(StringSerializer()).loads(data) == "a"


@pytest.mark.parametrize("rest", [b"", b"\nno state at all", b"\n\n\n", b"\n\xff"])
def test_a_trace_is_found_though_its_state_is_bad(rest: bytes) -> None:
    found = producer_of(carrying(TRACE + rest))
    assert found is not None
    assert found.span_id == 0xB7AD6B7169203331


def test_the_bytes_are_these() -> None:
    found = producer_of(carrying(TRACE))
    assert found is not None
    with trace.use_span(trace.NonRecordingSpan(found)):
        data = TracedSerializer(StringSerializer()).dumps("a")
    assert data == carrying(TRACE)
    assert TracedSerializer(StringSerializer()).dumps("a") == carrying(b"")


@pytest.mark.parametrize("data", [MARK, MARK + b"\x00", MARK + b"\x00\x05abc", MARK + b"\xff\xff"])
def test_what_is_cut_off_is_no_item(data: bytes) -> None:
    assert producer_of(data) is None
    with pytest.raises(ValueError, match="bytes, but the trace before it"):
        TracedSerializer(StringSerializer()).loads(data)
    tasks = SortedSet(
        MemoryBackend(), "jobs", serializer=TracedSerializer(StringSerializer()), key=str
    )
    tasks.backend.keyed(Payload.NEWEST).add("jobs", [(KeyedMember(b"a", data), 0.0)], Merge.KEEP)
    assert tasks.take(1) == []
    assert [letter.raw for letter in tasks.dead()] == [data]


def test_it_goes_around_any_serializer(telemetry: Telemetry) -> None:
    signed = SignedSerializer(JSONSerializer(), b"sixteen bytes or more")
    inner: Any
    for inner, item in ((signed, {"a": 1}), (json, [1, 2]), (StringSerializer(), "ü")):
        serializer: TracedSerializer[Any] = TracedSerializer(inner)
        with telemetry.tracer.start_as_current_span("request") as span:
            data = serializer.dumps(item)
        assert serializer.loads(data) == item
        found = producer_of(data)
        assert found is not None
        assert found.span_id == span.get_span_context().span_id


def test_it_needs_a_serializer_to_go_around() -> None:
    wrong: Any = object()
    with pytest.raises(TypeError, match=r"inner .* has no dumps\(\)"):
        TracedSerializer(wrong)


def test_equal_ones_are_equal() -> None:
    one, two = TracedSerializer(JSONSerializer()), TracedSerializer(JSONSerializer())
    assert one == two
    assert hash(one) == hash(two)
    assert one != TracedSerializer(StringSerializer())
    assert repr(one) == "TracedSerializer(JSONSerializer())"
