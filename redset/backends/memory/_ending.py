"""Memory sets that are renamed, or go at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from redset.backends.memory._ledger import Ledger
from redset.backends.memory._moving import MovingStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from redset.backends.memory._waiting import Guard
    from redset.interfaces import Clock

__all__ = ["EndingStore"]


class _End(NamedTuple):
    """When one part of a set is to go: what waits, its claims, or its dead letters.

    A part that runs empty is dropped, and its end with it: what comes then is another.
    """

    part: dict[str, Any]
    name: str
    held: object
    when: float

    def is_ahead(self) -> bool:
        """Tell whether that which is to go is still there."""
        return self.part.get(self.name) is self.held and not _is_empty(self.held)


class EndingStore(MovingStore):
    """Renames sets, and lets them go."""

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(clock)
        self._ends: list[_End] = []
        self._plain_guard = self._guard

    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `redset.interfaces.Backend.rename`. O(1)."""
        with self._guarded(name, target):
            self._check_seal(name, target)
            if not self._is_there(name):
                return None
            if self._is_there(target) and not replace:
                return False
            self._rename(name, target)
            self._wake(target)
            return True

    def expire(self, name: str, when: float | None) -> bool:
        """See `redset.interfaces.Backend.expire`. O(e) for e parts that are to go."""
        with self._guarded(name):
            self._check_seal(name)
            had_end = any(end.name == name and end.is_ahead() for end in self._ends)
            self._ends = [end for end in self._ends if end.name != name]
            if when is not None:
                for part in self._parts():
                    if name in part:
                        self._let_end(part, name, when)
            was_there = self._is_there(name)
            self._drop_what_ended()
            return had_end if when is None else was_there

    def _parts(self) -> tuple[dict[str, Any], ...]:
        return (self._sets, self._dead, self._ledgers)

    def _rename(self, name: str, target: str) -> None:
        for part in self._all_parts():
            part.pop(target, None)
            if name in part:
                part[target] = part.pop(name)
        self._ends = [end._replace(name=target) if end.name == name else end for end in self._ends]

    def _let_end(self, part: dict[str, Any], name: str, when: float) -> None:
        self._ends.append(_End(part, name, part[name], when))

    def _end_of(self, part: dict[str, Any], name: str) -> float:
        """Return when a part of a set is to go: never, or at no time if there is nothing of it."""
        if _is_empty(part.get(name)):
            return -math.inf
        ends = (end for end in self._ends if end.part is part and end.name == name)
        return next((end.when for end in ends if end.is_ahead()), math.inf)

    def _let_go(self, part: dict[str, Any], name: str) -> None:
        ledger = self._ledgers.get(name)
        del part[name]
        # Attempts are of what waits, which may stay, or be all that goes.
        if part is self._sets and ledger is not None:
            ledger.attempts.clear()
        elif part is self._ledgers and ledger is not None and name in self._sets:
            self._ledgers[name] = ledger.without_claims()
        self._sweep_payloads(name)

    def _forget_ends(self) -> None:
        if self._ends:
            self._ends = [end for end in self._ends if end.is_ahead()]

    def _all_parts(self) -> tuple[dict[str, Any], ...]:
        return (*self._parts(), self._payloads, self._parcels)

    def _drop_what_ended(self) -> None:
        if self._ends:
            now = self._clock.time()
            for end in self._ends:
                if end.when <= now and end.is_ahead():
                    self._let_go(end.part, end.name)
            self._ends = [end for end in self._ends if end.when > now]
            self._forget_ends()
        # A store in which nothing is to go need not look at the clock.
        plain = self._plain_guard
        self._guard = _EndingGuard(plain, self._drop_what_ended) if self._ends else plain


def _is_empty(held: object) -> bool:
    """Tell whether a part is not there, or has no more than attempts, which are of what waits."""
    return held is None or (isinstance(held, Ledger) and not held.records)


class _EndingGuard:
    """The guard of a store in which something is to go: whose time has come is gone already."""

    def __init__(self, guard: Guard, look: Callable[[], None]) -> None:
        self._guard = guard
        self._look = look

    def __enter__(self) -> None:
        self._guard.__enter__()
        try:
            self._look()
        except BaseException:
            self._guard.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._guard.__exit__(kind, error, traceback)

    def locked(self) -> bool:
        """Tell whether somebody holds it."""
        return self._guard.locked()
