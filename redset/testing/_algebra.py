"""Checks of sets that are combined and compared."""

from __future__ import annotations

import math
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import NOW, Aggregate, Merge, Weighing
from redset.testing._claim_steps import claim, finish, hold, holds, is_empty
from redset.testing._timing import waiting
from redset.testing._writing import TRICKY, everything, fill

if TYPE_CHECKING:
    from collections.abc import Generator

    from redset.interfaces import Backend, Entry

__all__ = ["AlgebraChecks", "others"]

_LONG = 30.0


@contextmanager
def others(backend: Backend, name: str, *contents: list[Entry]) -> Generator[list[str], None, None]:
    """Give the names of sets with some entries each, in the slot of the set itself."""
    names = [f"{{{name}}}:{i}" for i in range(len(contents))]
    try:
        for other, entries in zip(names, contents, strict=True):
            fill(backend, other, *entries)
        yield names
    finally:
        for other in names:
            backend.clear(other)


def _apart(backend: Backend, name: str, *, aside: str) -> None:
    """Make a set with members in all states, whose names say which."""
    members = [b"claimed", b"parked", b"added again", b"delayed", b"delayed and added"]
    fill(backend, name, *((member, 1.0) for member in members))
    leases = {lease.member: lease for lease in claim(backend, name)}
    fill(backend, name, (b"parked", 2.0))
    assert claim(backend, name) == []
    for member in (b"delayed", b"delayed and added"):
        assert backend.release(name, hold(leases[member]), Merge.REPLACE, delay=_LONG)
    backend.add(name, [(b"added again", 3.0), (b"delayed and added", 4.0)], Merge.REPLACE)
    fill(backend, name, (b"waits", 5.0))
    fill(backend, aside, *((member, 9.0) for member in (*members, b"waits")))


