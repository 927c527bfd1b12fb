"""Checks of many threads that claim at once: one holder for each member, and nothing lost."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from redset.interfaces import NOW, Merge
from redset.testing._claim_steps import (
    claim,
    claim_one,
    entries,
    finish,
    hold,
    holds,
    is_empty,
    terms,
)
from redset.testing._concurrency import at_once
from redset.testing._writing import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from redset.interfaces import Backend, Hold, Lease

__all__ = ["ClaimantChecks"]

_PRODUCERS = 4


class _Register:
    """Knows who holds what, and what was added since it was last claimed."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._holders: dict[bytes, int] = {}
        self._producers = _PRODUCERS
        self.waiting: set[bytes] = set()
        self.held_twice: list[bytes] = []
        self.runs: Counter[bytes] = Counter()

    def add(self, member: bytes) -> None:
        """Note that a member is going to be added."""
        with self._guard:
            self.waiting.add(member)

    @contextmanager
    def producing(self) -> Generator[None, None, None]:
        """Note in the end that a producer is through."""
        try:
            yield
        finally:
            with self._guard:
                self._producers -= 1

    def is_over(self) -> bool:
        """Tell whether all producers are through."""
        return self._producers == 0

    def begin(self, member: bytes, number: int) -> None:
        """Note that a member was claimed."""
        with self._guard:
            if self._holders.setdefault(member, number) != number:
                self.held_twice.append(member)
            self.waiting.discard(member)
            self.runs[member] += 1
            assert self.runs.total() < 1000, "what was done is claimed again and again"

    def finish(self, member: bytes) -> None:
        """Note that a claim is going to be ended."""
        with self._guard:
            self._holders.pop(member, None)


class ClaimantChecks:
    """Claiming, ending and adding again, by many at once."""

    def test_a_member_is_claimed_by_one(self, backend: Backend, name: str) -> None:
        given = [(b"%04d" % i, float(i)) for i in range(800)]
        backend.add(name, given, Merge.REPLACE)

        def work(number: int) -> list[Lease]:
            leases: list[Lease] = []
            while len(leases) <= 800 and (found := claim(backend, name, 1 + number)):
                assert entries(found) == sorted(entries(found))
                leases += found
            return leases

        leases = [lease for part in at_once(work) for lease in part]
        assert sorted(entries(leases)) == given
        assert len({lease.token for lease in leases}) == 800
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 800
        is_empty(backend, name)

    def test_a_lease_that_ran_out_is_claimed_by_one(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        given = [(b"%04d" % i, float(i)) for i in range(80)]
        backend.add(name, given, Merge.REPLACE)
        claim(backend, name, 1000, terms(lease=0.05))
        advance(0.1)

        def work(_: int) -> list[Lease]:
            leases: list[Lease] = []
            while len(leases) <= 80 and (found := claim(backend, name, 3)):
                leases += found
            return leases

        leases = [lease for part in at_once(work) for lease in part]
        assert sorted(entries(leases)) == given
        assert {lease.attempt for lease in leases} == {2}
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 80
        is_empty(backend, name)

    def test_producers_and_claimants(self, backend: Backend, name: str) -> None:
        def work(number: int) -> list[bytes]:
            if number % 2:
                for i in range(50):
                    backend.add(name, [(b"%d-%d" % (number, i), float(i))], Merge.KEEP)
                return []
            done: list[Hold] = []
            members: list[bytes] = []
            for _ in range(50):
                (lease,), flags, _ = backend.wait_claim(name, 1, terms(), 20.0, acknowledge=done)
                assert all(flags)
                done = [hold(lease)]
                members.append(lease.member)
            assert backend.acknowledge(name, done, Merge.REPLACE) == [True]
            return members

        members = [member for part in at_once(work) for member in part]
        assert len(members) == len(set(members)) == 50 * _PRODUCERS
        is_empty(backend, name)

    def test_a_member_has_one_holder_and_no_copy_is_lost(self, backend: Backend, name: str) -> None:
        register = _Register()
        given = terms(merge=Merge.EARLIEST)

        def produce(number: int) -> None:
            with register.producing():
                for i in range(50):
                    member = b"%d" % (i % 3)
                    register.add(member)
                    backend.add(name, [(member, float(number))], Merge.EARLIEST)

        def consume(number: int) -> None:
            done: list[Hold] = []
            while True:
                # Whoever ends a claim looks for the copy that comes back with that.
                is_over = register.is_over()
                leases, flags, _ = backend.claim(name, 1, given, acknowledge=done)
                assert all(flags)
                done = holds(leases)
                if is_over and not leases:
                    break
                for lease in leases:
                    register.begin(lease.member, number)
                    time.sleep(0)
                    register.finish(lease.member)
                    if register.runs[lease.member] % 3 == 0:
                        assert backend.release(name, done.pop(), Merge.EARLIEST)
                    elif register.runs[lease.member] % 3 == 1:
                        assert backend.acknowledge(name, done, Merge.EARLIEST) == [True]
                        done = []

        at_once(lambda number: consume(number) if number < 4 else produce(number))
        assert register.held_twice == []
        assert register.waiting == set()
        is_empty(backend, name)

    def test_a_claim_is_ended_by_one(self, backend: Backend, name: str) -> None:
        due = terms(high=NOW)

        def end(turn: int, held: Hold, number: int) -> bool:
            how = (number + turn) % 4
            if how == 0:
                return backend.release(name, held, Merge.REPLACE)
            if how == 1:
                return backend.reject(name, [(held, "")], Merge.REPLACE, 9)[0] == [True]
            if how == 2:
                return backend.claim(name, 1, due, acknowledge=[held]).acknowledged == [True]
            return backend.acknowledge(name, [held], Merge.REPLACE) == [True]

        # Whichever thread is the first as a rule, each of these ways is the first at times.
        for turn in range(20):
            fill(backend, name, (b"a", math.inf))
            held = hold(claim_one(backend, name))
            flags = at_once(partial(end, turn, held))
            assert sum(flags) == 1
            how = (flags.index(True) + turn) % 4
            left = backend.stats(name, math.inf)
            assert (left.claimed, left.pending, left.dead) == (0, how == 0, how == 1)
            assert len(finish(backend, name)) == left.pending
            assert backend.forget(name, [b"a"]) == left.dead
