"""Checks of sets that are renamed, or go at a time."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING

import pytest

from redset.exceptions import LockTimeout
from redset.interfaces import NOW, DeadLetter, Merge
from redset.testing._algebra import others
from redset.testing._claim_steps import claim, claim_one, finish, hold, holds, refused, terms
from redset.testing._concurrency import at_once
from redset.testing._timing import present, waiting
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, Lease

__all__ = ["EndingChecks", "fill_all"]

_LONG = 30.0


def fill_all(backend: Backend, name: str) -> dict[bytes, Lease]:
    """Make a set with something in every state; return what is claimed."""
    members = [b"claimed", b"parked", b"delayed", b"tried"]
    fill(backend, name, *((member, 1.0) for member in members))
    leases = {lease.member: lease for lease in claim(backend, name)}
    fill(backend, name, (b"parked", 2.0))
    assert claim(backend, name) == []
    delayed, tried = hold(leases.pop(b"delayed")), hold(leases.pop(b"tried"))
    assert backend.release(name, delayed, Merge.REPLACE, delay=_LONG)
    assert backend.release(name, tried, Merge.REPLACE)
    fill(backend, name, (b"waits", 5.0))
    backend.bury(name, [DeadLetter(b"dead", "why", 7.0, 0.0)], 100)
    return leases


class EndingChecks:
    """All that is kept for a set changes its name, or goes, together."""

    # Renaming

    def test_all_of_a_set_is_renamed(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            leases = fill_all(backend, name)
            stats, letters = backend.stats(name, math.inf), backend.dead(name, 0, 10)
            assert backend.rename(name, other, replace=False) is True
            assert backend.stats(other, math.inf) == stats
            assert backend.dead(other, 0, 10) == letters
            assert everything(backend, other) == [(b"tried", 1.0), (b"waits", 5.0)]
            # Nothing is left, and what was claimed is so under the new name alone.
            assert backend.rename(name, other, replace=False) is None
            assert backend.clear(name) is False
            refused(backend, name, *holds(list(leases.values())))
            again = claim(backend, other, 2)
            assert [(lease.member, lease.attempt) for lease in again] == [
                (b"tried", 2),
                (b"waits", 1),
            ]
            given = holds([*leases.values(), *again])
            assert backend.acknowledge(other, given, Merge.REPLACE) == [True] * 4
            assert backend.remove(other, [b"delayed"]) == 1
            assert finish(backend, other) == [(b"parked", 2.0)]
            assert backend.redrive(other, [b"dead"], Merge.REPLACE) == 1
            assert finish(backend, other) == [(b"dead", 7.0)]

    @pytest.mark.parametrize("state", ["waits", "claimed", "delayed", "dead"])
    def test_what_has_the_name_is_not_replaced_unasked(
        self, backend: Backend, name: str, state: str
    ) -> None:
        with others(backend, name, [(b"a", 1.0)]) as (other,):
            fill(backend, name, (b"b", 2.0))
            if state == "dead":
                backend.bury(other, [DeadLetter(b"a", "", 1.0, 0.0)], 100)
                backend.pop(other, 1)
            if state in {"claimed", "delayed"}:
                lease = claim_one(backend, other)
                if state == "delayed":
                    assert backend.release(other, hold(lease), Merge.REPLACE, delay=_LONG)
            before = backend.stats(other, math.inf)
            assert backend.rename(name, other, replace=False) is False
            assert backend.stats(other, math.inf) == before
            assert everything(backend, name) == [(b"b", 2.0)]
            assert backend.rename(name, other, replace=True) is True
            assert backend.dead_count(other) == 0
            assert finish(backend, other) == [(b"b", 2.0)]

    @pytest.mark.parametrize("state", ["claimed", "delayed", "dead"])
    def test_what_does_not_wait_is_renamed_all_the_same(
        self, backend: Backend, name: str, state: str
    ) -> None:
        with others(backend, name, [(b"x", 9.0)]) as (other,):
            fill(backend, name, (b"a", 1.0))
            lease = claim_one(backend, name)
            if state == "delayed":
                assert backend.release(name, hold(lease), Merge.REPLACE, delay=_LONG)
            elif state == "dead":
                rejected = [(hold(lease), "broken")]
                assert backend.reject(name, rejected, Merge.REPLACE, 9) == ([True], 0)
            before = backend.stats(name, math.inf)
            assert backend.rename(name, other, replace=True) is True
            assert backend.stats(other, math.inf) == before
            assert everything(backend, other) == []
            assert backend.clear(name) is False

    def test_what_is_replaced_is_gone(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            leases = fill_all(backend, other)
            fill(backend, name, (b"tried", 2.0))
            assert backend.rename(name, other, replace=True) is True
            refused(backend, other, *holds(list(leases.values())))
            assert backend.dead_count(other) == 0
            lease = claim_one(backend, other)
            assert (lease.score, lease.attempt) == (2.0, 1)
            assert lease.token > max(lease.token for lease in leases.values())
            assert backend.acknowledge(other, [hold(lease)], Merge.REPLACE) == [True]
            assert finish(backend, other) == []

    def test_nothing_is_not_renamed(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 1.0)]) as (other,):
            for replace in (False, True):
                assert backend.rename(name, other, replace=replace) is None
            assert everything(backend, other) == [(b"a", 1.0)]

    def test_tokens_rise_under_either_name(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            tokens: list[int] = []
            for each in (name, other, name, other):
                fill(backend, each, (b"a", 1.0))
                lease = claim_one(backend, each)
                tokens.append(lease.token)
                assert backend.acknowledge(each, [hold(lease)], Merge.REPLACE) == [True]
                fill(backend, each, (b"b", 1.0))
                assert backend.rename(each, name if each == other else other, replace=True)
            assert tokens == sorted(set(tokens))
            backend.clear(name)

    def test_a_name_is_taken_by_one(self, backend: Backend, name: str) -> None:
        sources = [f"{{{name}}}:from-{i}" for i in range(8)]
        with others(backend, name, []) as (other,):
            for source in sources:
                fill(backend, source, (source.encode(), 1.0))
            done = at_once(lambda i: backend.rename(sources[i], other, replace=False))
            assert sorted(map(bool, done)) == [False] * 7 + [True]
            winner = sources[done.index(True)]
            assert everything(backend, other) == [(winner.encode(), 1.0)]
            cleared = [backend.clear(source) for source in sources]
            assert cleared == [not is_done for is_done in done]

    def test_a_lock_stays_with_its_name(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,), backend.lock(name, 0.0, 60.0):
            fill(backend, name, (b"a", 1.0))
            assert backend.rename(name, other, replace=True) is True
            with backend.lock(other, 0.0, 60.0):
                # It is replaced, and its lock is not.
                fill(backend, name, (b"b", 1.0))
                assert backend.rename(name, other, replace=True) is True
                for each in (name, other):
                    with pytest.raises(LockTimeout), backend.lock(each, 0.0, 60.0):
                        pytest.fail("the lock was held twice")

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_a_new_name_ends_a_wait(self, backend: Backend, name: str, high: Bound) -> None:
        with others(backend, name, [(b"a", 1.0)]) as (other,):
            wait = partial(backend.wait_pop, name, 1, _LONG, high=high)
            with waiting(wait) as results:
                backend.rename(other, name, replace=False)
            assert results == [[(b"a", 1.0)]]

    # Ends

    def test_all_of_a_set_goes_at_a_time(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        leases = fill_all(backend, name)
        assert backend.expire(name, present(backend, name) + 0.8) is True
        # What joins it goes with it.
        fill(backend, name, (b"another", 3.0))
        leases[b"waits"] = claim(backend, name, 3)[2]
        before = dataclasses.replace(backend.stats(name, math.inf), oldest_claim=None)
        assert (before.pending, before.claimed, before.parked, before.dead) == (1, 5, 1, 1)
        advance(0.9)
        after = backend.stats(name, math.inf)
        assert after == type(after)(0, 0, 0, 0, 0, 0, None, None)
        refused(backend, name, *holds(list(leases.values())))
        assert (backend.clear(name), backend.length(name)) == (False, 0)
        # A set of its name begins anew.
        fill(backend, name, (b"tried", 2.0))
        advance(0.3)
        lease = claim_one(backend, name)
        assert (lease.score, lease.attempt) == (2.0, 1)
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert finish(backend, name) == []

    def test_a_time_that_has_come(self, backend: Backend, name: str) -> None:
        for when in (1.0, 0.0, -5.0, -1e9):
            fill_all(backend, name)
            assert backend.expire(name, when) is True
            assert backend.clear(name) is False
            assert (everything(backend, name), backend.dead_count(name)) == ([], 0)
            assert backend.expire(name, when) is False
            assert backend.expire(name, None) is False

    def test_the_present_is_a_time_that_has_come(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        for _ in range(5):
            fill(backend, name, (b"a", 1.0))
            assert backend.expire(name, present(backend, name)) is True
            # Some clocks tell milliseconds alone.
            advance(0.002)
            assert backend.length(name) == 0

    def test_a_set_may_stay_after_all(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        leases = fill_all(backend, name)
        assert backend.expire(name, None) is False
        assert backend.expire(name, present(backend, name) + 0.5) is True
        assert backend.expire(name, None) is True
        assert backend.expire(name, None) is False
        advance(0.6)
        assert (backend.length(name), backend.dead_count(name)) == (2, 1)
        given = holds(list(leases.values()))
        assert backend.acknowledge(name, given, Merge.REPLACE) == [True] * 2
        assert backend.remove(name, [b"delayed"]) == 1
        assert backend.forget(name, [b"dead"]) == 1
        assert len(finish(backend, name)) == 3

    def test_the_last_end_that_was_given(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        now = present(backend, name)
        for when in (now + 0.5, now + 600):
            assert backend.expire(name, when) is True
        advance(0.6)
        assert backend.length(name) == 1
        assert backend.expire(name, now + 0.7) is True
        advance(0.2)
        assert backend.length(name) == 0

    def test_a_set_that_is_emptied_forgets_its_end(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"a", 1.0))
        assert backend.expire(name, present(backend, name) + 0.5) is True
        assert backend.pop(name, 1) == [(b"a", 1.0)]
        fill(backend, name, (b"b", 2.0))
        advance(0.6)
        assert everything(backend, name) == [(b"b", 2.0)]
        assert backend.expire(name, present(backend, name) + 60) is True
        assert backend.pop(name, 1) == [(b"b", 2.0)]
        fill(backend, name, (b"c", 3.0))
        assert backend.expire(name, None) is False

    def test_what_a_set_is_combined_with_does_not_put_off_its_end(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        kept = [(b"a", 1.0), (b"b", 1.0)]
        with others(backend, name, kept) as (other,):
            changes: list[Callable[[str], object]] = [
                lambda each: [backend.union(each, [other], merge) for merge in Merge],
                lambda each: backend.intersect(each, [other]),
                lambda each: backend.subtract(each, [f"{{{name}}}:none"]),
                lambda each: backend.move(other, b"b", each, Merge.REPLACE),
            ]
            names = [f"{{{name}}}:ends-{i}" for i in range(len(changes))]
            for each in names:
                fill(backend, each, (b"a", 1.0))
                assert backend.expire(each, present(backend, name) + 1)
            for each, change in zip(names, changes, strict=True):
                change(each)
                assert backend.scores(each, [b"a"]) == [1.0]
            advance(1.1)
            assert [backend.length(each) for each in (*names, other)] == [0, 0, 0, 0, 1]

    def test_an_end_goes_with_the_name(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with others(backend, name, [(b"x", 1.0)], [(b"y", 1.0)]) as (other, last):
            fill(backend, name, (b"a", 1.0))
            now = present(backend, name)
            assert backend.expire(name, now + 60)
            assert backend.expire(other, now + 0.5)
            assert backend.rename(name, other, replace=True)
            # Neither what comes under the old name, nor what takes a name, has the end of another.
            fill(backend, name, (b"b", 2.0))
            advance(0.6)
            assert everything(backend, other) == [(b"a", 1.0)]
            assert backend.expire(other, None) is True
            assert backend.expire(name, None) is False
            assert everything(backend, name) == [(b"b", 2.0)]
            assert backend.expire(name, present(backend, name) + 0.5)
            assert backend.rename(last, name, replace=True)
            advance(0.6)
            assert everything(backend, name) == [(b"y", 1.0)]

    def test_ends_of_sets_are_apart(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with others(backend, name, [(b"a", 1.0)], [(b"a", 1.0)]) as (one, two):
            fill(backend, name, (b"a", 1.0))
            now = present(backend, name)
            assert backend.expire(one, now + 0.1)
            assert backend.expire(two, now + 60)
            advance(0.2)
            names = (name, one, two)
            assert [backend.length(each) for each in names] == [1, 0, 1]
            assert backend.expire(two, now + 0.1)
            assert [backend.length(each) for each in names] == [1, 0, 0]

    def test_what_has_gone_is_not_waited_for(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        fill(backend, name, (b"later", present(backend, name) + 600))
        lease = claim_one(backend, name, terms(lease=600.0))
        fill(backend, name, (b"later", present(backend, name) + 600))
        assert backend.expire(name, present(backend, name) + 0.1)
        advance(0.2)
        refused(backend, name, hold(lease))
        assert backend.pop_any([(name, NOW), (name, math.inf)], 0.0) is None
        assert backend.wait_pop(name, 1, 0.0, high=NOW) == []
        assert backend.remember(name, [(b"later", 60.0)], Merge.KEEP) == [True]
