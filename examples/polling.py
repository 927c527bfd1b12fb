"""Periodic polling of many accounts without duplicates, with asyncio.

Each account is polled in its own interval, by whichever poller is free, however many pollers
and programs there are. An account is in the set once, its score being the time when it is
due. A poller claims it, polls, and has it reschedule itself, so it has no other copy, and no
two pollers have it at once. A poller that dies loses nothing: when its lease runs out, another
takes over.

Every program adds all accounts when it starts, which changes nothing for those that are
there: `Merge.KEEP` leaves alone what waits, and by the set's own rule, `Merge.LATEST`, what is
added during a poll cannot come before the time for which the poll reschedules it. A user who
presses "refresh" brings the next poll forward by `Merge.EARLIEST`, and adds none; during a
poll, that poll is the answer.
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

    from redset import AsyncClaim

POLLERS = 3
PROGRAMS = 100
REFRESHES = 20
# In seconds. It is extended for as long as a poll takes, so it only says how soon an account
# is taken over from a poller that died.
LEASE = 10.0
# How many seconds are between two polls of an account.
INTERVALS = {"busy": 0.1, "normal": 0.25, "quiet": 60.0}


class Service:
    """Stands for what is polled, and notices who polls."""

    def __init__(self) -> None:
        self.polls: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.taken_over = 0
        self._polled: set[str] = set()

    async def poll(self, claim: AsyncClaim[str]) -> None:
        """Ask for news of an account, which takes some time."""
        account = claim.item
        self.polls[account] += 1
        self.at_once[account] += account in self._polled
        self.taken_over += claim.attempt > 1
        self._polled.add(account)
        await asyncio.sleep(0.01)
        self._polled.discard(account)


async def start(due: AsyncScheduledSet[str]) -> None:
    """Add all accounts, as every program does."""
    await due.update(INTERVALS, merge=Merge.KEEP)


async def work(due: AsyncScheduledSet[str], service: Service, end: float) -> None:
    """Poll what is due, and put it back for the next time."""
    while (left := end - time.monotonic()) > 0:
        try:
            # Sleeps until something is due, without asking again and again.
            claim = await due.claim(LEASE, timeout=left, keep_alive=True)
        except EmptySetError:
            return
        # A poll that fails is tried again, after one second, two, four …
        async with claim:
            await service.poll(claim)
            await claim.reschedule(delay=INTERVALS[claim.item])


async def start_again(due: AsyncScheduledSet[str], pause: float) -> None:
    """Start many programs, one after the other."""
    for _ in range(PROGRAMS):
        await start(due)
        await asyncio.sleep(pause)


async def refresh(due: AsyncScheduledSet[str], account: str) -> None:
    """Press "refresh" many times at once."""
    pressed = (due.add(account, merge=Merge.EARLIEST) for _ in range(REFRESHES))
    await asyncio.gather(*pressed)


async def run(url: str, name: str, seconds: float) -> Service:
    """Poll for some time; return what the service noticed."""
    service = Service()
    async with connect_async(url) as backend:
        due = AsyncScheduledSet(backend, name, merge=Merge.LATEST)
        await start(due)
        # This poller dies with an account in its hands: nobody hears of its claim again.
        await due.claim(lease=0.1)
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(POLLERS):
                tasks.create_task(work(due, service, end))
            tasks.create_task(start_again(due, seconds / PROGRAMS / 2))
            await asyncio.sleep(seconds / 2)
            await refresh(due, "quiet")
        await due.clear()
    return service


def main(arguments: Sequence[str] | None = None) -> None:
    """Poll for a second, and show how often each account was polled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the set is")
    parser.add_argument("--name", default=f"polling-{os.getpid()}", help="the name of the set")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to go on")
    options = parser.parse_args(arguments)

    service = asyncio.run(run(options.url, options.name, options.seconds))
    for account, interval in INTERVALS.items():
        print(f"{account:<6} every {interval:>5} s: polled {service.polls[account]} times")
    print(f"each was added {PROGRAMS} times more, and {REFRESHES} times refreshed")
    print(f"polled by two at once: {service.at_once.total()} times")
    print(f"taken over from a poller that died: {service.taken_over} time(s)")


if __name__ == "__main__":
    main()
