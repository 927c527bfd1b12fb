"""Servers in trouble: the error says what to do, and the same set works on when it is over."""

from __future__ import annotations

import gc
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio

from redset import connect, connect_async
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.testing import blocking
from tests.support.backends import LentBackend, make_set
from tests.support.servers import Server, start_cluster, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

WRONG = "wrong"
PASSWORD = "right"  # noqa: S105  (of servers of our own)


@pytest.fixture(scope="module", params=["valkey-9.1", "redis-6.2"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that may be put in trouble."""
    with Server(request.param) as server:
        yield server


@pytest.fixture(params=["blocking", "asyncio", "lent", "lent-asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@contextmanager
def opened(kind: str, url: str) -> Iterator[Backend]:
    """Open a backend; a client that is lent to it has no connections of its own beside it."""
    if kind == "blocking":
        with connect(url) as remote:
            yield remote
    elif kind == "lent":
        with closing(redis.Redis.from_url(url)) as client:
            yield RedisBackend(client)
    else:

        def open_async() -> AsyncRedisBackend:
            if kind == "asyncio":
                backend = connect_async(url)
                assert isinstance(backend, AsyncRedisBackend)
                return backend
            return LentBackend(redis.asyncio.Redis.from_url(url))

        with blocking(open_async) as backend:
            yield backend


def fails(action: Callable[[], object], error: type[Exception], remedy: str) -> None:
    """Hold an action to an error of redis-py with one note, which says what to do."""
    with pytest.raises(error) as caught:
        action()
    assert type(caught.value).__module__.startswith("redis.")
    (note,) = caught.value.__notes__
    assert remedy in note


def works(s: Any) -> None:
    s.add("a", 1)
    with s.claim() as claim:
        assert claim.item == "a"
    s.update(map(str, range(200)))
    assert s.clear()


def test_a_wrong_password(kind: str, server: Server, name: str) -> None:
    server.call("ACL", "SETUSER", name, "on", ">other", "~*", "&*", "+@all")
    with opened(kind, f"redis://{name}:{PASSWORD}@127.0.0.1:{server.port}") as backend:
        s = make_set(backend, "SortedSet", name)
        fails(lambda: s.add("a"), redis.AuthenticationError, "user and password")
        fails(s.pop, redis.AuthenticationError, "connect(url, password=…)")
        server.call("ACL", "SETUSER", name, f">{PASSWORD}")
        works(s)


def test_no_password(kind: str, name: str) -> None:
    with (
        Server("redis-6.2", "--requirepass", PASSWORD) as server,
        opened(kind, f"redis://127.0.0.1:{server.port}") as backend,
    ):
        s = make_set(backend, "SortedSet", name)
        fails(s.pop, redis.ConnectionError, "user and password")
        server.call("CONFIG", "SET", "requirepass", "")
        works(s)


@pytest.mark.parametrize(
    ("taken", "given"), [("-@scripting", "+@scripting"), ("-zadd", "+zadd"), ("resetkeys", "~*")]
)
def test_a_user_without_permission(
    kind: str, taken: str, given: str, server: Server, name: str
) -> None:
    server.call("ACL", "SETUSER", name, "on", f">{PASSWORD}", "~*", "&*", "+@all", taken)
    with opened(kind, f"redis://{name}:{PASSWORD}@127.0.0.1:{server.port}") as backend:
        s = make_set(backend, "SortedSet", name)
        remedy = "ACL SETUSER user ~NAME ~{NAME}:* +@"
        fails(lambda: s.add("a"), redis.ResponseError, remedy)
        server.call("ACL", "SETUSER", name, given)
        works(s)


def test_the_permissions_of_the_remedy_are_enough(kind: str, server: Server, name: str) -> None:
    server.call("ACL", "SETUSER", name, "on", f">{PASSWORD}")
    with opened(kind, f"redis://{name}:{PASSWORD}@127.0.0.1:{server.port}") as backend:
        s = make_set(backend, "SortedSet", name)
        with pytest.raises(redis.exceptions.NoPermissionError) as caught:
            s.pop()
        rest, _, command = caught.value.__notes__[0].partition("ACL SETUSER user ")
        server.call("ACL", "SETUSER", name, *command.replace("NAME", name).split())
        works(s)
        with s.lock:
            assert s.take(1, timeout=0.01) == []
        _, _, more = rest.partition("of a ShardedSet on ")
        server.call("ACL", "SETUSER", name, more.split()[0].replace("NAME", name))
        works(make_set(backend, "ShardedSet", name, shards=3))


# redis-py's pipeline leaves a connection to the collector that it cannot give back.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_item_that_came_is_not_lost_by_what_comes_after(
    kind: str, server: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    # After a wait, the client ends its WATCH.
    server.call("ACL", "SETUSER", name, "on", f">{PASSWORD}", "~*", "&*", "+@all", "-unwatch")
    with opened(kind, f"redis://{name}:{PASSWORD}@127.0.0.1:{server.port}") as backend:
        s = make_set(backend, "SortedSet", name)
        assert len(s) == 0
        adding = threading.Timer(0.1, server.call, ("ZADD", name, 1, "a"))
        adding.start()
        assert s.pop(timeout=60) == "a"
        assert f"took one item of {name!r}, and then" in caplog.text
        works(s)
        adding.join()
    gc.collect()


def test_a_replica(kind: str, server: Server, name: str) -> None:
    with opened(kind, server.url) as backend:
        s = make_set(backend, "SortedSet", name)
        s.add("z", 2)
        server.call("REPLICAOF", "127.0.0.1", 1)
        try:
            fails(lambda: s.add("a"), redis.ResponseError, "connect to the primary")
            fails(s.pop, redis.ReadOnlyError, "redis+sentinel://")
            fails(s.claim, redis.ResponseError, "connect to the primary")
            assert s.peek() == "z"
            # Nothing is ever due here, be the wait as short as it may.
            polls = make_set(backend, "ScheduledSet", f"{name}:polls")
            fails(lambda: polls.take(1, timeout=0.05), redis.ResponseError, "the primary")
        finally:
            server.call("REPLICAOF", "NO", "ONE")
        works(s)


def test_no_memory_left(kind: str, server: Server, name: str) -> None:
    with opened(kind, server.url) as backend:
        s = make_set(backend, "SortedSet", name)
        s.add("z", 2)
        server.call("CONFIG", "SET", "maxmemory", 1)
        try:
            fails(lambda: s.add("a"), redis.ResponseError, "raise its maxmemory")
            fails(s.claim, redis.ResponseError, "raise its maxmemory")
            fails(lambda: s.update(map(str, range(200))), redis.ResponseError, "maxmemory")
            assert s.pop() == "z"
            # It refuses what is to be stored, not who waits for something to be taken out.
            for waiting in (s, make_set(backend, "ScheduledSet", name)):
                assert waiting.take(1, timeout=0.2) == waiting.claims(1, timeout=0.2) == []
        finally:
            server.call("CONFIG", "SET", "maxmemory", 0)
        works(s)


def test_a_paused_server(kind: str, server: Server, name: str) -> None:
    with opened(kind, f"{server.url}?socket_timeout=0.2") as backend:
        s = make_set(backend, "SortedSet", name)
        works(s)
        server.call("CLIENT", "PAUSE", 1000, "ALL")
        fails(lambda: s.add("a"), redis.TimeoutError, "raise socket_timeout")
        # It answers when the pause is over.
        server.call("PING")
        works(s)


# redis-py's pipeline leaves a socket to the collector when it cannot connect again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_pauses_while_a_set_waits(kind: str, server: Server, name: str) -> None:
    with opened(kind, f"{server.url}?socket_timeout=0.2") as backend:
        s = make_set(backend, "SortedSet", name)
        pause = threading.Timer(0.1, server.call, ("CLIENT", "PAUSE", 1000, "ALL"))
        pause.start()
        fails(lambda: s.pop(timeout=60), redis.TimeoutError, "raise socket_timeout")
        pause.join()
        server.call("PING")
        works(s)
    gc.collect()


@pytest.fixture(scope="module")
def slow() -> Iterator[Server]:
    """Give a server that takes its time to load what it has."""
    options = ("--loading-process-events-interval-bytes", "1024", "--key-load-delay", "1000")
    with Server("valkey-9.1", "--enable-debug-command", "yes", *options) as server:
        for number in range(500):
            server.call("SET", f"filler:{number}", "x" * 512)
        yield server


def test_a_server_that_loads(kind: str, slow: Server, name: str) -> None:
    with opened(kind, slow.url) as backend:
        s = make_set(backend, "SortedSet", name)
        works(s)
        loading = threading.Thread(target=slow.call, args=("DEBUG", "RELOAD"))
        loading.start()
        wait_until(lambda: is_loading(slow), "it loads")
        fails(lambda: s.add("a"), redis.ConnectionError, "when it is done")
        loading.join()
        works(s)


def is_loading(server: Server) -> bool:
    return "loading:1" in str(server.call("INFO", "persistence"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[str]]:
    with start_cluster("valkey-9.1", 2) as cluster:
        yield cluster.urls


def test_a_node_of_a_cluster(kind: str, nodes: list[str], name: str) -> None:
    notes = []
    for url in nodes:
        with opened(kind, url) as backend:
            s = make_set(backend, "SortedSet", name)
            try:
                works(s)
            except redis.ResponseError as error:
                notes += error.__notes__
    remedy = "this is a node of a cluster: connect by redis+cluster://"
    assert notes == [remedy]


def test_a_name_that_is_taken(kind: str, server: Server, name: str) -> None:
    server.call("RPUSH", name, "of another program")
    with opened(kind, server.url) as backend:
        s = make_set(backend, "SortedSet", name)
        for call in (lambda: s.add("a"), s.pop, s.claim):
            fails(call, redis.ResponseError, "choose another name")
        server.call("DEL", name)
        works(s)


def test_other_errors_have_no_notes(kind: str, server: Server, name: str) -> None:
    with opened(kind, f"redis://localhost:{server.port}/99") as backend:
        s = make_set(backend, "SortedSet", name)
        with pytest.raises(redis.ResponseError, match="out of range") as caught:
            s.add("a")
        assert not hasattr(caught.value, "__notes__")
