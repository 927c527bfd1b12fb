"""One run of the program, from its command line to its report."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from redset import connect
from redset.backends import MemoryBackend
from redset.backends.redis.keys import LOCK, sibling
from redset.demo.crawling import Counts, Crawl
from redset.demo.workers import (
    Plan,
    Workers,
    interrupts_ignored,
    processes,
    quiet,
    server_errors,
    threads,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

__all__ = ["main"]

# All in seconds: between two looks at the progress; without any, before a run gives up.
_TICK = 0.1
_PATIENCE = 30.0
# More would only take memory: parsing is work for the processor.
_MOST_WORKERS = 256
# The exit code of programs ended by Ctrl-C.
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Args:
        arguments: those of the command line by default.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    plan = Plan(options.url, options.prefix, options.order == "depth", options.folder)
    library = plan.library()
    seeds: list[str] = options.modules or library.children()
    if not seeds:
        parser.error(f"argument --folder: there are no modules in {str(options.folder)!r}")
    if unknown := [seed for seed in seeds if seed not in library]:
        parser.error(f"there is no module {unknown[0]!r} here: name others, or none for all")
    try:
        with connect(plan.url) as backend:
            crawl = plan.crawl(backend, library)
            waiting = len(crawl.queue)
            if options.clear:
                crawl.clear()
    except Exception as error:  # noqa: BLE001  (each client library has its own)
        parser.error(f"argument --url: {error}")
    if options.clear:
        print(f"The sets of this crawl are removed; {waiting:,} modules were waiting.")
        return 0
    try:
        with quiet():
            return run(plan, seeds, options.workers)
    except KeyboardInterrupt:  # once more, while the workers were told to stop
        return _INTERRUPTED
    except server_errors() as error:
        print(f"{parser.prog}: the server failed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m redset.demo",
        description="Crawl the import graph of Python's standard library with several workers.",
        epilog="Start it twice at once on one server, and the two share the work.",
    )
    add = parser.add_argument
    add("modules", nargs="*", help="the modules to begin with; all at the top by default")
    add(
        "--workers",
        type=_count,
        default=os.cpu_count() or 1,
        help="how many workers to start (default: %(default)s, one for each core)",
    )
    add("--order", choices=["size", "depth"], default="size", help="what is parsed first")
    add(
        "--url",
        default="memory://",
        help="where the sets are: memory:// (the default) with threads as workers, or "
        "redis://localhost:6379 and the like with processes",
    )
    add(
        "--prefix",
        type=_prefix,
        default="redset-demo",
        help="what the names of the sets begin with (default: %(default)s)",
    )
    add(
        "--folder",
        type=Path,
        help="crawl the modules in this folder instead of the standard library",
    )
    add("--clear", action="store_true", help="only remove the sets, whoever uses them")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        message = f"{text!r} is no number of workers: give 1 to {_MOST_WORKERS}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _prefix(text: str) -> str:
    try:
        # The sets have locks, which are not for every name.
        sibling(f"{text}:", LOCK)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


class Progress:
    """Shows how far a crawl is: on one line of a terminal, else by a line now and then.

    Args:
        stream: where to.
        interval: how many seconds are between two lines if it is no terminal.
    """

    def __init__(self, stream: TextIO, interval: float = 1.0) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._interval = interval
        self._next = time.monotonic() + interval

    def show(self, counts: Counts) -> None:
        """Show the counts, unless it is too early for another line."""
        text = (
            f"{counts.parsed:,} of {counts.found:,} modules parsed, {counts.adds:,} added, "
            f"{counts.duplicates:,} of them duplicates"
        )
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{text[:width]:<{width}}")
        elif time.monotonic() >= self._next:
            self._next += self._interval
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line as it is, and go to the next."""
        if self._live:
            self._stream.write("\n")


def run(plan: Plan, seeds: Sequence[str], workers: int) -> int:
    """Take part in a crawl to its end, and report.

    Args:
        plan: the crawl.
        seeds: the modules to begin with.
        workers: how many workers to start.

    Returns:
        The exit code: 0 if everything is parsed, 1 if not, 130 after Ctrl-C.
    """
    name = uuid.uuid4().hex[:8]
    names = [f"{name}-{number}" for number in range(1, workers + 1)]
    with connect(plan.url) as backend:
        crawl = plan.crawl(backend, plan.library())
        in_memory = isinstance(backend, MemoryBackend)
        team = threads(crawl, names) if in_memory else processes(plan, names)
        began = time.monotonic()
        crawl.join(name)
        try:
            interrupted = _crawl(crawl, name, seeds, team)
            counts = crawl.counts()
            _report(crawl, counts, names, time.monotonic() - began)
        finally:
            last = crawl.leave(name)
    missing = counts.found - counts.parsed
    if interrupted:
        print(f"Interrupted, with {missing:,} modules not parsed.")
    elif missing:
        print(f"Given up, with {missing:,} modules not parsed: they went down with their worker.")
    if last:
        print("The sets of this crawl are removed.")
    else:
        print("Another run is at work. The last one to end removes the sets, as --clear does.")
    return _INTERRUPTED if interrupted else int(missing > 0)


def _crawl(crawl: Crawl, name: str, seeds: Sequence[str], team: Workers) -> bool:
    """Let the workers crawl, and return whether Ctrl-C put an end to it."""
    try:
        with interrupts_ignored():
            crawl.bring(seeds, 0, name)
            team.start()
        _watch(crawl, name, team, Progress(sys.stderr))
    except KeyboardInterrupt:
        return True
    finally:
        team.stop()
    return False


def _watch(crawl: Crawl, name: str, team: Workers, progress: Progress) -> None:
    """Show the progress until all workers have ended, or nothing happens any more."""
    last, since = Counts(-1, 0, 0), time.monotonic()
    with closing(progress):
        while alive := team.alive():
            alive[0].join(_TICK)
            crawl.runs.add(name)
            counts = crawl.counts()
            progress.show(counts)
            if counts != last:
                last, since = counts, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                return


def _report(crawl: Crawl, counts: Counts, names: Sequence[str], seconds: float) -> None:
    print(f"modules              {counts.found:>7,}")
    print(f"parsed               {counts.parsed:>7,}")
    print(f"adds                 {counts.adds:>7,}")
    print(f"duplicates avoided   {counts.duplicates:>7,}")
    print(f"seconds              {seconds:>9.1f}")
    own = [int(score or 0) for score in crawl.parsed.scores(names)]
    for number, parsed in enumerate(own, 1):
        print(f"worker {number:<13} {parsed:>7,} modules, {parsed / seconds:,.1f} per second")
    if others := counts.parsed - sum(own):
        print(f"other runs           {others:>7,} modules")
    for module in crawl.failed:
        print(f"with errors in it    {module}")
    top = crawl.importers[:-11:-1]
    print("most imported" if top else "nothing imported")
    for module, importers in zip(top, crawl.importers.scores(top), strict=True):
        print(f"  {module:<19}{importers or 0:>7,.0f}")
