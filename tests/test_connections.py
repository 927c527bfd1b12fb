"""Connections that a backend keeps beside its client's: how many, for whom, and until when."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio.cluster
import redis.asyncio.sentinel
import redis.cluster
import redis.sentinel
from redis.exceptions import RedisClusterException, SlotNotCoveredError

from redset import AsyncSortedSet, SortedSet, connect, connect_async
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.backends.redis import _async, _clients, _sync
from redset.backends.redis._clients import packer
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.connections import is_blocked, named
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers
from tests.support.servers import SLOTS, Server, start_cluster, start_sentinel, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

    Open = Callable[..., Backend]


@contextmanager
def opened(kind: str, url: str) -> Iterator[Backend]:
    if kind == "blocking":
        with connect(url) as backend:
            yield backend
    else:
        with blocking(lambda: connect_async(url)) as backend:
            yield backend


@contextmanager
def owning(kind: str, client: Any) -> Iterator[Backend]:
    if kind == "blocking":
        with RedisBackend(client, owns=[client]) as backend:
            yield backend
    else:
        with blocking(lambda: AsyncRedisBackend(client, owns=[client])) as backend:
            yield backend


@pytest.fixture(params=["blocking", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_none_is_needed_for_nothing(kind: str, port: int, client: Any, name: str) -> None:
    with opened(kind, f"redis://localhost:{port}?client_name={name}"):
        assert named(client, name) == []


def test_one_caller_needs_one(kind: str, port: int, client: Any, name: str) -> None:
    with opened(kind, f"redis://localhost:{port}?client_name={name}") as backend:
        s = make_set(backend, "SortedSet", name, serializer=Numbers)
        for i in range(50):
            s.add(i)
            s.claim().ack()
        s.update(range(500))
        assert len(s.claims(500, done=s.claims(100))) == 400
        assert len(named(client, name)) == 1
        s.clear()
    assert named(client, name) == []


def test_those_in_use_are_closed_when_they_are_free(
    kind: str, port: int, client: Any, name: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with opened(kind, f"redis://localhost:{port}?client_name={name}") as backend:
            s = make_set(backend, "SortedSet", name)
            waiting = pool.submit(s.claim, timeout=60)
            wait_until(lambda: is_blocked(client, name), "it waits")
            backend.close()
            SortedSet(client, name).add("a")
            waiting.result().ack()
            # What comes after that goes through the client, which opens a connection again.
            assert s.length() == 0
        wait_until(lambda: named(client, name) == [], "all is closed")


def test_more_callers_than_connections(kind: str, port: int, client: Any, name: str) -> None:
    num = 80
    with opened(kind, f"redis://localhost:{port}?client_name={name}") as backend:
        s = make_set(backend, "SortedSet", name, serializer=Numbers)
        with ThreadPoolExecutor(num) as pool:
            waiting = [pool.submit(s.claim, timeout=60) for _ in range(num)]
            wait_until(lambda: len(named(client, name)) >= num, "all wait", timeout=60)
            s.update(range(num))
            claims = [each.result() for each in waiting]
        assert sorted(claim.item for claim in claims) == list(range(num))
        s.ack_all(claims)


def test_many_more_tasks_than_connections(port: int, name: str) -> None:
    async def main() -> None:
        async with connect_async(f"redis://localhost:{port}") as backend:
            s = AsyncSortedSet(backend, name, serializer=Numbers)
            await asyncio.gather(*(s.add(number) for number in range(300)))
            assert len(await s.take(300)) == 300

    asyncio.run(main())


def test_commands_are_packed_without_hiredis(
    kind: str, port: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_none(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(_clients, "import_module", find_none)
    packer.cache_clear()
    try:
        with opened(kind, f"redis://localhost:{port}") as backend:
            use(make_set(backend, "SortedSet", name, serializer=Numbers))
    finally:
        packer.cache_clear()


def test_a_client_that_is_lent_gets_all_commands(port: int, client: Any, name: str) -> None:
    with closing(redis.Redis(port=port, client_name=name, single_connection_client=True)) as lent:
        s = SortedSet(RedisBackend(lent), name)
        s.add("a")
        s.claim().ack()
        assert len(named(client, name)) == 1


def test_a_fork_opens_its_own(port: int, name: str) -> None:
    with connect(f"redis://localhost:{port}") as backend:
        sets = [SortedSet(backend, f"{name}:{i}", serializer=Numbers) for i in range(3)]

        def work(s: SortedSet[int], start: int) -> list[int]:
            numbers = range(start, start + 300)
            s.update(numbers, numbers)
            return [s.pop() for _ in range(300)]

        assert work(sets[0], 0) == list(range(300))
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()

        def child(i: int) -> None:
            results.put((i, work(sets[i], 1000 * i)))

        children = [context.Process(target=child, args=(i,)) for i in (1, 2)]
        for each in children:
            each.start()
        assert work(sets[0], 0) == list(range(300))
        for _ in children:
            i, found = results.get()
            assert found == list(range(1000 * i, 1000 * i + 300))
        for each in children:
            each.join()
            assert each.exitcode == 0
        assert work(sets[0], 0) == list(range(300))


def test_killed_connections_and_restarts_go_unnoticed(kind: str, name: str) -> None:
    with Server("valkey-9.1", "--appendonly", "yes") as server, opened(kind, server.url) as backend:
        s = make_set(backend, "SortedSet", name, serializer=Numbers)
        s.update(range(4))
        assert s.claim().item == 0
        with closing(redis.Redis(port=server.port)) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        assert s.claim().item == 1
        server.restart()
        assert s.claim().item == 2
        assert s.add(9) == 0
        assert s.stats().claimed == 3


def test_a_lost_reply_is_asked_for_again(kind: str, port: int, name: str) -> None:
    with Proxy(port) as proxy, opened(kind, proxy.url) as backend:
        s = make_set(backend, "SortedSet", name, serializer=Numbers)
        s.update(range(3))
        for i in range(3):
            lost = proxy.drop_next_reply(b"EVALSHA")
            claim = s.claim()
            assert lost.is_set()
            assert claim.item == i
            lost = proxy.drop_next_reply(b"EVALSHA")
            claim.ack()
            assert lost.is_set()
        assert s.stats().claimed == 0


def test_those_kept_ask_sentinels_for_the_primary(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **_options: object) -> None:
        raise AssertionError

    with start_sentinel("valkey-9.1") as setup:
        hosts = ",".join(f"{host}:{port}" for host, port in setup.addresses)
        with opened(kind, f"redis+sentinel://{hosts}/{setup.service}") as backend:
            # The client itself is left out.
            for module in (redis.sentinel, redis.asyncio.sentinel):
                monkeypatch.setattr(module.SentinelConnectionPool, "get_connection", refuse)
            s = make_set(backend, "SortedSet", name)
            s.add("a")
            assert s.pop() == "a"


def test_an_interrupt_leaves_no_reply_to_the_next_command(port: int, name: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with connect(f"redis://localhost:{port}") as backend:
        s = SortedSet(backend, name, serializer=Numbers)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            for seconds in (0.02, 0.2, 0.4):
                signal.setitimer(signal.ITIMER_REAL, seconds)
                with pytest.raises(KeyboardInterrupt):
                    s.claim(timeout=60)
                s.add(7)
                assert s.peek() == 7
                assert s.claim().item == 7
                s.clear()
        finally:
            signal.signal(signal.SIGALRM, before)


def test_a_cancelled_task_leaves_no_reply_to_the_next_command(port: int, name: str) -> None:
    async def main() -> None:
        async with connect_async(f"redis://localhost:{port}") as backend:
            s = AsyncSortedSet(backend, name, serializer=Numbers)
            for pause in (0.0, 0.001, 0.1):
                task = asyncio.create_task(s.claim(timeout=60))
                await asyncio.sleep(pause)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await s.add_new(7) is True
                # A claim that is on its way may yet be made.
                stats = await s.stats()
                assert stats.pending + stats.claimed == 1
                await s.clear()

    asyncio.run(main())


def test_many_threads_get_their_own_replies(port: int, name: str) -> None:
    with connect(f"redis://localhost:{port}") as backend:
        s = SortedSet(backend, name, serializer=Numbers)
        s.update(range(8), range(8))
        wrong: list[tuple[int, float | None]] = []

        def look(i: int) -> None:
            for _ in range(300):
                score = s.score(i)
                if score != i:
                    wrong.append((i, score))

        threads = [threading.Thread(target=look, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        s.clear()


@pytest.mark.parametrize("name", ["a}", "{}b"])
def test_a_name_that_nothing_can_stand_beside_is_counted(
    kind: str, port: int, client: Any, name: str
) -> None:
    with opened(kind, f"redis://localhost:{port}") as backend:
        s = make_set(backend, "SortedSet", name)
        assert (s.increment("a"), s.increment("a", 2)) == (1.0, 3.0)
        client.delete(name)


def test_a_forked_process_leaves_the_connections_of_its_parent_alone(
    port: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(f"redis://localhost:{port}?client_name={name}") as backend:
        s = SortedSet(backend, name)
        assert len(s) == 0
        parent = os.getpid()
        # As if this was the child, but for what the parent's connections would show.
        monkeypatch.setattr("os.getpid", lambda: parent + 1)
        assert len(s) == 0
        monkeypatch.undo()
        s.clear()

    async def main() -> None:
        async with connect_async(f"redis://localhost:{port}") as backend:
            assert await backend.length(name) == 0
            line: Any = backend
            line = line._connection._lines._shared.line._line  # noqa: SLF001  (a child would not close it)
            with monkeypatch.context() as patch:
                patch.setattr("os.getpid", lambda: parent + 1)
                assert await backend.length(name) == 0
            await line.disconnect()

    asyncio.run(main())


@pytest.fixture(scope="module")
def cluster_url() -> Iterator[str]:
    with start_cluster("valkey-9.1", 3) as cluster:
        yield f"redis+cluster://127.0.0.1:{cluster.servers[0].port}"


def use(s: Any) -> None:
    """Do what takes plain commands, scripts, several of a name, and waits."""
    s.update(range(3), range(3))
    assert [s.claim().item, s.pop(), s.pop(timeout=1)] == [0, 1, 2]
    assert list(s) == []
    s.clear()


@contextmanager
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no client of a cluster send anything."""

    def refuse(*_: object, **_options: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        for module in (redis.cluster, redis.asyncio.cluster):
            patch.setattr(module.RedisCluster, "execute_command", refuse)
        yield


class TestClusters:
    def test_those_kept_are_used_instead_of_the_client(
        self, kind: str, cluster_url: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(kind, cluster_url) as backend:
            s = make_set(backend, "SortedSet", name, serializer=Numbers)
            use(s)  # each script is sent once, and the client knows the nodes
            with refusing(monkeypatch):
                use(s)

    def test_the_client_is_used_when_they_are_closed(
        self, kind: str, cluster_url: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(kind, cluster_url) as backend:
            s = make_set(backend, "SortedSet", name, serializer=Numbers)
            use(s)
            backend.close()
            with refusing(monkeypatch), pytest.raises(AssertionError):
                s.add(1)

    def test_those_to_a_node_that_has_left_are_closed(
        self, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = (f"{name}-{i}" for i in itertools.count())
        modules: Any = redis if kind == "blocking" else redis.asyncio
        uncovered = (RedisClusterException, SlotNotCoveredError)
        with start_cluster("valkey-9.1", 2) as cluster:
            stays, goes = cluster.servers
            there = next(each for each in names if cluster.primary_of(each) is goes)
            options: Any = {"client_name": name}
            if kind == "blocking":
                # By default it goes on with the slots as they were.
                options["require_full_coverage"] = False
            peer = modules.RedisCluster("127.0.0.1", stays.port, **options)
            with owning(kind, peer) as backend, closing(redis.Redis(port=goes.port)) as left:
                s = make_set(backend, "SortedSet", there, serializer=Numbers)
                use(s)
                assert named(left, name) != []
                identity = left.cluster("MYID")
                left.flushall()
                left.cluster("RESET", "HARD")
                stays.call("CLUSTER", "FORGET", identity)
                with monkeypatch.context() as patch:
                    for module in (_async.clusters, _sync.clusters):
                        patch.setattr(module, "_PATIENCE", 0.5)
                    for _ in range(2):
                        with pytest.raises(uncovered, match="not covered"):
                            s.add(1)
                stays.call("CLUSTER", "ADDSLOTS", *range(SLOTS // 2, SLOTS))
                if kind == "blocking":
                    # By itself it does not look again.
                    peer.nodes_manager.initialize()
                use(s)
                wait_until(lambda: named(left, name) == [], "all is closed")

    def test_a_client_that_reads_from_replicas_is_left_to_do_so(
        self, kind: str, cluster_url: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        modules: Any = redis if kind == "blocking" else redis.asyncio
        peer = modules.RedisCluster.from_url(cluster_url.replace("redis+cluster", "redis"))
        peer.read_from_replicas = True
        with owning(kind, peer) as backend:
            s = make_set(backend, "SortedSet", name, serializer=Numbers)
            use(s)
            with refusing(monkeypatch), pytest.raises(AssertionError):
                s.add(1)
