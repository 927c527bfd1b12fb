"""Writes that replicas are to have, and what is raised when they do not."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
import valkey
import valkey.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

import redset.backends.redis
from redset import AsyncSortedSet, SortedSet, connect, connect_async
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.backends.redis import _async, _sync
from redset.backends.redis._scripts import script
from redset.exceptions import RedsetError, ReplicationError
from redset.testing import blocking
from tests.support import wire
from tests.support.backends import make_set
from tests.support.connections import is_blocked, named
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers
from tests.support.servers import Server, start_cluster, start_sentinel, wait_until
from tests.topologies.faults import move_slot, owner, stuck_slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.servers import Cluster, Kind, Sentinel

    Open = Callable[..., Backend]


SECRET = "s3cr3t-p4ss"  # noqa: S105  (of a server of our own)


@pytest.fixture(scope="module", params=["redis-6.2", "valkey-9.1"])
def replicated(request: pytest.FixtureRequest) -> Iterator[Sentinel]:
    """Give a primary with a replica; each server counts what was written in its own way."""
    kind: Kind = request.param
    with start_sentinel(kind) as setup:
        _wait_for_replicas(setup.master)
        # A replica that has just come takes a moment until it answers for a write.
        with redis.Redis(port=setup.master.port, single_connection_client=True) as client:
            client.set("mark", "", px=1)
            assert client.wait(1, 4000) == 1
        _load_scripts(setup.master)
        yield setup


@pytest.fixture
def client(replicated: Sentinel) -> Iterator[Any]:
    with closing(redis.Redis(port=replicated.master.port)) as client:
        yield client


@pytest.fixture(params=["blocking", "asyncio", "blocking-lent"])
def opened(request: pytest.FixtureRequest, replicated: Sentinel) -> Iterator[Open]:
    """Give a function that opens a backend that waits for a replica, made blocking."""
    with ExitStack() as stack:

        def open_backend(port: int = replicated.master.port, **options: Any) -> Backend:
            options = {"wait_replicas": 1, "wait_timeout": 4} | options
            backend: Backend = stack.enter_context(_open(request.param, "Redis", port, options))
            return backend

        yield open_backend


def _open(kind: str, name: str, port: int, options: dict[str, Any]) -> Any:
    """Open a backend that owns its client, or closes it all the same."""
    asked: dict[str, Any] = {"host": "127.0.0.1", "port": port}
    if name == "Redis":
        asked["retry_on_error"] = [redis.ConnectionError, redis.TimeoutError]
    is_hasty = options.pop("is_hasty", False)
    if kind.startswith("blocking"):
        if is_hasty:
            asked["retry"] = Retry(NoBackoff(), 0)
        client = getattr(redis, name)(**asked)
        if "lent" in kind:
            return _lent(client, options)
        return RedisBackend(client, owns=[client], **options)

    def make() -> AsyncRedisBackend:
        if is_hasty:
            asked["retry"] = redis.asyncio.retry.Retry(NoBackoff(), 0)
        client = getattr(redis.asyncio, name)(**asked)
        return AsyncRedisBackend(client, owns=[client], **options)

    return blocking(make)


@contextmanager
def _lent(client: Any, options: dict[str, Any]) -> Iterator[RedisBackend]:
    with closing(client), RedisBackend(client, **options) as backend:
        yield backend


def _wait_for_replicas(server: Server) -> None:
    wait_until(lambda: server.call("WAIT", 1, 100) == 1, "the replica answers", [server])


def _load_scripts(server: Server) -> None:
    folder = Path(redset.backends.redis.__file__).parent / "scripts"
    for path in folder.rglob("*.lua"):
        if "prelude" not in path.name and "plain" not in path.name:
            name = path.relative_to(folder).with_suffix("").as_posix()
            server.call("SCRIPT", "LOAD", script(name).source)


@contextmanager
def paused(*servers: Server) -> Iterator[None]:
    """Have servers hear nothing for a while."""
    for each in servers:
        os.kill(each.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in servers:
            os.kill(each.pid, signal.SIGCONT)


def both(opened: Open, name: str) -> tuple[Any, Any]:
    """Return a set, and the same with little patience."""
    return (
        make_set(opened(), "SortedSet", name, serializer=Numbers),
        make_set(opened(wait_timeout=0.05), "SortedSet", name, serializer=Numbers),
    )


def waits(client: Any) -> int:
    """Return how often a server was asked to wait."""
    found = client.info("commandstats").get("cmdstat_wait", {"calls": 0})
    calls: int = found["calls"]
    return calls


ADDS: dict[str, Callable[[Any], object]] = {
    "add": lambda s: s.add(5),
    "add_new": lambda s: s.add_new(5),
    "add_new of what is there": lambda s: s.add_new(1),
    "update": lambda s: s.update([1, 2]),
    "update with many": lambda s: s.update(range(200)),
    "increment": lambda s: s.increment(1, 0),
}
ENDS: dict[str, Callable[[Any], object]] = {
    "ack": lambda claim: claim.ack(),
    "nack": lambda claim: claim.nack(),
    "reschedule": lambda claim: claim.reschedule(3),
    "bury": lambda claim: claim.bury("hopeless"),
}


class TestOneServer:
    @pytest.mark.parametrize("how", ADDS)
    def test_adds_wait(
        self, how: str, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        s, hasty = both(opened, name)
        s.update(range(200))
        before = waits(client)
        ADDS[how](s)
        assert waits(client) == before + 1
        with paused(*replicated.replicas):
            # It waits for this, too, even if all that it adds is there already.
            client.zadd(name, {5: 0})
            with pytest.raises(ReplicationError, match=r"0 of 1 replicas .* after 0.05 seconds"):
                ADDS[how](hasty)
            assert 1 in s
        s.clear()

    @pytest.mark.parametrize("how", ENDS)
    def test_ends_of_claims_wait(
        self, how: str, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        s, hasty = both(opened, name)
        s.update(range(3))
        [claim], [other] = s.claims(1), hasty.claims(1)
        before = waits(client)
        ENDS[how](claim)
        assert waits(client) == before + 1
        with paused(*replicated.replicas):
            with pytest.raises(ReplicationError):
                ENDS[how](other)
            assert s.stats().claimed == 0
        s.clear()

    def test_all_that_adds_waits(
        self, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        def calls(backend: Backend) -> list[Callable[[], object]]:
            scheduled = make_set(backend, "ScheduledSet", f"{{{name}}}:scheduled")
            seen = make_set(backend, "TTLSet", f"{{{name}}}:seen", ttl=60)
            other = make_set(backend, "SortedSet", f"{{{name}}}:other")
            s = make_set(backend, "SortedSet", name)
            return [
                lambda: scheduled.add("a"),
                lambda: scheduled.update(["a", "b"]),
                lambda: seen.add("a"),
                lambda: s.union_update(other),
                other.redrive,
            ]

        backend = opened()
        dying = make_set(backend, "SortedSet", f"{{{name}}}:other")
        for call in calls(backend):
            dying.add("a")
            dying.claim().bury("to be redriven")
            before = waits(client)
            call()
            assert waits(client) == before + 1
        dying.add("a")
        dying.claim().bury("to be redriven")
        with paused(*replicated.replicas):
            for call in calls(opened(wait_timeout=0.05)):
                with pytest.raises(ReplicationError):
                    call()
        for suffix in ("scheduled", "seen", "other"):
            make_set(backend, "SortedSet", f"{{{name}}}:{suffix}").clear()

    def test_nothing_else_waits(
        self, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        s = make_set(opened(), "SortedSet", name, serializer=Numbers)
        s.update(range(9))
        before = waits(client)
        with paused(*replicated.replicas):
            assert s.pop() == 0
            assert s.take(2) == [1, 2]
            claim = s.claim()
            claim.extend(100)
            s.discard(4)
            assert list(s) == [5, 6, 7, 8]
            s.clear()
        assert waits(client) == before

    def test_by_default_nothing_waits(
        self, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        before = waits(client)
        with paused(*replicated.replicas):
            s = make_set(opened(wait_replicas=0), "SortedSet", name)
            s.add("a")
            s.claim().ack()
        assert waits(client) == before

    def test_the_error_says_how_many_have_it(self, opened: Open, name: str) -> None:
        s = make_set(opened(wait_replicas=3, wait_timeout=2), "SortedSet", name)
        with pytest.raises(ReplicationError, match=r"1 of 3 .*done on the primary") as caught:
            s.add("a")
        assert (caught.value.replicas, caught.value.wanted) == (1, 3)
        assert isinstance(caught.value, RedsetError)
        assert isinstance(caught.value, TimeoutError)
        assert s.pop() == "a"

    def test_a_claim_whose_acknowledgement_fails_takes_nothing(
        self, opened: Open, replicated: Sentinel, name: str
    ) -> None:
        s, hasty = both(opened, name)
        s.update(range(5))
        claims = hasty.claims(2)
        with paused(*replicated.replicas):
            with pytest.raises(ReplicationError):
                hasty.claims(2, done=claims)
            assert (s.stats().claimed, s.stats().pending) == (0, 3)
        for claim in s.consume(timeout=0):
            assert claim.item >= 2
        assert s.stats().pending == 0
        s.clear()

    def test_a_loop_over_consume_raises(
        self, opened: Open, replicated: Sentinel, name: str
    ) -> None:
        s, hasty = both(opened, name)
        s.update(range(5))
        loop = iter(hasty.consume(timeout=0))
        next(loop)
        with paused(*replicated.replicas), pytest.raises(ReplicationError):
            next(loop)
        assert s.take(9) == [1, 2, 3, 4]
        s.clear()

    def test_a_buffer_keeps_what_replicas_lack(self, replicated: Sentinel, name: str) -> None:
        with connect(replicated.master.url, wait_replicas=1) as backend:
            s = SortedSet(backend, name)
            with s.buffered(max_delay=60) as buffer:
                buffer.add("a")
                with paused(*replicated.replicas), pytest.raises(ReplicationError):
                    buffer.flush()
                buffer.flush()
            assert s.take(9) == ["a"]

    def test_what_is_sent_again_is_waited_for_again(
        self, opened: Open, replicated: Sentinel, client: Any, name: str
    ) -> None:
        """What answers it was written over another connection, whose reply was lost."""
        client.script_load(script("add").source)
        with Proxy(replicated.master.port) as proxy:
            s = make_set(opened(proxy.port, wait_timeout=0.5), "SortedSet", name)
            lost = proxy.drop_next_reply(b"EVALSHA")
            s.add("a")
            assert lost.is_set()
            with paused(*replicated.replicas):
                lost = proxy.drop_next_reply(b"EVALSHA")
                with pytest.raises(ReplicationError):
                    s.add("b")
                assert lost.is_set()
            assert s.take(9) == ["a", "b"]
            s.clear()

    def test_scripts_are_sent_again_after_a_flush(
        self, opened: Open, replicated: Sentinel, name: str
    ) -> None:
        s = make_set(opened(), "SortedSet", name)
        for _ in range(2):
            replicated.master.call("SCRIPT", "FLUSH")
            s.add("a")
            s.claim().ack()
        s.clear()
        _load_scripts(replicated.master)

    def test_an_error_of_the_server_surfaces(self, opened: Open, client: Any, name: str) -> None:
        client.set(name, "text")
        s = make_set(opened(), "SortedSet", name)
        calls: list[Callable[[], object]] = [
            lambda: s.add("a"),
            lambda: s.update(map(str, range(200))),
        ]
        for call in calls:
            with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                call()
        client.delete(name)

    def test_who_may_not_wait_is_told(self, opened: Open, client: Any, name: str) -> None:
        s = make_set(opened(), "SortedSet", name)
        acl: Any = client.acl_setuser
        acl("default", enabled=True, commands=["-wait"])
        try:
            with pytest.raises(
                redis.ResponseError, match="permissions to run the 'wait' command"
            ) as refused:
                s.add("a")
            [remedy] = refused.value.__notes__
            assert "ACL SETUSER" in remedy
        finally:
            acl("default", enabled=True, commands=["+wait"])
        assert s.pop() == "a"

    def test_names_that_no_key_can_stand_beside_are_refused(
        self, opened: Open, client: Any, name: str
    ) -> None:
        s = make_set(opened(), "SortedSet", f"}}{name}")
        with pytest.raises(ValueError, match="choose a name without it"):
            s.add("a")
        assert client.exists(f"}}{name}") == 0

    def test_more_callers_than_connections(
        self, opened: Open, replicated: Sentinel, name: str
    ) -> None:
        s = make_set(opened(), "SortedSet", name, serializer=Numbers)
        s.add(0)
        num = 80
        with ThreadPoolExecutor(num) as pool:
            with paused(*replicated.replicas):
                adding = [pool.submit(s.add, i) for i in range(num)]
                wait_until(lambda: s.stats().pending == num, "all are added")
            for each in adding:
                each.result()
        assert sorted(s.take(num)) == list(range(num))

    @pytest.mark.parametrize("open_url", [connect, connect_async])
    def test_those_in_use_are_closed_when_they_are_free(
        self, open_url: Any, replicated: Sentinel, client: Any, name: str
    ) -> None:
        url = f"{replicated.master.url}?client_name={name}"
        make = partial(open_url, url, wait_replicas=1, wait_timeout=4)
        with ThreadPoolExecutor(1) as pool, make() if open_url is connect else blocking(make) as it:
            s: Any = make_set(it, "SortedSet", name)
            s.add("a")
            with paused(*replicated.replicas):
                adding = pool.submit(s.add, "b")
                wait_until(lambda: is_blocked(client, name), "it waits")
                it.close()
            adding.result()
            wait_until(lambda: named(client, name) == [], "all is closed")
        assert client.zrange(name, 0, -1) == [b"a", b"b"]
        client.delete(name)


def test_a_lent_asyncio_client_waits(replicated: Sentinel, name: str) -> None:
    async def main() -> None:
        async with redis.asyncio.Redis(port=replicated.master.port) as client:
            backend = AsyncRedisBackend(client, wait_replicas=2, wait_timeout=0.05)
            s = AsyncSortedSet(backend, name)
            with pytest.raises(ReplicationError, match="of 2 replicas"):
                await s.add("a")
            assert await s.pop() == "a"

    asyncio.run(main())


def test_fakes_without_replicas_say_so(name: str) -> None:
    s = make_set(RedisBackend(fakeredis.FakeRedis(), wait_replicas=1), "SortedSet", name)
    with pytest.raises(redis.ResponseError, match="unknown command 'wait'"):
        s.add("a")


class TestArguments:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"wait_replicas": -1}, ValueError, "wait_replicas is -1, but must not be below 0"),
            ({"wait_replicas": 0.5}, TypeError, "wait_replicas is a whole number, not 0.5"),
            ({"wait_timeout": 0}, ValueError, "wait_timeout is 0, but must be at least 0.001"),
            ({"wait_timeout": "1"}, TypeError, "wait_timeout is a number, not '1'"),
            (
                {"wait_replicas": 1, "wait_timeout": 3},
                ValueError,
                "wait_timeout is 3, but the client gives up after 3.0 seconds: wait for less, or",
            ),
        ],
    )
    def test_wrong_ones_are_refused(
        self, options: Any, error: type[Exception], message: str
    ) -> None:
        url = "redis://localhost:1?socket_timeout=3"
        for open_url in (connect, connect_async):
            with pytest.raises(error, match=message):
                open_url(url, **options)
        with pytest.raises(error, match=message):
            RedisBackend(redis.Redis(port=1, socket_timeout=3), **options)

    def test_who_waits_for_nobody_needs_no_patience(self) -> None:
        RedisBackend(redis.Redis(port=1, socket_timeout=0.5))
        RedisBackend(redis.Redis(port=1, socket_timeout=None), wait_replicas=1, wait_timeout=9)

    def test_memory_has_no_replicas(self) -> None:
        for open_url in (connect, connect_async):
            with pytest.raises(ValueError, match="a store in memory has no replicas"):
                open_url("memory://", wait_replicas=1)


def test_connected_backends_wait(replicated: Sentinel, name: str) -> None:
    hosts = ",".join(f"{host}:{port}" for host, port in replicated.addresses)
    url = f"redis+sentinel://{hosts}/{replicated.service}"
    for opened in (
        connect(url, wait_replicas=2, wait_timeout=0.1),
        blocking(lambda: connect_async(url, wait_replicas=2, wait_timeout=0.1)),
    ):
        with opened as backend:
            s: Any = make_set(backend, "SortedSet", name)
            with pytest.raises(ReplicationError, match="1 of 2 replicas"):
                s.add("a")
            s.clear()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give a cluster of two primaries with a replica each."""
    with start_cluster("valkey-9.1", 2, replicas=1) as cluster:
        for each in cluster.primaries:
            _wait_for_replicas(each)
        yield cluster


