"""Looking at a sorted set, which leaves it as it is."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, overload

from redset._async.dead_letters import AsyncDeadLetterSet
from redset._checks import check_items, check_num, check_score
from redset._dunders import AsyncSequenceOperators
from redset._types import T
from redset.exceptions import EmptySetError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from redset.interfaces import Entry


class AsyncReadableSet(AsyncDeadLetterSet[T], AsyncSequenceOperators[T]):
    """The order of a set, its scores and positions. Not made directly: see its subclasses."""

    # What is handed out.
    _wanted = "item"

    async def peek(self, position: int = 0) -> T:
        """Return the item at a position in the order of taking, and leave it there.

        Args:
            position: 0 for the first; negative positions count from the end.

        Returns:
            The item. One round trip, O(log n) (``ZRANGE``).

        Raises:
            EmptySetError: if there is no item at this position. It is a `KeyError`.
            DecodeError: if the item there cannot be decoded.
        """
        entry = await self._entry_at(check_num(position, "position"))
        if entry is None:
            raise self._nothing(position)
        return self._decode(entry[0])

    async def peek_score(self) -> float | None:
        """Return the score of the first item, None if there is none. One round trip, O(1)."""
        entry = await self._entry_at(0)
        return None if entry is None else entry[1]

    async def score(self, item: T) -> float | None:
        """Return the score of an item, None if it is absent. One round trip, O(1)."""
        (score,) = await self.scores([item])
        return score

    async def scores(self, items: Iterable[T]) -> list[float | None]:
        """Return the scores of many items.

        Args:
            items: the items.

        Returns:
            The score of each, None for those that are absent. One round trip, O(1) an item
            (``ZMSCORE``).
        """
        members = [self._identify(item) for item in check_items(items)]
        return await self._backend.scores(self._name, members)

    @overload
    async def at(self, index: int) -> T: ...
    @overload
    async def at(self, index: slice) -> list[T]: ...
    async def at(self, index: int | slice) -> T | list[T]:
        """Return the item at an index, or the items of a slice, as of a list.

        Args:
            index: a position, negative ones counting from the end, or a slice with any
                bounds and step.

        Returns:
            The item or items. One round trip, O(log n + k) for k items (``ZRANGE``). A
            slice leaves out what cannot be decoded.

        Raises:
            IndexError: if there is no item at the position.
            DecodeError: if the item at the position cannot be decoded.
        """
        if isinstance(index, slice):
            return self._listed(await self._slice(index))
        index = operator.index(index)
        entries = await self._backend.slice(self._name, index, index)
        if not entries:
            message = f"{self._name!r} has no item at index {index}"
            raise IndexError(message)
        return self._decode(entries[0][0])

    async def backwards(self) -> AsyncIterator[T]:
        """Iterate from the last item to the first; otherwise as iterating the set does."""
        async for item, _ in self._walk(reverse=True):
            yield item

    async def items(self) -> AsyncIterator[tuple[T, float]]:
        """Iterate over pairs of item and score, in order.

        Pages of a thousand are read as they are needed. Whatever others do meanwhile, an
        item that keeps its place is met exactly once. One whose score changes counts as
        removed and added again: it is met where the iteration has yet to come. What was
        added behind the item that was last at the start is not met.
        """
        async for item, score in self._walk():
            yield item, score

    async def between(self, low: float = -math.inf, high: float = math.inf) -> list[T]:
        """Return the items with scores between two bounds, both included, in order.

        One round trip, O(log n + k) for k items (``ZRANGEBYSCORE``). What cannot be
        decoded is left out.
        """
        low, high = check_score(low, "low"), check_score(high, "high")
        return self._listed(await self._backend.range(self._name, low, high))

    async def count(self, low: float = -math.inf, high: float = math.inf) -> int:
        """Return how many items have scores between two bounds, both included.

        One round trip, O(log n) (``ZCOUNT``).
        """
        low, high = check_score(low, "low"), check_score(high, "high")
        return await self._backend.count(self._name, low, high)

    async def sample(self, num: int = 1) -> list[T]:
        """Return up to ``num`` different items chosen at random.

        One round trip, O(num) (``ZRANDMEMBER``). What cannot be decoded is left out.
        """
        num = check_num(num)
        if num < 1:
            return []
        return self._listed(await self._backend.sample(self._name, num))

    # Parts

    def _listed(self, entries: Sequence[Entry]) -> list[T]:
        return [item for item, _ in self._decode_listed(entries)]

    async def _entry_at(self, position: int) -> Entry | None:
        entries = await self._backend.slice(self._name, position, position)
        return entries[0] if entries else None

    async def _slice(self, index: slice) -> list[Entry]:
        step = 1 if index.step is None else operator.index(index.step)
        start, stop = index.start, index.stop
        if step > 0:
            start = 0 if start is None else start
            stop = -1 if stop is None else stop - 1
            empty = index.stop == 0
        else:
            # Counted from the other end, ~i is where i is.
            start = 0 if start is None else ~start
            stop = -1 if stop is None else ~stop - 1
            empty = index.stop == -1
        if step == 0 or empty:
            nothing: list[Entry] = []
            return nothing[::step]  # which refuses a step of 0
        entries = await self._backend.slice(self._name, start, stop, reverse=step < 0)
        return entries[:: abs(step)]

    def _nothing(self, position: int | None = None, *, wanted: str | None = None) -> EmptySetError:
        where = "" if position is None else f" at position {position}"
        return EmptySetError(f"{self._name!r} has no {wanted or self._wanted}{where}")
