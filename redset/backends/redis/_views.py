"""Views of backends, made here because their classes come after those of what they view."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redset.backends.redis._async.backend import AsyncRedisBackend
    from redset.backends.redis._sync.backend import RedisBackend
    from redset.interfaces import Payload

__all__ = ["async_keyed_view", "keyed_view"]


def keyed_view(backend: RedisBackend, payload: Payload) -> RedisBackend:
    """Return a backend whose sets are keyed."""
    from redset.backends.redis._sync.keyed import KeyedBackend

    return KeyedBackend(backend, payload)


def async_keyed_view(backend: AsyncRedisBackend, payload: Payload) -> AsyncRedisBackend:
    """Return an asyncio backend whose sets are keyed."""
    from redset.backends.redis._async.keyed import AsyncKeyedBackend

    return AsyncKeyedBackend(backend, payload)
