"""A live view of sets."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import nullcontext
from itertools import count, islice, pairwise
from typing import TYPE_CHECKING, Annotated, Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from redset._printing import safe
from redset.backends.redis.operating import Operator
from redset.cli.opening import SERVER, opened
from redset.cli.options import AsJSON, Names, Url, duration, option
from redset.cli.output import number, print_json, print_table, when
from redset.cli.states import counted, counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import ConsoleOptions, RenderResult

    from redset.backends import RedisBackend
    from redset.interfaces import Stats

__all__ = ["View", "plot", "watch"]

# How often a set is looked at for each line that is shown.
_LOOKS: Final = 10
_BARS: Final = "▁▂▃▄▅▆▇█"
_HISTORY: Final = 500
_LABEL: Final = 24
_DAY: Final = 86400


def watch(
    names: Names,
    interval: Annotated[
        float, duration(min=0.1, max=_DAY, help="How many seconds are between two views.")
    ] = 1.0,
    views: Annotated[
        int | None, option("--num", "-n", min=1, help="After how many views to end.")
    ] = None,
    url: Url = SERVER,
    as_json: AsJSON = False,
) -> None:
    """Watch sets: counts, rates in and out, ages.

    Ctrl-C ends it. Rates are summed up from ten looks at the counts, so what comes and goes
    between two of them is not seen. An item that is claimed goes out when it is done or dead.
    """
    shows = sys.stdout.isatty() and not as_json
    with opened(url) as backend:
        watched = [View(backend, name) for name in names]
        live = Live(Group(*watched), console=Console(), auto_refresh=False) if shows else None
        with live or nullcontext():
            for _ in islice(count(), views):
                _look(watched, interval)
                if live is not None:
                    live.refresh()
                elif as_json:
                    for view in watched:
                        print_json(view.record())
                else:
                    _print(watched)
                sys.stdout.flush()


def plot(values: Sequence[float], low: float | None = None) -> str:
    """Draw values as a row of bars, from the least (or a given one) to the greatest.

    >>> plot([0, 1, 2, 7]), plot([5, 5], low=0), plot([5, 5])
    ('▁▂▃█', '██', '▁▁')
    """
    least = min(values, default=0) if low is None else low
    span = max(values, default=0) - least
    steps = len(_BARS) - 1
    return "".join(_BARS[round((value - least) / span * steps) if span else 0] for value in values)


class View:
    """What is known of one set, and has been of late.

    Args:
        backend: the server.
        name: the set.
    """

    def __init__(self, backend: RedisBackend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._operator = Operator(backend)
        self._stats = counts(backend, name)
        self._held = [_held(self._stats)]
        self._time = self._operator.time(name)
        self._history: dict[str, deque[float]] = {}

    def look(self) -> None:
        """Look at the counts once."""
        self._stats = counts(self._backend, self._name)
        self._held.append(_held(self._stats))

    def sum_up(self) -> None:
        """Make the looks since the last time one line of the history."""
        before, self._time = self._time, self._operator.time(self._name)
        # The clock of a server may be set while it is watched.
        seconds = max(self._time - before, 0.001)
        changes = [after - before for before, after in pairwise(self._held)]
        self._held = self._held[-1:]
        values = {
            **counted(self._stats),
            "in": sum(change for change in changes if change > 0) / seconds,
            "out": -sum(change for change in changes if change < 0) / seconds,
        }
        for key, value in values.items():
            self._history.setdefault(key, deque(maxlen=_HISTORY)).append(value)

    def record(self) -> dict[str, object]:
        """Return the latest line of the history as a JSON object."""
        latest = {key: values[-1] for key, values in self._history.items()}
        first = self._stats.oldest_score
        return {
            "name": self._name,
            "time": self._time,
            **latest,
            "first_score": None if first is None else number(first),
            "oldest_claim": self._stats.oldest_claim,
        }

    def row(self) -> list[str]:
        """Return the latest line of the history as cells of a table."""
        latest = [_shown(key, values[-1]) for key, values in self._history.items()]
        return [*latest, self._first(), safe(self._name)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the set for a terminal."""
        title = Text(safe(self._name), style="bold")
        if first := self._first():
            title.append(f"  first {first}", style="not bold dim")
        if self._stats.oldest_claim is not None:
            oldest = when(self._stats.oldest_claim, self._time)
            title.append(f"  claimed {oldest}", style="not bold dim")
        yield title
        room = max(options.max_width - _LABEL - 1, 0)
        for key, values in self._history.items():
            bars = plot(list(values)[-room:] if room else [], 0 if key in _RATES else None)
            label = f"  {key + '/s' if key in _RATES else key:<8}{_shown(key, values[-1]):>12}  "
            yield Text.assemble(label, (bars, "cyan"), no_wrap=True, overflow="ellipsis")

    def _first(self) -> str:
        score = self._stats.oldest_score
        return "" if score is None else when(score, self._time)


_RATES: Final = ("in", "out")


def _held(stats: Stats) -> int:
    """Return how many items are not done yet."""
    return stats.pending + stats.claimed + stats.parked


def _shown(key: str, value: float) -> str:
    return f"{value:,.1f}" if key in _RATES else f"{value:,.0f}"


def _look(watched: Sequence[View], interval: float) -> None:
    for _ in range(_LOOKS):
        time.sleep(interval / _LOOKS)
        for view in watched:
            view.look()
    for view in watched:
        view.sum_up()


def _print(watched: Sequence[View]) -> None:
    titles = ["PENDING:", "DUE:", "DELAYED:", "CLAIMED:", "DEAD:", "IN/S:", "OUT/S:", "FIRST:"]
    print_table([*titles, "NAME"], [view.row() for view in watched])
