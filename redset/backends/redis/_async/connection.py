"""Commands and scripts, sent through whatever client there is."""

from __future__ import annotations

import copy
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redset.backends.redis._clients import (
    check_async_client,
    is_error,
    is_lost,
    may_decode,
    wait_slice,
)
from redset.backends.redis._requests import requests
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import request_prefix

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from redset.interfaces import AsyncRedisClient


class AsyncConnection:
    """A client, and how to talk to a server through it."""

    def __init__(self, client: AsyncRedisClient) -> None:
        check_async_client(client)
        self.client: Any = client
        self.slice = wait_slice(client)
        self.execute: Any = client.execute_command
        # Members are bytes, whatever the client makes of other replies.
        self.command: Any = self._command if may_decode(client) else client.execute_command

    async def _command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        return await self.execute(*arguments, NEVER_DECODE=True)

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
        pool = getattr(self.client, "connection_pool", None)
        if pool is None:  # a cluster has no one connection
            yield self
            return
        # Not one of the pool's, which may have none to spare.
        line = AsyncLine(pool.connection_class(**pool.connection_kwargs), self)
        apart = copy.copy(self)
        apart.command = line.command
        try:
            yield apart
        finally:
            await line.close()


class AsyncLine:
    """One connection to a server, for commands that may be sent again."""

    def __init__(self, line: Any, connection: AsyncConnection) -> None:  # noqa: ANN401  (clients differ)
        self._line = line
        self._connection = connection
        self._process = os.getpid()

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command here; if that fails, leave it to the client, who tries again."""
        if self._process != os.getpid():
            # A forked child must not read its parent's replies.
            return await self._connection.command(*arguments)
        try:
            await self._line.send_command(*arguments)
            return await self._line.read_response(disable_decoding=True)
        except Exception as error:
            if not is_lost(error):
                raise
        await self.close()
        return await self._connection.command(*arguments)

    async def close(self) -> None:
        """Close the connection; the next command opens it again."""
        await self._line.disconnect()