@pytest.fixture(params=["blocking", "asyncio", "blocking-lent"])
def clustered(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Open]:
    """Give a function that opens a backend on the cluster, made blocking."""
    with ExitStack() as stack:

        def open_backend(**options: Any) -> Backend:
            options = {"wait_replicas": 1, "wait_timeout": 4} | options
            port = cluster.primaries[0].port
            opened = _open(request.param, "RedisCluster", port, options)
            backend: Backend = stack.enter_context(opened)
            return backend

        yield open_backend


class TestClusters:
    def test_writes_wait(self, clustered: Open, cluster: Cluster, name: str) -> None:
        s, hasty = both(clustered, name)
        s.update(range(200))
        s.update(range(9))
        s.increment(3, 0.5)
        [claim], [other] = s.claims(1), hasty.claims(1)
        claim.ack()
        with paused(*cluster.servers[2:]):
            for call in (lambda: hasty.add(1), lambda: hasty.update(range(200)), other.nack):
                with pytest.raises(ReplicationError, match="0 of 1"):
                    call()
        s.add(1)
        s.clear()

    @pytest.mark.parametrize("kind", ["blocking", "asyncio"])
    def test_valkey_py_waits(self, kind: str, cluster: Cluster, name: str) -> None:
        place: dict[str, Any] = {"host": "127.0.0.1", "port": cluster.primaries[0].port}

        def make() -> AsyncRedisBackend:
            client: Any = valkey.asyncio.ValkeyCluster(**place)
            return AsyncRedisBackend(client, owns=[client], wait_replicas=2, wait_timeout=0.05)

        with ExitStack() as stack:
            if kind == "blocking":
                client: Any = valkey.ValkeyCluster(**place)
                made = RedisBackend(client, owns=[client], wait_replicas=2, wait_timeout=0.05)
                s = make_set(stack.enter_context(made), "SortedSet", name)
            else:
                s = make_set(stack.enter_context(blocking(make)), "SortedSet", name)
            with pytest.raises(ReplicationError, match="of 2 replicas"):
                s.add("a")
            assert s.pop() == "a"

    def test_nodes_that_hang_up_are_asked_again(
        self, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(), "SortedSet", name, serializer=Numbers)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(s.add, range(20)))
            for each in cluster.primaries:
                each.call("CLIENT", "KILL", "TYPE", "normal")
            list(pool.map(s.add, range(20, 40)))
        assert s.take(99) == sorted(range(40), key=str)

    def test_who_gives_up_at_once_does_so(
        self, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(is_hasty=True), "SortedSet", name, serializer=Numbers)
        s.add(1)
        source = owner(cluster, name)
        source.call("CLIENT", "KILL", "TYPE", "normal")
        with pytest.raises(redis.ConnectionError):
            s.add(2)
        make_set(clustered(), "SortedSet", name).clear()

    @pytest.mark.parametrize("wait_replicas", [0, 1])
    def test_a_refusal_is_not_waited_out(
        self, wait_replicas: int, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(wait_replicas=wait_replicas), "SortedSet", name)
        s.add("a")
        source = owner(cluster, name)
        source.call("CONFIG", "SET", "requirepass", SECRET)
        began = time.monotonic()
        try:
            wire.call(source.unix_socket, "CLIENT", "KILL", "TYPE", "normal", password=SECRET)
            with pytest.raises(redis.AuthenticationError):
                s.add("b")
            assert time.monotonic() - began < 10
        finally:
            wire.call(source.unix_socket, "CONFIG", "SET", "requirepass", "", password=SECRET)
        assert s.pop() == "a"

    def test_writes_wait_when_no_connection_is_left(
        self, clustered: Open, cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (_async.lines, _sync.lines):
            monkeypatch.setattr(module, "_MOST_LINES", 0)
        s = make_set(clustered(), "SortedSet", name)
        assert s.add("a") == 0
        with paused(*cluster.servers[2:]), pytest.raises(ReplicationError, match="0 of 1"):
            s.add("b")
        assert s.take(2) == ["a", "b"]

    def test_a_slot_that_has_moved_is_found(
        self, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(), "SortedSet", name, serializer=Numbers)
        s.add(1)
        for _ in range(2):
            move_slot(cluster, name, 0)
            s.update(range(200))
            s.claim().ack()
        s.clear()

    def test_what_is_long_finds_a_slot_that_has_moved(
        self, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(wait_replicas=0), "SortedSet", name)
        long = ["a" * 100_000, "b" * 100_000, "c" * 100_000]
        for item in long:
            s.add(item)
            move_slot(cluster, name, 0)
        move_slot(cluster, name, 0)
        assert s.take(3) == long

    def test_a_slot_on_its_way_is_waited_for(
        self, clustered: Open, cluster: Cluster, name: str
    ) -> None:
        s = make_set(clustered(), "SortedSet", name, serializer=Numbers)
        s.update(range(9))
        with ThreadPoolExecutor(1) as pool:
            for _ in range(2):
                moving = pool.submit(move_slot, cluster, name, 1.5)
                while not moving.done():
                    s.add(0)
                    s.claim().ack()
        assert sorted(s.take(9)) == list(range(1, 9))

    def test_a_slot_that_does_not_arrive_is_told(
        self, clustered: Open, cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (_async.clusters, _sync.clusters):
            monkeypatch.setattr(module, "_PATIENCE", 0.5)
        plain = make_set(clustered(wait_replicas=0), "SortedSet", name)
        s = make_set(clustered(), "SortedSet", name)
        for each in (plain, s):
            each.add("a")
        with stuck_slot(cluster, name):
            for each in (plain, s):
                with pytest.raises(redis.RedisError, match=r"(?i)ttl exhausted|rehashing"):
                    each.add("b")
        for each in (plain, s):
            each.add("b")
        s.clear()
