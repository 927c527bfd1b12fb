"""Random calls have the same outcome on a sharded set as on one that is not."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from redset import Merge, ShardedSet, SortedSet
from redset.backends import MemoryBackend
from redset.backends.sharded import _sync
from redset.exceptions import LeaseLost
from tests.support.dying import DeathError, Dying
from tests.support.serializers import Numbers

ITEMS = st.integers(0, 40)
SCORES = st.integers(-3, 3).map(float)
SHARDS = st.integers(1, 6)
MERGES = st.sampled_from(list(Merge))


class Machine(RuleBasedStateMachine):
    """Does the same to a sharded set and a usual one, as far as order does not matter."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryBackend()
        self.sets = [self.open(), self.open()]
        self.usual = SortedSet(MemoryBackend(), "usual", serializer=Numbers)
        self.held: dict[int, Any] = {}
        self.dead: dict[int, float] = {}

    def open(self, store: Any = None) -> ShardedSet[int]:
        return ShardedSet(store or self.store, "jobs", serializer=Numbers, shards=3)

    @property
    def s(self) -> ShardedSet[int]:
        """Return the one or the other: neither is told what the other does."""
        self.sets.reverse()
        return self.sets[0]

    @rule(item=ITEMS, score=SCORES, merge=MERGES)
    def add(self, item: int, score: float, merge: Merge) -> None:
        if item not in self.held:
            self.s.add(item, score, merge=merge)
            self.usual.add(item, score, merge=merge)

    @rule(items=st.lists(ITEMS, max_size=30), score=SCORES, merge=MERGES)
    def update(self, items: list[int], score: float, merge: Merge) -> None:
        free = [item for item in items if item not in self.held]
        scores = [score + place % 3 for place in range(len(free))]
        assert self.s.update(free, scores, merge=merge) == self.usual.update(
            free, scores, merge=merge
        )

    @rule(item=ITEMS, by=SCORES)
    def increment(self, item: int, by: float) -> None:
        if item not in self.held:
            assert self.s.increment(item, by) == self.usual.increment(item, by)

    @rule(items=st.lists(ITEMS, max_size=5))
    def remove(self, items: list[int]) -> None:
        assert self.s.difference_update(items) == self.usual.difference_update(items)

    @rule(low=SCORES, high=SCORES)
    def remove_between(self, low: float, high: float) -> None:
        assert self.s.count(low, high) == self.usual.count(low, high)
        assert self.s.between(low, high) == self.usual.between(low, high)
        assert self.s.remove_between(low, high) == self.usual.remove_between(low, high)

    @rule(num=st.integers(1, 30))
    def take(self, num: int) -> None:
        wanted = min(num, len(self.usual))
        taken = self.s.take(num)
        assert len(taken) == wanted == self.usual.difference_update(taken)

    @rule(num=st.integers(1, 30))
    def take_max(self, num: int) -> None:
        wanted = min(num, len(self.usual))
        taken = self.s.take_max(num)
        assert len(taken) == wanted == self.usual.difference_update(taken)

    @rule(num=st.integers(1, 10))
    def claim(self, num: int) -> None:
        wanted = min(num, len(self.usual))
        claims = self.s.claims(num, lease=1e6)
        assert len(claims) == wanted
        for claim in claims:
            assert self.usual.score(claim.item) == claim.score
            assert claim.item not in self.held
            self.held[claim.item] = claim
        self.usual.difference_update(claim.item for claim in claims)

    @rule(num=st.integers(1, 5), how=st.sampled_from(["ack", "nack", "bury", "ack_all"]))
    def end(self, num: int, how: str) -> None:
        ended = [self.held.pop(item) for item in list(self.held)[:num]]
        if how == "ack_all":
            self.s.ack_all(ended)
            return
        for claim in ended:
            claim.nack(0) if how == "nack" else claim.ack() if how == "ack" else claim.bury("no")
            if how == "nack":
                self.usual.add(claim.item, claim.score)
            elif how == "bury":
                self.dead[claim.item] = claim.score
            with pytest.raises(LeaseLost):
                claim.extend(60)

    @rule()
    def redrive(self) -> None:
        s, free = self.s, {item for item in self.dead if item not in self.held}
        letters = [letter for letter in s.dead() if int(letter.raw) in free]
        assert s.redrive(letters) == len(free)
        for item in free:
            self.usual.add(item, self.dead.pop(item))

    @rule(shards=SHARDS)
    def reshard(self, shards: int) -> None:
        self.s.reshard(shards)
        assert self.s.shard_count() == shards

    @rule(shards=SHARDS, step=st.integers(0, 25), late=st.booleans())
    def die(self, shards: int, step: int, *, late: bool) -> None:
        with suppress(DeathError):
            self.open(Dying(self.store, step, late=late)).reshard(shards)

    @rule()
    def clear(self) -> None:
        there = bool(self.held or self.dead or len(self.usual))
        assert self.s.clear() is there
        self.usual.clear()
        self.held.clear()
        self.dead.clear()

    @invariant()
    def they_are_the_same(self) -> None:
        for s in self.sets:
            assert list(s.items()) == list(self.usual.items())
            assert len(s) == len(self.usual)
            counts = s.stats()
            assert (counts.pending, counts.claimed) == (len(self.usual), len(self.held))
            assert {int(letter.raw): letter.score for letter in s.dead()} == self.dead
        assert self.s[1:4] == self.usual[1:4]
        assert self.s[-3:] == self.usual[-3:]


@pytest.mark.no_cover
def test_a_sharded_set_is_a_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sync.shards, "_PARCEL", 3)
    runs = settings(
        max_examples=100,
        deadline=None,
        derandomize="CI" in os.environ,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=runs)
