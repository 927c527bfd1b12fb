"""Keeps a table of prices up to date with a stream that is faster than the table.

    some-feed | python examples/streaming_updates.py --database prices.db

The stream has a line for each change: ``{"symbol": "ACME", "price": 101.5}``. Several programs
can read it, and others write, on one machine or many:

    some-feed | python examples/streaming_updates.py read --url redis://localhost
    python examples/streaming_updates.py write --url redis://localhost --database prices.db

However often a price changes while it waits to be written, it waits once, and the newest one is
written. It keeps the place that it got by its first change: by its last one, what changes all
the time would never get to the front. What changes while it is written is written again, after
that. SIGTERM ends a reader when what it has read is in the set, and a writer when what it holds
is in the table; if either is killed, nothing is lost that was in the set.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from redset import Merge, Payload, Retry, TimeSortedSet, connect
from redset.exceptions import LeaseLost
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset import Claim
    from redset.interfaces import Backend

BATCH = 100
# In seconds. Far longer than a batch takes; what a killed writer held rests for so long.
LEASE = 60.0
# How soon a signal is heeded, and the end of the stream.
PATIENCE = 0.2
# What the table refuses so often becomes a dead letter, to be looked into.
RETRY = Retry(max_attempts=5)

TABLE = """
    CREATE TABLE IF NOT EXISTS price (
        symbol TEXT PRIMARY KEY,
        price REAL NOT NULL CHECK (price > 0),
        token INTEGER NOT NULL
    )"""
# A writer that was held up until its lease ran out must not undo what the next one has written.
WRITE = """
    INSERT INTO price VALUES (?, ?, ?)
    ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, token = excluded.token
    WHERE price.token < excluded.token"""


class Price(NamedTuple):
    """The newest price of something."""

    symbol: str
    price: float


def open_changes(backend: Backend, name: str, retry: Retry = RETRY) -> TimeSortedSet[Price]:
    """Open the set of what has changed, and is not yet written."""
    return TimeSortedSet(
        backend,
        name,
        serializer=NamedtupleSerializer(Price),
        key=lambda price: price.symbol,
        merge=Merge.EARLIEST,
        payload=Payload.NEWEST,
        retry=retry,
    )


def read(changes: TimeSortedSet[Price], source: int, stopping: threading.Event) -> int:
    """Put what is read from a file into the set; return how many changes that were."""
    count = 0
    # Stores what comes at once by one command, and what is in it when the block is left.
    with changes.buffered() as buffer:
        for line in lines(source, stopping):
            try:
                fields = json.loads(line)
                change = Price(str(fields["symbol"]), float(fields["price"]))
            except (ValueError, TypeError, KeyError) as error:
                print(f"not understood: {line!r}: {error!r}", file=sys.stderr)
                continue
            buffer.add(change)
            count += 1
    return count


def lines(source: int, stopping: threading.Event) -> Iterator[bytes]:
    """Give the lines of a file until it ends, or a signal says to stop."""
    rest = b""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while not stopping.is_set():
        # A signal does not end a read, so this waits before it reads.
        if poll.poll(PATIENCE * 1000):
            part = os.read(source, 1 << 16)
            *whole, rest = (rest + part).split(b"\n")
            yield from whole
            if not part:
                break
    # Without its end, nobody knows whether it is all of the line.
    if rest:
        print(f"cut off: {rest!r}", file=sys.stderr)


def write(
    changes: TimeSortedSet[Price],
    database: str,
    stopping: threading.Event,
    *,
    lease: float = LEASE,
    drain: bool = False,
) -> int:
    """Write what has changed, until told to stop; return how many prices that were.

    With ``drain``, all that is in the set is written before it stops.
    """
    count = 0
    with closing(sqlite3.connect(database, timeout=lease)) as table:
        table.execute(TABLE)
        done: list[Claim[Price]] = []
        while True:
            # Asked before claiming: what comes between the two is claimed in another round.
            is_last = stopping.is_set()
            if is_last and not drain:
                break
            # One round trip for a batch: the last one is acknowledged, as it is in the table.
            batch = changes.claims(BATCH, lease, timeout=PATIENCE, done=done)
            done = store(table, batch)
            count += len(done)
            if is_last and not batch:
                left = changes.stats()
                if left.pending + left.claimed == 0:
                    break
        try:
            changes.ack_all(done)
        except LeaseLost as error:
            # It is written again, which does no harm.
            print(error, file=sys.stderr)
    return count


def store(table: sqlite3.Connection, batch: Sequence[Claim[Price]]) -> list[Claim[Price]]:
    """Write a batch in one transaction; return what is written, and give the rest back."""
    done: list[Claim[Price]] = []
    refused: list[tuple[Claim[Price], sqlite3.IntegrityError]] = []
    with table:
        for claim in batch:
            try:
                table.execute(WRITE, (*claim.item, claim.token))
                done.append(claim)
            except sqlite3.IntegrityError as error:
                refused.append((claim, error))
    for claim, reason in refused:
        # Raised in its block, so that the dead letter says why.
        with suppress(sqlite3.IntegrityError), claim:
            raise reason
    return done


def pipe(
    changes: TimeSortedSet[Price], database: str, stopping: threading.Event, *, lease: float
) -> tuple[int, int]:
    """Read until the end, or a signal, and write all that was read; return how much both was."""
    is_over = threading.Event()
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(read, changes, sys.stdin.fileno(), stopping)
        reading.add_done_callback(lambda _: is_over.set())
        try:
            written = write(changes, database, is_over, lease=lease, drain=True)
        finally:
            # If nothing can be written, there is no use in reading on.
            stopping.set()
        return reading.result(), written


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, write, or do both at once, and tell how much that was."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("role", nargs="?", choices=["read", "write", "both"], default="both")
    parser.add_argument("--url", default="memory://", help="where the set is")
    parser.add_argument("--name", default="prices", help="the name of the set")
    parser.add_argument("--database", default="prices.db", help="the SQLite file to write to")
    parser.add_argument("--lease", type=float, default=LEASE, help="seconds to write a batch in")
    options = parser.parse_args(arguments)

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with connect(options.url) as backend:
        changes = open_changes(backend, options.name)
        if options.role == "read":
            print(f"{read(changes, sys.stdin.fileno(), stopping):,} changes were read")
        elif options.role == "write":
            written = write(changes, options.database, stopping, lease=options.lease)
            print(f"{written:,} prices were written")
        else:
            count, written = pipe(changes, options.database, stopping, lease=options.lease)
            print(f"{count:,} changes were read, {written:,} prices were written")
        for letter in changes.dead():
            print(f"refused: {letter.raw.decode()}: {letter.reason}")


if __name__ == "__main__":
    main()
