"""The layout of a sharded set: what others make of it, and what it says of the set."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from redset import (
    AsyncShardedSet,
    AsyncSortedSet,
    Merge,
    Payload,
    ScheduledSet,
    ShardedSet,
    SortedSet,
    TTLSet,
)
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend, RedisBackend
from redset.backends.sharded import ShardedBackend
from redset.backends.sharded._naming import Generation, Layout
from redset.backends.sharded._sync.shards import Shards
from redset.exceptions import KeyingError, SealedError
from redset.metrics import instrument
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.command import command
from tests.support.plain import plain, plain_async
from tests.support.recording import Notes
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import ShardableBackend
    from tests.support.backends import Backends

    MakeSet = Callable[..., Any]

KINDS = ["memory", "memory-async", "fakeredis", "redis-6.2-async", "valkey-9.1", "cluster"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def make(backend: ShardableBackend, name: str) -> Iterator[MakeSet]:
    """Give a function that makes sharded sets, and leave nothing of them."""

    def make(**options: Any) -> Any:
        return make_set(backend, "ShardedSet", name, **options)

    yield make
    layout = backend.layout(name)
    if layout is not None:
        make(key=str if b"keyed" in layout else None).clear()
        backend.drop_layout(name)


class TestOthers:
    @pytest.mark.parametrize("options", [{}, {"key": str}])
    def test_usual_sets_refuse_it(
        self, make: MakeSet, backend: ShardableBackend, name: str, options: dict[str, Any]
    ) -> None:
        s = make()
        s.update("abc")
        usual = make_set(backend, "SortedSet", name, **options)
        timed = make_set(backend, "ScheduledSet", name, **options)
        seen = make_set(backend, "TTLSet", name, ttl=60, **options)
        calls: list[Callable[[], object]] = [
            *(usual.pop, usual.pop_max, usual.clear, usual.claim, usual.stats, usual.peek),
            *(timed.pop, timed.available, timed.clear, seen.clear, seen.sweep),
            *(lambda: usual.take(9), lambda: usual.claims(9), lambda: len(usual)),
            *(lambda: usual.add("a"), lambda: timed.add("a"), lambda: seen.add("a")),
            *(
                lambda: usual.discard("layout"),
                lambda: usual.pop(timeout=0.05),
                lambda: list(usual),
            ),
            *(lambda: usual.remove_between(-1e9, 1e9), lambda: usual.rename(f"{{{name}}}:2")),
        ]
        for call in calls:
            with pytest.raises(SealedError, match="open it as a ShardedSet"):
                call()
        assert (sorted(make()), make().shard_count()) == (["a", "b", "c"], 8)

    def test_the_command_refuses_it(self, backends: Backends, name: str) -> None:
        backend = backends.get("valkey-9.1")
        s = ShardedSet(backend, name, shards=2)
        s.update("abcdefgh")
        assert len(s.claims(8)) == 8
        with command(backends, name, "valkey-9.1") as redset:
            for words in (("take", name, "5"), ("add", name, "x"), ("export", name)):
                done = redset(*words)
                assert (done.code, "is a sharded set" in done.errors) == (2, True)
                assert f"redset ls '{{{name}:*'" in done.errors
            # Shards are called what they are, also when all is claimed; nothing else is there.
            shards = Generation(name, 1, 2).names
            listed = redset("ls", f"*{name}*").lines[1:]
            assert [line.split()[-1] for line in listed] == sorted(shards)
        s.clear()
        backend.drop_layout(name)

    def test_the_command_stores_nothing_in_a_shard(self, backends: Backends, name: str) -> None:
        backend = backends.get("valkey-9.1")
        s = ShardedSet(backend, name, shards=2)
        s.update("abcd")
        shard, other = Generation(name, 1, 2).names
        with command(backends, name, "valkey-9.1") as redset:
            lines = redset("export", other).output
            for words in (
                ("add", shard, "a", "b", "c", "d"),
                ("add", f"{shard}:leaving", "a"),
                ("import", shard),
                ("copy", other, "--to", redset.url, "--as", shard),
            ):
                done = redset(*words, given=lines)
                assert (done.code, done.output) == (1, "")
                assert f"is a shard of {name!r}: add to that by a program" in done.errors
                assert len(done.errors.splitlines()) == 1
            assert list(s) == ["a", "b", "c", "d"]
            # But what is in it can be had.
            assert redset("import", f"{name}-2", given=lines).code == 0
            taken = redset("take", shard, "9").lines + redset("take", f"{name}-2", "9").lines
            assert sorted(taken) == ["a", "b", "c", "d"]
        s.clear()
        backend.drop_layout(name)

    @pytest.mark.parametrize("options", [{}, {"key": str}])
    def test_a_set_that_is_not_sharded_is_refused(
        self, make: MakeSet, backend: ShardableBackend, name: str, options: dict[str, Any]
    ) -> None:
        usual = make_set(backend, "SortedSet", name, **options)
        usual.add("a")
        # Even if nothing waits in it.
        claims: list[Any] = []
        for _ in range(2):
            for call in (lambda: len(make()), lambda: make().add("b"), lambda: make().reshard(3)):
                with pytest.raises(KeyingError, match="not sharded"):
                    call()
            claims = usual.claims(9)
        assert claims == []
        usual.clear()


class TestKeys:
    @pytest.mark.parametrize("is_keyed", [True, False])
    def test_it_is_opened_as_it_was_written_from_the_first_call(
        self, make: MakeSet, *, is_keyed: bool
    ) -> None:
        right, wrong = ({"key": str}, {}) if is_keyed else ({}, {"key": str})
        s = make(**right)
        s.add("a")
        calls: list[Callable[[Any], object]] = [
            *(lambda t: t.add("x"), len, lambda t: t.claims(1), lambda t: t.clear()),
            *(lambda t: t.reshard(3), lambda t: t.shard_count(), lambda t: t.discard("a")),
        ]
        for call in calls:
            with pytest.raises(KeyingError, match="with key=" if is_keyed else "without key="):
                call(make(**wrong))
        s.reshard(3)
        with pytest.raises(KeyingError):
            make(**wrong).add("x")
        assert make(**right).take(9) == ["a"]
        # What is empty is still of its kind.
        with pytest.raises(KeyingError):
            make(**wrong).add("x")


class TestReading:
    def test_to_look_makes_no_set(
        self, make: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        s = make(shards=3)
        assert (len(s), list(s), s.take(9), s.claims(9), s.dead(), s.clear()) == (
            *(0, [], [], [], [], False),
        )
        assert (s.stats().pending, s.discard("a"), s.shard_count(), "a" in s) == (
            0,
            False,
            3,
            False,
        )
        assert (s.remove_between(0, 1), s.take(1, timeout=0.01)) == (0, [])
        assert backend.layout(name) is None
        # Another makes it, in its own way, and who looked sees that.
        make(shards=2).add("a")
        assert (list(s), s.shard_count()) == (["a"], 2)

    def test_a_layout_that_cannot_be_read_is_an_error(
        self, make: MakeSet, backend: ShardableBackend, name: str
    ) -> None:
        for step, text in enumerate((b"", b"8", b"1:8 2:3 4:5", b"1:8 strange", b"\xff", b"a:b")):
            backend.put_layout(name, text or b" ", 10 + step)
            with pytest.raises(ValueError, match=f"'{name}'.*a newer one"):
                make().add("a")
        backend.drop_layout(name)

    @pytest.mark.parametrize(
        "text", [b"1:8", b"1:8 2:12", b"1:8 2:12 left", b"3:1 keyed", b"1:8 2:12 left keyed"]
    )
    def test_it_says_what_it_is(self, text: bytes) -> None:
        assert Layout.parse("jobs", text).text == text


class TestClear:
    def test_it_tells_the_truth_while_others_re_shard(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = MemoryBackend()
        s, other = ShardedSet(store, "jobs", shards=2), ShardedSet(store, "jobs")
        s.add("only")
        unload, shards = store.unload, iter((3, 2))

        def unload_and_reshard(*arguments: Any) -> None:
            unload(*arguments)
            for number in shards:
                other.reshard(number)
                break

        monkeypatch.setattr(store, "unload", unload_and_reshard)
        assert s.clear() is True
        assert s.clear() is False

    def test_it_leaves_the_layout_which_can_be_dropped(self, name: str) -> None:
        with Server() as server, closing(redis.Redis(port=server.port)) as client:
            s = ShardedSet(client, name, shards=2)
            s.update("abc")
            s.claim().bury("hopeless")
            s.clear()
            kept = [key for key in client.scan_iter() if b":request:" not in key]
            assert kept == [name.encode()]
            assert RedisBackend(client).drop_layout(name)
            assert all(client.pttl(key) > 0 for key in client.scan_iter())


def test_what_a_sharded_set_makes_of_a_backend_is_none() -> None:
    sharded: Any = ShardedSet(MemoryBackend(), "jobs").backend
    for kind in (SortedSet, ScheduledSet, TTLSet, ShardedSet):
        options: dict[str, Any] = {"ttl": 5} if kind is TTLSet else {}
        with pytest.raises(TypeError, match="pass what that was given"):
            kind(sharded, "other", **options)
    other: Any = AsyncShardedSet(AsyncMemoryBackend(), "jobs").backend
    for made in (AsyncSortedSet, AsyncShardedSet):
        with pytest.raises(TypeError, match="pass what that was given"):
            made(other, "other")


class KeyedPlain(MemoryBackend):
    """Can hand over sets without keys alone."""

    def keyed(self, payload: Payload) -> Any:
        return plain(super().keyed(payload))


class AsyncKeyedPlain(AsyncMemoryBackend):
    """The same for asyncio."""

    def keyed(self, payload: Payload) -> Any:
        return plain_async(super().keyed(payload))


def test_a_backend_must_hand_sets_over() -> None:
    notes = Notes()
    store = instrument(MemoryBackend(), notes)
    lacking = (
        "for lack of drop_layout, end_parcels, .* unpack: write these as docs/backends.md says"
    )
    backends: list[tuple[Any, str]] = [
        (plain(store), "Plain"),
        (instrument(plain(store), Notes()), "Instrumented"),
        (KeyedPlain(), "Plain"),
        (instrument(KeyedPlain(), Notes()), "Instrumented"),
    ]
    for backend, kind in backends:
        SortedSet(backend, "usual", key=str.lower)
        with pytest.raises(TypeError, match=f"^{kind} cannot hold sharded sets, {lacking}"):
            ShardedSet(backend, "jobs", key=str.lower)
    later: Any = plain_async(AsyncMemoryBackend(MemoryBackend()))
    for backend in (later, instrument(later, notes), instrument(AsyncKeyedPlain(), notes)):
        AsyncSortedSet(backend, "usual", key=str.lower)
        with pytest.raises(TypeError, match=f"cannot hold sharded sets, {lacking}"):
            AsyncShardedSet(backend, "jobs", key=str.lower)
    with pytest.raises(TypeError, match="cannot hold sharded sets"):
        ShardedBackend(backends[0][0], 8)
    assert notes.calls == []


@pytest.mark.parametrize("is_async", [False, True])
def test_who_takes_from_a_full_server_gets_what_needs_no_room(
    name: str, monkeypatch: pytest.MonkeyPatch, *, is_async: bool
) -> None:
    def die(*_: object) -> None:
        raise InterruptedError

    def make() -> AsyncRedisBackend:
        client = redis.asyncio.Redis(port=server.port)
        return AsyncRedisBackend(client, owns=[client])

    with ExitStack() as stack:
        server = stack.enter_context(Server())
        client = stack.enter_context(closing(redis.Redis(port=server.port)))
        backend = RedisBackend(client)
        s = ShardedSet(backend, name, shards=3)
        s.update([f"{number}" for number in range(300)])
        with monkeypatch.context() as patch:
            patch.setattr(Shards, "_hand_over", die)
            with pytest.raises(InterruptedError):
                s.reshard(5)
        stuck = backend.length(f"{Generation(name, 1, 3).names[0]}:leaving")
        client.config_set("maxmemory", 1)
        other: Any = stack.enter_context(blocking(make)) if is_async else backend
        fresh = make_set(other, "ShardedSet", name)
        taken = [fresh.pop() for _ in range(200 - stuck)]
        taken += fresh.take(300)
        assert len(taken) == 300 - stuck
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            fresh.pop()
        client.config_set("maxmemory", 0)
        assert len({*taken, *fresh.take(300)}) == 300


@pytest.mark.parametrize("is_async", [False, True])
def test_a_usual_set_that_is_made_at_the_same_time_is_refused(*, is_async: bool) -> None:
    class Racing(MemoryBackend):
        looks = 0

        def layout(self, name: str) -> bytes | None:
            found = super().layout(name)
            # The first look is for keys.
            self.looks += 1
            if self.looks == 2:
                self.add(name, [(b"a", 1.0)], Merge.KEEP)
            return found

    store = Racing()
    with ExitStack() as stack:
        other: Any = store
        if is_async:
            other = stack.enter_context(blocking(lambda: AsyncMemoryBackend(store)))
        with pytest.raises(KeyingError, match="not sharded"):
            make_set(other, "ShardedSet", "jobs").add("b")
        assert SortedSet(store, "jobs").take(9) == ["a"]
