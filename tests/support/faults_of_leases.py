"""Backends that are broken where claims end: leases, attempts, releases, delays."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.backends.memory._ledger import Ledger
from redset.backends.memory._sortedmap import SortedMap
from redset.interfaces import NOW, Merge, Terms
from tests.support.faults import caught_by
from tests.support.faults_of_claims import ByLedger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.backends.memory._ledger import Record
    from redset.interfaces import Claimed, DeadLetter, Entry, Hold


# Leases and attempts


@caught_by("test_a_lease_that_ran_out_comes_back", "test_a_copy_runs_when_the_claim_has_ended")
class LosesWhatRanOut(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            super().put_back(SortedMap(), terms, now)
            return []


@caught_by("test_a_lease_that_ran_out_comes_back")
class PutsBackTooSoon(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            return super().put_back(waiting, terms, now + 0.15)


@caught_by("test_acknowledged_work_is_gone", "test_a_late_holder_holds_until_somebody_claims")
class PutsBackUnasked(MemoryBackend):
    def length(self, name: str) -> int:
        with self._guard, self._account(name) as (ledger, waiting):
            terms = Terms(1.0, math.inf, Merge.REPLACE, None, 9)
            ledger.put_back(waiting, terms, self._clock.time())
        return super().length(name)


@caught_by("test_all_of_many_leases_come_back")
class PutsBackAHundredAndForgetsTheRest(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            letters = super().put_back(waiting, terms, now)
            for member, _ in self.claims.pop_first(1000, now):
                del self.records[member]
            return letters


@caught_by("test_what_comes_back_is_in_its_place", "test_a_lease_that_ran_out_comes_back")
class PutsBackAtTheFront(ByLedger):
    class Own(Ledger):
        def _return(self, waiting: SortedMap, member: bytes, record: Record, merge: Merge) -> None:
            super()._return(waiting, member, record._replace(score=0.0), merge)


@caught_by("test_a_released_member_is_back", "test_attempts_are_counted")
class CountsNoAttempts(ByLedger):
    class Own(Ledger):
        def _note(self, waiting: SortedMap, member: bytes, attempt: int) -> None:
            pass


@caught_by("test_attempts_are_counted", "test_what_is_added_while_it_is_claimed_waits")
class CountsWhatIsDone(ByLedger):
    class Own(Ledger):
        def end(self, waiting: SortedMap, hold: Hold, merge: Merge) -> Record | None:
            record = super().end(waiting, hold, merge)
            if record is not None:
                self._note(waiting, hold[0], record.attempt)
            return record


@caught_by("test_attempts_are_counted")
class CountsFromOneAfterADelay(ByLedger):
    class Own(Ledger):
        def _return(self, waiting: SortedMap, member: bytes, record: Record, merge: Merge) -> None:
            attempt = record.attempt if record.token else 0
            super()._return(waiting, member, record._replace(attempt=attempt), merge)


@caught_by("test_attempts_are_counted_whatever_else_leaves")
class ForgetsAttemptsWithOthers(ByLedger):
    class Own(Ledger):
        def _note(self, waiting: SortedMap, member: bytes, attempt: int) -> None:
            self.attempts[member] = attempt
            if len(self.attempts) > len(waiting.scores) + 64:
                self.attempts.clear()


@caught_by("test_attempts_are_counted")
class CountsAnAddAsNew(ByLedger):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        for member, _ in entries:
            self._ledgers.get(name, Ledger()).attempts.pop(member, None)
        return super().add(name, entries, merge)


@caught_by("test_the_last_attempt_ends_in_a_dead_letter")
class TriesForEver(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, max_attempts=None)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_the_last_attempt_ends_in_a_dead_letter")
class TriesOnceMore(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, max_attempts=(terms.max_attempts or 9) + 1)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_the_last_attempt_ends_in_a_dead_letter")
class TriesOnceLess(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, max_attempts=(terms.max_attempts or 9) - 1)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_the_last_attempt_ends_in_a_dead_letter")
class BuriesTheCopy(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            letters = super().put_back(waiting, terms, now)
            for letter in letters:
                waiting.remove(letter.raw)
            return letters


@caught_by("test_dead_letters_of_leases_are_limited", "test_a_wait_tells_what_was_dropped")
class DropsLettersOfLeasesInSilence(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        return super().claim(name, count, terms, acknowledge=acknowledge)._replace(dropped=0)


@caught_by("test_dead_letters_of_leases_are_limited")
class KeepsAllLettersOfLeases(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        terms = dataclasses.replace(terms, dead_limit=1000)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_a_lease_is_extended", "test_a_late_holder_holds_until_somebody_claims")
class ExtendsNothing(ByLedger):
    class Own(Ledger):
        def extend(self, hold: Hold, deadline: float) -> float | None:
            return None if self._held(hold) is None else deadline


@caught_by("test_a_lease_is_extended")
class ExtendsFromTheDeadline(ByLedger):
    class Own(Ledger):
        def extend(self, hold: Hold, deadline: float) -> float | None:
            left = self.claims.scores.get(hold[0], 0.0) % 1
            return super().extend(hold, deadline + left)


@caught_by("test_a_lease_is_extended")
class ExtendsTheFirstAlone(MemoryBackend):
    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        first = super().extend(name, holds[:2], lease)
        return [*first, *first[1:2] * (len(holds) - 2)]


# Releases and delays


@caught_by("test_a_delayed_member_is_out_of_sight")
class AddsToWhatIsHeldBack(MemoryBackend):
    def increment(self, name: str, member: bytes, by: float) -> float:
        ledger = self._ledgers.get(name)
        if ledger is not None and member in ledger.delayed.scores:
            by += ledger.records[member].score
        return super().increment(name, member, by)


@caught_by("test_a_released_member_is_back", "test_a_claim_is_ended_by_one")
class ReleasesForNobody(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        return self.acknowledge(name, [hold], merge) == [True]


@caught_by("test_a_member_is_released_with_another_score", "test_a_score_meets_the_copies")
class ReleasesWithTheOldScore(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("score") is not NOW:
            options.pop("score", None)
        return super().release(name, hold, merge, **options)


@caught_by("test_a_member_is_released_for_a_time_from_now")
class ReleasesForThePresent(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("score") is NOW:
            options.pop("delay", None)
        return super().release(name, hold, merge, **options)


@caught_by("test_a_member_is_released_for_a_time_from_now")
class HoldsBackWhatIsForATime(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("score") is NOW:
            options["score"] = self._clock.time() + options.get("delay", 0.0)
        return super().release(name, hold, merge, **options)


@caught_by("test_a_score_meets_the_copies", "test_a_delay_meets_the_copies")
class ReleasesOverAllElse(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        merge = Merge.REPLACE if options.get("score") is not None else merge
        return super().release(name, hold, merge, **options)


@caught_by("test_a_member_is_released_with_the_attempts_that_are_given")
class CountsEachReleasedClaim(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        return super().release(name, hold, merge, **options | {"attempts": None})


@caught_by("test_a_member_is_released_with_the_attempts_that_are_given")
class ForgetsAttemptsThatAreGiven(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("attempts") is not None:
            options["attempts"] = 0
        return super().release(name, hold, merge, **options)


@caught_by("test_a_delayed_member_is_out_of_sight", "test_what_is_added_meets_a_delay")
class DelaysNothing(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("score") is not NOW:
            options.pop("delay", None)
        return super().release(name, hold, merge, **options)


@caught_by(
    "test_a_released_member_comes_back_when_the_delay_is_over", "test_all_of_many_delays_end"
)
class DelaysForEver(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            self.delayed, delayed = SortedMap(), self.delayed
            letters = super().put_back(waiting, terms, now)
            self.delayed = delayed
            return letters


@caught_by("test_a_released_member_comes_back_when_the_delay_is_over")
class EndsDelaysTooSoon(ByLedger):
    class Own(Ledger):
        def put_back(self, waiting: SortedMap, terms: Terms, now: float) -> list[DeadLetter]:
            for member, _ in self.delayed.pop_first(100, now + 0.15):
                self._return(waiting, member, self.records.pop(member), terms.merge)
            return super().put_back(waiting, terms, now)


@caught_by("test_a_released_member_comes_back_when_the_delay_is_over")
class ForgetsScoresInADelay(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        if options.get("delay") and options.get("score") is not NOW:
            options.pop("score", None)
        return super().release(name, hold, merge, **options)


@caught_by("test_a_delay_meets_the_copies")
class DelaysOverWhatIsThere(ByLedger):
    class Own(Ledger):
        def release(
            self, waiting: SortedMap, hold: Hold, merge: Merge, now: float, **options: Any
        ) -> bool:
            if options["delay"] and self._held(hold):
                self.parked.pop(hold[0], None)
                waiting.remove(hold[0])
            return super().release(waiting, hold, merge, now, **options)


@caught_by("test_a_delay_meets_the_copies")
class DelaysNothingThatIsThere(ByLedger):
    class Own(Ledger):
        def release(
            self, waiting: SortedMap, hold: Hold, merge: Merge, now: float, **options: Any
        ) -> bool:
            if options["delay"] and (hold[0] in self.parked or hold[0] in waiting.scores):
                score = self.records[hold[0]].score if self._held(hold) else None
                options["score"] = score if options["score"] is None else options["score"]
                options["delay"] = 0.0
            return super().release(waiting, hold, merge, now, **options)


@caught_by("test_what_is_added_meets_a_delay")
class EndsNoDelays(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            if not record.token and merge is Merge.REPLACE:
                self.records[member] = record._replace(score=score)
                return False
            return super()._resume(member, record, score, merge)


@caught_by("test_what_is_added_meets_a_delay")
class EndsAllDelays(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            return super()._resume(member, record, score, merge if record.token else Merge.REPLACE)


@caught_by("test_scores_meet_when_a_delay_ends")
class ForgetsWhatIsAddedToADelay(ByLedger):
    class Own(Ledger):
        def _resume(self, member: bytes, record: Record, score: float, merge: Merge) -> bool:
            score = score if record.token else record.score
            return super()._resume(member, record, score, merge)


@caught_by("test_scores_meet_when_a_delay_ends")
class EndsDelaysOverWhatIsNewer(ByLedger):
    class Own(Ledger):
        def _return(self, waiting: SortedMap, member: bytes, record: Record, merge: Merge) -> None:
            if not record.token:
                waiting.remove(member)
            super()._return(waiting, member, record, merge)
