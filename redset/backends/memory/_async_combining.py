"""An asyncio view of what a memory store does with several sets."""

from __future__ import annotations

import asyncio
import math
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.backends.memory._store import MemoryBackend
    from redset.interfaces import Bound, Entry, Merge, Weighing

__all__ = ["AsyncCombiningMemory", "pause"]


class AsyncCombiningMemory:
    """The part of an asyncio memory backend that combines sets, and lets its callers wait."""

    _store: MemoryBackend

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `redset.interfaces.Backend.union`."""
        return self._store.union(name, others, merge)

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        """See `redset.interfaces.Backend.intersect`."""
        return self._store.intersect(name, others, weighing)

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `redset.interfaces.Backend.subtract`."""
        return self._store.subtract(name, others)

    async def is_disjoint(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_disjoint`."""
        return self._store.is_disjoint(name, other)

    async def is_subset(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_subset`."""
        return self._store.is_subset(name, other)

    async def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """See `redset.interfaces.Backend.move`."""
        return self._store.move(name, member, target, merge)

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        """See `redset.interfaces.Backend.pop_into`."""
        return self._store.pop_into(name, target, merge, high=high, expected=expected)

    async def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """See `redset.interfaces.Backend.pop_any`."""
        store = self._store
        deadline = store.deadline(timeout)
        with self._waiting(*(name for name, _ in sources)) as event:
            while True:
                found = store.pop_first_of(sources)
                if found is not None or store.is_over(deadline):
                    return found
                await pause(event, store.pause_any(sources, deadline))

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `redset.interfaces.Backend.rename`."""
        return self._store.rename(name, target, replace=replace)

    async def expire(self, name: str, when: float | None) -> bool:
        """See `redset.interfaces.Backend.expire`."""
        return self._store.expire(name, when)

    @contextmanager
    def _waiting(self, *names: str) -> Generator[asyncio.Event, None, None]:
        event = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            # A loop closed under its waiter must not fail whoever adds to the set.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

        with ExitStack() as stack:
            for name in names:
                stack.enter_context(self._store.waiting(name, wake))
            yield event


async def pause(event: asyncio.Event, seconds: float | None) -> None:
    """Return when the event is set, which it is not after that, or when time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
