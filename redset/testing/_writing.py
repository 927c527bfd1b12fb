"""Checks of what changes a set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from redset.exceptions import ScoreError
from redset.interfaces import NOW, Merge
from redset.testing._each import EACH_MERGE

if TYPE_CHECKING:
    from redset.interfaces import Backend, Entry

__all__ = ["TRICKY", "WritingChecks", "everything", "fill", "pop_first_into"]

# In the order of bytes, which is neither that of text nor of length.
TRICKY = [
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\xff",
    b"\n",
    b"10",
    b"9",
    b"B",
    b"a",
    b"a\x00",
    b"aa",
    b"b",
    b"\x7f",
    b"\x80",
    "ä".encode(),
    b"\xff",
    b"\xff\x00",
]


def fill(backend: Backend, name: str, *entries: Entry) -> None:
    """Put entries into a set."""
    backend.add(name, entries, Merge.REPLACE)


def everything(backend: Backend, name: str) -> list[Entry]:
    """Return all entries in order."""
    return backend.slice(name, 0, -1)


def pop_first_into(backend: Backend, name: str, target: str, merge: Merge) -> Entry | None:
    """Move the first entry to another set, whatever it is."""
    while found := backend.range(name, -math.inf, math.inf, count=1):
        if entry := backend.pop_into(name, target, merge, expected=found[0][0]):
            return entry
    return None


class WritingChecks:
    """Adding, merging, popping, removing, combining, clearing."""

    def test_add_tells_how_many_were_new(self, backend: Backend, name: str) -> None:
        assert backend.add(name, [(b"a", 1.0), (b"b", 2.0)], Merge.REPLACE) == 2
        assert backend.add(name, [(b"b", 2.0), (b"c", 3.0)], Merge.REPLACE) == 1
        assert backend.add(name, [], Merge.REPLACE) == 0
        assert everything(backend, name) == [(b"a", 1.0), (b"b", 2.0), (b"c", 3.0)]

    def test_add_of_one_member_twice_in_a_call_goes_in_order(
        self, backend: Backend, name: str
    ) -> None:
        assert backend.add(name, [(b"a", 1.0), (b"a", 2.0)], Merge.REPLACE) == 1
        assert backend.add(name, [(b"b", 1.0), (b"b", 2.0)], Merge.KEEP) == 1
        assert backend.scores(name, [b"a", b"b"]) == [2.0, 1.0]

    @pytest.mark.parametrize(
        ("merge", "lower", "higher"),
        [
            (Merge.REPLACE, 1.0, 9.0),
            (Merge.KEEP, 5.0, 5.0),
            (Merge.EARLIEST, 1.0, 5.0),
            (Merge.LATEST, 5.0, 9.0),
        ],
    )
    def test_merge_rules(
        self, backend: Backend, name: str, merge: Merge, lower: float, higher: float
    ) -> None:
        for member, score, expected in ((b"low", 1.0, lower), (b"high", 9.0, higher)):
            fill(backend, name, (member, 5.0))
            assert backend.add(name, [(member, score)], merge) == 0
            assert backend.scores(name, [member]) == [expected]
            # The order follows the score, and the member stands in it once.
            assert [entry for entry in everything(backend, name) if entry[0] == member] == [
                (member, expected)
            ]

    @EACH_MERGE
    def test_merge_rules_add_what_is_absent(
        self, backend: Backend, name: str, merge: Merge
    ) -> None:
        assert backend.add(name, [(b"a", 3.0)], merge) == 1
        assert everything(backend, name) == [(b"a", 3.0)]

    def test_members_and_scores_come_back_as_they_were(self, backend: Backend, name: str) -> None:
        scores = [0.1, 1e-300, 5e-324, 1.7e308, 2.0**53 + 1, 1763936000.123456, -1.5, math.inf]
        members = [bytes(range(256)), b"x" * 100_000, *TRICKY]
        entries = [(member, scores[i % len(scores)]) for i, member in enumerate(members)]
        fill(backend, name, *entries)
        assert sorted(everything(backend, name)) == sorted(entries)
        assert backend.scores(name, members) == [score for _, score in entries]
        assert all(isinstance(member, bytes) for member, _ in everything(backend, name))
        assert all(type(score) is float for _, score in everything(backend, name))

    def test_ties_are_ordered_by_bytes(self, backend: Backend, name: str) -> None:
        for member in (*TRICKY[::2], *TRICKY[-2::-2]):
            fill(backend, name, (member, 1.0))
        assert [member for member, _ in everything(backend, name)] == sorted(TRICKY)
        assert [member for member, _ in backend.pop(name, 100)] == sorted(TRICKY)

    def test_order_of_scores(self, backend: Backend, name: str) -> None:
        scores = [-math.inf, -1e300, -1.0, -0.0, 1e-300, 1.0, 1e300, math.inf]
        entries = [(b"%d" % (9 - i), score) for i, score in enumerate(scores)]
        fill(backend, name, *reversed(entries))
        assert everything(backend, name) == entries
        assert backend.pop(name, 100) == entries

    def test_negative_zero_is_zero(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"c", -0.0), (b"b", 0.0), (b"a", -0.0))
        assert [member for member, _ in everything(backend, name)] == [b"a", b"b", b"c"]
        fill(backend, name, (b"b", -0.0), (b"c", 0.0))
        assert backend.count(name, 0.0, 0.0) == 3
        assert backend.pop(name, 3) == [(b"a", 0.0), (b"b", 0.0), (b"c", 0.0)]

    def test_pop_takes_the_first(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"c", 3.0), (b"a", 1.0), (b"b", 2.0))
        assert backend.pop(name, 1) == [(b"a", 1.0)]
        assert backend.pop(name, 10**9) == [(b"b", 2.0), (b"c", 3.0)]
        assert backend.pop(name, 1) == []
        assert backend.length(name) == 0

    def test_pop_reverse_takes_the_last(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"c", 2.0), (b"b", 2.0))
        assert backend.pop(name, 2, reverse=True) == [(b"c", 2.0), (b"b", 2.0)]
        assert backend.pop(name, 10**9, reverse=True) == [(b"a", 1.0)]
        assert backend.pop(name, 1, reverse=True) == []

    def test_a_popped_member_can_be_added_again(self, backend: Backend, name: str) -> None:
        for score in (1.0, 1.0, 2.0):
            assert backend.add(name, [(b"a", score), (b"b", 5.0)], Merge.REPLACE) >= 1
            assert backend.pop(name, 1) == [(b"a", score)]
        assert everything(backend, name) == [(b"b", 5.0)]

    def test_pops_and_adds_in_turn(self, backend: Backend, name: str) -> None:
        for i in range(200):
            fill(backend, name, (b"%d" % (i * 7919 % 200), float(i * 31 % 17)))
        left = {b"%d" % (i * 7919 % 200): float(i * 31 % 17) for i in range(200)}
        for i in range(100):
            (entry,) = backend.pop(name, 1, reverse=i % 3 == 0)
            ordered = sorted(left.items(), key=lambda pair: (pair[1], pair[0]))
            assert entry == (ordered[-1] if i % 3 == 0 else ordered[0])
            del left[entry[0]]
            if i % 5 == 0:
                fill(backend, name, (entry[0], 8.5))
                left[entry[0]] = 8.5
        assert dict(everything(backend, name)) == left

    def test_remove(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        assert backend.remove(name, [b"a", b"x", b"c"]) == 2
        assert backend.remove(name, [b"a"]) == 0
        assert backend.remove(name, []) == 0
        assert everything(backend, name) == [(b"b", 2.0)]

    def test_remove_counts_from_a_bound(self, backend: Backend, name: str) -> None:
        now = backend.schedule(name, [], Merge.KEEP)[1]
        fill(backend, name, (b"a", now - 60), (b"b", now + 60), (b"c", math.inf), (b"d", 5.0))
        assert backend.remove(name, [b"a", b"b", b"c", b"x"], low=NOW) == 2
        assert backend.remove(name, [b"d"], low=5.0) == 1
        assert backend.length(name) == 0

    def test_remove_range(self, backend: Backend, name: str) -> None:
        entries = [(b"%d" % i, float(i)) for i in range(10)]
        fill(backend, name, *entries)
        assert backend.remove_range(name, 3.0, 5.0) == 3
        assert backend.remove_range(name, 3.0, 5.0) == 0
        assert everything(backend, name) == entries[:3] + entries[6:]
        assert backend.remove_range(name, 1.0, 8.0, 3) == 3
        assert everything(backend, name) == [entries[0], entries[7], entries[8], entries[9]]
        assert backend.remove_range(name, -math.inf, math.inf) == 4

    def test_increment(self, backend: Backend, name: str) -> None:
        assert backend.increment(name, b"a", 2.5) == 2.5
        assert backend.increment(name, b"a", -4.0) == -1.5
        fill(backend, name, (b"b", 0.0))
        assert everything(backend, name) == [(b"a", -1.5), (b"b", 0.0)]

    def test_increment_to_no_number_changes_nothing(self, backend: Backend, name: str) -> None:
        assert backend.increment(name, b"a", math.inf) == math.inf
        with pytest.raises(ScoreError):
            backend.increment(name, b"a", -math.inf)
        assert everything(backend, name) == [(b"a", math.inf)]

    @pytest.mark.parametrize(
        ("merge", "expected"),
        [
            (Merge.REPLACE, {b"a": 1.0, b"b": 9.0, b"c": 0.5, b"d": 7.0}),
            (Merge.KEEP, {b"a": 1.0, b"b": 2.0, b"c": 3.0, b"d": 8.0}),
            (Merge.EARLIEST, {b"a": 1.0, b"b": 2.0, b"c": 0.5, b"d": 7.0}),
            (Merge.LATEST, {b"a": 1.0, b"b": 9.0, b"c": 3.0, b"d": 8.0}),
        ],
    )
    def test_union(
        self, backend: Backend, name: str, merge: Merge, expected: dict[bytes, float]
    ) -> None:
        others = [f"{{{name}}}:{i}" for i in range(3)]
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", 3.0))
        fill(backend, others[0], (b"b", 9.0), (b"c", 0.5), (b"d", 8.0))
        fill(backend, others[1], (b"d", 7.0))
        try:
            assert backend.union(name, others, merge) == 1
            assert dict(everything(backend, name)) == expected
            assert backend.length(others[0]) == 3
            assert backend.union(name, [name], merge) == 0
            assert backend.union(name, [], merge) == 0
            assert dict(everything(backend, name)) == expected
            # One after the other: by its turn, the set itself has nothing to add.
            fill(backend, name, *((member, 4.0) for member in expected))
            backend.union(name, [*others, name], merge)
            assert (
                dict(everything(backend, name))
                == {
                    Merge.REPLACE: {b"a": 4.0, b"b": 9.0, b"c": 0.5, b"d": 7.0},
                    Merge.KEEP: dict.fromkeys(expected, 4.0),
                    Merge.EARLIEST: {b"a": 4.0, b"b": 4.0, b"c": 0.5, b"d": 4.0},
                    Merge.LATEST: {b"a": 4.0, b"b": 9.0, b"c": 4.0, b"d": 8.0},
                }[merge]
            )
        finally:
            for other in others:
                backend.clear(other)

    def test_union_into_an_empty_set(self, backend: Backend, name: str) -> None:
        other = f"{{{name}}}:other"
        fill(backend, other, (b"a", math.inf), (b"b", -1.5))
        assert backend.union(name, [other], Merge.KEEP) == 2
        assert everything(backend, name) == [(b"b", -1.5), (b"a", math.inf)]
        backend.clear(other)

    def test_intersect(self, backend: Backend, name: str) -> None:
        others = [f"{{{name}}}:{i}" for i in range(2)]
        fill(backend, name, (b"a", 1.0), (b"b", 2.0), (b"c", math.inf))
        fill(backend, others[0], (b"a", 5.0), (b"c", -math.inf), (b"d", 5.0))
        fill(backend, others[1], (b"c", 5.0), (b"b", 5.0))
        assert backend.intersect(name, [name]) == 0
        assert backend.intersect(name, []) == 0
        assert backend.intersect(name, others[:1]) == 1
        assert everything(backend, name) == [(b"a", 1.0), (b"c", math.inf)]
        assert backend.intersect(name, others) == 1
        assert everything(backend, name) == [(b"c", math.inf)]
        assert backend.intersect(name, [f"{{{name}}}:missing"]) == 1
        assert everything(backend, name) == []
        for other in others:
            backend.clear(other)

    def test_clear(self, backend: Backend, name: str) -> None:
        assert backend.clear(name) is False
        fill(backend, name, (b"a", 1.0))
        assert backend.clear(name) is True
        assert everything(backend, name) == []
        assert backend.clear(name) is False

    def test_sets_are_apart(self, backend: Backend, name: str) -> None:
        others = [f"{name}:x", f"x:{name}", f"{name} ü\n{{y}}", f"{name}{{"]
        for i, other in enumerate(others):
            fill(backend, other, (b"a", float(i)))
        fill(backend, name, (b"a", 9.0))
        assert [backend.scores(other, [b"a"]) for other in others] == [[0.0], [1.0], [2.0], [3.0]]
        assert all(backend.clear(other) for other in others)
        assert everything(backend, name) == [(b"a", 9.0)]
