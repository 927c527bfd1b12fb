"""Timing contestants side by side, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.servers import Server


class Place(NamedTuple):
    """Where a figure stands in a plot."""

    plot: str
    line: str
    x: float | str


@dataclass(frozen=True)
class Result:
    """One line of the report: a figure, and what it may be at most."""

    name: str
    detail: str
    figure: float
    limit: float | None = None
    at_least: bool = False
    unit: str = ""
    place: Place | None = None

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        if self.limit is None:
            return True
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    @property
    def shown(self) -> str:
        """The figure with its unit, in as many digits as mean something."""
        digits = max(0, 3 - len(f"{abs(self.figure):.0f}"))
        return f"{self.figure:,.{digits}f}{self.unit}"

    def __str__(self) -> str:
        bound = ""
        if self.limit is not None:
            sign = "≥" if self.at_least else "≤"
            bound = f"{sign} {self.limit:g}  {'ok' if self.ok else 'MISSED'}"
        return f"{self.name:<52} {self.shown:>14} {bound:<16} {self.detail}".rstrip()


def race(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    prepare: Callable[[], object] = bool,
) -> dict[str, float]:
    """Run all in turn, again and again; return the median seconds of each.

    What prepares a run is called before each, and takes no part in the race.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for call in contestants.values():
        prepare()
        call()  # warm up
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contestants.items():
                # What one leaves behind must not cost another, nor lie about in its memory.
                gc.collect()
                prepare()
                began = clock()
                call()
                times[name].append(clock() - began)
    finally:
        gc.enable()
    return {name: median(each) for name, each in times.items()}


@contextmanager
def apart(server: Server) -> Iterator[None]:
    """Keep the server on one core and this process on another, if there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(server.pid, cores[:1])
        os.sched_setaffinity(0, cores[1:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def microseconds(seconds: float, times: int) -> str:
    """Show what one of many took."""
    return f"{seconds / times * 1e6:.2f} µs"
