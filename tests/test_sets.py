"""What sorted sets do, for every backend, blocking and asyncio."""

from __future__ import annotations

import itertools
import json
import logging
import math
import pickle
import time
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from redset import Merge, SortedSet
from redset.backends import MemoryBackend
from redset.exceptions import DecodeError, EmptySetError, RedsetError, ScoreError
from redset.serializers import JSONSerializer, SignedSerializer
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]


class TestAdding:
    def test_add_returns_the_score_given(self, make: MakeSet) -> None:
        s = make()
        assert s.add("a") == 0.0
        assert s.add("b", 2) == 2.0
        assert s.add("b", 1, merge=Merge.LATEST) == 1.0
        assert s.score("b") == 2.0

    def test_an_explicit_zero_is_a_score(self, make: MakeSet) -> None:
        s = make("SortedSet", len)
        assert s.add("abc") == 3.0
        assert s.add("abc", 0) == 0.0
        assert s.score("abc") == 0.0
        timed = make("TimeSortedSet", suffix=":time")
        assert timed.add("a", 0) == 0.0
        assert timed.score("a") == 0.0

    def test_a_scorer_gives_the_score(self, make: MakeSet) -> None:
        s = make("SortedSet", lambda number: -number, Numbers)
        for number in range(5):
            s.add(number)
        assert s.take(5) == [4, 3, 2, 1, 0]

    def test_add_new_tells_what_is_new(self, make: MakeSet) -> None:
        s = make(scorer=len)
        assert s.add_new("abc") is True
        assert s.add_new("abc", 9) is False
        assert s.add_new("d", 7) is True
        assert (s.score("abc"), s.score("d")) == (3.0, 7.0)

    @pytest.mark.parametrize(
        ("merge", "expected"),
        [(Merge.REPLACE, 7), (Merge.KEEP, 5), (Merge.EARLIEST, 5), (Merge.LATEST, 7)],
    )
    def test_the_merge_rule_of_the_set(self, make: MakeSet, merge: Merge, expected: float) -> None:
        s = make(merge=merge)
        s.add("a", 5)
        s.add("a", 7)
        assert s.score("a") == expected
        s.update(["a"], [7])
        assert s.score("a") == expected
        s.update(["a"], [1], merge=Merge.REPLACE)
        assert s.score("a") == 1

    def test_update(self, make: MakeSet) -> None:
        s = make(scorer=len)
        assert s.update(["a", "bb", "a"]) == 2
        assert s.update(iter(["bb", "ccc"])) == 1
        assert s.update(["a", "d"], [9, 8]) == 1
        assert s.update(iter(["e"]), iter([1.5])) == 1
        assert s.update([]) == 0
        assert list(s.items()) == [("e", 1.5), ("bb", 2.0), ("ccc", 3.0), ("d", 8.0), ("a", 9.0)]

    def test_update_of_many(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        assert s.update(range(2500), range(2500)) == 2500
        assert len(s) == 2500
        assert list(s) == list(range(2500))
        assert s.difference_update(range(100, 2600)) == 2400

    def test_update_needs_a_score_for_each(self, make: MakeSet) -> None:
        s = make()
        with pytest.raises(ValueError, match="2 items, but 1 scores"):
            s.update(["a", "b"], [1])
        with pytest.raises(ValueError, match="fewer scores than items"):
            s.update(iter(["a", "b"]), iter([1]))
        with pytest.raises(ValueError, match="more scores than items"):
            s.update(iter(["a", "b"]), itertools.repeat(1))
        assert len(s) == 0

    def test_increment(self, make: MakeSet) -> None:
        s = make()
        assert s.increment("a") == 1.0
        assert s.increment("a", -2.5) == -1.5
        s.add("b", math.inf)
        with pytest.raises(ScoreError):
            s.increment("b", -math.inf)

    @pytest.mark.parametrize("bad", [math.nan, "nan"])
    def test_a_score_is_a_number(self, make: MakeSet, bad: Any) -> None:
        s = make()
        call: Callable[[], object]
        for call in (
            lambda: s.add("a", bad),
            lambda: s.add_new("a", bad),
            lambda: s.update(["a"], [bad]),
            lambda: s.increment("a", bad),
            lambda: s.between(bad),
            lambda: s.count(0, bad),
            lambda: s.remove_between(bad, 0),
            lambda: make(scorer=lambda _: bad, suffix=":bad").add("a"),
        ):
            with pytest.raises((ScoreError, TypeError), match="nan"):
                call()
        assert len(s) == 0


class TestTaking:
    def test_pop_in_order(self, make: MakeSet) -> None:
        s = make()
        s.update(["c", "a", "b"], [1, 2, 1])
        assert [s.pop(), s.pop(), s.pop()] == ["b", "c", "a"]

    def test_pop_of_nothing(self, make: MakeSet) -> None:
        s = make()
        for call in (s.pop, s.pop_max, s.peek):
            with pytest.raises(EmptySetError, match="has no item") as caught:
                call()
            assert isinstance(caught.value, (KeyError, RedsetError))
            assert s.name in str(caught.value)

    def test_falsy_items_are_items(self, make: MakeSet) -> None:
        s = make(serializer=json)
        items: list[Any] = [0, "", None, False, [], {}]
        for i, item in enumerate(items):
            s.add(item, i)
        assert s.peek() == 0
        assert s.pop() == 0
        assert s.take(9) == ["", None, False, [], {}]

    def test_take(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(5), range(5))
        assert s.take(2) == [0, 1]
        assert s.take(0) == s.take(-1) == []
        assert s.take(100) == [2, 3, 4]
        assert s.take(1) == []

    def test_the_last_ones(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(5), range(5))
        assert s.pop_max() == 4
        assert s.take_max(2) == [3, 2]
        assert s.take_max(0) == []
        assert s.take_max(9) == [1, 0]

    def test_a_wait_is_over_in_time(self, make: MakeSet) -> None:
        s = make()
        began = time.monotonic()
        with pytest.raises(EmptySetError):
            s.pop(timeout=0.2)
        assert s.take(3, timeout=0.2) == []
        assert 0.4 <= time.monotonic() - began < 3

    def test_a_wait_ends_with_an_item(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        assert s.pop(timeout=None) == "a"
        s.update(["b", "c"])
        assert s.take(5, timeout=math.inf) == ["b", "c"]

    @pytest.mark.parametrize("bad", [-1, math.nan, "soon"])
    def test_a_timeout_is_not_negative(self, make: MakeSet, bad: Any) -> None:
        s = make()
        call: Callable[[], object]
        for call in (lambda: s.pop(timeout=bad), lambda: s.take(1, timeout=bad)):
            with pytest.raises((ValueError, TypeError), match="timeout"):
                call()

    @pytest.mark.parametrize("bad", [1.5, "one", None])
    def test_a_number_of_items_is_whole(self, make: MakeSet, bad: Any) -> None:
        s = make()
        for call in (s.take, s.take_max, s.sample, s.peek):
            with pytest.raises(TypeError, match="whole number"):
                call(bad)


class TestLooking:
    def test_the_operators_of_a_collection(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        assert not s
        s.update([3, 1, 2], [3, 1, 2])
        assert s
        assert len(s) == 3
        assert 2 in s
        assert 7 not in s
        assert list(s) == [1, 2, 3]
        assert list(reversed(s)) == [3, 2, 1]

    def test_scores(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"], [1, 2])
        assert s.score("a") == 1.0
        assert s.score("x") is None
        assert s.scores(["b", "x"]) == [2.0, None]
        assert s.scores([]) == []
        assert s.peek_score() == 1.0
        assert s.rank("b") == 1
        assert s.rank("x") is None

    def test_peek_score_of_nothing(self, make: MakeSet) -> None:
        assert make().peek_score() is None

    def test_peek_leaves_the_item(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b", "c"], [1, 2, 3])
        assert [s.peek(), s.peek(1), s.peek(-1), s.peek(-3)] == ["a", "b", "c", "a"]
        for position in (3, -4):
            with pytest.raises(KeyError):
                s.peek(position)
        assert len(s) == 3

    def test_indices_and_slices_are_those_of_a_list(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        model = list(range(5))
        s.update(model, model)
        for i in range(-5, 5):
            assert s[i] == model[i]
        for i in (5, -6):
            with pytest.raises(IndexError, match=str(i)):
                s[i]
        bounds = [None, -7, -5, -2, -1, 0, 1, 4, 5, 7]
        for start, stop, step in product(bounds, bounds, [None, 1, 2, -1, -2]):
            assert s[start:stop:step] == model[start:stop:step], (start, stop, step)
        with pytest.raises(ValueError, match="zero"):
            s[::0]
        for wrong in ("a", 1.5, slice(None, None, 1.5)):
            with pytest.raises(TypeError):
                s[wrong]

    def test_between_and_count(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(5), range(5))
        assert s.between(1, 3) == [1, 2, 3]
        assert s.between() == [0, 1, 2, 3, 4]
        assert s.between(9) == []
        assert (s.count(), s.count(1, 3), s.count(high=0)) == (5, 3, 1)
        assert s.remove_between(1, 3) == 3
        assert list(s) == [0, 4]

    def test_sample(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(10))
        assert len(set(s.sample(4))) == 4
        assert sorted(s.sample(99)) == list(range(10))
        assert s.sample(0) == []
        assert len(s.sample()) == 1

    def test_repr_names_the_set(self, make: MakeSet, name: str) -> None:
        assert name in repr(make())
        assert "ScheduledSet" in repr(make("ScheduledSet"))

    def test_parts_can_be_had(self, make: MakeSet, name: str) -> None:
        s = make(serializer=json)
        assert s.name == f"{{{name}}}"
        assert s.serializer is json
        assert s.backend is not None


class TestIterating:
    def test_pages_are_in_order(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(2345), (i % 3 for i in range(2345)))
        expected = sorted(range(2345), key=lambda i: (i % 3, str(i)))
        assert list(s) == expected
        assert list(reversed(s)) == expected[::-1]
        assert [score for _, score in s.items()] == [i % 3 for i in expected]

    def test_what_stays_is_met_once_whatever_else_happens(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(4000), (i // 10 for i in range(4000)))
        seen: list[int] = []
        for count, item in enumerate(s):
            seen.append(item)
            if count % 100 == 0:
                # Before and behind the place where the iteration is, and at it.
                s.discard(item)
                s.discard(3999 - count)
                s.add(10_000 + count, -1)
                s.add(20_000 + count, 200.5)
        stayed = (
            set(range(4000)) - set(range(0, 4000, 100)) - {3999 - i for i in range(0, 4000, 100)}
        )
        assert len(seen) == len(set(seen))
        assert stayed <= set(seen)

    def test_an_item_that_moves_on_is_not_followed_for_ever(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(1500), range(1500))
        met = 0
        for met, item in enumerate(s, 1):
            s.add(item, 10_000 + met)
        assert met == 1500

    def test_iterating_can_be_left(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(3000), range(3000))
        assert next(iter(s)) == 0
        assert len(s) == 3000

    def test_a_set_emptied_meanwhile(self, make: MakeSet) -> None:
        s = make(serializer=Numbers)
        s.update(range(1500), range(1500))
        iterator = iter(s)
        assert next(iterator) == 0
        s.clear()
        assert len(list(iterator)) < 1000


class TestRemoving:
    def test_discard_and_remove(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        assert s.discard("a") is True
        assert s.discard("a") is False
        assert s.remove("b") is None
        with pytest.raises(KeyError, match="b"):
            s.remove("b")

    def test_clear(self, make: MakeSet) -> None:
        s = make()
        assert s.clear() is False
        s.add("a")
        assert s.clear() is True
        assert len(s) == 0

    def test_a_drained_set_leaves_no_key(self, make: MakeSet, backend: Backend) -> None:
        s = make(serializer=Numbers)
        s.update(range(100))
        s.take(99)
        s.pop(timeout=1)
        with pytest.raises(EmptySetError):
            s.pop(timeout=0.01)
        scheduled = make("ScheduledSet", serializer=Numbers, suffix=":due")
        scheduled.update(range(100))
        assert len(scheduled.take(100)) == 100
        # `make` looks for keys in the end; clear() would hide what these left.
        assert backend.clear(s.name) is backend.clear(scheduled.name) is False


class TestCombining:
    @pytest.mark.parametrize("serializer", ["shared", "equal", "other"])
    def test_union_update(self, make: MakeSet, serializer: str) -> None:
        serializers = {
            "shared": (json, json),
            "equal": (JSONSerializer(), JSONSerializer()),
            "other": (json, JSONSerializer()),
        }[serializer]
        one = make(serializer=serializers[0], suffix="1", merge=Merge.EARLIEST)
        two = make(serializer=serializers[1], suffix="2")
        one.update(["a", "b"], [1, 2])
        two.update(["b", "c", "a"], [9, 3, 0])
        assert one.union_update(two) == 1
        assert list(one.items()) == [("a", 0.0), ("b", 2.0), ("c", 3.0)]
        assert one.union_update() == 0
        assert len(two) == 3

    @pytest.mark.parametrize("serializer", ["shared", "other"])
    def test_intersection_update(self, make: MakeSet, serializer: str) -> None:
        others = {"shared": json, "other": JSONSerializer()}
        one = make(serializer=json, suffix="1")
        two = make(serializer=others[serializer], suffix="2")
        three = make(serializer=others[serializer], suffix="3")
        one.update(["a", "b", "c"], [1, 2, 3])
        two.update(["b", "c", "d"], [9, 9, 9])
        three.update(["c", "a"])
        assert one.intersection_update() == 0
        assert one.intersection_update(two) == 1
        assert list(one.items()) == [("b", 2.0), ("c", 3.0)]
        assert one.intersection_update(two, three) == 1
        assert list(one) == ["c"]

    @pytest.mark.parametrize("call", ["union", "intersect"])
    def test_the_store_combines_what_it_can(
        self, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[Any] = []
        store = MemoryBackend()

        def record(*arguments: Any) -> int:
            sent.append(arguments)
            return 0

        monkeypatch.setattr(store, call, record)
        key = b"sixteen bytes or more"
        one, two, three = (
            SortedSet(store, name, serializer=SignedSerializer(JSONSerializer(), key, salt=salt))
            for name, salt in [("one", b"a"), ("two", b"a"), ("three", b"b")]
        )
        combine = {"union": "union_update", "intersect": "intersection_update"}[call]
        getattr(one, combine)(two)
        assert [arguments[:2] for arguments in sent] == [("one", ["two"])]
        # What these hold in common differs as bytes.
        getattr(one, combine)(three)
        assert len(sent) == 1


class TestUndecodable:
    @pytest.fixture
    def poisoned(self, make: MakeSet, backend: Backend) -> Any:
        s = make(serializer=Numbers)
        s.update([1, 2, 3], [1, 3, 5])
        backend.add(s.name, [(b"poison", 2.0), (b"\xff\x00", 4.0)], Merge.REPLACE)
        return s

    def test_take_sets_it_aside(self, poisoned: Any, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, logger="redset"):
            assert poisoned.take(10) == [1, 2, 3]
        (record,) = caplog.records
        assert record.name == "redset"
        assert record.exc_info is None
        assert "2 undecodable" in record.getMessage()
        assert "ValueError" in record.getMessage()
        first, second = sorted(poisoned.dead(), key=lambda letter: letter.score)
        assert (first.raw, first.score) == (b"poison", 2.0)
        assert (second.raw, second.score) == (b"\xff\x00", 4.0)
        assert first.reason.startswith("ValueError: invalid literal")
        assert abs(first.time - time.time()) < 60
        assert poisoned.dead_count() == 2
        assert len(poisoned) == 0

    def test_take_makes_up_for_it(self, poisoned: Any) -> None:
        assert poisoned.take(2) == [1, 2]
        assert poisoned.take(2, timeout=0.01) == [3]

    def test_pop_passes_on_to_the_next(self, poisoned: Any) -> None:
        assert [poisoned.pop(), poisoned.pop(), poisoned.pop(timeout=1)] == [1, 2, 3]
        with pytest.raises(EmptySetError):
            poisoned.pop()
        assert poisoned.dead_count() == 2

    def test_the_last_ones(self, poisoned: Any) -> None:
        assert poisoned.take_max(2) == [3, 2]
        assert poisoned.pop_max() == 1
        assert poisoned.dead_count() == 2

    def test_only_poison_is_waited_past(self, make: MakeSet, backend: Backend) -> None:
        s = make(serializer=Numbers)
        backend.add(s.name, [(b"poison", 2.0)], Merge.REPLACE)
        began = time.monotonic()
        assert s.take(1, timeout=0.2) == []
        assert time.monotonic() - began >= 0.2
        assert s.dead_count() == 1

    def test_looking_leaves_it(self, poisoned: Any, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(DecodeError, match="ValueError"):
            poisoned.peek(1)
        with pytest.raises(DecodeError):
            poisoned[1]
        with caplog.at_level(logging.WARNING, logger="redset"):
            assert list(poisoned) == [1, 2, 3]
        assert len(caplog.records) == 1
        assert poisoned[:] == poisoned.between() == [1, 2, 3]
        assert sorted(poisoned.sample(9)) == [1, 2, 3]
        assert len(poisoned) == 5
        assert poisoned.dead() == []

    def test_redrive(self, poisoned: Any, make: MakeSet) -> None:
        poisoned.take(10)
        assert poisoned.redrive() == 2
        assert poisoned.dead() == []
        assert poisoned.redrive() == 0
        raw = make(serializer=Bytes)
        assert list(raw.items()) == [(b"poison", 2.0), (b"\xff\x00", 4.0)]

    def test_redrive_and_forget_some(self, poisoned: Any) -> None:
        poisoned.take(10)
        one, two = poisoned.dead()
        assert poisoned.dead(1) == [one]
        assert poisoned.dead(9, start=1) == [two]
        assert poisoned.dead(0) == []
        assert poisoned.redrive([two]) == 1
        assert poisoned.dead() == [one]
        assert poisoned.forget([one, two]) == 1
        assert poisoned.dead_count() == 0
        poisoned.take(1)
        assert poisoned.forget() == 1
        assert poisoned.forget() == 0

    def test_redrive_many(self, make: MakeSet, backend: Backend) -> None:
        s = make(serializer=Numbers)
        backend.add(s.name, [(b"x%d" % i, 1.0) for i in range(2300)], Merge.REPLACE)
        assert s.take(5000) == []
        assert s.redrive() == len(s) == 2300

    def test_dead_letters_are_capped(
        self, make: MakeSet, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(serializer=Numbers, dead_limit=2)
        backend.add(s.name, [(b"x%d" % i, 1.0) for i in range(5)], Merge.REPLACE)
        with caplog.at_level(logging.ERROR, logger="redset"):
            s.take(5)
        assert s.dead_count() == 2
        assert "dropped 3 dead letters" in caplog.text


class Bytes:
    """Items are bytes."""

    @staticmethod
    def dumps(item: bytes) -> bytes:
        return item

    @staticmethod
    def loads(data: bytes) -> bytes:
        return data


class TestSerializers:
    def test_modules(self, make: MakeSet) -> None:
        for module in (json, pickle):
            s = make(serializer=module, suffix=module.__name__)
            s.add({"a": [1, None]})
            assert {"a": [1, None]} in s
            assert s.pop() == {"a": [1, None]}

    def test_text_is_the_default(self, make: MakeSet) -> None:
        s = make()
        s.add("ü\0")
        assert list(s) == ["ü\0"]

    def test_binary_members(self, make: MakeSet) -> None:
        s = make(serializer=Bytes)
        members = [bytes([i, j]) for i in (0, 10, 128, 255) for j in (0, 255)]
        s.update(members)
        assert list(s) == sorted(members)
        assert s.take(99) == sorted(members)

    def test_dumps_gives_bytes_or_text(self, make: MakeSet) -> None:
        class Wrong:
            loads = int
            dumps = int

        with pytest.raises(TypeError, match="must give bytes or str"):
            make(serializer=Wrong).add(1)


class TestScheduled:
    def test_only_what_is_due_is_seen(self, make: MakeSet) -> None:
        s = make("ScheduledSet")
        now = time.time()
        s.update(["a", "b", "later"], [now - 100, now - 50, now + 1000])
        assert s.available() == 2
        assert len(s) == 3
        assert "later" in s
        assert [s.peek(), s.peek(1), s.peek(-1), s.peek(-2)] == ["a", "b", "b", "a"]
        for position in (2, -3):
            with pytest.raises(KeyError):
                s.peek(position)
        assert s.peek_score() == pytest.approx(now - 100)
        assert s.pop() == "a"
        assert s.take(9) == ["b"]
        with pytest.raises(EmptySetError):
            s.pop()
        assert s.peek_score() is None
        assert list(s) == ["later"]
        assert s.pop_max() == "later"

    def test_the_error_does_not_deny_what_is_not_due(self, make: MakeSet) -> None:
        s = make("ScheduledSet")
        s.add("later", 4e9)
        for call in (s.pop, s.claim, s.peek):
            with pytest.raises(EmptySetError, match="has no due item"):
                call()
        assert s.pop_max() == "later"
        with pytest.raises(EmptySetError, match="has no item"):
            s.pop_max()

    def test_without_a_score_an_item_is_due_at_once(self, make: MakeSet) -> None:
        s = make("ScheduledSet")
        score = s.add("a")
        assert abs(score - time.time()) < 60
        assert s.score("a") == score
        assert s.add_new("b") is True
        assert s.add_new("b") is False
        assert s.update(["c"]) == 1
        assert sorted(s.take(9)) == ["a", "b", "c"]

    def test_a_scorer_schedules(self, make: MakeSet) -> None:
        s = make("ScheduledSet", lambda item: time.time() + (0 if item == "now" else 60))
        s.add("later")
        assert s.add_new("now") is True
        assert s.take(9) == ["now"]

    def test_merge_rules(self, make: MakeSet) -> None:
        s = make("ScheduledSet", merge=Merge.EARLIEST)
        far = time.time() + 1000
        s.add("a", far)
        s.add("a", far + 5)
        assert s.score("a") == far
        s.add("a")
        assert s.pop() == "a"

    def test_a_wait_ends_when_an_item_falls_due(self, make: MakeSet) -> None:
        s = make("ScheduledSet")
        due = s.add("now") + 0.25
        s.pop()
        s.add("soon", due)
        assert s.pop(timeout=10) == "soon"
        assert time.time() >= due - 0.05
        with pytest.raises(EmptySetError):
            s.pop(timeout=0.05)


class TestTimed:
    def test_the_score_is_the_time(self, make: MakeSet) -> None:
        s = make("TimeSortedSet")
        before = time.time()
        scores = [s.add(item) for item in ("b", "a", "c")]
        assert before <= scores[0] <= scores[1] <= scores[2] <= time.time()
        assert s.take(3) == ["b", "a", "c"]

    def test_many_at_once_keep_their_order(self, make: MakeSet) -> None:
        s = make("TimeSortedSet", serializer=Numbers)
        s.update(range(1500, 0, -1))
        assert list(s) == list(range(1500, 0, -1))
        assert s.peek_score() <= time.time()

    def test_a_scorer_has_precedence(self, make: MakeSet) -> None:
        s = make("TimeSortedSet", len)
        assert s.add("abc") == 3.0


class TestTTL:
    def test_add_tells_what_was_unseen(self, make: MakeSet) -> None:
        s = make("TTLSet", ttl=60)
        assert s.add("a") is True
        assert s.add("a") is False
        assert s.add("b", 0.05) is True
        time.sleep(0.1)
        assert "b" not in s
        assert len(s) == 1
        assert list(s) == ["a"]
        assert s.discard("b") is False
        assert s.add("b", math.inf) is True
        assert s.ttl("b") == math.inf
        assert sorted(s) == ["a", "b"]
        assert s.discard("b") is True
        assert bool(s) is True

    def test_update(self, make: MakeSet) -> None:
        s = make("TTLSet", ttl=60, serializer=Numbers)
        assert s.add_unseen([1, 2, 1]) == [1, 2]
        assert s.add_unseen([2, 3], ttl=1000) == [3]
        assert s.update([3, 4]) == 1
        assert s.add_unseen(range(2500)) == [0, *range(5, 2500)]
        assert len(s) == 2500
        assert sorted(s) == list(range(2500))
        assert (s.ttl(3) or 0) > 900

    def test_merge(self, make: MakeSet) -> None:
        s = make("TTLSet", ttl=60)
        s.add("a")
        s.add("a", 1000)
        assert 50 < s.ttl("a") <= 60
        s.add("a", 1000, merge=Merge.REPLACE)
        assert 900 < s.ttl("a") <= 1000
        assert s.ttl("x") is None

    def test_remove(self, make: MakeSet) -> None:
        s = make("TTLSet", ttl=60)
        s.update(["a", "b", "c"])
        s.remove("a")
        with pytest.raises(KeyError):
            s.remove("a")
        assert s.difference_update(["b", "x"]) == 1
        assert s.clear() is True
        assert s.clear() is False

    def test_sweep(self, make: MakeSet) -> None:
        s = make("TTLSet", serializer=Numbers)
        # Before the others, as an add sweeps, too.
        s.add(99, 60)
        s.update(range(10), ttl=0.02)
        time.sleep(0.05)
        assert s.sweep(0) == s.sweep(-1) == 0
        assert s.sweep(4) == 4
        assert s.sweep() == 6
        assert s.sweep() == 0
        assert list(s) == [99]

    def test_a_time_to_live_is_needed(self, make: MakeSet) -> None:
        s = make("TTLSet")
        call: Callable[[], object]
        for call in (lambda: s.add("a"), lambda: s.update(["a"])):
            with pytest.raises(ValueError, match="no ttl"):
                call()
        for bad in (0, -1, math.nan):
            with pytest.raises(ValueError, match="ttl"):
                s.add("a", bad)
        with pytest.raises(TypeError, match="ttl"):
            make("TTLSet", ttl="long")


class TestLock:
    def test_lock(self, make: MakeSet) -> None:
        from redset.exceptions import LockTimeout

        s = make(lock_timeout=0.01)
        with s.lock, pytest.raises(LockTimeout), s.lock:
            pytest.fail("held twice")
        with s.lock:
            s.add("a")

    def test_an_expired_lock_is_reported(
        self, make: MakeSet, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make(lock_expires=0.02)
        with caplog.at_level(logging.WARNING, logger="redset"), s.lock:
            time.sleep(0.05)
        assert "expired while it was held" in caplog.text
