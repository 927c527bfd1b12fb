"""Sorted sets in the memory of one process: for tests, laptops and single machines.

`MemoryBackend` is the store, safe for threads. `AsyncMemoryBackend` is a view of
one for asyncio, so that one store can serve blocking and asyncio sets at once.
"""

from __future__ import annotations

from redset.backends.memory._async import AsyncMemoryBackend
from redset.backends.memory._store import MemoryBackend

__all__ = ["AsyncMemoryBackend", "MemoryBackend"]
