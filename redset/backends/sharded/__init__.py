"""Sets that are each spread over several sets of another backend, in different cluster slots."""

from __future__ import annotations

from redset.backends.sharded._async.backend import AsyncShardedBackend
from redset.backends.sharded._sync.backend import ShardedBackend

__all__ = ["AsyncShardedBackend", "ShardedBackend"]
