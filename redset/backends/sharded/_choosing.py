"""Choosing the shard to take from, so that order is kept nearly, and none starves."""

from __future__ import annotations

import math
import random
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.interfaces import Entry, Lease

__all__ = ["Chooser"]


class Chooser:
    """Knows when each shard was visited, and what was last taken there.

    Every other time, it chooses the shard that was not visited for longest, so that each is
    visited at least once in two times as many calls as there are shards. In between, it chooses
    the better one of two at random. That needs no round trip, and is enough to keep what is
    handed out near the first: see docs/sharding.md. Safe for threads.

    Args:
        reverse: whether the highest scores are taken first.

    >>> chooser = Chooser()
    >>> names = "a", "b", "c"
    >>> [chooser.next_of(names) for _ in range(4)]
    ['a', 'b', 'c', 'a']
    """

    def __init__(self, *, reverse: bool = False) -> None:
        self._sign = -1.0 if reverse else 1.0
        self._chance = random.Random()  # noqa: S311  (no secret)
        self._lock = threading.Lock()
        self._names: Sequence[str] = ()
        # By shard, the score that its first member may have; in the order of their last visits.
        self._heads: OrderedDict[str, float] = OrderedDict()
        self._is_turn = False

    def order(self, names: Sequence[str]) -> Iterator[str]:
        """Give shards in the order in which to ask them; each counts as visited then."""
        with self._lock:
            self._renew(names)
            self._is_turn = not self._is_turn
            chosen = next(iter(self._heads)) if self._is_turn else self._better_of_two()
            self._visit(chosen)
            rest = [name for name in self._heads if name != chosen]
        yield chosen
        for name in rest:
            with self._lock:
                self._visit(name)
            yield name

    def next_of(self, names: Sequence[str]) -> str:
        """Return the shard that was not visited for longest, and count it as visited."""
        with self._lock:
            self._renew(names)
            return self._visit(next(iter(self._heads)))

    def note_taken(self, name: str, taken: Sequence[Entry | Lease], *, is_all: bool) -> None:
        """Note what was the first of a shard, and whether nothing is left there."""
        with self._lock:
            if name in self._heads:
                self._heads[name] = math.inf if is_all else self._sign * taken[-1][1]

    def note_added(self, name: str, entries: Sequence[Entry]) -> None:
        """Note what may be the first of a shard."""
        if not self._heads:  # nobody takes anything here
            return
        head = min(self._sign * score for _, score in entries)
        with self._lock:
            if head < self._heads.get(name, -math.inf):
                self._heads[name] = head

    def _renew(self, names: Sequence[str]) -> None:
        """Have these shards, in the place of those that there were."""
        if names == self._names:
            return
        known, wanted = self._heads, set(names)
        ordered = [*(name for name in known if name in wanted), *names]
        self._names = names
        self._heads = OrderedDict((name, known.get(name, -math.inf)) for name in ordered)

    def _visit(self, name: str) -> str:
        if name in self._heads:
            self._heads.move_to_end(name)
        return name

    def _better_of_two(self) -> str:
        one, other = self._chance.choice(self._names), self._chance.choice(self._names)
        return one if self._heads[one] <= self._heads[other] else other
