"""An asyncio view of a memory store."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from redset._pickling import Local
from redset.backends.memory._async_combining import AsyncCombiningMemory, pause
from redset.backends.memory._async_handover import AsyncHandoverMemory
from redset.backends.memory._store import MemoryBackend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Self

    from redset.interfaces import (
        Bound,
        Claimed,
        Clock,
        DeadLetter,
        Entry,
        Hold,
        Merge,
        Payload,
        Stats,
        Terms,
    )

__all__ = ["AsyncMemoryBackend"]


class AsyncMemoryBackend(AsyncCombiningMemory, AsyncHandoverMemory, Local):
    """A `redset.interfaces.AsyncBackend` over a `MemoryBackend`.

    Its methods do not block the event loop: the store's lock is held for microseconds,
    and waiting is done by the loop.

    Args:
        store: the store to use, which blocking sets may use at the same time; a new one
            by default.
        clock: the clock of a new store; see `MemoryBackend`.

    >>> from asyncio import run
    >>> from redset import AsyncSortedSet
    >>> async def main() -> str:
    ...     jobs = AsyncSortedSet(AsyncMemoryBackend(), "jobs")
    ...     await jobs.add("sweep the floor")
    ...     return await jobs.pop()
    >>> run(main())
    'sweep the floor'
    """

    def __init__(self, store: MemoryBackend | None = None, *, clock: Clock | None = None) -> None:
        if store is not None and clock is not None:
            message = f"clock={clock!r} comes with a store that has one: give it to the store"
            raise ValueError(message)
        self._store = MemoryBackend(clock=clock) if store is None else store

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._store!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncMemoryBackend) and other._store == self._store

    def __hash__(self) -> int:
        return hash((AsyncMemoryBackend, self._store))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def monotonic(self) -> float:
        """See `redset.interfaces.ShardableBackend.monotonic`."""
        return self._store.monotonic()

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`."""
        return self._store.add(name, entries, merge)

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `redset.interfaces.Backend.schedule`."""
        return self._store.schedule(name, entries, merge)

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.remember`."""
        return self._store.remember(name, entries, merge)

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `redset.interfaces.Backend.increment`."""
        return self._store.increment(name, member, by)

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        """See `redset.interfaces.Backend.remove`."""
        return self._store.remove(name, members, low=low)

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `redset.interfaces.Backend.remove_range`."""
        return self._store.remove_range(name, low, high, limit)

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`."""
        return self._store.pop(name, count, high=high, reverse=reverse)

    def dedicated(self) -> AbstractAsyncContextManager[Self]:
        """See `redset.interfaces.Backend.dedicated`. Gives itself."""
        return nullcontext(self)

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `redset.interfaces.Backend.claim`."""
        return self._store.claim(name, count, terms, acknowledge=acknowledge)

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`."""
        return self._store.acknowledge(name, holds, merge)

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
        """See `redset.interfaces.Backend.release`."""
        return self._store.release(name, hold, merge, score=score, delay=delay, attempts=attempts)

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `redset.interfaces.Backend.extend`."""
        return self._store.extend(name, holds, lease)

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `redset.interfaces.Backend.reject`."""
        return self._store.reject(name, rejected, merge, limit)

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`."""
        return self._store.stats(name, high)

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`."""
        return self._store.scores(name, members)

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.lifetimes`."""
        return self._store.lifetimes(name, members)

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `redset.interfaces.Backend.rank`."""
        return self._store.rank(name, member)

    async def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`."""
        return self._store.length(name)

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`."""
        return self._store.count(name, low, high)

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`."""
        return self._store.slice(name, start, stop, reverse=reverse)

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
        return self._store.range(
            name, low, high, after=after, offset=offset, count=count, reverse=reverse
        )

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`."""
        return self._store.sample(name, count)

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`."""
        return self._store.entries(name, members, low=low)

    def keyed(self, payload: Payload) -> AsyncMemoryBackend:
        """See `redset.interfaces.Backend.keyed`."""
        return AsyncMemoryBackend(self._store.keyed(payload))

    async def is_keyed(self, name: str) -> bool | None:
        """See `redset.interfaces.Backend.is_keyed`."""
        return self._store.is_keyed(name)

    async def clear(self, name: str) -> bool:
        """See `redset.interfaces.Backend.clear`."""
        return self._store.clear(name)

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`."""
        return self._store.bury(name, letters, limit)

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        """See `redset.interfaces.Backend.set_aside`."""
        return self._store.set_aside(name, member, letter, limit)

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`."""
        return self._store.dead(name, offset, count)

    async def dead_count(self, name: str) -> int:
        """See `redset.interfaces.Backend.dead_count`."""
        return self._store.dead_count(name)

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`."""
        return self._store.redrive(name, members, merge)

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`."""
        return self._store.forget(name, members)

    async def close(self) -> None:
        """See `redset.interfaces.Backend.close`."""
        self._store.close()

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`."""
        store = self._store
        deadline = store.deadline(timeout)
        with self._waiting(name) as event:
            while True:
                entries = store.pop(name, count, high=high)
                if entries or store.is_over(deadline):
                    return entries
                await pause(event, store.pause(name, deadline, high))

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `redset.interfaces.Backend.wait_claim`."""
        store = self._store
        claimed = store.claim(name, count, terms, acknowledge=acknowledge)
        if claimed.leases or timeout == 0:
            return claimed
        deadline = store.deadline(timeout)
        with self._waiting(name) as event:
            while True:
                claimed = store.claim_later(name, count, terms, claimed)
                if claimed.leases or store.is_over(deadline):
                    return claimed
                await pause(event, store.claim_pause(name, deadline, terms.high))

    @asynccontextmanager
    async def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AsyncGenerator[None, None]:
        """See `redset.interfaces.Backend.lock`."""
        store = self._store
        token = object()
        deadline = store.deadline(timeout)
        with self._waiting(name) as event:
            while not store.acquire_lock(name, token, expires, deadline):
                await pause(event, store.lock_pause(name, deadline))
        try:
            yield
        finally:
            store.release_lock(name, token)
