"""From what is asked of a backend, and what it answers, to what a recorder is told."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from redset.backends.sharded._naming import is_bell, set_name
from redset.exceptions import ReplicationError
from redset.interfaces import NOW
from redset.metrics._work import Outcome, Work, WorkInProgress, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence
    from contextlib import AbstractContextManager

    from redset.interfaces import Bound, Claimed, Entry, Hold, Terms
    from redset.metrics._recorder import Recorder

__all__ = ["Observer"]


class Ending:
    """Claims that are being ended, and how long they were worked on."""

    __slots__ = ("_outcome", "_recorder", "works")

    def __init__(self, recorder: Recorder, works: Sequence[Work | None], outcome: Outcome) -> None:
        self._recorder = recorder
        self._outcome = outcome
        self.works = [(work, 0.0 if work is None else work.seconds()) for work in works]

    def note(self, held: Sequence[bool]) -> None:
        """Tell of their end, or that they were not held any more."""
        for (work, seconds), is_held in zip(self.works, held, strict=True):
            if work is not None:
                self._recorder.ended(work, self._outcome if is_held else Outcome.LOST, seconds)


class Observer:
    """What all views of one store share: whom to tell, and what is being worked on.

    The shards of a set count as that set.

    Args:
        recorder: who is told.
        label: gives what a set is called in metrics.
        timed: the names of sets whose scores are times, beside those that are asked for what
            is due.
    """

    def __init__(
        self, recorder: Recorder, label: Callable[[str], str], timed: Collection[str]
    ) -> None:
        self._recorder = recorder
        self._label = label
        self._timed = frozenset(timed)
        # Nothing of this refers back to the observer, so all goes with the last set.
        self._work = WorkInProgress(partial(_lose, recorder))
        recorder.watch(self._work)

    def call(
        self, name: str, operation: str, count: int | None = None
    ) -> AbstractContextManager[object]:
        """Return what surrounds one call."""
        return self._recorder.call(self._label_of(name), operation, count)

    def added(self, name: str, given: int, new: int) -> None:
        """Tell of items that were added; what rings a bell is none."""
        if is_bell(name):
            return
        self._recorder.added(self._label_of(name), given, new)

    def taken(self, name: str, entries: Sequence[Entry], high: Bound) -> None:
        """Tell of items that were taken without a claim; what rang a bell is none."""
        if not entries or is_bell(name):
            return
        label = self._label_of(name)
        self._recorder.taken(label, len(entries))
        if high is NOW or set_name(name) in self._timed:
            # The store's own clock is not known here.
            now = time.time()
            for _, score in entries:
                self._waited(label, now - score)

    def claimed(self, name: str, terms: Terms, claimed: Claimed) -> None:
        """Tell of what was claimed, and of dead letters that had to go."""
        name = set_name(name)
        label = self._label(name)
        if claimed.dropped:
            self._recorder.buried(label, 0, claimed.dropped)
        if not claimed.leases:
            return
        began, given_up = time.monotonic(), until(terms.lease)
        # What is tried again has the score of its first time, except where it has a new due time.
        is_timed = name in self._timed
        works: list[Work] = []
        for lease in claimed.leases:
            if terms.high is NOW or (is_timed and lease.attempt == 1):
                # When it was claimed, by the store's clock.
                now = lease.deadline - terms.lease
                self._waited(label, now - lease.score)
            # Without the payload, which may be large.
            hold = (bytes(lease.member), lease.token)
            work = Work(label, name, hold, lease.attempt, began, given_up)
            works.append(work)
            self._recorder.began(work, lease)
        self._work.put(works)

    @contextmanager
    def ending(
        self, name: str, holds: Sequence[Hold], outcome: Outcome
    ) -> Generator[Ending, None, None]:
        """Stop the time of claims that are to be ended, which goes on if that fails."""
        works = self._work.take(set_name(name), holds)
        ending = Ending(self._recorder, works, outcome)
        try:
            yield ending
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, ReplicationError):
                self._work.put(work for work, _ in ending.works if work is not None)
            else:
                # They ended before somebody interrupted a wait, or too few replicas answered.
                ending.note([True] * len(holds))
            raise

    def extended(
        self, name: str, holds: Sequence[Hold], lease: float, deadlines: Sequence[float | None]
    ) -> None:
        """Note which claims were extended; tell of those that were lost."""
        name = set_name(name)
        lost: list[Hold] = []
        for hold, deadline in zip(holds, deadlines, strict=True):
            if deadline is None:
                lost.append(hold)
            else:
                self._work.extend(name, hold, lease)
        for work in self._work.take(name, lost):
            if work is not None:
                _lose(self._recorder, work)

    def renamed(self, name: str, target: str) -> None:
        """Note that a set has another name, and its claims with it."""
        self._work.rename(name, target, self._label(target))

    def buried(self, name: str, num: int, dropped: int) -> None:
        """Tell of items that became dead letters."""
        self._recorder.buried(self._label_of(name), num, dropped)

    def _waited(self, label: str, seconds: float) -> None:
        # What has been due ever since (-inf) tells no time; a sum would be infinite for good by it.
        if seconds < math.inf:
            self._recorder.waited(label, max(seconds, 0.0))

    def _label_of(self, name: str) -> str:
        return self._label(set_name(name))


def _lose(recorder: Recorder, work: Work) -> None:
    recorder.ended(work, Outcome.LOST, work.seconds())
