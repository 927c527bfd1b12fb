"""The plots of the page: SVG that is the same for the same figures, for light and dark pages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.harness import Result


class Plot(NamedTuple):
    """How figures are drawn: as lines over numbers, both on logarithmic axes, or as bars."""

    title: str
    y: str
    x: str = ""
    is_log: bool = True


PLOTS = {
    "anatomy": Plot("Where the time of one add goes", "client CPU, µs a call", is_log=False),
    "batches": Plot(
        "Batches over one connection", "thousands of items a second", "items in a call"
    ),
    "consumers": Plot("take(100) of due items", "thousands of items a second", is_log=False),
    "waiting": Plot("From an add to a waiting process", "ms", is_log=False),
    "inside": Plot("In process: add and pop", "items a second"),
    "lifetimes": Plot("Was it unseen?", "calls a second"),
    "footprint": Plot("Memory of one item", "bytes", is_log=False),
    "growth": Plot("A call as the set grows", "µs a call", "items in the set"),
    "tasks": Plot("asyncio: add and pop", "items a second", "tasks"),
    "serializing": Plot("Serializers", "µs an item", is_log=False),
    "legacy": Plot("Beside redset 0.5.1", "items a second"),
    "peers": Plot("Add, consume and acknowledge", "items a second"),
}

# Seen on white and on black; no red beside green.
_TEXT = "#7d8590"
_COLORS = ("#2f81f7", "#e5832f", "#8957e5", "#3fa7a0", "#c9a227", "#d6568d", "#8b949e")
_STYLE: dict[str, object] = {
    "svg.fonttype": "path",  # no font is asked for
    "svg.hashsalt": "redset",  # names of elements are the same each time
    "font.size": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.marker": "o",
    **{f"{what}.color": _TEXT for what in ("text", "xtick", "ytick", "grid")},
    **{f"axes.{what}color": _TEXT for what in ("edge", "label", "title")},
}


def draw(name: str, results: Sequence[Result], folder: Path) -> Path:
    """Draw one plot into a file called as it is; return that."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    pyplot: Any = import_module("matplotlib.pyplot")
    plot = PLOTS[name]
    cycle = pyplot.cycler(linestyle=["-", "--"]) * pyplot.cycler(color=_COLORS)
    with matplotlib.rc_context({**_STYLE, "axes.prop_cycle": cycle}):
        lines = _lines(results)
        places = list(dict.fromkeys(x for points in lines.values() for x in points))
        height = 4.0 if plot.x else 1.2 + 0.24 * len(results) + 0.1 * len(places)
        figure, axes = pyplot.subplots(figsize=(7.5, height), layout="constrained")
        if plot.x:
            _draw_lines(axes, plot, lines)
        else:
            _draw_bars(axes, plot, lines, places)
        axes.set_title(plot.title, loc="left")
        if len(lines) > 1:
            # Beside what is drawn, never on it.
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
        path = folder / f"{name}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return path


def _lines(results: Sequence[Result]) -> dict[str, dict[float | str, float]]:
    lines: dict[str, dict[float | str, float]] = {}
    for each in results:
        if each.place is not None:
            lines.setdefault(each.place.line, {})[each.place.x] = each.figure
    return lines


def _draw_lines(axes: Any, plot: Plot, lines: dict[str, dict[float | str, float]]) -> None:
    for label, points in lines.items():
        xs = sorted(float(x) for x in points)
        axes.plot(xs, [points[x] for x in xs], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)


def _draw_bars(
    axes: Any, plot: Plot, lines: dict[str, dict[float | str, float]], places: list[float | str]
) -> None:
    # Bars stand side by side, unless each place has only one.
    crowd = max(sum(x in points for points in lines.values()) for x in places)
    crowd = len(lines) if crowd > 1 else 1
    thickness = 0.8 / crowd
    for number, (label, points) in enumerate(lines.items()):
        shift = (number - (crowd - 1) / 2) * thickness if crowd > 1 else 0
        spots = [places.index(x) + shift for x in points]
        bars = axes.barh(spots, list(points.values()), thickness * 0.92, label=label)
        axes.bar_label(bars, fmt=_short, padding=3, fontsize=8, color=_TEXT)
    if plot.is_log:
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_yticks(range(len(places)), [str(x) for x in places])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(plot.y)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
