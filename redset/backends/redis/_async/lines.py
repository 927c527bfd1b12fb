"""Connections beside those of a client, which spare most of what it does between commands."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redset.backends.redis._async.seals import tell_why_async
from redset.backends.redis._clients import asks_sentinels, is_error, is_lost, is_unserved, packer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Callable[..., Any]

# How many commands are under way at once before the client's own connections are used.
_MOST_LINES = 64
_BEGIN = ("MULTI",)
_END = ("EXEC",)


class AsyncLine:
    """One connection to a server. It is not one of the pool's, which may have none to spare.

    Args:
        pool: what makes connections: a client's pool, or a node of a cluster.
        otherwise: what sends commands when the connection fails, or the node of a cluster does
            not serve them; they may be sent twice then.
    """

    def __init__(self, pool: Any, otherwise: Command) -> None:  # noqa: ANN401  (clients are told apart by looking)
        self._pool = pool
        self._otherwise: Any = otherwise
        self._pack = packer()
        self._begin()

    def _begin(self) -> None:
        self._line = self._pool.connection_class(**self._pool.connection_kwargs)
        self.process = os.getpid()
        self._is_connected = False
        self._has_transactions: bool | None = None

    async def command(self, *arguments: object, packed: bytes | None = None) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command here; if that fails, leave it to the client, who tries again.

        Args:
            arguments: the command.
            packed: the same as it is sent, if it is packed already.
        """
        try:
            if not self._is_connected or self.process != os.getpid():
                await self.open()
            await self._line.send_packed_command((packed or self.pack(arguments),))
            return await self._line.read_response(disable_decoding=True)
        except Exception as error:
            if is_lost(error):
                await self.leave()
            elif not is_unserved(error):
                await tell_why_async(error, self.command, arguments)
                raise
        except BaseException:
            # The reply is still to come, and would be taken for that of the next command.
            await self.close()
            raise
        return await self._otherwise(*arguments)

    def pack(self, command: tuple[object, ...]) -> bytes:
        """Return a command as it is sent."""
        if self._pack is None:
            return b"".join(self._line.pack_command(*command))
        return self._pack(command)

    async def exchange(self, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        """Send commands at once; return their replies, or the errors by which they are answered."""
        replies: list[Any] = []
        await self.exchange_packed([self.pack(each) for each in commands], replies)
        return replies

    async def transact(self, commands: Sequence[tuple[object, ...]]) -> list[Any] | None:
        """Send commands as one transaction.

        Returns:
            Their replies; None if any was refused.
        """
        await self.open()
        if self._has_transactions is None:
            # Of a user who must not begin one, a server would carry out each by itself.
            self._has_transactions = await self.exchange([_BEGIN, _END]) == [b"OK", []]
        if not self._has_transactions:
            return None
        begun, *replies, ended = await self.exchange([_BEGIN, *commands, _END])
        if isinstance(begun, Exception):
            # It must not any more, and each has been carried out by itself.
            self._has_transactions = False
        else:
            replies = [ended] if isinstance(ended, Exception) else ended
        return None if any(isinstance(each, Exception) for each in replies) else replies

    async def exchange_packed(self, packed: Sequence[bytes], replies: list[Any]) -> None:
        """Send packed commands at once, and add their replies to a list, as far as they come."""
        try:
            await self.open()
            await self._line.send_packed_command((b"".join(packed),))
            while len(replies) < len(packed):
                replies.append(await self._reply())
        except BaseException:
            await self.close()
            raise

    async def open(self) -> None:
        """Open the connection, unless it is."""
        if self._is_connected and self.process == os.getpid():
            return
        if self.process != os.getpid():
            # A forked child must neither read its parent's replies nor close what it listens to.
            self._inherited = self._line
            self._begin()
        try:
            # What is sent over a closed one opens it, too, but without asking any sentinel.
            await self._line.connect()
        except BaseException:
            await self.close()
            raise
        self._is_connected = True
        self._has_transactions = None

    async def close(self) -> None:
        """Close the connection; the next command opens it again."""
        self._is_connected = False
        # What goes wrong with it is of no matter any more.
        with suppress(Exception):
            await self._line.disconnect()

    async def leave(self) -> None:
        """Close the connection that has failed, before the client takes over."""
        await self.close()
        if asks_sentinels(self._pool):
            # Idle ones of the client's have failed with it. If it finds that out when it uses one,
            # it tries again where the primary was, in redis-py 8, and asks no sentinel.
            with suppress(Exception):
                await self._pool.disconnect(inuse_connections=False)

    async def _reply(self) -> Any:  # noqa: ANN401  (replies are untyped)
        try:
            return await self._line.read_response(disable_decoding=True)
        except Exception as error:
            if not is_error(error, "ResponseError"):
                raise
            return error


class AsyncLines:
    """Connections that are kept for as many callers as there are at once, up to a limit."""

    def __init__(self, pool: Any, otherwise: Command) -> None:  # noqa: ANN401  (clients are told apart by looking)
        self._pool = pool
        self._otherwise: Any = otherwise
        self._is_closed = False
        self._forget_idle()

    async def command(self, *arguments: object, packed: bytes | None = None) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command over an idle connection, or through the client if none is left."""
        line = self.take()
        if line is None:
            return await self._otherwise(*arguments)
        try:
            return await line.command(*arguments, packed=packed)
        finally:
            await self.give_back(line)

    async def exchange(self, commands: Sequence[tuple[object, ...]]) -> list[Any] | None:
        """Send commands over an idle connection; return None if none is left."""
        return await self._send(AsyncLine.exchange, commands)

    async def transact(self, commands: Sequence[tuple[object, ...]]) -> list[Any] | None:
        """Send a transaction over an idle connection; None if none is left, or it is refused."""
        return await self._send(AsyncLine.transact, commands)

    async def _send(
        self, how: Callable[..., Any], commands: Sequence[tuple[object, ...]]
    ) -> list[Any] | None:
        line = self.take()
        if line is None:
            return None
        try:
            replies: list[Any] | None = await how(line, commands)
        except Exception:
            await line.leave()
            raise
        else:
            return replies
        finally:
            await self.give_back(line)

    async def close(self) -> None:
        """Close all, those in use as soon as they are not."""
        self._is_closed = True
        while self._idle:
            line = self._idle.pop()
            if line is not None:
                await line.close()

    def take(self) -> AsyncLine | None:
        """Return an idle connection, to be given back; None if none is left."""
        try:
            line = self._idle.pop()
        except IndexError:
            return None
        return line or AsyncLine(self._pool, self._otherwise)

    async def give_back(self, line: AsyncLine) -> None:
        """Make a connection idle again, or close it if all were meanwhile."""
        self._idle.append(line)
        if self._is_closed:
            await self.close()

    def _forget_idle(self) -> None:
        # The last to come back is the first to be used; None is one that was not needed yet.
        self._idle: deque[AsyncLine | None] = deque([None] * _MOST_LINES)
