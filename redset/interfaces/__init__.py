"""The protocols that redset is built on. Nothing has to subclass any of them.

A set is made of three replaceable parts: a `Serializer` turns items into bytes
and back, a `Scorer` gives an item its score, and a `Backend` (or `AsyncBackend`)
stores pairs of bytes and score. Backends are raw and small: they know nothing of
items, and every method is one atomic operation on the set called ``name``. For sets
that are sharded, it takes a `ShardableBackend`, which has some methods more.
"""

from __future__ import annotations

from redset.interfaces._async_backend import AsyncBackend
from redset.interfaces._async_shardable import AsyncShardableBackend
from redset.interfaces._backend import Backend
from redset.interfaces._parts import (
    AsyncRedisClient,
    Clock,
    Dumper,
    Loader,
    RedisClient,
    Scorer,
    Serializer,
)
from redset.interfaces._shardable import ShardableBackend
from redset.interfaces._values import (
    NOW,
    Aggregate,
    Bound,
    Claimed,
    DeadLetter,
    Entry,
    Hold,
    KeyedMember,
    Lease,
    Merge,
    Moment,
    Parcel,
    Payload,
    State,
    Stats,
    Terms,
    Weighing,
)

__all__ = [
    "NOW",
    "Aggregate",
    "AsyncBackend",
    "AsyncRedisClient",
    "AsyncShardableBackend",
    "Backend",
    "Bound",
    "Claimed",
    "Clock",
    "DeadLetter",
    "Dumper",
    "Entry",
    "Hold",
    "KeyedMember",
    "Lease",
    "Loader",
    "Merge",
    "Moment",
    "Parcel",
    "Payload",
    "RedisClient",
    "Scorer",
    "Serializer",
    "ShardableBackend",
    "State",
    "Stats",
    "Terms",
    "Weighing",
]
