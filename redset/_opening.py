"""What a set is given to live on: a backend as it is, or a client to be wrapped."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import get_protocol_members

from redset.interfaces import Backend, ShardableBackend

if TYPE_CHECKING:
    from redset.interfaces import AsyncBackend, AsyncRedisClient, RedisClient

__all__ = [
    "check_made",
    "check_shardable",
    "is_shardable",
    "open_async_backend",
    "open_backend",
]

# The methods that only sharded sets ask of a backend.
_OF_SHARDS: Final = sorted(get_protocol_members(ShardableBackend) - get_protocol_members(Backend))


def open_backend(source: object) -> Backend:
    """Return a blocking backend: ``source`` itself, or one that wraps the client.

    Raises:
        TypeError: if it is neither, or made for asyncio.
    """
    check_made(source)
    if hasattr(source, "execute_command"):
        from redset.backends.redis import RedisBackend

        return RedisBackend(cast("RedisClient", source))
    if _is_async(source):
        message = f"{source!r} is an asyncio backend: use it with a set with Async in its name"
        raise TypeError(message)
    return cast("Backend", source)


def open_async_backend(source: object) -> AsyncBackend:
    """Return an asyncio backend: ``source`` itself, or one that wraps the client.

    Raises:
        TypeError: if it is neither, or a blocking one.
    """
    check_made(source)
    if hasattr(source, "execute_command"):
        from redset.backends.redis import AsyncRedisBackend

        return AsyncRedisBackend(cast("AsyncRedisClient", source))
    if not _is_async(source):
        message = f"{source!r} is a blocking backend: use it with a set without Async in its name"
        raise TypeError(message)
    return cast("AsyncBackend", source)


def check_made(source: object) -> None:
    """Raise `TypeError` if this is a class of what is to be given, or a part of a sharded set."""
    if isinstance(source, type):
        message = f"{source!r} is a class: make one, {source.__name__}(…)"
        raise TypeError(message)
    if hasattr(source, "shard_count"):
        message = f"{source!r} is of a sharded set: pass what that was given, a backend or a client"
        raise TypeError(message)


def is_shardable(backend: object) -> bool:
    """Tell whether a backend has what sharded sets ask of it."""
    return not _missing(backend)


def check_shardable(backend: object) -> None:
    """Raise `TypeError` if a backend lacks what sharded sets ask of it."""
    if missing := _missing(backend):
        message = (
            f"{type(backend).__name__} cannot hold sharded sets, for lack of {', '.join(missing)}: "
            "write these as docs/backends.md says, or use a set that is not sharded"
        )
        raise TypeError(message)


def _missing(backend: object) -> list[str]:
    return [name for name in _OF_SHARDS if not callable(getattr(backend, name, None))]


def _is_async(source: object) -> bool:
    wait_pop = getattr(source, "wait_pop", None)
    if not callable(wait_pop):
        # Not shown itself: it may be a URL with a password.
        message = (
            f"{type(source).__name__} is neither a backend nor a Redis client: "
            "pass redis.Redis(…), redset.connect(url) or redset.backends.MemoryBackend()"
        )
        raise TypeError(message)
    return inspect.iscoroutinefunction(wait_pop)
