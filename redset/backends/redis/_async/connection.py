"""Commands and scripts, sent through whatever client there is."""

from __future__ import annotations

import copy
import os
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redset.backends.redis._clients import (
    check_async_client,
    has_pool,
    is_error,
    is_lost,
    may_decode,
    wait_slice,
)
from redset.backends.redis._remedies import explain
from redset.backends.redis._requests import requests
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import request_prefix

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from redset.interfaces import AsyncRedisClient

# How many commands are under way at once before the client's own connections are used.
_MOST_LINES = 64


class AsyncConnection:
    """A client, and how to talk to a server through it.

    Args:
        client: the client.
        apart: whether commands may go over connections beside those of the client.
    """

    def __init__(self, client: AsyncRedisClient, *, apart: bool = False) -> None:
        check_async_client(client)
        self.client: Any = client
        self.slice = wait_slice(client)
        self.execute: Any = client.execute_command
        # Members are bytes, whatever the client makes of other replies.
        self._options = {"NEVER_DECODE": True} if may_decode(client) else {}
        self.command: Any = self._command
        self._lines: AsyncLines | None = None
        if apart and has_pool(client):
            self._lines = AsyncLines(AsyncConnection(client))
            self.execute = self.command = self._lines.command

    async def _command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        try:
            return await self.execute(*arguments, **self._options)
        except Exception as error:
            explain(error)
            raise

    async def script(self, name: str, keys: Sequence[bytes], arguments: Sequence[object]) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script by its digest, or by its source where the server does not know it."""
        source, digest = script(name)
        try:
            return await self.command("EVALSHA", digest, len(keys), *keys, *arguments)
        except Exception as error:
            if not is_error(error, "NoScriptError"):
                raise
        return await self.command("EVAL", source, len(keys), *keys, *arguments)

    async def script_once(
        self, script_name: str, name: str, keys: Sequence[bytes], arguments: Sequence[object]
    ) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script on the set called ``name`` that has its effect once, even if sent again."""
        sender = requests.begin()
        record = request_prefix(name) + sender.key
        reply = await self.script(script_name, (*keys, record), (sender.number, *arguments))
        requests.end(sender)
        return reply

    @asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[AsyncConnection, None]:
        """Give the same with a connection of its own, for one who sends one command at a time.

        That spares what a client does between commands, which is most of their cost.
        """
        if self._lines is not None or not has_pool(self.client):
            yield self
            return
        line = AsyncLine(self)
        apart = copy.copy(self)
        apart.command = line.command
        try:
            yield apart
        finally:
            await line.close()

    async def close(self) -> None:
        """Close the connections beside the client's; commands then go through the client."""
        if self._lines is not None:
            await self._lines.close()


class AsyncLine:
    """One connection to a server, for commands that may be sent again.

    It is not one of the pool's, which may have none to spare.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._open()

    def _open(self) -> None:
        pool = self._connection.client.connection_pool
        self._line = pool.connection_class(**pool.connection_kwargs)
        self._process = os.getpid()

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command here; if that fails, leave it to the client, who tries again."""
        if self._process != os.getpid():
            # A forked child must not read its parent's replies.
            self._open()
        try:
            await self._line.send_command(*arguments)
            return await self._line.read_response(disable_decoding=True)
        except Exception as error:
            if not is_lost(error):
                explain(error)
                raise
        except BaseException:
            # The reply is still to come, and would be taken for that of the next command.
            await self.close()
            raise
        await self.close()
        return await self._connection.command(*arguments)

    async def close(self) -> None:
        """Close the connection; the next command opens it again."""
        await self._line.disconnect()


class AsyncLines:
    """Connections that are kept for as many callers as there are at once, up to a limit."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        # The last to come back is the first to be used; None is one that was not needed yet.
        self._idle: deque[AsyncLine | None] = deque([None] * _MOST_LINES)
        self._is_closed = False

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command over an idle connection, or through the client if none is left."""
        try:
            line = self._idle.pop()
        except IndexError:
            return await self._connection.command(*arguments)
        if line is None:
            line = AsyncLine(self._connection)
        try:
            return await line.command(*arguments)
        finally:
            if self._is_closed:
                await line.close()
            else:
                self._idle.append(line)

    async def close(self) -> None:
        """Close all, those in use as soon as they are not."""
        self._is_closed = True
        while self._idle:
            line = self._idle.pop()
            if line is not None:
                await line.close()
