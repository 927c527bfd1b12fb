"""Iterating over claims, and items that cannot be decoded, for every backend."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from redset import Retry
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import EmptySetError
from redset.interfaces import Merge
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from redset.interfaces import Backend, Claimed, Hold, Terms

    MakeSet = Callable[..., Any]


class TestConsuming:
    @pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
    def test_to_ask_for_the_next_acknowledges_the_last(self, make: MakeSet, of: str) -> None:
        s = make(of, serializer=Numbers)
        s.update(range(4), range(4))
        claims: list[Any] = []
        for claim in s.consume(timeout=0):
            assert all(done.is_over and not done.lost for done in claims)
            assert (claim.is_over, s.stats().claimed) == (False, 1)
            claims.append(claim)
        assert [claim.item for claim in claims] == [0, 1, 2, 3]
        tokens = [claim.token for claim in claims]
        assert tokens == sorted(set(tokens))
        assert claims[-1].is_over
        assert (s.stats().claimed, s.stats().pending) == (0, 0)

    def test_it_waits_for_what_is_added(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.add(0)
        items = []
        for claim in s.consume(timeout=0.3):
            items.append(claim.item)
            if claim.item < 3:
                s.add(claim.item + 1)
        assert items == [0, 1, 2, 3]

    def test_what_is_added_again_in_the_loop_comes_again(self, make: MakeSet) -> None:
        s = make()
        s.add("a", 1)
        scores = []
        for claim in s.consume(timeout=0):
            scores.append(claim.score)
            if claim.score < 3:
                s.add("a", claim.score + 1)
        assert scores == [1.0, 2.0, 3.0]

    def test_a_claim_can_be_ended_in_the_loop(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, retry=Retry(backoff=0))
        s.update(range(5), range(5))
        seen = []
        for claim in s.consume(timeout=0):
            seen.append((claim.item, claim.attempt))
            if claim.item == 0:
                claim.ack()
            elif claim.item == 1 and claim.attempt == 1:
                claim.nack()
            elif claim.item == 2:
                claim.bury("hopeless")
            elif claim.item == 3 and claim.score < 9:
                claim.reschedule(9)
        assert seen == [(0, 1), (1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (3, 1)]
        assert (s.stats().claimed, s.stats().pending, s.stats().dead) == (0, 0, 1)

    def test_blocks_in_the_loop(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, retry=Retry(max_attempts=2, backoff=0))
        s.update(range(3), range(3))
        seen = []
        for claim in s.consume(timeout=0):
            try:
                with claim:
                    seen.append(claim.item)
                    1 // claim.item
            except ZeroDivisionError:
                assert claim.is_over
        assert seen == [0, 0, 1, 2]
        (letter,) = s.dead()
        assert letter.raw == b"0"

    def test_to_leave_the_loop_gives_the_last_back(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, retry=Retry(backoff=0))
        s.update(range(3), range(3))
        for claim in s.consume():
            if claim.item == 1:
                break
        assert (list(s), s.stats().claimed) == ([1, 2], 0)
        for claim in s.consume():
            assert (claim.item, claim.attempt) == (1, 2)
            claim.ack()
            break
        assert (list(s), s.stats().claimed) == ([2], 0)

    def test_what_is_given_back_rests_as_after_a_nack(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=100))
        s.add("a")
        for _ in s.consume():
            break
        assert (len(s), s.stats().delayed) == (0, 1)
        s.clear()

    def test_what_was_left_in_its_last_attempt_is_dead(self, make: MakeSet) -> None:
        """A worker that ends by an error and is started again must not meet it for ever."""
        s = make(retry=Retry(max_attempts=2, backoff=0))
        s.add("a")
        attempts: list[int] = []
        for _ in range(3):
            for claim in s.consume(timeout=0):
                attempts.append(claim.attempt)
                break
        assert attempts == [1, 2]
        (letter,) = s.dead()
        assert (letter.reason, letter.attempts) == ("the loop was left (attempt 2)", 2)

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_an_error_in_the_loop_gives_it_back(
        self, make: MakeSet, error: type[BaseException]
    ) -> None:
        s = make(serializer=Numbers, retry=Retry(backoff=0))
        s.update(range(3), range(3))

        def consume() -> None:
            for claim in s.consume():
                if claim.item == 1:
                    raise error

        with pytest.raises(error):
            consume()
        assert (list(s), s.stats().claimed) == ([1, 2], 0)

    def test_a_lost_claim_is_logged_and_the_loop_goes_on(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make()
        s.add("secret", 1)
        claims = []
        for claim in s.consume(timeout=0):
            claims.append(claim)
            if len(claims) == 1:
                s.clear()
                s.update(["secret", "b"], [1, 2])
        assert [claim.item for claim in claims] == ["secret", "secret", "b"]
        assert [claim.lost for claim in claims] == [True, False, False]
        (record,) = [each for each in caplog.records if each.name == "redset"]
        assert record.levelno == logging.WARNING
        assert s.name in record.getMessage()
        assert "secret" not in caplog.text

    def test_a_claim_that_was_taken_over_is_not_acknowledged(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        claims = s.consume(lease=0.05, timeout=0)
        stale = next(claims)
        other = s.claim(timeout=20)
        assert list(claims) == []
        assert (stale.lost, s.stats().claimed) == (True, 1)
        other.ack()

    def test_many_loops_share_the_work(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(6), range(6))
        one, other = s.consume(timeout=0), s.consume(timeout=0)
        items = [next(loop).item for _ in range(3) for loop in (one, other)]
        assert items == [0, 1, 2, 3, 4, 5]
        assert list(one) == list(other) == []
        assert s.stats().claimed == 0

    def test_nothing_is_claimed_before_it_is_asked_for(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        loop = s.consume()
        assert s.stats().claimed == 0
        del loop
        assert s.stats().claimed == 0


class TestUndecodable:
    def poison(self, make: MakeSet, *members: str, **options: Any) -> Any:
        """Return a set of numbers with these members, one after the other."""
        make().update(members, range(len(members)))
        return make(serializer=Numbers, **options)

    def test_they_become_dead_letters_and_the_next_is_claimed(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = self.poison(make, "poison", "1", "also poison", "3")
        assert s.claim().item == 1
        assert [claim.item for claim in s.claims(9)] == [3]
        letters = s.dead()
        assert [letter.raw for letter in letters] == [b"poison", b"also poison"]
        for letter, score in zip(letters, (0.0, 2.0), strict=True):
            assert letter.reason.startswith("ValueError: invalid literal for int()")
            assert (letter.score, letter.attempts) == (score, 1)
        assert s.stats().claimed == 2
        assert caplog.text.count("1 undecodable item(s)") == 2

    def test_they_are_made_up_for(self, make: MakeSet) -> None:
        s = self.poison(make, "0", "x", "y", "3", "z", "5", "6")
        assert [claim.item for claim in s.claims(3)] == [0, 3, 5]
        assert (list(s), s.dead_count()) == ([6], 3)

    def test_nothing_else_is_nothing(self, make: MakeSet) -> None:
        s = self.poison(make, "x", "y")
        with pytest.raises(EmptySetError):
            s.claim(timeout=0.1)
        assert (s.claims(9), s.dead_count()) == ([], 2)

    def test_a_loop_passes_them_by(self, make: MakeSet) -> None:
        s = self.poison(make, "0", "x", "2", "y")
        assert [claim.item for claim in s.consume(timeout=0.1)] == [0, 2]
        assert (s.dead_count(), s.stats().claimed, s.stats().pending) == (2, 0, 0)

    def test_they_count_their_attempts(self, make: MakeSet) -> None:
        text = make(retry=Retry(backoff=0))
        text.add("poison", 5)
        text.claim().nack()
        s = make(serializer=Numbers)
        assert s.claims(1) == []
        (letter,) = s.dead()
        assert (letter.score, letter.attempts) == (5.0, 2)
        assert s.redrive() == 1
        assert text.claim().attempt == 1

    def test_the_limit_holds(self, make: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
        s = self.poison(make, "x", "y", "z", dead_limit=2)
        assert s.claims(1) == []
        assert s.dead_count() == 2
        assert "dropped 1 dead letters" in caplog.text


class Stubborn(MemoryBackend):
    """Rejects nothing as long as it is full; fails when it is told to."""

    full = True
    fails_after: int | None = None

    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        if self.full:
            message = f"no room for {len(rejected)}"
            raise OSError(message)
        return super().reject(name, rejected, merge, limit)

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        if self.fails_after is not None:
            if not self.fails_after:
                message = "gone away"
                raise OSError(message)
            self.fails_after -= 1
        return super().claim(name, count, terms, acknowledge=acknowledge)


class TestFailures:
    """What is in hand gets through; what is not comes back."""

    @pytest.fixture
    def store(self) -> Stubborn:
        return Stubborn()

    @pytest.fixture(params=["blocking", "asyncio"])
    def backend(self, request: pytest.FixtureRequest, store: Stubborn) -> Iterator[Backend]:
        if request.param == "blocking":
            yield store
        else:
            with blocking(lambda: AsyncMemoryBackend(store)) as backend:
                yield backend

    @pytest.fixture
    def s(self, backend: Backend) -> Any:
        return make_set(backend, "SortedSet", "jobs", serializer=Numbers)

    def add(self, store: Backend, *members: bytes) -> None:
        store.add("jobs", [(member, float(i)) for i, member in enumerate(members)], Merge.KEEP)

    def test_what_cannot_be_buried_comes_back(
        self, s: Any, store: Stubborn, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.add(store, b"poison", b"1")
        with pytest.raises(OSError, match="no room for 1"):
            s.claim(lease=0.05)
        assert (s.stats().claimed, s.dead_count()) == (1, 0)
        store.full = False
        assert s.claim().item == 1
        # The lease runs out, and it is looked at again.
        assert s.claims(1, timeout=0.2) == []
        (letter,) = s.dead()
        assert (letter.raw, letter.attempts) == (b"poison", 2)
        assert caplog.text.count("undecodable") == 2

    def test_the_others_get_through_when_they_cannot_be_buried(
        self, s: Any, store: Stubborn, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.add(store, b"0", b"poison", b"2")
        assert [claim.item for claim in s.claims(3)] == [0, 2]
        assert "could not bury undecodable items" in caplog.text
        assert s.stats().claimed == 3

    def test_what_was_claimed_before_gets_through_as_well(
        self, s: Any, store: Stubborn, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.add(store, b"0", b"poison", b"also poison")
        assert [claim.item for claim in s.claims(2)] == [0]
        assert "no room for 1" in caplog.text

    def test_what_can_be_decoded_the_second_time_is_an_item(
        self, store: Stubborn, backend: Backend
    ) -> None:
        class Moody:
            dumps = str
            failures = iter([True])

            @classmethod
            def loads(cls, data: bytes) -> int:
                if next(cls.failures, False):
                    raise MemoryError
                return int(data)

        s: Any = make_set(backend, "SortedSet", "jobs", serializer=Moody)
        self.add(store, b"1", b"3")
        assert [claim.item for claim in s.claims(2)] == [1, 3]

    def test_a_failure_after_the_first_thousand_keeps_them(
        self, s: Any, store: Stubborn, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.add(store, *(b"%d" % i for i in range(1500)))
        store.fails_after = 1
        claims = s.claims(1500)
        assert [claim.item for claim in claims] == list(range(1000))
        assert "claimed 1000 items" in caplog.text
        with pytest.raises(OSError, match="gone away"):
            s.claims(1500)
        store.fails_after = None
        s.ack_all(claims)
        assert (s.stats().claimed, s.stats().pending) == (0, 500)

    def test_a_failed_step_of_a_loop_ends_it(self, s: Any, store: Stubborn) -> None:
        self.add(store, b"0", b"1")
        store.fails_after = 1
        loop = s.consume(lease=0.05)
        assert next(loop).item == 0
        with pytest.raises(OSError, match="gone away"):
            next(loop)
        assert list(loop) == []
        store.fails_after = None
        # The work was done, but nobody heard of it.
        again = [s.claim(timeout=20) for _ in range(2)]
        assert sorted((claim.item, claim.attempt) for claim in again) == [(0, 2), (1, 1)]

    def test_a_failure_to_give_back_does_not_hide_the_error(
        self, s: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.add(s.backend, b"0")

        def consume() -> None:
            for claim in s.consume():
                s.clear()
                1 // claim.item

        with pytest.raises(ZeroDivisionError):
            consume()
        assert "could not give back an item of 'jobs'" in caplog.text
