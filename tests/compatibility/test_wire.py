"""Members are the bytes, and keys the names, that 0.5.1 wrote and any client can read.

The bytes below were written by redset 0.5.1 with redis-py 2.10.6, on Python 2.7 and 3.11.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import closing
from threading import Timer
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import redis

from redset import AsyncSortedSet, ScheduledSet, SortedSet, TimeSortedSet
from redset.serializers import JSONSerializer, NamedtupleSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.backends import Backends
    from tests.support.servers import Server


class Task(NamedTuple):
    url: Any
    depth: Any


# What was given to 0.5.1's add(), what it stored, and what comes back.
TEXTS: list[tuple[Any, bytes, object]] = [
    ("feed the cat", b"feed the cat", "feed the cat"),
    ("café", b"caf\xc3\xa9", "café"),
    ("日本", b"\xe6\x97\xa5\xe6\x9c\xac", "日本"),
    ('a"b\n', b'a"b\n', 'a"b\n'),
    ("", b"", ""),
    (7, b"7", "7"),
    (0.1, b"0.1", "0.1"),
    (1e30, b"1e+30", "1e+30"),
    (10**20, b"100000000000000000000", "100000000000000000000"),
    (True, b"True", "True"),
]
JSON_ITEMS: list[tuple[Any, bytes, object]] = [
    (item, member, item)
    for item, member in [
        ({"foo": "bar1"}, b'{"foo": "bar1"}'),
        ({"url": "http://é", "depth": 0}, b'{"url": "http://\\u00e9", "depth": 0}'),
        ({"n": {"b": 1, "a": [1, {}]}}, b'{"n": {"b": 1, "a": [1, {}]}}'),
        ([1, 2.5, None, True], b"[1, 2.5, null, true]"),
        ("café", b'"caf\\u00e9"'),
        ("\U0001f600", b'"\\ud83d\\ude00"'),
        ("", b'""'),
        (17, b"17"),
        (0.1, b"0.1"),
        (None, b"null"),
        (float("inf"), b"Infinity"),
    ]
]
TASKS: list[tuple[Any, bytes, object]] = [
    (item, member, item)
    for item, member in [
        (Task("http://é", 2), b'{"url": "http://\\u00e9", "depth": 2}'),
        (Task(depth=None, url="x"), b'{"url": "x", "depth": null}'),
        (Task([1, {"b": 1}], 1.0), b'{"url": [1, {"b": 1}], "depth": 1.0}'),
    ]
]
SCORES = [-3.0, 0.0, 0.1, 7.0, 1e9, 1420070400.123456, 1420070400.1234562, 1.7e9]


@pytest.fixture(params=["redis-6.2", "valkey-9.1"])
def server(request: pytest.FixtureRequest, backends: Backends) -> Server:
    return backends.server(request.param)


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    with closing(redis.Redis(port=server.port)) as client:
        yield client


@pytest.fixture(params=[SortedSet, TimeSortedSet, ScheduledSet], ids=lambda cls: cls.__name__)
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(
    params=[
        (None, TEXTS),
        (json, JSON_ITEMS),
        (NamedtupleSerializer(Task), TASKS),
    ],
    ids=["default", "json", "namedtuple"],
)
def written(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestWhatWasWritten:
    """By 0.5.1, which is to say by a plain ZADD."""

    def test_is_found(self, client: redis.Redis, name: str, cls: Any, written: Any) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        assert len(s) == len(items)
        for i, (item, _, _) in enumerate(items):
            assert item in s
            assert s.score(item) == i
            assert s.rank(item) == i

    def test_is_read(self, client: redis.Redis, name: str, cls: Any, written: Any) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        read = [result for _, _, result in items]
        assert list(s) == read
        assert [s.peek(i) for i in range(len(items))] == read
        assert s.peek_score() == 0

    def test_is_popped(self, client: redis.Redis, name: str, cls: Any, written: Any) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        popped = [s.pop() for _ in items]
        assert popped == [result for _, _, result in items]
        assert [type(item) for item in popped] == [type(result) for _, _, result in items]
        assert client.exists(name) == 0

    def test_is_taken(self, client: redis.Redis, name: str, cls: Any, written: Any) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        assert s.take(2) + s.take(1000) == [result for _, _, result in items]
        assert client.exists(name) == 0

    def test_is_discarded(self, client: redis.Redis, name: str, cls: Any, written: Any) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        for item, _, _ in items:
            assert s.discard(item)
            assert not s.discard(item)
        assert client.exists(name) == 0

    def test_keeps_its_place_when_added_again(
        self, client: redis.Redis, name: str, cls: Any, written: Any
    ) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        for item, _, _ in items:
            assert not s.add_new(item)
            s.add(item, 1000)
        assert len(s) == len(items)
        assert client.zcount(name, 1000, 1000) == len(items)
        client.delete(name)

    def test_as_json_is_read_by_the_canonical_serializer(
        self, client: redis.Redis, name: str, cls: Any
    ) -> None:
        items = JSON_ITEMS[:-1]  # Infinity is no JSON
        client.zadd(name, {member: i for i, (_, member, _) in enumerate(items)})
        s = cls(client, name, serializer=JSONSerializer())
        assert s.take(100) == [result for _, _, result in items]

    def test_and_cannot_be_decoded_is_found_and_kept(
        self, client: redis.Redis, name: str, cls: Any
    ) -> None:
        s = cls(client, name)
        client.zadd(name, {b"\xff\x00raw": 1, b"fine": 2})  # 0.5.1 took bytes as they are
        assert b"\xff\x00raw" in s
        assert s.pop() == "fine"
        assert [letter.raw for letter in s.dead()] == [b"\xff\x00raw"]
        s.clear()


class TestWhatIsWritten:
    def test_is_what_0_5_1_would_read(
        self, client: redis.Redis, name: str, cls: Any, written: Any
    ) -> None:
        serializer, items = written
        s = cls(client, name, serializer=serializer)
        for i, (item, _, _) in enumerate(items):
            s.add(item, i)
        stored = [(member, float(i)) for i, (_, member, _) in enumerate(items)]
        assert client.zrange(name, 0, -1, withscores=True) == stored
        client.delete(name)
        s.update([item for item, _, _ in items], range(len(items)))
        assert client.zrange(name, 0, -1, withscores=True) == stored
        client.delete(name)

    def test_by_asyncio_sets_is_the_same(self, server: Server, name: str, written: Any) -> None:
        serializer, items = written

        async def add() -> None:
            async with redis.asyncio.Redis(port=server.port) as client:
                s: AsyncSortedSet[Any] = AsyncSortedSet(client, name, serializer=serializer)
                for i, (item, _, _) in enumerate(items):
                    await s.add(item, i)

        asyncio.run(add())
        assert server.call("ZRANGE", name, 0, -1) == [member for _, member, _ in items]
        server.call("DEL", name)

    def test_has_the_very_score(self, client: redis.Redis, name: str, cls: Any) -> None:
        s = cls(client, name)
        for score in SCORES:
            assert s.add(f"at {score!r}", score) == score
            assert client.zscore(name, f"at {score!r}") == score
            assert s.score(f"at {score!r}") == score
        assert s.take(100) == [f"at {score!r}" for score in SCORES]

    def test_by_default_has_the_time_for_its_score(self, client: redis.Redis, name: str) -> None:
        for cls in (TimeSortedSet, ScheduledSet):
            before = time.time()
            score = cls(client, name).add("now")
            assert before - 0.001 <= score <= time.time()
            assert client.zrange(name, 0, -1, withscores=True) == [(b"now", score)]
            client.delete(name)

    @pytest.mark.parametrize("form", ["{}", "{} with blanks", "{{{}}}", "jobs:{}:é"])
    def test_is_at_exactly_the_name(
        self, client: redis.Redis, name: str, cls: Any, form: str
    ) -> None:
        full = form.format(name)
        cls(client, full, serializer=json).update([{"n": n} for n in range(3)], [1, 2, 3])
        assert list(client.scan_iter(f"*{name}*", count=1000)) == [full.encode()]
        assert client.type(full) == b"zset"
        client.delete(full)


class TestPlainCommands:
    """Of any client, in any language: here, of none."""

    def test_feed_a_set(self, server: Server, client: redis.Redis, name: str, cls: Any) -> None:
        server.call("ZADD", name, 2, b'{"n": 2}', 1, b'{"n": 1}', 3, b'{"n": 3}')
        s = cls(client, name, serializer=json)
        assert s.pop() == {"n": 1}
        server.call("ZADD", name, 0, b'{"n": 3}')
        assert s.take(10) == [{"n": 3}, {"n": 2}]
        assert not s

    def test_wake_who_waits(self, server: Server, client: redis.Redis, name: str, cls: Any) -> None:
        producer = Timer(0.1, server.call, ["ZADD", name, 1, "late"])
        producer.start()
        assert cls(client, name).pop(timeout=10) == "late"
        producer.join()

    def test_drain_a_set(self, server: Server, client: redis.Redis, name: str, cls: Any) -> None:
        cls(client, name).update(["b", "a"], [1, 1])
        assert server.call("ZPOPMIN", name, 5) == [b"a", b"1", b"b", b"1"]
        assert not cls(client, name)
