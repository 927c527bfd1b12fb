"""Claiming items and ending claims, for every backend, blocking and asyncio."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from redset import Merge, Retry
from redset.exceptions import EmptySetError, LeaseLost, RedsetError
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeSet = Callable[..., Any]

SETS = ["SortedSet", "TimeSortedSet", "ScheduledSet"]
RULES = list(Merge)
# What ends or extends a claim.
ENDS: dict[str, Callable[[Any], object]] = {
    "ack": lambda claim: claim.ack(),
    "nack": lambda claim: claim.nack(),
    "nack with a delay": lambda claim: claim.nack(delay=5),
    "reschedule": lambda claim: claim.reschedule(7),
    "reschedule with a delay": lambda claim: claim.reschedule(delay=5),
    "extend": lambda claim: claim.extend(),
    "bury": lambda claim: claim.bury("hopeless"),
    "enter": lambda claim: claim.__enter__(),
}


def fail_at(claim: Any, error: BaseException, first: Callable[[], object] = bool) -> None:
    """Work on a claim until there is an error."""
    with claim:
        first()
        raise error


class TestClaiming:
    @pytest.mark.parametrize("of", SETS)
    def test_a_claimed_item_is_out_of_the_set(self, make: MakeSet, of: str) -> None:
        s = make(of)
        s.add("a", 5)
        claim = s.claim(lease=100)
        assert (claim.item, claim.score, claim.attempt) == ("a", 5.0, 1)
        assert (claim.is_over, claim.lost) == (False, False)
        assert abs(claim.deadline - time.time() - 100) < 10
        assert (len(s), "a" in s, list(s), s.take(1)) == (0, False, [], [])
        claim.ack()
        assert (claim.is_over, claim.lost) == (True, False)
        with pytest.raises(EmptySetError, match=r"has no (due )?item"):
            s.claim()

    def test_the_first_items_are_claimed_in_order(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update([3, 1, 2, 4], [3, 1, 2, 2])
        claims = [s.claim(), *s.claims(9)]
        assert [claim.item for claim in claims] == [1, 2, 4, 3]
        tokens = [claim.token for claim in claims]
        assert tokens == sorted(set(tokens))
        assert all(0 < token < 2**63 for token in tokens)

    def test_tokens_rise_over_an_emptied_set(self, make: MakeSet) -> None:
        s = make()
        tokens = []
        for _ in range(20):
            s.add("a")
            claim = s.claim()
            tokens.append(claim.token)
            claim.ack()
        s.clear()
        s.add("a")
        tokens.append(s.claim().token)
        assert tokens == sorted(set(tokens))

    def test_falsy_items_are_items(self, make: MakeSet) -> None:
        s = make(serializer=json)
        items: list[Any] = [0, "", None, False, [], {}]
        for i, item in enumerate(items):
            s.add(item, i)
        assert s.claim().item == 0
        assert [claim.item for claim in s.claims(2)] == ["", None]
        assert [claim.item for claim in s.consume(timeout=0)] == [False, [], {}]
        assert s.stats().claimed == 3

    def test_a_number_of_claims(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(5), range(5))
        assert s.claims(0) == s.claims(-1) == []
        assert [claim.item for claim in s.claims(2)] == [0, 1]
        assert [claim.item for claim in s.claims(100)] == [2, 3, 4]
        assert s.claims(1) == []

    def test_more_claims_than_fit_a_command(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(2500), range(2500))
        claims = s.claims(2300)
        assert [claim.item for claim in claims] == list(range(2300))
        tokens = [claim.token for claim in claims]
        assert tokens == sorted(set(tokens))
        assert s.stats().claimed == 2300
        s.ack_all(claims)
        assert (s.stats().claimed, len(s)) == (0, 200)

    def test_a_wait_is_over_in_time(self, make: MakeSet) -> None:
        s = make()
        began = time.monotonic()
        with pytest.raises(EmptySetError):
            s.claim(timeout=0.2)
        assert s.claims(3, timeout=0.2) == []
        assert list(s.consume(timeout=0.2)) == []
        assert 0.6 <= time.monotonic() - began < 4

    def test_there_is_no_wait_for_what_is_there(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c"])
        began = time.monotonic()
        assert s.claim(timeout=None).item == "a"
        assert [claim.item for claim in s.claims(5, timeout=60)] == ["b", "c"]
        assert time.monotonic() - began < 5

    def test_a_wait_ends_with_a_lease(self, make: MakeSet) -> None:
        s = make()
        s.add("a", 3)
        stale = s.claim(lease=0.05)
        claim = s.claim(timeout=20)
        assert (claim.item, claim.score, claim.attempt) == ("a", 3.0, 2)
        assert claim.token > stale.token
        for end in ENDS.values():
            with pytest.raises(LeaseLost):
                end(stale)
        claim.ack()
        assert s.stats().pending == s.stats().dead == 0

    def test_a_late_holder_that_nobody_relieved_still_holds(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        late, other = s.claims(2, lease=0.05)
        # Waits without claiming: until the leases have run out.
        assert make(suffix=":other").claims(1, timeout=0.1) == []
        assert late.extend(60) > other.deadline
        other.ack()
        late.ack()
        assert s.stats().claimed == 0


class TestEnding:
    def test_an_ack_leaves_nothing(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        s.claim().ack()
        assert (len(s), s.stats().claimed, s.dead()) == (0, 0, [])
        assert s.add_new("a") is True
        assert s.claim().attempt == 1

    @pytest.mark.parametrize("of", SETS)
    def test_a_nack_puts_it_back_for_another_attempt(self, make: MakeSet, of: str) -> None:
        s = make(of, retry=Retry(backoff=0))
        s.add("a", 5)
        for attempt in range(1, 4):
            claim = s.claim()
            assert (claim.attempt, claim.score) == (attempt, 5.0)
            if attempt % 2:
                claim.nack()
            else:
                claim.nack(delay=0)
            assert s.score("a") == 5.0

    def test_a_nack_with_a_delay_holds_it_back(self, make: MakeSet) -> None:
        s = make()
        s.add("a", 5)
        s.claim().nack(delay=100)
        assert (len(s), s.claims(1), s.stats().delayed, s.stats().pending) == (0, [], 1, 1)
        # Whoever adds it wants it now: the default rule ends the delay.
        s.add("a", 6)
        claim = s.claim()
        assert (claim.attempt, claim.score) == (2, 6.0)
        claim.nack(delay=0.05)
        claim = s.claim(timeout=20)
        assert (claim.attempt, claim.score) == (3, 6.0)

    def test_a_scheduled_item_is_due_later(self, make: MakeSet) -> None:
        s = make("ScheduledSet")
        s.add("a", 5)
        s.claim().nack(delay=100)
        assert abs(s.score("a") - time.time() - 100) < 10
        assert (len(s), s.claims(1), s.stats().due, s.stats().delayed) == (1, [], 0, 0)
        s.add("a")
        s.claim().reschedule(delay=0.05)
        claim = s.claim(timeout=20)
        assert claim.attempt == 1
        claim.reschedule(delay=0)
        claim = s.claim()
        assert abs(claim.score - time.time()) < 10
        claim.reschedule(7)
        assert (s.score("a"), s.claim().attempt) == (7.0, 1)

    def test_a_rescheduled_item_is_a_new_one(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=0))
        s.add("a", 5)
        s.claim().nack()
        s.claim().reschedule(7)
        claim = s.claim()
        assert (claim.attempt, claim.score) == (1, 7.0)
        claim.reschedule(delay=0.05)
        assert len(s) == 0
        claim = s.claim(timeout=20)
        assert (claim.attempt, claim.score) == (1, 7.0)
        claim.reschedule(0)
        assert s.score("a") == 0.0
        s.claim().reschedule(delay=0)
        assert s.score("a") == 0.0

    def test_to_extend_moves_the_deadline(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        claim = s.claim(lease=50)
        before = claim.deadline
        assert claim.extend(250) == claim.deadline
        assert 150 < claim.deadline - before < 250
        # As long as it was claimed for, from now.
        assert claim.extend() == claim.deadline
        assert before <= claim.deadline < before + 40
        claim.extend(0.05)
        assert s.claim(timeout=20).attempt == 2

    def test_to_bury_makes_it_a_dead_letter(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=0))
        s.add("a", 5)
        s.claim().nack()
        s.claim().bury("nobody wants it: é")
        assert (len(s), s.stats().claimed, s.stats().dead) == (0, 0, 1)
        (letter,) = s.dead()
        assert (letter.raw, letter.reason) == (b"a", "nobody wants it: é")
        assert (letter.score, letter.attempts) == (5.0, 2)
        assert abs(letter.time - time.time()) < 10
        assert s.redrive() == 1
        claim = s.claim()
        assert (claim.score, claim.attempt) == (5.0, 1)

    def test_dead_letters_beyond_the_limit_are_dropped(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(dead_limit=2)
        for item in ("a", "b", "c"):
            s.add(item)
            s.claim().bury(f"{item} is bad")
        assert sorted(letter.reason for letter in s.dead()) == ["b is bad", "c is bad"]
        assert "dropped 1 dead letters" in caplog.text

    @pytest.mark.parametrize("end", ENDS)
    def test_what_has_ended_cannot_be_ended(self, make: MakeSet, end: str) -> None:
        s = make()
        s.add("a", 5)
        claim = s.claim()
        claim.reschedule(3)
        with pytest.raises(LeaseLost, match="has ended already") as caught:
            ENDS[end](claim)
        assert str(claim.token) in str(caught.value)
        assert (claim.is_over, claim.lost) == (True, False)
        assert s.score("a") == 3.0

    @pytest.mark.parametrize("end", [end for end in ENDS if end != "enter"])
    def test_what_is_lost_says_so_and_how_to_keep_it(self, make: MakeSet, end: str) -> None:
        s = make()
        s.add("secret", 5)
        claim = s.claim()
        assert s.clear() is True
        s.add("secret", 9)
        other = s.claim()
        for _ in range(2):
            with pytest.raises(LeaseLost) as caught:
                ENDS[end](claim)
            assert isinstance(caught.value, (RedsetError, RuntimeError))
            message = str(caught.value)
            for part in (s.name, str(claim.token), "the set was cleared", "keep_alive=True"):
                assert part in message
            assert "secret" not in message
            assert (claim.is_over, claim.lost) == (True, True)
        assert (len(s), s.dead_count(), s.stats().claimed) == (0, 0, 1)
        other.ack()


class TestBlocks:
    def test_success_acknowledges(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        with s.claim() as claim:
            assert (claim.item, claim.is_over) == ("a", False)
        assert (claim.is_over, s.stats().claimed, len(s)) == (True, 0, 0)

    def test_an_error_puts_it_back_to_rest(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=100))
        s.add("a", 5)
        error = ValueError("broken")
        with pytest.raises(ValueError, match="broken") as caught:
            fail_at(s.claim(), error)
        assert caught.value is error
        assert (len(s), s.stats().delayed, s.stats().claimed) == (0, 1, 0)
        s.add("a", 5)
        assert s.claim().attempt == 2

    def test_the_last_attempt_makes_it_a_dead_letter(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=2, backoff=0))
        s.add("a", 5)
        for _ in range(2):
            with pytest.raises(ValueError, match="broken"):
                fail_at(s.claim(), ValueError("broken"))
        (letter,) = s.dead()
        assert (letter.raw, letter.score, letter.attempts) == (b"a", 5.0, 2)
        assert letter.reason == "ValueError: broken (attempt 2)"
        assert len(s) == 0

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_an_interrupt_gives_it_back_at_once(
        self, make: MakeSet, error: type[BaseException]
    ) -> None:
        s = make(retry=Retry(max_attempts=1, backoff=100))
        s.add("a", 5)
        with pytest.raises(error):
            fail_at(s.claim(), error())
        # Neither rested nor dead, but counted.
        assert (s.score("a"), s.dead_count()) == (5.0, 0)
        assert s.claim().attempt == 2

    def test_what_ended_in_the_block_is_left_alone(self, make: MakeSet) -> None:
        s = make()
        s.add("a", 5)
        with s.claim() as claim:
            claim.reschedule(7)
        assert (s.score("a"), claim.lost) == (7.0, False)
        claim = s.claim()
        with pytest.raises(ValueError, match="broken"):
            fail_at(claim, ValueError("broken"), first=lambda: claim.reschedule(8))
        assert (s.score("a"), s.claim().attempt) == (8.0, 1)

    def test_a_loss_is_raised_at_the_end(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        with pytest.raises(LeaseLost), s.claim() as claim:
            s.clear()
        assert claim.lost
        s.add("a")
        claim = s.claim()
        claim.__enter__()
        s.clear()
        # To have heard of it does not make the work done.
        for leave in (claim.extend, lambda: claim.__exit__(None, None, None)):
            with pytest.raises(LeaseLost):
                leave()

    def test_a_loss_does_not_hide_the_error(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make()
        s.add("secret")
        claim = s.claim()
        with pytest.raises(ValueError, match="broken"):
            fail_at(claim, ValueError("broken"), first=s.clear)
        assert claim.lost
        assert "could not give back an item" in caplog.text
        assert "secret" not in caplog.text

    def test_a_block_can_be_entered_again_while_it_is_held(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        claim = s.claim()
        with claim, claim as inner:
            assert inner.item == "a"
        assert s.stats().claimed == 0
