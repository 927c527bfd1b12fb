"""What all contestants do: nothing, with somebody who times it and counts."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Watch:
    """Times one phase, and counts the items that are worked off. Safe for threads."""

    current: Watch

    def __init__(
        self, num: int, ready: Callable[[], object], report: Callable[[tuple[float, ...]], object]
    ) -> None:
        self._num = num
        self._ready = ready
        self._report = report
        self._lock = threading.RLock()
        self._acknowledged = self._worked = 0
        self._is_over = False
        Watch.current = self

    def start(self) -> None:
        """Say that all is prepared, and begin when told to."""
        self._ready()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def work(self) -> None:
        """Note that an item is worked on."""
        with self._lock:
            self._worked += 1

    def acknowledge(self) -> None:
        """Note that an item was acknowledged; the last one ends the phase."""
        with self._lock:
            self._acknowledged += 1
            if self._acknowledged == self._num:
                self.stop()

    def stop(self) -> None:
        """Report wall time, CPU time and the items that were worked on; once."""
        with self._lock:
            wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            if not self._is_over:
                self._is_over = True
                self._report((wall, cpu, self._worked))


class Contestant(NamedTuple):
    """A way to get items through a server."""

    name: str
    num: int
    produce: Callable[[int, int, Watch], None]
    consume: Callable[[int, int, Watch], None]
    batched: bool = False
    limit: float | None = None


def work(_number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()


async def work_later(_number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()


async def work_in_context(_context: object, *, _number: int) -> None:
    """Do nothing, and count it."""
    Watch.current.work()
