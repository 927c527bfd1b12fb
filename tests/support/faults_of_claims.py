"""Backends that are broken in claims: who gets what, and what becomes of copies."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import dataclasses
import math
import time
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING

from redset.backends import MemoryBackend
from redset.backends.memory._ledger import Ledger
from redset.interfaces import Claimed, Merge
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager

    from redset.backends.memory._ledger import Record
    from redset.backends.memory._sortedmap import SortedMap
    from redset.interfaces import Hold, Lease, Terms

__all__ = ["ByLedger"]


class ByLedger(MemoryBackend):
    """Keeps its account of claims in a ledger that may be broken."""

    class Own(Ledger):
        pass

    @contextmanager
    def _account(self, name: str) -> Generator[tuple[Ledger, SortedMap], None, None]:
        self._ledgers.setdefault(name, self.Own())
        with super()._account(name) as account:
            yield account


# What is claimed


@caught_by("test_a_claim_takes_the_first")
class ClaimsInOrderOfBytes(ByLedger):
    class Own(Ledger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            leases = super().claim(waiting, count, terms, now, token)
            return sorted(leases, key=lambda lease: lease.member)


@caught_by("test_a_claim_takes_the_first", "test_what_comes_back_is_in_its_place")
class ClaimsTooMany(ByLedger):
    class Own(Ledger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            return super().claim(waiting, count + 1, terms, now, token)


@caught_by("test_what_is_due_is_claimed", "test_due_time_ends_a_wait_for_a_claim")
class ClaimsWhatIsNotDue(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, high=math.inf)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_a_claimed_member_is_out_of_the_set", "test_a_member_is_claimed_by_one")
class ClaimsACopy(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        claimed = super().claim(name, count, terms, acknowledge=acknowledge)
        self.add(name, [(lease.member, lease.score) for lease in claimed.leases], Merge.KEEP)
        return claimed


@caught_by("test_a_lease_says_everything", "test_members_and_scores_come_back_as_they_were_claimed")
class ClaimsWholeScores(ByLedger):
    class Own(Ledger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            leases = super().claim(waiting, count, terms, now, token)
            for lease in leases:
                whole = round(lease.score) if math.isfinite(lease.score) else 0.0
                self.records[lease.member] = self.records[lease.member]._replace(score=whole)
            return [lease._replace(score=self.records[lease.member].score) for lease in leases]


@caught_by("test_a_lease_says_everything", "test_a_lease_that_ran_out_comes_back")
class LendsForHalfTheTime(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, lease=terms.lease / 2)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_claims_of_several_sets_are_apart")
class ClaimsByNamesUpToAColon(MemoryBackend):
    @contextmanager
    def _account(self, name: str) -> Generator[tuple[Ledger, SortedMap], None, None]:
        with super()._account(name.partition(":")[0]) as account:
            yield account


@caught_by("test_a_dedicated_backend_is_one_like_others")
class DedicatesAnotherStore(MemoryBackend):
    def dedicated(self) -> AbstractContextManager[MemoryBackend]:  # type: ignore[override]  # another
        return MemoryBackend(clock=self._clock)


# Tokens, and who may end a claim


@caught_by("test_tokens_rise")
class OneTokenForABatch(ByLedger):
    class Own(Ledger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            leases = super().claim(waiting, count, terms, now, token)
            for lease in leases:
                self.records[lease.member] = self.records[lease.member]._replace(token=token)
            return [lease._replace(token=token) for lease in leases]


@caught_by("test_tokens_rise", "test_a_stale_holder_changes_nothing")
class TokensOfTheClockAlone(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        self._next_token = 0
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_tokens_rise")
class TokensBeginAnewWhenCleared(MemoryBackend):
    def clear(self, name: str) -> bool:
        self._next_token = 0
        return super().clear(name)


@caught_by("test_a_stale_holder_changes_nothing", "test_a_claim_is_ended_by_its_token_alone")
class AsksForNoToken(ByLedger):
    class Own(Ledger):
        def _held(self, hold: Hold) -> Record | None:
            record = self.records.get(hold[0])
            return record if record is not None and record.token else None


@caught_by("test_a_claim_is_ended_by_its_token_alone")
class ReadsTheFirstDigitsOfTokens(ByLedger):
    class Own(Ledger):
        def _held(self, hold: Hold) -> Record | None:
            record = self.records.get(hold[0])
            starts = record is not None and str(record.token).startswith(str(hold[1]))
            return record if starts else None


@caught_by("test_a_delayed_member_is_out_of_sight")
class TakesDelaysForClaims(ByLedger):
    class Own(Ledger):
        def _held(self, hold: Hold) -> Record | None:
            record = self.records.get(hold[0])
            return record if record is not None and record.token == hold[1] else None


@caught_by("test_a_stale_holder_changes_nothing")
class ExtendsForStaleHolders(MemoryBackend):
    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        with self._account(name) as (ledger, _):
            there = [member for member, _ in holds if member in ledger.claims.scores]
            deadline = self._clock.time() + lease
            ledger.claims.add([(member, deadline) for member in there], Merge.REPLACE)
        return super().extend(name, holds, lease)


@caught_by("test_acknowledging_tells_of_each")
class SaysYesToAll(MemoryBackend):
    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        held = super().acknowledge(name, holds, merge)
        return [any(held)] * len(held)


@caught_by("test_acknowledging_tells_of_each", "test_a_stale_holder_changes_nothing")
class StopsAtTheFirstStaleOne(MemoryBackend):
    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        held: list[bool] = []
        for hold in holds:
            held += super().acknowledge(name, [hold], merge) if all(held) else [False]
        return [*held, True] if len(holds) == 1 and held == [False] else held


@caught_by("test_a_claim_acknowledges_first")
class AcknowledgesLast(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        claimed = super().claim(name, count, terms)
        return claimed._replace(acknowledged=self.acknowledge(name, acknowledge, terms.merge))


@caught_by("test_acknowledged_work_is_gone", "test_a_claim_takes_the_first")
class LeavesATrace(ByLedger):
    class Own(Ledger):
        def end(self, waiting: SortedMap, hold: Hold, merge: Merge) -> Record | None:
            deadline = self.claims.scores.get(hold[0])
            record = super().end(waiting, hold, merge)
            if record is not None and deadline is not None:
                self.claims.add([(hold[0], deadline)], Merge.REPLACE)
            return record

        def is_empty(self, waiting: SortedMap) -> bool:
            return not self.claims.scores


# Copies


@caught_by(
    "test_what_is_added_while_it_is_claimed_waits",
    "test_whatever_brings_a_copy",
    "test_a_member_has_one_holder_and_no_copy_is_lost",
)
class HandsOutWhatIsHeld(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            return bool(record.token) or super()._resume(member, record, score, merge)


@caught_by(
    "test_what_is_added_while_it_is_claimed_waits",
    "test_a_copy_runs_when_the_claim_has_ended",
    "test_a_member_has_one_holder_and_no_copy_is_lost",
)
class ForgetsWhatIsAddedMeanwhile(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            return not record.token and super()._resume(member, record, score, merge)


@caught_by("test_what_is_added_while_it_is_claimed_waits", "test_a_claim_acknowledges_first")
class StopsAtWhatIsHeld(ByLedger):
    class Own(Ledger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            free = list(takewhile(lambda entry: entry[0] not in self.records, waiting.first(count)))
            return super().claim(waiting, len(free), terms, now, token)


@caught_by("test_a_copy_runs_when_the_claim_has_ended")
class ParksTheLatestScore(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            return super()._resume(member, record, score, Merge.REPLACE if record.token else merge)


@caught_by("test_a_copy_runs_when_the_claim_has_ended")
class UnparksOverWhatIsNewer(ByLedger):
    class Own(Ledger):
        def _unpark(self, waiting: SortedMap, member: bytes, merge: Merge) -> None:
            if member in self.parked:
                waiting.add([(member, self.parked.pop(member))], Merge.REPLACE)


@caught_by("test_a_copy_runs_when_the_claim_has_ended")
class PutsBackOverWhatIsNewer(ByLedger):
    class Own(Ledger):
        def _return(self, waiting: SortedMap, member: bytes, record: Record, merge: Merge) -> None:
            waiting.remove(member)
            super()._return(waiting, member, record, merge)


@caught_by("test_a_claim_that_acknowledges_merges_copies")
class AcknowledgesByAnotherRule(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        held = self.acknowledge(name, acknowledge, Merge.REPLACE)
        return super().claim(name, count, terms)._replace(acknowledged=held)


# One step in two: others come in between, at the latest when a thread gives up its turn


@caught_by("test_a_member_is_claimed_by_one", "test_producers_and_claimants")
class ClaimsInTwoSteps(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        entries = self.range(name, -math.inf, terms.high, count=count)
        time.sleep(0)
        claimed = super().claim(name, count, terms, acknowledge=acknowledge)
        told = zip(claimed.leases, entries, strict=False)
        return claimed._replace(
            leases=[lease._replace(member=m, score=s) for lease, (m, s) in told]
        )


@caught_by("test_a_claim_is_ended_by_one")
class EndsInTwoSteps(MemoryBackend):
    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        with self._guard, self._account(name) as (ledger, _):
            held = [ledger._held(hold) is not None for hold in holds]  # noqa: SLF001  (a part of it)
        time.sleep(0)
        super().acknowledge(name, holds, merge)
        return held


@caught_by("test_a_lease_that_ran_out_is_claimed_by_one")
class PutsBackInTwoSteps(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        now = self._clock.time()
        with self._guard, self._account(name) as (ledger, _):
            times = ledger.claims.first(100)
            late = [(member, ledger.records[member]) for member, time in times if time <= now]
        time.sleep(0)
        for member, record in late:
            super().release(name, (member, record.token), terms.merge)
            super().add(name, [(member, record.score)], terms.merge)
        return super().claim(name, count, terms, acknowledge=acknowledge)
