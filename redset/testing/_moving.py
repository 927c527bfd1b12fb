"""Checks of members that move between sets, and of sets that are taken from together."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from redset.interfaces import NOW, Merge
from redset.testing._algebra import others
from redset.testing._claim_steps import claim, claim_one, finish, hold, tricky_entries
from redset.testing._concurrency import at_once
from redset.testing._timing import present, until, waiting
from redset.testing._writing import everything, fill, pop_first_into

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, Entry

__all__ = ["MovingChecks"]

_LONG = 30.0
_HIGHS = pytest.mark.parametrize("high", [math.inf, NOW])
_MERGES = [
    (Merge.REPLACE, 1.0, 9.0),
    (Merge.KEEP, 5.0, 5.0),
    (Merge.EARLIEST, 1.0, 5.0),
    (Merge.LATEST, 5.0, 9.0),
]


class MovingChecks:
    """One member at a time changes its set, or is taken from the first set that has one."""

    def test_move(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            fill(backend, name, (b"a", 1.5), (b"b", math.inf))
            assert backend.move(name, b"b", other, Merge.KEEP) is True
            assert everything(backend, name) == [(b"a", 1.5)]
            assert everything(backend, other) == [(b"b", math.inf)]
            assert backend.move(name, b"b", other, Merge.REPLACE) is False
            assert backend.move(name, b"a", name, Merge.REPLACE) is True
            assert everything(backend, name) == [(b"a", 1.5)]
            assert backend.move(name, b"a", other, Merge.REPLACE) is True
            assert backend.length(name) == 0

    @pytest.mark.parametrize(("merge", "lower", "higher"), _MERGES)
    def test_scores_of_what_moves_merge(
        self, backend: Backend, name: str, merge: Merge, lower: float, higher: float
    ) -> None:
        with others(backend, name, [(b"low", 5.0), (b"high", 5.0)]) as (other,):
            for by_name in (True, False):
                fill(backend, name, (b"low", 1.0), (b"high", 9.0))
                if by_name:
                    assert backend.move(name, b"low", other, merge)
                else:
                    assert pop_first_into(backend, name, other, merge) == (b"low", 1.0)
                assert backend.move(name, b"high", other, merge)
                assert backend.scores(other, [b"low", b"high"]) == [lower, higher]
                assert backend.length(name) == 0
                fill(backend, other, (b"low", 5.0), (b"high", 5.0))

    def test_pop_into(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            fill(backend, name, (b"c", -math.inf), (b"b", 2.0), (b"a", 2.0))
            entries = [(b"c", -math.inf), (b"a", 2.0), (b"b", 2.0)]
            assert pop_first_into(backend, name, name, Merge.REPLACE) == entries[0]
            for entry in entries:
                assert pop_first_into(backend, name, other, Merge.REPLACE) == entry
            assert backend.pop_into(name, other, Merge.REPLACE, expected=b"b") is None
            assert everything(backend, other) == entries
            assert backend.length(name) == 0

    def test_only_what_is_expected_moves(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"b", 9.0)]) as (other,):
            pop = partial(backend.pop_into, name, other, Merge.REPLACE)
            assert pop(expected=b"a") is None
            fill(backend, name, (b"a", 1.0), (b"b", 2.0))
            assert pop(expected=b"b") is None
            assert pop(expected=b"") is None
            assert everything(backend, name) == [(b"a", 1.0), (b"b", 2.0)]
            assert everything(backend, other) == [(b"b", 9.0)]
            assert pop(expected=b"a", high=NOW) == (b"a", 1.0)
            assert pop(expected=b"b") == (b"b", 2.0)
            assert everything(backend, other) == [(b"a", 1.0), (b"b", 2.0)]

    def test_all_members_and_scores_move(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            entries = tricky_entries()
            fill(backend, name, *entries)
            members = [member for member, _ in entries]
            assert all(backend.move(name, member, other, Merge.REPLACE) for member in members)
            in_order = everything(backend, other)
            assert sorted(in_order) == sorted(entries)
            pop = partial(pop_first_into, backend, other, name, Merge.REPLACE)
            assert [pop() for _ in entries] == in_order
            take = partial(backend.pop_any, [(name, math.inf)], 0.0)
            assert [take() for _ in entries] == [(0, entry) for entry in in_order]

    def test_what_is_due_moves(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with others(backend, name, []) as (other,):
            now = present(backend, name)
            entries = [(b"past", 1.0), (b"soon", now + 0.2), (b"later", now + 60)]
            fill(backend, name, *entries)
            pop = partial(backend.pop_into, name, other, Merge.REPLACE, high=NOW)
            assert (pop(expected=b"past"), pop(expected=b"soon")) == (entries[0], None)
            advance(0.25)
            assert (pop(expected=b"soon"), pop(expected=b"later")) == (entries[1], None)
            assert backend.move(name, b"later", other, Merge.REPLACE)
            assert everything(backend, other) == entries

    def test_what_is_claimed_or_apart_does_not_move(self, backend: Backend, name: str) -> None:
        with others(backend, name, [(b"a", 5.0)]) as (other,):
            fill(backend, name, (b"a", 1.0), (b"b", 1.0), (b"c", 1.0))
            a, b, c = claim(backend, name)
            fill(backend, name, (b"b", 2.0))
            assert claim(backend, name) == []
            assert backend.release(name, hold(c), Merge.REPLACE, delay=_LONG)
            for member in (b"a", b"b", b"c"):
                assert backend.move(name, member, other, Merge.REPLACE) is False
                assert backend.pop_into(name, other, Merge.REPLACE, expected=member) is None
            assert backend.pop_any([(name, math.inf)], 0.0) is None
            # A copy moves, and the claim stays; to where it is claimed, it comes as an add.
            fill(backend, name, (b"a", 3.0))
            assert backend.move(name, b"a", other, Merge.REPLACE)
            assert backend.stats(name, math.inf).claimed == 2
            assert pop_first_into(backend, other, name, Merge.REPLACE) == (b"a", 3.0)
            assert claim(backend, name) == []
            both = [hold(a), hold(b)]
            assert backend.acknowledge(name, both, Merge.REPLACE) == [True, True]
            assert backend.remove(name, [b"c"]) == 1
            assert finish(backend, name) == [(b"b", 2.0), (b"a", 3.0)]

    @_HIGHS
    def test_what_moves_ends_a_wait(self, backend: Backend, name: str, high: Bound) -> None:
        with others(backend, name, [(b"a", 1.0), (b"b", 2.0)]) as (other,):
            wait = partial(backend.wait_pop, name, 1, _LONG, high=high)
            with waiting(wait) as results:
                backend.move(other, b"b", name, Merge.REPLACE)
            with waiting(wait) as more:
                pop_first_into(backend, other, name, Merge.REPLACE)
            assert results + more == [[(b"b", 2.0)], [(b"a", 1.0)]]

    def test_a_member_moves_once(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):
            entries = [(b"%03d" % i, float(i)) for i in range(100)]
            fill(backend, name, *entries)

            def move_all(_: int) -> int:
                return sum(backend.move(name, member, other, Merge.KEEP) for member, _ in entries)

            def move_back(_: int) -> list[Entry]:
                moved: list[Entry] = []
                while entry := pop_first_into(backend, other, name, Merge.KEEP):
                    moved.append(entry)
                return moved

            assert sum(at_once(move_all)) == len(entries)
            assert everything(backend, other) == entries
            assert sorted(entry for part in at_once(move_back) for entry in part) == entries
            assert everything(backend, name) == entries

    # The first of some sets

    def test_the_first_set_that_has_one(self, backend: Backend, name: str) -> None:
        two, three = [(b"b", 9.0), (b"a", 8.0)], [(b"c", 1.0)]
        with others(backend, name, two, three) as names:
            pop = partial(backend.pop_any, [(each, math.inf) for each in (name, *names)], 0.0)
            assert pop() == (1, (b"a", 8.0))
            fill(backend, name, (b"d", 99.0))
            assert [pop() for _ in range(4)] == [
                (0, (b"d", 99.0)),
                (1, (b"b", 9.0)),
                (2, (b"c", 1.0)),
                None,
            ]

    def test_each_set_has_its_bound(self, backend: Backend, name: str) -> None:
        now = present(backend, name)
        later = now + 600
        with others(backend, name, [(b"b", later)], [(b"c", 1.0), (b"d", later)]) as (one, two):
            fill(backend, name, (b"a", later))
            sources: list[tuple[str, Bound]] = [(name, NOW), (two, NOW), (one, math.inf)]
            assert backend.pop_any(sources, _LONG) == (1, (b"c", 1.0))
            assert backend.pop_any(sources, 0.0) == (2, (b"b", later))
            assert backend.pop_any(sources, 0.0) is None
            assert backend.pop_any([(name, NOW), (name, math.inf)], 0.0) == (1, (b"a", later))
            assert backend.length(two) == 1

    @_HIGHS
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_an_add_to_any_ends_a_wait(
        self, backend: Backend, name: str, high: Bound, which: int
    ) -> None:
        with others(backend, name, [], []) as rest:
            names = [name, *rest]
            wait = partial(backend.pop_any, [(each, high) for each in names], _LONG)
            with waiting(wait) as results:
                fill(backend, names[which], (b"a", 1.0))
            assert results == [(which, (b"a", 1.0))]
            with waiting(wait, settle=0) as results:
                backend.schedule(names[which], [(b"b", 2.0)], Merge.REPLACE)
            assert results == [(which, (b"b", 2.0))]

    def test_an_add_to_any_ends_a_wait_at_once(self, backend: Backend, name: str) -> None:
        with others(backend, name, []) as (other,):

            def wait() -> float:
                assert backend.pop_any([(name, math.inf), (other, NOW)], None)
                return time.monotonic()

            for each in (name, other):
                lags: list[float] = []
                for _ in range(3):
                    with waiting(wait) as ends:
                        began = time.monotonic()
                        fill(backend, each, (b"a", 1.0))
                    lags.append(max(ends) - began)
                # One who only looks now and then takes half a second on the average.
                assert min(lags) < 0.3, "the wait ended late"

    def test_a_due_time_in_any_ends_a_wait(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with others(backend, name, [], []) as (one, two):
            now = present(backend, name)
            fill(backend, name, (b"later", now + 600))
            fill(backend, two, (b"soon", now + 0.3))
            sources: list[tuple[str, Bound]] = [(name, NOW), (one, math.inf), (two, NOW)]
            with waiting(partial(backend.pop_any, sources, _LONG)) as results:
                advance(0.3)
            assert results == [(2, (b"soon", now + 0.3))]

    def test_a_wait_for_any_is_over_in_time(
        self, backend: Backend, name: str, advance: Callable[[float], None]
    ) -> None:
        with others(backend, name, [(b"later", 1e12)]) as (other,):
            sources: list[tuple[str, Bound]] = [(name, math.inf), (other, NOW)]

            def wait() -> float:
                assert backend.pop_any(sources, 0.3) is None
                return time.monotonic()

            assert backend.pop_any(sources, 0.0) is None
            began = time.monotonic()
            with waiting(wait) as results:
                advance(0.2)
                time.sleep(0.02)
                # With a real clock, time may have run on meanwhile.
                assert all(ended - began > 0.29 for ended in results), "the wait ended early"
                moves = until(results, advance)
            assert moves < 4, "the wait ended late"

    def test_those_who_wait_for_any_or_for_one_get_one_each(
        self, backend: Backend, name: str
    ) -> None:
        entries = [(b"%d" % i, float(i)) for i in range(4)]
        with others(backend, name, []) as (other,):
            sources: list[tuple[str, Bound]] = [(name, NOW), (other, NOW)]
            for_any = waiting(partial(backend.pop_any, sources, _LONG), times=2)
            for_one = waiting(partial(backend.wait_pop, other, 1, _LONG, high=NOW), times=2)
            with for_any as some, for_one as more:
                for entry in entries:
                    fill(backend, other, entry)
            popped = [entry for part in more for entry in part]
            popped += [found[1] for found in some if found]
            assert sorted(popped) == entries

    def test_of_any_a_member_is_popped_by_one(self, backend: Backend, name: str) -> None:
        entries = [(b"%03d" % i, float(i)) for i in range(150)]
        with others(backend, name, entries[50:100], entries[100:]) as names:
            fill(backend, name, *entries[:50])
            sources: list[tuple[str, Bound]] = [(each, math.inf) for each in (name, *names)]

            def work(number: int) -> list[Entry]:
                popped: list[Entry] = []
                while found := backend.pop_any(sources[:: -1 if number % 2 else 1], 0.0):
                    popped.append(found[1])
                return popped

            assert sorted(entry for part in at_once(work) for entry in part) == entries

    def test_a_claimed_copy_is_popped(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0))
        lease = claim_one(backend, name)
        fill(backend, name, (b"a", 2.0))
        assert backend.pop_any([(name, math.inf)], 0.0) == (0, (b"a", 2.0))
        assert backend.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
