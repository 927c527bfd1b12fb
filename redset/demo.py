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
        return sorted(name for name in self._files if name.rpartition(".")[0] == package)

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
    base = base[: len(base) + 1 - node.level] if node.level else base
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
        """Take part, on a clean slate unless another run is at work."""
        with self.runs.lock_of(self.found):
            pass
