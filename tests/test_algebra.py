"""Sets beside other sets: combined, compared and cut, on every backend, blocking and asyncio."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from redset import Aggregate, AsyncSortedSet, AsyncTTLSet, Merge, SortedSet, TTLSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.serializers import JSONSerializer
from redset.testing import ManualClock
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeSet = Callable[..., Any]


class Padded:
    """The same items as other bytes, in another order."""

    loads = int

    @staticmethod
    def dumps(item: int) -> str:
        return f"{item:06}"


@pytest.fixture(params=["near", "far", "given"])
def other(request: pytest.FixtureRequest, make: MakeSet) -> Callable[..., Any]:
    """Give a function that makes others: read by the server, through here, or no sets at all."""

    def make_other(*items: int, suffix: str = ":other") -> Any:
        if request.param == "given":
            return iter(items)
        serializer = Numbers if request.param == "near" else Padded
        made = make(serializer=serializer, suffix=suffix)
        made.update(items, [item * 10 for item in items])
        return made

    return make_other


@pytest.fixture
def s(make: MakeSet) -> Any:
    s = make(serializer=Numbers)
    s.update([1, 2, 3, 4], [4, 3, 2, 1])
    return s


class TestCutting:
    def test_difference_update(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.difference_update(other(1, 5), other(3, 1, suffix=":another")) == 2
        assert list(s.items()) == [(4, 1.0), (2, 3.0)]
        assert s.difference_update() == 0
        assert s.difference_update(other(2, 4, 9)) == 2
        assert len(s) == 0

    def test_intersection_update(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.intersection_update(other(1, 2, 3, 9)) == 1
        both = other(3, 1, suffix=":one"), other(1, 2, suffix=":two")
        assert s.intersection_update(*both) == 2
        assert list(s.items()) == [(1, 4.0)]
        assert s.intersection_update() == 0
        assert s.intersection_update(other(suffix=":none")) == 1

    def test_many(self, s: Any, other: Callable[..., Any]) -> None:
        s.update(range(2500), range(2500))
        many = other(*range(1000, 3500))
        assert s.intersection_update(many) == 1000
        assert s.difference_update(other(*range(1200, 9000), suffix=":more")) == 1300
        assert list(s) == list(range(1000, 1200))

    def test_all_kinds_at_once(self, s: Any, make: MakeSet) -> None:
        near, far = make(serializer=Numbers, suffix=":1"), make(serializer=Padded, suffix=":2")
        near.update([1, 2, 3])
        far.update([1, 2, 4])
        assert s.intersection_update(far, [1, 2, 9], near) == 2
        assert s.difference_update(near, [9], far) == 2

    def test_what_waits_elsewhere(self, make: MakeSet) -> None:
        s, other = make(), make(suffix=":other")
        s.update(["claimed", "parked", "delayed"])
        claims = {claim.item: claim for claim in s.claims(3)}
        s.add("parked", 5)
        assert s.claims(1) == []
        claims["delayed"].nack(delay=100)
        other.update(["claimed", "parked", "delayed"])
        assert s.difference_update(other) == 2
        stats = s.stats()
        assert (stats.claimed, stats.parked, stats.delayed) == (2, 0, 0)
        claims["claimed"].nack(delay=0)
        assert list(s) == ["claimed"]

    def test_an_iterable_is_not_read_ahead(self, s: Any) -> None:
        read: list[int] = []

        def numbers() -> Iterator[int]:
            for i in range(5000):
                read.append(i)
                if i == 2500:
                    raise InterruptedError
                yield i

        with pytest.raises(InterruptedError):
            s.difference_update(numbers())
        assert len(s) == 0
        with pytest.raises(InterruptedError):
            s.union_update(numbers())
        assert len(s) == 2000

    def test_a_set_cuts_itself(self, s: Any) -> None:
        assert s.intersection_update(s) == 0
        assert s.difference_update(s) == 4
        s.update([1, 2])
        assert s.difference_update(list(s)) == 2


class TestUniting:
    def test_union_update(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.union_update(other(1, 5)) == 1
        assert set(s) == {1, 2, 3, 4, 5}
        assert s.union_update() == 0

    @pytest.mark.parametrize("merge", Merge)
    @pytest.mark.parametrize("serializer", [Numbers, Padded])
    def test_scores_merge_in_turn(self, make: MakeSet, merge: Merge, serializer: Any) -> None:
        s = make(serializer=Numbers, merge=merge)
        one, two = (make(serializer=serializer, suffix=f":{i}") for i in range(2))
        s.update([1, 2], [5, 5])
        one.update([1, 2, 3], [1, 9, 7])
        two.update([1, 2, 3], [9, 1, 8])
        united = list(s.union(one, two))
        assert s.union_update(one, two) == 1
        expected = {
            Merge.REPLACE: {1: 9, 2: 1, 3: 8},
            Merge.KEEP: {1: 5, 2: 5, 3: 7},
            Merge.EARLIEST: {1: 1, 2: 1, 3: 7},
            Merge.LATEST: {1: 9, 2: 9, 3: 8},
        }
        assert dict(s.items()) == expected[merge]
        # What is only iterated over comes in the same order.
        assert united == list(s)

    def test_items_without_scores_get_those_of_the_set(self, make: MakeSet) -> None:
        s = make("SortedSet", lambda number: -number, Numbers)
        scheduled = make("ScheduledSet", serializer=Numbers, suffix=":due")
        seen = make("TTLSet", serializer=Numbers, suffix=":seen", ttl=60)
        seen.update([1, 2])
        assert s.union_update([3], seen) == 3
        assert list(s.items()) == [(3, -3.0), (2, -2.0), (1, -1.0)]
        assert scheduled.union_update([3], seen) == 3
        assert sorted(scheduled.take(5)) == [1, 2, 3]

    def test_sets_and_iterables_are_added_in_turn(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, merge=Merge.KEEP)
        near, far = make(serializer=Numbers, suffix=":1"), make(serializer=Padded, suffix=":2")
        near.update([1, 2], [1, 1])
        far.update([1, 2, 3], [2, 2, 2])
        assert s.union_update([1], near, far, [4], near) == 4
        assert dict(s.items()) == {1: 0, 2: 1, 3: 2, 4: 0}

    def test_many_from_elsewhere(self, make: MakeSet) -> None:
        s, far = make(serializer=Numbers), make(serializer=Padded, suffix=":far")
        far.update(range(2500), range(2500, 0, -1))
        assert s.union_update(far) == 2500
        assert list(s) == list(range(2499, -1, -1))
        far.union_update(range(2400, 2600))
        assert len(far) == 2600

    def test_weights_and_aggregates(self, make: MakeSet) -> None:
        s = make()
        one, two = make(suffix=":1"), make(suffix=":2")
        one.update(["a", "b"], [1, 2])
        two.update(["a", "c"], [10, 20])

        def united(**options: Any) -> dict[str, float]:
            s.clear()
            s.update(["a", "z"], [100, 200])
            assert s.union_update(one, two, **options) == 2
            return dict(s.items())

        assert united(weights=[1, 2, 3]) == {"a": 132, "b": 4, "c": 60, "z": 200}
        assert united(aggregate=Aggregate.MIN) == {"a": 1, "b": 2, "c": 20, "z": 200}
        both = united(weights=(0.5, -1, 0), aggregate=Aggregate.MAX)
        assert both == {"a": 50, "b": -2, "c": 0, "z": 100}
        united()
        assert s.intersection_update(one, aggregate=Aggregate.SUM) == 2
        assert list(s.items()) == [("b", 4.0), ("a", 11.0)]
        assert s.intersection_update(weights=[2]) == 0
        assert s.intersection_update(two, weights=[1, 0], aggregate=Aggregate.MIN) == 1
        assert list(s.items()) == [("a", 0.0)]

    def test_a_consumer_is_woken(self, make: MakeSet, other: Callable[..., Any]) -> None:
        s = make("ScheduledSet", serializer=Numbers)
        s.union_update(other(7))
        s.union_update([8])
        assert sorted([s.pop(timeout=10), s.pop(timeout=10)]) == [7, 8]


class TestYielding:
    def test_difference(self, s: Any, other: Callable[..., Any]) -> None:
        assert list(s.difference(other(1, 5), other(3, suffix=":another"))) == [4, 2]
        assert list(s.difference()) == [4, 3, 2, 1]
        assert len(s) == 4

    def test_intersection(self, s: Any, other: Callable[..., Any]) -> None:
        both = other(3, 1, 4, suffix=":one"), other(1, 2, 3, suffix=":two")
        assert list(s.intersection(*both)) == [3, 1]
        assert list(s.intersection()) == [4, 3, 2, 1]
        assert len(s) == 4

    def test_union(self, s: Any, other: Callable[..., Any]) -> None:
        united = list(s.union(other(1, 5), other(6, 2, suffix=":another")))
        assert sorted(united) == [1, 2, 3, 4, 5, 6]
        assert list(s.union()) == [4, 3, 2, 1]
        assert len(s) == 4

    @pytest.mark.parametrize("merge", Merge)
    def test_a_union_is_in_order(self, make: MakeSet, merge: Merge) -> None:
        s = make(serializer=Numbers, merge=merge)
        near, far = make(serializer=Numbers, suffix=":1"), make(serializer=Padded, suffix=":2")
        s.update(range(3000), (i % 7 for i in range(3000)))
        near.update(range(1500, 4500), (i % 5 for i in range(3000)))
        far.update(range(1000, 5000, 3), (i % 3 for i in range(2000)[: len(range(1000, 5000, 3))]))
        given = [7, 1600, 9000]
        united = list(s.union(near, given, far))
        s.union_update(near, given, far)
        assert united == list(s)
        assert len(united) == len(set(united))

    def test_scores_of_what_is_given(self, make: MakeSet) -> None:
        s = make("SortedSet", lambda number: -number, Numbers)
        s.update([1, 3])
        assert list(s.union([2, 4, 2, 1])) == [4, 3, 2, 1]
        scheduled = make("ScheduledSet", serializer=Numbers, suffix=":due")
        scheduled.update([1, 2], [time.time() - 60, time.time() + 60])
        seen = make("TTLSet", serializer=Numbers, suffix=":seen", ttl=60)
        seen.add(3)
        assert list(scheduled.union(seen)) == [1, 3, 2]

    def test_iterating_can_be_left(self, s: Any, other: Callable[..., Any]) -> None:
        s.update(range(3000))
        for call in (s.union, s.difference):
            iterator = iter(call(other(*range(5000, 7000))))
            assert next(iterator) == 0
        assert next(iter(s.intersection(other(5)))) == 5

    def test_what_stays_is_met_once_whatever_else_happens(self, make: MakeSet) -> None:
        s, other = make(serializer=Numbers), make(serializer=Numbers, suffix=":other")
        s.update(range(2000), range(2000))
        other.update(range(1000, 3000), range(2000))
        seen: list[int] = []
        for count, item in enumerate(s.union(other)):
            seen.append(item)
            if count % 100 == 0:
                s.add(10_000 + count, -1)
                other.discard(2999 - count // 3)
        gone = {2999 - i // 3 for i in range(0, 3000, 100)}
        assert set(range(3000)) - gone <= set(seen)
        assert len(seen) == len(set(seen))


class TestComparing:
    def test_isdisjoint(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.isdisjoint(other(5, 6)) is True
        assert s.isdisjoint(other(5, 4, suffix=":1")) is False
        assert s.isdisjoint(other(suffix=":2")) is True
        assert s.isdisjoint(s) is False

    def test_issubset(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.issubset(other(1, 2, 3, 4, 5)) is True
        assert s.issubset(other(1, 2, 3, suffix=":1")) is False
        assert s.issubset(other(suffix=":2")) is False
        assert s.issubset(s) is True
        s.clear()
        assert s.issubset(other(suffix=":3")) is True

    def test_issuperset(self, s: Any, other: Callable[..., Any]) -> None:
        assert s.issuperset(other(1, 2)) is True
        assert s.issuperset(other(1, 5, suffix=":1")) is False
        assert s.issuperset(other(suffix=":2")) is True
        assert s.issuperset(s) is True

    def test_an_iterable_is_read_until_the_answer_is_known(self, s: Any) -> None:
        def numbers() -> Iterator[int]:
            yield from range(1, 2000)
            raise InterruptedError

        assert s.isdisjoint(numbers()) is False
        assert s.issuperset(numbers()) is False

    def test_as_pythons_own_sets(self, make: MakeSet, other: Callable[..., Any]) -> None:
        s = make(serializer=Numbers)
        some: list[set[int]] = [set(), {1}, {2}, {1, 2}, {1, 2, 3}]
        for i, (mine, theirs) in enumerate(product(some, some)):
            s.clear()
            s.update(mine)
            makes = [lambda i=i, j=j, t=theirs: other(*t, suffix=f":{i}:{j}") for j in range(6)]
            assert s.isdisjoint(makes[0]()) is mine.isdisjoint(theirs)
            assert s.issubset(makes[1]()) is mine.issubset(theirs)
            assert s.issuperset(makes[2]()) is mine.issuperset(theirs)
            assert set(s.union(makes[3]())) == mine | theirs
            assert set(s.intersection(makes[4]())) == mine & theirs
            assert set(s.difference(makes[5]())) == mine - theirs

    def test_there_is_no_order_of_contents(self) -> None:
        one, two = (SortedSet(MemoryBackend(), name) for name in ("one", "two"))
        assert one != two
        wrong: Any = one
        compare: Callable[[], object]
        for compare in (lambda: wrong <= two, lambda: wrong > two, lambda: wrong | two):
            with pytest.raises(TypeError, match=r"unsupported operand|not supported"):
                compare()


class TestExpired:
    """What has expired in a TTLSet is in no set at all."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture(params=["near", "far"])
    def sets(self, request: pytest.FixtureRequest, clock: ManualClock) -> Any:
        store = MemoryBackend(clock=clock)
        far = MemoryBackend(clock=clock) if request.param == "far" else store
        s, seen = SortedSet(store, "s"), TTLSet(far, "seen", ttl=100)
        s.update(["old", "new", "unseen"])
        # More than are swept at a time.
        seen.update([*map(str, range(1500)), "old"], 10)
        seen.update(["new", "last"])
        clock.advance(50)
        return s, seen

    def test_it_cuts_nothing(self, sets: Any) -> None:
        s, seen = sets
        assert list(s.difference(seen)) == ["old", "unseen"]
        assert s.difference_update(seen) == 1
        assert list(s) == ["old", "unseen"]
        assert s.isdisjoint(seen) is True
        assert s.intersection_update(seen) == 2

    def test_it_is_not_counted(self, sets: Any) -> None:
        s, seen = sets
        assert list(seen.intersection(s)) == ["new"]
        assert list(seen.difference(s)) == ["last"]
        assert seen.issubset(s) is False
        s.add("last")
        assert seen.issubset(s) is True
        assert s.issuperset(seen) is True
        assert seen.issuperset(["new", "last"]) is True
        assert seen.issuperset(["old"]) is False
        assert seen.intersection_update(["old", "new"]) == 1
        assert seen.difference_update(s) == 1
        assert len(seen) == 0

    def test_it_is_not_added(self, sets: Any) -> None:
        s, seen = sets
        assert sorted(s.union(seen)) == ["last", "new", "old", "unseen"]
        assert s.union_update(seen) == 1


