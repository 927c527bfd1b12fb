"""What is told of all that a store does for this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from redset.interfaces import Lease
    from redset.metrics._work import Outcome, Work, WorkInProgress

__all__ = ["Recorder"]


class Recorder(Protocol):
    """Makes metrics or traces of what it is told. It need not subclass this.

    Its methods are called from all threads that use the store, and must not raise. ``label`` is
    what the set is called in metrics: its name, unless `instrument` was told otherwise.
    """

    def watch(self, work: WorkInProgress) -> None:
        """Take note of a store, whose work in progress can be asked for from now on.

        It is to be referred to weakly: it goes with the store.
        """
        ...

    def call(self, label: str, operation: str, count: int | None) -> AbstractContextManager[object]:
        """Return a context manager that surrounds one call of the store.

        Args:
            label: the set.
            operation: the name of the method of `redset.interfaces.Backend`.
            count: how many items it is given, if that is what it is called for.
        """
        ...

    def added(self, label: str, given: int, new: int) -> None:
        """Note that so many items were added, of which some were new."""
        ...

    def taken(self, label: str, num: int) -> None:
        """Note that so many items were taken without a claim."""
        ...

    def waited(self, label: str, seconds: float) -> None:
        """Note for how long an item was due before it was handed out."""
        ...

    def began(self, work: Work, lease: Lease) -> None:
        """Note that an item was claimed. `ended` is called once for each."""
        ...

    def ended(self, work: Work, outcome: Outcome, seconds: float) -> None:
        """Note that a claim ended, and after which time."""
        ...

    def buried(self, label: str, num: int, dropped: int) -> None:
        """Note that so many items became dead letters, and how many older ones were dropped.

        A claim that was rejected is among them.
        """
        ...
