"""Backends that are broken, each in one way, with the checks of the kit that tell."""

from __future__ import annotations

import dataclasses
import math
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.interfaces import NOW, DeadLetter, Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from redset.interfaces import Bound, Entry

__all__ = ["FAULTS"]

FAULTS: dict[type[MemoryBackend], tuple[str, ...]] = {}


def caught_by(*checks: str) -> Callable[[type[MemoryBackend]], type[MemoryBackend]]:
    """Note which checks are to fail for a backend."""

    def note(fault: type[MemoryBackend]) -> type[MemoryBackend]:
        FAULTS[fault] = checks
        return fault

    return note


# Order


@caught_by("test_ties_are_ordered_by_bytes", "test_slice_is_that_of_a_list")
class TiesInOrderOfArrival(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        entries = list(self._sets[name].scores.items()) if name in self._sets else []
        entries.sort(key=lambda entry: entry[1], reverse=reverse)
        return entries[start : stop + 1 or None]


@caught_by("test_ties_are_ordered_by_bytes")
class TiesByText(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        entries = super().slice(name, 0, -1)
        entries.sort(key=lambda entry: (entry[1], repr(entry[0])), reverse=reverse)
        return entries[start : stop + 1 or None]


@caught_by("test_pop_reverse_takes_the_last")
class PopsTheLastFirstOneFirst(MemoryBackend):
    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        return sorted(super().pop(name, count, high=high, reverse=reverse))


# Bounds and positions


@caught_by("test_slice_is_that_of_a_list", "test_ties_are_ordered_by_bytes")
class SlicesOneTooFew(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        return super().slice(name, start, stop, reverse=reverse)[:-1]


@caught_by("test_range_after_a_place", "test_pages_give_everything_once")
class RangesFromAPlaceOn(MemoryBackend):
    def range(self, name: str, low: Bound, high: Bound, **options: Any) -> list[Entry]:
        entries = super().range(name, low, high, **options)
        after = options.get("after")
        there = after is not None and after in super().range(name, low, high)
        return [after, *entries][: options.get("count")] if there else entries


@caught_by("test_range_by_score", "test_range_after_a_place")
class RangesCountWhatTheySkip(MemoryBackend):
    def range(self, name: str, low: Bound, high: Bound, **options: Any) -> list[Entry]:
        count, offset = options.pop("count", None), options.pop("offset", 0)
        return super().range(name, low, high, **options)[:count][offset:]


@caught_by("test_count_includes_both_bounds")
class CountsWithoutTheUpperBound(MemoryBackend):
    def count(self, name: str, low: Bound, high: Bound) -> int:
        at = 0 if high is NOW else super().count(name, high, high)
        return max(super().count(name, low, high) - at, 0)


@caught_by("test_the_present_is_due")
class CountsThePresentOnBothSides(MemoryBackend):
    def count(self, name: str, low: Bound, high: Bound) -> int:
        return super().count(name, self._resolve(low), high)


@caught_by("test_remove_range", "test_now_divides_a_range")
class RemovesWithoutLimit(MemoryBackend):
    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        return super().remove_range(name, low, high)


@caught_by("test_rank_and_length")
class RanksFromOne(MemoryBackend):
    def rank(self, name: str, member: bytes) -> int | None:
        rank = super().rank(name, member)
        return None if rank is None else rank + 1


# What is written


@caught_by("test_merge_rules")
class IgnoresMerge(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name, entries, Merge.REPLACE)


@caught_by("test_members_and_scores_come_back_as_they_were")
class KeepsSixDigits(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        rounded = [(member, float(f"{score + 1e-9:.6g}")) for member, score in entries]
        return super().add(name, rounded, merge)


@caught_by("test_members_and_scores_come_back_as_they_were", "test_ties_are_ordered_by_bytes")
class TakesMembersForText(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        text = [(member.decode(errors="replace").encode(), score) for member, score in entries]
        return super().add(name, text, merge)


@caught_by("test_members_and_scores_come_back_as_they_were", "test_rank_and_length")
class StripsMembers(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name, [(member.strip(b"\n\x00"), s) for member, s in entries], merge)


@caught_by("test_add_tells_how_many_were_new", "test_merge_rules")
class CountsWhatIsGiven(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        super().add(name, entries, merge)
        return len(entries)


@caught_by("test_remove", "test_remove_counts_from_a_bound")
class CountsWhatIsNotThere(MemoryBackend):
    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        super().remove(name, members)
        return len(members)


@caught_by("test_union")
class UnitesIgnoringMerge(MemoryBackend):
    def union(self, name: str, others: Sequence[str], merge: Merge) -> int:
        return super().union(name, others, Merge.KEEP)


@caught_by("test_union")
class UnitesWithWhatWasThere(MemoryBackend):
    def union(self, name: str, others: Sequence[str], merge: Merge) -> int:
        found = [self.slice(other, 0, -1) for other in others]
        return sum(self.add(name, entries, merge) for entries in found)


@caught_by("test_intersect")
class KeepsWhatIsInAnyOther(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str]) -> int:
        members = {member for other in others for member, _ in self.slice(other, 0, -1)}
        gone = [member for member, _ in self.slice(name, 0, -1) if member not in members]
        return self.remove(name, gone) if others else 0


@caught_by("test_sets_are_apart")
class NamesUpToAColon(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name.partition(":")[0], entries, merge)

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return super().scores(name.partition(":")[0], members)


@caught_by("test_sample")
class DrawsTwice(MemoryBackend):
    def sample(self, name: str, count: int) -> list[Entry]:
        entries = self.slice(name, 0, -1)
        return random.choices(entries, k=min(count, len(entries))) if entries else []


@caught_by("test_clear_drops_dead_letters")
class ClearsTheSetAlone(MemoryBackend):
    def clear(self, name: str) -> bool:
        return self._sets.pop(name, None) is not None


# Time


@caught_by("test_pop_of_what_is_due", "test_time_makes_due")
class PopsWhatIsNotDue(MemoryBackend):
    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        return super().pop(name, count, reverse=reverse)


@caught_by("test_time_makes_due", "test_remember")
class JudgesByTheWrongClock(MemoryBackend):
    def _resolve(self, bound: Bound) -> float:
        return time.time() if bound is NOW else bound


@caught_by("test_remember", "test_lifetimes_merge", "test_expired_members_are_swept")
class RemembersForEver(MemoryBackend):
    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        return super().remember(name, [(member, math.inf) for member, _ in entries], merge)


@caught_by("test_expired_members_do_not_merge")
class MergesWithTheExpired(MemoryBackend):
    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        now = self._clock.time()
        return [self.add(name, [(member, now + life)], merge) > 0 for member, life in entries]


@caught_by("test_expired_members_are_swept")
class NeverSweeps(MemoryBackend):
    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        lives = self.lifetimes(name, [member for member, _ in entries])
        past = self.range(name, -math.inf, NOW)
        unseen = super().remember(name, entries, merge)
        self.add(name, past, Merge.KEEP)
        return unseen if len(set(entries)) < len(entries) else [life is None for life in lives]


@caught_by("test_lifetimes_merge", "test_expired_members_do_not_merge")
class TellsTheTimeOfExpiry(MemoryBackend):
    def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return self.scores(name, members)


# Waiting


@caught_by("test_an_add_ends_a_wait", "test_a_plain_add_ends_a_wait_for_due_members")
class SleepsThroughWakeUps(MemoryBackend):
    def _wake(self, name: str) -> None:
        pass


@caught_by("test_no_wake_up_is_lost")
class LooksAndThenListens(MemoryBackend):
    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        found = self.pop(name, count, high=high)
        time.sleep(0.005)
        event = threading.Event()
        with self.waiting(name, event.set):
            if not found:
                event.wait(timeout)
        return found or self.pop(name, count, high=high)


@caught_by("test_a_redriven_member_ends_a_wait")
class RedrivesInSilence(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        waiters = self._waiters.pop(name, [])
        moved = super().redrive(name, members, merge)
        self._waiters[name] = waiters
        return moved


@caught_by("test_an_add_ends_a_wait", "test_due_time_ends_a_wait")
class DoesNotWait(MemoryBackend):
    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        return self.pop(name, count, high=high)


@caught_by("test_wait_is_over_in_time", "test_time_ends_a_wait")
class WaitsForEver(MemoryBackend):
    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        return super().wait_pop(name, count, None, high=high)


@caught_by("test_due_time_ends_a_wait", "test_time_ends_a_wait")
class SleepsThroughDueTimes(MemoryBackend):
    def _wake_all(self) -> None:
        pass


# Dead letters


@caught_by("test_dead_letters_keep_everything", "test_the_oldest_are_dropped")
class LosesDeadLetters(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        return 0


@caught_by("test_the_oldest_are_dropped")
class DropsInSilence(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        super().bury(name, letters, limit)
        return 0


@caught_by("test_the_oldest_are_dropped")
class RefusesTheNewest(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        kept = max(limit - self.dead_count(name), 0)
        super().bury(name, letters[:kept], limit)
        return len(letters[kept:])


@caught_by("test_dead_letters_are_listed_oldest_first")
class ListsDeadLettersByName(MemoryBackend):
    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        letters = sorted(self._dead.get(name, {}).values(), key=lambda letter: letter.raw)
        return letters[offset : offset + count]


@caught_by("test_dead_letters_keep_everything")
class KeepsOneLineOfTheReason(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        short = [
            dataclasses.replace(letter, reason=letter.reason.partition("\n")[0])
            for letter in letters
        ]
        return super().bury(name, short, limit)


@caught_by("test_burying_leaves_the_set_as_it_is")
class BuriesOutOfTheSet(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        self.remove(name, [letter.raw for letter in letters])
        return super().bury(name, letters, limit)


@caught_by("test_redrive_merges")
class RedrivesIgnoringMerge(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        return super().redrive(name, members, Merge.REPLACE)


@caught_by("test_redrive")
class RedrivesACopy(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        dead = dict(self._dead.get(name, {}))
        moved = super().redrive(name, members, merge)
        self._dead[name] = dead
        return moved


# Locks


@caught_by("test_lock_is_held_by_one", "test_clear_leaves_a_held_lock")
class LocksNothing(MemoryBackend):
    @contextmanager
    def lock(self, name: str, timeout: float | None, expires: float) -> Generator[None, None, None]:
        yield


@caught_by("test_lock_expires")
class LocksForEver(MemoryBackend):
    def acquire(self, name: str, token: object, expires: float, deadline: float | None) -> bool:
        return super().acquire(name, token, math.inf, deadline)


@caught_by("test_lock_is_given_back_after_an_error")
class StaysLockedAfterAnError(MemoryBackend):
    @contextmanager
    def lock(self, name: str, timeout: float | None, expires: float) -> Generator[None, None, None]:
        token = object()
        self.acquire(name, token, expires, self.deadline(0.0))
        yield
        self.release(name, token)


@caught_by("test_wait_for_the_lock_is_over_in_time")
class WaitsForTheLockForEver(MemoryBackend):
    def deadline(self, timeout: float | None) -> float | None:
        return None


@caught_by("test_clear_leaves_a_held_lock")
class ClearsTheLock(MemoryBackend):
    def clear(self, name: str) -> bool:
        self._locks.pop(name, None)
        return super().clear(name)


# One step in two: others come in between, at the latest when a thread gives up its turn


@caught_by("test_a_member_is_new_to_one")
class AddsInTwoSteps(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        known = self.scores(name, [member for member, _ in entries])
        time.sleep(0)
        super().add(name, entries, merge)
        return known.count(None)


@caught_by("test_an_unseen_member_is_unseen_to_one")
class RemembersInTwoSteps(MemoryBackend):
    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        lives = self.lifetimes(name, [member for member, _ in entries])
        time.sleep(0)
        super().remember(name, entries, merge)
        return [life is None for life in lives]


@caught_by("test_a_member_is_popped_by_one", "test_both_ends_are_popped_by_one")
class PopsInTwoSteps(MemoryBackend):
    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        found = self.range(name, -math.inf, high, count=count, reverse=reverse)
        time.sleep(0)
        self.remove(name, [member for member, _ in found])
        return found


@caught_by("test_increments_add_up")
class IncrementsInTwoSteps(MemoryBackend):
    def increment(self, name: str, member: bytes, by: float) -> float:
        score = (self.scores(name, [member])[0] or 0.0) + by
        time.sleep(0)
        self.add(name, [(member, score)], Merge.REPLACE)
        return score


@caught_by("test_a_dead_letter_is_redriven_by_one")
class RedrivesInTwoSteps(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        letters = [letter for letter in self.dead(name, 0, 1000) if letter.raw in members]
        time.sleep(0)
        self.forget(name, members)
        self.add(name, [(letter.raw, letter.score) for letter in letters], merge)
        return len(letters)


@caught_by("test_the_lock_excludes")
class LooksAndThenLocks(MemoryBackend):
    def acquire(self, name: str, token: object, expires: float, deadline: float | None) -> bool:
        now = self._clock.monotonic()
        with self._guard:
            _, free = self._locks.get(name, (None, now))
        if free > now:
            return super().acquire(name, token, expires, deadline)
        time.sleep(0)
        with self._guard:
            self._locks[name] = (token, now + expires)
        return True