class TestOperators:
    def test_blocking_sets_have_those_that_change_them(self) -> None:
        store = MemoryBackend()
        same = s = SortedSet(store, "s")
        other, seen = SortedSet(store, "other"), TTLSet(store, "seen", ttl=60)
        s.update(["a", "b", "c"])
        other.update(["b", "c", "d"])
        seen.update(["c", "x"])
        s |= other
        assert list(s) == ["a", "b", "c", "d"]
        s &= {"a", "b", "c"}
        s -= seen
        assert list(s) == ["a", "b"]
        s |= frozenset("z")
        seen -= {"x"}
        seen &= s
        assert (list(s), list(seen), s is same) == (["a", "b", "z"], [], True)

    def test_they_take_sets_alone(self) -> None:
        s: Any = SortedSet(MemoryBackend(), "s")
        with pytest.raises(TypeError, match="unsupported operand"):
            s |= ["a"]
        with pytest.raises(TypeError, match="unsupported operand"):
            s &= "a"
        with pytest.raises(TypeError, match="unsupported operand"):
            s -= iter("a")
        with pytest.raises(TypeError, match="unsupported operand"):
            s |= AsyncSortedSet(AsyncMemoryBackend(), "s")

    def test_asyncio_sets_say_what_to_call(self) -> None:
        s: Any = AsyncSortedSet(AsyncMemoryBackend(), "s")
        seen: Any = AsyncTTLSet(AsyncMemoryBackend(), "seen")
        with pytest.raises(TypeError, match=r"use its union_update\(\)"):
            s |= s
        with pytest.raises(TypeError, match=r"use its intersection_update\(\)"):
            s &= {"a"}
        with pytest.raises(TypeError, match=r"use its difference_update\(\)"):
            seen -= s
        with pytest.raises(TypeError, match="unsupported operand"):
            seen |= s


