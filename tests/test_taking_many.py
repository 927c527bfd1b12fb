"""Many items that are taken at once, which goes by a transaction where there is a connection."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from redset.backends.redis._async.lines import AsyncLine
from redset.backends.redis._sync.lines import Line
from redset.exceptions import SealedError
from tests.support.backends import make_set
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers
from tests.support.servers import start_cluster
from tests.topologies.faults import move_slot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.interfaces import Backend, ShardableBackend
    from tests.support.backends import Backends

OWNED = ["redis-6.2", "redis-6.2-async", "valkey-9.1", "valkey-9.1-async", "cluster"]
OWNED += ["cluster-async", "valkey-8.1-resp3-decoded-async"]
NUM = 1200


@pytest.fixture(params=["valkey-9.1", "valkey-9.1-async"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def backend(backends: Backends, kind: str, port: int, name: str) -> Iterator[ShardableBackend]:
    url = f"redis://127.0.0.1:{port}?client_name={name}"
    with backends.opened(kind, url) as backend:
        yield backend


def fill(backend: Backend, name: str, kind: str = "SortedSet") -> Any:
    """Return a set with numbers from the first on, in this order."""
    s = make_set(backend, kind, name, serializer=Numbers)
    s.update(range(NUM), map(float, range(NUM)))
    return s


def calls(client: Any, command: str) -> int:
    """Return how often a server has been sent a command."""
    return int(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


@pytest.mark.parametrize("kind", OWNED)
def test_all_are_there_in_order(backends: Backends, kind: str, name: str) -> None:
    s = fill(backends.get(kind), name)
    assert s.take(600) == [*range(600)]
    assert s.take_max(500) == [*range(NUM - 1, NUM - 501, -1)]
    assert s.take(10**30) == [*range(600, 700)]
    assert (s.take(1000), s.take_max(1000)) == ([], [])
    assert backends.leaked_keys(kind, name) == []


@pytest.mark.parametrize("kind", OWNED)
def test_no_more_than_is_due(backends: Backends, kind: str, name: str) -> None:
    s = fill(backends.get(kind), name, "ScheduledSet")
    later = [*range(NUM, NUM + 30)]
    s.update(later, [time.time() + 1000] * len(later))
    assert s.take(100) == [*range(100)]
    assert s.take(10**9, timeout=60) == [*range(100, NUM)]
    assert (s.take(1000), len(s)) == ([], len(later))
    s.clear()
    assert backends.leaked_keys(kind, name) == []


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_by_the_clock_of_the_server(
    backend: Backend, name: str, skew: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = make_set(backend, "ScheduledSet", name, serializer=Numbers)
    now = time.time()
    s.update(range(30), [now - 7200.0] * 10 + [now - 60.0] * 20)
    s.update(range(30, 60), [now + 60.0] * 30)
    monkeypatch.setattr("time.time", lambda: now + skew)
    assert sorted(s.take(1000)) == [*range(30)]
    assert len(s) == 30
    s.clear()


def test_due_items_do_not_pass_through_the_script(backend: Backend, client: Any, name: str) -> None:
    s = fill(backend, name, "ScheduledSet")
    assert s.take(1) == [0]
    before = calls(client, "zpopmin")
    assert s.take(NUM) == [*range(1, NUM)]
    assert calls(client, "zpopmin") == before


def test_a_server_that_has_forgotten_its_scripts(backend: Backend, client: Any, name: str) -> None:
    s = fill(backend, name, "ScheduledSet")
    for first in range(0, 400, 100):
        client.script_flush()
        assert s.take(100) == [*range(first, first + 100)]
    s.clear()


def test_what_is_no_set(backend: ShardableBackend, client: Any, name: str) -> None:
    client.set(name, "text")
    for kind in ("SortedSet", "ScheduledSet"):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            make_set(backend, kind, name).take(1000)
    client.delete(name)
    backend.seal(name, f"{{{name}}}gone")
    for kind in ("SortedSet", "ScheduledSet"):
        with pytest.raises(SealedError, match="handed over"):
            make_set(backend, kind, name).take(1000)
    client.delete(name)


@pytest.fixture
def user(client: Any, name: str) -> Iterator[str]:
    """Return a user who may do all but begin a transaction."""
    client.acl_setuser(name, enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"])
    yield name
    client.acl_deluser(name)


def test_who_must_not_begin_a_transaction(
    backends: Backends, kind: str, client: Any, port: int, user: str
) -> None:
    client.execute_command("ACL", "SETUSER", user, "-multi")
    with backends.opened(kind, f"redis://{user}:secret@127.0.0.1:{port}") as backend:
        s = fill(backend, user)
        assert s.take(600) + s.take(600) == [*range(NUM)]
        s = fill(backend, user, "ScheduledSet")
        assert s.take(30) + s.take(NUM) == [*range(NUM)]
    entries = [each for each in client.acl_log() if each["username"] == user]
    assert [(each["object"], each["count"]) for each in entries] == [("multi", 1)]
    client.acl_log_reset()


def test_who_must_not_any_more(
    backends: Backends, kind: str, client: Any, port: int, user: str
) -> None:
    with backends.opened(kind, f"redis://{user}:secret@127.0.0.1:{port}") as backend:
        s = fill(backend, user, "ScheduledSet")
        taken = s.take(30)
        client.execute_command("ACL", "SETUSER", user, "-multi")
        for _ in range(3):
            taken += s.take(30)
        client.execute_command("ACL", "SETUSER", user, "-zrangebyscore")
        taken += s.take(30)
        client.execute_command("ACL", "SETUSER", user, "-evalsha")
        with pytest.raises(NoPermissionError):
            s.take(30)
        client.execute_command("ACL", "SETUSER", user, "+evalsha")
        assert taken + s.take(NUM) == [*range(NUM)]
    client.acl_log_reset()


def test_as_many_takers_as_there_are(backend: Backend, name: str) -> None:
    s = fill(backend, name, "ScheduledSet")
    with ThreadPoolExecutor(80) as pool:
        parts = [each.result() for each in [pool.submit(s.take, 20) for _ in range(80)]]
    assert sorted(item for part in parts for item in part) == [*range(NUM)]


@pytest.mark.parametrize("what", ["ZRANGEBYSCORE", "MULTI"])
def test_what_is_lost_on_its_way_there_is_not_lost(
    backends: Backends, kind: str, port: int, name: str, what: str
) -> None:
    with (
        closing(Proxy(port)) as proxy,
        backends.opened(kind, f"{proxy.url}?client_name={name}") as backend,
    ):
        s = fill(backend, name, "ScheduledSet")
        lost = proxy.drop_next_request(what.encode())
        assert s.take(100) == [*range(100)]
        assert lost.is_set()
        assert s.take(NUM) == [*range(100, NUM)]


def test_a_reply_that_is_lost_takes_its_items_along(
    backends: Backends, kind: str, port: int, name: str
) -> None:
    with (
        closing(Proxy(port)) as proxy,
        backends.opened(kind, f"{proxy.url}?client_name={name}") as backend,
    ):
        s = fill(backend, name, "ScheduledSet")
        lost = proxy.drop_next_reply(b"ZRANGEBYSCORE")
        assert s.take(100) == [*range(100, 200)]
        assert lost.is_set()
        assert s.take(NUM) == [*range(200, NUM)]


@pytest.mark.parametrize("cls", ["SortedSet", "ScheduledSet"])
def test_what_cannot_be_read_raises(
    backend: Backend, name: str, cls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = fill(backend, name, cls)
    assert s.take(600) == [*range(600)]
    with monkeypatch.context() as patch:
        for line in (Line, AsyncLine):
            patch.setattr(line, "_reply", _too_much)
        with pytest.raises(MemoryError):
            s.take(500)
    # These are gone, but no others with them.
    assert s.take(500) == [*range(1100, NUM)]


def _too_much(_: object) -> NoReturn:
    raise MemoryError


@pytest.mark.parametrize("kind", ["cluster", "cluster-async"])
def test_a_slot_that_moves(backends: Backends, kind: str, name: str) -> None:
    with start_cluster("valkey-9.1", 2) as cluster:
        port = cluster.servers[0].port
        with backends.opened(kind, f"redis+cluster://127.0.0.1:{port}") as backend:
            s = fill(backend, name, "ScheduledSet")
            taken = s.take(100)
            for _ in range(3):
                move_slot(cluster, name, 0)
                taken += s.take(100)
            assert taken + s.take(NUM) == [*range(NUM)]
