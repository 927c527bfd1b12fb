"""Bad arguments fail before anything is sent, naming the value and the remedy."""

from __future__ import annotations

import copy
import math
import pickle
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
import redis
import redis.asyncio
import valkey

import redset
from redset import AsyncSortedSet, AsyncTTLSet, ShardedSet, SortedSet, TTLSet, pop_from_any
from redset.backends import (
    AsyncMemoryBackend,
    AsyncRedisBackend,
    MemoryBackend,
    RedisBackend,
)
from redset.exceptions import ScoreError
from redset.interfaces import Backend
from redset.serializers import DataclassSerializer, JSONSerializer, SignedSerializer
from redset.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.backends import Backends


class Untouchable:
    """A client that must not be used."""

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        pytest.fail(f"sent {arguments} {options}")

    lock = pipeline = __enter__ = execute_command


@pytest.fixture
def s() -> Any:
    return SortedSet(Untouchable(), "jobs")


@pytest.mark.parametrize("bad", ["", b"jobs", None, 3, "\ud800"])
def test_names(bad: Any) -> None:
    for kind in ("SortedSet", "TimeSortedSet", "ScheduledSet", "TTLSet"):
        with pytest.raises((ValueError, TypeError), match="name"):
            getattr(redset, kind)(Untouchable(), bad)


def test_what_names_say_of_what_is_none() -> None:
    cases: list[tuple[Any, Any, str]] = [
        (Untouchable(), b"jobs", "not b'jobs': decode it"),
        (Untouchable(), None, "not None: the store comes first, then the name"),
        ("jobs", redis.Redis(), "the store comes first, then the name"),
    ]
    for store, name, match in cases:
        with pytest.raises(TypeError, match=match) as caught:
            SortedSet(store, name)
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize("bad", [object(), 3, "json", int])
def test_serializers(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"has no dumps\(\)"):
        SortedSet(MemoryBackend(), "jobs", serializer=bad)
    with pytest.raises(TypeError, match=r"has no dumps\(\)"):
        TTLSet(MemoryBackend(), "jobs", serializer=bad)


@pytest.mark.parametrize("place", ["key", "serializer"])
def test_a_key_to_sign_with_is_not_shown_where_it_is_out_of_place(place: str) -> None:
    wrong: Any = {place: b"s3cret and long enough"}
    with pytest.raises(TypeError, match=f"^{place} (is )?of bytes") as caught:
        SortedSet(MemoryBackend(), "jobs", **wrong)
    assert "s3cret" not in str(caught.value)


def test_a_serializer_has_both_methods() -> None:
    class Half:
        dumps = str

    with pytest.raises(TypeError, match=r"has no loads\(\): it needs dumps and loads"):
        SortedSet(MemoryBackend(), "jobs", serializer=Half())  # type: ignore[call-overload]  # wrong on purpose


@pytest.mark.parametrize("forgotten", [JSONSerializer, DataclassSerializer])
def test_a_class_is_a_serializer_if_it_needs_no_instance(forgotten: Any) -> None:
    class Numbers:
        loads = int
        dumps = str

    class Upper:
        @staticmethod
        def loads(data: bytes) -> str:
            return data.decode().lower()

        @classmethod
        def dumps(cls, item: str) -> str:
            return item.upper()

    store = MemoryBackend()
    cases: list[tuple[Any, Any]] = [(Numbers, 3), (Upper, "a")]
    for kind, item in cases:
        jobs = SortedSet(store, "jobs", serializer=kind)
        jobs.add(item)
        assert jobs.pop() == item
    with pytest.raises(TypeError, match=rf"{forgotten.__name__}'> is a class.*make one"):
        SortedSet(store, "jobs", serializer=forgotten)
    with pytest.raises(TypeError, match=rf"inner serializer .*{forgotten.__name__}'> is a class"):
        SignedSerializer(forgotten, bytes(16))


@pytest.mark.parametrize(
    ("option", "bad", "error"),
    [
        ("scorer", 3, TypeError),
        ("merge", "replace", TypeError),
        ("dead_limit", 0, ValueError),
        ("dead_limit", 1.5, TypeError),
        ("lock_timeout", -1, ValueError),
        ("lock_timeout", "1", TypeError),
        ("lock_expires", 0, ValueError),
        ("lock_expires", 0.0001, ValueError),
        ("lock_expires", math.nan, ScoreError),
    ],
)
def test_options(option: str, bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=option) as caught:
        SortedSet(MemoryBackend(), "jobs", **{option: bad})
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        (datetime.now(UTC), r"use its timestamp\(\)"),
        (timedelta(hours=1), r"use its total_seconds\(\); for a time, add them to time.time\(\)"),
        ("1", r"convert it with float\(\)"),
    ],
)
def test_times_are_to_become_numbers(s: Any, bad: Any, remedy: str) -> None:
    call: Callable[[], object]
    for call in (lambda: s.add("a", bad), lambda: s.update(["a"], [bad]), lambda: s.claim(bad)):
        with pytest.raises(TypeError, match=remedy) as caught:
            call()
        assert repr(bad) in str(caught.value)


