"""Sorted sets whose scores are times: of arrival, or when an item is due."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from redset._async.sets import AsyncSortedSet
from redset._checks import check_score
from redset._types import T
from redset.interfaces import NOW, Merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry


class AsyncTimeSortedSet(AsyncSortedSet[T]):
    """A sorted set in the order of time: the score of an item is when it was added.

    The default score is `time.time` of the machine that adds. The arguments are those of
    `AsyncSortedSet`.

    >>> from asyncio import run
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     news = AsyncTimeSortedSet(AsyncMemoryBackend(), "news")
    ...     await news.add("first")
    ...     await news.add("second")
    ...     print(await news.take(2))
    >>> run(main())
    ['first', 'second']
    """

    def _default_score(self) -> float:
        return time.time()

    def _default_scores(self, num: int) -> list[float]:
        # The clock stands still for a moment between two readings; the order must not.
        score = time.time()
        scores: list[float] = []
        for _ in range(num):
            scores.append(score)
            score = max(time.time(), math.nextafter(score, math.inf))
        return scores


class AsyncScheduledSet(AsyncTimeSortedSet[T]):
    """A sorted set whose scores are due times: what is not due is not handed out.

    `pop`, `take`, `peek` and `peek_score` see only what is due by the store's clock, which
    is Redis's own or the memory backend's. Everything else sees all items; `pop_max` and
    `take_max` take those that are due last, be they due or not. An item added without a
    score is due at once. The arguments are those of `AsyncSortedSet`.

    >>> from asyncio import run
    >>> import time
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     polls = AsyncScheduledSet(AsyncMemoryBackend(), "polls")
    ...     await polls.add("now")
    ...     await polls.add("in an hour", time.time() + 3600)
    ...     print(await polls.take(2), await polls.length())
    >>> run(main())
    ['now'] 1
    """

    _high: Bound = NOW
    _wanted = "due item"

    async def available(self) -> int:
        """Return how many items are due. One round trip, O(log n)."""
        return await self._backend.count(self._name, -math.inf, NOW)

    async def add(
        self, item: T, score: float | None = None, *, merge: Merge | None = None
    ) -> float:
        """Add an item, to be due at a time.

        Args:
            item: the item.
            score: when it is due, in unix seconds; by default what the scorer gives, and
                without one the present time of the store.
            merge: the rule if the item is there already; the set's own by default.

        Returns:
            The due time given, whatever the merge rule made of it. One round trip,
            O(log n).

        Raises:
            ScoreError: if the score is not a number.
        """
        due = self._due(item, score)
        entries = [(self._dump(item), due)]
        _, now = await self._backend.schedule(self._name, entries, self._rule(merge))
        return now if due is None else due

    async def add_new(self, item: T, score: float | None = None) -> bool:
        """Add an item unless it is in the set, and tell whether it was added.

        Args:
            item: the item.
            score: when it is due; see `add`.

        Returns:
            True if it was not in the set. One round trip, O(log n).
        """
        return await self._put([(self._dump(item), self._due(item, score))], Merge.KEEP) == 1

    def _due(self, item: T, score: float | None) -> float | None:
        if score is not None:
            return check_score(score)
        return None if self._scorer is None else self._score_of(item)

    def _scores_of(self, items: Sequence[T]) -> list[Any]:
        return [self._due(item, None) for item in items]

    async def _put(self, entries: list[tuple[bytes, Any]], merge: Merge) -> int:
        new, _ = await self._backend.schedule(self._name, entries, merge)
        return new

    async def _entry_at(self, position: int) -> Entry | None:
        reverse = position < 0
        entries = await self._backend.range(
            self._name,
            -math.inf,
            NOW,
            offset=~position if reverse else position,
            count=1,
            reverse=reverse,
        )
        return entries[0] if entries else None
