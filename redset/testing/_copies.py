"""Checks of members that are added while they are claimed: one holder, and one that waits."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import DeadLetter, Merge
from redset.testing._claim_steps import (
    ENDS,
    claim,
    claim_one,
    end,
    entries,
    finish,
    hold,
    holds,
    is_empty,
    release_all,
    terms,
    tricky_entries,
)
from redset.testing._each import EACH_MERGE
from redset.testing._model import merged
from redset.testing._writing import everything, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Lease

__all__ = ["COPIES", "CopyChecks", "add_copies", "merge_all"]

# Scores that are not in the order of their digits.
COPIES: dict[bytes, tuple[list[float], list[float]]] = {
    b"alone": ([], []),
    b"parked lower": ([3.0], []),
    b"parked higher": ([10.0], []),
    b"added lower": ([], [3.0]),
    b"added higher": ([], [10.0]),
    b"both rising": ([3.0], [10.0]),
    b"both falling": ([10.0], [3.0]),
    b"parked twice, rising": ([3.0, 10.0], []),
    b"parked twice, falling": ([10.0, 3.0], []),
}
"""With which scores members that are claimed with 5.0 are parked, and then added once more."""


def add_copies(backend: Backend, name: str, merge: Merge) -> list[Lease]:
    """Claim all `COPIES`, and add them again as they say."""
    fill(backend, name, *((member, 5.0) for member in COPIES))
    given = terms(merge=merge)
    leases = claim(backend, name, 1000, given)
    assert len(leases) == len(COPIES)
    for turn in range(2):
        again = [(m, parked[turn]) for m, (parked, _) in COPIES.items() if turn < len(parked)]
        assert backend.add(name, again, merge) == len(again)
        assert claim(backend, name, 1000, given) == []
    backend.add(name, [(m, score) for m, (_, added) in COPIES.items() for score in added], merge)
    return leases


def merge_all(merge: Merge, *scores: float) -> float:
    """Return the score that some make that were given in this order."""
    return reduce(partial(merged, merge), scores)


class CopyChecks:
    """What is added meanwhile is not lost, not handed to another, and runs afterwards."""

    def test_what_is_added_while_it_is_claimed_waits(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        first = claim_one(backend, name)
        assert backend.add(name, [(b"a", 2.0), (b"b", 3.0)], Merge.REPLACE) == 2
        # Those behind it can be claimed.
        second = claim_one(backend, name)
        assert entries([second]) == [(b"b", 3.0)]
        for score in (4.0, 5.0):
            fill(backend, name, (b"a", score), (b"b", score))
            assert claim(backend, name) == []
            assert backend.length(name) == 0
            assert backend.stats(name, score).parked == 2
        assert backend.acknowledge(name, [hold(first)], Merge.REPLACE) == [True]
        assert everything(backend, name) == [(b"a", 5.0)]
        third = claim_one(backend, name)
        assert (entries([third]), third.attempt) == ([(b"a", 5.0)], 1)
        assert backend.acknowledge(name, holds([second, third]), Merge.REPLACE) == [True, True]
        assert finish(backend, name) == [(b"b", 5.0)]

    @EACH_MERGE
    @pytest.mark.parametrize("how", ENDS)
    def test_a_copy_runs_when_the_claim_has_ended(
        self,
        backend: Backend,
        name: str,
        how: str,
        merge: Merge,
        advance: Callable[[float], None],
    ) -> None:
        leases = add_copies(backend, name, merge)
        end(backend, name, leases, how, merge, advance)
        # The score that was claimed is older than all that were given since.
        old = [5.0] if how in {"release", "expire"} else []
        expected = {
            member: merge_all(merge, *old, *parked, *added)
            for member, (parked, added) in COPIES.items()
            if old or parked or added
        }
        again = claim(backend, name, 1000, terms(merge=merge))
        assert dict(entries(again)) == expected
        assert {lease.attempt for lease in again} == {2 if old else 1}
        assert backend.dead_count(name) == (len(COPIES) if how == "reject" else 0)
        assert backend.acknowledge(name, holds(again), merge) == [True] * len(again)
        is_empty(backend, name)

    @EACH_MERGE
    def test_a_claim_that_acknowledges_merges_copies(
        self, backend: Backend, name: str, merge: Merge
    ) -> None:
        done = holds(add_copies(backend, name, merge))
        again, flags, _ = backend.claim(name, 1000, terms(merge=merge), acknowledge=done)
        assert dict(entries(again)) == {
            member: merge_all(merge, *parked, *added)
            for member, (parked, added) in COPIES.items()
            if parked or added
        }
        assert flags == [True] * len(COPIES)
        assert backend.acknowledge(name, holds(again), merge) == [True] * len(again)
        is_empty(backend, name)

    def test_members_and_scores_come_back_as_they_were_claimed(
        self, backend: Backend, name: str
    ) -> None:
        given = tricky_entries()
        fill(backend, name, *given)
        leases = claim(backend, name)
        # Parked, and merged with what was claimed.
        fill(backend, name, *((member, 7.0) for member, _ in given))
        assert claim(backend, name) == []
        release_all(backend, name, leases, Merge.KEEP)
        assert sorted(everything(backend, name)) == sorted(given)
        leases = claim(backend, name)
        fill(backend, name, *given)
        assert claim(backend, name) == []
        assert all(backend.acknowledge(name, holds(leases), Merge.REPLACE))
        assert sorted(finish(backend, name)) == sorted(given)

    def test_whatever_brings_a_copy(self, backend: Backend, name: str) -> None:
        other = f"{{{name}}}:other"
        fill(backend, other, (b"a", 2.0))
        backend.bury(name, [DeadLetter(b"a", "", 2.0, 0.0)], 10)
        ways: list[Callable[[], object]] = [
            lambda: backend.add(name, [(b"a", 2.0)], Merge.REPLACE),
            lambda: backend.schedule(name, [(b"a", 2.0)], Merge.REPLACE),
            lambda: backend.increment(name, b"a", 2.0),
            lambda: backend.union(name, [other], Merge.REPLACE),
            lambda: backend.redrive(name, [b"a"], Merge.REPLACE),
        ]
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        for bring in ways:
            bring()
            assert claim(backend, name) == []
            (again,), flags, _ = backend.claim(name, 5, terms(), acknowledge=[hold(lease)])
            assert (again.score, again.attempt, flags) == (2.0, 1, [True])
            lease = again
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)
        backend.clear(other)

    def test_whatever_takes_a_copy_leaves_the_claim(self, backend: Backend, name: str) -> None:
        ways: list[Callable[[], object]] = [
            lambda: backend.pop(name, 5),
            lambda: backend.remove_range(name, 0.0, 9.0),
            lambda: backend.intersect(name, [f"{{{name}}}:missing"]),
            lambda: backend.remove(name, [b"a"]),
        ]
        for take in ways:
            fill(backend, name, (b"a", 1.0))
            lease = claim_one(backend, name)
            fill(backend, name, (b"a", 2.0))
            take()
            assert claim(backend, name) == []
            assert backend.release(name, hold(lease), Merge.REPLACE)
            again = claim_one(backend, name)
            assert (again.score, again.attempt) == (1.0, 2)
            assert backend.acknowledge(name, [hold(again)], Merge.REPLACE) == [True]
            is_empty(backend, name)

    def test_remove_drops_what_is_parked(self, backend: Backend, name: str) -> None:
        members = [b"parked", b"both", b"parked, too", b"early"]
        fill(backend, name, *((member, 1.0) for member in members))
        leases = claim(backend, name)
        fill(backend, name, *((member, 5.0) for member in members))
        assert claim(backend, name) == []
        fill(backend, name, (b"both", 7.0))
        assert backend.remove(name, [b"both"], low=6.0) == 1
        assert backend.remove(name, [b"both"]) == 0
        assert backend.remove(name, [b"parked", b"parked, too", b"x"], low=5.0) == 2
        assert backend.remove(name, [b"early"], low=6.0) == 0
        stats = backend.stats(name, 9.0)
        assert (stats.pending, stats.claimed, stats.parked) == (0, 4, 0)
        assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True] * 4
        is_empty(backend, name)
