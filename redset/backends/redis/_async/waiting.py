"""Waiting for wake-up tokens, and for a time to come."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from redset._cancelling import AsyncCancellation
from redset.backends.redis import commands, keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.backends.redis._async.connection import AsyncConnection

# A server looks at its blocked clients' timeouts ten times a second, so it may answer
# this much late. The last stretch before a due time is slept through here, in steps.
LATENESS = 0.11
_STEP = 0.02


class AsyncWaiting:
    """Waits through one connection, in slices that no client takes for a silent server."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    def left(self, deadline: float | None) -> float:
        """Return how long the next blocking command may wait; nothing if time is up."""
        if deadline is None:
            return self._connection.slice
        return min(self._connection.slice, deadline - time.monotonic())

    async def pause(self, name: str, seconds: float) -> None:
        """Return when a producer of the set called ``name`` wakes us, or the time is over."""
        await self.pause_any([name], seconds)

    async def pause_any(self, names: Sequence[str], seconds: float) -> str | None:
        """Do so for any of some sets; return the one whose producer woke us, if one did."""
        if seconds <= LATENESS:
            await asyncio.sleep(min(max(seconds, 0.0005), _STEP))
            return None
        tokens = {keys.sibling(name, keys.WAKE): name for name in names}
        timeout = commands.seconds(seconds - LATENESS)
        cancellation = AsyncCancellation()
        try:
            reply = await self._connection.command("BLPOP", *tokens, timeout)
        except Exception as error:
            # So a primary that becomes a replica sends its waiters away.
            if "UNBLOCKED" not in str(error):
                raise
            return None
        cancellation.check()
        return tokens[reply[0]] if reply else None

    async def pass_on(self, name: str, count: int = 1) -> None:
        """Wake other waiters: a wake-up came too late to be used here, or to go with its cause."""
        tokens = keys.siblings(name, keys.WAKE, keys.WAITING)
        await self._connection.script("wake", tokens, [count])
