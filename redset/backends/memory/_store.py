"""The store itself: named sorted sets behind one lock, safe for threads."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from redset._pickling import Local
from redset.backends.memory._handover import HandoverStore
from redset.backends.memory._held import member_of
from redset.backends.memory._locking import LockingStore
from redset.exceptions import ScoreError
from redset.interfaces import NOW, Merge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from redset.backends.memory._sortedmap import SortedMap
    from redset.interfaces import Bound, Clock, DeadLetter, Entry, Payload

__all__ = ["MemoryBackend"]

# How many expired members one call of `remember` removes at most.
_SWEEP = 100


class MemoryBackend(LockingStore, HandoverStore, Local):
    """A `redset.interfaces.Backend` that keeps everything in this process.

    Each set is a dict and a heap with lazy deletion. One lock guards the store, so
    every method is atomic; waiting calls hold no lock.

    Args:
        clock: what the time is read from; the machine's clock by default. Tests pass a
            `redset.testing.ManualClock`, and need not sleep.

    >>> from redset import SortedSet
    >>> backend = MemoryBackend()
    >>> SortedSet(backend, "jobs").add("sweep the floor", 3)
    3.0
    >>> SortedSet(backend, "jobs").pop()
    'sweep the floor'
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(clock)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sets={len(self._sets)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: the store goes with its last reference."""

    # Writing

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`. O(log n) a member."""
        with self._guard:
            held = self._sets.get(name)
            if held is None:
                return self._add(name, entries, merge)
            new = held.add(entries, merge)
            if self._waiters:
                self._wake(name)
            return new

    def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `redset.interfaces.Backend.schedule`. O(log n) a member."""
        with self._guarded(name):
            now = self._clock.time()
            due = [(member, now if score is None else score) for member, score in entries]
            return self._add(name, due, merge), now

    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.remember`. O(log n) a member."""
        with self._guarded(name):
            now = self._clock.time()
            with self._open(name) as held:
                swept = held.pop_first(_SWEEP, now)
                if swept:
                    self._left(name, [member for member, _ in swept])
            unseen: list[bool] = []
            for member, lifetime in entries:
                old = self._score(name, member)
                live = old is not None and old > now
                unseen.append(not live)
                if old is not None and not live:
                    self._left(name, [member])
                self._add(name, [(member, now + lifetime)], merge if live else Merge.REPLACE)
            return unseen

    def increment(self, name: str, member: bytes, by: float) -> float:
        """See `redset.interfaces.Backend.increment`. O(log n)."""
        with self._guarded(name):
            score = (self._score(name, member) or 0.0) + by
            if math.isnan(score):
                message = f"the score of {member!r} would not be a number: inf - inf"
                raise ScoreError(message)
            self._add(name, [(member, score)], Merge.REPLACE)
            return score

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        """See `redset.interfaces.Backend.remove`. O(1) a member."""
        with self._guarded(name):
            above = low is NOW
            low = self._resolve(low)
            scores = self._remove(name, members)
            return sum(
                score is not None and (score > low if above else score >= low) for score in scores
            )

    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        """See `redset.interfaces.Backend.remove_range`. O(n log n)."""
        with self._guarded(name), self._open(name) as held:
            entries = self._range(held, low, high, count=limit)
            for member, _ in entries:
                held.remove(member)
            self._left(name, [member for member, _ in entries])
            return len(entries)

    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`. O(log n) a member, O(n) for the last ones."""
        with self._guard:
            held = self._sets.get(name)
            if held is None:
                return []
            if reverse:
                popped = held.pop_last(count)
            else:
                popped = held.pop_first(count, self._clock.time() if high is NOW else high)
            if not held.scores:
                del self._sets[name]
            return popped

    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`. Sleeps until it is woken."""
        deadline = self.deadline(timeout)
        event = threading.Event()
        with self.waiting(name, event.set):
            while True:
                entries = self.pop(name, count, high=high)
                if entries or self.is_over(deadline):
                    return entries
                event.wait(self.pause(name, deadline, high))
                event.clear()

    def clear(self, name: str) -> bool:
        """See `redset.interfaces.Backend.clear`. O(1)."""
        self._unseal(name)
        with self._guarded_as_it_is(name):
            found = self._is_there(name)
            for part in self._all_parts():
                part.pop(name, None)
            return found

    # Reading

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`. O(1) a member."""
        with self._guard:
            return [self._score(name, member) for member in members]

    def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.lifetimes`. O(1) a member."""
        with self._guarded(name):
            now = self._clock.time()
            scores = [self._score(name, member) for member in members]
            return [None if score is None or score <= now else score - now for score in scores]

    def rank(self, name: str, member: bytes) -> int | None:
        """See `redset.interfaces.Backend.rank`. O(log n), O(n log n) after changes."""
        with self._guarded(name), self._open(name) as held:
            return held.rank(member)

    def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`. O(1)."""
        with self._guard:
            return len(self._scores(name))

    def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`. O(log n), O(n) after changes."""
        with self._guarded(name), self._open(name) as held:
            return held.count(self._resolve(low), self._resolve(high), above=low is NOW)

    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`. O(k log k) for the first k."""
        with self._guard, self._open(name) as held:
            return held.slice(start, stop, reverse=reverse)

    def range(
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
        """See `redset.interfaces.Backend.range`. O(k log k) for the first k."""
        with self._guard, self._open(name) as held:
            return self._range(
                held, low, high, after=after, offset=offset, count=count, reverse=reverse
            )

    def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`. O(n)."""
        with self._guard, self._open(name) as held:
            return held.sample(count)

    def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`. O(1) a member."""
        with self._guard:
            return self._entries(name, members, low)

    def keyed(self, payload: Payload) -> MemoryBackend:
        """See `redset.interfaces.Backend.keyed`."""
        from redset.backends.memory._keyed import KeyedMemoryBackend

        return KeyedMemoryBackend(self, payload)

    # Dead letters

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`. O(d log d) for d dead letters."""
        with self._guarded(name):
            return self._bury(name, letters, limit)

    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        """See `redset.interfaces.Backend.set_aside`. O(d log d) for d dead letters."""
        with self._guarded(name):
            score = self._score(name, member)
            waiting = [] if score is None else self._shown(name, [(member, score)])
            if not any(self._is_same(there, member) for there, _ in waiting):
                return None
            self._take_out(name, member)
            return self._bury(name, [letter], limit)

    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`. O(d log d) for d dead letters."""
        with self._guarded_as_it_is(name):
            return self._dead_letters(name)[offset : offset + count]

    def dead_count(self, name: str) -> int:
        """See `redset.interfaces.Backend.dead_count`. O(1)."""
        with self._guarded_as_it_is(name):
            return len(self._dead.get(name, ()))

    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`. O(log n) a member."""
        with self._guarded(name):
            letters = self._exhume(name, members)
            self._restore(name, letters, merge)
            return len(letters)

    def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`. O(1) a member."""
        with self._guarded_as_it_is(name):
            return len(self._exhume(name, members))

    # Waiting

    def pause(self, name: str, deadline: float | None, high: Bound) -> float | None:
        """Return how long, in real seconds, to wait for something to pop; None: until woken."""
        waits = [] if deadline is None else [deadline - self._clock.monotonic()]
        if high is NOW:
            with self._guard, self._open(name) as held:
                waits += [score - self._clock.time() for _, score in held.first(1)]
        return self._clock.pause(min(waits, default=None))

    # Parts

    def _range(
        self,
        held: SortedMap,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        return held.range(
            self._resolve(low),
            self._resolve(high),
            above=low is NOW,
            after=after,
            offset=offset,
            count=count,
            reverse=reverse,
        )

    def _entries(self, name: str, members: Sequence[bytes], low: Bound) -> list[Entry]:
        above = low is NOW
        low = self._resolve(low)
        scores = [(member, self._score(name, member)) for member in members]
        return [
            (member, score)
            for member, score in scores
            if score is not None and (score > low if above else score >= low)
        ]

    def _restore(self, name: str, letters: Sequence[DeadLetter], merge: Merge) -> None:
        self._add(name, [(member_of(letter), letter.score) for letter in letters], merge)
