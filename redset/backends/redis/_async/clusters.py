"""Commands to the nodes of a cluster, also while it moves slots or elects a primary."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redset.backends.redis._async.lines import AsyncLine
from redset.backends.redis._clients import gives_up_at_once, is_away, is_unserved, primary

if TYPE_CHECKING:
    from collections.abc import Sequence

# For how long a slot may be on its way or without a primary, in seconds: longer than it takes by
# default to elect one.
_PATIENCE = 30.0
_PAUSE = 0.05


class AsyncCluster:
    """Sends commands through the client of a cluster, or over connections beside it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401  (clients are told apart by looking)
        self._client = client
        self._idle: defaultdict[object, deque[AsyncLine]] = defaultdict(deque)

    async def execute(self, *arguments: object, **options: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command through the client, again if no node has served it.

        Clients give up within half a second on a command whose keys are on their way to another
        node. It was not carried out, so nothing is lost by sending it again. What has failed with
        its node they send again several times, but all of them before a replica takes over.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._client.execute_command(*arguments, **options)
            except Exception as error:
                if not self._may_help(error) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    async def together(self, key: bytes, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        """Send commands to the node that has a key, over one connection.

        Returns:
            Their replies, or the errors by which they are answered.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                replies = await self._exchange(key, commands)
            except Exception as error:
                if not self._may_help(error) or time.monotonic() > deadline:
                    raise
            else:
                if not is_unserved(replies[0]) or time.monotonic() > deadline:
                    return replies
            await asyncio.sleep(_PAUSE)
            # The client finds out where the key is by now; by a script, as replicas answer reads.
            await self.execute("EVAL", b"return 1", 1, key)

    async def close(self) -> None:
        """Close the connections beside the client's."""
        for place in list(self._idle):
            await self._forget(place)

    def _may_help(self, error: Exception) -> bool:
        """Tell whether a command may be sent again, and be carried out then."""
        return is_unserved(error) or (is_away(error) and not gives_up_at_once(self._client))

    async def _exchange(self, key: bytes, commands: Sequence[tuple[object, ...]]) -> list[Any]:
        node = primary(self._client, key)
        place = node.connection_kwargs["host"], node.connection_kwargs["port"]
        try:
            line = self._idle[place].pop()
        except IndexError:
            line = AsyncLine(node)
        try:
            replies = await line.exchange(commands)
        except Exception:
            # Those that are idle have failed with it, most likely.
            await self._forget(place)
            raise
        self._idle[place].append(line)
        return replies

    async def _forget(self, place: object) -> None:
        lines = self._idle.pop(place, deque())
        while lines:
            with suppress(IndexError):  # another thread was faster
                await lines.pop().close()
