"""Parts that others write, none of which inherits anything from redset."""

from __future__ import annotations

import math
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, assert_type

import pytest

from redset import (
    AsyncShardedSet,
    AsyncSortedSet,
    AsyncTTLSet,
    DeadLetter,
    Merge,
    Payload,
    ShardedSet,
    SortedSet,
    TTLSet,
)
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend, RedisBackend
from redset.interfaces import (
    NOW,
    AsyncBackend,
    AsyncShardableBackend,
    Backend,
    Bound,
    Claimed,
    Clock,
    Entry,
    Hold,
    Lease,
    Parcel,
    Scorer,
    ShardableBackend,
    State,
    Stats,
    Terms,
    Weighing,
)
from redset.testing import BackendConformance, HandoverConformance, ManualClock, blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Own:
    """Somebody else's backend."""

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return len(name) + len(entries) + len(merge.value)

    def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        return len(name) + len(entries) + len(merge.value), 0.0

    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        return [merge is Merge.KEEP for _ in name for _ in entries]

    def increment(self, name: str, member: bytes, by: float) -> float:
        return len(name) + len(member) + by

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        return len(name) + len(members) + (low is NOW)

    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        return len(name) + (low == high) + (limit or 0)

    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        return [(name.encode(), count), (repr(high).encode(), reverse)]

    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        return [(name.encode(), count), (repr(high).encode(), timeout or 0)]

    def dedicated(self) -> AbstractContextManager[Own]:
        return nullcontext(self)

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        leases = [Lease(name.encode(), 0.0, 1, number, terms.lease) for number in range(count)]
        return Claimed(leases, [True for _ in acknowledge], terms.dead_limit)

    def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        claimed = self.claim(name, count, terms, acknowledge=acknowledge)
        return claimed._replace(dropped=timeout is None)

    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        return [merge is Merge.KEEP for _ in name for _ in holds]

    def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        return len(name) + len(hold[0]) + len(merge.value) > delay + (attempts or 0) or score is NOW

    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        return [lease + token if member else None for member, token in holds if name]

    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        flags = [reason == name for (_, _), reason in rejected]
        return flags, limit + len(merge.value)

    def stats(self, name: str, high: Bound) -> Stats:
        return Stats(len(name), high is NOW, 0, 0, 0, 0, None, 0.0)

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return [None for _ in members for _ in name]

    def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return [None for _ in members for _ in name]

    def rank(self, name: str, member: bytes) -> int | None:
        return len(member) if name else None

    def length(self, name: str) -> int:
        return len(name)

    def count(self, name: str, low: Bound, high: Bound) -> int:
        return len(name) + (low is NOW) + (high is NOW)

    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        return [(name.encode(), float(start + stop)), (b"reverse", float(reverse))]

    def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        key = repr((name, low, high, offset, count, reverse)).encode()
        return [after or (key, 0.0)]

    def sample(self, name: str, count: int) -> list[Entry]:
        return [(name.encode(), 1.0)] * count

    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        return len(name) + len(others) + isinstance(merge, Merge)

    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        return len(name) + len(others) + (weighing is None)

    def subtract(self, name: str, others: Sequence[str]) -> int:
        return len(name) + len(others)

    def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        return [(member, 0.0) for member in members if name or low is NOW]

    def keyed(self, payload: Payload) -> Own:
        return self if payload is Payload.NEWEST else Own()

    def is_keyed(self, name: str) -> bool | None:
        return bool(name) or None

    def is_disjoint(self, name: str, other: str) -> bool:
        return name != other

    def is_subset(self, name: str, other: str) -> bool:
        return name == other

    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        return name == target and bool(member) and merge is Merge.KEEP

    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        return None if high is NOW else (expected, len(name) + len(target) + len(merge.value))

    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        return None if timeout is None else (len(sources), (b"", timeout))

    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        return None if name == target else replace

    def expire(self, name: str, when: float | None) -> bool:
        return bool(name) and when is None

    def clear(self, name: str) -> bool:
        return bool(name)

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        return len(name) + len(letters) + limit

    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        return len(name) + len(member) + len(letter.raw) + limit

    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        return [DeadLetter(name.encode(), "reason", offset, count)]

    def dead_count(self, name: str) -> int:
        return len(name)

    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        return len(name) + len(members) + len(merge.value)

    def forget(self, name: str, members: Sequence[bytes]) -> int:
        return len(name) + len(members)

    def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AbstractContextManager[None]:
        assert_type((name, timeout, expires), tuple[str, float | None, float])
        return nullcontext()

    def close(self) -> None:
        """Release nothing."""


