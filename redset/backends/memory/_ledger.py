"""The claims of one memory set: who holds what, what is parked, what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from redset.backends.memory._sortedmap import SortedMap
from redset.interfaces import NOW, DeadLetter, Lease, Merge

if TYPE_CHECKING:
    from redset.interfaces import Bound, Hold, Terms

__all__ = ["Ledger"]

# The rule that lets an older score meet a newer one that is there already.
_OLDER: Final = {
    Merge.REPLACE: Merge.KEEP,
    Merge.KEEP: Merge.REPLACE,
    Merge.EARLIEST: Merge.EARLIEST,
    Merge.LATEST: Merge.LATEST,
}
# How many leases that ran out, and delays that ended, one claim puts back at most.
_BATCH: Final = 100
# How many forgotten attempts are worth a sweep.
_SLACK: Final = 64


class Record(NamedTuple):
    """What is kept of a member that is claimed, or held back (with token 0)."""

    token: int
    attempt: int
    score: float


class Ledger:
    """Not thread-safe. ``waiting`` is always the set itself, ``now`` the present time."""

    __slots__ = ("attempts", "claims", "delayed", "parked", "records")

    def __init__(self) -> None:
        self.records: dict[bytes, Record] = {}
        self.claims = SortedMap()  # by deadline
        self.delayed = SortedMap()  # by the time at which the delay ends
        self.parked: dict[bytes, float] = {}
        self.attempts: dict[bytes, int] = {}

    def is_empty(self, waiting: SortedMap) -> bool:
        """Tell whether there is nothing left to remember."""
        return not self.records and (not self.attempts or not waiting.scores)

    def without_claims(self) -> Ledger:
        """Return what is left when all claims have gone, with what is parked and held back."""
        left = Ledger()
        left.attempts = self.attempts
        return left

    def claim(
        self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
    ) -> list[Lease]:
        """Claim the first members; their tokens count up from ``token``."""
        high = now if terms.high is NOW else terms.high
        deadline = now + terms.lease
        leases: list[Lease] = []
        # Here and below, what moves is written to its new place before it leaves the old one:
        # an interrupt in between loses nothing.
        while len(leases) < count and (first := waiting.first_until(count - len(leases), high)):
            for member, given in first:
                score, attempt = given, self.attempts.get(member, 0)
                record = self.records.get(member)
                if record is not None:
                    if not self._resume(member, record, score, terms.merge):
                        continue
                    score = _merged(terms.merge, record.score, score)
                    attempt = record.attempt
                lease = Lease(member, score, attempt + 1, token + len(leases), deadline)
                self.claims.add([(member, deadline)], Merge.REPLACE)
                self.records[member] = Record(lease.token, lease.attempt, score)
                leases.append(lease)
            waiting.pop_first(len(first), high)
            for member, _ in first:
                self.attempts.pop(member, None)
        return leases

    def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
        """Tell whether a member of which there is a record can be claimed nevertheless."""
        if record.token:
            self.parked[member] = _merged(merge, self.parked.get(member, score), score)
            return False
        if merge in {Merge.REPLACE, Merge.EARLIEST}:
            self.delayed.remove(member)
            return True
        self.records[member] = record._replace(score=_merged(merge, record.score, score))
        return False

    def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
        """Put back what is held no longer; return what had its last attempt."""
        letters: list[DeadLetter] = []
        for member, _ in self.claims.first_until(_BATCH, now):
            record = self.records.get(member)
            if record is not None:
                self._unpark(waiting, member, terms.merge)
                if terms.max_attempts is not None and record.attempt >= terms.max_attempts:
                    reason = (
                        f"the lease ran out in attempt {record.attempt} of {terms.max_attempts}"
                    )
                    letters.append(self._letter(member, record, reason))
                else:
                    self._return(waiting, member, record, terms.merge)
            self._forget(member)
        for member, _ in self.delayed.first_until(_BATCH, now):
            self._return(waiting, member, self.records[member], terms.merge)
            self._forget(member)
        return letters

    def end(self, waiting: SortedMap, hold: Hold, merge: Merge) -> Record | None:
        """End a claim, and return its record; None if it is not held."""
        record = self._held(hold)
        if record is not None:
            self._unpark(waiting, hold[0], merge)
            self._forget(hold[0])
        return record

    def reject(
        self, waiting: SortedMap, hold: Hold, merge: Merge, reason: str
    ) -> DeadLetter | None:
        """End a claim, and return the dead letter that becomes of it; None if it is not held."""
        record = self._held(hold)
        if record is None:
            return None
        letter = self._letter(hold[0], record, reason)
        self.end(waiting, hold, merge)
        return letter

    def release(
        self,
        waiting: SortedMap,
        hold: Hold,
        merge: Merge,
        now: float,
        *,
        score: Bound | None,
        delay: float,
        attempts: int | None,
    ) -> bool:
        """End a claim and put its member back; see `redset.interfaces.Backend.release`."""
        record = self._held(hold)
        if record is None:
            return False
        member = hold[0]
        if attempts is not None:
            record = record._replace(attempt=attempts)
        self._unpark(waiting, member, merge)
        if score is None and delay <= 0:
            self._return(waiting, member, record, merge)
            self._forget(member)
            return True
        if score is NOW:
            given, delay = now + delay, 0.0
        else:
            given = record.score if score is None else score
        self._meet(waiting, member, given, merge)
        there = waiting.scores.get(member)
        if delay > 0 and (there is None or merge in {Merge.REPLACE, Merge.LATEST}):
            merged = given if there is None else _merged(merge, there, given)
            self.delayed.add([(member, now + delay)], Merge.REPLACE)
            self.records[member] = Record(0, record.attempt, merged)
            self.claims.remove(member)
            waiting.remove(member)
        else:
            waiting.add([(member, given)], merge)
            self._note(waiting, member, record.attempt)
            self._forget(member)
        return True

    def extend(self, hold: Hold, deadline: float) -> float | None:
        """Let a claim last until ``deadline``; return it, or None if it is not held."""
        if self._held(hold) is None:
            return None
        self.claims.add([(hold[0], deadline)], Merge.REPLACE)
        return deadline

    def discard(self, member: bytes) -> float | None:
        """Drop what is parked or held back; return its score, None if it was neither."""
        score = self.apart(member)
        self.attempts.pop(member, None)
        self.parked.pop(member, None)
        record = self.records.get(member)
        if record is not None and not record.token:
            self._forget(member)
        return score

    def apart(self, member: bytes) -> float | None:
        """Return the score of what is parked or held back, None if it is neither."""
        record = self.records.get(member)
        return record.score if record is not None and not record.token else self.parked.get(member)

    def next_time(self) -> list[float]:
        """Return the times at which the next lease runs out and the next delay ends."""
        return [time for times in (self.claims, self.delayed) for _, time in times.first(1)]

    def _held(self, hold: Hold) -> Record | None:
        member, token = hold
        record = self.records.get(member)
        # What is held back has no holder, not even one who makes a token up.
        return record if record is not None and record.token == token != 0 else None

    def _forget(self, member: bytes) -> None:
        self.records.pop(member, None)
        self.claims.remove(member)
        self.delayed.remove(member)

    def _unpark(self, waiting: SortedMap, member: bytes, merge: Merge) -> None:
        parked = self.parked.get(member)
        if parked is not None:
            waiting.add([(member, parked)], _OLDER[merge])
            del self.parked[member]

    def _return(self, waiting: SortedMap, member: bytes, record: Record, merge: Merge) -> None:
        if record.token:
            self._meet(waiting, member, record.score, _OLDER[merge])
        waiting.add([(member, record.score)], _OLDER[merge])
        self._note(waiting, member, record.attempt)

    def _note(self, waiting: SortedMap, member: bytes, attempt: int) -> None:
        if attempt:
            self.attempts[member] = attempt
            # What was taken without a claim has left its count behind.
            if len(self.attempts) > len(waiting.scores) + _SLACK:
                kept = waiting.scores
                for gone in self.attempts.keys() - kept.keys():
                    del self.attempts[gone]

    # For those who keep more of a member than its score.

    def _meet(self, waiting: SortedMap, member: bytes, score: float, merge: Merge) -> None:
        """Be told that a member is about to come back to what waits, if anything does."""

    def _letter(self, member: bytes, record: Record, reason: str) -> DeadLetter:
        """Return what becomes of a member that is not to be tried again."""
        return DeadLetter(member, reason, record.score, 0.0, record.attempt)


def _merged(merge: Merge, old: float, new: float) -> float:
    if merge is Merge.REPLACE:
        return new
    if merge is Merge.KEEP:
        return old
    return min(old, new) if merge is Merge.EARLIEST else max(old, new)
