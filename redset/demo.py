"""The import graph of the standard library, crawled by several workers that share sets.

Run it with ``python -m redset.demo``. Every module found is added to a queue, most of them
many times over, and parsed exactly once, the cheapest first. On ``memory://`` the workers
are threads; with ``--url redis://…`` they are processes, and whoever runs the program at
the same time on the same server shares the work. Modules are read, but never imported.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import pkgutil
import shutil
import signal
import sys
import sysconfig
import threading
import time
import uuid
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from redset import SortedSet, TTLSet, connect
from redset.backends import MemoryBackend
from redset.exceptions import EmptySetError, RedsetError
from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from multiprocessing.process import BaseProcess
    from typing import TextIO

    from redset.interfaces import Backend

__all__ = ["Crawl", "Library", "main", "work"]

# All times are in seconds.
_PAUSE = 0.2  # how long a worker waits for a module before it asks whether all is done
_TICK = 0.1  # between two looks at the progress
_ALIVE = 15.0  # for how long a run that gives no sign counts as alive
_PATIENCE = 30.0  # without any progress, before a run gives up

_INTERRUPTED = 130  # the exit code of programs ended by Ctrl-C


# Where modules are, and what they import


class Library:
    """The modules that a crawl may meet, and the files that hold them.

    Args:
        files: the file of each module by its full name; what is no ``.py`` file, such as a
            module built into Python, counts as empty.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._children: dict[str, list[str]] = {}
        for name in sorted(files):
            self._children.setdefault(name.rpartition(".")[0], []).append(name)

    @classmethod
    def standard(cls) -> Library:
        """Return the standard library of the Python that runs this."""
        folder = Path(sysconfig.get_path("stdlib"))
        files = {name: Path(name) for name in sys.builtin_module_names}
        files |= {**_files(folder / "lib-dynload"), **_files(folder)}
        names = sys.stdlib_module_names
        return cls({name: file for name, file in files.items() if name.partition(".")[0] in names})

    @classmethod
    def at(cls, folder: Path) -> Library:
        """Return the modules and packages in a folder, such as a program's own."""
        return cls(dict(_files(folder)))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def children(self, package: str = "") -> list[str]:
        """Return the direct submodules of a package, those at the top by default."""
        return self._children.get(package, [])

    def size(self, name: str) -> int:
        """Return the size of a module's source in bytes."""
        source = self._source(name)
        return source.stat().st_size if source else 0

    def imports(self, name: str) -> set[str]:
        """Return the modules of this library that a module imports, anywhere in its code.

        Raises:
            SyntaxError: if its source cannot be parsed; in some versions of Python also
                another `ValueError`.
        """
        source = self._source(name)
        if source is None:
            return set()
        package = name if source.name == "__init__.py" else name.rpartition(".")[0]
        imported: set[str] = set()
        for node in ast.walk(ast.parse(source.read_bytes())):
            for wanted in _wanted(node, package):
                imported.update(self._along(wanted))
        return imported - {name}

    def _source(self, name: str) -> Path | None:
        file = self._files.get(name)
        return file if file and file.suffix == ".py" and file.is_file() else None

    def _along(self, wanted: str) -> Iterator[str]:
        """Give ``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``, as far as they are modules."""
        end = wanted.find(".")
        while end >= 0:
            if wanted[:end] in self:
                yield wanted[:end]
            end = wanted.find(".", end + 1)
        if wanted in self:
            yield wanted


def _files(folder: Path, package: str = "") -> Iterator[tuple[str, Path]]:
    for module in pkgutil.iter_modules([str(folder)], package):
        last = module.name.removeprefix(package)
        if module.ispkg:
            yield module.name, folder / last / "__init__.py"
            yield from _files(folder / last, f"{module.name}.")
        else:
            yield module.name, folder / f"{last}.py"


