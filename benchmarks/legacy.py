"""Beside redset 0.5.1 of 2015, with redis-py 2.10.6 of its days, which are installed for that.

One program is run with either version; see `legacy_program`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import redis

from benchmarks import legacy_program
from benchmarks.harness import Place, Result
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("redset==0.5.1", "redis==2.10.6")
PAST = 1_000_000.0
# Which task, by how many processes, of how many items.
TASKS = [("add", 1, 3_000), ("pop", 1, 3_000), ("take", 1, 200_000), ("due", 1, 100_000)]
TASKS += [("take", 8, 400_000), ("due", 8, 40_000), ("due", 8, 200_000)]
TITLES = {"take": "take(100)", "due": "take(100) of {num:,} due items"}


def run(*, quick: bool) -> Iterator[Result]:
    """Do the same with both, in turn."""
    rounds = 1 if quick else 3
    with _versions() as versions, Server() as server:
        for task, processes, num in TASKS:
            rates: dict[str, list[float]] = {name: [] for name in versions}
            shares: dict[str, str] = {}
            for _ in range(rounds):
                for name, folder in versions.items():
                    counts, seconds = _time(server, folder, task, processes, num)
                    rates[name].append(sum(counts) / seconds)
                    shares[name] = f"{min(counts):,} to {max(counts):,}"
            medians = {name: median(of_rounds) for name, of_rounds in rates.items()}
            yield from _results(task, processes, num, medians, shares)


def _results(
    task: str, processes: int, num: int, rates: dict[str, float], shares: dict[str, str]
) -> Iterator[Result]:
    here, then = rates["redset"], rates["redset 0.5.1"]
    what = TITLES.get(task, task).format(num=num)
    title = f"{what}, {processes} process{'es' if processes > 1 else ''}"
    limit = 20 if (task, processes) == ("due", 8) else 1
    detail = f"{here:,.0f}/s / {then:,.0f}/s"
    if processes > 1:
        detail += ", a process " + " / ".join(shares.values())
    yield Result(f"{title}: redset / 0.5.1", detail, here / then, limit, at_least=True)
    for name, rate in rates.items():
        yield Result(f"{title}: {name}", "", rate, unit=" /s", place=Place("legacy", name, title))


@contextmanager
def _versions() -> Iterator[dict[str, Path | None]]:
    """Install the old version in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*install, "--target", folder, *PACKAGES], check=True)
        yield {"redset": None, "redset 0.5.1": Path(folder)}


def _time(
    server: Server, folder: Path | None, task: str, processes: int, num: int
) -> tuple[list[int], float]:
    """Return how many items each process has dealt with, and the seconds that all needed."""
    with redis.Redis(port=server.port) as client:
        client.flushall()
        if task != "add":
            for start in range(0, num, 1000):
                items = {f"item {number}": PAST for number in range(start, start + 1000)}
                client.zadd("jobs", items)
    program = [sys.executable, legacy_program.__file__, str(server.port), task, str(num)]
    workers = [
        subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(folder or Path.cwd())},
        )
        for _ in range(processes)
    ]
    pipes = [(worker.stdin, worker.stdout) for worker in workers if worker.stdin and worker.stdout]
    for _, answers in pipes:
        answers.readline()
    for orders, _ in pipes:
        orders.write("\n")
        orders.flush()
    said = [answers.readline().split() for _, answers in pipes]
    for worker in workers:
        worker.communicate()
    counts = [int(count) for count, _, _ in said]
    seconds = max(float(end) for *_, end in said) - min(float(began) for _, began, _ in said)
    return counts, seconds
