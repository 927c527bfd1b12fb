"""Typed, de-duplicating, distributed sorted sets over Redis, Valkey or memory.

>>> from redset import SortedSet, connect
>>> jobs = SortedSet(connect("memory://"), "jobs")
>>> jobs.add("b"), jobs.add("a"), jobs.add("a")
(0.0, 0.0, 0.0)
>>> jobs.take(10)
['a', 'b']
"""

from __future__ import annotations

from redset._async.claims import AsyncClaim
from redset._async.moving import pop_from_any_async
from redset._async.sets import AsyncSortedSet
from redset._async.sharded import AsyncShardedSet
from redset._async.timed import AsyncScheduledSet, AsyncTimeSortedSet
from redset._async.ttl import AsyncTTLSet
from redset._buffering import AsyncBuffer, Buffer
from redset._sync.claims import Claim
from redset._sync.moving import pop_from_any
from redset._sync.sets import SortedSet
from redset._sync.sharded import ShardedSet
from redset._sync.timed import ScheduledSet, TimeSortedSet
from redset._sync.ttl import TTLSet
from redset.connecting import connect, connect_async
from redset.interfaces import Aggregate, DeadLetter, Merge, Payload, Stats
from redset.retry import Retry

__all__ = [
    "Aggregate",
    "AsyncBuffer",
    "AsyncClaim",
    "AsyncScheduledSet",
    "AsyncShardedSet",
    "AsyncSortedSet",
    "AsyncTTLSet",
    "AsyncTimeSortedSet",
    "Buffer",
    "Claim",
    "DeadLetter",
    "Merge",
    "Payload",
    "Retry",
    "ScheduledSet",
    "ShardedSet",
    "SortedSet",
    "Stats",
    "TTLSet",
    "TimeSortedSet",
    "connect",
    "connect_async",
    "pop_from_any",
    "pop_from_any_async",
]

__version__ = "1.0.0"
