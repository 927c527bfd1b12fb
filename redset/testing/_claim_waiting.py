"""Checks of claims that wait: what ends a wait, and when it is over."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from functools import partial
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
    terms,
)
from redset.testing._timing import (
    does_not_spin,
    lasts_as_long_as_asked,
    present,
    until,
    waiting,
)
from redset.testing._writing import fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, Claimed, Lease

__all__ = ["ClaimWaitingChecks"]

# Longer than any wait that is to be ended by something else takes.
_LONG = 60.0
# Sooner than one who only looks now and then would notice.
_SOON = 0.3
_HIGHS = pytest.mark.parametrize("high", [math.inf, NOW])


def _wait_for(
    backend: Backend, name: str, high: Bound = math.inf, *, times: int = 1, settle: float = 0.05
) -> waiting[Lease]:
    """Have one member claimed by each of some who wait for it."""

    def wait() -> Lease:
        (lease,) = backend.wait_claim(name, 1, terms(high=high), _LONG).leases
        return lease

    return waiting(wait, times=times, settle=settle)


def _lag(
    backend: Backend, name: str, act: Callable[[], object], *names: str, high: Bound = math.inf
) -> float:
    """Return how long after something is done the last of those is woken who wait for it."""

    def wait(each: str) -> float:
        assert backend.wait_claim(each, 1, terms(high=high), _LONG).leases
        return time.monotonic()

    with ExitStack() as stack:
        ends = [stack.enter_context(waiting(partial(wait, each))) for each in names or [name]]
        act()
        began = time.monotonic()
    return max(max(end) for end in ends) - began


def _is_done(backend: Backend, name: str, leases: list[Lease]) -> list[tuple[bytes, float]]:
    """Acknowledge what was claimed, see that nothing else is there, and return what it was."""
    assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * len(leases)
    is_empty(backend, name)
    return sorted(entries(leases))


class ClaimWaitingChecks:
    """Whatever brings a member in reach ends a wait."""

    def test_a_claim_does_not_wait_if_there_is_something(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        leases: list[Lease] = []
        for high, timeout in ((math.inf, None), (NOW, _LONG)):
            given = terms(high=high)
            with waiting(partial(backend.wait_claim, name, 2, given, timeout), settle=0) as results:
                pass
            assert results[0][1:] == ([], 0)
            leases += results[0].leases
        assert entries(leases) == [(b"a", 1.0), (b"b", 2.0), (b"c", 3.0)]
        assert _is_done(backend, name, leases) == [(b"a", 1.0), (b"b", 2.0), (b"c", 3.0)]

    @_HIGHS
    def test_a_wait_for_a_claim_does_not_spin(
        self, backend: Backend, name: str, high: Bound
    ) -> None:
        def wait() -> None:
            leases = backend.wait_claim(name, 1, terms(high=high), None).leases
            backend.acknowledge(name, holds(leases), Merge.REPLACE)

        # Nor does a copy keep it awake, which cannot be claimed.
        fill(backend, name, (b"held", 1.0))
        held = claim_one(backend, name)
        fill(backend, name, (b"held", 1.0))
        does_not_spin(wait, backend, name)
        assert backend.acknowledge(name, [hold(held)], Merge.REPLACE) == [True]
        assert finish(backend, name) == [(b"held", 1.0)]

    @_HIGHS
    def test_a_wait_for_a_claim_is_over_in_time(
        self, backend: Backend, name: str, high: Bound, advance: Callable[[float], None]
    ) -> None:
        # Neither what is claimed, nor its copy, nor what is delayed can be claimed.
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        a, b = claim(backend, name)
        fill(backend, name, (b"a", 3.0))
        assert backend.release(name, hold(b), Merge.REPLACE, delay=_LONG)
        with waiting(
            lambda: backend.wait_claim(name, 1, terms(high=high), 0.0), settle=0
        ) as results:
            pass
        with waiting(lambda: backend.wait_claim(name, 1, terms(high=high), 0.1)) as more:
            until(more, advance)
        assert results == more == [([], [], 0)]
        assert backend.stats(name, high).parked == 1
        assert backend.acknowledge(name, [hold(a)], Merge.REPLACE) == [True]
        assert backend.remove(name, [b"b"]) == 1
        assert finish(backend, name) == [(b"a", 3.0)]

    @_HIGHS
    def test_a_wait_for_a_claim_lasts_as_long_as_asked(
        self, backend: Backend, name: str, high: Bound, advance: Callable[[float], None]
    ) -> None:
        def wait() -> None:
            assert backend.wait_claim(name, 1, terms(high=high), 0.3).leases == []

        lasts_as_long_as_asked(wait, advance)

    @_HIGHS
    @pytest.mark.parametrize("timeout", [_LONG, None])
    def test_an_add_ends_a_wait_for_a_claim(
        self, backend: Backend, name: str, high: Bound, timeout: float | None
    ) -> None:
        def wait() -> list[Lease]:
            return backend.wait_claim(name, 5, terms(high=high), timeout).leases

        with waiting(wait) as results:
            fill(backend, name, (b"a", 1.0))
        assert _is_done(backend, name, results[0]) == [(b"a", 1.0)]

    @_HIGHS
    def test_whatever_adds_ends_a_wait_for_a_claim(
        self, backend: Backend, name: str, high: Bound
    ) -> None:
        other = f"{{{name}}}:other"
        fill(backend, other, (b"a", 2.0))
        backend.bury(name, [DeadLetter(b"a", "", 2.0, 0.0)], 10)
        ways: list[Callable[[], object]] = [
            lambda: backend.schedule(name, [(b"a", 2.0)], Merge.REPLACE),
            lambda: backend.increment(name, b"a", 2.0),
            lambda: backend.union(name, [other], Merge.REPLACE),
            lambda: backend.redrive(name, [b"a"], Merge.REPLACE),
        ]
        for bring in ways:
            with _wait_for(backend, name, high) as leases:
                bring()
            assert _is_done(backend, name, leases) == [(b"a", 2.0)]
        backend.clear(other)

    @_HIGHS
    def test_the_end_of_a_claim_ends_a_wait(self, backend: Backend, name: str, high: Bound) -> None:
        ways: list[Callable[[Lease], object]] = [
            lambda held: backend.release(name, hold(held), Merge.KEEP),
            lambda held: backend.release(name, hold(held), Merge.KEEP, score=1.0),
            lambda held: backend.release(name, hold(held), Merge.REPLACE, score=NOW),
        ]
        for release in ways:
            fill(backend, name, (b"a", 1.0))
            held = claim_one(backend, name)
            with _wait_for(backend, name, high) as leases:
                release(held)
            assert [lease.attempt for lease in leases] == [2]
            _is_done(backend, name, leases)

    @_HIGHS
    def test_a_parked_copy_ends_a_wait(self, backend: Backend, name: str, high: Bound) -> None:
        ways: list[Callable[[list[Lease]], object]] = [
            lambda held: backend.acknowledge(name, holds(held), Merge.REPLACE),
            lambda held: backend.reject(
                name, [(each, "") for each in holds(held)], Merge.REPLACE, 9
            ),
        ]
        for finish_all in ways:
            fill(backend, name, (b"a", 1.0))
            held = claim(backend, name)
            fill(backend, name, (b"a", 2.0))
            with _wait_for(backend, name, high) as leases:
                finish_all(held)
            assert _is_done(backend, name, leases) == [(b"a", 2.0)]

    @_HIGHS
    def test_what_a_claim_brings_back_for_others_ends_their_wait(
        self, backend: Backend, name: str, high: Bound
    ) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 1.0), (b"c", 1.0))
        held = claim(backend, name)
        fill(backend, name, (b"a", 2.0), (b"b", 2.0), (b"c", 2.0))
        with _wait_for(backend, name, high, times=2) as leases:
            mine, flags, _ = backend.claim(name, 1, terms(), acknowledge=holds(held))
        assert flags == [True] * 3
        assert _is_done(backend, name, mine + leases) == [(b"a", 2.0), (b"b", 2.0), (b"c", 2.0)]

    def test_due_time_ends_a_wait_for_a_claim(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        now = present(backend, name)
        backend.schedule(name, [(b"soon", now + 0.3), (b"later", now + 60)], Merge.REPLACE)
        with _wait_for(backend, name, NOW) as leases:
            advance(0.3)
        # Not before its time.
        assert leases[0].deadline >= now + 0.3 + 60.0 - CLOSE
        assert backend.remove(name, [b"later"]) == 1
        assert _is_done(backend, name, leases) == [(b"soon", now + 0.3)]

    def test_an_earlier_member_ends_a_wait_for_the_claim_of_a_later_one(
        self, backend: Backend, name: str
    ) -> None:
        backend.schedule(name, [(b"a", present(backend, name) + 600)], Merge.REPLACE)
        with _wait_for(backend, name, NOW) as leases:
            fill(backend, name, (b"a", 5.0))
        assert _is_done(backend, name, leases) == [(b"a", 5.0)]

    @_HIGHS
    def test_a_lease_that_runs_out_ends_a_wait(
        self, backend: Backend, name: str, high: Bound, advance: Callable[[float], None]
    ) -> None:
        given = [(b"%d" % i, float(i)) for i in range(4)]
        fill(backend, name, *given)
        claim(backend, name, 9, terms(lease=0.3))
        with _wait_for(backend, name, high, times=4) as leases:
            advance(0.3)
        assert {lease.attempt for lease in leases} == {2}
        assert _is_done(backend, name, leases) == given

    @_HIGHS
    def test_a_lease_that_is_shortened_ends_a_wait(
        self, backend: Backend, name: str, high: Bound, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        held = claim_one(backend, name)
        with _wait_for(backend, name, high) as leases:
            backend.extend(name, [hold(held)], 0.1)
            advance(0.1)
        assert _is_done(backend, name, leases) == [(b"a", 1.0)]

    @_HIGHS
    def test_the_end_of_a_delay_ends_a_wait(
        self, backend: Backend, name: str, high: Bound, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        held = claim_one(backend, name)
        # The delay may begin before the wait, or during it.
        assert backend.release(name, hold(held), Merge.REPLACE, delay=0.3)
        with _wait_for(backend, name, high) as leases:
            advance(0.3)
        (held,) = leases
        with _wait_for(backend, name, high) as leases:
            assert backend.release(name, hold(held), Merge.REPLACE, delay=0.3)
            advance(0.3)
        assert [lease.attempt for lease in leases] == [3]
        assert _is_done(backend, name, leases) == [(b"a", 1.0)]

    def test_a_wait_looks_behind_what_is_held(self, backend: Backend, name: str) -> None:
        given = [(b"%03d" % i, float(i)) for i in range(250)]
        fill(backend, name, *given)
        assert len(claim(backend, name)) == 250
        fill(backend, name, *given, (b"free", 300.0))
        with _wait_for(backend, name, settle=0) as leases:
            pass
        assert entries(leases) == [(b"free", 300.0)]
        assert backend.clear(name) is True

    def test_a_wait_acknowledges_at_once(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0))
        a, b = claim(backend, name)
        done = [hold(a), (b"b", a.token)]

        def wait() -> Claimed:
            return backend.wait_claim(name, 1, terms(), _LONG, acknowledge=done)

        with waiting(wait) as results:
            deadline = time.monotonic() + 3.0
            while backend.stats(name, NOW).claimed == 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            claimed = backend.stats(name, NOW).claimed
            fill(backend, name, (b"c", 3.0))
        assert claimed == 1
        ((leases, acknowledged, dropped),) = results
        assert (acknowledged, dropped) == ([True, False], 0)
        assert _is_done(backend, name, [b, *leases]) == [(b"b", 2.0), (b"c", 3.0)]

    def test_a_wait_tells_what_was_dropped(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, *((b"%d" % i, 1.0) for i in range(3)))
        leases = claim(backend, name)
        backend.extend(name, holds(leases[:2]), 0.05)
        backend.extend(name, holds(leases[2:]), 0.25)
        advance(0.1)
        given = terms(max_attempts=1, dead_limit=1)
        with waiting(lambda: backend.wait_claim(name, 1, given, 0.5)) as results:
            until(results, advance)
        # One when the wait began, and one during it.
        assert results == [([], [], 2)]
        assert backend.dead_count(name) == 1
        is_empty(backend, name)

    @_HIGHS
    def test_each_of_many_who_wait_claims_one(
        self, backend: Backend, name: str, high: Bound
    ) -> None:
        given = [(b"%d" % i, float(i)) for i in range(8)]
        with _wait_for(backend, name, high, times=8) as leases:
            for entry in given[:4]:
                fill(backend, name, entry)
            fill(backend, name, *given[4:])
        assert _is_done(backend, name, leases) == given

    def test_who_waits_for_a_claim_is_woken_soon(self, backend: Backend, name: str) -> None:
        ways: list[Callable[[list[Lease]], object]] = [
            lambda _: fill(backend, name, (b"c", 1.0)),
            lambda held: backend.acknowledge(name, holds(held), Merge.REPLACE),
            lambda held: backend.reject(name, [(hold(held[0]), "")], Merge.REPLACE, 9),
            lambda held: backend.release(name, hold(held[0]), Merge.REPLACE),
            lambda held: backend.claim(name, 1, terms(), acknowledge=holds(held)),
        ]
        for act in ways:
            lags: list[float] = []
            for _ in range(3):
                fill(backend, name, (b"a", 1.0), (b"b", 1.0))
                held = claim(backend, name)
                fill(backend, name, (b"a", 2.0), (b"b", 2.0))
                lags.append(_lag(backend, name, partial(act, held)))
                assert backend.clear(name) is True
            # A machine that is busy otherwise is late, too, but not each time.
            assert min(lags) < _SOON

    def test_who_waits_for_a_time_wakes_up_soon(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        due, leased, delayed = names = [f"{{{name}}}:{i}" for i in range(3)]
        lags: list[float] = []
        for _ in range(3):
            for each in (leased, delayed):
                fill(backend, each, (b"a", 1.0))
            fill(backend, due, (b"a", present(backend, name) + 0.2))
            claim(backend, leased, 1, terms(lease=0.2))
            held = claim_one(backend, delayed)
            assert backend.release(delayed, hold(held), Merge.REPLACE, delay=0.2)
            lags.append(_lag(backend, name, partial(advance, 0.2), *names, high=NOW))
            assert [backend.clear(each) for each in names] == [True] * 3
        assert min(lags) < _SOON

    @_HIGHS
    def test_no_wake_up_of_a_claim_is_lost(self, backend: Backend, name: str, high: Bound) -> None:
        for i in range(50):
            with _wait_for(backend, name, high, settle=0) as leases:
                fill(backend, name, (b"%d" % i, 1.0))
            assert _is_done(backend, name, leases) == [(b"%d" % i, 1.0)]
