"""From a backend to one that tells a recorder of all that it does."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

from redset._opening import check_made, is_shardable
from redset.metrics._async.instrumented import AsyncInstrumented
from redset.metrics._async.shardable import AsyncShardableInstrumented
from redset.metrics._observer import Observer
from redset.metrics._sync.instrumented import Instrumented
from redset.metrics._sync.shardable import ShardableInstrumented

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from redset.interfaces import (
        AsyncBackend,
        AsyncShardableBackend,
        Backend,
        ShardableBackend,
    )
    from redset.metrics._recorder import Recorder

__all__ = ["instrument"]


@overload
def instrument(
    backend: ShardableBackend,
    recorder: Recorder,
    *,
    label: Callable[[str], str] | None = None,
    timed: Collection[str] = (),
) -> ShardableInstrumented: ...
@overload
def instrument(
    backend: AsyncShardableBackend,
    recorder: Recorder,
    *,
    label: Callable[[str], str] | None = None,
    timed: Collection[str] = (),
) -> AsyncShardableInstrumented: ...
@overload
def instrument(
    backend: Backend,
    recorder: Recorder,
    *,
    label: Callable[[str], str] | None = None,
    timed: Collection[str] = (),
) -> Instrumented: ...
@overload
def instrument(
    backend: AsyncBackend,
    recorder: Recorder,
    *,
    label: Callable[[str], str] | None = None,
    timed: Collection[str] = (),
) -> AsyncInstrumented: ...
def instrument(
    backend: Backend | AsyncBackend,
    recorder: Recorder,
    *,
    label: Callable[[str], str] | None = None,
    timed: Collection[str] = (),
) -> Instrumented | AsyncInstrumented:
    """Wrap a backend, so that it tells a recorder of all that this process does with it.

    Args:
        backend: a blocking or an asyncio backend, as `connect` and `connect_async` return it.
        recorder: who is told; one may serve several backends.
        label: gives what a set is called in metrics, for sets whose names are without number;
            their names by default.
        timed: the names of sets whose scores are times, which tell how long items waited; of
            each `ScheduledSet` that is known already.

    Returns:
        A backend that does the same, with no round trip more: one on which sets can be sharded, if
        the other is. Its ``close`` closes the other.

    Raises:
        TypeError: if it is no backend: a client, say, which a backend is to be made of first; or if
            another argument is not what it should be.

    >>> from redset import SortedSet, connect
    >>> from redset.metrics.prometheus import PrometheusRecorder
    >>> from prometheus_client import CollectorRegistry
    >>> registry = CollectorRegistry()
    >>> store = instrument(connect("memory://"), PrometheusRecorder(registry))
    >>> jobs = SortedSet(store, "jobs")
    >>> jobs.update(["sweep the floor", "feed the cat", "feed the cat"])
    2
    >>> registry.get_sample_value("redset_adds_total", {"name": "jobs"})
    3.0
    >>> registry.get_sample_value("redset_new_items_total", {"name": "jobs"})
    2.0
    """
    check_made(backend)
    wait_pop = getattr(backend, "wait_pop", None)
    if not callable(wait_pop):
        # Not shown itself: it may be a URL with a password.
        message = (
            f"{type(backend).__name__} is no backend: "
            "pass redset.connect(url), or redset.backends.RedisBackend(client)"
        )
        raise TypeError(message)
    check_made(recorder)
    _check_label(label)
    _check_timed(timed)
    observer = Observer(recorder, str if label is None else label, timed)
    wrap: Any
    if inspect.iscoroutinefunction(wait_pop):
        wrap = AsyncShardableInstrumented if is_shardable(backend) else AsyncInstrumented
    else:
        wrap = ShardableInstrumented if is_shardable(backend) else Instrumented
    instrumented: Instrumented | AsyncInstrumented = wrap(backend, observer)
    return instrumented


def _check_label(label: object) -> None:
    if label is not None and not callable(label):
        message = f"label is {label!r}, but must be callable with a name: lambda name: name[:4]"
        raise TypeError(message)


def _check_timed(timed: object) -> None:
    if isinstance(timed, str):
        message = f"timed is {timed!r}, but must be a collection of names: [{timed!r}]"
        raise TypeError(message)
