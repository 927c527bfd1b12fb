"""Commands and scripts, sent through whatever client there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redset.backends.redis._clients import check_async_client, is_error, may_decode, wait_slice
from redset.backends.redis._requests import Requests
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import request_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import AsyncRedisClient


class AsyncConnection:
    """A client, and how to talk to a server through it."""

    def __init__(self, client: AsyncRedisClient) -> None:
        check_async_client(client)
        self.client: Any = client
        self._requests = Requests()
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
        sender = self._requests.begin()
        record = request_prefix(name) + sender.key
        reply = await self.script(script_name, (*keys, record), (sender.number, *arguments))
        self._requests.end(sender)
        return reply
