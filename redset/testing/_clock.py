"""A clock that stands still until it is moved."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from redset._checks import check_score

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ManualClock"]


class ManualClock:
    """A clock for a memory backend that moves only when it is told to.

    Calls that wait for a time to come return when the clock has been moved there, so a
    test of hours takes no time and never sleeps. Safe for threads.

    Args:
        start: what it shows at first, in unix seconds; the present time by default.

    >>> from redset import ScheduledSet
    >>> from redset.backends import MemoryBackend
    >>> clock = ManualClock()
    >>> polls = ScheduledSet(MemoryBackend(clock=clock), "polls")
    >>> polls.add("in an hour", clock.time() + 3600) == clock.time() + 3600
    True
    >>> polls.take(1)
    []
    >>> clock.advance(3600)
    >>> polls.take(1)
    ['in an hour']
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else check_score(start, "start")
        self._elapsed = 0.0
        self._guard = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._now!r})"

    def time(self) -> float:
        """Return what the clock shows, in unix seconds."""
        return self._now

    def monotonic(self) -> float:
        """Return how many seconds the clock has been advanced by in all."""
        return self._elapsed

    def pause(self, seconds: float | None) -> float | None:
        """Return None, or 0 for a time that has come: waiters are woken by `advance`."""
        return 0.0 if seconds is not None and seconds <= 0 else None

    def subscribe(self, callback: Callable[[], object], /) -> None:
        """Call ``callback`` after every move."""
        with self._guard:
            self._callbacks.append(callback)

    def advance(self, seconds: float) -> None:
        """Move the clock forward and wake everybody who waits for a time to come.

        Args:
            seconds: by how much; not below 0.

        Raises:
            ValueError: if it is below 0; `set` moves the clock back.
        """
        seconds = check_score(seconds, "seconds")
        if seconds < 0:
            message = f"cannot advance by {seconds!r} seconds: move the clock back with set()"
            raise ValueError(message)
        with self._guard:
            self._now += seconds
            self._elapsed += seconds
        self._tell()

    def set(self, now: float) -> None:
        """Make the clock show another time, as a server's clock may jump either way.

        Args:
            now: what it shows from here on, in unix seconds. Waits that began before last
                as long as they would have.
        """
        with self._guard:
            self._now = check_score(now, "now")
        self._tell()

    def _tell(self) -> None:
        for callback in tuple(self._callbacks):
            callback()
