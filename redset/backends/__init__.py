"""The backends: in memory, and in Redis or Valkey.

Neither imports a client library; see `redset.connect` for making a client from a URL.
"""

from __future__ import annotations

from redset.backends.memory import AsyncMemoryBackend, MemoryBackend
from redset.backends.redis import AsyncRedisBackend, RedisBackend

__all__ = ["AsyncMemoryBackend", "AsyncRedisBackend", "MemoryBackend", "RedisBackend"]