class AlgebraChecks:
    """Unions, intersections and differences, and what sets have in common."""

    def test_subtract(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", -math.inf), (b"d", math.inf))
        one, two = [(b"a", 5.0), (b"x", 5.0)], [(b"a", 6.0), (b"c", 0.0)]
        with others(backend, name, one, two) as names:
            assert backend.subtract(name, []) == 0
            assert backend.subtract(name, [f"{{{name}}}:missing"]) == 0
            assert backend.subtract(name, names) == 2
            assert everything(backend, name) == [(b"b", 2.0), (b"d", math.inf)]
            assert backend.subtract(name, names) == 0
            assert [everything(backend, other) for other in names] == [one, [two[1], two[0]]]
            assert backend.subtract(name, [names[0], name]) == 2
            assert backend.length(name) == 0
            assert backend.subtract(name, names) == 0

    def test_tricky_members_are_combined(self, backend: Backend, name: str) -> None:
        entries = [(member, float(i)) for i, member in enumerate(TRICKY)]
        with others(backend, name, entries[::2], entries[::3]) as names:
            fill(backend, name, *entries)
            assert backend.is_subset(names[0], name)
            assert backend.subtract(name, names[:1]) == len(entries[::2])
            assert everything(backend, name) == entries[1::2]
            assert backend.intersect(name, names[1:]) == len(entries[1::2]) - len(entries[3::6])
            assert everything(backend, name) == entries[3::6]

    @pytest.mark.parametrize(
        ("aggregate", "expected"),
        [
            (Aggregate.SUM, {b"a": 13.0, b"b": 4.0, b"c": -3.0, b"d": 20.0}),
            (Aggregate.MIN, {b"a": -1.0, b"b": 4.0, b"c": -3.0, b"d": 20.0}),
            (Aggregate.MAX, {b"a": 10.0, b"b": 4.0, b"c": -3.0, b"d": 20.0}),
        ],
    )
    def test_a_weighed_union(
        self, backend: Backend, name: str, aggregate: Aggregate, expected: dict[bytes, float]
    ) -> None:
        one, two = [(b"a", 1.0), (b"c", 3.0)], [(b"a", 2.0), (b"d", 4.0)]
        with others(backend, name, one, two) as names:
            fill(backend, name, (b"a", 2.0), (b"b", 2.0))
            weighing = Weighing(aggregate, (2.0, -1.0, 5.0))
            assert backend.union(name, names, weighing) == 2
            assert dict(everything(backend, name)) == expected
            assert [everything(backend, other) for other in names] == [one, two]

    @pytest.mark.parametrize(
        ("aggregate", "expected"),
        [(Aggregate.SUM, 10.5), (Aggregate.MIN, 0.5), (Aggregate.MAX, 6.0)],
    )
    def test_a_weighed_intersection(
        self, backend: Backend, name: str, aggregate: Aggregate, expected: float
    ) -> None:
        one, two = [(b"a", 1.0), (b"b", 3.0)], [(b"a", 2.0), (b"c", 4.0)]
        with others(backend, name, one, two) as names:
            fill(backend, name, (b"a", 2.0), (b"b", 2.0), (b"c", 2.0))
            assert backend.intersect(name, names, Weighing(aggregate, (3.0, 0.5, 2.0))) == 2
            assert everything(backend, name) == [(b"a", expected)]
            missing = [f"{{{name}}}:missing"]
            assert backend.intersect(name, missing, Weighing(aggregate, (1.0, 1.0))) == 1
            assert backend.length(name) == 0

    def test_a_set_is_weighed_with_itself(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 10.0), (b"b", 10.0)]) as (other,):
            fill(backend, name, (b"a", 1.0))
            assert backend.union(name, [name, other, name], Weighing(Aggregate.SUM, (1, 2, 3, 4)))
            assert everything(backend, name) == [(b"b", 30.0), (b"a", 37.0)]
            assert backend.union(name, [], Weighing(Aggregate.MAX, (0.5,))) == 0
            assert backend.intersect(name, [name], Weighing(Aggregate.MIN, (2.0, 4.0))) == 0
            assert everything(backend, name) == [(b"b", 30.0), (b"a", 37.0)]

    def test_scores_add_up_in_the_order_of_the_sets(self, backend: Backend, name: str) -> None:
        big, more = [(b"a", 2.0**53)], [(b"a", -(2.0**53)), (b"b", 1.0), (b"c", 1.0)]
        for order, expected in ((1, 0.0), (-1, 1.0)):
            with others(backend, name, *[big, more][::order]) as names:
                fill(backend, name, (b"a", 1.0))
                backend.intersect(name, names, Weighing(Aggregate.SUM, (1.0, 1.0, 1.0)))
                assert everything(backend, name) == [(b"a", expected)]

    @pytest.mark.parametrize("aggregate", Aggregate)
    def test_what_is_not_a_number_counts_as_zero(
        self, backend: Backend, name: str, aggregate: Aggregate
    ) -> None:
        # Of these, one is the larger set, then the other one.
        few, many = [(b"a", math.inf)], [(b"a", -math.inf), (b"b", 1.0), (b"c", 1.0)]
        for mine, theirs in ((few, many), (many, few)):
            with others(backend, name, theirs) as names:
                fill(backend, name, *mine)
                backend.intersect(name, names, Weighing(aggregate, (0.0, 0.0)))
                assert everything(backend, name) == [(b"a", 0.0)]
                fill(backend, name, *mine)
                backend.intersect(name, names, Weighing(aggregate, (1.0, 1.0)))
                ends = {Aggregate.SUM: 0.0, Aggregate.MIN: -math.inf, Aggregate.MAX: math.inf}
                assert everything(backend, name) == [(b"a", ends[aggregate])]

    @pytest.mark.parametrize("how", ["intersect", "weighed", "subtract"])
    def test_what_is_removed_is_so_wherever_it_waits(
        self, backend: Backend, name: str, how: str
    ) -> None:
        with others(backend, name, [(b"x", 1.0)]) as (other,):
            _apart(backend, name, aside=other)

            def remove(by: str) -> int:
                if how == "subtract":
                    return backend.subtract(name, [by])
                weighing = Weighing(Aggregate.SUM, (1.0, 0.0)) if how == "weighed" else None
                return backend.intersect(name, [by], weighing)

            none, all_of_it = (f"{{{name}}}:none", other)[:: 1 if how == "subtract" else -1]
            before = (backend.stats(name, math.inf), everything(backend, name))
            assert remove(none) == 0
            assert (backend.stats(name, math.inf), everything(backend, name)) == before
            # What is claimed stays so, and is no more than that.
            assert remove(all_of_it) == 5
            stats = backend.stats(name, math.inf)
            assert (stats.claimed, stats.pending, stats.parked, stats.delayed) == (3, 0, 0, 0)
            assert everything(backend, name) == []
            # A delay that has gone is not met by what is added.
            fill(backend, name, (b"delayed", 7.0))
            (lease,) = claim(backend, name)
            assert (lease.member, lease.score, lease.attempt) == (b"delayed", 7.0, 1)
            assert backend.clear(name)

    @pytest.mark.parametrize("how", ["intersect", "subtract"])
    def test_what_is_removed_begins_anew(self, backend: Backend, name: str, how: str) -> None:
        fill(backend, name, (b"a", 1.0))
        (lease,) = claim(backend, name)
        assert backend.release(name, hold(lease), Merge.REPLACE)
        if how == "subtract":
            assert backend.subtract(name, [name]) == 1
        else:
            assert backend.intersect(name, [f"{{{name}}}:none"]) == 1
        fill(backend, name, (b"a", 1.0))
        (lease,) = claim(backend, name)
        assert lease.attempt == 1
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        is_empty(backend, name)

    def test_attempts_of_what_stays_are_kept(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 9.0), (b"b", 9.0)]) as (other,):
            fill(backend, name, (b"a", 1.0), (b"x", 1.0))
            for lease in claim(backend, name):
                assert backend.release(name, hold(lease), Merge.REPLACE)
            assert backend.intersect(name, [other]) == 1
            assert backend.union(name, [other], Merge.KEEP) == 1
            assert backend.subtract(name, [f"{{{name}}}:none"]) == 0
            leases = claim(backend, name)
            assert [(lease.member, lease.attempt) for lease in leases] == [(b"a", 2), (b"b", 1)]
            assert all(backend.acknowledge(name, holds(leases), Merge.REPLACE))

    def test_others_are_what_waits_in_them(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            _apart(backend, other, aside=name)
            waits = {b"added again", b"delayed and added", b"waits"}
            assert not backend.is_subset(name, other)
            assert backend.subtract(name, [other]) == 3
            rest = {member for member, _ in everything(backend, name)}
            assert rest == {b"claimed", b"parked", b"delayed"}
            assert backend.is_disjoint(name, other)
            assert backend.union(name, [other], Merge.REPLACE) == 3
            assert backend.intersect(name, [other]) == 3
            assert {member for member, _ in everything(backend, name)} == waits

    def test_what_is_united_while_it_is_claimed_waits(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 7.0)]) as (other,):
            fill(backend, name, (b"a", 1.0))
            leases = claim(backend, name)
            weighing = Weighing(Aggregate.SUM, (1.0, 2.0))
            assert backend.union(name, [other], weighing) == 1
            assert claim(backend, name) == []
            assert backend.acknowledge(name, holds(leases), Merge.REPLACE) == [True]
            assert finish(backend, name) == [(b"a", 14.0)]

    def test_is_disjoint(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"b", 1.0)], [(b"x", 1.0)], []) as (one, two, none):
            fill(backend, name, (b"a", 1.0), (b"b", 2.0))
            for other, expected in ((one, False), (two, True), (none, True), (name, False)):
                assert backend.is_disjoint(name, other) is expected
                assert backend.is_disjoint(other, name) is expected
            assert backend.is_disjoint(none, none) is True

    def test_is_subset(self, backend: Backend, name: str) -> None:
        contents = [(b"a", 5.0), (b"b", 5.0), (b"c", 5.0)], [(b"a", 1.0)], [(b"a", 1.0), (b"x", 1)]
        with others(backend, name, *contents, []) as (more, less, across, none):
            fill(backend, name, (b"a", 1.0), (b"b", 2.0))
            expected = {name: (True, True), more: (True, False), less: (False, True)}
            expected |= {across: (False, False), none: (False, True)}
            for other, (below, above) in expected.items():
                assert backend.is_subset(name, other) is below
                assert backend.is_subset(other, name) is above
            assert backend.is_subset(none, none) is True
            assert len(everything(backend, name)) == 2

    def test_many_are_compared(self, backend: Backend, name: str) -> None:
        many = [(b"%d" % i, float(i)) for i in range(2500)]
        with others(backend, name, many, []) as (other, apart):
            fill(backend, name, *many)
            assert backend.is_subset(name, other)
            backend.remove(other, [b"2499"])
            assert not backend.is_subset(name, other)
            assert backend.is_subset(other, name)
            fill(backend, apart, *((b"x%d" % i, 0.0) for i in range(2600)))
            assert backend.is_disjoint(name, apart)
            fill(backend, apart, (b"2499", 9.0))
            assert not backend.is_disjoint(name, apart)
            assert backend.subtract(name, [other]) == 2499

    @pytest.mark.parametrize("high", [math.inf, NOW])
    def test_a_weighed_union_ends_a_wait(self, backend: Backend, name: str, high: float) -> None:
        with others(backend, name, [(b"a", 5.0)]) as names:
            wait = partial(backend.wait_pop, name, 5, _LONG, high=high)
            with waiting(wait) as results:
                backend.union(name, names, Weighing(Aggregate.MIN, (1.0, 2.0)))
            assert results == [[(b"a", 10.0)]]

    def test_a_score_that_is_aggregated_ends_a_wait(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 5.0)]) as names:
            fill(backend, name, (b"a", 1e12))
            wait = partial(backend.wait_pop, name, 5, _LONG, high=NOW)
            with waiting(wait) as results:
                backend.intersect(name, names, Weighing(Aggregate.MIN, (1.0, 1.0)))
            assert results == [[(b"a", 5.0)]]
