"""A connection that tasks share: what they send at the same time goes together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redset.backends.redis._async.lines import AsyncLine, AsyncLines
from redset.backends.redis._async.seals import tell_seal_async
from redset.backends.redis._clients import is_error, is_unserved
from redset.backends.redis._remedies import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How many commands are sent together at most, lest the first of them waits long for the last.
_MOST_TOGETHER = 128


class AsyncSharedLines(AsyncLines):
    """Connections for tasks: one that all share, and others for those who wait to be woken up.

    A command is sent at once while no other is under way. Those that come meanwhile are sent
    together when that is answered, which takes fewer steps of all, the server included.
    """

    def __init__(self, pool: Any, otherwise: Callable[..., Any]) -> None:  # noqa: ANN401  (clients are told apart by looking)
        super().__init__(pool, otherwise)
        self._begin(None)

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Begin anew, as connections and futures belong to one loop."""
        self._loop = loop
        self._shared = AsyncLine(self._pool, self._otherwise)
        self._is_busy = False
        self._waiting: list[tuple[tuple[object, ...], asyncio.Future[object]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command, with those of other tasks if need be; if that fails, by the client."""
        if self._is_closed or arguments[0] == "BLPOP":
            return await super().command(*arguments)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        if self._is_busy:
            future = loop.create_future()
            self._waiting.append((arguments, future))
            reply = await future
        else:
            reply = await self._send_alone(loop, arguments)
        if not isinstance(reply, Exception):
            return reply
        if is_error(reply, "ResponseError") and not is_unserved(reply):
            await tell_seal_async(reply, self.command, arguments)
            explain(reply)
            raise reply
        return await self._otherwise(*arguments)

    async def close(self) -> None:
        """Close all, those in use as soon as they are not."""
        await super().close()
        if not self._is_busy:
            await self._shared.close()

    async def _send_alone(
        self, loop: asyncio.AbstractEventLoop, arguments: tuple[object, ...]
    ) -> object:
        self._is_busy = True
        try:
            [reply] = await self._exchange([arguments])
        finally:
            if self._waiting:
                self._sending = loop.create_task(self._send_together())
            else:
                await self._rest()
        return reply

    async def _send_together(self) -> None:
        try:
            while self._waiting:
                some = self._waiting[:_MOST_TOGETHER]
                del self._waiting[:_MOST_TOGETHER]
                # Who was cancelled has not asked for anything.
                asked = [each for each in some if not each[1].done()]
                if asked:
                    await self._answer(asked)
        finally:
            _cancel(self._waiting)
            await self._rest()

    async def _answer(
        self, some: Sequence[tuple[tuple[object, ...], asyncio.Future[object]]]
    ) -> None:
        try:
            replies = await self._exchange([arguments for arguments, _ in some])
            for (_, future), reply in zip(some, replies, strict=True):
                if not future.done():
                    future.set_result(reply)
        finally:
            _cancel(some)

    async def _exchange(self, given: Sequence[tuple[object, ...]]) -> list[object]:
        """Return replies, or the errors by which they are answered, or keep from being so."""
        replies: list[object] = []
        try:
            await self._shared.exchange(given, replies)
        except Exception as error:  # noqa: BLE001  (the client tries again, and raises what is wrong)
            await self._shared.leave()
            replies += [error] * (len(given) - len(replies))
        return replies

    async def _rest(self) -> None:
        self._is_busy = False
        if self._is_closed:
            await self._shared.close()


def _cancel(waiting: Sequence[tuple[object, asyncio.Future[object]]]) -> None:
    """Cancel those that have no reply, when what sends for them is cancelled itself."""
    for _, future in waiting:
        future.cancel()
