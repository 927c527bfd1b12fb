"""Keyed sets beside each other: what moves takes its payload along."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from redset import Payload
from redset.interfaces import Merge
from redset.serializers import JSONSerializer
from tests.test_moving import pop_any  # noqa: F401  (a fixture)

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeSet = Callable[..., Any]

OPTIONS: dict[str, Any] = {"serializer": JSONSerializer()}


def first(item: Any) -> str:
    """Return the key of an item."""
    return str(item[0])


def test_sets_with_one_key_function_are_combined(make: MakeSet) -> None:
    one, two = (make(suffix=f":{i}", key=first, **OPTIONS) for i in range(2))
    one.update([["a", 1], ["b", 1], ["c", 1]], [1, 2, 3])
    two.update([["b", 2], ["d", 2]], [5, 6])
    assert one.isdisjoint(two) is False
    assert one.union_update(two) == 1
    assert list(one.items()) == [(["a", 1], 1), (["c", 1], 3), (["b", 2], 5), (["d", 2], 6)]
    assert two.issubset(one)
    assert one.intersection_update(two) == 2
    assert list(one) == [["b", 2], ["d", 2]]
    two.discard(["d", 9])
    assert one.difference_update(two) == 1
    assert list(one) == [["d", 2]]
    assert [list(each) for each in (one.union(two), one.difference(two))] == [
        [["b", 2], ["d", 2]],
        [["d", 2]],
    ]


@pytest.mark.parametrize("payload", Payload)
def test_weighed_scores_come_with_payloads(make: MakeSet, payload: Payload) -> None:
    one, two = (make(suffix=f":{i}", key=first, payload=payload, **OPTIONS) for i in range(2))
    one.update([["a", 1], ["b", 1]], [1, 2])
    two.update([["b", 2], ["c", 2]], [5, 6])
    assert one.union_update(two, weights=[1, 10]) == 1
    kept = ["b", 1 if payload is Payload.FIRST else 2]
    assert list(one.items()) == [(["a", 1], 1), (kept, 52), (["c", 2], 60)]
    assert one.intersection_update(two, weights=[1, 1]) == 1
    assert list(one.items()) == [(kept, 57), (["c", 2], 66)]


@pytest.mark.parametrize("payload", Payload)
def test_an_item_moves_by_the_rules_of_the_other_set(make: MakeSet, payload: Payload) -> None:
    s = make(key=first, **OPTIONS)
    other = make(suffix=":other", key=first, payload=payload, merge=Merge.KEEP, **OPTIONS)
    s.update([["a", 1], ["b", 1]], [1, 2])
    other.add(["a", 0], 9)
    assert s.move(["a", "whatever"], other) is True
    assert s.pop_into(other) == ["b", 1]
    assert list(s.keys()) == []
    newest = payload is Payload.NEWEST
    assert list(other.items()) == [(["b", 1], 2), (["a", 1 if newest else 0], 9)]


def test_several_sets_are_taken_from(make: MakeSet, pop_any: Any) -> None:  # noqa: F811  (see above)
    urgent, usual = (make(suffix=f":{name}", key=first, **OPTIONS) for name in ("urgent", "usual"))
    usual.add(["a", 1])
    found, item = pop_any([urgent, usual])
    assert (found.name, item) == (usual.name, ["a", 1])
    plain = make(suffix=":plain", **OPTIONS)
    with pytest.raises(ValueError, match="either all have keys, or none has"):
        pop_any([urgent, plain])


def test_a_set_is_renamed_with_its_payloads(make: MakeSet) -> None:
    s = make(key=first, **OPTIONS)
    s.update([["a", 1], ["b", 1]], [1, 2])
    claim = s.claim()
    renamed = s.rename(make(suffix=":new", key=first, **OPTIONS).name)
    assert (list(s.keys()), list(renamed)) == ([], [["b", 1]])
    renamed.ack_all([claim])
    assert renamed.expire_at(time.time() - 1) is True
    assert renamed.stats().pending == 0


def test_a_name_is_not_changed_for_itself(make: MakeSet) -> None:
    s = make()
    with pytest.raises(ValueError, match=r"called '.*' already"):
        s.rename(s.name)


def test_seen_items_are_what_a_ttl_set_is_asked_for(make: MakeSet) -> None:
    s, seen = make(), make("TTLSet", suffix=":seen", ttl=60)
    s.update(["a", "b"])
    seen.add("a")
    # More than are swept at once.
    seen.update(["b", *map(str, range(2000))], 0.001)
    time.sleep(0.01)
    assert list(s.difference(seen)) == ["b"]
    assert s.difference_update(seen) == 1
    assert list(s) == ["b"]
