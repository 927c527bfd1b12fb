"""Metrics for Prometheus: of what this process does, and of what is in sets.

`PrometheusRecorder` counts and times the calls of a backend that `instrument` has wrapped.
`SetCollector` counts the items of named sets whenever Prometheus asks. Both need
``redset[prometheus]``. ``docs/metrics.md`` has all metrics with their labels.
"""

from __future__ import annotations

import inspect
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from redset._sync.timed import TimeSortedSet
from redset.exceptions import MissingDependencyError
from redset.metrics._buckets import CALL_BUCKETS, WORK_BUCKETS

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    _message = "redset.metrics.prometheus needs prometheus-client: pip install 'redset[prometheus]'"
    raise MissingDependencyError(_message) from error

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from redset.interfaces import Lease, Stats
    from redset.metrics._work import Outcome, Work, WorkInProgress

__all__ = ["CALL_BUCKETS", "WORK_BUCKETS", "CountedSet", "PrometheusRecorder", "SetCollector"]

_log = logging.getLogger("redset")


class PrometheusRecorder:
    """Keeps metrics of what this process does with the backends that tell it.

    Args:
        registry: where the metrics are registered, once; that of prometheus_client by default.
        call_buckets: the upper bounds of the buckets for how long calls take, in seconds.
        work_buckets: those for how long work takes, and how long items wait for it.

    Raises:
        ValueError: if the registry has such metrics already: one recorder serves all backends.

    >>> from prometheus_client import CollectorRegistry
    >>> from redset import SortedSet, connect
    >>> from redset.metrics import instrument
    >>> registry = CollectorRegistry()
    >>> jobs = SortedSet(instrument(connect("memory://"), PrometheusRecorder(registry)), "jobs")
    >>> jobs.add("sweep the floor")
    0.0
    >>> with jobs.claim() as claim:
    ...     registry.get_sample_value("redset_unfinished_work_seconds", {"name": "jobs"}) > 0
    True
    >>> registry.get_sample_value("redset_work_duration_seconds_count", {"name": "jobs"})
    1.0
    """

    def __init__(
        self,
        registry: CollectorRegistry = REGISTRY,
        *,
        call_buckets: Sequence[float] = CALL_BUCKETS,
        work_buckets: Sequence[float] = WORK_BUCKETS,
    ) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"redset_{name}", text, ("name", *labels), registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(
                f"redset_{name}", text, ("name", *labels), buckets=buckets, registry=registry
            )

        self._calls = histogram(
            "call_duration_seconds", "How long calls of the store took.", call_buckets, "operation"
        )
        self._errors = counter("call_errors_total", "Calls that raised.", "operation", "error")
        self._adds = counter("adds_total", "Items that were given to be added.")
        self._new = counter("new_items_total", "Items added that were not in the set before.")
        self._taken = counter("taken_total", "Items that were taken without a claim.")
        self._claims = counter("claims_total", "Items that were claimed.")
        self._retries = counter("retries_total", "Claims of items that had been claimed before.")
        self._ended = counter("claims_ended_total", "Claims that ended, and how.", "outcome")
        self._buried = counter("dead_letters_total", "Items that became dead letters.")
        self._dropped = counter(
            "dead_letters_dropped_total", "Dead letters that were dropped beyond the limit."
        )
        self._waits = histogram(
            "queue_duration_seconds", "How long items were due before they came.", work_buckets
        )
        self._work = histogram(
            "work_duration_seconds", "How long claims were held that were not lost.", work_buckets
        )
        self._running = _RunningCollector()
        registry.register(self._running)

    def watch(self, work: WorkInProgress) -> None:
        """See `Recorder.watch`."""
        self._running.watched.add(work)

    @contextmanager
    def call(self, label: str, operation: str, count: int | None) -> Generator[None, None, None]:
        """See `Recorder.call`."""
        del count
        began = time.perf_counter()
        try:
            yield
        except Exception as error:
            self._errors.labels(label, operation, type(error).__name__).inc()
            raise
        finally:
            self._calls.labels(label, operation).observe(time.perf_counter() - began)

    def added(self, label: str, given: int, new: int) -> None:
        """See `Recorder.added`."""
        self._adds.labels(label).inc(given)
        self._new.labels(label).inc(new)

    def taken(self, label: str, num: int) -> None:
        """See `Recorder.taken`."""
        self._taken.labels(label).inc(num)

    def waited(self, label: str, seconds: float) -> None:
        """See `Recorder.waited`."""
        self._waits.labels(label).observe(seconds)

    def began(self, work: Work, lease: Lease) -> None:
        """See `Recorder.began`."""
        self._running.labels.add(work.label)
        self._claims.labels(work.label).inc()
        # Made in any case, as a rate needs a zero to begin from.
        self._retries.labels(work.label).inc(lease.attempt > 1)

    def ended(self, work: Work, outcome: Outcome, seconds: float) -> None:
        """See `Recorder.ended`."""
        self._ended.labels(work.label, outcome.value).inc()
        if outcome is not outcome.LOST:
            self._work.labels(work.label).observe(seconds)

    def buried(self, label: str, num: int, dropped: int) -> None:
        """See `Recorder.buried`."""
        self._buried.labels(label).inc(num)
        self._dropped.labels(label).inc(dropped)


