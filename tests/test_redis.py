"""What is particular to servers and their clients: timeouts, scripts, faults, key names."""

from __future__ import annotations

import logging
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import NoBackoff
from redis.retry import Retry

from redset import (
    Merge,
    ScheduledSet,
    SortedSet,
    TTLSet,
)
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.backends.redis import commands
from redset.backends.redis.keys import sibling
from redset.exceptions import EmptySetError
from redset.interfaces import NOW
from redset.testing import blocking
from tests.support.backends import KINDS, make_set
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

    Remote = Callable[..., Backend]


@pytest.fixture(params=["blocking", "asyncio"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    """Give a function that opens a backend on a port, made blocking if it is an asyncio one."""
    with ExitStack() as stack:

        def open_backend(port: int, *, retries: int | None = None) -> Backend:
            options: dict[str, Any] = {"port": port}
            errors = [redis.ConnectionError, redis.TimeoutError]
            if request.param == "blocking":
                if retries is not None:
                    options |= {"retry": Retry(NoBackoff(), retries), "retry_on_error": errors}
                client = redis.Redis(**options)
                return stack.enter_context(RedisBackend(client, owns=[client]))
            if retries is not None:
                retry = redis.asyncio.retry.Retry(NoBackoff(), retries)
                options |= {"retry": retry, "retry_on_error": errors}
            peer = redis.asyncio.Redis(**options)
            return stack.enter_context(blocking(lambda: AsyncRedisBackend(peer, owns=[peer])))

        yield open_backend


def blocked_clients(client: Any) -> set[str]:
    return {each["id"] for each in client.client_list() if "b" in each["flags"]}


class TestWaiting:
    def test_eight_seconds_are_eight_seconds(self, backends: Backends, name: str) -> None:
        """Clients give up on a reply after 5 seconds by default, and try again."""
        sets = [
            make_set(backends.get(kind), of, f"{{{name}}}:{of}")
            for kind in KINDS
            for of in ("SortedSet", "ScheduledSet")
        ]

        def timed(s: Any) -> float:
            began = time.monotonic()
            with pytest.raises(EmptySetError):
                s.pop(timeout=8)
            return time.monotonic() - began

        with ThreadPoolExecutor(len(sets)) as pool:
            assert [seconds for seconds in pool.map(timed, sets) if not 8 <= seconds < 9.5] == []

    # A server may answer a tenth of a second late.
    @pytest.mark.parametrize("seconds", [0.1, 0.3])
    def test_a_wait_is_cut_to_the_timeout_of_the_client(
        self, seconds: float, port: int, name: str
    ) -> None:
        # What goes wrong in a wait with BZPOPMIN is not tried again.
        hasty = redis.Redis(port=port, socket_timeout=seconds, retry=Retry(NoBackoff(), 3))
        with closing(hasty):
            for kind in (SortedSet, ScheduledSet):
                s = kind(hasty, name)
                began = time.monotonic()
                assert s.take(1, timeout=1.5) == []
                assert 1.5 <= time.monotonic() - began < 3

    @pytest.mark.parametrize("kind", [SortedSet, ScheduledSet])
    def test_waiting_costs_few_commands(
        self, kind: type[SortedSet[str]], client: Any, name: str
    ) -> None:
        def commands_of(s: SortedSet[str]) -> int:
            before = client.info("commandstats")
            with pytest.raises(EmptySetError):
                s.pop(timeout=3)
            after = client.info("commandstats")
            waits = ("cmdstat_bzpopmin", "cmdstat_blpop", "cmdstat_evalsha", "cmdstat_zpopmin")
            return sum(
                after.get(key, {"calls": 0})["calls"] - before.get(key, {"calls": 0})["calls"]
                for key in waits
            )

        s = kind(client, name)
        s.take(1)
        # Under three a second, and a few at the end; scripts count what they call.
        assert commands_of(s) <= 18

    def test_a_scheduled_wait_survives_its_connection(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        with Proxy(port) as proxy, ThreadPoolExecutor(1) as pool:
            s = make_set(remote(proxy.port, retries=10), "ScheduledSet", name)
            waiting = pool.submit(s.pop, 30)
            severed: set[str] = set()
            for _ in range(3):
                # Not before: old clients do not retry what breaks while they connect.
                wait_for(lambda: bool(blocked_clients(client) - severed))
                severed.update(blocked_clients(client))
                proxy.sever()
            ScheduledSet(client, name).add("a", 1)
            assert waiting.result() == "a"

    def test_a_wait_that_may_have_lost_an_item_says_so(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        with Proxy(port) as proxy, ThreadPoolExecutor(1) as pool:
            s = make_set(remote(proxy.port, retries=10), "SortedSet", name)
            dropped = proxy.drop_next_reply(b"BZPOPMIN")
            waiting = pool.submit(s.pop, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] > 0)
            SortedSet(client, name).update(["a", "b"])
            with pytest.raises(redis.ConnectionError):
                waiting.result()
            assert dropped.is_set()
            # One was on its way and is gone; no other was taken in its place.
            assert s.pop(timeout=1) == "b"

    def test_an_error_of_the_server_surfaces_from_a_wait(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(make_set(remote(port), "SortedSet", name).pop, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] > 0)
            blocked = [
                each["id"] for each in client.client_list() if each["cmd"].lower() == "bzpopmin"
            ]
            client.execute_command("CLIENT", "UNBLOCK", blocked[0], "ERROR")
            with pytest.raises(redis.ResponseError, match="UNBLOCKED"):
                waiting.result()

    def test_who_is_sent_away_looks_again(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        """A primary that becomes a replica does that to those who wait."""
        with ThreadPoolExecutor(1) as pool:
            before = blocked_clients(client)
            waiting = pool.submit(make_set(remote(port), "SortedSet", name).claim, timeout=30)
            wait_for(lambda: bool(blocked_clients(client) - before))
            for each in blocked_clients(client) - before:
                client.execute_command("CLIENT", "UNBLOCK", each, "ERROR")
            SortedSet(client, name).add("a")
            waiting.result().ack()

    def test_an_item_in_hand_is_not_lost_to_an_error(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing(fakeredis.FakeRedis):
            popped = 0

            def execute_command(self, *arguments: Any, **options: Any) -> Any:
                self.popped = fail_after_one_pop(self.popped, arguments)
                return super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]  # untyped in redis-py

        class AsyncFailing(fakeredis.FakeAsyncRedis):
            popped = 0

            async def execute_command(self, *arguments: Any, **options: Any) -> Any:
                self.popped = fail_after_one_pop(self.popped, arguments)
                return await super().execute_command(*arguments, **options)  # type: ignore[no-untyped-call]  # untyped in redis-py

        def fail_after_one_pop(popped: int, arguments: Any) -> int:
            popped += arguments[0] == "ZPOPMIN"
            if popped > 1:
                message = "gone away"
                raise ConnectionError(message)
            return popped

        server = fakeredis.FakeServer()
        opened = blocking(lambda: AsyncRedisBackend(AsyncFailing(server=server)))
        with opened as peer:
            for backend in (RedisBackend(Failing(server=server)), peer):
                other = fakeredis.FakeRedis(server=server)
                adder = threading.Timer(0.1, other.zadd, ("jobs", {"a": 1.5}))
                adder.start()
                assert backend.wait_pop("jobs", 5, 10.0) == [(b"a", 1.5)]
                adder.join()
        assert caplog.text.count("gone away") == 2

    def test_a_bulk_add_fills_a_waiting_take(self, port: int, client: Any, name: str) -> None:
        with closing(redis.Redis(port=port)) as other, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(SortedSet(other, name).take, 3, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] > 0)
            SortedSet(client, name).update(["a", "b", "c", "d"])
            assert waiting.result() == ["a", "b", "c"]
            client.delete(name)


@pytest.mark.parametrize("wrong_by", [-3600.0, 3600.0])
def test_the_clock_of_the_client_does_not_matter(
    wrong_by: float,
    remote: Remote,
    port: int,
    client: Any,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong_by)
    present = client.time()[0]
    backend = remote(port)

    scheduled = make_set(backend, "ScheduledSet", f"{{{name}}}:scheduled")
    assert 0 <= scheduled.add("now") - present < 60
    scheduled.add("in a minute", present + 60)
    assert scheduled.take(9) == ["now"]
    scheduled.add("soon", present + 1)
    assert scheduled.pop(timeout=30) == "soon"
    assert scheduled.available() == 0

    seen = make_set(backend, "TTLSet", f"{{{name}}}:seen", ttl=60)
    assert (seen.add("short", 0.5), seen.add("long"), seen.add("long")) == (True, True, False)
    assert 0 < seen.ttl("long") <= 60
    wait_for(lambda: "short" not in seen)
    assert (len(seen), list(seen), seen.sweep()) == (1, ["long"], 1)
    for each in (scheduled, seen):
        each.clear()


class TestScripts:
    def test_scripts_are_sent_again_after_a_flush(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        s = make_set(remote(port), "ScheduledSet", name)
        for _ in range(2):
            client.script_flush()
            s.add("a")
            client.script_flush()
            assert s.pop() == "a"

    def test_scripts_survive_a_restart(self, remote: Remote, name: str) -> None:
        with Server("valkey-9.1") as server:
            s = make_set(remote(server.port, retries=1), "ScheduledSet", name)
            s.add("a")
            server.restart()
            s.add("b")
            assert s.take(9) == ["b"]


class TestFaults:
    def test_a_server_that_is_away_is_reported_as_such(self, remote: Remote, name: str) -> None:
        backend = remote(1, retries=0)
        s, scheduled = (make_set(backend, kind, name) for kind in ("SortedSet", "ScheduledSet"))
        for call in (lambda: s.add("a"), s.pop, lambda: s.pop(timeout=1), scheduled.pop, s.clear):
            with pytest.raises(redis.ConnectionError):
                call()

    def test_a_key_of_another_type_is_reported_as_such(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        client.set(name, "text", ex=5)
        s = make_set(remote(port), "SortedSet", name)
        for call in (lambda: s.add("a"), s.pop, lambda: s.increment("a"), lambda: len(s)):
            with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                call()

    def test_a_lost_reply_to_an_add_does_no_harm(
        self, remote: Remote, port: int, name: str
    ) -> None:
        with Proxy(port) as proxy:
            s = make_set(remote(proxy.port, retries=10), "SortedSet", name)
            # The first call asks whether there are keys, and that is not to be what gets lost.
            assert len(s) == 0
            dropped = proxy.drop_next_reply(b"EVALSHA")
            s.add("a", 1)
            assert dropped.is_set()
            assert s.take(9) == ["a"]

    def test_a_server_out_of_memory_is_reported_as_such(self, remote: Remote, name: str) -> None:
        with Server("valkey-9.1") as server, closing(redis.Redis(port=server.port)) as client:
            backend = remote(server.port)
            s, scheduled = (make_set(backend, kind, name) for kind in ("SortedSet", "ScheduledSet"))
            scheduled.add("a", 1)
            client.config_set("maxmemory", 1)
            for each in (s, scheduled):
                with pytest.raises(redis.ResponseError, match="maxmemory"):
                    each.add("b")
            client.config_set("maxmemory", 0)
            assert scheduled.pop() == "a"

    def test_undecodable_items_that_cannot_be_kept_are_logged(
        self,
        remote: Remote,
        port: int,
        client: Any,
        name: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        # There is no key for the dead letters of such a name, as `sibling` says.
        odd = f"}}{name}"
        client.zadd(odd, {b"1": 1, b"poison": 2})
        s = make_set(remote(port), "SortedSet", odd, serializer=Numbers)
        assert s.take(2) == [1]
        client.zadd(odd, {b"poison": 2})
        with pytest.raises(ValueError, match="closes no hash tag"):
            s.take(2)
        assert caplog.text.count("could not keep b'poison', score 2.0") == 2

    def test_an_error_of_a_release_surfaces(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        key = sibling(name, "lock")
        lock = make_set(remote(port), "SortedSet", name).lock
        lock.__enter__()
        client.delete(key)
        client.zadd(key, {"a": 1})
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            lock.__exit__(None, None, None)
        client.delete(key)


class TestKeys:
    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("jobs", b"{jobs}:dead"),
            ("{eu}jobs", b"{eu}jobs:dead"),
            ("jobs{eu}", b"jobs{eu}:dead"),
            ("a{b", b"{a{b}:dead"),
            ("a}b{c}", b"a}b{c}:dead"),
            ("{a}{}", b"{a}{}:dead"),
            ("ü", "{ü}:dead".encode()),
        ],
    )
    def test_siblings_share_the_slot(self, name: str, key: bytes) -> None:
        from redis.crc import key_slot

        assert sibling(name, "dead") == key
        assert key_slot(key) == key_slot(name.encode())

    @pytest.mark.parametrize("name", ["}", "a}b", "{}", "{}a", "a{}b{c}"])
    def test_names_without_siblings(self, name: str, remote: Remote, port: int) -> None:
        backend = remote(port)
        s = make_set(backend, "SortedSet", name)
        s.add("a", 1)
        assert s.pop(timeout=1) == "a"
        s.add("a", 1)
        assert (s.discard("x"), s.discard("a")) == (False, True)
        s.add("a", 1)
        assert s.clear() is True
        assert s.clear() is False
        seen = make_set(backend, "TTLSet", name, ttl=60)
        assert (seen.add("a"), seen.add("a"), seen.clear()) == (True, False, True)
        for call in (s.dead, s.redrive, lambda: make_set(backend, "ScheduledSet", name).add("a")):
            with pytest.raises(ValueError, match="choose a name without it"):
                call()

    def test_an_expiring_set_goes_by_itself(self, client: Any, name: str) -> None:
        seen = TTLSet(client, name, ttl=100)
        seen.add("a")
        assert 99_000 < client.pttl(name) <= 100_001
        seen.add("b", 500)
        seen.add("c", 50)
        assert 499_000 < client.pttl(name) <= 500_001
        seen.add("d", math.inf)
        assert client.pttl(name) == -1
        seen.discard("d")
        seen.add("e", 1)
        assert 499_000 < client.pttl(name) <= 500_001
        client.delete(name)

    def test_wake_ups_leave_no_keys(self, client: Any, name: str) -> None:
        s = ScheduledSet(client, name)
        with pytest.raises(EmptySetError):
            s.pop(timeout=0.3)
        s.update(["a", "b"])
        s.take(2)
        for key in client.scan_iter(f"*{name}*"):
            assert client.pttl(key) != -1

    def test_a_late_waiter_passes_its_wake_up_on(self, client: Any, port: int, name: str) -> None:
        s = ScheduledSet(client, name)
        s.add("later", time.time() + 1000)
        with closing(redis.Redis(port=port)) as other, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ScheduledSet(other, name).pop, 30)
            for _ in range(5):
                assert s.take(1, timeout=0.01) == []
            s.add("now")
            assert waiting.result() == "now"
        s.clear()


class TestReplies:
    @pytest.mark.parametrize(
        "reply",
        [
            [b"a", b"1.5", b"b", b"inf"],
            [[b"a", 1.5], [b"b", math.inf]],
            [(b"a", b"1.5"), (b"b", b"inf")],
        ],
    )
    def test_entries_of_any_shape(self, reply: Any) -> None:
        assert commands.entries(reply) == [(b"a", 1.5), (b"b", math.inf)]

    def test_no_entries(self) -> None:
        assert commands.entries(None) == commands.entries([]) == []

    def test_bounds(self) -> None:
        bounds = [commands.bound(limit) for limit in (1, -math.inf, NOW)]
        assert bounds == [b"1.0", b"-inf", b"now"]


class TestClients:
    @pytest.mark.parametrize("protocol", [2, 3])
    @pytest.mark.parametrize("decode", [False, True])
    @pytest.mark.parametrize("parser", ["python", "hiredis"])
    def test_all_replies_are_understood(
        self, port: int, name: str, protocol: int, *, decode: bool, parser: str
    ) -> None:
        from redis._parsers import _HiredisParser, _RESP2Parser, _RESP3Parser

        plain = _RESP2Parser if protocol == 2 else _RESP3Parser
        pool = redis.ConnectionPool(
            port=port,
            protocol=protocol,
            decode_responses=decode,
            parser_class=_HiredisParser if parser == "hiredis" else plain,
        )
        with closing(redis.Redis.from_pool(pool)) as client:
            backend = RedisBackend(client)
            backend.add(name, [(b"\xff", 1.0), (b"b", math.inf)], Merge.REPLACE)
            assert backend.scores(name, [b"\xff", b"x"]) == [1.0, None]
            assert backend.rank(name, b"b") == 1
            assert backend.rank(name, b"x") is None
            assert backend.increment(name, b"\xff", 0.5) == 1.5
            entries = [(b"\xff", 1.5), (b"b", math.inf)]
            assert backend.slice(name, 0, -1) == backend.range(name, 0, math.inf) == entries
            assert backend.range(name, 0, math.inf, after=entries[0]) == entries[1:]
            assert sorted(backend.sample(name, 5)) == sorted(entries)
            assert backend.pop(name, 1, high=NOW) == entries[:1]
            assert backend.wait_pop(name, 1, 1.0) == entries[1:]
            assert backend.wait_pop(name, 1, 0.01) == []
            waiter = threading.Timer(0.05, backend.add, (name, entries, Merge.KEEP))
            waiter.start()
            assert backend.wait_pop(name, 2, 10.0) == entries
            waiter.join()

    def test_a_client_stays_open_unless_it_is_owned(self, port: int) -> None:
        client = redis.Redis(port=port)
        with RedisBackend(client):
            client.ping()
        assert client.connection_pool._available_connections  # noqa: SLF001  (what close empties)
        with RedisBackend(client, owns=[client]):
            client.ping()

    def test_repr_shows_the_address(self, port: int, backends: Backends) -> None:
        assert repr(RedisBackend(redis.Redis(port=port, password="s3cret"))) == (  # noqa: S106
            f"<RedisBackend redis.Redis localhost:{port}>"
        )
        path = str(backends.server("redis-6.2").unix_socket)
        assert path in repr(RedisBackend(redis.Redis(unix_socket_path=path)))

        class Bare:
            def execute_command(self) -> None: ...

            lock = pipeline = __enter__ = execute_command

        assert repr(RedisBackend(Bare())) == "<RedisBackend tests.Bare>"


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail if it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_logging_has_no_handler_of_its_own() -> None:
    assert logging.getLogger("redset").handlers == []
