"""Run the benchmarks: ``python -m benchmarks [--quick] [--only NAME …]``.

Every line shows a figure, its limit if it has one, and what it is made of. The exit code is
1 if a limit is missed. Figures are ratios within this run unless they have a unit.

With ``--page``, all parts are run, or those of ``--only`` again, and ``docs/performance`` is
written. Some parts, and the plots, need the packages in ``peers.txt``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    anatomy,
    batches,
    claims,
    consumers,
    footprint,
    growth,
    inside,
    keyed,
    legacy,
    lifetimes,
    memory,
    page,
    peers,
    serializing,
    sharded,
    single,
    tasks,
)
from benchmarks.figures import Figures, Part, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.harness import Result

PARTS: dict[str, Callable[..., Iterator[Result]]] = {
    "single": single.run,
    "anatomy": anatomy.run,
    "batches": batches.run,
    "tasks": tasks.run,
    "consumers": consumers.run,
    "claims": claims.run,
    "keyed": keyed.run,
    "sharded": sharded.run,
    "lifetimes": lifetimes.run,
    "serializing": serializing.run,
    "memory": memory.run,
    "inside": inside.run,
    "footprint": footprint.run,
    "growth": growth.run,
    "legacy": legacy.run,
    "peers": peers.run,
}
# These need packages of their own.
ON_REQUEST = {"inside", "legacy", "lifetimes", "peers"}
# These can be asked to go further than is quick.
ENDLESS = {"growth"}


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for, and return the exit code."""
    options = _options(arguments)
    missed = 0
    figures = Figures.load(options.figures or options.to / "figures.json")
    if options.figures is None:
        print(f"{machine()}\n")
        for name in options.only or [
            name for name in PARTS if options.page or name not in ON_REQUEST
        ]:
            part = _run(name, options)
            figures.parts[name] = part
            if options.page:
                figures.save(options.to / "figures.json")  # the next one may fail
            missed += sum(not result.ok for result in part.results)
    if options.page:
        print(page.write(figures, options.to, page.PROSE.read_text(encoding="utf-8")))
    return 1 if missed else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    parser.add_argument("--large", action="store_true", help="grow to ten million items")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="run these parts")
    parser.add_argument("--page", action="store_true", help="write the page on performance")
    parser.add_argument("--to", type=Path, default=page.FOLDER, help="the folder of the page")
    parser.add_argument(
        "--from",
        dest="figures",
        type=Path,
        help="make the page from a file of figures, and run nothing",
    )
    return parser.parse_args(arguments)


def _run(name: str, options: argparse.Namespace) -> Part:
    more = {"large": options.large} if name in ENDLESS else {}
    part = Part(machine(), [], is_quick=options.quick)
    began = time.monotonic()
    for result in PARTS[name](quick=options.quick, **more):
        print(result, flush=True)
        part.results.append(result)
    part.seconds = time.monotonic() - began
    return part


if __name__ == "__main__":
    sys.exit(main())