def _wanted(node: ast.AST, package: str) -> list[str]:
    """Return the dotted names that an import statement asks for; the last part may be none."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = package.split(".") if node.level else []
    # One dot is the package itself, each further one leads a level up.
    base = base[: max(len(base) + 1 - node.level, 0)]
    base += [node.module] if node.module else []
    return [".".join([*base, alias.name]) for alias in node.names]


# The state of a crawl, and what a worker does


class Counts(NamedTuple):
    """How far a crawl is."""

    parsed: int
    found: int
    adds: int


class Crawl:
    """One crawl, whose state is in sets that all its workers share.

    Args:
        backend: where the sets are.
        prefix: what their names begin with.
        library: the modules there are.
        by_depth: whether modules are parsed by their distance from where the crawl began,
            rather than by their size.
    """

    def __init__(
        self, backend: Backend, prefix: str, library: Library, *, by_depth: bool = False
    ) -> None:
        self.library = library
        self.by_depth = by_depth
        # The modules that wait to be parsed, in the order in which they will be.
        self.queue = SortedSet(backend, f"{prefix}:queue")
        # All modules ever met, by depth. Whoever brings one in also puts it into the queue.
        self.found = SortedSet(backend, f"{prefix}:found")
        # By how many modules each is imported.
        self.importers = SortedSet(backend, f"{prefix}:importers")
        # How many modules each worker has parsed and added; what could not be parsed.
        self.parsed = SortedSet(backend, f"{prefix}:parsed")
        self.adds = SortedSet(backend, f"{prefix}:adds")
        self.failed = SortedSet(backend, f"{prefix}:failed")
        # The programs that run now. One that is killed drops out of it by itself.
        self.runs = TTLSet(backend, f"{prefix}:runs", ttl=_ALIVE, merge=Merge.REPLACE)

    def join(self, run: str) -> None:
        """Take part; a crawl whose runs were all killed is swept away first."""
        with self.found.lock:
            if not self.runs:
                self.clear()
            self.runs.add(run)

    def leave(self, run: str) -> bool:
        """Take part no more, and return whether the sets were removed: the last run does."""
        with self.found.lock:
            self.runs.discard(run)
            if not self.runs:
                self.clear()
                return True
            return False

    def clear(self) -> None:
        """Remove all that is kept for this crawl."""
        sets = (self.queue, self.found, self.importers, self.parsed, self.adds, self.failed)
        for each in (*sets, self.runs):
            each.clear()

    def bring(self, modules: Collection[str], depth: float, worker: str) -> None:
        """Add modules, those that nobody has brought before to the queue, too."""
        new = [module for module in modules if self.found.add_new(module, depth)]
        self.queue.update(new, [depth if self.by_depth else self.library.size(module) for module in new])
        self.adds.increment(worker, len(modules))

    def parse(self, module: str, worker: str) -> None:
        """Do the work that a module taken from the queue stands for."""
        try:
            imports = self.library.imports(module)
        except (SyntaxError, ValueError):
            self.failed.add(module)
            imports = set()
        for imported in imports:
            self.importers.increment(imported)
        depth = self.found.score(module) or 0.0
        self.bring([*imports, *self.library.children(module)], depth + 1, worker)
        # Only now: until all that a module leads to is found, it is not done with.
        self.parsed.increment(worker)

    def counts(self) -> Counts:
        """Return how far the crawl is."""
        # In this order: both only grow, so if they are found equal, then they were equal
        # when the first was read, when nothing was left that could bring in another module.
        parsed = _total(self.parsed)
        return Counts(parsed, len(self.found), _total(self.adds))


def _total(scores: SortedSet[str]) -> int:
    return int(sum(score for _, score in scores.items()))


def work(crawl: Crawl, worker: str, stopped: Callable[[], bool]) -> None:
    """Parse modules until all are parsed, or the worker is stopped between two of them.

    Args:
        crawl: the crawl to take part in.
        worker: the name to count this worker's modules under.
        stopped: tells whether to stop.
    """
    while not stopped():
        try:
            module = crawl.queue.pop(timeout=_PAUSE)
        except EmptySetError:
            # Others may still find modules in what they parse.
            if crawl.counts().complete:
                return
        else:
            crawl.parse(module, worker)


# One run: its workers, its progress, its report


@dataclass(frozen=True)
class Plan:
    """What every worker has to know."""

    url: str
    prefix: str
    by_depth: bool
    folder: Path | None

    def library(self) -> Library:
        """Return the modules to crawl."""
        return Library.standard() if self.folder is None else Library.at(self.folder)

    def crawl(self, backend: Backend, library: Library) -> Crawl:
        """Return the crawl, as it is seen through one connection."""
        return Crawl(backend, self.prefix, library, by_depth=self.by_depth)


Workers = tuple["Sequence[threading.Thread | BaseProcess]", "Callable[[], object]"]
"""Workers that have been started, and what to call to stop them."""


def start_threads(crawl: Crawl, names: Iterable[str]) -> Workers:
    """Start workers that share this process and its memory."""
    stopped = threading.Event()
    threads = [threading.Thread(target=work, args=(crawl, name, stopped.is_set)) for name in names]
    for thread in threads:
        thread.start()
    return threads, stopped.set


def start_processes(plan: Plan, names: Iterable[str]) -> Workers:
    """Start workers that share nothing but the server."""
    context = multiprocessing.get_context("spawn")
    # Reading ends find a closed pipe when this process tells them to stop, or is killed.
    stopped, stop = context.Pipe(duplex=False)
    arguments = [(plan, name, stopped.poll) for name in names]
    processes = [context.Process(target=work_alone, args=each, daemon=True) for each in arguments]
    for process in processes:
        process.start()
    return processes, stop.close


def work_alone(plan: Plan, worker: str, stopped: Callable[[], bool]) -> None:
    """Work in a process of one's own; see `work`."""
    warnings.simplefilter("ignore")
    with connect(plan.url) as backend:
        work(plan.crawl(backend, plan.library()), worker, stopped)


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

    def end(self) -> None:
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
        The exit code: 0 if everything was parsed, 1 if not, 130 after Ctrl-C.
    """
    name = uuid.uuid4().hex[:8]
    names = [f"{name}-{number}" for number in range(1, workers + 1)]
    with connect(plan.url) as backend:
        crawl = plan.crawl(backend, plan.library())
        began = time.monotonic()
        crawl.join(name)
        try:
            with _interrupts_ignored():
                crawl.bring(seeds, 0, name)
                if isinstance(backend, MemoryBackend):
                    started = start_threads(crawl, names)
                else:
                    started = start_processes(plan, names)
            code = _watch(crawl, name, *started)
            _report(crawl, names, time.monotonic() - began, code)
        finally:
            last = crawl.leave(name)
    if last:
        print("The sets of this crawl are removed.")
    else:
        print("Another run works on; the last one to end removes the sets, and so does --clear.")
    return code
