"""What this process is working on: the claims that it made, and has not ended."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from redset.interfaces import Hold

__all__ = ["Outcome", "Work", "WorkInProgress"]

# Of what nobody ends, so much is kept before it is looked for.
_FEW: Final = 1000
# Who has an item for so many leases, without extending them, has forgotten it.
_PATIENCE: Final = 2


class Outcome(Enum):
    """How a claim ended."""

    ACKNOWLEDGED = "acknowledged"
    """The work is done."""
    RELEASED = "released"
    """The item was put back, to be tried again: the work failed, or was interrupted."""
    RESCHEDULED = "rescheduled"
    """The item was put back without an attempt: for its next time, or as its work was not begun."""
    REJECTED = "rejected"
    """The item became a dead letter."""
    LOST = "lost"
    """It was not held any more when it was to be ended, or nobody ended it for two leases."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Work:
    """One claim that this process made."""

    label: str
    """What the set is called in metrics."""
    name: str
    """What the set is called in the store."""
    hold: Hold
    """The member and the token of the claim."""
    attempt: int
    """How often the item has been claimed, this time included."""
    began: float
    """When it was claimed, by `time.monotonic`."""
    until: float
    """When it is given up, by `time.monotonic`, unless it is extended."""

    def seconds(self) -> float:
        """Return for how long it has been worked on."""
        return time.monotonic() - self.began


class WorkInProgress:
    """The claims of one store that this process has not ended yet. Safe for threads.

    A claim that nobody ends is forgotten two leases after it was made, or extended. So there
    are never more than a thousand of these, or as many as of those that are held.

    Args:
        lose: called with each claim that is forgotten.
    """

    def __init__(self, lose: Callable[[Work], object]) -> None:
        self._lose = lose
        self._lock = threading.Lock()
        self._works: dict[tuple[str, Hold], Work] = {}
        self._most = _FEW

    def running(self) -> list[tuple[str, float]]:
        """Return for each claim what its set is called in metrics, and its age in seconds. O(n)."""
        self._sweep()
        with self._lock:
            works = list(self._works.values())
        return [(work.label, work.seconds()) for work in works]

    def put(self, works: Iterable[Work]) -> None:
        """Note what is being worked on. O(1) each."""
        with self._lock:
            for work in works:
                self._works[work.name, work.hold] = work
        if len(self._works) > self._most:
            self._sweep()

    def take(self, name: str, holds: Sequence[Hold]) -> list[Work | None]:
        """Remove what has ended, or is about to; None for what is not known. O(1) each."""
        with self._lock:
            return [self._works.pop((name, hold), None) for hold in holds]

    def extend(self, name: str, hold: Hold, lease: float) -> None:
        """Note that a claim was extended. O(1)."""
        with self._lock:
            work = self._works.get((name, hold))
            if work is not None:
                work.until = until(lease)

    def rename(self, name: str, target: str, label: str) -> None:
        """Note that a set was given another name, and is called by a label now. O(n)."""
        with self._lock:
            moved = [key for key in self._works if key[0] == name]
            for key in moved:
                work = self._works.pop(key)
                work.name, work.label = target, label
                self._works[target, work.hold] = work

    def _sweep(self) -> None:
        now = time.monotonic()
        with self._lock:
            over = [key for key, work in self._works.items() if work.until < now]
            lost = [self._works.pop(key) for key in over]
            # So it is looked through when it has doubled, and each claim pays for a few.
            self._most = max(_FEW, 2 * len(self._works))
        for work in lost:
            self._lose(work)


def until(lease: float) -> float:
    """Return when a claim is given up that is held for ``lease`` seconds from now."""
    return time.monotonic() + _PATIENCE * lease
