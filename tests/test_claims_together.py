"""Claims beside everything else that happens to a set, for every backend."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from redset import Merge, Retry
from redset.exceptions import EmptySetError, LeaseLost
from redset.interfaces import Stats
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeSet = Callable[..., Any]

# What a score of 5 and a later one of 7 make.
MERGED = [(Merge.REPLACE, 7.0), (Merge.KEEP, 5.0), (Merge.EARLIEST, 5.0), (Merge.LATEST, 7.0)]
NOTHING = Stats(
    pending=0,
    due=0,
    delayed=0,
    claimed=0,
    parked=0,
    dead=0,
    oldest_score=None,
    oldest_claim=None,
)


class TestAddingAgain:
    @pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
    def test_it_runs_after_and_not_at_once(self, make: MakeSet, of: str) -> None:
        s = make(of)
        s.add("a", 5)
        claim = s.claim()
        for score in (6, 7):
            s.add("a", score)
        assert (len(s), "a" in s) == (1, True)
        for _ in range(2):
            with pytest.raises(EmptySetError):
                s.claim()
        # Found to be claimed, it is parked out of sight.
        assert (len(s), s.stats().parked, s.stats().claimed) == (0, 1, 1)
        claim.ack()
        again = s.claim()
        assert (again.item, again.score, again.attempt) == ("a", 7.0, 1)

    def test_what_was_parked_is_merged_with_what_comes_later(self, make: MakeSet) -> None:
        s = make(merge=Merge.EARLIEST)
        s.add("a", 5)
        claim = s.claim()
        for score in (7, 6, 8):
            s.add("a", score)
            assert s.claims(1) == []
        s.add("a", 9)
        claim.ack()
        assert s.score("a") == 6.0

    @pytest.mark.parametrize(("merge", "expected"), MERGED)
    @pytest.mark.parametrize("parked", [False, True])
    def test_what_is_given_back_meets_it_by_the_rule(
        self, make: MakeSet, merge: Merge, expected: float, parked: bool
    ) -> None:
        s = make(merge=merge, retry=Retry(backoff=0))
        s.add("a", 5)
        claim = s.claim()
        s.add("a", 7)
        if parked:
            assert s.claims(1) == []
        claim.nack()
        assert (s.score("a"), len(s)) == (expected, 1)

    @pytest.mark.parametrize(("merge", "expected"), MERGED)
    def test_a_reschedule_is_the_latest(self, make: MakeSet, merge: Merge, expected: float) -> None:
        s = make(merge=merge)
        s.add("a", 6)
        claim = s.claim()
        s.add("a", 5)
        claim.reschedule(7)
        assert s.score("a") == expected

    @pytest.mark.parametrize("merge", [Merge.REPLACE, Merge.LATEST])
    def test_a_delay_takes_what_waits_with_it(self, make: MakeSet, merge: Merge) -> None:
        s = make(merge=merge)
        s.add("a", 6)
        claim = s.claim()
        s.add("a", 5)
        claim.nack(delay=100)
        assert (len(s), s.stats().delayed) == (0, 1)
        s.clear()

    @pytest.mark.parametrize("merge", [Merge.KEEP, Merge.EARLIEST])
    def test_what_waits_is_not_delayed(self, make: MakeSet, merge: Merge) -> None:
        s = make(merge=merge)
        s.add("a", 6)
        claim = s.claim()
        s.add("a", 5)
        claim.nack(delay=100)
        assert (s.score("a"), s.stats().delayed) == (5.0, 0)

    @pytest.mark.parametrize("merge", [Merge.KEEP, Merge.LATEST])
    def test_adding_does_not_end_a_delay(self, make: MakeSet, merge: Merge) -> None:
        s = make(merge=merge)
        s.add("a", 6)
        s.claim().nack(delay=100)
        s.add("a", 7)
        assert s.claims(1) == []
        assert (len(s), s.stats().delayed, s.stats().pending) == (0, 1, 1)
        s.clear()

    @pytest.mark.parametrize(
        ("merge", "comes_forward"), [(Merge.REPLACE, True), (Merge.EARLIEST, True),
                                     (Merge.KEEP, False), (Merge.LATEST, False)]
    )  # fmt: skip
    def test_a_scheduled_item_is_put_off_by_the_rule(
        self, make: MakeSet, merge: Merge, comes_forward: bool
    ) -> None:
        s = make("ScheduledSet", merge=merge)
        s.add("a", 5)
        s.claim().nack(delay=100)
        s.add("a")
        assert (s.available() == 1) is comes_forward
        s.clear()
        s.add("a", 5)
        s.claim().reschedule(delay=100)
        s.add("a")
        assert (s.available() == 1) is comes_forward

    def test_a_periodic_item_is_polled_by_one_at_a_time(self, make: MakeSet) -> None:
        s = make("ScheduledSet", merge=Merge.LATEST)
        s.add("feed")
        guard = Lock()
        at_work: list[int] = []
        polls: list[float] = []

        def poll(number: int) -> None:
            for claim in s.consume(timeout=0.5):
                with guard:
                    at_work.append(number)
                    assert len(at_work) == 1
                polls.append(time.monotonic())
                s.add("feed")
                time.sleep(0.005)
                with guard:
                    at_work.remove(number)
                if len(polls) == 10:
                    s.discard("feed")
                else:
                    claim.reschedule(delay=0.02)
                    s.add("feed", merge=Merge.KEEP)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(poll, range(3)))
        assert len(polls) == 10
        gaps = [later - earlier for earlier, later in pairwise(polls)]
        assert min(gaps) >= 0.019


class TestOtherCalls:
    def test_what_takes_items_takes_those_that_wait(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c"], [1, 2, 3])
        claim = s.claim()
        s.add("a", 9)
        assert (len(s), list(s)) == (3, ["b", "c", "a"])
        assert (s.pop(), s.pop_max(), s.take(9)) == ("b", "a", ["c"])
        assert (len(s), s.stats().claimed) == (0, 1)
        claim.ack()
        assert len(s) == 0

    def test_what_is_claimed_is_not_in_the_set(self, make: MakeSet) -> None:
        s = make()
        s.add("a", 1)
        claim = s.claim()
        assert (s.score("a"), s.rank("a"), s.scores(["a"])) == (None, None, [None])
        assert s.discard("a") is False
        with pytest.raises(KeyError):
            s.remove("a")
        assert s.difference_update(["a"]) == 0
        assert s.remove_between(0, 9) == 0
        claim.ack()

    def test_what_is_parked_or_delayed_can_be_removed(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=0))
        s.update(["a", "b"], [1, 2])
        parked, delayed = s.claims(2)
        delayed.nack(delay=100)
        s.add("a")
        assert s.claims(1) == []
        assert (s.stats().parked, s.stats().delayed) == (1, 1)
        assert (s.discard("a"), s.discard("b")) == (True, True)
        assert (s.discard("a"), s.discard("b")) == (False, False)
        parked.ack()
        assert s.stats() == NOTHING

    def test_who_removes_an_item_forgets_its_attempts(self, make: MakeSet) -> None:
        s = make(retry=Retry(backoff=0))
        s.add("a")
        s.claim().nack()
        s.remove("a")
        s.add("a")
        assert s.claim().attempt == 1

    def test_to_clear_ends_all_claims(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c"])
        claims = s.claims(3)
        claims[0].nack(delay=100)
        s.add("b")
        assert s.claims(1) == []
        claims[2].bury("hopeless")
        assert s.clear() is True
        assert s.stats() == NOTHING
        with pytest.raises(LeaseLost):
            claims[1].ack()
        assert s.clear() is False

    @pytest.mark.parametrize("state", ["claimed", "delayed"])
    def test_to_clear_tells_whether_there_was_anything(self, make: MakeSet, state: str) -> None:
        s = make()
        s.add("a")
        claim = s.claim()
        if state == "delayed":
            claim.nack(delay=100)
        assert s.clear() is True
        assert s.clear() is False

    def test_sets_are_combined_by_what_waits(self, make: MakeSet) -> None:
        s, other = make(), make(suffix=":other")
        s.update(["a", "b"], [1, 2])
        claim = s.claim()
        other.union_update(s)
        assert list(other) == ["b"]
        other.add("a")
        assert s.intersection_update(other) == 0
        claim.nack(delay=0)
        assert list(s) == ["a", "b"]


class TestStats:
    def test_every_item_is_in_one_state(self, make: MakeSet) -> None:
        s = make()
        assert s.stats() == NOTHING
        s.update(["a", "b", "c", "d", "e"], [1, 2, 3, 4, 5])
        claims = s.claims(4)
        s.add("c", 0)
        # It finds that "c" is claimed, parks it, and claims "e".
        assert s.claim().item == "e"
        s.add("d", 8)
        s.add("f", 9)
        claims[0].nack(delay=100)
        claims[1].bury("hopeless")
        stats = s.stats()
        assert abs(stats.oldest_claim - time.time()) < 10
        assert stats == Stats(
            pending=3,
            due=2,
            delayed=1,
            claimed=3,
            parked=1,
            dead=1,
            oldest_score=8.0,
            oldest_claim=stats.oldest_claim,
        )

    @pytest.mark.parametrize(
        ("of", "due"), [("SortedSet", 3), ("TimeSortedSet", 3), ("ScheduledSet", 2)]
    )
    def test_what_is_due_can_be_claimed(self, make: MakeSet, of: str, due: int) -> None:
        s = make(of)
        s.update(["a", "b"], [1, 2])
        s.add("later", time.time() + 1000)
        stats = s.stats()
        assert (stats.pending, stats.due, stats.oldest_score) == (3, due, 1.0)
        assert len(s.claims(9)) == due

    def test_the_oldest_claim_is_the_first_to_run_out(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        long = s.claim(lease=200)
        assert abs(s.stats().oldest_claim - long.deadline + 200) < 0.01
        short = s.claim(lease=10)
        assert abs(s.stats().oldest_claim - short.deadline + 10) < 0.01
        short.ack()
        assert abs(s.stats().oldest_claim - long.deadline + 200) < 0.01


class TestAcknowledgingMany:
    def test_all_are_done(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(10), range(10))
        claims = s.claims(5)
        s.ack_all(claims)
        assert [(claim.is_over, claim.lost) for claim in claims] == [(True, False)] * 5
        s.ack_all([])
        assert (s.stats().claimed, len(s)) == (0, 5)

    def test_those_that_have_ended_are_passed_over(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(4), range(4))
        claims = s.claims(4)
        claims[0].ack()
        claims[1].reschedule(9)
        claims[2].bury("hopeless")
        s.ack_all([*claims, *claims])
        s.ack_all(claims)
        assert (list(s), s.stats().claimed, s.dead_count()) == ([1], 0, 1)
        assert not any(claim.lost for claim in claims)

    def test_it_tells_how_many_are_lost(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(4), range(4))
        lost = s.claims(2, lease=0.05)
        held = s.claims(2)
        others = [s.claim(timeout=20) for _ in lost]
        with pytest.raises(LeaseLost, match=r"2 of 4 claims of .* were not held") as caught:
            s.ack_all([*lost, *held, *held])
        assert s.name in str(caught.value)
        assert [claim.lost for claim in (*lost, *held)] == [True, True, False, False]
        # The others have it, and go on; nothing is tried again for those that are lost.
        assert s.stats().claimed == 2
        s.ack_all([*lost, *others])
        assert s.stats() == NOTHING

    def test_another_set_of_the_name_can_do_it(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        make().ack_all(s.claims(2))
        assert s.stats() == NOTHING

    def test_what_was_added_meanwhile_comes_back(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"], [1, 2])
        claims = s.claims(2)
        s.update(["a", "b"], [3, 4])
        assert s.claims(2) == []
        s.ack_all(claims)
        assert list(s.items()) == [("a", 3.0), ("b", 4.0)]


class TestAcknowledgingWithTheNext:
    def test_batch_by_batch(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(8), range(8))
        batches: list[list[int]] = []
        claims: list[Any] = []
        while claims := s.claims(3, done=claims):
            assert s.stats().claimed == len(claims)
            batches.append([claim.item for claim in claims])
        assert batches == [[0, 1, 2], [3, 4, 5], [6, 7]]
        assert s.stats() == NOTHING

    def test_those_that_have_ended_are_passed_over(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(serializer=Numbers)
        s.update(range(4), range(4))
        claims = s.claims(3)
        claims[0].ack()
        claims[1].reschedule(9)
        claims += s.claims(1, done=[*claims, *claims])
        assert [claim.item for claim in claims] == [0, 1, 2, 3]
        assert [claim.is_over for claim in claims] == [True, True, True, False]
        assert s.claims(0, done=claims) == []
        assert (list(s), s.stats().claimed, caplog.text) == ([1], 0, "")

    @pytest.mark.parametrize("num", [0, 2])
    def test_what_is_lost_is_logged(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture, num: int
    ) -> None:
        s = make()
        s.update(["secret a", "secret b"])
        claims = s.claims(2)
        s.clear()
        s.add("c")
        assert [claim.item for claim in s.claims(num, done=claims)] == ["c"][:num]
        assert all(claim.lost for claim in claims)
        assert s.name in caplog.text
        assert "secret" not in caplog.text

    def test_more_than_fit_a_command(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(1500), range(1500))
        claims = s.claims(1200)
        (rest,) = s.claims(1, done=claims)
        assert (rest.item, s.stats().claimed, len(s)) == (1200, 1, 299)

    def test_a_wait_acknowledges_at_once(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        (claim,) = s.claims(1)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(s.claims, 1, timeout=20, done=[claim])
            while s.stats().claimed:
                assert not waiting.done()
            s.add("b")
            assert [each.item for each in waiting.result()] == ["b"]


class TestReprs:
    def test_they_show_no_item(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=3))
        s.update(["secret a", "secret b", "secret c"])
        held, over, lost = s.claims(3)
        over.ack()
        s.clear()
        with pytest.raises(LeaseLost):
            lost.ack()
        for claim, state in ((held, "held"), (over, "over"), (lost, "lost")):
            shown = repr(claim)
            assert shown.startswith(("<Claim of ", "<AsyncClaim of "))
            for part in (repr(s.name), f"token={claim.token}", "attempt=1", f" {state}>"):
                assert part in shown
            assert "secret" not in shown
        assert s.name in repr(s)
        assert "secret" not in repr(s)
