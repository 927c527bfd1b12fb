"""A high-throughput work queue of streaming updates.

Accounts change many times a second. Producers add an account at each change, consumers
claim whole batches of accounts and bring an index up to date. However often an account
changes while it waits, it waits once, and is indexed once. One that changes while it is
indexed is indexed again after that, never by two consumers at once. What a consumer has in
its hands when it is killed comes back, so the index does not stay behind.

The score is the time of the change, and `Merge.EARLIEST` keeps the first one. Under the
default rule, an account that changes all the time would go to the end of the queue at each
change, and might never get to its front.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from redset import Merge, TimeSortedSet, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

PRODUCERS = 2
CONSUMERS = 2
ACCOUNTS = 300
CHANGES = 20_000  # of each producer
BATCH = 50
LEASE = 60.0  # far longer than a batch takes; what a killed consumer held rests for so long


class World:
    """Stands for a database and a search index that all threads use."""

    def __init__(self) -> None:
        self.database: Counter[str] = Counter()
        self.index: Counter[str] = Counter()
        self.reads = 0
        self._lock = threading.Lock()

    def change(self, accounts: Sequence[str]) -> None:
        """Give each account a new version."""
        with self._lock:
            self.database.update(accounts)

    def reindex(self, accounts: Sequence[str]) -> None:
        """Copy the present version of each account to the index."""
        with self._lock:
            self.index.update({each: self.database[each] - self.index[each] for each in accounts})
            self.reads += len(accounts)


def produce(changed: TimeSortedSet[str], world: World, mine: Sequence[str]) -> None:
    """Change accounts, some far more often than others, and say which."""
    choose = random.Random(mine[0])
    for _ in range(CHANGES // BATCH):
        batch = [mine[int(len(mine) * choose.random() ** 3)] for _ in range(BATCH)]
        # First the change, then the word of it: who takes the account sees the change.
        world.change(batch)
        changed.update(batch)


def consume(changed: TimeSortedSet[str], world: World, over: threading.Event) -> None:
    """Bring the index up to date with each account claimed, until no more can come."""
    while True:
        # Asked before claiming: what comes between the two is claimed in another round.
        last = over.is_set()
        batch = changed.claims(BATCH, lease=LEASE, timeout=0.1)
        world.reindex([claim.item for claim in batch])
        # Two round trips for a whole batch, one to claim and one to acknowledge it.
        changed.ack_all(batch)
        if last and not batch:
            return


def main(arguments: Sequence[str] | None = None) -> None:
    """Let producers and consumers run, and show what the queue spared them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the queue is")
    parser.add_argument("--name", default=f"updates-{os.getpid()}", help="the name of the queue")
    options = parser.parse_args(arguments)

    world = World()
    accounts = [f"account-{number:03}" for number in range(ACCOUNTS)]
    over = threading.Event()
    began = time.perf_counter()
    with connect(options.url) as backend:
        changed = TimeSortedSet(backend, options.name, merge=Merge.EARLIEST)
        consumers = [
            threading.Thread(target=consume, args=(changed, world, over)) for _ in range(CONSUMERS)
        ]
        producers = [
            threading.Thread(target=produce, args=(changed, world, accounts[number::PRODUCERS]))
            for number in range(PRODUCERS)
        ]
        for thread in consumers + producers:
            thread.start()
        for thread in producers:
            thread.join()
        over.set()
        for thread in consumers:
            thread.join()
    seconds = time.perf_counter() - began

    changes = world.database.total()
    print(
        f"{changes:,} changes of {len(world.database)} accounts, {changes / seconds:,.0f} a second"
    )
    print(f"{world.reads:,} were indexed, and {changes - world.reads:,} needed no work")
    print("the index is up to date" if world.index == world.database else "the index is behind")


if __name__ == "__main__":
    main()