class OwnShardable(Own):
    """Somebody else's backend, on which sets can be sharded."""

    _sealed: tuple[str, ...] = ()

    def monotonic(self) -> float:
        return 0.0

    def seal(self, name: str, target: str) -> None:
        self._sealed = name, target

    def is_sealed(self, name: str) -> bool:
        return name in self._sealed

    def pack(self, name: str, count: int) -> Parcel:
        return Parcel(1, 0, [math.inf], [State(name.encode(), count)])

    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        return name != source and parcel.number > 0

    def unload(self, name: str, parcel: Parcel) -> None:
        self._sealed = (name, *(state.member.decode() for state in parcel.states))

    def end_seal(self, name: str, target: str) -> None:
        self._sealed = name, target

    def end_parcels(self, name: str) -> None:
        self._sealed = (name,)

    def layout(self, name: str) -> bytes | None:
        return name.encode() or None

    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        return layout != name.encode() and step > 0

    def drop_layout(self, name: str) -> bool:
        return bool(name)

    def keyed(self, payload: Payload) -> OwnShardable:
        return self if payload is Payload.NEWEST else OwnShardable()


class AsyncOwn:
    """Somebody else's asyncio backend."""

    def __init__(self) -> None:
        self._own = Own()

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return self._own.add(name, entries, merge)

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        return self._own.schedule(name, entries, merge)

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        return self._own.remember(name, entries, merge)

    async def increment(self, name: str, member: bytes, by: float) -> float:
        return self._own.increment(name, member, by)

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        return self._own.remove(name, members, low=low)

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        return self._own.remove_range(name, low, high, limit)

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        return self._own.pop(name, count, high=high, reverse=reverse)

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        return self._own.wait_pop(name, count, timeout, high=high)

    def dedicated(self) -> AbstractAsyncContextManager[AsyncOwn]:
        return nullcontext(self)

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        return self._own.claim(name, count, terms, acknowledge=acknowledge)

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        return self._own.wait_claim(name, count, terms, timeout, acknowledge=acknowledge)

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        return self._own.acknowledge(name, holds, merge)

    async def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        return self._own.release(name, hold, merge, score=score, delay=delay, attempts=attempts)

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        return self._own.extend(name, holds, lease)

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        return self._own.reject(name, rejected, merge, limit)

    async def stats(self, name: str, high: Bound) -> Stats:
        return self._own.stats(name, high)

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return self._own.scores(name, members)

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return self._own.lifetimes(name, members)

    async def rank(self, name: str, member: bytes) -> int | None:
        return self._own.rank(name, member)

    async def length(self, name: str) -> int:
        return self._own.length(name)

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        return self._own.count(name, low, high)

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        return self._own.slice(name, start, stop, reverse=reverse)

    async def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        return self._own.range(
            name, low, high, after=after, offset=offset, count=count, reverse=reverse
        )

    async def sample(self, name: str, count: int) -> list[Entry]:
        return self._own.sample(name, count)

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        return self._own.union(name, others, merge)

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        return self._own.intersect(name, others, weighing)

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        return self._own.subtract(name, others)

    async def is_disjoint(self, name: str, other: str) -> bool:
        return self._own.is_disjoint(name, other)

    async def is_subset(self, name: str, other: str) -> bool:
        return self._own.is_subset(name, other)

    async def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        return self._own.move(name, member, target, merge)

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        return self._own.pop_into(name, target, merge, high=high, expected=expected)

    async def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        return self._own.pop_any(sources, timeout)

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        return self._own.rename(name, target, replace=replace)

    async def expire(self, name: str, when: float | None) -> bool:
        return self._own.expire(name, when)

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        return self._own.entries(name, members, low=low)

    def keyed(self, payload: Payload) -> AsyncOwn:
        return self if payload is Payload.NEWEST else AsyncOwn()

    async def is_keyed(self, name: str) -> bool | None:
        return self._own.is_keyed(name)

    async def clear(self, name: str) -> bool:
        return self._own.clear(name)

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        return self._own.bury(name, letters, limit)

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        return self._own.set_aside(name, member, letter, limit)

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        return self._own.dead(name, offset, count)

    async def dead_count(self, name: str) -> int:
        return self._own.dead_count(name)

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        return self._own.redrive(name, members, merge)

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        return self._own.forget(name, members)

    def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AbstractAsyncContextManager[None]:
        assert_type((name, timeout, expires), tuple[str, float | None, float])
        return nullcontext()

    async def close(self) -> None:
        """Release nothing."""


