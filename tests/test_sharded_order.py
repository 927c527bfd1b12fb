"""In which order sharded sets hand items out, and over which slots their shards are spread."""

from __future__ import annotations

import itertools
import random
import zlib
from bisect import bisect_left, insort
from collections import Counter
from statistics import mean
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from redset import ShardedSet
from redset.backends import MemoryBackend
from redset.backends.sharded import _choosing
from redset.backends.sharded._naming import Generation, slot_of
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    Take = Callable[[ShardedSet[int]], list[int]]


@pytest.fixture(autouse=True)
def same_chances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every set make the same choices each time."""
    seeds = itertools.count()
    source = SimpleNamespace(Random=lambda: random.Random(next(seeds)))
    monkeypatch.setattr(_choosing, "random", source)


def _ranks(take: Take, *, shards: int, items: int, consumers: int, refill: bool) -> list[int]:
    """Return how many items came before each that was handed out."""
    store, chance = MemoryBackend(), random.Random(1)
    sets = [ShardedSet(store, "jobs", serializer=Numbers, shards=shards) for _ in range(consumers)]
    scores = dict(enumerate(chance.random() for _ in range(items)))
    sets[0].update(scores, scores.values())
    order = sorted(scores.values())
    ranks: list[int] = []
    while len(ranks) < items // 2:
        for item in take(chance.choice(sets)):
            ranks.append(rank := bisect_left(order, scores[item]))
            del order[rank]
            if refill:
                number = len(scores)
                scores[number] = chance.random()
                sets[0].add(number, scores[number])
                insort(order, scores[number])
    return ranks


def _pop(s: ShardedSet[int]) -> list[int]:
    return [s.pop()]


def _pop_max(s: ShardedSet[int]) -> list[int]:
    return [s.pop_max()]


def _claim(s: ShardedSet[int]) -> list[int]:
    with s.claim() as claim:
        return [claim.item]


class TestOrder:
    @pytest.mark.parametrize("take", [_pop, _claim])
    @pytest.mark.parametrize("refill", [False, True])
    @pytest.mark.parametrize(
        ("shards", "items", "consumers", "bound"),
        [
            (1, 500, 4, 0),
            (2, 4000, 1, 2),
            (8, 1000, 1, 2),
            (8, 16_000, 1, 2),
            (8, 4000, 4, 2.5),
            (8, 4000, 16, 4),
            (32, 4000, 1, 2),
            (32, 4000, 16, 4),
        ],
    )
    def test_the_mean_rank_is_bounded_by_the_number_of_shards(
        self, take: Take, shards: int, items: int, consumers: int, bound: float, *, refill: bool
    ) -> None:
        ranks = _ranks(take, shards=shards, items=items, consumers=consumers, refill=refill)
        assert mean(ranks) <= bound * shards
        assert max(ranks) <= 10 * bound * shards

    @pytest.mark.parametrize("consumers", [1, 4])
    def test_a_batch_multiplies_the_bound(self, consumers: int) -> None:
        ranks = _ranks(
            lambda s: s.take(10), shards=8, items=8000, consumers=consumers, refill=False
        )
        assert mean(ranks) <= 10 * 8 * (1 if consumers == 1 else 1.5)

    def test_the_last_ones_are_taken_nearly_in_order(self) -> None:
        ranks = _ranks(_pop_max, shards=8, items=4000, consumers=1, refill=True)
        assert mean(4000 - 1 - rank for rank in ranks) <= 2 * 8

    def test_no_shard_starves(self) -> None:
        shards = 8
        s = ShardedSet(MemoryBackend(), "jobs", serializer=Numbers, shards=shards)
        last = 12_345
        home = zlib.crc32(b"%d" % last) % shards
        urgent = (n for n in itertools.count() if zlib.crc32(b"%d" % n) % shards != home)
        s.update(itertools.islice(urgent, 1000))
        for _ in range(20):
            s.add(last, 1e9)
            for _ in range(2 * shards):
                s.add(next(urgent), -1)
                if s.pop() == last:
                    break
            assert last not in s

    def test_what_is_urgent_is_found_by_those_who_took_all_there_was(self) -> None:
        s = ShardedSet(MemoryBackend(), "jobs", serializer=Numbers)
        s.update(range(100), range(100))
        s.take(50)
        s.update(range(1000, 1008), itertools.repeat(-1, 8))
        assert {s.pop() for _ in range(16)} >= set(range(1000, 1008))


class TestNames:
    @pytest.mark.parametrize("shards", [1, 2, 3, 5, 8, 13, 64, 256])
    def test_shards_are_spread_evenly_over_the_slots(self, shards: int) -> None:
        slots = [slot_of(name[1:-1]) for name in Generation("jobs", 1, shards).names]
        assert len(set(slots)) == shards
        for nodes in range(1, 9):
            each = Counter(slot * nodes // 16384 for slot in slots)
            # The parts of the shards at both ends of a node's may be its or its neighbour's.
            assert max(each.values()) < shards / nodes + 2

    def test_members_are_spread_evenly_over_the_shards(self) -> None:
        generation = Generation("jobs", 1, 8)
        each = Counter(generation.home(b"item %d" % number) for number in range(80_000))
        assert set(each) == set(generation.names)
        assert max(each.values()) < 1.05 * min(each.values())

    def test_the_names_are_those_that_are_documented(self) -> None:
        names = ("{jobs:1:0:2}", "{jobs:1:1:2}", "{jobs:1:2:2}")
        assert Generation("jobs", 1, 3).names == names
        assert Generation("jobs", 1, 3).home(b"item 1") == names[zlib.crc32(b"item 1") % 3]
