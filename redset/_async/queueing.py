"""Adding items to a set, and taking them from it, one by one and many at a time."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from redset._async.claiming import AsyncClaimingSet
from redset._buffering import AsyncBuffer
from redset._checks import (
    check_items,
    check_num,
    check_score,
    check_scorer,
    check_scores,
    check_timeout,
)
from redset._chunks import CHUNK, chunks, paired_chunks
from redset._types import T
from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redset._coding import Coding
    from redset.interfaces import AsyncBackend, AsyncRedisClient, Scorer
    from redset.retry import Retry

_log = logging.getLogger("redset")


class AsyncQueueingSet(AsyncClaimingSet[T]):
    """A set that is added to, and taken from. Not made directly: see its subclasses."""

    # How many items are added by one call of the backend.
    _chunk: int = CHUNK

    def __init__(
        self,
        source: AsyncBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[T] | None,
        coding: Coding[T],
        merge: Merge,
        dead_limit: int,
        retry: Retry | None,
    ) -> None:
        check_scorer(scorer)
        self._scorer = scorer
        super().__init__(source, name, coding, merge, dead_limit, retry)

    # Adding

    async def add(
        self, item: T, score: float | None = None, *, merge: Merge | None = None
    ) -> float:
        """Add an item. If it is there already, the merge rule decides on its score.

        Args:
            item: the item.
            score: its score; by default what the scorer gives.
            merge: the rule for this call; the set's own by default.

        Returns:
            The score given, whatever the merge rule made of it. One round trip,
            O(log n) (``add.lua``: ``ZADD``, and a wake-up for those who
            wait). It has its effect once, even if a client that loses the reply sends it again.

        Raises:
            ScoreError: if the score is not a number.
        """
        score = self._score_of(item) if score is None else check_score(score)
        await self._backend.add(self._name, [(self._dump(item), score)], self._rule(merge))
        return score

    async def add_new(self, item: T, score: float | None = None) -> bool:
        """Add an item unless it is in the set, and tell whether it was added.

        Args:
            item: the item.
            score: its score; by default what the scorer gives.

        Returns:
            True if it was not in the set. One round trip, O(log n) (``add.lua``, ``ZADD NX``).

        Raises:
            ScoreError: if the score is not a number.
        """
        score = self._score_of(item) if score is None else check_score(score)
        entry = (self._dump(item), score)
        return await self._backend.add(self._name, [entry], Merge.KEEP) == 1

    async def update(
        self,
        items: Iterable[T],
        scores: Iterable[float] | None = None,
        *,
        merge: Merge | None = None,
    ) -> int:
        """Add many items.

        Args:
            items: any iterable of items; it is not read ahead by more than a thousand.
            scores: as many scores; by default what the scorer gives for each item.
            merge: the rule for items that are there; the set's own by default.

        Returns:
            How many were new. A round trip for every thousand, each atomic by itself,
            O(log n) an item: ``add.lua``, or for more than a hundred ``ZADD`` and
            ``wake.lua``. If a client that loses the reply sends it again, items that were taken
            meanwhile are added again.

        Raises:
            ValueError: if there are not as many scores as items.
            ScoreError: if a score is not a number.
        """
        rule = self._rule(merge)
        new = 0
        if scores is None:
            for chunk in chunks(check_items(items), self._chunk):
                members, given = self._coding.dump_all(chunk), self._scores_of(chunk)
                entries = list(zip(members, given, strict=True))
                new += await self._put(entries, rule)
            return new
        pairs = paired_chunks(check_items(items), check_items(scores, "of scores"), self._chunk)
        for chunk, given in pairs:
            entries = list(zip(self._coding.dump_all(chunk), check_scores(given), strict=True))
            new += await self._put(entries, rule)
        return new

    def buffered(self, max_items: int = 1000, max_delay: float | None = None) -> AsyncBuffer[T]:
        """Return a buffer that stores items which are added one by one with few commands.

        Args:
            max_items: how many it holds at most, and how many are stored by one command.
            max_delay: for how many seconds an item may wait for others; by default 0.05 in
                blocking code, where ``add`` of the buffer returns before the item is stored,
                and not at all with asyncio, where it returns after that.

        Returns:
            A context manager, whose ``add`` takes what ``add`` of the set does. What is still
            in it when the block is left is stored then.

        Raises:
            ValueError: if ``max_items`` is below 1, or ``max_delay`` below 0.
        """
        return AsyncBuffer(self._encoded, self._put, max_items, max_delay)

    async def increment(self, item: T, by: float = 1.0) -> float:
        """Add to the score of an item, which is added with a score of ``by`` if absent.

        Args:
            item: the item.
            by: how much to add to its score; may be negative.

        Returns:
            The new score. One round trip, O(log n) (``increment.lua``: ``ZINCRBY``, and a
            wake-up). It has its effect once, as `add` does.

        Raises:
            ScoreError: if the sum would not be a number.
        """
        by = check_score(by, "by")
        return await self._backend.increment(self._name, self._dump(item), by)

    # Taking

    async def pop(self, timeout: float | None = 0.0) -> T:
        """Remove and return the first item.

        An item is handed out at most once: it is gone if its taker or the connection
        fails. A connection that fails during a wait raises its error, as an item may have
        gone with it. What cannot be decoded becomes a dead letter, and the next item is
        returned.

        Args:
            timeout: how many seconds to wait for an item; None waits for ever.

        Returns:
            The item. One round trip, O(log n): ``ZPOPMIN``, and ``BZPOPMIN`` to wait; from
            a `ScheduledSet`, ``pop_due.lua``.

        Raises:
            EmptySetError: if there is none. It is a `KeyError`.
        """
        items = await self._take(1, check_timeout(timeout))
        if not items:
            raise self._nothing()
        return items[0]

    async def take(self, num: int, timeout: float | None = 0.0) -> list[T]:
        """Remove and return the first items.

        Items are handed out at most once, as by `pop`.

        Args:
            num: how many to take at most; nothing is taken for less than 1.
            timeout: how many seconds to wait for the first item; None waits for ever.

        Returns:
            Up to ``num`` items in order. One round trip, O(log n) an item: see `pop`.
        """
        num = check_num(num)
        timeout = check_timeout(timeout)
        return await self._take(num, timeout) if num > 0 else []

    async def pop_max(self) -> T:
        """Remove and return the last item. See `pop`.

        Raises:
            EmptySetError: if there is none. It is a `KeyError`.
        """
        items = await self.take_max(1)
        if not items:
            raise self._nothing(wanted="item")  # due or not
        return items[0]

    async def take_max(self, num: int) -> list[T]:
        """Remove and return the last items, last first. See `take`; ``ZPOPMAX``."""
        num = check_num(num)
        return await self._take(num, 0.0, reverse=True) if num > 0 else []

    # Removing

    async def remove_between(self, low: float, high: float) -> int:
        """Remove the items with scores between two bounds, both included.

        Returns:
            How many were removed. One round trip, O(log n + k) for k items
            (``ZREMRANGEBYSCORE``).
        """
        low, high = check_score(low, "low"), check_score(high, "high")
        return await self._backend.remove_range(self._name, low, high)

    # Parts

    def _score_of(self, item: T) -> float:
        return self._default_score() if self._scorer is None else check_score(self._scorer(item))

    def _scores_of(self, items: Sequence[T]) -> list[Any]:
        if self._scorer is None:
            return self._default_scores(len(items))
        return [self._score_of(item) for item in items]

    def _default_score(self) -> float:
        return 0.0

    def _default_scores(self, num: int) -> list[float]:
        return [0.0] * num

    def _encoded(
        self, item: T, score: float | None, merge: Merge | None
    ) -> tuple[tuple[bytes, Any], Merge]:
        given = self._scores_of([item])[0] if score is None else check_score(score)
        return (self._dump(item), given), self._rule(merge)

    async def _put(self, entries: list[tuple[bytes, Any]], merge: Merge) -> int:
        return await self._backend.add(self._name, entries, merge)

    async def _take(self, num: int, timeout: float | None, *, reverse: bool = False) -> list[T]:
        deadline = time.monotonic() + timeout if timeout else None
        high = math.inf if reverse else self._high
        taken: list[T] = []
        while True:
            wanted = num - len(taken)
            try:
                if taken or timeout == 0:
                    entries = await self._backend.pop(
                        self._name, wanted, high=high, reverse=reverse
                    )
                else:
                    entries = await self._backend.wait_pop(self._name, wanted, timeout, high=high)
                decoded = await self._decode_taken(entries)
            except Exception as error:
                if not taken:
                    raise
                # These are in nobody's hands but ours.
                _log.warning("took %d items of %r and no more: %r", len(taken), self._name, error)
                return taken
            # Only what could not be decoded is made up for; less than asked for is an answer.
            if len(decoded) == len(entries):
                return taken + decoded if taken else decoded
            taken += decoded
            if deadline is not None:
                timeout = max(deadline - time.monotonic(), 0.0)
