"""The page on performance: prose from ``page.md``, with tables, plots and figures in their places.

In the prose, ``{{table PART}}`` stands for all figures of a part, ``{{plot NAME}}`` for a plot, and
``{{figure PART: NAME}}`` for one figure, and ``{{list machines}}`` for where all was run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plots import PLOTS, draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figures, Part
    from benchmarks.harness import Result

PROSE = Path(__file__).with_name("page.md")
FOLDER = Path("docs/performance")

_PLACEHOLDER = re.compile(r"\{\{(table|plot|figure|list) ([^}]+)\}\}")
_SIDES = re.compile(r"(?P<kind>(?:[\w ]+: )*)(?P<ours>.+?) / (?P<theirs>.+)")


def write(figures: Figures, folder: Path, prose: str) -> Path:
    """Write the page, its plots and the figures into a folder; return the page's path."""
    figures.save(folder / "figures.json")

    def fill(found: re.Match[str]) -> str:
        kind, what = found.groups()
        if kind == "table":
            return "\n".join(_table(what, figures.parts.get(what)))
        if kind == "plot":
            return _plot(figures, what, folder)
        if kind == "list":
            return "\n".join(_machines(figures))
        part, _, name = what.partition(": ")
        result = figures.named(part, name)
        return "…" if result is None else result.shown

    page = folder / "index.md"
    page.write_text(_PLACEHOLDER.sub(fill, prose), encoding="utf-8")
    return page


def _table(name: str, part: Part | None) -> Iterator[str]:
    command = f"python -m benchmarks --only {name}"
    if part is None:
        yield f"*Not run yet: `{command}`.*"
        return
    yield "| what | beside | figure | made of |"
    yield "|---|---|---:|---|"
    for each in part.results:
        if each.place is not None and (PLOTS[each.place.plot].x or not each.detail):
            continue  # the plot says as much
        what, beside = _sides(each)
        yield f"| {what} | {beside} | {each.shown} | {each.detail} |"
    yield ""
    quick = " --quick" if part.is_quick else ""
    yield f"*`{command}{quick}`, {part.seconds:.0f} s.*"


def _machines(figures: Figures) -> Iterator[str]:
    parts: dict[str, list[str]] = {}
    for name, part in figures.in_order():
        parts.setdefault(part.machine, []).append(name)
    for machine, names in parts.items():
        yield f"- {', '.join(names)}: {machine}."


def _sides(result: Result) -> tuple[str, str]:
    """Return what a figure is of, and what it is beside, which names tell apart by a slash."""
    found = _SIDES.fullmatch(result.name)
    if found is None or result.unit:
        return result.name, ""
    return found["kind"] + found["ours"], found["theirs"]


def _plot(figures: Figures, name: str, folder: Path) -> str:
    results = figures.plotted(name)
    if not results:
        return f"*No figures for this plot yet: {PLOTS[name].title}.*"
    return f"![{PLOTS[name].title}]({draw(name, results, folder).name})"
