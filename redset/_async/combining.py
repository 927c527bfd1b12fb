"""Unions of sorted sets, and scores that come of several."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, Protocol, TypeGuard

from redset._async.algebra import AsyncAlgebraSet
from redset._async.queueing import AsyncQueueingSet
from redset._checks import check_aggregate, check_iterable, check_weights
from redset._dunders import AsyncUnionOperators
from redset._types import T
from redset.interfaces import Aggregate, Merge, Weighing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence


class AsyncCombiningSet(AsyncQueueingSet[T], AsyncUnionOperators[T]):
    """A set whose scores can be combined with others'. Not made directly: see its subclasses."""

    async def union_update(
        self,
        *others: AsyncAlgebraSet[T] | Iterable[T],
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> int:
        """Add all items of the others, with their scores, by the merge rule of this set.

        With ``weights`` or ``aggregate``, the scores that an item has are combined instead. Of
        sets, what waits in them is added, not what is claimed, parked or delayed there. Here, it
        is as if each item was added: one that is claimed waits until its claim has ended, and
        whoever waits for an item is woken.

        Args:
            others: sorted sets; or any iterables of items, a `TTLSet` among them, whose items
                have no scores: they get those that ``update`` gives. They are added one after
                the other. An iterable is not read ahead by more than a thousand.
            weights: by what to multiply scores: a number for this set, and one for each of the
                others, which must be sorted sets that the server reads; 1 by default.
            aggregate: what the scores make that an item has in several sets: their sum by
                default, if there are weights. What is not a number, as inf - inf, is 0.

        Returns:
            How many items were new. One round trip for sets that stand next to each other and
            are read by the server, O(m log m) for m items (``algebra/union.lua``:
            ``ZUNIONSTORE``); of all else, one for every thousand, and one more for a set's.

        Raises:
            ValueError: if the weights are not as many as the sets, or not finite; or if there
                are some, and a set that the server cannot read; in a cluster, if the sets are
                in different slots.
        """
        weighing = self._weighing(others, weights, aggregate)
        if weighing is not None:
            names = await self._names([other for other in others if self._has_scores_here(other)])
            return await self._backend.union(self._name, names, weighing)
        near: list[AsyncCombiningSet[T]] = []
        new = 0
        for other in others:
            if self._has_scores_here(other):
                near.append(other)
                continue
            new += await self._unite(near)
            near = []
            new += await self._add_all(other)
        return new + await self._unite(near)

    async def intersection_update(
        self,
        *others: AsyncAlgebraSet[T] | Iterable[T],
        weights: Sequence[float] | None = None,
        aggregate: Aggregate | None = None,
    ) -> int:
        """Remove all items that are not in every one of the others.

        Scores stay, unless there are ``weights`` or an ``aggregate``: then they are combined
        with those of the others. What is claimed is left to its holder. What is parked or delayed
        is removed like what waits by sets that the server reads; through here, it is not seen.

        Args:
            others: sets, or any iterables of items, which are held in memory. Of sets, what
                waits in them counts, not what is claimed, parked or delayed there.
            weights: see `union_update`.
            aggregate: see `union_update`.

        Returns:
            How many items were removed. One round trip for all sets that the server reads,
            O(n log n) a set (``algebra/intersect.lua``: ``ZDIFFSTORE``, with weights
            ``ZINTERSTORE``); for others, two for every thousand items of this set, and one a
            set.

        Raises:
            ValueError: see `union_update`.
        """
        weighing = self._weighing(others, weights, aggregate)
        if weighing is None:
            return await super().intersection_update(*others)
        names = await self._names([other for other in others if self._has_scores_here(other)])
        return await self._backend.intersect(self._name, names, weighing)

    def union(self, *others: AsyncAlgebraSet[T] | Iterable[T]) -> AsyncIterator[T]:
        """Iterate over the items of this set and all others, each once, in order.

        The order is that which `union_update` would give to this set, but nothing is stored.
        Pages are read as they are needed, so this is as iterating the sets is: what keeps its
        place in all of them is met exactly once, and what moves between them meanwhile may be
        missed or met twice.

        Args:
            others: sorted sets, of any backend; or any iterables of items, a `TTLSet` among
                them, which are held in memory.

        Yields:
            Items. For every thousand items of each of k sets k round trips, O(log n) an item
            (``ZRANGEBYSCORE``, ``ZMSCORE``).
        """
        for other in others:
            if not isinstance(other, AsyncAlgebraSet):
                check_iterable(other)
        return self._united(others)

    # Parts

    def _has_scores_here(
        self, other: AsyncAlgebraSet[T] | Iterable[T]
    ) -> TypeGuard[AsyncCombiningSet[T]]:
        return isinstance(other, AsyncCombiningSet) and self._shares_store(other)

    def _weighing(
        self,
        others: Sequence[AsyncAlgebraSet[T] | Iterable[T]],
        weights: Sequence[float] | None,
        aggregate: Aggregate | None,
    ) -> Weighing | None:
        for other in others:
            if not isinstance(other, AsyncAlgebraSet):
                check_iterable(other)
        if weights is None and aggregate is None:
            return None
        for other in others:
            if not self._has_scores_here(other):
                message = (
                    f"{other!r} is no sorted set on {self._store!r} with an equal serializer and "
                    "the same key, so its scores cannot be combined there: leave out weights "
                    "and aggregate"
                )
                raise ValueError(message)
        count = len(others) + 1
        return Weighing(
            Aggregate.SUM if aggregate is None else check_aggregate(aggregate),
            (1.0,) * count if weights is None else check_weights(weights, count),
        )

    async def _unite(self, others: Sequence[AsyncCombiningSet[T]]) -> int:
        if not others:
            return 0
        return await self._backend.union(self._name, await self._names(others), self._merge)

    async def _add_all(self, other: AsyncAlgebraSet[T] | Iterable[T]) -> int:
        """Add what the server cannot read; return how many were new."""
        if not isinstance(other, AsyncAlgebraSet):
            return await self.update(other)
        new = 0
        if isinstance(other, AsyncCombiningSet):
            async for pairs in self._chunked(other.items()):
                items, scores = zip(*pairs, strict=True)
                new += await self.update(items, scores)
        else:
            async for given in self._in_chunks(other):
                new += await self.update(given)
        return new

    async def _united(self, others: Sequence[AsyncAlgebraSet[T] | Iterable[T]]) -> AsyncIterator[T]:
        """Merge what stays of each set: all of these are in order."""
        sources: list[_Scored[T]] = [self]
        for other in others:
            if isinstance(other, AsyncCombiningSet):
                sources.append(other)
            else:
                items = [item async for chunk in self._in_chunks(other) for item in chunk]
                sources.append(AsyncGiven(items, self._present_scores(items), self._identify))
        streams = [self._what_stays(sources, place) for place in range(len(sources))]
        heads: list[tuple[float, bytes, int, T]] = []
        for place, stream in enumerate(streams):
            await self._advance(heads, place, stream)
        while heads:
            *_, place, item = heappop(heads)
            yield item
            await self._advance(heads, place, streams[place])

    async def _advance(
        self,
        heads: list[tuple[float, bytes, int, T]],
        place: int,
        stream: AsyncIterator[tuple[T, float]],
    ) -> None:
        async for item, score in stream:
            heappush(heads, (score, self._identify(item), place, item))
            return

    async def _what_stays(
        self, sources: Sequence[_Scored[T]], place: int
    ) -> AsyncIterator[tuple[T, float]]:
        """Give those entries of one of the sets whose scores an item has in the union."""
        async for pairs in self._chunked(sources[place].items()):
            items = [item for item, _ in pairs]
            rows = [await source.scores(items) for source in sources[:place]]
            rows.append([score for _, score in pairs])
            rows += [await source.scores(items) for source in sources[place + 1 :]]
            for pair, scores in zip(pairs, zip(*rows, strict=True), strict=True):
                if _winner(self._merge, scores) == place:
                    yield pair

    def _present_scores(self, items: Sequence[T]) -> list[float]:
        # For their order alone, so the time may be of this machine.
        now = time.time()
        return [now if score is None else score for score in self._scores_of(items)]


class _Scored(Protocol[T]):
    """What has items with scores: a sorted set, or `AsyncGiven`."""

    def items(self) -> AsyncIterator[tuple[T, float]]: ...

    async def scores(self, items: Iterable[T]) -> list[float | None]: ...


class AsyncGiven(Generic[T]):
    """Items in memory, in the order that they would have in a set."""

    def __init__(
        self, items: Sequence[T], scores: Sequence[float], identify: Callable[[T], bytes]
    ) -> None:
        self._identify = identify
        places = {identify(item): place for place, item in enumerate(items)}
        self._scores = {member: scores[place] for member, place in places.items()}
        ordered = sorted((scores[place], member, place) for member, place in places.items())
        self._entries = [(items[place], score) for score, _, place in ordered]

    async def items(self) -> AsyncIterator[tuple[T, float]]:
        """Give items with their scores, in order."""
        for entry in self._entries:
            yield entry

    async def scores(self, items: Iterable[T]) -> list[float | None]:
        """Return the score of each item, None if it is not there."""
        return [self._scores.get(self._identify(item)) for item in items]


def _winner(merge: Merge, scores: Sequence[float | None]) -> int:
    """Return the place of the score that stays when these are given one after the other."""
    given = [(score, place) for place, score in enumerate(scores) if score is not None]
    if merge is Merge.EARLIEST:
        return min(given)[1]
    if merge is Merge.LATEST:
        return max(given, key=lambda pair: (pair[0], -pair[1]))[1]
    return given[0 if merge is Merge.KEEP else -1][1]
