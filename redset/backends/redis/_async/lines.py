"""Connections beside those of a client, which spare most of what it does between commands."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

from redset.backends.redis._async.seals import tell_seal_async
from redset.backends.redis._clients import asks_sentinels, is_error, is_lost, is_unserved, packer
from redset.backends.redis._remedies import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Callable[..., Any]

# How many commands are under way at once before the client's own connections are used.
_MOST_LINES = 64


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
        self._open()

    def _open(self) -> None:
        self._line = self._pool.connection_class(**self._pool.connection_kwargs)
        self._process = os.getpid()
        self._is_connected = False

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command here; if that fails, leave it to the client, who tries again."""
        try:
            if not self._is_connected or self._process != os.getpid():
                await self._connect()
            if self._pack is None:
                await self._line.send_command(*arguments)
            else:
                await self._line.send_packed_command((self._pack(arguments),))
            return await self._line.read_response(disable_decoding=True)
        except Exception as error:
            if is_lost(error):
                await self.leave()
            elif not is_unserved(error):
                await tell_seal_async(error, self.command, arguments)
                explain(error)
                raise
        except BaseException:
            # The reply is still to come, and would be taken for that of the next command.
            await self.close()
            raise
        return await self._otherwise(*arguments)

    async def exchange(
        self, commands: Sequence[tuple[object, ...]], replies: list[Any] | None = None
    ) -> list[Any]:
        """Send commands at once; return their replies, or the errors by which they are answered.

        Args:
            commands: the commands.
            replies: a list to add the replies to, for those that came before it fails.
        """
        replies = [] if replies is None else replies
        try:
            if not self._is_connected or self._process != os.getpid():
                await self._connect()
            if self._pack is None:
                packed = self._line.pack_commands(commands)
            else:
                packed = [b"".join(map(self._pack, commands))]
            await self._line.send_packed_command(packed)
            for _ in commands:
                replies.append(await self._reply())
        except BaseException:
            await self.close()
            raise
        return replies

    async def close(self) -> None:
        """Close the connection; the next command opens it again."""
        self._is_connected = False
        await self._line.disconnect()

    async def leave(self) -> None:
        """Close the connection that has failed, before the client takes over."""
        await self.close()
        if asks_sentinels(self._pool):
            # Idle ones of the client's have failed with it. If it finds that out when it uses one,
            # it tries again where the primary was, in redis-py 8, and asks no sentinel.
            await self._pool.disconnect(inuse_connections=False)

    async def _connect(self) -> None:
        if self._process != os.getpid():
            # A forked child must not read its parent's replies.
            self._open()
        # What is sent over a closed connection opens it, too, but without asking any sentinel.
        await self._line.connect()
        self._is_connected = True

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
        # The last to come back is the first to be used; None is one that was not needed yet.
        self._idle: deque[AsyncLine | None] = deque([None] * _MOST_LINES)
        self._is_closed = False

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command over an idle connection, or through the client if none is left."""
        line = self.take()
        if line is None:
            return await self._otherwise(*arguments)
        try:
            return await line.command(*arguments)
        finally:
            await self.give_back(line)

    async def exchange(self, commands: Sequence[tuple[object, ...]]) -> list[Any] | None:
        """Send commands over an idle connection; return None if none is left."""
        line = self.take()
        if line is None:
            return None
        try:
            return await line.exchange(commands)
        except Exception:
            await line.leave()
            raise
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
