"""The calls of a store of which nothing is told but that they were made, and how long they took."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from redset._pickling import Local

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from redset.interfaces import (
        AsyncBackend,
        Bound,
        DeadLetter,
        Entry,
        Merge,
        Stats,
        Weighing,
    )
    from redset.metrics._observer import Observer


class AsyncPassing(Local):
    """Passes calls on to a backend. Not made directly: see its subclass."""

    def __init__(self, backend: AsyncBackend, observer: Observer) -> None:
        self._backend = backend
        self._observer = observer

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `redset.interfaces.Backend.increment`."""
        with self._observer.call(name, "increment"):
            return await self._backend.increment(name, member, by)

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        """See `redset.interfaces.Backend.remove`."""
        with self._observer.call(name, "remove", len(members)):
            return await self._backend.remove(name, members, low=low)

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `redset.interfaces.Backend.remove_range`."""
        with self._observer.call(name, "remove_range"):
            return await self._backend.remove_range(name, low, high, limit)

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`."""
        with self._observer.call(name, "stats"):
            return await self._backend.stats(name, high)

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`."""
        with self._observer.call(name, "scores"):
            return await self._backend.scores(name, members)

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.lifetimes`."""
        with self._observer.call(name, "lifetimes"):
            return await self._backend.lifetimes(name, members)

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `redset.interfaces.Backend.rank`."""
        with self._observer.call(name, "rank"):
            return await self._backend.rank(name, member)

    async def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`."""
        with self._observer.call(name, "length"):
            return await self._backend.length(name)

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`."""
        with self._observer.call(name, "count"):
            return await self._backend.count(name, low, high)

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`."""
        with self._observer.call(name, "slice"):
            return await self._backend.slice(name, start, stop, reverse=reverse)

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
        """See `redset.interfaces.Backend.range`."""
        with self._observer.call(name, "range"):
            return await self._backend.range(
                name, low, high, after=after, offset=offset, count=count, reverse=reverse
            )

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`."""
        with self._observer.call(name, "sample"):
            return await self._backend.sample(name, count)

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`."""
        with self._observer.call(name, "entries"):
            return await self._backend.entries(name, members, low=low)

    async def is_keyed(self, name: str) -> bool | None:
        """See `redset.interfaces.Backend.is_keyed`."""
        with self._observer.call(name, "is_keyed"):
            return await self._backend.is_keyed(name)

    async def clear(self, name: str) -> bool:
        """See `redset.interfaces.Backend.clear`."""
        with self._observer.call(name, "clear"):
            return await self._backend.clear(name)

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`."""
        with self._observer.call(name, "dead"):
            return await self._backend.dead(name, offset, count)

    async def dead_count(self, name: str) -> int:
        """See `redset.interfaces.Backend.dead_count`."""
        with self._observer.call(name, "dead_count"):
            return await self._backend.dead_count(name)

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`."""
        with self._observer.call(name, "redrive", len(members)):
            return await self._backend.redrive(name, members, merge)

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`."""
        with self._observer.call(name, "forget", len(members)):
            return await self._backend.forget(name, members)

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `redset.interfaces.Backend.union`."""
        with self._observer.call(name, "union"):
            return await self._backend.union(name, others, merge)

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        """See `redset.interfaces.Backend.intersect`."""
        with self._observer.call(name, "intersect"):
            return await self._backend.intersect(name, others, weighing)

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `redset.interfaces.Backend.subtract`."""
        with self._observer.call(name, "subtract"):
            return await self._backend.subtract(name, others)

    async def is_disjoint(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_disjoint`."""
        with self._observer.call(name, "is_disjoint"):
            return await self._backend.is_disjoint(name, other)

    async def is_subset(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_subset`."""
        with self._observer.call(name, "is_subset"):
            return await self._backend.is_subset(name, other)

    async def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """See `redset.interfaces.Backend.move`."""
        with self._observer.call(name, "move"):
            return await self._backend.move(name, member, target, merge)

    async def expire(self, name: str, when: float | None) -> bool:
        """See `redset.interfaces.Backend.expire`."""
        with self._observer.call(name, "expire"):
            return await self._backend.expire(name, when)

    @asynccontextmanager
    async def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AsyncGenerator[None, None]:
        """See `redset.interfaces.Backend.lock`. What is timed is how long it takes to get it."""
        async with AsyncExitStack() as stack:
            with self._observer.call(name, "lock"):
                await stack.enter_async_context(self._backend.lock(name, timeout, expires))
            yield

    async def close(self) -> None:
        """See `redset.interfaces.Backend.close`."""
        await self._backend.close()
