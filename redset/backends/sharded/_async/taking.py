"""Taking and claiming from a set that is spread over shards, nearly in order."""

from __future__ import annotations

import logging
import math
import time
from abc import abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from redset.backends.sharded._async.reading import AsyncShardedReading
from redset.backends.sharded._merging import place_of
from redset.exceptions import SealedError
from redset.interfaces import Claimed, Merge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Self

    from redset.backends.sharded._async.bells import AsyncListener
    from redset.backends.sharded._async.shards import AsyncShards
    from redset.backends.sharded._choosing import Chooser
    from redset.interfaces import Bound, Entry, Hold, Lease, Terms

F = TypeVar("F", "Entry", "Lease")

_log = logging.getLogger("redset")


class AsyncShardedTaking(AsyncShardedReading):
    """Takes members from one shard, and from others what that one lacks."""

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`. One call, and one for each shard that lacks some."""
        shards = self._of(name)

        async def take(shard: str, num: int) -> list[Entry]:
            return await self._store.pop(shard, num, high=high, reverse=reverse)

        chooser = shards.last if reverse else shards.first
        entries = await _take(shards, chooser, count, take, self._adds_back(name))
        return sorted(entries, key=place_of, reverse=reverse)

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`.

        Waits for the bell that is rung for what is added to any shard, and looks at all in
        between.
        """
        shards = self._of(name)
        listener = shards.bell.listen(timeout)
        entries = await self.pop(name, count, high=high)
        while not entries and not listener.is_over:
            await listener.pause(len(await shards.names()))
            entries = await self.pop(name, count, high=high)
        await _end(listener, entries, self._adds_back(name))
        return entries

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `redset.interfaces.Backend.claim`.

        One call, and one for each shard that lacks some; one more for each shard with claims to
        acknowledge.
        """
        shards = self._of(name)
        acknowledged = await self.acknowledge(name, acknowledge, terms.merge)
        dropped = 0

        async def claim(shard: str, num: int) -> list[Lease]:
            nonlocal dropped
            claimed = await self._store.claim(shard, num, terms)
            dropped += claimed.dropped
            return claimed.leases

        leases = await _take(shards, shards.first, count, claim, self._releases(name, terms))
        return Claimed(sorted(leases, key=place_of), acknowledged, dropped)

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `redset.interfaces.Backend.wait_claim`. Waits as `wait_pop` does."""
        shards = self._of(name)
        listener = shards.bell.listen(timeout)
        leases, acknowledged, dropped = await self.claim(
            name, count, terms, acknowledge=acknowledge
        )
        while not leases and not listener.is_over:
            await listener.pause(len(await shards.names()))
            leases, _, more = await self.claim(name, count, terms)
            dropped += more
        await _end(listener, leases, self._releases(name, terms))
        return Claimed(leases, acknowledged, dropped)

    def dedicated(self) -> AbstractAsyncContextManager[Self]:
        """See `redset.interfaces.Backend.dedicated`. Gives itself."""
        return nullcontext(self)

    # What gives back what was taken

    def _adds_back(self, name: str) -> Callable[[list[Entry]], Awaitable[None]]:
        async def give_back(entries: list[Entry]) -> None:
            await self.add(name, entries, Merge.KEEP)

        return give_back

    def _releases(self, name: str, terms: Terms) -> Callable[[list[Lease]], Awaitable[None]]:
        async def give_back(leases: list[Lease]) -> None:
            for lease in leases:
                hold = (lease.member, lease.token)
                await self.release(name, hold, terms.merge, attempts=lease.attempt - 1)

        return give_back

    @abstractmethod
    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`."""

    @abstractmethod
    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`."""

    @abstractmethod
    async def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        """See `redset.interfaces.Backend.release`."""


async def _take(
    shards: AsyncShards,
    chooser: Chooser,
    count: int,
    take: Callable[[str, int], Awaitable[list[F]]],
    give_back: Callable[[list[F]], Awaitable[None]],
) -> list[F]:
    """Take from one shard after the other until there is enough, or all were asked."""
    found: list[F] = []
    try:
        while not await _visit(shards, chooser, count, take, found):
            pass
    except Exception as error:
        if not found:
            raise
        # These are in nobody's hands but ours.
        _log.warning(
            "took %d items of a sharded set, of which a part failed: %r", len(found), error
        )
    except BaseException:
        await _put_back(found, give_back)
        raise
    return found


async def _end(
    listener: AsyncListener, found: list[F], give_back: Callable[[list[F]], Awaitable[None]]
) -> None:
    """End a wait; who is interrupted when it wakes the next one gives back what was found."""
    try:
        await listener.end(found=bool(found))
    except BaseException:
        await _put_back(found, give_back)
        raise


async def _put_back(found: list[F], give_back: Callable[[list[F]], Awaitable[None]]) -> None:
    """Give back what was taken by a call that is interrupted; no error hides what did that."""
    try:
        if found:
            await give_back(found)
    except Exception as error:  # noqa: BLE001  (what interrupted the call is what counts)
        _log.warning("could not put back %r: %r", found, error)


async def _visit(
    shards: AsyncShards,
    chooser: Chooser,
    count: int,
    take: Callable[[str, int], Awaitable[list[F]]],
    found: list[F],
) -> bool:
    """Take what is wanted; return False if that is to be tried again, as a shard has left.

    If a shard fails, all others are asked before its error is raised; then it is left alone for a
    while unless they have nothing, as it may take long to fail.
    """
    failure: Exception | None = None
    for name in chooser.order(await shards.names()):
        if found and chooser.is_away(name):
            break
        wanted = count - len(found)
        began = time.monotonic()
        try:
            try:
                given = await take(name, wanted)
            except SealedError:
                await shards.follow(name)
                return False
        except Exception as error:  # noqa: BLE001  (raised below)
            failure = error
            chooser.note_failed(name, time.monotonic() - began)
            continue
        found += given
        chooser.note_taken(name, given, is_all=len(given) < wanted)
        if len(found) == count:
            break
    if failure is not None:
        raise failure
    return True
