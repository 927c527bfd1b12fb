"""What Prometheus is given: by the recorder of calls and work, by the collector of sets."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from redset import (
    AsyncSortedSet,
    Retry,
    ScheduledSet,
    SortedSet,
    TimeSortedSet,
    TTLSet,
    connect,
    connect_async,
)
from redset.backends import MemoryBackend
from redset.metrics import instrument
from redset.metrics.prometheus import PrometheusRecorder, SetCollector
from tests.support.backends import make_set
from tests.support.recording import instrumented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

ROOT = Path(__file__).parents[1]
DASHBOARD = ROOT / "docs" / "metrics" / "grafana.json"
ALERTS = ROOT / "docs" / "metrics" / "alerts.yml"
PAGE = ROOT / "docs" / "metrics.md"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture(params=["memory", "memory-async", "valkey-9.1", "valkey-9.1-async"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def store(backends: Backends, kind: str, registry: CollectorRegistry) -> Backend:
    return instrumented(backends.get(kind), PrometheusRecorder(registry))


@pytest.fixture
def jobs(store: Backend, name: str) -> Iterator[Any]:
    jobs = make_set(store, "SortedSet", name, retry=Retry(backoff=0))
    yield jobs
    jobs.clear()


def value(registry: CollectorRegistry, metric: str, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"redset_{metric}", {"name": name, **labels})


# The recorder


def test_the_seven_names_of_client_go(jobs: Any, name: str, registry: CollectorRegistry) -> None:
    registry.register(SetCollector(_Blocking(jobs)))
    jobs.update(["a", "b", "a"])
    assert value(registry, "depth", name) == 2
    assert value(registry, "adds_total", name) == 3
    assert value(registry, "new_items_total", name) == 2
    with jobs.claim():
        unfinished = value(registry, "unfinished_work_seconds", name)
        longest = value(registry, "longest_running_processor_seconds", name)
        assert unfinished is not None
        assert longest is not None
        assert 0 < unfinished <= longest < 60
        assert value(registry, "depth", name) == 1
        assert value(registry, "retries_total", name) == 0
    assert value(registry, "unfinished_work_seconds", name) == 0
    assert value(registry, "longest_running_processor_seconds", name) == 0
    assert value(registry, "work_duration_seconds_count", name) == 1
    jobs.claim().nack()
    jobs.claim()
    assert value(registry, "retries_total", name) == 1
    assert value(registry, "claims_total", name) == 3


class _Blocking:
    """A set as the collector wants it, whatever the set of the test is."""

    def __init__(self, jobs: Any) -> None:
        self.name = jobs.name
        self._jobs = jobs

    def stats(self) -> Any:
        return self._jobs.stats()


def test_queue_latency_of_scheduled_items(
    store: Backend, name: str, registry: CollectorRegistry
) -> None:
    polls = make_set(store, "ScheduledSet", name)
    polls.add("a", time.time() - 100)
    polls.claim().ack()
    assert value(registry, "queue_duration_seconds_count", name) == 1
    waited = value(registry, "queue_duration_seconds_sum", name)
    assert waited is not None
    assert 99 < waited < 200


def test_ends_are_counted_by_their_outcome(
    jobs: Any, name: str, registry: CollectorRegistry
) -> None:
    jobs.update("abcd")
    first, second, third, fourth = jobs.claims(4)
    first.ack()
    second.nack()
    third.bury("hopeless")
    jobs.clear()
    with pytest.raises(RuntimeError, match="lease"):
        fourth.ack()
    for outcome in ("acknowledged", "released", "rejected", "lost"):
        assert value(registry, "claims_ended_total", name, outcome=outcome) == 1
    assert value(registry, "claims_ended_total", name, outcome="rescheduled") is None
    # Nobody knows how long the work took that was lost.
    assert value(registry, "work_duration_seconds_count", name) == 3
    assert value(registry, "dead_letters_total", name) == 1
    assert value(registry, "dead_letters_dropped_total", name) == 0


def test_calls_are_timed_and_errors_counted(registry: CollectorRegistry) -> None:
    class Broken(MemoryBackend):
        def length(self, name: str) -> int:
            raise ConnectionError(name)

    jobs = SortedSet(instrument(Broken(), PrometheusRecorder(registry)), "jobs")
    jobs.add("a")
    jobs.pop()
    for _ in range(2):
        with pytest.raises(ConnectionError):
            len(jobs)
    calls = {"operation": "length"}
    assert value(registry, "call_duration_seconds_count", "jobs", **calls) == 2
    assert value(registry, "call_duration_seconds_count", "jobs", operation="add") == 1
    errors = {"operation": "length", "error": "ConnectionError"}
    assert value(registry, "call_errors_total", "jobs", **errors) == 2
    assert value(registry, "taken_total", "jobs") == 1


def test_one_recorder_serves_many_stores(registry: CollectorRegistry) -> None:
    recorder = PrometheusRecorder(registry)
    sets = [SortedSet(instrument(MemoryBackend(), recorder), "jobs") for _ in range(2)]
    held = []
    for jobs in sets:
        jobs.add("a")
        held.append(jobs.claim())
    longest = value(registry, "longest_running_processor_seconds", "jobs")
    unfinished = value(registry, "unfinished_work_seconds", "jobs")
    assert longest is not None
    assert unfinished is not None
    assert unfinished > longest > 0
    with pytest.raises(ValueError, match="Duplicated"):
        PrometheusRecorder(registry)
    # What is held on a store is forgotten with the store.
    del sets, held, jobs
    assert value(registry, "unfinished_work_seconds", "jobs") == 0


def test_buckets_can_be_chosen(registry: CollectorRegistry) -> None:
    recorder = PrometheusRecorder(registry, call_buckets=[1, 2], work_buckets=[3])
    jobs = SortedSet(instrument(MemoryBackend(), recorder), "jobs")
    jobs.add("a")
    jobs.claim().ack()
    found = value(registry, "call_duration_seconds_bucket", "jobs", operation="add", le="2.0")
    assert found == 1
    assert value(registry, "work_duration_seconds_bucket", "jobs", le="3.0") == 1


# The collector


def test_the_collector_counts_each_state(backends: Backends, name: str) -> None:
    registry = CollectorRegistry()
    jobs: Any = SortedSet(backends.get("valkey-9.1"), name)
    registry.register(SetCollector(jobs))
    jobs.update("abcde", range(5))
    jobs.claim().bury("hopeless")
    jobs.claim().nack(delay=100)
    claim = jobs.claim()
    jobs.add(claim.item)
    assert jobs.claim().item == "d"
    expected = {"up": 1, "depth": 2, "due": 1, "delayed": 1, "claimed": 2, "parked": 1, "dead": 1}
    assert {metric: value(registry, metric, name) for metric in expected} == expected
    age = value(registry, "oldest_claim_age_seconds", name)
    assert age is not None
    assert 0 <= age < 60
    # Its scores are no times.
    assert value(registry, "oldest_item_age_seconds", name) is None
    jobs.clear()
    assert value(registry, "oldest_claim_age_seconds", name) == 0


def test_it_tells_the_age_of_what_has_a_time() -> None:
    store, registry = MemoryBackend(), CollectorRegistry()
    news, polls = TimeSortedSet(store, "news"), ScheduledSet(store, "polls")
    empty = ScheduledSet(store, "empty")
    registry.register(SetCollector(news, polls, empty))
    news.add("a", time.time() - 100)
    polls.add("a", time.time() + 100)
    age = value(registry, "oldest_item_age_seconds", "news")
    assert age is not None
    assert 99 < age < 200
    assert value(registry, "oldest_item_age_seconds", "polls") == 0
    assert value(registry, "oldest_item_age_seconds", "empty") == 0
    assert (value(registry, "depth", "polls"), value(registry, "due", "polls")) == (1, 0)


def test_it_changes_nothing(backends: Backends, name: str) -> None:
    backend = backends.get("valkey-9.1")
    jobs = SortedSet(backend, name)
    jobs.update("ab")
    jobs.claim(lease=60)
    before = jobs.stats()
    list(SetCollector(jobs).collect())
    assert jobs.stats() == before
    jobs.clear()
    assert list(SetCollector(jobs).collect())
    assert backends.leaked_keys("valkey-9.1", name) == []


def test_a_set_that_cannot_be_asked_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = CollectorRegistry()
    good, bad = SortedSet(MemoryBackend(), "good"), SortedSet(connect("redis://127.0.0.1:1"), "bad")
    # To register it asks nothing.
    registry.register(SetCollector(bad, good))
    assert caplog.records == []
    good.add("a")
    with caplog.at_level(logging.WARNING, "redset"):
        assert (value(registry, "up", "good"), value(registry, "up", "bad")) == (1, 0)
    assert (value(registry, "depth", "good"), value(registry, "depth", "bad")) == (1, None)
    assert "could not count the items of 'bad'" in caplog.text
    bad.backend.close()


def test_asyncio_sets_are_counted_by_a_blocking_set_of_their_name() -> None:
    store, later = connect("memory://counted"), connect_async("memory://counted")
    jobs: Any = AsyncSortedSet(later, "jobs")
    with pytest.raises(TypeError, match="is no blocking sorted set: make one of its name"):
        SetCollector(jobs)
    registry = CollectorRegistry()
    registry.register(SetCollector(SortedSet(store, "jobs")))
    SortedSet(store, "jobs").add("a")
    assert value(registry, "depth", "jobs") == 1


def test_only_sorted_sets_are_counted() -> None:
    seen: Any = TTLSet(MemoryBackend(), "seen", ttl=1)
    with pytest.raises(TypeError, match="is no blocking sorted set"):
        SetCollector(seen)


def test_each_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="there are two sets called 'jobs'"):
        SetCollector(SortedSet(MemoryBackend(), "jobs"), SortedSet(MemoryBackend(), "jobs"))


def test_prometheus_is_asked_for() -> None:
    source = """
