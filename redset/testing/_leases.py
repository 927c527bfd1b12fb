"""Checks of leases: they run out, they are extended, and attempts are counted."""

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
    release_all,
    terms,
)
from redset.testing._model import dead_member
from redset.testing._timing import present
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Lease, Terms

__all__ = ["LeaseChecks", "claim_later"]


def claim_later(
    backend: Backend, name: str, advance: Callable[[float], None], given: Terms | None = None
) -> list[Lease]:
    """Let time pass in steps of 0.1 s until there is something to claim, and claim it."""
    for _ in range(50):
        advance(0.1)
        if leases := claim(backend, name, 1000, given):
            return leases
    pytest.fail("nothing came back")


def _expire(
    backend: Backend, name: str, leases: list[Lease], advance: Callable[[float], None]
) -> None:
    assert None not in backend.extend(name, holds(leases), 0.05)
    advance(0.1)


class LeaseChecks:
    """What comes back when its holder is not heard of, and how often."""

    def test_a_lease_that_ran_out_comes_back(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.5), (b"b", math.inf))
        first = claim(backend, name, 2, terms(lease=0.3))
        second = claim_later(backend, name, advance)
        second += claim(backend, name)
        assert entries(second) == [(b"a", 1.5), (b"b", math.inf)]
        assert [lease.attempt for lease in second] == [2, 2]
        # Not before its time.
        assert second[0].deadline - 60.0 >= first[0].deadline - CLOSE
        assert backend.acknowledge(name, holds(first), Merge.REPLACE) == [False, False]
        assert backend.acknowledge(name, holds(second), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    def test_a_late_holder_holds_until_somebody_claims(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        members = [b"acknowledged", b"extended", b"rejected", b"released"]
        fill(backend, name, *((member, 1.0) for member in members))
        leases = claim(backend, name, 4, terms(lease=0.05))
        advance(0.1)
        assert backend.length(name) == 0
        assert backend.stats(name, math.inf).claimed == 4
        acknowledged, extended, rejected, released = holds(leases)
        assert backend.acknowledge(name, [acknowledged], Merge.REPLACE) == [True]
        assert None not in backend.extend(name, [extended], 60.0)
        assert backend.reject(name, [(rejected, "")], Merge.REPLACE, 9) == ([True], 0)
        assert backend.release(name, released, Merge.REPLACE)
        assert entries(claim(backend, name)) == [(b"released", 1.0)]
        assert backend.acknowledge(name, [extended], Merge.REPLACE) == [True]
        assert backend.clear(name) is True

    def test_all_of_many_leases_come_back(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        given = [(b"%03d" % i, float(i)) for i in range(250)]
        fill(backend, name, *given)
        leases = claim(backend, name)
        _expire(backend, name, leases, advance)
        # In as many parts as the backend likes.
        again: list[Lease] = []
        while len(again) < 250 and (found := claim(backend, name)):
            again += found
        assert sorted(entries(again)) == given
        assert {lease.attempt for lease in again} == {2}
        assert min(lease.token for lease in again) > max(lease.token for lease in leases)
        assert backend.acknowledge(name, holds(again), Merge.REPLACE) == [True] * 250
        is_empty(backend, name)

    def test_what_comes_back_is_in_its_place(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"c", 3.0), (b"a", 1.0))
        now = present(backend, name)
        leases = claim(backend, name)
        fill(backend, name, (b"b", 2.0), (b"later", now + 60))
        _expire(backend, name, leases, advance)
        found = claim(backend, name, 2, terms(high=NOW))
        assert entries(found) == [(b"a", 1.0), (b"b", 2.0)]
        assert [lease.attempt for lease in found] == [2, 1]
        assert everything(backend, name) == [(b"c", 3.0), (b"later", now + 60)]
        # What is not due when it comes back is not handed out.
        (later,) = claim(backend, name)[1:]
        _expire(backend, name, [later], advance)
        assert claim(backend, name, 9, terms(high=NOW)) == []
        assert backend.scores(name, [b"later"]) == [now + 60]
        assert backend.clear(name) is True

    def test_attempts_are_counted(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        for attempt in (1, 3, 5):
            leases = claim(backend, name)
            assert [lease.attempt for lease in leases] == [attempt] * 2
            assert backend.release(name, hold(leases[0]), Merge.REPLACE)
            assert backend.release(name, hold(leases[1]), Merge.REPLACE, score=2.0, delay=0.05)
            advance(0.1)
            # To add it again changes nothing.
            assert backend.add(name, [(b"a", 1.0)], Merge.REPLACE) == 0
            leases = claim(backend, name)
            assert [lease.attempt for lease in leases] == [attempt + 1] * 2
            _expire(backend, name, leases, advance)
        leases = claim(backend, name)
        assert [lease.attempt for lease in leases] == [7, 7]
        # A copy that is put back when the claim ends well is new.
        fill(backend, name, (b"a", 1.0))
        assert claim(backend, name) == []
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True, True]
        fill(backend, name, (b"b", 2.0))
        leases = claim(backend, name)
        assert [lease.attempt for lease in leases] == [1, 1]
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    def test_attempts_are_counted_whatever_else_leaves(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((b"%03d" % i, 1.0) for i in range(200)))
        release_all(backend, name, claim(backend, name), Merge.REPLACE)
        assert len(backend.pop(name, 190)) == 190
        for attempt in (2, 3):
            leases = claim(backend, name)
            assert [lease.attempt for lease in leases] == [attempt] * 10
            release_all(backend, name, leases, Merge.REPLACE)
        assert len(finish(backend, name)) == 10
        # Now or never, attempts of what was popped are forgotten.
        assert claim(backend, name) == []

    def test_attempts_of_what_is_removed_are_forgotten(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        assert backend.release(name, hold(claim_one(backend, name)), Merge.REPLACE)
        assert backend.remove(name, [b"a"]) == 1
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        assert lease.attempt == 1
        assert backend.release(name, hold(lease), Merge.REPLACE, delay=60.0)
        assert backend.remove(name, [b"a"]) == 1
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        assert lease.attempt == 1
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)

    def test_the_last_attempt_ends_in_a_dead_letter(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        given = terms(max_attempts=3)
        fill(backend, name, (b"a", 1.5))
        # What was released counts, too, but the holder says what becomes of it.
        assert backend.release(name, hold(claim_one(backend, name, given)), Merge.REPLACE)
        _expire(backend, name, [claim_one(backend, name, given)], advance)
        lease = claim_one(backend, name, given)
        assert (lease.score, lease.attempt) == (1.5, 3)
        assert backend.dead_count(name) == 0
        _expire(backend, name, [lease], advance)
        fill(backend, name, (b"a", 4.0), (b"b", 5.0))
        before = present(backend, name)
        leases, _, dropped = backend.claim(name, 9, given)
        after = present(backend, name)
        # The copy that was added meanwhile is a new one.
        assert entries(leases) == [(b"a", 4.0), (b"b", 5.0)]
        assert [lease.attempt for lease in leases] == [1, 1]
        assert dropped == 0
        (letter,) = backend.dead(name, 0, 9)
        assert (dead_member(letter), letter.score, letter.attempts) == (b"a", 1.5, 3)
        assert letter.reason == "the lease ran out in attempt 3 of 3"
        assert before <= letter.time <= after
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [False]
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True, True]
        is_empty(backend, name)

    def test_dead_letters_of_leases_are_limited(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        given = terms(max_attempts=1, dead_limit=3)
        backend.bury(name, [DeadLetter(b"oldest", "", 1.0, 0.0)], 10)
        for first, dropped in ((0, 0), (2, 2)):
            fill(backend, name, (b"%d" % first, 1.0), (b"%d" % (first + 1), 1.0))
            _expire(backend, name, claim(backend, name), advance)
            assert backend.claim(name, 9, given) == ([], [], dropped)
        assert backend.dead_count(name) == 3
        assert b"oldest" not in {dead_member(letter) for letter in backend.dead(name, 0, 9)}
        is_empty(backend, name)

    def test_a_lease_is_extended(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, *((b"%d" % i, 1.0) for i in range(9)))
        leases = claim(backend, name, 1000, terms(lease=0.1))
        gone = holds(leases[:2])
        assert backend.acknowledge(name, gone, Merge.REPLACE) == [True] * 2
        assert backend.extend(name, [], 60.0) == []
        before = present(backend, name)
        deadlines = backend.extend(name, [gone[0], *holds(leases[2:]), gone[1], (b"x", 1)], 200.0)
        after = present(backend, name)
        assert [deadline is None for deadline in deadlines] == [True, *[False] * 7, True, True]
        for deadline in deadlines[1:8]:
            assert deadline is not None
            assert before + 200 - CLOSE <= deadline <= after + 200 + CLOSE
        advance(0.15)
        assert claim(backend, name) == []
        assert backend.acknowledge(name, holds(leases[2:]), Merge.REPLACE) == [True] * 7
        is_empty(backend, name)
