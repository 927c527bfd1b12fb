"""Sorted sets in Redis or Valkey: each is one ZSET, called exactly as the set.

`RedisBackend` and `AsyncRedisBackend` wrap a client that the caller made. They import
no client library: what they need of one is in `redset.interfaces.RedisClient`.
"""

from __future__ import annotations

from redset.backends.redis._async.backend import AsyncRedisBackend
from redset.backends.redis._sync.backend import RedisBackend

__all__ = ["AsyncRedisBackend", "RedisBackend"]
