"""Backends whose waits for a claim are broken: they sleep on, give up, forget what they did."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.backends.memory._ledger import Ledger
from redset.interfaces import Claimed
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Hold, Merge, Terms


@contextmanager
def _nobody_waiting(backend: MemoryBackend, name: str) -> Generator[None, None, None]:
    waiters = backend._waiters.pop(name, [])  # noqa: SLF001  (there is no other way in)
    try:
        yield
    finally:
        backend._waiters[name] += waiters  # noqa: SLF001  (there is no other way in)


@caught_by("test_a_parked_copy_ends_a_wait")
class AcknowledgesInSilence(MemoryBackend):
    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        with _nobody_waiting(self, name):
            return super().acknowledge(name, holds, merge)


@caught_by("test_a_parked_copy_ends_a_wait")
class RejectsInSilence(MemoryBackend):
    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        with _nobody_waiting(self, name):
            return super().reject(name, rejected, merge, limit)


@caught_by("test_the_end_of_a_claim_ends_a_wait")
class ReleasesInSilence(MemoryBackend):
    def release(self, name: str, hold: Hold, merge: Merge, **options: Any) -> bool:
        with _nobody_waiting(self, name):
            return super().release(name, hold, merge, **options)


@caught_by("test_what_a_claim_brings_back_for_others_ends_their_wait")
class ClaimsInSilence(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        with _nobody_waiting(self, name):
            return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by(
    "test_a_lease_that_runs_out_ends_a_wait",
    "test_a_lease_that_is_shortened_ends_a_wait",
    "test_the_end_of_a_delay_ends_a_wait",
)
class WaitsForTheSetAlone(MemoryBackend):
    def claim_later(self, name: str, count: int, terms: Terms, before: Claimed) -> Claimed:
        found = self.count(name, -math.inf, terms.high)
        return super().claim_later(name, count, terms, before) if found else before


@caught_by("test_due_time_ends_a_wait_for_a_claim", "test_a_wait_for_a_claim_is_over_in_time")
class SleepsThroughTime(MemoryBackend):
    def _wake_all(self) -> None:
        pass


@caught_by(
    "test_an_add_ends_a_wait_for_a_claim",
    "test_whatever_adds_ends_a_wait_for_a_claim",
    "test_an_earlier_member_ends_a_wait_for_the_claim_of_a_later_one",
    "test_each_of_many_who_wait_claims_one",
)
class WaitsForTimeAlone(MemoryBackend):
    def _wake(self, name: str) -> None:
        pass


@caught_by("test_each_of_many_who_wait_claims_one")
class WakesOneWaiter(MemoryBackend):
    def _wake(self, name: str) -> None:
        for wake in self._waiters.get(name, ())[:1]:
            wake()


@caught_by("test_a_claim_does_not_wait_if_there_is_something")
class WaitsWithoutALook(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        event = threading.Event()
        with self.waiting(name, event.set):
            event.wait(timeout)
        return self.claim(name, count, terms, **options)


@caught_by("test_an_add_ends_a_wait_for_a_claim", "test_a_wait_for_a_claim_lasts_as_long_as_asked")
class ClaimsWithoutWaiting(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        return self.claim(name, count, terms, **options)


@caught_by("test_a_wait_for_a_claim_lasts_as_long_as_asked")
class WaitsForAClaimTwiceTheTime(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        return super().wait_claim(name, count, terms, timeout and timeout * 2, **options)


@caught_by("test_a_wait_looks_behind_what_is_held")
class LooksAtAHundred(MemoryBackend):
    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        claims = self._ledgers.get(name, Ledger()).claims.scores
        held = [member for member, _ in self.slice(name, 0, 99) if member in claims]
        if len(held) == 100:
            return Claimed([], [], 0)
        return super().claim(name, count, terms, acknowledge=acknowledge)


@caught_by("test_no_wake_up_of_a_claim_is_lost")
class ClaimsAndThenListens(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        claimed = self.claim(name, count, terms, **options)
        time.sleep(0.005)
        event = threading.Event()
        with self.waiting(name, event.set):
            if not claimed.leases:
                event.wait(timeout)
        return claimed if claimed.leases else self.claim_later(name, count, terms, claimed)


@caught_by("test_a_wait_acknowledges_at_once")
class AcknowledgesAfterTheWait(MemoryBackend):
    def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        claimed = super().wait_claim(name, count, terms, timeout)
        return claimed._replace(acknowledged=self.acknowledge(name, acknowledge, terms.merge))


@caught_by("test_a_wait_acknowledges_at_once")
class ForgetsWhatWasAcknowledged(MemoryBackend):
    def claim_later(self, name: str, count: int, terms: Terms, before: Claimed) -> Claimed:
        return super().claim_later(name, count, terms, before)._replace(acknowledged=[])


@caught_by("test_a_wait_tells_what_was_dropped")
class ForgetsWhatWasDropped(MemoryBackend):
    def claim_later(self, name: str, count: int, terms: Terms, before: Claimed) -> Claimed:
        return super().claim_later(name, count, terms, before._replace(dropped=0))


@caught_by("test_who_waits_for_a_claim_is_woken_soon", "test_who_waits_for_a_time_wakes_up_soon")
class LooksNowAndThen(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        claimed = self.claim(name, count, terms, **options)
        deadline = self.deadline(timeout)
        while not claimed.leases and not self.is_over(deadline):
            time.sleep(0.4)
            claimed = self.claim_later(name, count, terms, claimed)
        return claimed


@caught_by("test_a_wait_for_a_claim_does_not_spin")
class SpinsForClaims(MemoryBackend):
    def wait_claim(
        self, name: str, count: int, terms: Terms, timeout: float | None, **options: Any
    ) -> Claimed:
        claimed = self.claim(name, count, terms, **options)
        deadline = self.deadline(timeout)
        while not claimed.leases and not self.is_over(deadline):
            claimed = self.claim_later(name, count, terms, claimed)
        return claimed
