"""The clock of a memory backend when none is given: the machine's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SystemClock"]

# No wait of the machine's own can be much longer than a hundred years.
_DAY = 86400.0


class SystemClock:
    """Tells the machine's time; it moves by itself, so nobody need be told."""

    __slots__ = ()

    def time(self) -> float:
        """Return unix seconds, as `time.time` does."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds as `time.monotonic` does."""
        return time.monotonic()

    def pause(self, seconds: float | None) -> float | None:
        """Return ``seconds``, at most a day: this clock's seconds are real ones."""
        return None if seconds is None else min(seconds, _DAY)

    def subscribe(self, callback: Callable[[], object], /) -> None:
        """Do nothing: waiters sleep by the same clock."""
