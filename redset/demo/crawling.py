"""The state of a crawl in shared sets, and what a worker does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from redset import SortedSet, TTLSet
from redset.exceptions import EmptySetError
from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from redset.demo.library import Library
    from redset.interfaces import Backend

__all__ = ["Counts", "Crawl", "work"]

# For how many seconds a run that gives no sign counts as alive.
_ALIVE = 15.0
# How many seconds a worker waits for a module before it asks whether all is done.
_PAUSE = 0.2


class Counts(NamedTuple):
    """How far a crawl is."""

    parsed: int
    found: int
    adds: int

    @property
    def complete(self) -> bool:
        """Whether every module found is parsed."""
        return self.parsed >= self.found

    @property
    def duplicates(self) -> int:
        """How many of the adds were of modules found already."""
        return self.adds - self.found


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
        self.adds.increment(worker, len(modules))
        new = [module for module in modules if self.found.add_new(module, depth)]
        scores = [depth if self.by_depth else self.library.size(module) for module in new]
        self.queue.update(new, scores)

    def parse(self, module: str, worker: str) -> None:
        """Do the work that a module taken from the queue stands for."""
        imports: set[str] = set()
        try:
            imports = self.library.imports(module)
        except (SyntaxError, ValueError):
            self.failed.add(module)
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
