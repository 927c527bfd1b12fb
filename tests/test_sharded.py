"""What sharded sets do, for every backend, blocking and asyncio."""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from redset import Payload, Retry, ShardedSet, SortedSet
from redset.backends import MemoryBackend
from redset.exceptions import EmptySetError, KeyingError, LeaseLost
from tests.support.backends import make_set
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import ShardableBackend
    from tests.support.backends import Backends

    MakeSet = Callable[..., Any]

SHARDED_KINDS = [
    "memory",
    "memory-async",
    "fakeredis",
    "redis-6.2-async",
    "valkey-9.1",
    "cluster",
    "cluster-async",
]


@pytest.fixture(params=SHARDED_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def make(backends: Backends, kind: str, backend: ShardableBackend, name: str) -> Iterator[MakeSet]:
    """Give a function that makes sharded sets; of items, nothing is left in the end."""
    made: list[Any] = []

    def make(*arguments: Any, **options: Any) -> Any:
        options = {"serializer": Numbers, "shards": 4} | options
        made.append(make_set(backend, "ShardedSet", name, *arguments, **options))
        return made[-1]

    yield make
    for each in made:
        with suppress(KeyingError):
            each.clear()
    backend.drop_layout(name)
    left = [key for key in backends.leaked_keys(kind, name) if not _is_seal(backend, key)]
    assert left == []


def _is_seal(backend: ShardableBackend, key: str) -> bool:
    return key.startswith("{") and key.endswith("}") and backend.is_sealed(key)


class TestContents:
    def test_items_are_one_set(self, make: MakeSet) -> None:
        s, again = make(), make(shards=7)
        assert s.update(range(100), range(100)) == 100
        assert again.update(range(50, 150)) == 50
        assert len(s) == len(again) == 150
        assert 149 in s
        assert 150 not in s
        assert s.scores([99, 150, 3]) == [0.0, None, 3.0]
        assert s.score(7) == 7.0
        assert s.add_new(7) is False
        assert s.increment(7, 0.5) == 7.5
        assert s.difference_update([1, 2, 2, 999]) == 2
        assert s.discard(1) is False
        assert s.remove_between(10, 19) == 10
        assert s.shard_count() == again.shard_count() == 4

    def test_reading_is_in_one_order(self, make: MakeSet) -> None:
        s = make()
        s.update(range(2500), (number // 3 for number in range(2500)))
        model = sorted(range(2500), key=lambda number: (number // 3, str(number).encode()))
        assert list(s) == model
        assert list(reversed(s)) == model[::-1]
        assert [item for item, _ in s.items()] == model
        assert s.between(5, 9) == model[15:30]
        assert s.count(5, 9) == 15
        assert [s.peek(), s.peek(7), s.peek(-1), s.peek(-2500)] == [model[i] for i in (0, 7, -1, 0)]
        assert s.peek_score() == 0.0

    def test_slices_are_those_of_a_list(self, make: MakeSet) -> None:
        s, model = make(), list(range(30))
        s.update(model, model)
        bounds = [None, -31, -5, -1, 0, 4, 29, 35]
        for start in bounds:
            for stop in bounds:
                for step in (None, 2, -1):
                    assert s[start:stop:step] == model[start:stop:step], (start, stop, step)
        assert s[29] == 29
        for wrong in (30, -31, 10**30):
            with pytest.raises(IndexError):
                s[wrong]

    def test_what_is_unevenly_spread_is_in_order(self, make: MakeSet) -> None:
        s = make()
        crowded = [n for n in range(2000) if zlib.crc32(b"%d" % n) % 4 == 1]
        others = [n for n in range(2000) if zlib.crc32(b"%d" % n) % 4 != 1]
        s.update(crowded, range(len(crowded)))
        s.update(others, range(10_000, 10_000 + len(others)))
        assert s[:400] == crowded[:400]
        assert s[-300:] == others[-300:]
        assert list(s) == crowded + others

    def test_items_that_move_on_are_not_followed_for_ever(self, make: MakeSet) -> None:
        s = make()
        s.update(range(1500), range(1500))
        met = 0
        for met, item in enumerate(s, 1):
            s.add(item, 10_000 + met)
        assert met == 1500

    def test_sample(self, make: MakeSet) -> None:
        s = make()
        assert s.sample() == []
        s.update(range(40))
        assert len(set(s.sample(9))) == 9
        assert sorted(s.sample(99)) == list(range(40))

    def test_clear(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=1))
        assert s.clear() is False
        s.update(range(1100))
        s.claim().bury("hopeless")
        s.claim()
        assert s.clear() is True
        assert (len(s), s.dead_count(), s.stats().claimed) == (0, 0, 0)
        assert s.add_new(1) is True

    def test_comparing_goes_by_items(
        self, make: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        s = make()
        s.update(range(10), range(10))
        other = make_set(backend, "SortedSet", f"{{{name}}}:other", serializer=Numbers)
        other.update(range(5, 15))
        assert list(s.intersection(other)) == [*range(5, 10)]
        assert list(s.difference(range(8))) == [8, 9]
        assert s.issuperset([1, 2]) is True
        assert s.issubset(range(9)) is False
        assert s.isdisjoint([11]) is True
        assert s.intersection_update(range(3, 99)) == 3
        other.clear()


class TestTaking:
    def test_all_items_are_handed_out_once(self, make: MakeSet) -> None:
        s = make()
        s.update(range(100), range(100))
        taken = s.take(30)
        assert taken == sorted(taken)
        taken += [s.pop() for _ in range(20)]
        taken += s.take_max(30)
        taken += [s.pop_max()]
        assert sorted(taken + s.take(99)) == list(range(100))
        assert s.take(1) == []
        with pytest.raises(EmptySetError):
            s.pop()
        with pytest.raises(EmptySetError):
            s.pop_max()

    def test_an_empty_answer_means_that_all_are_empty(self, make: MakeSet) -> None:
        s = make()
        for number in range(40):
            s.add(number)
            assert s.pop() == number

    def test_the_last_ones_come_last_first(self, make: MakeSet) -> None:
        s = make(shards=1)
        s.update(range(10), range(10))
        assert s.take_max(3) == [9, 8, 7]

    def test_what_cannot_be_decoded_is_set_aside(self, make: MakeSet) -> None:
        text = make(serializer=None)
        text.update([*"0123456789", "not a number", "nor this"])
        s = make()
        assert sorted(s.take(12)) == list(range(10))
        assert {letter.raw for letter in s.dead()} == {b"not a number", b"nor this"}
        assert s.dead_count() == 2
        assert len(s.dead(1, start=1)) == 1
        assert s.forget(s.dead(1)) == 1
        assert s.redrive() == 1
        assert len(s) == 1
        assert s.claims(5) == []
        assert s.dead_count() == 1


class TestWaiting:
    def test_an_item_in_any_shard_ends_the_wait_in_time(self, make: MakeSet) -> None:
        s, producer = make(), make()
        assert s.take(1, timeout=0.05) == []
        for number in range(6):
            # The machine may be busy with something else, but not each time.
            assert any(_delay(s.pop, producer, number) < 0.25 for _ in range(3))

    def test_a_claim_waits_for_any_shard(self, make: MakeSet) -> None:
        s, producer = make(), make()
        assert s.claims(1, timeout=0.05) == []
        for number in range(4):
            assert any(
                _delay(lambda timeout: _done(s, timeout), producer, number) < 0.25 for _ in range(3)
            )

    def test_what_is_done_is_acknowledged_before_the_wait(self, make: MakeSet) -> None:
        s = make()
        s.update(range(3))
        claims = s.claims(3)
        assert s.claims(1, timeout=0.05, done=claims) == []
        assert s.stats().claimed == 0


def _done(s: Any, timeout: float) -> int:
    claim = s.claim(timeout=timeout)
    claim.ack()
    item: int = claim.item
    return item


def _delay(take: Callable[..., int], producer: Any, number: int) -> float:
    """Return how long after an add whoever waits has the item."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: (take(timeout=30), time.monotonic()))
        time.sleep(0.03)  # so that it most likely waits
        began = time.monotonic()
        producer.add(number)
        item, ended = waiting.result()
    assert item == number
    return ended - began


class TestClaims:
    def test_claims_are_settled_where_their_items_are(self, make: MakeSet) -> None:
        s = make(retry=Retry(max_attempts=2, backoff=0.001, jitter=0))
        s.update(range(20), range(20))
        claims = s.claims(20)
        assert sorted(claim.item for claim in claims) == list(range(20))
        assert [claim.score for claim in claims] == sorted(claim.score for claim in claims)
        s.add(claims[3].item, 50)
        claims[0].ack()
        claims[1].nack(0)
        claims[2].bury("hopeless")
        claims[3].ack()
        assert claims[4].extend(90) > claims[5].deadline
        claims[5].reschedule(score=77)
        s.ack_all(claims[6:])
        with pytest.raises(LeaseLost):
            claims[0].ack()
        counts = s.stats()
        assert (counts.pending, counts.claimed, counts.dead, counts.parked) == (3, 1, 1, 0)
        assert counts.oldest_claim is not None
        assert s.score(claims[5].item) == 77.0
        assert s.score(claims[3].item) == 50.0

    def test_consume_acknowledges_as_it_goes_on(self, make: MakeSet) -> None:
        s = make()
        s.update(range(50))
        assert sorted(claim.item for claim in s.consume(timeout=0, prefetch=7)) == list(range(50))
        assert s.stats().claimed == 0

    def test_claims_of_another_object_are_of_the_set(self, make: MakeSet) -> None:
        s, other = make(), make()
        assert s.backend == other.backend
        assert hash(s.backend) == hash(other.backend)
        assert "shards on <" in repr(s)
        s.update(range(9))
        claims = s.claims(9)
        other.ack_all(claims)
        assert s.stats().claimed == 0


class TestKeys:
    def test_payloads_go_with_their_keys(self, make: MakeSet) -> None:
        s = make(key=lambda number: str(number % 10), payload=Payload.NEWEST)
        assert s.update(range(10)) == 10
        assert s.update(range(10, 20)) == 0
        assert s.by_key("3") == 13
        assert sorted(s.keys()) == [b"%d" % number for number in range(10)]
        assert s.discard_key("3") is True
        assert s.is_keyed
        s.reshard(3)
        assert sorted(s.take(10)) == [*range(10, 13), *range(14, 20)]

    def test_it_must_be_opened_as_it_was_written(self, make: MakeSet) -> None:
        keyed = make(key=str)
        keyed.update(range(5))
        plain = make()
        with pytest.raises(KeyingError):
            plain.add(5)
        # So it is for all shards, and for those who only look.
        for call in (plain.clear, lambda: len(plain)):
            with pytest.raises(KeyingError, match="with key="):
                call()
        assert keyed.clear() is True

    def test_a_set_that_is_not_sharded_is_refused(
        self, make: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        for options in ({}, {"key": str}):
            usual: Any = make_set(backend, "SortedSet", name, serializer=Numbers, **options)
            usual.add(1)
            with pytest.raises(KeyingError, match="not sharded"):
                make().add(2)
            assert usual.take(9) == [1]
            usual.clear()


class TestArguments:
    @pytest.mark.parametrize("name", ["{jobs}", "jobs}", "a{b"])
    def test_a_name_with_braces_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match="braces"):
            ShardedSet(MemoryBackend(), name)

    @pytest.mark.parametrize("shards", [0, -1, 1025])
    def test_shards_are_some(self, shards: int) -> None:
        with pytest.raises(ValueError, match="from 1 to 1024"):
            ShardedSet(MemoryBackend(), "jobs", shards=shards)
        with pytest.raises(ValueError, match="from 1 to 1024"):
            ShardedSet(MemoryBackend(), "jobs").reshard(shards)

    def test_it_shows_what_it_is(self) -> None:
        store = MemoryBackend()
        s = ShardedSet(store, "jobs")
        assert repr(s).startswith("<ShardedSet 'jobs' on <shards on ")
        assert s.backend == ShardedSet(store, "other").backend
        assert s.backend != ShardedSet(MemoryBackend(), "jobs").backend
        assert s.backend != store
        assert len({s.backend, ShardedSet(store, "other").backend}) == 1

    @pytest.mark.parametrize("call", ["move", "pop_into", "rename", "rank", "lock", "union_update"])
    def test_what_it_cannot_do_is_not_there(self, call: str) -> None:
        assert not hasattr(ShardedSet, call)
        assert hasattr(SortedSet, call)
