"""The dict and heap of a memory set keep their promises to each other, whatever is done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from redset.backends.memory._sortedmap import SortedMap
from redset.interfaces import Merge

if TYPE_CHECKING:
    from redset.interfaces import Entry

_SLACK = 64

_MEMBERS = st.integers(0, 120).map(lambda number: b"%d" % number)
_SCORES = st.sampled_from([-math.inf, -0.0, 0.0, 5.0, 30.0, math.inf]) | st.floats(0, 50)
_COUNTS = st.integers(1, 5) | st.integers(1, 200)
_POSITIONS = st.integers(-130, 130)


def heap_of(held: SortedMap) -> list[tuple[float, bytes]]:
    return held._heap  # noqa: SLF001  (it is what is tested)


def check(held: SortedMap) -> None:
    """Raise if the parts of a map do not fit each other."""
    heap = heap_of(held)
    live = [(score, member) for member, score in held.scores.items()]
    assert set(live) <= set(heap), "a member has no live pair"
    assert all(heap[(place - 1) // 2] <= heap[place] for place in range(1, len(heap)))
    assert len(heap) <= 2 * len(live) + _SLACK, "stale pairs are kept for too long"
    if held._is_clean():  # noqa: SLF001  (it is what is tested)
        assert heap == sorted(live), "it only seems to be sorted and pruned"


class Machine(RuleBasedStateMachine):
    """Does the same to a map and to a dict that is sorted each time."""

    def __init__(self) -> None:
        super().__init__()
        self.held = SortedMap()
        self.expected: dict[bytes, float] = {}

    def ordered(self) -> list[Entry]:
        return sorted(self.expected.items(), key=lambda entry: (entry[1], entry[0]))

    def drop(self, entries: list[Entry]) -> list[Entry]:
        for member, _ in entries:
            del self.expected[member]
        return entries

    @invariant()
    def is_sound(self) -> None:
        check(self.held)
        assert self.held.scores == self.expected

    @rule(entries=st.lists(st.tuples(_MEMBERS, _SCORES), max_size=4), merge=st.sampled_from(Merge))
    def add(self, entries: list[Entry], merge: Merge) -> None:
        before = len(self.expected)
        for member, score in entries:
            old = self.expected.get(member)
            if (
                old is None
                or merge is Merge.REPLACE
                or (merge is Merge.EARLIEST and score < old)
                or (merge is Merge.LATEST and score > old)
            ):
                self.expected[member] = score
        assert self.held.add(entries, merge) == len(self.expected) - before

    @rule(count=st.integers(30, 120), factor=st.integers(1, 40), shift=st.integers(0, 99))
    def add_many(self, count: int, factor: int, shift: int) -> None:
        entries = [(b"%d" % i, float((i * factor + shift) % 41)) for i in range(count)]
        self.add(entries, Merge.REPLACE)

    @rule(by=st.sampled_from([-100.0, 100.0]))
    def move_all(self, by: float) -> None:
        entries = [(member, score + by) for member, score in self.expected.items()]
        self.add(entries, Merge.REPLACE)

    @rule(member=_MEMBERS)
    def remove(self, member: bytes) -> None:
        assert self.held.remove(member) == self.expected.pop(member, None)

    @rule(start=st.integers(0, 120), step=st.integers(1, 3))
    def remove_many(self, start: int, step: int) -> None:
        for number in range(start, 120, step):
            self.remove(b"%d" % number)

    @rule(count=_COUNTS, high=_SCORES | st.just(math.inf))
    def pop_first(self, count: int, high: float) -> None:
        due = [entry for entry in self.ordered() if entry[1] <= high]
        assert self.held.pop_first(count, high) == self.drop(due[:count])

    @rule(times=st.integers(1, 100))
    def pop_one_by_one(self, times: int) -> None:
        for _ in range(times):
            self.pop_first(1, math.inf)
            check(self.held)

    @rule(count=_COUNTS)
    def pop_last(self, count: int) -> None:
        assert self.held.pop_last(count) == self.drop(self.ordered()[::-1][:count])

    @rule(count=_COUNTS)
    def first(self, count: int) -> None:
        assert self.held.first(count) == self.ordered()[:count]

    @rule(member=_MEMBERS)
    def rank(self, member: bytes) -> None:
        ranks = {entry[0]: rank for rank, entry in enumerate(self.ordered())}
        assert self.held.rank(member) == ranks.get(member)

    @rule(low=_SCORES, high=_SCORES, above=st.booleans())
    def count(self, low: float, high: float, above: bool) -> None:
        found = self.held.count(low, high, above=above)
        assert found == len(self.between(low, high, above=above))

    @rule(start=_POSITIONS, stop=_POSITIONS, reverse=st.booleans())
    def slice(self, start: int, stop: int, reverse: bool) -> None:
        ordered = self.ordered()[::-1] if reverse else self.ordered()
        found = self.held.slice(start, stop, reverse=reverse)
        assert found == ordered[start : stop + 1 or None]

    @rule(
        low=_SCORES | st.just(-math.inf),
        high=_SCORES,
        above=st.booleans(),
        after=st.none() | st.tuples(_MEMBERS, _SCORES),
        offset=st.integers(0, 9),
        count=st.none() | _COUNTS,
        reverse=st.booleans(),
    )
    def range(
        self,
        low: float,
        high: float,
        above: bool,
        after: Entry | None,
        offset: int,
        count: int | None,
        reverse: bool,
    ) -> None:
        entries = self.between(low, high, above=above)
        entries = entries[::-1] if reverse else entries
        if after is not None:
            place = (after[1], after[0])
            entries = [
                (member, score)
                for member, score in entries
                if ((score, member) < place if reverse else (score, member) > place)
            ]
        found = self.held.range(
            low, high, above=above, after=after, offset=offset, count=count, reverse=reverse
        )
        assert found == entries[offset:][:count]

    def between(self, low: float, high: float, *, above: bool) -> list[Entry]:
        return [
            entry
            for entry in self.ordered()
            if (low < entry[1] if above else low <= entry[1]) and entry[1] <= high
        ]


TestSortedMap = Machine.TestCase
TestSortedMap.settings = settings(
    max_examples=150,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("reverse", [False, True])
def test_reading_does_not_disturb(reverse: bool) -> None:
    held = SortedMap()
    held.add([(b"%d" % (i * 7 % 100), float(i % 10)) for i in range(100)], Merge.REPLACE)
    held.slice(0, -1, reverse=reverse)
    heap = list(heap_of(held))
    for _ in range(2):
        held.first(3)
        held.rank(b"7")
        held.count(1.0, 5.0, above=False)
        held.slice(10, -10, reverse=reverse)
        assert heap_of(held) == heap
    check(held)


def test_a_member_put_off_again_and_again_takes_the_place_of_one() -> None:
    held = SortedMap()
    for i in range(10_000):
        held.add([(b"busy", float(i))], Merge.REPLACE)
        assert len(heap_of(held)) <= 2 + _SLACK
    assert held.pop_first(10, math.inf) == [(b"busy", 9999.0)]


def test_the_first_are_found_past_all_that_is_stale() -> None:
    held = SortedMap()
    held.add([(b"%03d" % i, float(i)) for i in range(100)], Merge.REPLACE)
    for i in range(70):
        held.remove(b"%03d" % i)
    assert held.first(1) == [(b"070", 70.0)]
    check(held)


def test_what_is_stale_behind_the_popped_is_dropped() -> None:
    held = SortedMap()
    held.add([(b"%03d" % i, float(i)) for i in range(100)], Merge.REPLACE)
    for i in range(20, 100):
        held.remove(b"%03d" % i)
    for i in range(20):
        assert held.pop_first(1, math.inf) == [(b"%03d" % i, float(i))]
        check(held)