class Untouchable(MemoryBackend):
    """A store that must not be used."""

    def _fail(self, *arguments: Any, **options: Any) -> Any:
        pytest.fail(f"asked for {arguments} {options}")

    union = intersect = subtract = is_disjoint = is_subset = add = remove = _fail
    range = scores = move = pop_into = pop_any = rename = expire = _fail


class TestArguments:
    """Bad arguments fail before anything is done."""

    @pytest.fixture
    def s(self) -> Any:
        return SortedSet(Untouchable(), "s")

    def test_others_are_sets_or_iterables(self, s: Any) -> None:
        near = SortedSet(s.backend, "near")
        for call in (s.union, s.intersection, s.difference, s.union_update, s.difference_update):
            for bad in (5, None, AsyncSortedSet(AsyncMemoryBackend(), "async")):
                with pytest.raises(TypeError, match="neither a set of this kind nor") as caught:
                    call(near, bad)
                assert repr(bad) in str(caught.value)
        for call in (s.isdisjoint, s.issubset, s.issuperset, s.intersection_update):
            with pytest.raises(TypeError, match="put one in a list"):
                call(5)

    def test_a_blocking_set_does_not_hold_up_a_loop(self) -> None:
        async def main() -> None:
            s = AsyncSortedSet(AsyncMemoryBackend(), "s")
            blocking = SortedSet(MemoryBackend(), "blocking")
            for call in (s.union_update, s.difference_update, s.isdisjoint, s.issuperset):
                with pytest.raises(TypeError, match="nor an iterable of items: read it bef"):
                    await call(blocking)
            with pytest.raises(TypeError, match="is no iterable of items: read it by async for"):
                await s.update(s)  # type: ignore[arg-type]  # wrong on purpose
            with pytest.raises(TypeError, match="no sorted set of this kind"):
                await s.pop_into(blocking)  # type: ignore[arg-type]  # wrong on purpose

        asyncio.run(main())

    @pytest.mark.parametrize(
        ("weights", "error", "match"),
        [
            ([1.0], ValueError, "but there are 2 sets"),
            ([1, 2, 3], ValueError, r"\[1, 2, 3\]"),
            ([1, math.inf], ValueError, "must be finite"),
            ([1, math.nan], ValueError, "a weight must not be nan"),
            ([1, "2"], TypeError, "a weight is a number, not '2'"),
            (5, TypeError, "5 is no iterable of weights"),
        ],
    )
    def test_weights(self, s: Any, weights: Any, error: type[Exception], match: str) -> None:
        other = SortedSet(s.backend, "other")
        for call in (s.union_update, s.intersection_update):
            with pytest.raises(error, match=match):
                call(other, weights=weights)

    def test_aggregates(self, s: Any) -> None:
        other = SortedSet(s.backend, "other")
        for call in (s.union_update, s.intersection_update):
            with pytest.raises(TypeError, match=r"'sum', but must be one of Aggregate\.SUM"):
                call(other, aggregate="sum")

    def test_scores_are_combined_where_they_are(self, s: Any) -> None:
        far = SortedSet(MemoryBackend(), "far")
        seen = TTLSet(s.backend, "seen")
        coded: Any = SortedSet(s.backend, "coded", serializer=JSONSerializer())
        for call in (s.union_update, s.intersection_update):
            for bad in (far, seen, coded, ["a"]):
                with pytest.raises(ValueError, match="leave out weights") as caught:
                    call(bad, weights=[1, 1])
                assert repr(bad) in str(caught.value)