def test_bad_scores_and_rules_are_not_sent(s: Any) -> None:
    bad: Any
    for bad in (math.nan, "1", 10**400, [], b"1"):
        with pytest.raises((ScoreError, TypeError)):
            s.add("a", bad)
    call: Callable[[], object]
    for call in (
        lambda: s.add("a", merge="keep"),
        lambda: s.update(["a"], merge=1),
        lambda: s.pop(timeout=-1),
        lambda: s.take(2.5),
        lambda: s.between(math.nan),
        lambda: s["a"],
        lambda: s.dead(1.5),
        lambda: s.dead(3, "1"),
        lambda: s.dead(3, -5),
    ):
        with pytest.raises((ValueError, TypeError)):
            call()


@pytest.mark.parametrize("bad", [5, 1.5, object()])
def test_what_is_no_iterable_is_not_sent(s: Any, bad: Any) -> None:
    seen: Any = TTLSet(Untouchable(), "seen", ttl=5)
    call: Callable[[], object]
    for call in (
        lambda: s.update(bad),
        lambda: s.update(bad, [1]),
        lambda: s.update(["a"], bad),
        lambda: s.scores(bad),
        lambda: seen.update(bad),
        lambda: seen.add_unseen(bad),
        lambda: s.ack_all(bad),
        lambda: s.claims(1, done=bad),
        lambda: s.redrive(bad),
        lambda: s.forget(bad),
    ):
        with pytest.raises(TypeError, match=r"is no iterable of \w+: put one in a list") as caught:
            call()
        assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("bad", ["x", 5, b"x", ("x", 1.0)])
def test_what_is_no_claim_and_no_letter_is_not_sent(s: Any, bad: Any) -> None:
    call: Callable[[], object]
    for call, kind in (
        (lambda: s.ack_all([bad]), r"Claim: hand over what claims\(\) gives"),
        (lambda: s.claims(1, done=[bad]), r"Claim: hand over what claims\(\) gives"),
        (lambda: s.redrive([bad]), r"DeadLetter: hand over what dead\(\) lists"),
        (lambda: s.forget([bad]), r"DeadLetter: hand over what dead\(\) lists"),
    ):
        with pytest.raises(TypeError, match=f"is no {kind}") as caught:
            call()
        assert repr(bad) in str(caught.value)


def test_one_set_is_no_list_of_sets(s: Any) -> None:
    wrong: list[Any] = [s, AsyncSortedSet(AsyncMemoryBackend(), "jobs"), 5, None]
    for bad in wrong:
        with pytest.raises(TypeError, match="is no list of sets: put one in a list"):
            pop_from_any(bad)


def test_what_is_of_one_process_is_not_pickled() -> None:
    store = MemoryBackend()
    jobs = SortedSet(store, "jobs")
    jobs.add("a")
    local: list[Any] = [
        jobs,
        jobs.claim(),
        store,
        TTLSet(redis.Redis(), "seen"),
        RedisBackend(redis.Redis()),
        AsyncRedisBackend(redis.asyncio.Redis()),
        AsyncSortedSet(AsyncMemoryBackend(), "jobs"),
        AsyncMemoryBackend(),
        ShardedSet(store, "jobs"),
        ShardedSet(store, "jobs").backend,
        SortedSet(store, "pages", key=str).buffered(),
    ]
    for each in local:
        for call in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="pass the URL and the name"):
                call(each)
    with pytest.raises(TypeError, match="nor copied:"):
        copy.copy(local[1])
    assert copy.copy(jobs).stats().claimed == 1


def test_a_sweep_takes_a_whole_number() -> None:
    seen: Any = TTLSet(Untouchable(), "seen")
    for bad in ("x", 1.5, None):
        with pytest.raises(TypeError, match="limit") as caught:
            seen.sweep(bad)
        assert repr(bad) in str(caught.value)


def test_an_asyncio_set_is_neither_true_nor_false() -> None:
    for kind in (AsyncSortedSet, AsyncTTLSet):
        with pytest.raises(TypeError, match=r"use its length\(\)"):
            bool(kind(AsyncMemoryBackend(), "jobs"))


def test_numbers_of_all_kinds_are_scores() -> None:
    from decimal import Decimal
    from fractions import Fraction

    s = SortedSet(MemoryBackend(), "jobs")
    scores: list[Any] = [True, 3, Decimal("1.5"), Fraction(1, 4), -math.inf]
    assert [s.add("a", score) for score in scores] == [1.0, 3.0, 1.5, 0.25, -math.inf]


