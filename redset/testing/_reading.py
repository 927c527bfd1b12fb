"""Checks of what looks at a set and leaves it as it is."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from redset.interfaces import NOW, Merge
from redset.testing._writing import TRICKY, everything, fill

if TYPE_CHECKING:
    from redset.interfaces import Backend, Entry

__all__ = ["ReadingChecks"]

_POSITIONS = range(-7, 8)


def _place(entry: Entry) -> tuple[float, bytes]:
    return (entry[1], entry[0])


class ReadingChecks:
    """Scores, ranks, counts, slices, ranges, samples."""

    def test_an_empty_set_has_nothing(self, backend: Backend, name: str) -> None:
        assert backend.length(name) == 0
        assert backend.count(name, -math.inf, math.inf) == 0
        assert backend.scores(name, [b"a"]) == [None]
        assert backend.lifetimes(name, [b"a"]) == [None]
        assert backend.lifetimes(name, []) == []
        assert backend.rank(name, b"a") is None
        assert backend.slice(name, 0, -1) == []
        assert backend.slice(name, 0, -1, reverse=True) == []
        assert backend.range(name, -math.inf, math.inf) == []
        assert backend.range(name, -math.inf, NOW, after=(b"a", 1.0)) == []
        assert backend.sample(name, 3) == []
        assert backend.dead(name, 0, 10) == []
        assert backend.dead_count(name) == 0

    def test_positions_far_beyond_the_end(self, backend: Backend, name: str) -> None:
        a, b = (b"a", 1.0), (b"b", 2.0)
        fill(backend, name, a, b)
        for far in (2**31, 2**62, 2**63, 2**70):
            assert backend.slice(name, -far, far) == [a, b]
            assert backend.slice(name, far, far) == []
            assert backend.slice(name, -far, -far) == []
            assert backend.range(name, -math.inf, NOW, count=far, reverse=True) == [b, a]
            assert backend.range(name, 1.0, 2.0, offset=1, count=far) == [b]
            assert backend.range(name, 1.0, 2.0, offset=far, count=far) == []
            assert sorted(backend.sample(name, far)) == [a, b]
            assert backend.dead(name, 0, far) == backend.dead(name, far, far) == []
            assert backend.remove_range(name, 5.0, 9.0, far) == 0
            assert backend.pop(name, far) == [a, b]
            fill(backend, name, a, b)
            assert backend.pop(name, far, high=NOW) == [a, b]
            fill(backend, name, a, b)
            assert backend.pop(name, far, reverse=True) == [b, a]
            fill(backend, name, a, b)

    def test_ten_thousand_at_once(self, backend: Backend, name: str) -> None:
        members = [b"%d" % i for i in range(10_000)]
        assert all(backend.remember(name, [(each, 60.0) for each in members], Merge.KEEP))
        assert None not in backend.scores(name, members)
        assert None not in backend.lifetimes(name, members)
        assert backend.remove(name, members, low=NOW) == 10_000
        assert backend.schedule(name, [(each, None) for each in members], Merge.KEEP)[0] == 10_000
        assert backend.length(name) == len(backend.pop(name, 10_000, high=NOW)) == 10_000

    def test_scores(self, backend: Backend, name: str) -> None:
        fill(backend, name, (b"a", 0.0), (b"b", -2.5))
        assert backend.scores(name, [b"b", b"x", b"a", b"b"]) == [-2.5, None, 0.0, -2.5]
        assert backend.scores(name, []) == []

    def test_rank_and_length(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((member, 1.0) for member in TRICKY), (b"first", 0.0))
        order = [b"first", *sorted(TRICKY)]
        assert [backend.rank(name, member) for member in order] == list(range(len(order)))
        assert backend.rank(name, b"missing") is None
        assert backend.length(name) == len(order)
        backend.remove(name, [b"first"])
        assert backend.rank(name, b"") == 0

    def test_count_includes_both_bounds(self, backend: Backend, name: str) -> None:
        scores = [-math.inf, -1.0, 0.0, 1.0, 1.0, 2.0, math.inf]
        fill(backend, name, *((b"%d" % i, score) for i, score in enumerate(scores)))
        bounds = [-math.inf, -1.0, -0.5, 0.0, 1.0, 2.0, math.inf]
        for low, high in itertools.product(bounds, repeat=2):
            expected = sum(low <= score <= high for score in scores)
            assert backend.count(name, low, high) == expected
        everything(backend, name)
        assert backend.count(name, 1.0, 2.0) == 3

    def test_slice_is_that_of_a_list(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((b"%d" % i, float(i // 2)) for i in range(5)))
        for reverse in (False, True):
            entries = sorted(everything(backend, name), key=_place, reverse=reverse)
            for start, stop in itertools.product(_POSITIONS, repeat=2):
                first = start if start >= 0 else max(start + 5, 0)
                last = stop if stop >= 0 else stop + 5
                expected = entries[first : max(last + 1, 0)]
                found = backend.slice(name, start, stop, reverse=reverse)
                assert found == expected, (start, stop, reverse)

    def test_slice_sees_changes_at_once(self, backend: Backend, name: str) -> None:
        fill(backend, name, *((b"%03d" % i, float(i)) for i in range(100)))
        assert backend.slice(name, 0, 1) == [(b"000", 0.0), (b"001", 1.0)]
        backend.remove(name, [b"000"])
        fill(backend, name, (b"001", 50.5), (b"099", -1.0))
        assert backend.slice(name, 0, 1) == [(b"099", -1.0), (b"002", 2.0)]
        fill(backend, name, (b"000", 0.0))
        assert backend.slice(name, 0, 2) == [(b"099", -1.0), (b"000", 0.0), (b"002", 2.0)]
        assert backend.slice(name, 51, 51) == [(b"001", 50.5)]
        assert len(everything(backend, name)) == 100

    def test_range_by_score(self, backend: Backend, name: str) -> None:
        entries = [(b"%d" % i, float(i // 2)) for i in range(10)]
        fill(backend, name, *entries)
        for low, high in itertools.product(
            [-math.inf, -1.0, 0.0, 1.5, 2.0, 9.0, math.inf], repeat=2
        ):
            expected = [entry for entry in entries if low <= entry[1] <= high]
            assert backend.range(name, low, high) == expected
            assert backend.range(name, low, high, reverse=True) == expected[::-1]
            assert backend.range(name, low, high, count=3) == expected[:3]
            assert backend.range(name, low, high, offset=2, count=2) == expected[2:4]
            assert backend.range(name, low, high, offset=20) == []
            assert (
                backend.range(name, low, high, offset=1, count=2, reverse=True)
                == expected[::-1][1:3]
            )

    def test_range_after_a_place(self, backend: Backend, name: str) -> None:
        entries = [(member, 1.0) for member in sorted(TRICKY)]
        entries = [(b"z", -math.inf), (b"first", 0.0), *entries, (b"a!", 2.0), (b"last", math.inf)]
        fill(backend, name, *entries)
        absent = [
            (b"ab", 1.0),
            (b"a", 1.5),
            (b"first", 0.5),
            (b"", -1.0),
            (b"a!", 1.0),
            (b"zz", 2.0),
        ]
        for after in (*entries, *absent):
            behind = [entry for entry in entries if _place(entry) > _place(after)]
            before = [entry for entry in entries if _place(entry) < _place(after)][::-1]
            low, high = -math.inf, math.inf
            assert backend.range(name, low, high, after=after) == behind
            assert backend.range(name, low, high, after=after, offset=1, count=2) == behind[1:3]
            assert backend.range(name, low, high, after=after, reverse=True) == before
            assert (
                backend.range(name, low, high, after=after, offset=1, count=2, reverse=True)
                == before[1:3]
            )
            assert backend.range(name, 1.0, 1.0, after=after) == [
                entry for entry in behind if entry[1] == 1.0
            ]

    def test_pages_give_everything_once(self, backend: Backend, name: str) -> None:
        entries = [(b"%d" % (i * 7 % 100), float(i * 7 % 100 % 3)) for i in range(100)]
        fill(backend, name, *entries)
        for reverse in (False, True):
            seen: list[Entry] = []
            while page := backend.range(
                name,
                -math.inf,
                math.inf,
                after=seen[-1] if seen else None,
                count=7,
                reverse=reverse,
            ):
                seen += page
                assert len(seen) <= len(entries)
            assert seen == sorted(entries, key=_place, reverse=reverse)

    def test_sample(self, backend: Backend, name: str) -> None:
        entries = [(b"%d" % i, float(i)) for i in range(20)]
        fill(backend, name, *entries)
        some = backend.sample(name, 5)
        assert len(set(some)) == 5
        assert set(some) <= set(entries)
        assert sorted(backend.sample(name, 50)) == sorted(entries)
        assert len({backend.sample(name, 1)[0] for _ in range(200)}) > 1

    def test_now_divides_a_range(self, backend: Backend, name: str) -> None:
        now = backend.schedule(name, [], Merge.KEEP)[1]
        past = [(b"a", -math.inf), (b"b", now - 60), (b"c", now - 30)]
        future = [(b"d", now + 60), (b"e", now + 90), (b"f", math.inf)]
        fill(backend, name, *past, *future)
        low, high = -math.inf, math.inf
        assert backend.count(name, low, NOW) == backend.count(name, NOW, high) == 3
        assert backend.count(name, NOW, NOW) == 0
        assert backend.count(name, now - 45, NOW) == 1
        assert backend.range(name, low, NOW) == past
        assert backend.range(name, NOW, high) == future
        assert backend.range(name, low, NOW, offset=1, count=1) == past[1:2]
        assert backend.range(name, low, NOW, offset=3, count=1) == []
        assert backend.range(name, low, NOW, offset=1, reverse=True) == past[1::-1]
        assert backend.range(name, NOW, high, after=future[0]) == future[1:]
        assert backend.range(name, NOW, high, after=past[0]) == future
        assert backend.remove_range(name, low, NOW, 2) == 2
        assert backend.remove_range(name, NOW, now + 60) == 1
        assert everything(backend, name) == [past[2], *future[1:]]
