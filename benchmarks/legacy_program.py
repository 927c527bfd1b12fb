"""What redset did in 2015, with that version or this one: a program that is run by both.

``python legacy_program.py PORT TASK NUM`` says that it is ready, waits for a line, and then says
how many items it has dealt with, when it began, and when it was done.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import redis

import redset
from redset import ScheduledSet, SortedSet


def add(store: Any, num: int) -> int:
    """Add items one by one."""
    jobs = SortedSet(store, "jobs")
    for number in range(num):
        jobs.add("item %d" % number, 1.0)  # noqa: UP031  (as it was written then)
    return num


def pop(store: Any, _num: int) -> int:
    """Pop items one by one, until none is left."""
    jobs, count = SortedSet(store, "jobs"), 0
    try:
        while True:
            jobs.pop()
            count += 1
    except KeyError:
        return count


def take(store: Any, _num: int) -> int:
    """Take a hundred at a time."""
    return _take(SortedSet(store, "jobs"))


def due(store: Any, _num: int) -> int:
    """Take a hundred due items at a time."""
    return _take(ScheduledSet(store, "jobs"))


def _take(jobs: SortedSet[str]) -> int:
    count = 0
    while items := jobs.take(100):
        count += len(items)
    return count


def open_store(port: int) -> Any:
    """Connect in the way that is fastest with each."""
    if hasattr(redset, "connect"):
        return redset.connect("redis://localhost:%d" % port)  # noqa: UP031  (as it was written then)
    return redis.Redis(port=port)


if __name__ == "__main__":
    port, task, num = sys.argv[1:]
    store = open_store(int(port))
    len(SortedSet(store, "jobs"))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.time()
    count = globals()[task](store, int(num))
    print(count, began, time.time(), flush=True)
