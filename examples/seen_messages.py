"""A cross-process set of "seen" messages, each with a time to live.

Whoever sends webhooks sends them again when no answer came in time, so the same message
arrives several times, often at several processes at once. `TTLSet.add` is one atomic
question, "was it unseen?", to which exactly one of them gets a yes. After the time in which
the sender tries again, a message is forgotten, and takes no memory any more.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from redset import TTLSet, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKERS = 4
MESSAGES = 500
OUTAGES = 20
# In seconds; the sender tries for three days.
REMEMBERED = 3 * 24 * 3600.0


class Shop:
    """Takes the payments that messages tell of. The bank cannot be reached at first."""

    def __init__(self, seen: TTLSet[str]) -> None:
        self.seen = seen
        self.payments: Counter[str] = Counter()
        self.outages = OUTAGES
        self._lock = threading.Lock()

    def receive(self, message: str) -> bool:
        """Act on a message unless somebody else has; return False to be sent it again."""
        if not self.seen.add(message):
            return True
        try:
            self.pay(message)
        except ConnectionError:
            # What is not done must not be remembered: the next try is welcome.
            self.seen.discard(message)
            return False
        return True

    def pay(self, message: str) -> None:
        """Take a payment; twice would be a disaster."""
        with self._lock:
            if self.outages:
                self.outages -= 1
                raise ConnectionError
            self.payments[message] += 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Deliver messages several times each, in any order, to several workers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="memory://", help="where the set is")
    parser.add_argument("--name", default=f"seen-{os.getpid()}", help="the name of the set")
    options = parser.parse_args(arguments)

    messages = [f"payment-{number:04}" for number in range(MESSAGES)]
    deliveries = random.choices(messages, k=4 * MESSAGES) + messages
    total = failed = 0
    with connect(options.url) as backend, ThreadPoolExecutor(WORKERS) as workers:
        shop = Shop(TTLSet(backend, options.name, ttl=REMEMBERED))
        while deliveries:
            total += len(deliveries)
            answers = list(workers.map(shop.receive, deliveries))
            # The sender tries those again that were not accepted.
            deliveries = [each for each, ok in zip(deliveries, answers, strict=True) if not ok]
            failed += len(deliveries)
        hours = (shop.seen.ttl(messages[0]) or 0) / 3600
        shop.seen.clear()
    print(f"{total:,} deliveries of {MESSAGES} messages, {failed} of them in vain")
    print(f"{shop.payments.total()} payments, at most {max(shop.payments.values())} for a message")
    print(f"what has been seen is remembered for {hours:.0f} hours")


if __name__ == "__main__":
    main()
