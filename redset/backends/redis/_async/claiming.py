"""Claims: members that come back unless their holder is done with them."""

from __future__ import annotations

import copy
import math
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redset._pickling import Local
from redset.backends.redis import commands
from redset.backends.redis._async.waiting import AsyncWaiting
from redset.backends.redis.keys import claim_keys
from redset.interfaces import Claimed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Self

    from redset.backends.redis._async.connection import AsyncConnection
    from redset.interfaces import (
        Bound,
        Hold,
        Merge,
        Stats,
        Terms,
    )


class AsyncClaimingBackend(Local):
    """The part of a backend that deals with claims. Every call but a wait is one script.

    All but `extend` and `stats` have their effect once, even if a client that loses the reply
    sends them again.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._waiting = AsyncWaiting(connection)
        # Most claims are made on the same terms as those before.
        self._latest_terms: tuple[Terms | None, tuple[object, ...]] = (None, ())

    @asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[Self, None]:
        """See `redset.interfaces.Backend.dedicated`. Keeps a connection, except of a cluster."""
        async with self._connection.dedicated() as connection:
            apart = copy.copy(self)
            apart._connection = connection  # noqa: SLF001  (of our own class)
            apart._waiting = AsyncWaiting(connection)  # noqa: SLF001  (of our own class)
            yield apart

    def monotonic(self) -> float:
        """See `redset.interfaces.ShardableBackend.monotonic`."""
        return time.monotonic()

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `redset.interfaces.Backend.claim`. ``claims/claim.lua``, O(log n) a member."""
        claimed, pause = await self._claim(name, count, terms, 0.0, acknowledge)
        flags, dropped = claimed.acknowledged, claimed.dropped
        while not claimed.leases and pause <= 0:
            # Many copies of what is held stood before the first that is free.
            claimed, pause = await self._claim(name, count, terms, 0.0, ())
            dropped += claimed.dropped
        return Claimed(claimed.leases, flags, dropped)

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `redset.interfaces.Backend.wait_claim`.

        ``claims/claim.lua``, and ``BLPOP`` on wake-up tokens: two commands a second while
        there is nothing. May end a tenth of a second late.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        flags: list[bool] = []
        dropped = 0
        while True:
            left = self._waiting.left(deadline)
            claimed, pause = await self._claim(name, count, terms, max(left, 0.0), acknowledge)
            flags += claimed.acknowledged
            dropped += claimed.dropped
            if claimed.leases or left <= 0:
                break
            acknowledge = ()
            await self._waiting.pause(name, min(left, pause))
        if not claimed.leases and pause < math.inf:
            await self._waiting.pass_on(name)
        return Claimed(claimed.leases, flags, dropped)

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`. ``claims/acknowledge.lua``."""
        if not holds:
            return []
        arguments = [commands.FLAGS[merge], *commands.holds(holds)]
        reply = await self._run_once("acknowledge", name, arguments, 6)
        return commands.flags(reply)

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
        """See `redset.interfaces.Backend.release`. ``claims/release.lua``, O(log n)."""
        given = b"" if score is None else commands.bound(score)
        counted = b"" if attempts is None else attempts
        arguments = [*hold, commands.FLAGS[merge], given, delay, counted]
        reply = await self._run_once("release", name, arguments, 8)
        return commands.flags(reply) == [True]

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `redset.interfaces.Backend.extend`. ``claims/extend.lua``, O(log n) a claim."""
        arguments = [lease, *commands.holds(holds)]
        return commands.scores(await self._run("extend", name, arguments, 9))

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `redset.interfaces.Backend.reject`. ``claims/reject.lua``, O(log n) a claim."""
        if not rejected:
            return [], 0
        parts = [
            part for hold, reason in rejected for part in (*hold, commands.letter_reason(reason))
        ]
        arguments = [commands.FLAGS[merge], limit, *parts]
        reply = await self._run_once("reject", name, arguments)
        flags, dropped = reply.split()
        return commands.flags(flags), int(dropped)

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`. ``claims/stats.lua``, O(log n)."""
        return commands.stats(await self._run("stats", name, [commands.bound(high)]))

    async def _claim(
        self, name: str, count: int, terms: Terms, wait: float, acknowledge: Sequence[Hold]
    ) -> tuple[Claimed, float]:
        if acknowledge and self._connection.is_durable:
            # What is claimed in the same script could not be handed out if replicas lack it.
            flags = await self.acknowledge(name, acknowledge, terms.merge)
            claimed, pause = await self._claim(name, count, terms, wait, ())
            return claimed._replace(acknowledged=flags), pause
        same, arguments = self._latest_terms
        if same is not terms:
            arguments = commands.terms_of_claim(terms)
            self._latest_terms = (terms, arguments)
        arguments = (
            *(count, commands.milliseconds(wait), *arguments),
            *commands.holds(acknowledge),
        )
        # The dead letters are looked at if there may be some.
        needed = 9 if terms.max_attempts is None else 11
        return self._read_claimed(await self._run_once("claim", name, arguments, needed))

    # How scripts are run: by keyed sets in another way

    _read_claimed = staticmethod(commands.claimed)

    async def _run(
        self, script: str, name: str, arguments: Sequence[object], count: int = 11, /
    ) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script on the first keys that there are of a set with claims."""
        return await self._connection.script(f"claims/{script}", claim_keys(name, count), arguments)

    async def _run_once(
        self, script: str, name: str, arguments: Sequence[object], count: int = 11, /
    ) -> Any:  # noqa: ANN401  (replies are untyped)
        """Do the same, and have its effect once."""
        return await self._connection.script_once(
            f"claims/{script}", name, claim_keys(name, count), arguments
        )
