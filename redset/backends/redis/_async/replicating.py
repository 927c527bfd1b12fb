"""Writes that are done when replicas have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redset.backends.redis import commands, keys
from redset.backends.redis._async.seals import tell_why_async
from redset.exceptions import ReplicationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redset.backends.redis._copies import Copies

    Command = Callable[..., Awaitable[Any]]
    Together = Callable[[bytes, Sequence[tuple[object, ...]]], Awaitable[list[Any]]]


class AsyncReplication:
    """Sends commands, and has each followed by a ``WAIT`` on the same connection.

    ``WAIT`` is about what its own connection has written. Newer servers do not count a command
    that had nothing to change, though what it found there may have been written a moment ago, by
    another connection. So a write that always is one goes in between.
    """

    def __init__(self, together: Together, copies: Copies, ask: Command) -> None:
        self._together = together
        self._copies = copies
        self._ask = ask
        self._wait = ("WAIT", copies.replicas, commands.milliseconds(copies.timeout))

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command, and return its reply when enough replicas have what it wrote."""
        key = commands.keys_of(arguments)[0]
        mark = ("SET", keys.sibling(key.decode(), keys.MARK), b"", "PX", 1)
        reply, _, count = await self._together(key, (arguments, mark, self._wait))
        for each in (reply, count):
            if isinstance(each, Exception):
                await tell_why_async(each, self._ask, arguments)
                raise each
        if count < self._copies.replicas:
            raise self._missing(count)
        return reply

    def _missing(self, count: int) -> ReplicationError:
        wanted, seconds = self._copies
        error = ReplicationError(
            f"{count} of {wanted} replicas have it after {seconds:g} seconds: it is done on the "
            "primary, and may be lost if that fails now"
        )
        error.replicas, error.wanted = count, wanted
        return error
