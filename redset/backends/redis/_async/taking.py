"""Taking members, at once or when there are some: without polling, and losing none unnoticed."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from redset.backends.redis import commands, keys
from redset.backends.redis._async.seals import tell_why_async
from redset.backends.redis._async.waiting import LATENESS, AsyncWaiting
from redset.backends.redis._clients import is_cluster, is_error
from redset.backends.redis._scripts import script
from redset.interfaces import NOW

if TYPE_CHECKING:
    from redset.backends.redis._async.connection import AsyncConnection
    from redset.interfaces import Bound, Entry

_log = logging.getLogger("redset")

# From how many members on it is faster to read and to remove them by two commands, in one
# transaction, than one by one as a pop does, and a script that has to hand them on.
_MANY = 500
_SEVERAL_DUE = 20
# How much later than now, by this machine's clock, may be due by the server's, in seconds.
_AHEAD = 1.0


class AsyncTaker:
    """Takes members out of sets, through one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._waiting = AsyncWaiting(connection)

    async def wait_first(self, name: str, count: int, deadline: float | None) -> list[Entry]:
        """Wait for the first members of a set that is empty."""
        # No client of a cluster can be kept from sending a command again. One that hardly waits for
        # a reply would give up on some that come late, and what is in them.
        if is_cluster(self._connection.client) or self._connection.slice <= LATENESS:
            return await self.wait_due(name, count, deadline, math.inf)
        try:
            reply = await self._wait(name.encode(), deadline)
        except Exception as error:
            await tell_why_async(error, self._connection.command, ("BZPOPMIN", name.encode()))
            raise
        if not reply:
            return []
        return [(reply[1], float(reply[2])), *await self._pop_more(name, count - 1)]

    async def wait_due(
        self, name: str, count: int, deadline: float | None, high: Bound
    ) -> list[Entry]:
        """Wait for the first members with scores up to ``high``."""
        while True:
            left = self._waiting.left(deadline)
            entries, until_due = await self.pop_due(name, count, max(left, 0), high)
            if entries or left <= 0:
                break
            await self._waiting.pause(name, min(left, until_due))
        if not entries and until_due < math.inf:
            await self._waiting.pass_on(name)
        return entries

    async def pop_due(
        self, name: str, count: int, wait: float, high: Bound = NOW
    ) -> tuple[list[Entry], float]:
        """Return due entries, and the seconds until the next is due if there are none.

        ``wait`` is for how many seconds the caller will wait then; 0 for not at all.
        """
        key, num = name.encode(), commands.whole(count)
        names = [key, keys.sibling(name, keys.WAITING)]
        arguments = [commands.bound(high), num, commands.milliseconds(wait)]
        replies = None
        if count >= _SEVERAL_DUE:
            # What is to be due is decided by the server. This is only how far to read.
            far = time.time() + _AHEAD if high is NOW else commands.bound(high)
            replies = await self._connection.transact(
                ("ZRANGEBYSCORE", key, "-inf", far, "WITHSCORES", "LIMIT", 0, num),
                ("EVALSHA", script("pop_due").digest, len(names), *names, *arguments, far),
            )
        if replies is None:
            reply = await self._connection.script("pop_due", names, arguments)
        else:
            found, reply = replies
            if isinstance(reply[-1], int):
                return commands.entries(found)[: reply[-1]], 0.0
        until_due = float(reply[0]) if reply[0] else math.inf
        return commands.entries(reply[1:]), until_due

    async def pop(self, name: str, count: int, command: str) -> list[Entry]:
        """Remove and return entries at one end, by ``ZPOPMIN`` or ``ZPOPMAX``."""
        key, num = name.encode(), commands.whole(count)
        if num == 1:
            return commands.entries(await self._connection.command(command, key))
        if num >= _MANY:
            read, first, last = "ZRANGE", 0, num - 1
            if command == "ZPOPMAX":
                read, first, last = "ZREVRANGE", -num, -1
            replies = await self._connection.transact(
                (read, key, 0, num - 1, "WITHSCORES"), ("ZREMRANGEBYRANK", key, first, last)
            )
            if replies is not None:
                return commands.entries(replies[0])
        return commands.entries(await self._connection.command(command, key, num))

    async def _wait(self, key: bytes, deadline: float | None) -> Any:  # noqa: ANN401  (replies are untyped)
        reply = None
        try:
            async with self._connection.client.pipeline() as pipe:
                # A client sends a command again when its connection fails, and what a lost reply
                # held would be gone unnoticed. Clients promise not to do so after WATCH.
                await pipe.watch(key)
                while not reply and (left := self._waiting.left(deadline)) > 0:
                    reply = await self._blocking_pop(pipe, key, commands.seconds(left))
        except Exception as error:
            if not reply:
                raise
            # It has failed to end the WATCH. Raising would lose the item in hand.
            _log.warning("took one item of %r, and then: %r", key.decode(), error)
        return reply

    async def _blocking_pop(self, pipe: Any, key: bytes, seconds: str) -> Any:  # noqa: ANN401  (see above)
        try:
            return await pipe.execute_command("BZPOPMIN", key, seconds, NEVER_DECODE=True)
        except Exception as error:
            if is_error(error, "WatchError") and error.__context__ is not None:
                raise error.__context__ from None
            raise

    async def _pop_more(self, name: str, count: int) -> list[Entry]:
        """Take what else there is after an item that is ours already, come what may."""
        if count < 1:
            return []
        try:
            return await self.pop(name, count, "ZPOPMIN")
        except Exception as error:  # noqa: BLE001  (raising would lose the item in hand)
            _log.warning("took one item of %r and no more: %r", name, error)
            return []
