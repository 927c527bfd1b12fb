"""A connection that tasks share: what they send at the same time goes together."""

from __future__ import annotations

import asyncio
import os
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from redset.backends.redis._async.lines import AsyncLine, AsyncLines
from redset.backends.redis._async.seals import tell_why_async
from redset.backends.redis._clients import is_unserved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How many commands are sent together at most, lest the first of them waits long for the last.
_MOST_TOGETHER = 128
# What is longer has a connection to itself, in bytes.
_LONG = 65_536
# Stands for a reply that did not come.
_LOST: Final = object()


class AsyncSharedLines(AsyncLines):
    """Connections for tasks: one that all share, and others for what would hold them up."""

    def __init__(self, pool: Any, otherwise: Callable[..., Any]) -> None:  # noqa: ANN401  (clients are told apart by looking)
        super().__init__(pool, otherwise)
        self._shared: _SharedLine | None = None
        self._inherited: list[object] = []

    async def command(self, *arguments: object, packed: bytes | None = None) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command, with those of other tasks if need be; if that fails, by the client."""
        if self._is_closed or arguments[0] == "BLPOP":
            return await super().command(*arguments)
        shared = self._here()
        packed = packed or shared.line.pack(arguments)
        if len(packed) > _LONG:
            return await super().command(*arguments, packed=packed)
        reply = await shared.send(packed)
        if reply is _LOST or is_unserved(reply):
            return await self._otherwise(*arguments)
        if not isinstance(reply, Exception):
            return reply
        try:
            await tell_why_async(reply, self.command, arguments)
            raise reply
        finally:
            # It refers to here.
            del reply

    async def close(self) -> None:
        """Close all, those in use as soon as they are not."""
        await super().close()
        if self._shared is not None:
            await self._shared.close()

    def take(self) -> AsyncLine | None:
        """Return an idle connection of this loop; see `AsyncLines.take`."""
        if not self._is_closed:
            self._here()
        return super().take()

    def _here(self) -> _SharedLine:
        """Return what the tasks of this loop share; all is begun anew if it was another's.

        Connections belong to one loop: over that of one that has ended, a command goes out, but
        its reply does not come in.
        """
        loop = asyncio.get_running_loop()
        if self._shared is not None:
            if self._shared.loop is loop:
                return self._shared
            if self._shared.line.process != os.getpid():
                # A forked child must not close what its parent's loop listens to.
                self._inherited += self._shared, self._idle
            self._forget_idle()
        self._shared = _SharedLine(AsyncLine(self._pool, self._otherwise), loop)
        return self._shared


class _SharedLine:
    """The connection that the tasks of a loop share.

    A command is sent at once while no other is under way. Those that come meanwhile are sent
    together when that is answered, which takes fewer steps of all, the server included.
    """

    def __init__(self, line: AsyncLine, loop: asyncio.AbstractEventLoop) -> None:
        self.line = line
        self.loop = loop
        self._waiting: list[tuple[bytes, asyncio.Future[object]]] = []
        self._under_way: list[tuple[bytes, asyncio.Future[object]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._is_busy = False
        self._is_closed = False

    async def send(self, packed: bytes) -> object:
        """Return the reply to a packed command, or `_LOST` if there is none."""
        if self._is_busy:
            future = self.loop.create_future()
            self._waiting.append((packed, future))
            return await future
        self._is_busy = True
        try:
            [reply] = await self._exchange([packed])
        finally:
            if not self._send_what_waits():
                await self._rest()
        return reply

    async def close(self) -> None:
        """Close it, as soon as it is not in use."""
        self._is_closed = True
        if not self._is_busy:
            await self.line.close()

    def _anybody_waits(self) -> bool:
        self._waiting = _unanswered(self._waiting)
        return bool(self._waiting)

    def _send_what_waits(self) -> bool:
        """Begin to send what has come meanwhile, if anybody still wants it."""
        if not self._anybody_waits():
            return False
        self._sending = self.loop.create_task(self._send_together())
        self._sending.add_done_callback(self._go_on)
        return True

    async def _send_together(self) -> None:
        while self._anybody_waits():
            self._under_way = self._waiting[:_MOST_TOGETHER]
            del self._waiting[:_MOST_TOGETHER]
            replies = await self._exchange([packed for packed, _ in self._under_way])
            for (_, future), reply in zip(self._under_way, replies, strict=True):
                if not future.done():
                    future.set_result(reply)
        await self._rest()
        self._sending = None

    def _go_on(self, sending: asyncio.Task[None]) -> None:
        """Go on for the others when what sent for them was cancelled, as a loop does that ends."""
        if self._sending is sending:
            for _, future in _unanswered(self._under_way):
                future.set_result(_LOST)
            self._is_busy = self._send_what_waits()

    async def _exchange(self, packed: Sequence[bytes]) -> list[object]:
        replies: list[object] = []
        is_open = False
        try:
            await self.line.open()
            is_open = True
            await self.line.exchange_packed(packed, replies)
        except Exception:  # noqa: BLE001  (the client tries again, and raises what is wrong)
            await self.line.leave()
            if not is_open:
                # Each would try it again for itself.
                for _, future in _unanswered(self._waiting):
                    future.set_result(_LOST)
        return [*replies, *repeat(_LOST, len(packed) - len(replies))]

    async def _rest(self) -> None:
        if self._is_closed:
            await self.line.close()
        self._is_busy = False


def _unanswered(
    some: Sequence[tuple[bytes, asyncio.Future[object]]],
) -> list[tuple[bytes, asyncio.Future[object]]]:
    """Return those that have no reply; who was cancelled does not wait for one."""
    return [each for each in some if not each[1].done()]
