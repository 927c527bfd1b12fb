"""Non-duplicate, periodic polling of many accounts, with asyncio.

Each account is polled once in its own interval, by whichever worker is free, however many
workers and programs there are: an account is in the set once, its score being the time when
it is due. Some accounts are asked for in between, by users who press "refresh". With
`Merge.EARLIEST` that brings the next poll forward, and adds none.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

from redset import AsyncScheduledSet, Merge, connect_async
from redset.exceptions import EmptySetError

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKERS = 3
REFRESHES = 20
# How many seconds are between two polls of an account.
INTERVALS = {"busy": 0.1, "normal": 0.25, "quiet": 60.0}


async def poll(account: str, polls: Counter[str]) -> None:
    """Ask a service for news of an account, which takes some time."""
    await asyncio.sleep(0.01)
    polls[account] += 1


async def work(due: AsyncScheduledSet[str], polls: Counter[str], end: float) -> None:
    """Poll what is due, and put it back for the next time."""
    while (left := end - time.monotonic()) > 0:
        try:
            # Sleeps until something is due, without asking again and again.
            account = await due.pop(timeout=left)
        except EmptySetError:
            return
        try:
            await poll(account, polls)
        finally:
            await due.add(account, time.time() + INTERVALS[account])


async def refresh(due: AsyncScheduledSet[str], account: str, times: int) -> None:
    """Press "refresh" several times at once: the account is due now, and waits only once."""
    await asyncio.gather(*(due.add(account) for _ in range(times)))


async def run(url: str, name: str, seconds: float) -> Counter[str]:
    """Poll for some time; return how often each account was polled."""
    polls: Counter[str] = Counter()
    async with connect_async(url) as backend:
        due = AsyncScheduledSet(backend, name, merge=Merge.EARLIEST)
        # Any number of programs may do this at their start.
        await due.update(INTERVALS)
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(work(due, polls, end))
            await asyncio.sleep(seconds / 2)
            await refresh(due, "quiet", REFRESHES)
        await due.clear()
    return polls


def main(arguments: Sequence[str] | None = None) -> None:
    """Poll for a second, and show how often each account was polled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the set is")
    parser.add_argument("--name", default=f"polling-{os.getpid()}", help="the name of the set")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to go on")
    options = parser.parse_args(arguments)

    polls = asyncio.run(run(options.url, options.name, options.seconds))
    for account, interval in INTERVALS.items():
        print(f"{account:<6} every {interval:>5} s: polled {polls[account]} times")


if __name__ == "__main__":
    main()
