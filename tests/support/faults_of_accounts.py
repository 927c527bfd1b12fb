"""Backends that keep wrong accounts of claims: counts, dead letters, what is dropped."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from redset.backends import MemoryBackend
from redset.backends.memory._ledger import Ledger
from redset.interfaces import NOW, Merge
from tests.support.faults import caught_by
from tests.support.faults_of_claims import ByLedger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.backends.memory._sortedmap import SortedMap
    from redset.interfaces import Bound, DeadLetter, Hold, Stats


# What is removed and cleared


@caught_by("test_whatever_takes_a_copy_leaves_the_claim", "test_remove_drops_what_is_parked")
class RemovesClaims(MemoryBackend):
    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        with self._guard, self._account(name) as (ledger, waiting):
            for member in ledger.claims.scores.keys() & set(members):
                ledger.end(waiting, (member, ledger.records[member].token), Merge.KEEP)
        return super().remove(name, members, low=low)


@caught_by("test_remove_drops_what_is_parked")
class RemovesNothingParked(ByLedger):
    class Own(Ledger):
        def discard(self, member: bytes) -> float | None:
            parked = self.parked.get(member)
            score = super().discard(member)
            if parked is not None:
                self.parked[member] = parked
            return score


@caught_by("test_remove_drops_what_is_delayed", "test_a_delayed_member_is_out_of_sight")
class RemovesNothingDelayed(ByLedger):
    class Own(Ledger):
        def discard(self, member: bytes) -> float | None:
            return None if member in self.delayed.scores else super().discard(member)


@caught_by("test_remove_drops_what_is_parked", "test_remove_drops_what_is_delayed")
class RemovesWhatIsApartUncounted(ByLedger):
    class Own(Ledger):
        def discard(self, member: bytes) -> float | None:
            super().discard(member)
            return None


@caught_by("test_remove_drops_what_is_parked", "test_remove_drops_what_is_delayed")
class CountsWhatIsApartTwice(MemoryBackend):
    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        ledger = self._ledgers.get(name, Ledger())
        apart = sum(ledger.discard(member) is not None for member in members)
        return apart + super().remove(name, members, low=low)


@caught_by("test_attempts_of_what_is_removed_are_forgotten")
class RemembersTheRemoved(ByLedger):
    class Own(Ledger):
        def discard(self, member: bytes) -> float | None:
            attempt = self.attempts.get(member)
            score = super().discard(member)
            if attempt is not None:
                self.attempts[member] = attempt
            return score

        def is_empty(self, waiting: SortedMap) -> bool:
            return False


@caught_by("test_clear_drops_claims")
class ClearsAllButClaims(MemoryBackend):
    def clear(self, name: str) -> bool:
        ledger = self._ledgers.get(name)
        found = super().clear(name)
        if ledger is not None:
            self._ledgers[name] = ledger
        return found


@caught_by("test_clear_drops_claims")
class ClearsAllButAttempts(MemoryBackend):
    def clear(self, name: str) -> bool:
        attempts = self._ledgers.get(name, Ledger()).attempts
        found = super().clear(name)
        if attempts:
            self._ledgers[name] = Ledger()
            self._ledgers[name].attempts = attempts
        return found


@caught_by("test_clear_drops_claims", "test_a_delayed_member_is_out_of_sight")
class ClearsClaimsInSilence(MemoryBackend):
    def clear(self, name: str) -> bool:
        is_there = self.length(name) > 0
        return super().clear(name) and is_there


# Counts


@caught_by("test_stats_count_every_state", "test_a_delayed_member_is_out_of_sight")
class CallsWhatIsDelayedDue(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        stats = super().stats(name, high)
        return dataclasses.replace(stats, due=stats.due + stats.delayed)


@caught_by("test_stats_count_every_state")
class CallsEverythingDue(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        return super().stats(name, math.inf if high is NOW else high)


@caught_by("test_stats_count_every_state", "test_a_delayed_member_is_out_of_sight")
class CountsWhatIsInTheSet(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        return dataclasses.replace(super().stats(name, high), pending=self.length(name))


@caught_by("test_stats_count_every_state")
class TellsTheHighestScore(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        last = max((score for _, score in self.slice(name, 0, -1)), default=None)
        return dataclasses.replace(super().stats(name, high), oldest_score=last)


@caught_by("test_the_oldest_claim_is_that_which_ends_first")
class TellsWhichClaimIsTheFirst(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        records = self._ledgers.get(name, Ledger()).records.values()
        first = min((record.token / 1e9 for record in records), default=None)
        return dataclasses.replace(super().stats(name, high), oldest_claim=first)


@caught_by("test_the_oldest_claim_is_that_which_ends_first")
class TellsWhenTheClaimEnds(MemoryBackend):
    def stats(self, name: str, high: Bound) -> Stats:
        claims = self._ledgers.get(name, Ledger()).claims.first(1)
        end = max((deadline for _, deadline in claims), default=None)
        return dataclasses.replace(super().stats(name, high), oldest_claim=end)


# Dead letters


@caught_by("test_a_rejected_member_is_a_dead_letter")
class RejectsForGood(MemoryBackend):
    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        return self.acknowledge(name, [hold for hold, _ in rejected], merge), 0


@caught_by("test_a_rejected_member_is_a_dead_letter", "test_the_last_attempt_ends_in_a_dead_letter")
class BuriesWithoutScores(MemoryBackend):
    def _bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        letters = [dataclasses.replace(letter, score=0.0) for letter in letters]
        return super()._bury(name, letters, limit)


@caught_by(
    "test_a_rejected_member_is_a_dead_letter",
    "test_the_last_attempt_ends_in_a_dead_letter",
    "test_a_rejected_member_is_redriven_as_a_new_one",
)
class BuriesWithoutAttempts(MemoryBackend):
    def _bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        letters = [dataclasses.replace(letter, attempts=0) for letter in letters]
        return super()._bury(name, letters, limit)


@caught_by("test_a_rejected_member_is_a_dead_letter")
class RejectsForTheFirstReason(MemoryBackend):
    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        same = [(hold, rejected[0][1]) for hold, _ in rejected]
        return super().reject(name, same, merge, limit)


@caught_by("test_dead_letters_of_the_rejected_are_limited")
class RejectsWithoutLimit(MemoryBackend):
    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        return super().reject(name, rejected, merge, 1000)


@caught_by("test_a_rejected_member_is_redriven_as_a_new_one")
class RedrivesWithAttempts(ByLedger):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        letters = [letter for letter in self.dead(name, 0, 1000) if letter.raw in members]
        moved = super().redrive(name, members, merge)
        with self._guard, self._account(name) as (ledger, _):
            ledger.attempts |= {letter.raw: letter.attempts for letter in letters}
        return moved
