"""Checks of claims that end without success: put back, held back, set aside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import NOW, DeadLetter, Merge
from redset.testing._claim_steps import (
    CLOSE,
    claim,
    claim_one,
    entries,
    finish,
    hold,
    holds,
    is_empty,
    refused,
    release_all,
    terms,
)
from redset.testing._copies import COPIES, add_copies, merge_all
from redset.testing._each import EACH_MERGE
from redset.testing._leases import claim_later
from redset.testing._model import dead_member
from redset.testing._timing import present
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, Lease

__all__ = ["ReleasingChecks"]

# Merge rules by which what is added later ends a delay.
_ENDS_DELAYS = {Merge.REPLACE, Merge.EARLIEST}
# Merge rules by which what was added before keeps a delay from beginning.
_SPARES_DELAYS = {Merge.KEEP, Merge.EARLIEST}


class ReleasingChecks:
    """Releasing at once, with another score, after a delay; rejecting."""

    def test_a_released_member_is_back(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.5), (b"b", 2.0))
        first = claim_one(backend, name)
        assert backend.release(name, hold(first), Merge.REPLACE) is True
        assert everything(backend, name) == [(b"a", 1.5), (b"b", 2.0)]
        assert backend.stats(name, math.inf).claimed == 0
        refused(backend, name, hold(first))
        second = claim_one(backend, name)
        assert (second.score, second.attempt) == (1.5, 2)
        assert backend.acknowledge(name, holds([first, second]), Merge.REPLACE) == [False, True]
        assert finish(backend, name) == [(b"b", 2.0)]

    def test_a_member_is_released_with_another_score(self, backend: Backend, name: str) -> None:
        scores = [0.0, -1.5, 1763936000.123456, math.inf, -math.inf]
        fill(backend, name, *((b"%d" % i, 1.0) for i in range(len(scores))))
        for lease, score in zip(claim(backend, name), scores, strict=True):
            assert backend.release(name, hold(lease), Merge.KEEP, score=score)
            assert backend.scores(name, [lease.member]) == [score]
        leases = claim(backend, name)
        assert [lease.score for lease in leases] == sorted(scores)
        assert {lease.attempt for lease in leases} == {2}
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 5
        is_empty(backend, name)

    def test_a_member_is_released_for_a_time_from_now(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        due = terms(high=NOW)
        for delay in (0.0, 0.2, 60.0):
            fill(backend, name, (b"a", 1.0))
            lease = claim_one(backend, name)
            before = present(backend, name)
            assert backend.release(name, hold(lease), Merge.REPLACE, score=NOW, delay=delay)
            after = present(backend, name)
            (score,) = backend.scores(name, [b"a"])
            assert score is not None
            assert before + delay - CLOSE <= score <= after + delay + CLOSE
            if delay == 60:
                assert claim(backend, name, 1, due) == []
                given = terms()
            else:
                advance(delay + 0.05)
                given = due
            again = claim_one(backend, name, given)
            assert (again.score, again.attempt) == (score, 2)
            assert backend.acknowledge(name, [hold(again)], Merge.REPLACE) == [True]
        is_empty(backend, name)

    def test_a_released_member_comes_back_when_the_delay_is_over(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.5), (b"b", 2.0))
        a, b = claim(backend, name)
        before = present(backend, name)
        assert backend.release(name, hold(a), Merge.REPLACE, delay=0.3)
        assert backend.release(name, hold(b), Merge.REPLACE, score=-math.inf, delay=0.3)
        again: list[Lease] = []
        while len(again) < 2:
            again += claim_later(backend, name, advance)
        assert sorted(entries(again)) == [(b"a", 1.5), (b"b", -math.inf)]
        assert [lease.attempt for lease in again] == [2, 2]
        # Not before its time.
        assert again[0].deadline - 60.0 >= before + 0.3 - CLOSE
        assert backend.acknowledge(name, holds(again), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    def test_a_delayed_member_is_out_of_sight(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        a, b, c = claim(backend, name)
        assert backend.release(name, hold(a), Merge.REPLACE, delay=60.0)
        assert backend.release(name, hold(b), Merge.REPLACE, score=3.0, delay=60.0)
        assert backend.release(name, hold(c), Merge.REPLACE, delay=60.0)
        assert backend.length(name) == 0
        assert backend.scores(name, [b"a", b"b"]) == [None, None]
        assert everything(backend, name) == backend.pop(name, 9) == []
        for _ in range(2):
            assert claim(backend, name) == []
            stats = backend.stats(name, math.inf)
            assert (stats.pending, stats.due, stats.delayed) == (3, 0, 3)
            assert (stats.claimed, stats.parked, stats.oldest_score) == (0, 0, None)
        refused(backend, name, *holds([a, b]), (b"a", 0), (b"b", 0))
        assert backend.remove(name, [b"a"]) == 1
        # Its score does not count as one that is in the set.
        assert backend.increment(name, b"b", 0.5) == 0.5
        assert backend.remove(name, [b"b"]) == 1
        assert backend.clear(name) is True
        assert backend.clear(name) is False

    def test_all_of_many_delays_end(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        given = [(b"%03d" % i, float(i)) for i in range(250)]
        fill(backend, name, *given)
        release_all(backend, name, claim(backend, name), Merge.REPLACE, delay=0.05)
        advance(0.1)
        # In as many parts as the backend likes.
        again: list[Lease] = []
        while len(again) < 250 and (found := claim(backend, name)):
            again += found
        assert sorted(entries(again)) == given
        assert {lease.attempt for lease in again} == {2}
        assert backend.acknowledge(name, holds(again), Merge.REPLACE) == [True] * 250
        is_empty(backend, name)

    def test_remove_drops_what_is_delayed(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        members = [b"a", b"b", b"c", b"d"]
        fill(backend, name, *((member, 5.0) for member in members))
        release_all(backend, name, claim(backend, name), Merge.REPLACE, delay=0.05)
        # One has a copy in the set besides.
        fill(backend, name, (b"b", 5.0))
        assert backend.remove(name, [b"a", b"b", b"x"]) == 2
        assert backend.remove(name, [b"a", b"b"]) == 0
        assert backend.remove(name, [b"c"], low=5.0) == 1
        assert backend.remove(name, [b"d"], low=6.0) == 0
        is_empty(backend, name)
        advance(0.1)
        assert finish(backend, name) == []

    @EACH_MERGE
    @pytest.mark.parametrize("score", [6.0, NOW])
    def test_a_score_meets_the_copies(
        self, backend: Backend, name: str, score: Bound, merge: Merge
    ) -> None:
        leases = add_copies(backend, name, merge)
        release_all(backend, name, leases, merge, score=score)
        again = claim(backend, name)
        # Of the present it is enough to know that it is later than all else.
        assert {lease.member: min(lease.score, 100.0) for lease in again} == {
            member: merge_all(merge, *parked, *added, 100.0 if score is NOW else 6.0)
            for member, (parked, added) in COPIES.items()
        }
        assert {lease.attempt for lease in again} == {2}
        assert backend.acknowledge(name, holds(again), merge) == [True] * len(again)
        is_empty(backend, name)

    def test_what_is_held_back_has_no_holder(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        late = hold(claim_one(backend, name))
        assert backend.release(name, late, Merge.REPLACE, delay=60.0)
        for each in (late, (b"a", 0)):
            refused(backend, name, each)
        assert backend.stats(name, math.inf).delayed == 1
        assert backend.remove(name, [b"a"]) == 1
        is_empty(backend, name)

    @EACH_MERGE
    @pytest.mark.parametrize("score", [None, 6.0])
    def test_a_delay_meets_the_copies(
        self,
        backend: Backend,
        name: str,
        score: float | None,
        merge: Merge,
        advance: Callable[[float], None],
    ) -> None:
        given = terms(merge=merge)
        new = 5.0 if score is None else score
        expected = {
            member: merge_all(merge, *parked, *added, new)
            for member, (parked, added) in COPIES.items()
        }
        leases = add_copies(backend, name, merge)
        release_all(backend, name, leases, merge, score=score, delay=60.0)
        at_once = claim(backend, name, 1000, given)
        # A copy that waits is due now, unless the rule lets the delay replace that.
        spared = [m for m in expected if m != b"alone" and merge in _SPARES_DELAYS]
        assert dict(entries(at_once)) == {member: expected[member] for member in spared}
        assert {lease.attempt for lease in at_once} <= {2}
        delayed = [member for member in expected if member not in spared]
        assert backend.stats(name, math.inf).delayed == len(delayed)
        assert backend.remove(name, delayed) == len(delayed)
        assert backend.acknowledge(name, holds(at_once), merge) == [True] * len(spared)
        is_empty(backend, name)
        # Delayed or not, the score is the same in the end.
        leases = add_copies(backend, name, merge)
        release_all(backend, name, leases, merge, score=score, delay=0.05)
        advance(0.1)
        again = claim(backend, name, 1000, given)
        assert dict(entries(again)) == expected
        assert {lease.attempt for lease in again} == {2}
        assert backend.acknowledge(name, holds(again), merge) == [True] * len(again)
        is_empty(backend, name)

    @EACH_MERGE
    def test_what_is_added_meets_a_delay(self, backend: Backend, name: str, merge: Merge) -> None:
        given = terms(merge=merge)
        later = {b"lower": -30.0, b"higher": 10.0}
        fill(backend, name, *((member, 5.0) for member in later))
        leases = claim(backend, name)
        release_all(backend, name, leases, merge, delay=60.0)
        assert backend.add(name, list(later.items()), merge) == 2
        assert backend.length(name) == 2
        again = claim(backend, name, 9, given)
        if merge in _ENDS_DELAYS:
            expected = {member: merge_all(merge, 5.0, score) for member, score in later.items()}
            assert dict(entries(again)) == expected
            assert [lease.attempt for lease in again] == [2, 2]
            assert backend.stats(name, math.inf).delayed == 0
            # These are the scores that they have from now on.
            release_all(backend, name, again, merge)
            assert dict(finish(backend, name)) == expected
        else:
            assert again == []
            stats = backend.stats(name, math.inf)
            assert (stats.pending, stats.delayed, stats.due) == (2, 2, 0)
            assert backend.remove(name, list(later)) == 2
        is_empty(backend, name)

    @EACH_MERGE
    @pytest.mark.parametrize("is_met", [False, True])
    def test_scores_meet_when_a_delay_ends(
        self,
        backend: Backend,
        name: str,
        is_met: bool,  # noqa: FBT001  (a parameter)
        merge: Merge,
        advance: Callable[[float], None],
    ) -> None:
        given = terms(merge=merge)
        later = {b"lower": -30.0, b"higher": 10.0}
        fill(backend, name, *((member, 5.0) for member in later))
        release_all(backend, name, claim(backend, name), merge, delay=0.1)
        backend.add(name, list(later.items()), merge)
        # A claim that meets them takes them, or leaves their scores with what is held back.
        found = claim(backend, name, 9, given) if is_met else []
        while len(found) < 2:
            found += claim_later(backend, name, advance, given)
        assert dict(entries(found)) == {
            member: merge_all(merge, 5.0, score) for member, score in later.items()
        }
        assert [lease.attempt for lease in found] == [2, 2]
        assert backend.acknowledge(name, holds(found), merge) == [True, True]
        is_empty(backend, name)

    @pytest.mark.parametrize("attempts", [0, 1, 5])
    def test_a_member_is_released_with_the_attempts_that_are_given(
        self, backend: Backend, name: str, attempts: int, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        for score, delay in ((None, 0.0), (2.0, 0.0), (NOW, 0.05), (None, 0.05), (3.0, 0.05)):
            assert backend.release(name, hold(lease), Merge.REPLACE)
            lease = claim_one(backend, name)
            assert lease.attempt == 2
            given = hold(lease)
            assert backend.release(
                name, given, Merge.REPLACE, score=score, delay=delay, attempts=attempts
            )
            advance(0.1)
            lease = claim_one(backend, name)
            assert lease.attempt == attempts + 1
            assert backend.release(name, hold(lease), Merge.REPLACE, attempts=0)
            lease = claim_one(backend, name)
            assert lease.attempt == 1
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)

    def test_a_rejected_member_is_a_dead_letter(self, backend: Backend, name: str) -> None:
        reasons = [
            "",
            "Error: line\nanother: ü \U0001f4a5",
            "\n",
            "lone \ud800 surrogate",
            "x" * 5000,
        ]
        members = [b"", b"\xff\x00", b"a b\n", b"1 2 3", b"x"]
        scores = [0.1, -math.inf, 1763936000.123456, math.inf, 1.0]
        fill(backend, name, *zip(members, scores, strict=True))
        # One had been tried before.
        tried = claim_one(backend, name)
        assert backend.release(name, hold(tried), Merge.REPLACE)
        leases = {lease.member: lease for lease in claim(backend, name)}
        rejected = [
            (hold(leases[member]), reason) for member, reason in zip(members, reasons, strict=True)
        ]
        rejected.insert(2, ((b"x", 1), "never"))
        before = present(backend, name)
        held, dropped = backend.reject(name, rejected, Merge.REPLACE, 10)
        after = present(backend, name)
        assert (held, dropped) == ([True, True, False, True, True, True], 0)
        letters = {dead_member(letter): letter for letter in backend.dead(name, 0, 9)}
        assert letters.keys() == set(members)
        for member, score, reason in zip(members, scores, reasons, strict=True):
            letter = letters[member]
            assert (letter.score, letter.attempts) == (score, 1 + (member == tried.member))
            if "\ud800" in reason:
                assert letter.reason.startswith("lone ")
            else:
                assert letter.reason == reason
            assert before <= letter.time <= after
        is_empty(backend, name)
        assert backend.reject(name, [], Merge.REPLACE, 1) == ([], 0)

    def test_dead_letters_of_the_rejected_are_limited(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((b"%d" % i, 1.0) for i in range(5)))
        leases = claim(backend, name)
        assert backend.reject(name, [(hold(leases[0]), "")], Merge.KEEP, 3) == ([True], 0)
        others = [(each, "") for each in holds(leases[1:])]
        assert backend.reject(name, others, Merge.KEEP, 3) == ([True] * 4, 2)
        assert backend.dead_count(name) == 3
        assert b"0" not in {dead_member(letter) for letter in backend.dead(name, 0, 9)}
        is_empty(backend, name)

    def test_a_rejected_member_is_redriven_as_a_new_one(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.5))
        assert backend.release(name, hold(claim_one(backend, name)), Merge.REPLACE)
        lease = claim_one(backend, name)
        assert backend.reject(name, [(hold(lease), "")], Merge.REPLACE, 9) == ([True], 0)
        refused(backend, name, hold(lease))
        assert claim(backend, name) == []
        assert backend.redrive(name, [b"a"], Merge.REPLACE) == 1
        lease = claim_one(backend, name)
        assert (lease.score, lease.attempt) == (1.5, 1)
        # A dead letter of the same bytes stays beside a claim, and gives way to the next.
        backend.bury(name, [DeadLetter(b"a", "first", 7.0, 0.0, attempts=9)], 9)
        assert [letter.attempts for letter in backend.dead(name, 0, 9)] == [9]
        assert backend.reject(name, [(hold(lease), "second")], Merge.REPLACE, 9) == ([True], 0)
        (letter,) = backend.dead(name, 0, 9)
        assert (letter.reason, letter.score, letter.attempts) == ("second", 1.5, 1)
        is_empty(backend, name)
