"""Choosing the shard to take from, so that order is kept nearly, and none starves."""

from __future__ import annotations

import math
import random
import threading
import time
from typing import TYPE_CHECKING, Final

from redset.backends.sharded._fanning import rest_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.interfaces import Entry, Lease

__all__ = ["Chooser"]

# For how many seconds at most a shard that has failed is left alone, so that it is not forgotten.
_MOST: Final = 60.0


class Chooser:
    """Has turns for all shards, and knows what was last taken from each.

    Every other time, it chooses the shard whose turn it is, so that each is chosen at least once
    in twice as many calls as there are shards. In between, it chooses the better one of two at
    random. That keeps what is handed out near the first, and needs no round trip; see
    docs/sharding.md. Shards that have just failed come last. Safe for threads.

    Args:
        reverse: whether the highest scores are taken first.

    >>> chooser = Chooser()
    >>> sorted(chooser.order(("a", "b", "c")))
    ['a', 'b', 'c']
    """

    def __init__(self, *, reverse: bool = False) -> None:
        self._sign = -1.0 if reverse else 1.0
        self._chance = random.Random()  # noqa: S311  (no secret)
        self._lock = threading.Lock()
        self._names: Sequence[str] = ()
        # By shard, the score that its first member may have.
        self._heads: dict[str, float] = {}
        # By shard that has failed, until when it is left alone.
        self._away: dict[str, float] = {}
        # Those who take the same set are not to be at the same shard.
        self._turn = self._chance.randrange(1 << 16)
        self._is_turn = False

    def order(self, names: Sequence[str]) -> Iterator[str]:
        """Give all shards in the order in which to ask them."""
        with self._lock:
            self._renew(names)
            self._is_turn = not self._is_turn
            chosen = self._next() if self._is_turn else self._better_of_two()
            turn = self._turn % len(names)
        away = list(filter(self.is_away, names)) if self._away else []
        if chosen not in away:
            yield chosen
        for name in (*names[turn:], *names[:turn]):
            if name != chosen and name not in away:
                yield name
        yield from away

    def is_away(self, name: str) -> bool:
        """Tell whether a shard has failed, and is to be left alone if others have something."""
        return self._away.get(name, -math.inf) > time.monotonic()

    def note_failed(self, name: str, seconds: float) -> None:
        """Note that a shard has failed, and how long that took."""
        with self._lock:
            self._heads[name] = math.inf
            self._away[name] = time.monotonic() + min(rest_after(seconds), _MOST)

    def note_taken(self, name: str, taken: Sequence[Entry | Lease], *, is_all: bool) -> None:
        """Note what was the first of a shard, and whether nothing is left there."""
        with self._lock:
            self._away.pop(name, None)
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
        if names != self._names:
            self._names = names
            self._heads = {name: self._heads.get(name, -math.inf) for name in names}

    def _next(self) -> str:
        self._turn = (self._turn + 1) % len(self._names)
        return self._names[self._turn]

    def _better_of_two(self) -> str:
        two = self._chance.sample(self._names, min(2, len(self._names)))
        return min(two, key=self._heads.__getitem__)
