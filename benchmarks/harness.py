"""Timing contestants side by side, so that what disturbs one disturbs all."""

from __future__ import annotations

import gc
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.servers import Server


@dataclass(frozen=True)
class Result:
    """One line of the report: a figure, and what it may be at most."""

    name: str
    detail: str
    figure: float
    limit: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        if self.limit is None:
            return True
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    def __str__(self) -> str:
        bound = ""
        if self.limit is not None:
            sign = "≥" if self.at_least else "≤"
            bound = f"{sign} {self.limit:g}  {'ok' if self.ok else 'MISSED'}"
        return f"{self.name:<46} {self.figure:>9.2f}{self.unit:<3} {bound:<16} {self.detail}"


def race(
    contestants: dict[str, Callable[[], object]],
    *,
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Run all in turn, again and again; return the median seconds of each."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for call in contestants.values():
        call()  # warm up
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contestants.items():
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
