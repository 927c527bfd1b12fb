"""Sets beside other sets: what they have in common, and what is in one of them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard, TypeVar

from redset._async.base import AsyncBaseSet
from redset._checks import check_iterable
from redset._chunks import CHUNK, chunks
from redset._dunders import AsyncAlgebraOperators
from redset._types import T

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence

V = TypeVar("V")


class AsyncAlgebraSet(AsyncBaseSet[T], AsyncAlgebraOperators[T]):
    """A set that can be compared, and cut, with others. Not made directly: see its subclasses.

    Others that are sets on the same backend, with an equal serializer and the same ``key``, are
    read by the server; all others, and any iterables of items, through here, a thousand items
    at a time.
    """

    # Cutting

    async def difference_update(self, *others: AsyncAlgebraSet[T] | Iterable[T]) -> int:
        """Remove all items that are in any of the others, as `discard` does.

        Of sets, what waits in them counts, not what is claimed, parked or delayed there. Here,
        what is parked or delayed is removed, too, and what is claimed is left to its holder.

        Args:
            others: sets, or any iterables of items, which are not read ahead by more than a
                thousand.

        Returns:
            How many items were removed. One round trip for all sets that the server reads,
            O(m + n log n) for their m items (``algebra/subtract.lua``: ``ZDIFFSTORE``), and one
            for every thousand of what is given otherwise, O(log n) an item; see `discard`.

        Raises:
            ValueError: in a cluster, if the sets are in different slots.
        """
        near, far = self._parted(others)
        removed = 0
        if near:
            removed += await self._backend.subtract(self._name, await self._names(near))
        for other in far:
            async for items in self._in_chunks(other):
                removed += await self._remove(self._members(items))
        return removed

    async def intersection_update(self, *others: AsyncAlgebraSet[T] | Iterable[T]) -> int:
        """Remove all items that are not in every one of the others; scores stay.

        Of sets, what waits in them counts, not what is claimed, parked or delayed there. Here,
        what is claimed is left to its holder. What is parked or delayed is removed like what
        waits by sets that the server reads; through here, it is not seen.

        Args:
            others: sets, or any iterables of items, which are held in memory.

        Returns:
            How many items were removed. One round trip for all sets that the server reads,
            O(n log n) a set (``algebra/intersect.lua``: ``ZDIFFSTORE``); for others, two for
            every thousand items of this set, and one a set.

        Raises:
            ValueError: in a cluster, if the sets are in different slots.
        """
        near, far = self._parted(others)
        removed = 0
        if near:
            removed += await self._backend.intersect(self._name, await self._names(near))
        if far:
            held = self._hold(far)
            async for items in self._in_chunks(self):
                found = await self._look_up(items, held)
                gone = [item for item, flags in zip(items, found, strict=True) if not all(flags)]
                removed += await self._remove(self._members(gone))
        return removed

    # Yielding

    def difference(self, *others: AsyncAlgebraSet[T] | Iterable[T]) -> AsyncIterator[T]:
        """Iterate over the items that are in none of the others, in order.

        Nothing is stored. Pages are read as they are needed, so this is as iterating the set
        is: what keeps its place, here and in the others, is met exactly once, and what moves
        between the sets meanwhile may be missed or met twice.

        Args:
            others: sets, of any backend, or any iterables of items, which are held in memory.

        Yields:
            Items. Two round trips for every thousand items of this set, and one more for each
            further set, O(log n) an item (``ZRANGEBYSCORE``, ``ZMSCORE``).
        """
        return self._select(_checked(others), lambda flags: not any(flags))

    def intersection(self, *others: AsyncAlgebraSet[T] | Iterable[T]) -> AsyncIterator[T]:
        """Iterate over the items that are in every one of the others, in the order of this set.

        Call it on the smallest set: it costs as much as that has items. See `difference`.

        Args:
            others: sets, of any backend, or any iterables of items, which are held in memory.

        Yields:
            Items; see `difference`.
        """
        return self._select(_checked(others), all)

    # Comparing

    async def isdisjoint(self, other: AsyncAlgebraSet[T] | Iterable[T]) -> bool:
        """Tell whether no item is in both.

        Args:
            other: a set, or any iterable of items, which is read up to the first that is here.

        Returns:
            Whether they have nothing in common. One round trip if the server reads both, O(n)
            for n items of the smaller one (``compare.lua``); else at most two for every
            thousand items of the other.

        Raises:
            ValueError: in a cluster, if the sets are in different slots.
        """
        if self._shares_store(other):
            (name,) = await self._names([other])
            return await self._backend.is_disjoint(self._name, name)
        _checked([other])
        async for items in self._in_chunks(other):
            if any(await self._present(items)):
                return False
        return True

    async def issubset(self, other: AsyncAlgebraSet[T] | Iterable[T]) -> bool:
        """Tell whether every item of this set is in the other.

        There is no ``<=`` for this, as there is no ``==`` of contents that would go with it.

        Args:
            other: a set, or any iterable of items, which is held in memory.

        Returns:
            Whether all are there. One round trip if the server reads both, O(n) for the n
            items of this set (``compare.lua``); else at most two for every thousand of them.

        Raises:
            ValueError: in a cluster, if the sets are in different slots.
        """
        if self._shares_store(other):
            (name,) = await self._names([other])
            return await self._backend.is_subset(self._name, name)
        held = self._hold(_checked([other]))
        async for items in self._in_chunks(self):
            if not all(flag for (flag,) in await self._look_up(items, held)):
                return False
        return True

    async def issuperset(self, other: AsyncAlgebraSet[T] | Iterable[T]) -> bool:
        """Tell whether every item of the other is in this set.

        Args:
            other: a set, or any iterable of items, which is read up to the first that is not
                here.

        Returns:
            Whether all are here. One round trip if the server reads both, O(n) for the n items
            of the other (``compare.lua``); else at most two for every thousand of them.

        Raises:
            ValueError: in a cluster, if the sets are in different slots.
        """
        if self._shares_store(other):
            (name,) = await self._names([other])
            return await self._backend.is_subset(name, self._name)
        _checked([other])
        async for items in self._in_chunks(other):
            if not all(await self._present(items)):
                return False
        return True

    # Parts

    def _shares_store(
        self, other: AsyncAlgebraSet[T] | Iterable[T]
    ) -> TypeGuard[AsyncAlgebraSet[T]]:
        """Tell whether the server can read this set and the other one, and compare them."""
        return (
            isinstance(other, AsyncAlgebraSet)
            and other.backend == self._store
            and self._coding.is_like(other._coding)  # noqa: SLF001  (of our own class)
        )

    def _parted(
        self, others: Sequence[AsyncAlgebraSet[T] | Iterable[T]]
    ) -> tuple[list[AsyncAlgebraSet[T]], list[AsyncAlgebraSet[T] | Iterable[T]]]:
        """Return those that the server can read, and the rest."""
        others = _checked(others)
        near = [other for other in others if self._shares_store(other)]
        return near, [other for other in others if not self._shares_store(other)]

    def _hold(
        self, others: Sequence[AsyncAlgebraSet[T] | Iterable[T]]
    ) -> list[AsyncAlgebraSet[T] | frozenset[bytes]]:
        """Read iterables, so that any item can be looked up in them."""
        return [
            other if isinstance(other, AsyncAlgebraSet) else frozenset(self._members(other))
            for other in others
        ]

    async def _look_up(
        self, items: Sequence[T], others: Sequence[AsyncAlgebraSet[T] | frozenset[bytes]]
    ) -> list[tuple[bool, ...]]:
        """Tell of each item in which of the others it is."""
        found: list[list[bool]] = []
        for other in others:
            if isinstance(other, AsyncAlgebraSet):
                found.append(await other._present(items))  # noqa: SLF001  (of our own class)
            else:
                found.append([member in other for member in self._members(items)])
        return list(zip(*found, strict=True)) if others else [()] * len(items)

    async def _present(self, items: Sequence[T]) -> list[bool]:
        """Tell of each item whether it is in this set."""
        scores = await self._backend.scores(self._name, self._members(items))
        return [score is not None for score in scores]

    def _members(self, items: Iterable[T]) -> list[bytes]:
        """Return what items are known by."""
        return [self._identify(item) for item in items]

    async def _drop_expired(self) -> None:
        """Remove what is out of sight, so that the server does not see it either."""

    async def _in_chunks(self, given: AsyncAlgebraSet[T] | Iterable[T]) -> AsyncIterator[list[T]]:
        """Give the items of a set, or of an iterable, in lists of the size of one command."""
        if not isinstance(given, AsyncAlgebraSet):
            for chunk in chunks(given):
                yield chunk
            return
        async for items in self._chunked(given):
            yield items

    @staticmethod
    async def _chunked(values: AsyncIterable[V]) -> AsyncIterator[list[V]]:
        """Cut what a set gives into lists of the size of one command."""
        chunk: list[V] = []
        async for value in values:
            chunk.append(value)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    async def _names(self, others: Sequence[AsyncAlgebraSet[T]]) -> list[str]:
        """Return the names of others, after what is out of sight is gone, there and here."""
        for other in others:
            await other._check_keying()  # noqa: SLF001  (of our own class)
        for each in (self, *others):
            await each._drop_expired()  # noqa: SLF001  (of our own class)
        return [other.name for other in others]

    async def _select(
        self,
        others: Sequence[AsyncAlgebraSet[T] | Iterable[T]],
        is_wanted: Callable[[tuple[bool, ...]], bool],
    ) -> AsyncIterator[T]:
        held = self._hold(others)
        async for items in self._in_chunks(self):
            found = await self._look_up(items, held)
            for item, flags in zip(items, found, strict=True):
                if is_wanted(flags):
                    yield item


def _checked(
    others: Sequence[AsyncAlgebraSet[T] | Iterable[T]],
) -> Sequence[AsyncAlgebraSet[T] | Iterable[T]]:
    for other in others:
        if not isinstance(other, AsyncAlgebraSet):
            check_iterable(other)
    return others
