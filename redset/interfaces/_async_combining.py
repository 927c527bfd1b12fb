"""What a store of sets does with several of them, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces._values import Bound, Entry, Merge, Weighing

__all__ = ["AsyncCombining"]


@runtime_checkable
class AsyncCombining(Protocol):
    """The part of an `AsyncBackend` that deals with several sets, or with a set as a whole."""

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `Backend.union`."""
        ...

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        """See `Backend.intersect`."""
        ...

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `Backend.subtract`."""
        ...

    async def is_disjoint(self, name: str, other: str) -> bool:
        """See `Backend.is_disjoint`."""
        ...

    async def is_subset(self, name: str, other: str) -> bool:
        """See `Backend.is_subset`."""
        ...

    async def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """See `Backend.move`."""
        ...

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = ...,
        expected: bytes,
    ) -> Entry | None:
        """See `Backend.pop_into`."""
        ...

    async def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """See `Backend.pop_any`."""
        ...

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `Backend.rename`."""
        ...

    async def expire(self, name: str, when: float | None) -> bool:
        """See `Backend.expire`."""
        ...