import sys
sys.modules["prometheus_client"] = None
import redset.metrics
from redset.exceptions import MissingDependencyError
try:
    import redset.metrics.prometheus
except MissingDependencyError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pip install 'redset[prometheus]'" in done.stdout


# What is ready to be used


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Return all metrics as Prometheus reads them, with their labels."""
    registry = CollectorRegistry()
    store = instrument(_Limping(), PrometheusRecorder(registry), timed=["jobs"])
    jobs = TimeSortedSet(store, "jobs")
    registry.register(SetCollector(jobs))
    jobs.update("abc")
    jobs.pop()
    jobs.claim().ack()
    jobs.claim().bury("hopeless")
    with pytest.raises(ConnectionError):
        jobs.rank("a")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return {name: labels for name, labels in found.items() if not name.endswith("_created")}


class _Limping(MemoryBackend):
    def rank(self, name: str, member: bytes) -> int | None:
        raise ConnectionError(name, member)


def expressions() -> Iterator[tuple[str, str]]:
    """Give what the dashboard and the alerts ask for, and where."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"{DASHBOARD.name}: {panel['title']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"{DASHBOARD.name}: ${variable['name']}", variable["query"]["query"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield f"{ALERTS.name}: {rule['alert']}", rule["expr"]


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_what_is_asked_for_is_there(
    place: str, expression: str, exposed: dict[str, set[str]]
) -> None:
    metrics = set(re.findall(r"\bredset_\w+", expression))
    assert metrics, place
    assert metrics <= exposed.keys()
    own = {"job", "instance"}  # which Prometheus adds
    for metric, matchers in re.findall(r"\b(redset_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*=?[=~!]", matchers)) <= exposed[metric] | own
    labels = set().union(*(exposed[metric] for metric in metrics)) | own
    for grouping in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression):
        assert set(re.findall(r"\w+", grouping)) <= labels
    assert expression.count("(") == expression.count(")")
    if "histogram_quantile" in expression:
        assert re.search(r"\bby \(le\b", expression)


def test_all_that_is_there_is_on_the_page(exposed: dict[str, set[str]]) -> None:
    text = PAGE.read_text()
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed}
    shown = set(re.findall(r"`(redset_\w+)`", text))
    assert families == shown


def test_the_dashboard_has_a_panel_for_most_of_it(exposed: dict[str, set[str]]) -> None:
    asked = " ".join(expression for _, expression in expressions())
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed}
    assert {name for name in families if name not in asked} == set()


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_alerts_say_what_is_wrong() -> None:
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 4
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert "{{ $labels.name }}" in rule["annotations"]["summary"]
