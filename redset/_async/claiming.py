"""Handing items out so that none is lost: they come back unless their holder is done."""

# What sets alone do with claims, no editor should offer to those who hold them.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from redset._async.claims import AsyncClaim, AsyncDesk, AsyncTray
from redset._async.reading import AsyncReadableSet
from redset._cancelling import AsyncCancellation
from redset._checks import (
    check_each,
    check_lease,
    check_num,
    check_prefetch,
    check_retry,
    check_timeout,
)
from redset._chunks import CHUNK, chunks
from redset._decoding import describe
from redset._types import T
from redset.exceptions import LeaseLost
from redset.interfaces import Terms
from redset.retry import Retry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from redset._coding import Coding
    from redset.interfaces import (
        AsyncBackend,
        AsyncRedisClient,
        Bound,
        Hold,
        Lease,
        Merge,
        Stats,
    )

_log = logging.getLogger("redset")


class AsyncClaimingSet(AsyncReadableSet[T]):
    """A set whose items can be claimed. Not made directly: see its subclasses."""

    # Entries up to this bound can be taken and claimed.
    _high: Bound = math.inf

    def __init__(
        self,
        source: AsyncBackend | AsyncRedisClient,
        name: str,
        coding: Coding[T],
        merge: Merge,
        dead_limit: int,
        retry: Retry | None,
    ) -> None:
        check_retry(retry)
        self._retry = Retry() if retry is None else retry
        self._latest_desk: AsyncDesk | None = None
        super().__init__(source, name, coding, merge, dead_limit)

    async def claim(
        self, lease: float = 60.0, timeout: float | None = 0.0, *, keep_alive: bool = False
    ) -> AsyncClaim[T]:
        """Take the first item, to be acknowledged when the work is done.

        If it is not, the item comes back: when the lease runs out, with its score, and
        counted as one more attempt. So it is handed out at least once, and to one holder at
        a time. What cannot be decoded becomes a dead letter, and the next item is claimed.

        Args:
            lease: for how many seconds it is held, by the store's clock.
            timeout: how many seconds to wait for an item; None waits for ever.
            keep_alive: extend the claim in the background for as long as its ``with`` block
                runs. If it is lost all the same, its ``lost`` says so, and with asyncio the
                block is cancelled and raises `LeaseLost`.

        Returns:
            The claim, which is a context manager. One round trip, O(log n)
            (``claims/claim.lua``).

        Raises:
            EmptySetError: if there is no item. It is a `KeyError`.
            ValueError: if the lease is not above 0, or the timeout below 0.
        """
        desk = self._desk(lease, keep_alive=keep_alive)
        claims = await self._claim_here(desk, 1, check_timeout(timeout), {})
        if not claims:
            raise self._nothing()
        return claims[0]

    async def claims(
        self,
        num: int,
        lease: float = 60.0,
        timeout: float | None = 0.0,
        *,
        keep_alive: bool = False,
        done: Iterable[AsyncClaim[T]] = (),
    ) -> list[AsyncClaim[T]]:
        """Claim the first items; see `claim`.

        Args:
            num: how many to claim at most; none for less than 1.
            lease: for how many seconds they are held.
            timeout: how many seconds to wait for the first item; None waits for ever.
            keep_alive: extend each claim for as long as its ``with`` block runs.
            done: claims of this set to acknowledge in the same round trip, except those that
                have ended already. One that turns out to be lost is logged. They are acknowledged
                before this waits; if the wait is interrupted, `ack_all` may find them lost.

        Returns:
            Up to ``num`` claims in order. A round trip for every thousand, O(log n) an item.

        Raises:
            ValueError: if the lease is not above 0, or the timeout below 0.
        """
        num = check_num(num)
        timeout = check_timeout(timeout)
        desk = self._desk(lease, keep_alive=keep_alive)
        unsettled = await self._unsettled(done)
        if num < 1 or len(unsettled) > CHUNK:
            await self._acknowledge(unsettled)
            unsettled = {}
        if num < 1:
            return []
        return await self._claim_here(desk, num, timeout, unsettled)

    def consume(
        self,
        lease: float = 60.0,
        timeout: float | None = None,
        *,
        keep_alive: bool = False,
        prefetch: int = 1,
    ) -> AsyncGenerator[AsyncClaim[T], None]:
        """Iterate over claims of the first items, one at a time, for ever.

        To ask for the next one acknowledges the last one, unless it has ended already, in
        the same round trip. When the loop is left by an error, or before the last claim has
        ended, its item is put back as by ``nack``; so ``ack`` it before a ``break``. With
        asyncio that is done when the iterator is closed: by `contextlib.aclosing` at once, else
        soon. A claim that turns out to be lost is logged, and the loop goes on. Threads and tasks
        share a set, but each loops over an iterator of its own.

        Args:
            lease: for how many seconds each item is held.
            timeout: how many seconds to wait for an item before the iteration ends; None
                waits for ever.
            keep_alive: extend each claim in the background until the next one is asked for, or it
                has ended; with it, what is claimed ahead, or done and not yet acknowledged.
            prefetch: how many items to claim in one round trip, from 1 to 1000, as far as they
                are there; those that are done are acknowledged when the next ones are claimed.
                For much short work: what is claimed ahead waits behind what is being worked
                on. When half the lease is over, it is extended. If the process is killed,
                items that are done but not acknowledged are handed out again.

        Yields:
            Claims. One round trip for each ``prefetch`` of them, O(log n) a claim
            (``claims/claim.lua``); while it waits, two commands a second.

        Raises:
            ValueError: if the lease is not above 0, the timeout below 0, or ``prefetch`` not
                from 1 to 1000.
        """
        timeout = check_timeout(timeout)
        prefetch = check_prefetch(prefetch)
        return self._consume(self._desk(lease, keep_alive=keep_alive), timeout, prefetch)

    async def ack_all(self, claims: Iterable[AsyncClaim[T]]) -> None:
        """Acknowledge many claims of this set; those that have ended already are passed over.

        If this fails, ``is_over`` tells which are acknowledged, and to call it again is about the
        others.

        Args:
            claims: claims that were made by this set, or another of its name.

        Raises:
            ValueError: if one is a claim of another set.
            LeaseLost: if some are not held any more; all others are acknowledged, and
                ``lost`` tells them apart. A round trip for every thousand, O(log n) a claim.
        """
        unsettled = await self._unsettled(claims)
        lost = await self._acknowledge(unsettled)
        if lost:
            message = f"{lost} of {len(unsettled)} claims of {self._name!r} were not held any more"
            raise LeaseLost(message)

    async def stats(self) -> Stats:
        """Count the items by their state. One round trip, O(log n)."""
        return await self._backend.stats(self._name, self._high)

    # Parts

    def _desk(self, lease: float, *, keep_alive: bool) -> AsyncDesk:
        """Return where claims on these terms are settled; most are made on the same as before."""
        desk = self._latest_desk
        if desk is None or desk.terms.lease != lease or desk.keep_alive is not keep_alive:
            terms = Terms(
                lease=check_lease(lease),
                high=self._high,
                merge=self._merge,
                max_attempts=self._retry.max_attempts,
                dead_limit=self._dead_limit,
            )
            place = self._store, self._view, self._name
            desk = AsyncDesk(*place, terms, self._retry, keep_alive=keep_alive)
            self._latest_desk = desk
        return desk

    async def _consume(
        self, desk: AsyncDesk, timeout: float | None, prefetch: int
    ) -> AsyncGenerator[AsyncClaim[T], None]:
        async with self._backend.dedicated() as backend:
            claim: AsyncClaim[T] | None = None
            tray: AsyncTray[T] = AsyncTray()
            try:
                while True:
                    tray.note_done(claim)
                    claim = None
                    cancellation = AsyncCancellation()
                    await self._fill(tray, backend, desk, timeout, prefetch)
                    if not tray.ready:
                        return
                    claim = tray.ready.popleft()
                    cancellation.check()
                    if desk.keep_alive:
                        claim._start_keeping(interrupts=False, others=tray.holds)
                    yield claim
                    if desk.keep_alive:
                        await claim._stop_keeping()
            finally:
                if claim is not None:
                    await claim._stop_keeping()
                    if not claim.is_over:
                        await claim._give_back(None)
                await self._put_away(tray)

    async def _fill(
        self,
        tray: AsyncTray[T],
        backend: AsyncBackend,
        desk: AsyncDesk,
        timeout: float | None,
        prefetch: int,
    ) -> None:
        """See to it that the tray has claims that are held for some time, if there are any."""
        if tray.ready and tray.age() > desk.terms.lease / 2:
            await self._renew(tray, desk)
        if not tray.ready:
            # They are acknowledged before this waits: if the wait fails, they are not to be again.
            done = tray.take_done()
            tray.put(await self._claim(backend, desk, prefetch, timeout, done))

    async def _renew(self, tray: AsyncTray[T], desk: AsyncDesk) -> None:
        """Acknowledge what is done, and extend what is to be done, dropping what is lost."""
        await self._acknowledge(tray.take_done())
        holds = [claim.hold for claim in tray.ready]
        deadlines = await self._backend.extend(self._name, holds, desk.terms.lease)
        held: list[AsyncClaim[T]] = []
        for claim, deadline in zip(tray.ready, deadlines, strict=True):
            if deadline is None:
                claim._note_end(held=False)
                _log.warning("%r before its turn came: prefetch less, or claim for longer", claim)
            else:
                claim._note_extension(deadline)
                held.append(claim)
        tray.put(held)

    async def _put_away(self, tray: AsyncTray[T]) -> None:
        """Acknowledge what is done when a loop is left, and put back what was not begun."""
        try:
            await self._acknowledge(tray.take_done())
        except Exception as error:  # noqa: BLE001  (what ended the loop is what counts)
            _log.warning("could not acknowledge items of %r: %r", self._name, error)
        for claim in tray.ready:
            await claim._put_back()

    async def _unsettled(self, claims: Iterable[AsyncClaim[T]]) -> dict[Hold, AsyncClaim[T]]:
        """Return those that have not ended, once each; they are not extended any more."""
        names = (self._name, *self._former_names)
        checked = check_each(claims, AsyncClaim, "hand over what claims() gives")
        unsettled = {claim.hold: claim for claim in checked if not claim.is_over}
        known: AsyncDesk | None = None
        for claim in unsettled.values():
            if claim._desk is not known:
                known = claim._desk
                if not known.is_of(self._store, names):
                    message = f"{claim!r} is of another set: hand it to that one, not to {self!r}"
                    raise ValueError(message)
            if claim._is_kept:
                await claim._stop_keeping()
        return unsettled

    async def _acknowledge(self, claims: Mapping[Hold, AsyncClaim[T]]) -> int:
        """Acknowledge claims; return how many were lost."""
        lost = 0
        for holds in chunks(claims):
            held = await self._backend.acknowledge(self._name, holds, self._merge)
            lost += self._settle(claims, holds, held)
        return lost

    async def _claim_here(
        self,
        desk: AsyncDesk,
        num: int,
        timeout: float | None,
        done: Mapping[Hold, AsyncClaim[T]],
    ) -> list[AsyncClaim[T]]:
        """Claim items for a caller, who may have been cancelled meanwhile."""
        cancellation = AsyncCancellation()
        claims = await self._claim(self._backend, desk, num, timeout, done)
        await cancellation.put_back(claims)
        return claims

    async def _claim(
        self,
        backend: AsyncBackend,
        desk: AsyncDesk,
        num: int,
        timeout: float | None,
        done: Mapping[Hold, AsyncClaim[T]],
    ) -> list[AsyncClaim[T]]:
        """Claim items, after acknowledging those that are done."""
        deadline = time.monotonic() + timeout if timeout else None
        name, terms, holds = self._name, desk.terms, list(done)
        claims: list[AsyncClaim[T]] = []
        while True:
            count = min(num - len(claims), CHUNK)
            try:
                if claims or timeout == 0:
                    claimed = await backend.claim(name, count, terms, acknowledge=holds)
                else:
                    claimed = await backend.wait_claim(
                        name, count, terms, timeout, acknowledge=holds
                    )
                if holds:
                    self._settle(done, holds, claimed.acknowledged)
                    holds = []
                if claimed.dropped:
                    desk.note_dropped(claimed.dropped)
                leases = claimed.leases
                decoded = await self._decode_claimed(desk, leases)
            except Exception as error:
                if not claims:
                    raise
                # Others would have to wait for these leases to run out.
                _log.warning("claimed %d items of %r and no more: %r", len(claims), name, error)
                return claims
            claims += decoded
            # What could not be decoded is made up for; less than asked for is an answer.
            is_short = len(leases) < count and len(decoded) == len(leases)
            if is_short or len(claims) == num:
                return claims
            if deadline is not None:
                timeout = max(deadline - time.monotonic(), 0.0)

    async def _decode_claimed(
        self, desk: AsyncDesk, leases: Sequence[Lease]
    ) -> list[AsyncClaim[T]]:
        loads = self._loads
        try:
            return [AsyncClaim(desk, loads(lease.member), lease) for lease in leases]
        except Exception:  # noqa: BLE001  (loads may raise anything)
            return await self._reject_undecodable(desk, leases)

    async def _reject_undecodable(
        self, desk: AsyncDesk, leases: Sequence[Lease]
    ) -> list[AsyncClaim[T]]:
        claims: list[AsyncClaim[T]] = []
        rejected: list[tuple[Hold, str]] = []
        for lease in leases:
            try:
                claims.append(AsyncClaim(desk, self._loads(lease.member), lease))
            except Exception as error:  # noqa: BLE001  (loads may raise anything)
                rejected.append(((lease.member, lease.token), describe(error)))
        if rejected:
            self._warn_of_undecodable(len(rejected), rejected[0][1])
            try:
                await desk.reject(rejected)
            except Exception:
                if not claims:
                    raise
                # They are claimed, so they come back, and are looked at again.
                _log.exception("could not bury undecodable items of %r", self._name)
        return claims

    @staticmethod
    def _settle(
        claims: Mapping[Hold, AsyncClaim[T]], holds: Sequence[Hold], held: Sequence[bool]
    ) -> int:
        """Note which claims were held when they were acknowledged; return how many were not."""
        lost = 0
        for hold, is_held in zip(holds, held, strict=True):
            claim = claims[hold]
            claim._note_end(held=is_held)
            if not is_held:
                lost += 1
                _log.warning("%r when it was done: claim for longer", claim)
        return lost
