"""Commands to the nodes of a cluster, also while it moves slots or elects a primary."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from redset.backends.redis import commands
from redset.backends.redis._async.lines import AsyncLine
from redset.backends.redis._clients import (
    execute_async,
    gives_up_at_once,
    is_away,
    is_unserved,
    primary,
)
from redset.backends.redis._sharing import AsyncSharedLines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# For how long a slot may be on its way or without a primary, in seconds: longer than it takes by
# default to elect one.
_PATIENCE = 30.0
_PAUSE = 0.05


class AsyncCluster:
    """Sends commands through the client of a cluster, or over connections beside it.

    Args:
        client: the client.
        otherwise: what sends a command through the client, when a connection beside it fails.
    """

    def __init__(self, client: Any, otherwise: Callable[..., Any]) -> None:  # noqa: ANN401  (clients are told apart by looking)
        self._client = client
        self._otherwise: Any = otherwise
        self._lines: dict[object, AsyncSharedLines] = {}
        self._is_closed = False

    async def command(self, *arguments: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command to the node that has its key, over a connection beside the client's.

        If there is none, or it fails, or the key is elsewhere by now, the command is left to the
        client, which finds out where that is.
        """
        lines = await self.lines_for(commands.keys_of(arguments)[0])
        return await (lines.command if lines else self._otherwise)(*arguments)

    async def lines_for(self, key: bytes) -> AsyncSharedLines | None:
        """Return the connections to the node that has a key, if the client knows one."""
        try:
            node = primary(self._client, key)
        except Exception:  # noqa: BLE001  (the client finds it, or says what is wrong)
            return None
        return await self._beside(node)

    async def execute(self, *arguments: object, **options: object) -> Any:  # noqa: ANN401  (replies are untyped)
        """Send a command through the client, again if no node has served it.

        Clients give up within half a second on a command whose keys are on their way to another
        node. It was not carried out, so nothing is lost by sending it again. What has failed with
        its node they send again several times, but all of them before a replica takes over.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return await execute_async(self._client, *arguments, **options)
            except Exception as error:
                if not self._may_help(error) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    async def together(self, key: bytes, given: Sequence[tuple[object, ...]]) -> list[Any]:
        """Send commands to the node that has a key, over one connection.

        Returns:
            Their replies, or the errors by which they are answered.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                replies = await self._exchange(key, given)
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
        """Close the connections beside the client's; commands then go through the client."""
        self._is_closed = True
        for lines in list(self._lines.values()):
            await self._forget(lines)

    def _may_help(self, error: Exception) -> bool:
        """Tell whether a command may be sent again, and be carried out then."""
        return is_unserved(error) or (is_away(error) and not gives_up_at_once(self._client))

    async def _exchange(self, key: bytes, given: Sequence[tuple[object, ...]]) -> list[Any]:
        node = primary(self._client, key)
        lines = await self._beside(node)
        replies = await lines.exchange(given) if lines else None
        if replies is not None:
            return replies
        line = AsyncLine(node, self._otherwise)
        try:
            return await line.exchange(given)
        finally:
            await line.close()

    async def _beside(self, node: Any) -> AsyncSharedLines | None:  # noqa: ANN401  (clients are told apart by looking)
        """Return the connections to a node, None when there are to be none any more."""
        if self._is_closed:
            return None
        place = (node.connection_kwargs["host"], node.connection_kwargs["port"])
        lines = self._lines.get(place)
        if lines is None:
            lines = self._lines.setdefault(place, AsyncSharedLines(node, self._otherwise))
            await self._forget_the_gone()
        return lines

    async def _forget_the_gone(self) -> None:
        """Close the connections to nodes that have left the cluster."""
        known = {(node.host, node.port) for node in self._client.get_nodes()}
        for place, lines in list(self._lines.items()):
            if place not in known:
                await self._forget(lines)

    async def _forget(self, gone: AsyncSharedLines) -> None:
        self._lines = {place: lines for place, lines in self._lines.items() if lines is not gone}
        await gone.close()