class _RunningCollector(Collector):
    """Tells what is being worked on when Prometheus asks, as ages grow without any call."""

    def __init__(self) -> None:
        self.watched: WeakSet[WorkInProgress] = WeakSet()
        self.labels: set[str] = set()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return self._families()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        # Those at which nobody works now are at zero, not gone.
        ages: dict[str, list[float]] = {label: [] for label in list(self.labels)}
        for work in list(self.watched):
            for label, seconds in work.running():
                ages.setdefault(label, []).append(seconds)
        unfinished, longest = families = self._families()
        for label, seconds_each in ages.items():
            unfinished.add_metric([label], sum(seconds_each))
            longest.add_metric([label], max(seconds_each, default=0.0))
        return families

    def _families(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (
            _gauge("unfinished_work_seconds", "The sum of the ages of claims that are held."),
            _gauge(
                "longest_running_processor_seconds", "The age of the oldest claim that is held."
            ),
        )


class CountedSet(Protocol):
    """What `SetCollector` asks: any blocking `SortedSet`."""

    @property
    def name(self) -> str:
        """The name of the set."""
        ...

    def stats(self) -> Stats:
        """Count its items by their state."""
        ...


class SetCollector(Collector):
    """Counts the items of sets whenever Prometheus asks.

    A set that cannot be asked has ``redset_up`` at 0 and no other metric, and the error is
    logged; the other sets are not touched by it.

    Args:
        sets: blocking sorted sets. For one that is used with asyncio, make a blocking one of its
            name: what is counted is in the store. To collect asks each for its ``stats``: one
            round trip each, O(log n), that changes nothing; of a `ShardedSet`, one for each
            shard, and one more for each that is empty.

    Raises:
        TypeError: if one is no blocking sorted set.
        ValueError: if two have one name, so that their metrics would be one.

    >>> from prometheus_client import CollectorRegistry
    >>> from redset import SortedSet, connect
    >>> jobs = SortedSet(connect("memory://"), "jobs")
    >>> registry = CollectorRegistry()
    >>> registry.register(SetCollector(jobs))
    >>> jobs.update(["sweep the floor", "feed the cat"])
    2
    >>> registry.get_sample_value("redset_depth", {"name": "jobs"})
    2
    """

    def __init__(self, *sets: CountedSet) -> None:
        self._sets: dict[str, CountedSet] = {}
        for each in sets:
            stats = getattr(each, "stats", None)
            if not callable(stats) or inspect.iscoroutinefunction(stats):
                message = f"{each!r} is no blocking sorted set: make one of its name"
                raise TypeError(message)
            if each.name in self._sets:
                message = f"there are two sets called {each.name!r}: give each name once"
                raise ValueError(message)
            self._sets[each.name] = each

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the metrics without values. Asks nothing of the store."""
        return _Gauges().all()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the metrics. One round trip a set, O(log n)."""
        gauges = _Gauges()
        for name, each in self._sets.items():
            try:
                stats = each.stats()
            except Exception as error:  # noqa: BLE001  (a client may raise anything)
                _log.warning("could not count the items of %r: %r", name, error)
                gauges.up.add_metric([name], 0)
            else:
                gauges.add(name, stats, is_timed=isinstance(each, TimeSortedSet))
        return gauges.all()


class _Gauges:
    """One scrape of sets."""

    def __init__(self) -> None:
        self.up = _gauge("up", "Whether the set could be asked.")
        self._depth = _gauge("depth", "Items that wait, due or not.")
        self._due = _gauge("due", "Items that wait and can be handed out now.")
        self._delayed = _gauge("delayed", "Items that wait and are held back after a failure.")
        self._claimed = _gauge("claimed", "Items that are being worked on.")
        self._parked = _gauge("parked", "Claimed items that were added again meanwhile.")
        self._dead = _gauge("dead", "Dead letters.")
        self._oldest = _gauge(
            "oldest_item_age_seconds", "How long the first item has been due. Of sets of times."
        )
        self._oldest_claim = _gauge(
            "oldest_claim_age_seconds", "The age of the claim whose lease runs out first."
        )

    def all(self) -> list[GaugeMetricFamily]:
        """Return what was gathered."""
        return list(vars(self).values())

    def add(self, name: str, stats: Stats, *, is_timed: bool) -> None:
        """Add what one set has told."""
        self.up.add_metric([name], 1)
        self._depth.add_metric([name], stats.pending)
        self._due.add_metric([name], stats.due)
        self._delayed.add_metric([name], stats.delayed)
        self._claimed.add_metric([name], stats.claimed)
        self._parked.add_metric([name], stats.parked)
        self._dead.add_metric([name], stats.dead)
        self._oldest_claim.add_metric([name], _age(stats.oldest_claim))
        if is_timed:
            self._oldest.add_metric([name], _age(stats.oldest_score))


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"redset_{name}", text, labels=["name"])


def _age(since: float | None) -> float:
    return 0.0 if since is None else max(time.time() - since, 0.0)
