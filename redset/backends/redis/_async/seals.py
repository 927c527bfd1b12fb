"""Commands that are refused: because a set is sealed, or because of what can be remedied."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from redset.backends.redis import commands
from redset.backends.redis._remedies import explain
from redset.backends.redis._scripts import script
from redset.exceptions import SealedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

# What a command meets that takes a text for a set; fakeredis, if it becomes one while it waits.
_REFUSED: Final = re.compile("WRONGTYPE|'bytes' object has no attribute")


async def tell_why_async(
    error: Exception, ask: Callable[..., Awaitable[Any]], arguments: Sequence[object]
) -> None:
    """Raise `SealedError` for an error of a command if one of its keys is that of a sealed set.

    It may be that of something else, so the server is asked: ``ask`` sends a command. To any other
    error is added what to do about it.
    """
    if _REFUSED.search(str(error)):
        keys = commands.keys_of(arguments)
        reply = await ask("EVAL", script("handover/sealed").source, len(keys), *keys)
        if reply:
            name, layout = reply[0].decode(), reply[1]
            is_called = "is sealed: what it held has been handed over to other sets"
            if layout:
                shards = shlex.quote(f"{{{name}:*")
                is_called = (
                    f"is a sharded set: open it as a ShardedSet; redset ls {shards} lists it"
                )
            message = f"{name!r} {is_called}"
            raise SealedError(message) from error
    explain(error)
