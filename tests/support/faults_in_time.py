"""Backends that are broken in time: what is due, who waits, who comes in between."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redset.backends import MemoryBackend
from redset.interfaces import NOW, Merge
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Bound, Entry


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


@caught_by("test_the_present_is_due")
class LivesUntilItIsPast(MemoryBackend):
    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        before, now = self.scores(name, [member for member, _ in entries]), self._clock.time()
        unseen = super().remember(name, entries, merge)
        return [each and score != now for each, score in zip(unseen, before, strict=True)]


@caught_by("test_the_present_is_due")
class GivesWhatHasLived(MemoryBackend):
    def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        return super().entries(name, members, low=self._resolve(low))


# Waiting


@caught_by("test_a_wait_does_not_spin")
class Spins(MemoryBackend):
    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        deadline = self.deadline(timeout)
        while not (found := self.pop(name, count, high=high)) and not self.is_over(deadline):
            pass
        return found


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
class FailsWhenTimeIsUp(MemoryBackend):
    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        entries = super().wait_pop(name, count, timeout, high=high)
        if not entries:
            raise TimeoutError
        return entries


@caught_by("test_a_wait_lasts_as_long_as_asked")
class WaitsHalfTheTime(MemoryBackend):
    def deadline(self, timeout: float | None) -> float | None:
        return super().deadline(timeout and timeout / 2)


@caught_by("test_a_wait_lasts_as_long_as_asked")
class WaitsTwiceTheTime(MemoryBackend):
    def deadline(self, timeout: float | None) -> float | None:
        return super().deadline(timeout and timeout * 2)


@caught_by("test_a_member_that_is_brought_forward_ends_a_wait")
class WakesForNewMembersOnly(MemoryBackend):
    def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        waiters = self._waiters.pop(name, [])
        new, now = super().schedule(name, entries, merge)
        self._waiters[name] = waiters
        if new:
            self._wake(name)
        return new, now


@caught_by("test_an_increment_and_a_union_end_a_wait")
class IncrementsInSilence(MemoryBackend):
    def increment(self, name: str, member: bytes, by: float) -> float:
        waiters = self._waiters.pop(name, [])
        score = super().increment(name, member, by)
        self._waiters[name] = waiters
        return score


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


# Locks


@caught_by("test_lock_is_held_by_one", "test_clear_leaves_a_held_lock")
class LocksNothing(MemoryBackend):
    @contextmanager
    def lock(self, name: str, timeout: float | None, expires: float) -> Generator[None, None, None]:
        yield


@caught_by("test_lock_expires")
class LocksForEver(MemoryBackend):
    def acquire_lock(
        self, name: str, token: object, expires: float, deadline: float | None
    ) -> bool:
        return super().acquire_lock(name, token, math.inf, deadline)


@caught_by("test_an_expired_lock_is_not_given_back_by_its_late_holder")
class GivesBackWhatIsAnothers(MemoryBackend):
    def release_lock(self, name: str, token: object) -> None:
        self._locks.pop(name, None)


@caught_by("test_lock_is_given_back_after_an_error")
class StaysLockedAfterAnError(MemoryBackend):
    @contextmanager
    def lock(self, name: str, timeout: float | None, expires: float) -> Generator[None, None, None]:
        token = object()
        self.acquire_lock(name, token, expires, self.deadline(0.0))
        yield
        self.release_lock(name, token)


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
    def acquire_lock(
        self, name: str, token: object, expires: float, deadline: float | None
    ) -> bool:
        now = self._clock.monotonic()
        with self._guard:
            _, free = self._locks.get(name, (None, now))
        if free > now:
            return super().acquire_lock(name, token, expires, deadline)
        time.sleep(0)
        with self._guard:
            self._locks[name] = (token, now + expires)
        return True


@caught_by("test_the_clock_of_timeouts_moves_on")
class StandsStill(MemoryBackend):
    def monotonic(self) -> float:
        return 0.0
