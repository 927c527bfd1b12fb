"""A dict and a heap with lazy deletion: the ordered container of one memory set.

``scores`` is the truth. The heap holds a ``(score, member)`` pair for every member,
and may hold stale pairs: of members that have gone or have another score by now.
A pair is live if it agrees with ``scores``. Stale pairs are dropped when they come
to the top, and all at once when they outnumber the live ones.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import TYPE_CHECKING

from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redset.interfaces import Entry

__all__ = ["SortedMap", "supersedes"]

_by_score = itemgetter(0)

# Below this size the heap is not worth compacting.
_SLACK = 64
# From this share of the heap on, sorting it beats walking or popping it.
_DEEP = 8


def supersedes(merge: Merge, old: float, new: float) -> bool:
    """Tell whether ``new`` takes the place of the score that a member has."""
    if merge is Merge.REPLACE:
        return True
    if merge is Merge.EARLIEST:
        return new < old
    return merge is Merge.LATEST and new > old


class SortedMap:
    """Members with scores, ordered by score, ties by member. Not thread-safe.

    Costs for n members: `add` and `pop_first` O(log n) a member; `first` O(k log k);
    what needs more of the order sorts the heap once, and again after changes.
    """

    __slots__ = ("_heap", "_is_sorted", "scores")

    def __init__(self) -> None:
        self.scores: dict[bytes, float] = {}
        self._heap: list[tuple[float, bytes]] = []
        self._is_sorted = True

    def add(self, entries: Iterable[Entry], merge: Merge) -> int:
        """Add members or merge their scores; return how many were new."""
        scores = self.scores
        heap = self._heap
        before = len(scores)
        for member, score in entries:
            old = scores.get(member)
            if old is not None and (old == score or not supersedes(merge, old, score)):
                continue
            scores[member] = score
            heappush(heap, (score, member))
            self._is_sorted = False
        if len(heap) > 2 * len(scores) + _SLACK:
            self._compact()
        return len(scores) - before

    def remove(self, member: bytes) -> float | None:
        """Remove a member; return the score it had, None if it was absent."""
        score = self.scores.pop(member, None)
        if len(self._heap) > 2 * len(self.scores) + _SLACK:
            self._compact()
        return score

    def pop_first(self, count: int, high: float) -> list[Entry]:
        """Remove and return the first entries with scores up to ``high``."""
        heap = self._heap
        if not heap or heap[0][0] > high:
            return []
        if count * _DEEP >= len(heap) > _DEEP:
            ordered = self._ordered()
            stop = min(count, bisect_right(ordered, high, key=_by_score))
            first = self._entries(ordered[:stop])
            for member, _ in first:
                del self.scores[member]
            del ordered[:stop]
            return first
        scores = self.scores
        self._is_sorted = False
        popped: list[Entry] = []
        while heap and heap[0][0] <= high:
            score, member = heappop(heap)
            if scores.get(member) == score:
                popped.append((member, scores.pop(member)))
                if len(popped) == count:
                    break
        if len(heap) > 2 * len(scores) + _SLACK:
            self._compact()
        return popped

    def first_until(self, count: int, high: float) -> list[Entry]:
        """Return the first entries with scores up to ``high``, pruning what is stale before."""
        heap = self._heap
        while heap and heap[0][0] <= high:
            score, member = heap[0]
            if self.scores.get(member) == score:
                if count == 1:
                    return [(member, self.scores[member])]
                return [entry for entry in self.first(count) if entry[1] <= high]
            heappop(heap)
            self._is_sorted = False
        return []

    def pop_last(self, count: int) -> list[Entry]:
        """Remove and return the last entries, last first."""
        ordered = self._ordered()
        popped = self._entries(reversed(ordered[-count:]))
        # Taken from the end, a sorted list stays sorted.
        del ordered[-count:]
        for member, _ in popped:
            del self.scores[member]
        return popped

    def first(self, count: int) -> list[Entry]:
        """Return the first entries by walking the heap from its root."""
        heap = self._heap
        if self._is_clean() or count * _DEEP >= len(heap):
            return self._entries(self._ordered()[:count])
        scores = self.scores
        found: list[tuple[float, bytes]] = []
        frontier = [(heap[0], 0)]
        while frontier and len(found) < count:
            pair, place = heappop(frontier)
            for child in (2 * place + 1, 2 * place + 2):
                if child < len(heap):
                    heappush(frontier, (heap[child], child))
            # A member removed and added again with its old score stands in the heap twice.
            if scores.get(pair[1]) == pair[0] and (not found or found[-1] != pair):
                found.append(pair)
        return self._entries(found)

    def rank(self, member: bytes) -> int | None:
        """Return how many entries come before the member."""
        score = self.scores.get(member)
        return None if score is None else bisect_left(self._ordered(), (score, member))

    def count(self, low: float, high: float, *, above: bool) -> int:
        """Return the number of entries between two scores; ``above`` leaves out ``low``."""
        if self._is_clean():
            start, stop = self._bounds(low, high, above=above)
            return max(stop - start, 0)
        if above:
            return sum(low < score <= high for score in self.scores.values())
        return sum(low <= score <= high for score in self.scores.values())

    def slice(self, start: int, stop: int, *, reverse: bool) -> list[Entry]:
        """Return the entries from one position to another, both included."""
        if 0 <= start <= stop and not reverse:
            return self.first(stop + 1)[start:]
        length = len(self.scores)
        start = start if start >= 0 else max(start + length, 0)
        stop = stop if stop >= 0 else stop + length
        if start > stop:
            return []
        ordered = self._ordered()
        if not reverse:
            return self._entries(ordered[start : stop + 1])
        first = max(length - 1 - stop, 0)
        return self._entries(reversed(ordered[first : max(length - start, 0)]))

    def range(
        self,
        low: float,
        high: float,
        *,
        above: bool,
        after: Entry | None,
        offset: int,
        count: int | None,
        reverse: bool,
    ) -> list[Entry]:
        """Return entries between two scores; see `redset.interfaces.Backend.range`."""
        shallow = low == -math.inf and not above and after is None and not reverse
        if shallow and count is not None:
            return [entry for entry in self.first(offset + count)[offset:] if entry[1] <= high]
        start, stop = self._bounds(low, high, above=above)
        ordered = self._ordered()
        if after is not None:
            place = (after[1], after[0])
            if reverse:
                stop = min(stop, bisect_left(ordered, place))
            else:
                start = max(start, bisect_right(ordered, place))
        if reverse:
            stop -= offset
            start = start if count is None else max(start, stop - count)
            return self._entries(reversed(ordered[start : max(start, stop)]))
        start += offset
        return self._entries(ordered[start : stop if count is None else min(stop, start + count)])

    def sample(self, count: int) -> list[Entry]:
        """Return different entries chosen at random."""
        entries = list(self.scores.items())
        return random.sample(entries, min(count, len(entries)))

    def _entries(self, pairs: Iterable[tuple[float, bytes]]) -> list[Entry]:
        scores = self.scores
        return [(member, scores[member]) for _, member in pairs]

    def _bounds(self, low: float, high: float, *, above: bool) -> tuple[int, int]:
        ordered = self._ordered()
        bisect_low = bisect_right if above else bisect_left
        return (
            bisect_low(ordered, low, key=_by_score),
            bisect_right(ordered, high, key=_by_score),
        )

    def _is_clean(self) -> bool:
        # Every member has a live pair, so equal lengths mean that no pair is stale.
        return self._is_sorted and len(self._heap) == len(self.scores)

    def _ordered(self) -> list[tuple[float, bytes]]:
        """Prune and sort the heap in place, which leaves it a heap."""
        heap = self._heap
        if not self._is_sorted:
            heap.sort()  # fast if few have changed since the last time
            self._is_sorted = True
        if len(heap) != len(self.scores):
            score_of = self.scores.get
            heap[:] = [pair for pair in heap if score_of(pair[1]) == pair[0]]
            if len(heap) != len(self.scores):
                # A member removed and added again with its old score stands in the heap twice.
                heap[:] = dict.fromkeys(heap)
        return heap

    def _compact(self) -> None:
        self._heap = [(score, member) for member, score in self.scores.items()]
        heapify(self._heap)
        self._is_sorted = False
