"""Members that go from one memory set to another, and sets that are taken from together."""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from redset.backends.memory._combining import CombiningStore
from redset.interfaces import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry, Merge

__all__ = ["MovingStore"]


class MovingStore(CombiningStore):
    """Moves members, one at a time."""

    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """See `redset.interfaces.Backend.move`. O(log n)."""
        with self._guarded(name, target):
            score = self._score(name, member)
            if score is not None:
                [entry] = self._shown(name, [(member, score)])
                self._move(name, entry, target, merge)
            return score is not None

    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        """See `redset.interfaces.Backend.pop_into`. O(log n)."""
        with self._guarded(name, target):
            first = self._first(name, high)
            if first is None or not self._is_same(first[0], expected):
                return None
            self._move(name, first, target, merge)
            return first

    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """See `redset.interfaces.Backend.pop_any`. Sleeps until it is woken."""
        deadline = self.deadline(timeout)
        event = threading.Event()
        with ExitStack() as stack:
            for name, _ in sources:
                stack.enter_context(self.waiting(name, event.set))
            while True:
                found = self.pop_first_of(sources)
                if found is not None or self.is_over(deadline):
                    return found
                event.wait(self.pause_any(sources, deadline))
                event.clear()

    def pop_first_of(self, sources: Sequence[tuple[str, Bound]]) -> tuple[int, Entry] | None:
        """Remove the first entry of the first set that has one in reach, without waiting."""
        with self._guarded(*(name for name, _ in sources)):
            for place, (name, high) in enumerate(sources):
                first = self._first(name, high)
                if first is not None:
                    self._take_out(name, first[0])
                    return place, first
            return None

    def pause_any(
        self, sources: Sequence[tuple[str, Bound]], deadline: float | None
    ) -> float | None:
        """Return how long, in real seconds, to wait for something to pop; None: until woken."""
        waits = [] if deadline is None else [deadline - self._clock.monotonic()]
        with self._guard:
            for name in (name for name, high in sources if high is NOW):
                with self._open(name) as held:
                    waits += [score - self._clock.time() for _, score in held.first(1)]
        return self._clock.pause(min(waits, default=None))

    def _first(self, name: str, high: Bound) -> Entry | None:
        with self._open(name) as held:
            return next(iter(self._shown(name, held.first_until(1, self._resolve(high)))), None)

    def _move(self, name: str, entry: Entry, target: str, merge: Merge) -> None:
        self._add(target, [entry], merge)
        if target != name:
            self._take_out(name, entry[0])

    def _take_out(self, name: str, member: bytes) -> None:
        with self._open(name) as held:
            held.remove(member)
        self._left(name, [member])
