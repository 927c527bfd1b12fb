"""A short check of how fast sets are on a server of one's own."""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, NamedTuple

from redset import SortedSet
from redset.cli.opening import SERVER, opened, place
from redset.cli.options import AsJSON, Url, duration
from redset.cli.output import print_line, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from redset.backends import RedisBackend

__all__ = ["bench"]

# How many items the set has at most, and how many one call moves of many.
_ITEMS = 10_000
_MANY = 1000

_MILLISECONDS = 1000


class Figure(NamedTuple):
    """What was measured of one call."""

    call: str
    items: float
    """Items a second."""
    median: float
    """The time of a call that half of them keep to, in seconds."""
    slow: float
    """The time of a call that 99 of 100 keep to, in seconds."""


def bench(
    seconds: Annotated[float, duration(min=0.1, help="For how long to measure.")] = 60.0,
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> None:
    """Measure how fast sets are on your server.

    From here, with one call at a time. Makes one set of at most ten thousand items, called
    redset-bench-…, and removes it.
    """
    name = f"redset-bench-{uuid.uuid4().hex}"
    with opened(url) as backend:
        # Not before, as of a URL that is not understood anything may be secret.
        if not as_json:
            print_line(f"{place(url)}, {seconds:g} s")
            sys.stdout.flush()
        try:
            report(
                _figures(backend, name, seconds),
                as_json,
                ["CALL", "ITEMS/S:", "MEDIAN:", "99 OF 100:"],
                lambda figure: {
                    "call": figure.call,
                    "items_per_second": figure.items,
                    "median_seconds": figure.median,
                    "slow_seconds": figure.slow,
                },
                lambda figure: [
                    figure.call,
                    f"{figure.items:,.0f}",
                    f"{figure.median * _MILLISECONDS:.3f} ms",
                    f"{figure.slow * _MILLISECONDS:.3f} ms",
                ],
            )
        finally:
            backend.clear(name)


def _figures(backend: RedisBackend, name: str, seconds: float) -> Iterator[Figure]:
    items = SortedSet(backend, name)
    calls = _calls(items)
    for call, run in calls.items():
        yield _measure(call, run, seconds / len(calls), lambda: items.update(_numbered(_ITEMS)))


def _calls(items: SortedSet[str]) -> Mapping[str, Callable[[], int]]:
    """Return what is measured: calls that give how many items they moved, 0 at the end of all."""
    numbers = cycle(_numbered(_ITEMS))

    def length() -> int:
        items.length()
        return 1

    def add() -> int:
        items.add(next(numbers))
        return 1

    def update() -> int:
        items.update(islice(numbers, _MANY))
        return _MANY

    def claim(num: int) -> int:
        claims = items.claims(num)
        items.ack_all(claims)
        return len(claims)

    return {
        "length": length,
        "add": add,
        "update, 1,000 items": update,
        "take, one item": lambda: len(items.take(1)),
        "take, 1,000 items": lambda: len(items.take(_MANY)),
        "claims and ack_all, one item": lambda: claim(1),
        "claims and ack_all, 1,000 items": lambda: claim(_MANY),
    }


def _numbered(num: int) -> Iterator[str]:
    return (f"item {number}" for number in range(num))


def _measure(
    call: str, run: Callable[[], int], seconds: float, fill: Callable[[], object]
) -> Figure:
    """Call as often as there is time for; what fills the set again is not counted."""
    times: list[float] = []
    moved = 0
    fill()
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        some = run()
        took = time.perf_counter() - began
        if some:
            moved += some
            times.append(took)
        else:
            fill()
    times.sort()
    slow = times[len(times) * 99 // 100]
    return Figure(call, moved / sum(times), statistics.median(times), slow)
