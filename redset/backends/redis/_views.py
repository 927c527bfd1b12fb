"""Views of backends, made here because their classes come after those of what they view."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.backends.redis._async.backend import AsyncRedisBackend
    from redset.backends.redis._sync.backend import RedisBackend
    from redset.interfaces import AsyncRedisClient, Payload, RedisClient

__all__ = ["async_keyed_view", "keyed_view"]


def keyed_view(
    client: RedisClient, payload: Payload, *, owns: Sequence[RedisClient]
) -> RedisBackend:
    """Return a backend whose sets are keyed."""
    from redset.backends.redis._sync.keyed import KeyedBackend

    return KeyedBackend(client, payload, owns=owns)


def async_keyed_view(
    client: AsyncRedisClient, payload: Payload, *, owns: Sequence[AsyncRedisClient]
) -> AsyncRedisBackend:
    """Return an asyncio backend whose sets are keyed."""
    from redset.backends.redis._async.keyed import AsyncKeyedBackend

    return AsyncKeyedBackend(client, payload, owns=owns)
