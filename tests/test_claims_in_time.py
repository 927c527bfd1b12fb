"""Leases, rests and due times, by a clock that is moved by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from redset import Merge, Retry
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import EmptySetError, LeaseLost
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeSet = Callable[..., Any]

START = 1000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(params=["blocking", "asyncio"])
def make(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[MakeSet]:
    """Give a function that makes sets in a store with the manual clock."""
    if request.param == "blocking":
        store = MemoryBackend(clock=clock)
        yield lambda kind="SortedSet", **options: make_set(store, kind, "jobs", **options)
    else:
        with blocking(lambda: AsyncMemoryBackend(clock=clock)) as backend:
            yield lambda kind="SortedSet", **options: make_set(backend, kind, "jobs", **options)


def work_badly(s: Any) -> None:
    """Claim an item, and fail."""
    with s.claim():
        message = "broken"
        raise ValueError(message)


class TestLeases:
    def test_a_lease_lasts_as_long_as_it_says(self, make: MakeSet, clock: ManualClock) -> None:
        s = make()
        s.add("a", 5)
        claim = s.claim(lease=60)
        assert claim.deadline == START + 60
        clock.advance(59)
        assert s.claims(1) == []
        assert claim.extend() == clock.time() + 60
        clock.advance(59)
        assert s.claims(1) == []
        clock.advance(1)
        again = s.claim(lease=60)
        assert (again.score, again.attempt) == (5.0, 2)
        with pytest.raises(LeaseLost):
            claim.ack()

    def test_the_default_is_a_minute(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c"])
        claims = [s.claim(), *s.claims(1), next(s.consume())]
        assert [claim.deadline for claim in claims] == [START + 60] * 3

    def test_who_comes_late_still_holds_it_if_nobody_came(
        self, make: MakeSet, clock: ManualClock
    ) -> None:
        s = make()
        s.add("a")
        claim = s.claim(lease=60)
        clock.advance(1000)
        assert s.stats().claimed == 1
        claim.ack()
        assert s.claims(1) == []

    def test_they_come_back_in_batches(self, make: MakeSet, clock: ManualClock) -> None:
        s = make()
        s.update(map(str, range(250)))
        assert len(s.claims(250, lease=60)) == 250
        clock.advance(60)
        sizes = []
        while claims := s.claims(1000, lease=60):
            assert {claim.attempt for claim in claims} == {2}
            sizes.append(len(claims))
        assert sum(sizes) == 250
        assert max(sizes) <= 100

    def test_the_last_lease_to_run_out_makes_a_dead_letter(
        self, make: MakeSet, clock: ManualClock
    ) -> None:
        s = make(retry=Retry(max_attempts=2))
        s.add("a", 5)
        for _ in range(2):
            assert s.claim(lease=60).item == "a"
            clock.advance(60)
        assert s.claims(1) == []
        (letter,) = s.dead()
        assert letter.reason == "the lease ran out in attempt 2 of 2"
        assert (letter.score, letter.attempts, letter.time) == (5.0, 2, clock.time())

    def test_dead_letters_of_leases_are_limited_too(
        self, make: MakeSet, clock: ManualClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(retry=Retry(max_attempts=1), dead_limit=2)
        s.update(["a", "b", "c"])
        s.claims(3, lease=60)
        clock.advance(60)
        assert (s.claims(1), s.dead_count()) == ([], 2)
        assert "dropped 1 dead letters of 'jobs'" in caplog.text

    def test_a_lease_that_runs_out_wakes_who_waits(self, make: MakeSet, clock: ManualClock) -> None:
        s = make()
        s.add("a")
        s.claim(lease=60)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(s.claim, timeout=None)
            clock.advance(60)
            assert waiting.result(20).attempt == 2

    def test_a_wait_is_over_by_the_clock(self, make: MakeSet, clock: ManualClock) -> None:
        s = make()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(s.claims, 1, timeout=3600)
            while not waiting.done():
                clock.advance(600)
            assert waiting.result() == []


class TestRetries:
    def test_the_rest_doubles_up_to_the_cap(self, make: MakeSet, clock: ManualClock) -> None:
        s = make(retry=Retry(backoff=2, cap=10, jitter=0))
        s.add("a", 5)
        for attempt, rest in enumerate((2, 4, 8, 10, 10), 1):
            claim = s.claim()
            assert (claim.attempt, claim.score) == (attempt, 5.0)
            claim.nack()
            clock.advance(rest - 0.001)
            with pytest.raises(EmptySetError):
                s.claim()
            clock.advance(0.001)
        assert s.claim().attempt == 6

    def test_a_failed_block_rests_likewise(self, make: MakeSet, clock: ManualClock) -> None:
        s = make(retry=Retry(backoff=2, jitter=0, max_attempts=3))
        s.add("a", 5)
        for rest in (2, 4):
            with pytest.raises(ValueError, match="broken"):
                work_badly(s)
            assert (s.claims(1), s.dead_count()) == ([], 0)
            clock.advance(rest)
        with pytest.raises(ValueError, match="broken"):
            work_badly(s)
        (letter,) = s.dead()
        assert (letter.reason, letter.attempts) == ("ValueError: broken (attempt 3)", 3)
        assert s.redrive() == 1
        claim = s.claim()
        assert (claim.attempt, claim.score) == (1, 5.0)

    def test_a_scheduled_item_is_due_after_its_rest(
        self, make: MakeSet, clock: ManualClock
    ) -> None:
        s = make("ScheduledSet", retry=Retry(backoff=2, jitter=0))
        s.add("a", 5)
        for due in (START + 2, START + 6):
            s.claim().nack()
            assert (s.score("a"), s.available()) == (due, 0)
            clock.set(due)
        claim = s.claim()
        assert (claim.attempt, claim.score) == (3, START + 6)

    def test_a_delay_that_is_given_goes_before(self, make: MakeSet, clock: ManualClock) -> None:
        s = make(retry=Retry(backoff=1000, jitter=0))
        s.add("a")
        s.claim().nack(delay=5)
        clock.advance(5)
        assert s.claim().attempt == 2

    def test_a_nack_in_the_last_attempt_gives_it_up(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=1))
        s.add("a")
        s.claim().nack(delay=5)
        (letter,) = s.dead()
        assert letter.reason == "nack (attempt 1)"

    def test_a_reschedule_begins_anew(self, make: MakeSet, clock: ManualClock) -> None:
        s = make(retry=Retry(max_attempts=2, backoff=1, jitter=0))
        s.add("a")
        for _ in range(5):
            s.claim().nack()
            clock.advance(1)
            claim = s.claim()
            assert claim.attempt == 2
            claim.reschedule(delay=60)
            clock.advance(60)
        assert (s.claim().attempt, s.dead_count()) == (1, 0)

    def test_a_rest_wakes_who_waits(self, make: MakeSet, clock: ManualClock) -> None:
        s = make()
        s.add("a")
        s.claim().nack(delay=60)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(s.claim, timeout=None)
            clock.advance(60)
            assert waiting.result(20).attempt == 2


class TestRetry:
    def test_the_default_never_gives_up(self) -> None:
        retry = Retry()
        assert not retry.is_last(10**9)
        assert 0.9 <= retry.delay(1) <= 1
        assert 270 <= retry.delay(10**9) <= 300

    @pytest.mark.parametrize("jitter", [0.0, 0.25, 1.0])
    def test_jitter_only_shortens(self, jitter: float) -> None:
        retry = Retry(backoff=8, cap=20, jitter=jitter)
        for attempt, longest in ((1, 8), (2, 16), (3, 20), (64, 20)):
            delays = {retry.delay(attempt) for _ in range(200)}
            assert min(delays) >= longest * (1 - jitter)
            assert max(delays) <= longest
            if jitter:
                assert len(delays) > 100
                assert max(delays) - min(delays) > longest * jitter / 2

    def test_no_rest_at_all(self) -> None:
        assert [Retry(backoff=0).delay(attempt) for attempt in (1, 2, 9999)] == [0.0] * 3
        assert Retry(cap=0).delay(1) == 0.0

    def test_attempts_before_the_first_rest_as_after_it(self) -> None:
        assert Retry(backoff=2, jitter=0).delay(0) == 2.0

    def test_the_last_attempt(self) -> None:
        retry = Retry(max_attempts=3)
        assert [retry.is_last(attempt) for attempt in (1, 2, 3, 4)] == [False, False, True, True]

    def test_numbers_of_all_kinds_are_taken(self) -> None:
        odd: Any = (3.0, Decimal("1.5"), Fraction(25, 2), 0)
        retry = Retry(*odd)
        assert retry == Retry(3, 1.5, 12.5, 0.0)
        assert [retry.delay(attempt) for attempt in (1, 2, 9)] == [1.5, 3.0, 12.5]

    def test_it_is_a_value(self) -> None:
        assert Retry(max_attempts=3) == Retry(3)
        assert hash(Retry(max_attempts=3)) == hash(Retry(3))
        assert repr(Retry(3)) == "Retry(max_attempts=3, backoff=1.0, cap=300.0, jitter=0.1)"


class TestPolling:
    @pytest.mark.parametrize("times", [0, 1, 20])
    def test_adding_again_changes_nothing(
        self, make: MakeSet, clock: ManualClock, times: int
    ) -> None:
        s = make("ScheduledSet", merge=Merge.LATEST)

        def add_again() -> None:
            for _ in range(times):
                s.add("feed")
                with pytest.raises(EmptySetError):
                    s.claim()

        polls = []
        s.add("feed")
        for _ in range(5):
            claim = s.claim(lease=30)
            polls.append(clock.time())
            # While it is polled, and after.
            add_again()
            clock.advance(10)
            add_again()
            claim.reschedule(delay=60)
            add_again()
            clock.advance(59)
            add_again()
            clock.advance(1)
        assert polls == [START + 70 * i for i in range(5)]
        assert (len(s), s.claim().attempt) == (1, 1)

    def test_a_poller_that_dies_is_relieved(self, make: MakeSet, clock: ManualClock) -> None:
        s = make("ScheduledSet", merge=Merge.LATEST)
        s.add("feed")
        dead = s.claim(lease=30)
        s.add("feed")
        clock.advance(30)
        claim = s.claim(lease=30)
        assert claim.attempt == 2
        claim.reschedule(delay=60)
        with pytest.raises(LeaseLost):
            dead.reschedule(delay=1)
        assert s.score("feed") == clock.time() + 60
