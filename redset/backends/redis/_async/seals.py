"""Commands that are refused because a set is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redset.backends.redis import commands
from redset.backends.redis._scripts import script
from redset.exceptions import SealedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


async def tell_seal_async(
    error: Exception, ask: Callable[..., Awaitable[Any]], arguments: Sequence[object]
) -> None:
    """Raise `SealedError` for an error of a command if one of its keys is that of a sealed set.

    There is no other way to tell it from a key that is something else: ``ask`` sends a command.
    """
    if "WRONGTYPE" in str(error):
        keys = commands.keys_of(arguments)
        key = await ask("EVAL", script("handover/sealed").source, len(keys), *keys)
        if key:
            message = f"{key.decode()!r} is sealed: what it held has been handed over to other sets"
            raise SealedError(message) from error
