"""Watches pages for changes, each in an interval of its own, by one program or by many.

    python examples/polling.py https://example.org/ https://example.org/news --every 600
    python examples/polling.py --file pages.txt --url redis://localhost

Each line of the file is an address, and may have an interval of its own behind it, in seconds.
Start the second as often as you like: however many there are, a page is asked for once in its
interval, and never by two at once. To add pages that are watched already changes nothing, unless
it gives them another interval.

A page is in the set once, its score being the time at which it is due. Whoever claims it polls
it, and puts it back for its next time: a page reschedules itself. Times do not drift, and each
page has its own place in the interval, so that not all are due at once. A page that fails is
asked less and less often. If a poller is killed, another one takes over when its lease is over.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import signal
import zlib
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from redset import AsyncScheduledSet, AsyncTTLSet, Merge, Payload, Retry, connect_async
from redset.exceptions import EmptySetError, LeaseLost
from redset.serializers import NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from redset import AsyncClaim
    from redset.interfaces import AsyncBackend

# In seconds. It is extended for as long as a poll takes, so it only says how soon a page is
# taken over from a poller that was killed.
LEASE = 30.0
TIMEOUT = 10.0
# How soon a signal is heeded at the latest.
PATIENCE = 5.0
LONGEST_REST = 24 * 3600.0
# What nobody has watched for so long is forgotten.
MONTH = 30 * 24 * 3600.0
LARGEST = 10_000_000


class Watch(NamedTuple):
    """A page to be watched, and how many seconds are between two polls."""

    url: str
    every: float


class Version(NamedTuple):
    """What a page was like when it was last seen."""

    url: str
    digest: str
    etag: str


def fetch(url: str, last: Version | None) -> Version:
    """Ask for a page, which says so in few words if it is what it was."""
    headers = {"User-Agent": "redset-example-poller"}
    if last is not None and last.etag:
        headers["If-None-Match"] = last.etag
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:  # noqa: S310
            digest = hashlib.sha256(response.read(LARGEST)).hexdigest()
            return Version(url, digest, response.headers.get("ETag", ""))
    except HTTPError as error:
        with error:
            if error.code == 304 and last is not None:
                return last
            raise


class Poller:
    """Polls what is due, on sets that all pollers share."""

    def __init__(
        self,
        backend: AsyncBackend,
        name: str,
        *,
        lease: float = LEASE,
        fetch: Callable[[str, Version | None], Version] = fetch,
    ) -> None:
        self.lease = lease
        self.fetch = fetch
        self.due = AsyncScheduledSet(
            backend,
            f"{name}:due",
            serializer=NamedtupleSerializer(Watch),
            key=lambda watch: watch.url,
            # What is added during a poll does not come before the time for which the poll
            # reschedules it, but may bring another interval.
            merge=Merge.LATEST,
            payload=Payload.NEWEST,
        )
        self.versions = AsyncTTLSet(
            backend,
            f"{name}:versions",
            ttl=MONTH,
            serializer=NamedtupleSerializer(Version),
            key=lambda version: version.url,
            merge=Merge.REPLACE,
        )

    async def watch(self, watches: Iterable[Watch]) -> int:
        """Begin to watch pages, at once; return how many were not watched before."""
        return await self.due.update(watches, merge=Merge.KEEP)

    async def take_turn(self, timeout: float) -> bool:
        """Poll a page that is due, and put it back; return False if none is due in time."""
        try:
            # Sleeps until a page is due, without asking again and again.
            claim = await self.due.claim(self.lease, timeout, keep_alive=True)
        except EmptySetError:
            return False
        try:
            async with claim:
                await self.handle(claim)
        except LeaseLost as error:
            # Somebody else has taken over, after this process was held up for too long.
            print(error, flush=True)
        return True

    async def handle(self, claim: AsyncClaim[Watch]) -> None:
        """Poll a page, and put it back for its next time, or for another try."""
        watch, now = claim.item, claim.deadline - self.lease
        try:
            await self.poll(watch)
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, HTTPError) and error.code == 410:
                print(f"gone {watch.url}", flush=True)
                return
            retry = Retry(backoff=watch.every, cap=max(watch.every, LONGEST_REST))
            rest = retry.delay(claim.attempt)
            print(f"failed {watch.url}: {error}; again in {rest:.0f} s", flush=True)
            await claim.nack(rest)
        else:
            await claim.reschedule(next_time(watch, now))

    async def poll(self, watch: Watch) -> None:
        """Ask for a page, and tell if it has changed."""
        last: Version | None = None
        with suppress(KeyError):
            last = await self.versions.by_key(watch.url)
        fetching = asyncio.create_task(asyncio.to_thread(self.fetch, watch.url, last))
        try:
            version = await asyncio.shield(fetching)
        except asyncio.CancelledError:
            # A thread cannot be interrupted, and while it runs nobody else may have the page.
            await asyncio.gather(fetching, return_exceptions=True)
            raise
        # Told before it is noted: after a crash it is rather told twice than never.
        if last is None:
            print(f"watching {watch.url}", flush=True)
        elif version.digest != last.digest:
            print(f"changed {watch.url}", flush=True)
        await self.versions.add(version)

    async def work(self) -> None:
        """Poll until this task is cancelled."""
        task = asyncio.current_task()
        assert task is not None
        # Before Python 3.12, clients of asyncio may swallow a cancellation on its way.
        while not task.cancelling():
            await self.take_turn(PATIENCE)

    async def clear(self) -> None:
        """Forget all pages."""
        await self.due.clear()
        await self.versions.clear()


def next_time(watch: Watch, now: float) -> float:
    """Return when a page that is polled now is due again.

    That is counted from its place in the interval, and not from now: nothing drifts, be polls
    late or slow, and after an outage a page is polled once, and not once for each time missed.
    """
    place = zlib.crc32(watch.url.encode()) / 2**32 * watch.every
    # The nearest one is now, which can be early or late after a failure or at the first time.
    turn = round((now - place) / watch.every)
    return place + (turn + 1) * watch.every


def read_watches(text: str, every: float) -> list[Watch]:
    """Read addresses, each with its interval or without."""
    lines = [line.split() for line in text.splitlines()]
    return [Watch(line[0], float(line[1]) if line[1:] else every) for line in lines if line]


async def run(url: str, name: str, watches: Iterable[Watch], pollers: int, lease: float) -> None:
    """Poll until a signal says to stop; what is in hand then is put back."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    async with connect_async(url) as backend:
        poller = Poller(backend, name, lease=lease)
        await poller.watch(watches)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(pollers):
                tasks.create_task(poller.work())


def main(arguments: Sequence[str] | None = None) -> None:
    """Watch pages, and tell which have changed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="addresses of pages to watch")
    parser.add_argument("--file", type=Path, help="a file with more of them")
    parser.add_argument("--every", type=float, default=300.0, help="seconds between two polls")
    parser.add_argument("--url", default="memory://", help="where the sets are")
    parser.add_argument("--name", default="polling", help="what they are called")
    parser.add_argument("--pollers", type=int, default=4, help="pages that are polled at once")
    parser.add_argument("--lease", type=float, default=LEASE, help="seconds until a taking over")
    options = parser.parse_args(arguments)

    text = options.file.read_text() if options.file else ""
    watches = read_watches("\n".join([*options.pages, text]), options.every)
    if any(watch.every <= 0 for watch in watches):
        parser.error("an interval is above 0")
    with suppress(asyncio.CancelledError):
        asyncio.run(run(options.url, options.name, watches, options.pollers, options.lease))


if __name__ == "__main__":
    main()
