"""What a store of sets is, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from redset.interfaces._async_combining import AsyncCombining

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from redset.interfaces._values import (
        Bound,
        Claimed,
        DeadLetter,
        Entry,
        Hold,
        Merge,
        Payload,
        Stats,
        Terms,
    )

__all__ = ["AsyncBackend"]


@runtime_checkable
class AsyncBackend(AsyncCombining, Protocol):
    """The asyncio twin of `Backend`: the same methods with the same meaning, awaited.

    Methods may be called from many tasks of one event loop at once.
    """

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `Backend.add`."""
        ...

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `Backend.schedule`."""
        ...

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `Backend.remember`."""
        ...

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `Backend.increment`."""
        ...

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = ...) -> int:
        """See `Backend.remove`."""
        ...

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `Backend.remove_range`."""
        ...

    async def pop(
        self, name: str, count: int, *, high: Bound = ..., reverse: bool = False
    ) -> list[Entry]:
        """See `Backend.pop`."""
        ...

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = ...
    ) -> list[Entry]:
        """See `Backend.wait_pop`."""
        ...

    def dedicated(self) -> AbstractAsyncContextManager[AsyncBackend]:
        """See `Backend.dedicated`."""
        ...

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `Backend.claim`."""
        ...

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `Backend.wait_claim`."""
        ...

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `Backend.acknowledge`."""
        ...

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
        """See `Backend.release`."""
        ...

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `Backend.extend`."""
        ...

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `Backend.reject`."""
        ...

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `Backend.stats`."""
        ...

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `Backend.scores`."""
        ...

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `Backend.lifetimes`."""
        ...

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `Backend.rank`."""
        ...

    async def length(self, name: str) -> int:
        """See `Backend.length`."""
        ...

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `Backend.count`."""
        ...

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `Backend.slice`."""
        ...

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
        """See `Backend.range`."""
        ...

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `Backend.sample`."""
        ...

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = ...
    ) -> list[Entry]:
        """See `Backend.entries`."""
        ...

    def keyed(self, payload: Payload) -> AsyncBackend:
        """See `Backend.keyed`."""
        ...

    async def is_keyed(self, name: str) -> bool | None:
        """See `Backend.is_keyed`."""
        ...

    async def clear(self, name: str) -> bool:
        """See `Backend.clear`."""
        ...

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `Backend.bury`."""
        ...

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        """See `Backend.set_aside`."""
        ...

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `Backend.dead`."""
        ...

    async def dead_count(self, name: str) -> int:
        """See `Backend.dead_count`."""
        ...

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `Backend.redrive`."""
        ...

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `Backend.forget`."""
        ...

    def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AbstractAsyncContextManager[None]:
        """See `Backend.lock`."""
        ...

    async def close(self) -> None:
        """See `Backend.close`."""
        ...
