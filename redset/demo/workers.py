"""Workers: threads on a store in memory, processes on a server."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redset import connect
from redset.demo.crawling import Crawl, work
from redset.demo.library import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from redset.interfaces import Backend

__all__ = [
    "Plan",
    "Workers",
    "interrupts_ignored",
    "processes",
    "quiet",
    "server_errors",
    "threads",
]


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


@dataclass(frozen=True)
class Workers:
    """Threads or processes that work, and what tells them to stop."""

    members: Sequence[threading.Thread | BaseProcess]
    tell: Callable[[], object]

    def start(self) -> None:
        """Let them begin."""
        for member in self.members:
            member.start()

    def alive(self) -> list[threading.Thread | BaseProcess]:
        """Return those that are at work."""
        return [member for member in self.members if member.is_alive()]

    def stop(self) -> None:
        """Tell them to stop, and wait until each is done with the module it has."""
        self.tell()
        for member in self.alive():
            member.join()


def threads(crawl: Crawl, names: Iterable[str]) -> Workers:
    """Return workers that share this process and its memory."""
    stop = threading.Event()
    calls = [(crawl, name, stop.is_set) for name in names]
    return Workers(
        [threading.Thread(target=work, args=call, daemon=True) for call in calls], stop.set
    )


def processes(plan: Plan, names: Iterable[str]) -> Workers:
    """Return workers that share nothing but the server."""
    context = multiprocessing.get_context("spawn")
    # It is readable once its other end is closed: by `tell`, or because this process died.
    stopped, stop = context.Pipe(duplex=False)
    calls = [(plan, name, stopped.poll) for name in names]
    return Workers(
        [context.Process(target=work_alone, args=call, daemon=True) for call in calls], stop.close
    )


def work_alone(plan: Plan, worker: str, stopped: Callable[[], bool]) -> None:
    """Work in a process of one's own; see `work`.

    If the server fails, it does so for the program that started this, too, which tells.
    """
    with suppress(*server_errors()), quiet(), connect(plan.url) as backend:
        work(plan.crawl(backend, plan.library()), worker, stopped)


def server_errors() -> tuple[type[Exception], ...]:
    """Return the classes of what is raised if a server fails: none without a client library."""
    try:
        from redis import RedisError
    except ImportError:
        return ()
    return (RedisError,)


@contextmanager
def quiet() -> Generator[None]:
    """Keep the parser from warning about what it reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def interrupts_ignored() -> Generator[None]:
    """Ignore Ctrl-C, as processes started meanwhile do for good: their parent stops them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
