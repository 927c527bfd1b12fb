"""A recorder that keeps all that it is told, and backends that tell it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from redset.metrics import instrument
from redset.testing._blocking import Blocking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.interfaces import AsyncBackend, Backend, Lease
    from redset.metrics import Outcome, Recorder, Work, WorkInProgress

__all__ = ["Notes", "instrumented"]


class Notes:
    """What a recorder was told, by the label of the set."""

    def __init__(self) -> None:
        self.watched: list[WorkInProgress] = []
        self.calls: list[tuple[str, str, int | None]] = []
        self.under_way: list[str] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.waits: list[tuple[str, float]] = []
        self.begun: list[tuple[Work, Lease]] = []
        self.ends: list[tuple[str, Outcome]] = []
        self.ended_works: list[Work] = []

    def watch(self, work: WorkInProgress) -> None:
        self.watched.append(work)

    @contextmanager
    def call(self, label: str, operation: str, count: int | None) -> Iterator[None]:
        self.calls.append((label, operation, count))
        self.under_way.append(operation)
        try:
            yield
        finally:
            self.under_way.remove(operation)

    def added(self, label: str, given: int, new: int) -> None:
        self.counts[label, "given"] += given
        self.counts[label, "new"] += new

    def taken(self, label: str, num: int) -> None:
        self.counts[label, "taken"] += num

    def waited(self, label: str, seconds: float) -> None:
        self.waits.append((label, seconds))

    def began(self, work: Work, lease: Lease) -> None:
        self.begun.append((work, lease))

    def ended(self, work: Work, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        self.ends.append((work.label, outcome))
        self.ended_works.append(work)

    def buried(self, label: str, num: int, dropped: int) -> None:
        self.counts[label, "buried"] += num
        self.counts[label, "dropped"] += dropped

    def operations(self) -> list[str]:
        """Return the names of the calls."""
        return [operation for _, operation, _ in self.calls]

    def running(self) -> list[str]:
        """Return the label of each claim that is held."""
        return [label for work in self.watched for label, _ in work.running()]


def instrumented(backend: Backend, recorder: Recorder, **options: Any) -> Backend:
    """Instrument a backend; one for asyncio that was made blocking is a blocking one again."""
    if isinstance(backend, Blocking):
        loop, target = backend._loop, backend._target  # noqa: SLF001  (there is no other way in)
        wrapped = instrument(cast("AsyncBackend", target), recorder, **options)
        return cast("Backend", Blocking(loop, wrapped))
    return instrument(backend, recorder, **options)