class AsyncOwnShardable(AsyncOwn):
    """Somebody else's asyncio backend, on which sets can be sharded."""

    def __init__(self) -> None:
        super().__init__()
        self._more = OwnShardable()

    def monotonic(self) -> float:
        return self._more.monotonic()

    async def seal(self, name: str, target: str) -> None:
        self._more.seal(name, target)

    async def is_sealed(self, name: str) -> bool:
        return self._more.is_sealed(name)

    async def pack(self, name: str, count: int) -> Parcel:
        return self._more.pack(name, count)

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        return self._more.unpack(name, source, parcel)

    async def unload(self, name: str, parcel: Parcel) -> None:
        self._more.unload(name, parcel)

    async def end_seal(self, name: str, target: str) -> None:
        self._more.end_seal(name, target)

    async def end_parcels(self, name: str) -> None:
        self._more.end_parcels(name)

    async def layout(self, name: str) -> bytes | None:
        return self._more.layout(name)

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        return self._more.put_layout(name, layout, step)

    async def drop_layout(self, name: str) -> bool:
        return self._more.drop_layout(name)

    def keyed(self, payload: Payload) -> AsyncOwnShardable:
        return self if payload is Payload.NEWEST else AsyncOwnShardable()


async def backends_of_others(later: AsyncOwn) -> None:
    own: Backend = Own()
    also: AsyncBackend = later
    assert_type(own.length("n"), int)
    assert_type(await also.length("n"), int)
    assert_type(SortedSet(Own(), "n"), SortedSet[str])
    assert_type(TTLSet(Own(), "n"), TTLSet[str])
    assert_type(AsyncSortedSet(AsyncOwn(), "n"), AsyncSortedSet[str])
    assert_type(AsyncTTLSet(AsyncOwn(), "n"), AsyncTTLSet[str])


async def shardable_backends_of_others(later: AsyncOwnShardable) -> None:
    own: ShardableBackend = OwnShardable()
    also: AsyncShardableBackend = later
    assert_type(own.is_sealed("n"), bool)
    assert_type(await also.is_sealed("n"), bool)
    assert_type(SortedSet(OwnShardable(), "n"), SortedSet[str])
    assert_type(ShardedSet(OwnShardable(), "n"), ShardedSet[str])
    assert_type(AsyncShardedSet(AsyncOwnShardable(), "n"), AsyncShardedSet[str])


class Client:
    """Somebody else's client."""

    def execute_command(self, *parts: object, **options: object) -> object:
        return parts or options

    def lock(self, name: str) -> object:
        return name

    def pipeline(self) -> object:
        return self

    def __enter__(self) -> object:
        return self


class AsyncClient:
    """Somebody else's asyncio client."""

    async def execute_command(self, *parts: object, **options: object) -> object:
        return parts or options

    def lock(self, name: str) -> object:
        return name

    def pipeline(self) -> object:
        return self

    async def __aenter__(self) -> object:
        return self


def clients_of_others() -> None:
    assert_type(SortedSet(Client(), "n"), SortedSet[str])
    assert_type(AsyncSortedSet(AsyncClient(), "n"), AsyncSortedSet[str])
    RedisBackend(Client())
    AsyncRedisBackend(AsyncClient())


class Frozen:
    """Somebody else's clock."""

    def time(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    def pause(self, seconds: float | None) -> float | None:
        return seconds

    def subscribe(self, callback: Callable[[], object], /) -> None:
        callback()


class ByLength:
    """Somebody else's scorer."""

    def __call__(self, item: str, /) -> int:
        return len(item)


def small_parts_of_others() -> tuple[Clock, Scorer[str]]:
    MemoryBackend(clock=Frozen())
    AsyncMemoryBackend(clock=Frozen())
    MemoryBackend(clock=ManualClock(1.0))
    assert_type(SortedSet(MemoryBackend(), "n", ByLength()), SortedSet[str])
    return Frozen(), ByLength()


class OwnConformance(BackendConformance):
    @pytest.fixture
    def backend(self) -> Backend:
        return Own()


class OwnShardableConformance(BackendConformance, HandoverConformance):
    @pytest.fixture
    def backend(self) -> ShardableBackend:
        return OwnShardable()


def the_kit_for_asyncio() -> None:
    with blocking(AsyncOwn) as backend:
        assert_type(backend, Backend)
    with blocking(AsyncOwnShardable) as shardable:
        assert_type(shardable, ShardableBackend)
