"""Commands and scripts, sent through whatever client there is."""

from __future__ import annotations

import copy
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from redset.backends.redis._async.clusters import AsyncCluster
from redset.backends.redis._async.lines import AsyncLine
from redset.backends.redis._async.replicating import AsyncReplication
from redset.backends.redis._async.seals import tell_why_async
from redset.backends.redis._clients import (
    check_async_client,
    has_pool,
    is_cluster,
    is_error,
    is_lost,
    may_decode,
    spreads_reads,
    wait_slice,
)
from redset.backends.redis._copies import is_lasting
from redset.backends.redis._requests import requests
from redset.backends.redis._scripts import script
from redset.backends.redis._sharing import AsyncSharedLines
from redset.backends.redis.commands import keys_of
from redset.backends.redis.keys import request_prefix

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from redset.backends.redis._copies import Copies
    from redset.interfaces import AsyncRedisClient


class AsyncConnection:
    """A client, and how to talk to a server through it.

    Args:
        client: the client.
        apart: whether commands may go over connections beside those of the client.
        copies: the replicas that are to have what is sent through `durable`, and what scripts
            do by which items come in or claims end; by default none.
    """

    def __init__(
        self, client: AsyncRedisClient, *, apart: bool = False, copies: Copies | None = None
    ) -> None:
        check_async_client(client)
        self.client: Any = client
        self.slice = wait_slice(client)
        self._cluster = AsyncCluster(client, self._command) if is_cluster(client) else None
        # What sends a command through the client, whatever else there is beside it.
        self._ask: Any = self._cluster.execute if self._cluster else client.execute_command
        # Members are bytes, whatever the client makes of other replies.
        self._options = {"NEVER_DECODE": True} if may_decode(client) else {}
        self.command: Any = self._command
        self._lines: AsyncSharedLines | None = None
        # What has connections beside those of the client of a cluster.
        self._beside = self._cluster if apart and not spreads_reads(client) else None
        if self._beside is not None:
            self.command = self._beside.command
        elif apart and has_pool(client):
            self._lines = AsyncSharedLines(cast("Any", client).connection_pool, self._command)
            self.command = self._lines.command
        self._durable: AsyncConnection | None = None
        if copies is not None:
            together = self._cluster.together if self._cluster else self._together
            self._durable = copy.copy(self)
            self._durable.command = AsyncReplication(together, copies, self.command).command

    @property
    def durable(self) -> AsyncConnection:
        """The same, for writes that replicas are to have; itself if none is to have any."""
        return self._durable or self

    @property
    def is_durable(self) -> bool:
        """Whether replicas are to have what is sent through `durable`."""
        return self._durable is not None

    async def _command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        try:
            return await self._ask(*arguments, **self._options)
        except Exception as error:
            await tell_why_async(error, self._command, arguments)
            raise

    async def _together(self, _: bytes, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        if self._lines is not None:
            try:
                found = await self._lines.exchange(commands)
            except Exception:  # noqa: BLE001  (the client tries again, and raises what is wrong)
                found = None
            if found is not None:
                return found
        async with self.client.pipeline(transaction=False) as pipe:
            for each in commands:
                pipe.execute_command(*each, NEVER_DECODE=True)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        return replies

    async def transact(self, *commands: tuple[object, ...]) -> list[Any] | None:
        """Send commands on one set as one transaction, by a connection beside the client's.

        Only the last of them may write, so that nothing is done if any is refused.

        Returns:
            Their replies; None if there is no such connection, or it fails, or any is refused:
            another way is to be tried then, which tells what is wrong.
        """
        lines = self._lines
        if self._beside is not None:
            lines = await self._beside.lines_for(keys_of(commands[0])[0])
        if lines is None:
            return None
        try:
            return await lines.transact(commands)
        except Exception as error:
            if is_lost(error):
                return None
            # It may be done: what was taken is not to be lost for more, and nobody told.
            await tell_why_async(error, self._command, commands[0])
            raise

    async def script(self, name: str, keys: Sequence[bytes], arguments: Sequence[object]) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script by its digest, or by its source where the server does not know it."""
        source, digest = script(name)
        command = self.command
        if self._durable is not None and is_lasting(name):
            command = self._durable.command
        try:
            return await command("EVALSHA", digest, len(keys), *keys, *arguments)
        except Exception as error:
            if not is_error(error, "NoScriptError"):
                raise
        return await command("EVAL", source, len(keys), *keys, *arguments)

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
        line = AsyncLine(self.client.connection_pool, self.command)
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
        if self._cluster is not None:
            await self._cluster.close()
