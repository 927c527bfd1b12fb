"""Claims of members of memory sets."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from redset.backends.memory._held import HeldSets
from redset.backends.memory._ledger import Ledger
from redset.backends.memory._sortedmap import SortedMap
from redset.interfaces import NOW, Claimed, Stats

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    from redset.interfaces import Bound, Clock, Hold, Merge, Terms

__all__ = ["ClaimingStore"]

# So many claims can be made in a microsecond before tokens run ahead of the clock.
_TOKENS = 1000


class ClaimingStore(HeldSets):
    """Hands members out and keeps account of who has them."""

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(clock)
        self._next_token = 1  # 0 is nobody's

    def dedicated(self) -> AbstractContextManager[Self]:
        """See `redset.interfaces.Backend.dedicated`. Gives itself."""
        return nullcontext(self)

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `redset.interfaces.Backend.claim`. O(log n) a member."""
        with self._guarded(name), self._account(name) as (ledger, waiting):
            held = [ledger.end(waiting, hold, terms.merge) is not None for hold in acknowledge]
            self._forget_ends()
            now = self._clock.time()
            before = len(waiting.scores)
            dropped = self._bury(name, ledger.put_back(waiting, terms, now), terms.dead_limit)
            self._forget_ends()
            came_back = len(waiting.scores) - before
            token = max(int(now * 1e6) * _TOKENS, self._next_token)
            leases = ledger.claim(waiting, count, terms, now, token)
            self._next_token = token + len(leases)
            if came_back > len(leases) or any(held):
                self._wake(name)
            return Claimed(leases, held, dropped)

    def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `redset.interfaces.Backend.wait_claim`. Sleeps until it is woken."""
        claimed = self.claim(name, count, terms, acknowledge=acknowledge)
        if claimed.leases or timeout == 0:
            return claimed
        deadline = self.deadline(timeout)
        event = threading.Event()
        with self.waiting(name, event.set):
            while True:
                claimed = self.claim_later(name, count, terms, claimed)
                if claimed.leases or self.is_over(deadline):
                    return claimed
                event.wait(self.claim_pause(name, deadline, terms.high))
                event.clear()

    def claim_later(self, name: str, count: int, terms: Terms, before: Claimed) -> Claimed:
        """Claim again for one who found nothing before."""
        leases, _, dropped = self.claim(name, count, terms)
        return Claimed(leases, before.acknowledged, before.dropped + dropped)

    def claim_pause(self, name: str, deadline: float | None, high: Bound) -> float | None:
        """Return how long, in real seconds, to wait for something to claim; None: until woken."""
        with self._guard:
            now = self._clock.time()
            ledger = self._ledgers.get(name)
            waits = [time - now for time in ledger.next_time()] if ledger else []
            held = self._sets.get(name)
            if high is NOW and held is not None:
                waits += [score - now for _, score in held.first(1)]
        if deadline is not None:
            waits.append(deadline - self._clock.monotonic())
        return self._clock.pause(min(waits, default=None))

    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`. O(1) a claim."""
        with self._guarded(name), self._account(name) as (ledger, waiting):
            held = [ledger.end(waiting, hold, merge) is not None for hold in holds]
            self._wake(name)
            return held

    def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        """See `redset.interfaces.Backend.release`. O(log n)."""
        self._check_guard()
        with self._guarded(name), self._account(name) as (ledger, waiting):
            now = self._clock.time()
            held = ledger.release(
                waiting, hold, merge, now, score=score, delay=delay, attempts=attempts
            )
            self._wake(name)
            return held

    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `redset.interfaces.Backend.extend`. O(log n) a claim."""
        with self._guarded(name), self._account(name) as (ledger, _):
            deadline = self._clock.time() + lease
            extended = [ledger.extend(hold, deadline) for hold in holds]
            # Who waits for a lease to run out has to look at the time anew.
            self._wake(name)
            return extended

    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `redset.interfaces.Backend.reject`. O(d log d) for d dead letters."""
        self._check_guard()
        with self._guarded(name), self._account(name) as (ledger, waiting):
            letters = [ledger.reject(waiting, hold, merge, why) for hold, why in rejected]
            self._wake(name)
            dropped = self._bury(name, [each for each in letters if each is not None], limit)
            return [each is not None for each in letters], dropped

    def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`. O(n) after changes, else O(log n)."""
        with self._guarded_as_it_is(name), self._account(name) as (ledger, waiting):
            claims = [member for member, _ in ledger.claims.first(1)]
            return Stats(
                pending=len(waiting.scores) + len(ledger.delayed.scores),
                due=waiting.count(float("-inf"), self._resolve(high), above=False),
                delayed=len(ledger.delayed.scores),
                claimed=len(ledger.claims.scores),
                parked=len(ledger.parked),
                dead=len(self._dead.get(name, ())),
                oldest_score=next((score for _, score in waiting.first(1)), None),
                oldest_claim=next(
                    (
                        record.token / _TOKENS / 1e6
                        for record in map(ledger.records.get, claims)
                        if record
                    ),
                    None,
                ),
            )

    @contextmanager
    def _account(self, name: str) -> Generator[tuple[Ledger, SortedMap], None, None]:
        """Give the claims and the set called ``name``, and drop each if it is empty after."""
        self._check_seal(name)
        ledger = self._ledgers.get(name)
        if ledger is None:
            ledger = self._ledgers[name] = Ledger()
        waiting = self._sets.get(name)
        if waiting is None:
            waiting = self._sets[name] = SortedMap()
        try:
            yield ledger, waiting
        finally:
            if not waiting.scores:
                del self._sets[name]
            if ledger.is_empty(waiting):
                del self._ledgers[name]