class TestSources:
    def test_clients_and_backends_are_taken(self) -> None:
        for source in (MemoryBackend(), redis.Redis(), RedisBackend(redis.Redis())):
            assert SortedSet(source, "jobs").backend is not None
        for peer in (AsyncMemoryBackend(), redis.asyncio.Redis()):
            assert AsyncSortedSet(peer, "jobs").backend is not None

    def test_the_other_kind_is_refused(self) -> None:
        wrong: Any
        for wrong in (redis.asyncio.Redis(), AsyncMemoryBackend()):
            with pytest.raises(TypeError, match="asyncio"):
                SortedSet(wrong, "jobs")
        for wrong in (redis.Redis(), MemoryBackend()):
            with pytest.raises(TypeError, match="is a blocking"):
                AsyncSortedSet(wrong, "jobs")
        with pytest.raises(TypeError, match="asyncio client"):
            RedisBackend(redis.asyncio.Redis())  # type: ignore[arg-type]  # wrong on purpose
        with pytest.raises(TypeError, match=r"redis\.asyncio"):
            AsyncRedisBackend(redis.Redis())  # type: ignore[arg-type]  # wrong on purpose

    def test_anything_else_is_refused(self) -> None:
        for wrong in (None, "redis://localhost", object(), {}):
            bad: Any = wrong
            for kind in (SortedSet, AsyncSortedSet):
                with pytest.raises(TypeError, match="neither a backend nor a Redis client"):
                    kind(bad, "jobs")
            with pytest.raises(TypeError, match="no execute_command"):
                RedisBackend(bad)

    @pytest.mark.parametrize("kind", [SortedSet, AsyncSortedSet])
    def test_a_class_is_refused(self, kind: Any) -> None:
        for wrong in (redis.Redis, redis.asyncio.Redis, MemoryBackend, AsyncRedisBackend):
            with pytest.raises(TypeError, match=rf"is a class: make one, {wrong.__name__}\("):
                kind(wrong, "jobs")

    def test_a_pipeline_is_refused(self, backends: Backends) -> None:
        wrong: Any
        with closing(backends.client("cluster")) as cluster:
            for wrong in (redis.Redis().pipeline(), cluster.pipeline()):
                with pytest.raises(TypeError, match="Pipeline is a pipeline"):
                    SortedSet(wrong, "jobs")
        for wrong in (
            redis.asyncio.Redis().pipeline(),
            redis.asyncio.RedisCluster(host="127.0.0.1").pipeline(),
        ):
            with pytest.raises(TypeError, match="Pipeline is a pipeline"):
                AsyncSortedSet(wrong, "jobs")

    def test_what_finds_servers_is_refused(self) -> None:
        wrong: list[tuple[Any, Any]] = [
            (SortedSet, redis.Sentinel),
            (SortedSet, valkey.Sentinel),
            (AsyncSortedSet, redis.asyncio.Sentinel),
        ]
        for kind, sentinel in wrong:
            with pytest.raises(TypeError, match=r"Sentinel .* master_for\(service\) gives"):
                kind(sentinel([("localhost", 1)]), "jobs")

    def test_what_listens_to_channels_is_refused(self) -> None:
        clients: list[tuple[Any, Any]] = [
            (SortedSet, redis.Redis()),
            (SortedSet, fakeredis.FakeRedis()),
            (AsyncSortedSet, redis.asyncio.Redis()),
        ]
        for kind, client in clients:
            with pytest.raises(TypeError, match=r"listens to channels.*: pass its client"):
                kind(client.pubsub(), "jobs")

    def test_backends_fit_their_protocol(self) -> None:
        assert isinstance(MemoryBackend(), Backend)
        assert isinstance(RedisBackend(redis.Redis()), Backend)

    def test_backends_are_equal_by_what_they_wrap(self) -> None:
        client, store = redis.Redis(), MemoryBackend()
        assert RedisBackend(client) == RedisBackend(client)
        assert RedisBackend(client) != RedisBackend(redis.Redis())
        assert RedisBackend(client) != store
        assert len({RedisBackend(client), RedisBackend(client)}) == 1
        assert AsyncMemoryBackend(store) == AsyncMemoryBackend(store)
        assert AsyncMemoryBackend(store) != AsyncMemoryBackend()
        assert len({AsyncMemoryBackend(store), AsyncMemoryBackend(store)}) == 1
        peer = redis.asyncio.Redis()
        assert AsyncRedisBackend(peer) == AsyncRedisBackend(peer)
        assert len({AsyncRedisBackend(peer), AsyncRedisBackend(peer)}) == 1

    def test_a_clock_goes_with_a_new_store(self) -> None:
        with pytest.raises(ValueError, match="give it to the store"):
            AsyncMemoryBackend(MemoryBackend(), clock=ManualClock())


class TestManualClock:
    def test_it_shows_what_it_is_set_to(self) -> None:
        clock = ManualClock(100.0)
        assert clock.time() == 100.0
        clock.advance(5)
        assert (clock.time(), clock.monotonic()) == (105.0, 5.0)
        clock.set(50)
        assert (clock.time(), clock.monotonic()) == (50.0, 5.0)
        assert repr(clock) == "ManualClock(50.0)"

    def test_it_does_not_advance_backwards(self) -> None:
        with pytest.raises(ValueError, match=r"-1.*set\(\)"):
            ManualClock().advance(-1)
