"""Backends that are broken where several sets, or a set as a whole, are concerned."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.backends.memory._ending import _EndingGuard
from redset.interfaces import NOW, Aggregate, Merge, Weighing
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry


# Combining


@caught_by("test_subtract")
class SubtractsTheFirstAlone(MemoryBackend):
    def subtract(self, name: str, others: Sequence[str]) -> int:
        return super().subtract(name, others[:1])


@caught_by("test_subtract", "test_what_is_removed_is_so_wherever_it_waits")
class SubtractsWhatIsInAll(MemoryBackend):
    def subtract(self, name: str, others: Sequence[str]) -> int:
        sets = [self._scores(other).keys() for other in (*others, name)]
        return self.remove(name, list(set.intersection(*map(set, sets))))


@caught_by("test_what_is_removed_is_so_wherever_it_waits")
class SubtractsFromTheSetAlone(MemoryBackend):
    def subtract(self, name: str, others: Sequence[str]) -> int:
        gone = {m for other in others for m in self._scores(other)} & self._scores(name).keys()
        for member in gone:
            self._take_out(name, member)
        return len(gone)


@caught_by("test_what_is_removed_is_so_wherever_it_waits", "test_what_is_removed_begins_anew")
class IntersectsTheSetAlone(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        apart = self._ledgers.get(name)
        if apart is not None:
            self._ledgers.pop(name)
        removed = super().intersect(name, others, weighing)
        if apart is not None:
            self._ledgers[name] = apart
        return removed


@caught_by("test_what_is_removed_begins_anew")
class SubtractsAndRemembersAttempts(MemoryBackend):
    def subtract(self, name: str, others: Sequence[str]) -> int:
        ledger = self._ledgers.get(name)
        attempts = dict(ledger.attempts) if ledger else {}
        removed = super().subtract(name, others)
        if ledger:
            ledger.attempts.update(attempts)
        return removed


@caught_by("test_attempts_of_what_stays_are_kept")
class ForgetsAllAttempts(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        if name in self._ledgers:
            self._ledgers[name].attempts.clear()
        return super().intersect(name, others, weighing)


@caught_by("test_others_are_what_waits_in_them")
class SubtractsWhatIsClaimedElsewhere(MemoryBackend):
    def subtract(self, name: str, others: Sequence[str]) -> int:
        ledgers = [self._ledgers[other] for other in others if other in self._ledgers]
        claimed = [member for ledger in ledgers for member in ledger.records]
        return self.remove(name, claimed) + super().subtract(name, others)


@caught_by(
    "test_a_weighed_union", "test_a_weighed_intersection", "test_a_set_is_weighed_with_itself"
)
class IgnoresWeights(MemoryBackend):
    def _weigh(
        self, name: str, others: Sequence[str], weighing: Weighing, *, common: bool
    ) -> dict[bytes, float]:
        weighing = weighing._replace(weights=(1.0,) * (len(others) + 1))
        return super()._weigh(name, others, weighing, common=common)


@caught_by("test_a_weighed_union", "test_a_weighed_intersection")
class WeighsTheOthersAlone(MemoryBackend):
    def _weigh(
        self, name: str, others: Sequence[str], weighing: Weighing, *, common: bool
    ) -> dict[bytes, float]:
        weighing = weighing._replace(weights=(1.0, *weighing.weights[1:]))
        return super()._weigh(name, others, weighing, common=common)


@caught_by("test_a_weighed_union", "test_a_weighed_intersection")
class AlwaysAddsUp(MemoryBackend):
    def _weigh(
        self, name: str, others: Sequence[str], weighing: Weighing, *, common: bool
    ) -> dict[bytes, float]:
        weighing = weighing._replace(aggregate=Aggregate.SUM)
        return super()._weigh(name, others, weighing, common=common)


@caught_by("test_scores_add_up_in_the_order_of_the_sets")
class AddsUpFromTheSmallestSet(MemoryBackend):
    def _weigh(
        self, name: str, others: Sequence[str], weighing: Weighing, *, common: bool
    ) -> dict[bytes, float]:
        own, *weights = weighing.weights
        sizes = [len(self._scores(other)) for other in others]
        ordered = sorted(zip(sizes, others, weights, strict=True))
        weighing = weighing._replace(weights=(own, *(weight for _, _, weight in ordered)))
        return super()._weigh(name, [other for _, other, _ in ordered], weighing, common=common)


@caught_by("test_what_is_not_a_number_counts_as_zero")
class StoresWhatIsNoNumber(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        removed = super().intersect(name, others, weighing)
        if weighing is not None and 0.0 in weighing.weights:
            for member in self._scores(name):
                self.add(name, [(member, math.nan)], Merge.REPLACE)
        return removed


@caught_by("test_a_score_that_is_aggregated_ends_a_wait")
class AggregatesInSilence(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        waiters = self._waiters.pop(name, [])
        removed = super().intersect(name, others, weighing)
        self._waiters[name] += waiters
        return removed


# Comparing


@caught_by("test_is_disjoint", "test_many_are_compared")
class AlwaysDisjoint(MemoryBackend):
    def is_disjoint(self, name: str, other: str) -> bool:
        return name != other


@caught_by("test_is_subset")
class IsSubsetOfTheSmaller(MemoryBackend):
    def is_subset(self, name: str, other: str) -> bool:
        return super().is_subset(name, other) or super().is_subset(other, name)


@caught_by("test_is_subset")
class ComparesScores(MemoryBackend):
    def is_subset(self, name: str, other: str) -> bool:
        return self._scores(name).items() <= self._scores(other).items()


@caught_by("test_many_are_compared")
class ComparesTheFirstThousand(MemoryBackend):
    def is_subset(self, name: str, other: str) -> bool:
        first = [member for member, _ in self.slice(name, 0, 999)]
        return None not in self.scores(other, first)


# Moving


@caught_by("test_move", "test_pop_into")
class MovesACopy(MemoryBackend):
    def _move(self, name: str, entry: Entry, target: str, merge: Merge) -> None:
        self._add(target, [entry], merge)


@caught_by("test_move", "test_pop_into")
class LosesWhatMovesNowhere(MemoryBackend):
    def _move(self, name: str, entry: Entry, target: str, merge: Merge) -> None:
        self._add(target, [entry], merge)
        self._take_out(name, entry[0])


@caught_by("test_scores_of_what_moves_merge")
class MovesIgnoringMerge(MemoryBackend):
    def _move(self, name: str, entry: Entry, target: str, merge: Merge) -> None:
        super()._move(name, entry, target, Merge.REPLACE)


@caught_by("test_what_is_claimed_or_apart_does_not_move")
class MovesWhatIsParked(MemoryBackend):
    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        ledger = self._ledgers.get(name)
        if ledger and member in ledger.parked:
            self.add(name, [(member, ledger.parked.pop(member))], Merge.KEEP)
        return super().move(name, member, target, merge)


@caught_by("test_what_is_due_moves")
class MovesWhatIsNotDue(MemoryBackend):
    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        return super().pop_into(name, target, merge, expected=expected)


@caught_by("test_only_what_is_expected_moves")
class MovesWhatIsNotExpected(MemoryBackend):
    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        first = next((member for member, _ in self.range(name, -math.inf, high)), expected)
        return super().pop_into(name, target, merge, high=high, expected=first)


@caught_by("test_what_moves_ends_a_wait")
class MovesInSilence(MemoryBackend):
    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        waiters = self._waiters.pop(target, [])
        moved = super().move(name, member, target, merge)
        self._waiters[target] += waiters
        return moved


@caught_by("test_a_member_moves_once")
class MovesInTwoSteps(MemoryBackend):
    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        (score,) = self.scores(name, [member])
        time.sleep(0)
        if score is not None:
            self.add(target, [(member, score)], merge)
            self.remove(name, [member])
        return score is not None


# Taking from the first of some sets


@caught_by("test_the_first_set_that_has_one")
class PopsTheLowestOfAll(MemoryBackend):
    def pop_first_of(self, sources: Sequence[tuple[str, Bound]]) -> tuple[int, Entry] | None:
        firsts = [self._first(name, high) for name, high in sources]
        found = [(entry[1], place) for place, entry in enumerate(firsts) if entry]
        if not found:
            return None
        place = min(found)[1]
        (entry,) = self.pop(sources[place][0], 1)
        return place, entry


@caught_by("test_each_set_has_its_bound")
class HasOneBoundForAll(MemoryBackend):
    def pop_first_of(self, sources: Sequence[tuple[str, Bound]]) -> tuple[int, Entry] | None:
        high = sources[0][1]
        return super().pop_first_of([(name, high) for name, _ in sources])


@caught_by("test_an_add_to_any_ends_a_wait", "test_an_add_to_any_ends_a_wait_at_once")
class WaitsForTheFirstAlone(MemoryBackend):
    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        found = self.pop_first_of(sources)
        return found or super().pop_any(sources[:1], timeout)


@caught_by("test_an_add_to_any_ends_a_wait_at_once")
class LooksNowAndThen(MemoryBackend):
    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        deadline = self.deadline(timeout)
        while not (found := self.pop_first_of(sources)) and not self.is_over(deadline):
            time.sleep(0.35)
        return found


@caught_by("test_a_due_time_in_any_ends_a_wait")
class WaitsForDueTimesOfTheFirst(MemoryBackend):
    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        due = [sources[0], *((name, high) for name, high in sources[1:] if high is not NOW)]
        return self.pop_first_of(sources) or super().pop_any(due, timeout)


@caught_by("test_a_wait_for_any_is_over_in_time")
class WaitsForAnyForEver(MemoryBackend):
    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        return super().pop_any(sources, timeout and timeout * 3)


@caught_by("test_of_any_a_member_is_popped_by_one")
class PopsAnyInTwoSteps(MemoryBackend):
    def pop_first_of(self, sources: Sequence[tuple[str, Bound]]) -> tuple[int, Entry] | None:
        for place, (name, high) in enumerate(sources):
            for entry in self.range(name, -math.inf, high, count=1):
                time.sleep(0)
                self.remove(name, [entry[0]])
                return place, entry
        return None


# Renaming


@caught_by("test_all_of_a_set_is_renamed", "test_what_does_not_wait_is_renamed_all_the_same")
class RenamesTheSetAlone(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        apart = [(part, part.pop(name, None)) for part in _apart(self)]
        is_done = super().rename(name, target, replace=replace)
        for part, held in apart:
            if held is not None:
                part[name] = held
        return is_done


@caught_by("test_what_has_the_name_is_not_replaced_unasked")
class AlwaysReplaces(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        return super().rename(name, target, replace=True)


@caught_by("test_what_has_the_name_is_not_replaced_unasked")
class SeesWhatWaitsAlone(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        return super().rename(name, target, replace=replace or not self.length(target))


@caught_by("test_what_is_replaced_is_gone")
class ReplacesTheSetAlone(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        kept = [(part, part[target]) for part in _apart(self) if target in part]
        is_done = super().rename(name, target, replace=replace)
        for part, held in kept:
            part.setdefault(target, held)
        return is_done


@caught_by("test_nothing_is_not_renamed")
class ReplacesByNothing(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        is_done = super().rename(name, target, replace=replace)
        if is_done is None and replace:
            self.clear(target)
        return is_done


@caught_by("test_tokens_rise_under_either_name")
class CountsTokensAnew(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        self._next_token -= 10**9
        self._clock.set(self._clock.time() - 1.0)  # type: ignore[attr-defined]  # a ManualClock
        return super().rename(name, target, replace=replace)


@caught_by("test_a_lock_stays_with_its_name")
class RenamesTheLock(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        done = super().rename(name, target, replace=replace)
        if done and name in self._locks:
            self._locks[target] = self._locks.pop(name)
        return done


@caught_by("test_a_lock_stays_with_its_name")
class ReplacesTheLock(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        self._locks.pop(target, None)
        return super().rename(name, target, replace=replace)


@caught_by("test_a_name_is_taken_by_one")
class LooksAndThenRenames(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        is_free = not self._is_there(target)
        time.sleep(0)
        return super().rename(name, target, replace=replace or is_free)


@caught_by("test_a_new_name_ends_a_wait")
class RenamesInSilence(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        waiters = self._waiters.pop(target, [])
        is_done = super().rename(name, target, replace=replace)
        self._waiters[target] += waiters
        return is_done


# Ends


@caught_by("test_all_of_a_set_goes_at_a_time", "test_a_time_that_has_come")
class EndsTheSetAlone(MemoryBackend):
    def expire(self, name: str, when: float | None) -> bool:
        was_there = super().expire(name, when)
        self._ends = [end for end in self._ends if end.part is self._sets]
        return was_there

    def _drop_what_ended(self) -> None:
        kept = [dict(part) for part in _apart(self)]
        super()._drop_what_ended()
        for part, held in zip(_apart(self), kept, strict=True):
            part.update(held)


@caught_by("test_all_of_a_set_goes_at_a_time", "test_the_last_end_that_was_given")
class NeverEnds(MemoryBackend):
    def expire(self, name: str, when: float | None) -> bool:
        return super().expire(name, when and when + 1e6)


@caught_by("test_the_present_is_a_time_that_has_come")
class EndsLate(MemoryBackend):
    def expire(self, name: str, when: float | None) -> bool:
        return super().expire(name, None if when is None else when + 0.1)


@caught_by("test_a_set_may_stay_after_all")
class EndsAllTheSame(MemoryBackend):
    def expire(self, name: str, when: float | None) -> bool:
        if when is not None:
            return super().expire(name, when)
        return any(end.name == name for end in self._ends)


@caught_by("test_the_last_end_that_was_given")
class KeepsTheFirstEnd(MemoryBackend):
    def expire(self, name: str, when: float | None) -> bool:
        if when is not None and any(end.name == name for end in self._ends):
            return self._is_there(name)
        return super().expire(name, when)


@caught_by("test_a_set_that_is_emptied_forgets_its_end")
class EndsByName(MemoryBackend):
    def _drop_what_ended(self) -> None:
        now = self._clock.time()
        for end in self._ends:
            if end.when <= now:
                end.part.pop(end.name, None)
        self._ends = [end for end in self._ends if end.when > now]
        self._guard = _EndingGuard(self._plain_guard, self._drop_what_ended)


@caught_by("test_what_a_set_is_combined_with_does_not_put_off_its_end")
class CombinedSetsStay(MemoryBackend):
    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        new = super().union(name, others, merge)
        self.expire(name, None)
        return new


@caught_by("test_an_end_goes_with_the_name")
class LeavesTheEndBehind(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        ends = self._ends
        is_done = super().rename(name, target, replace=replace)
        self._ends = ends
        return is_done


@caught_by("test_ends_of_sets_are_apart")
class EndsTogether(MemoryBackend):
    def _drop_what_ended(self) -> None:
        first = min((end.when for end in self._ends), default=0.0)
        self._ends = [end._replace(when=first) for end in self._ends]
        super()._drop_what_ended()


def _apart(backend: MemoryBackend) -> tuple[dict[str, Any], ...]:
    return (backend._dead, backend._ledgers)  # noqa: SLF001  (there is no other way in)
