"""Keyed sets on servers: requests that are sent twice, scripts that fail half way, keys."""

from __future__ import annotations

import contextlib
import math
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.retry import Retry

from redset.backends import RedisBackend
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import (
    CLAIM_ITEMS,
    CLAIMS,
    DEAD,
    DEAD_ITEMS,
    DELAYED,
    ITEMS,
    PARKED,
    sibling,
)
from redset.exceptions import KeyingError, ScoreError
from redset.interfaces import NOW, DeadLetter, KeyedMember, Merge, Payload, Terms
from redset.testing import blocking
from tests.support.backends import LentBackend
from tests.support.meanwhile import Meanwhile
from tests.support.proxy import Proxy
from tests.support.servers import Kind, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from redset.interfaces import Backend, Entry, Hold
    from tests.support.backends import Backends

    Remote = Callable[..., Backend]

SERVERS = ["redis-6.2", "valkey-9.1"]
TERMS = Terms(60.0, math.inf, Merge.REPLACE, None, 10)
BRIEF = replace(TERMS, lease=0.01)
SCRIPTS = [f"keyed/{each}" for each in ("add", "remember", "claim", "acknowledge", "release")]
MOVES = [
    *("add", "claim", "put back", "last attempt", "end a delay", "unpark"),
    *("release", "delay", "reject", "redrive"),
]
# Any of which a script may fail at.
COMMANDS = ["hset", "hsetnx", "hdel", "zadd", "zrem", "zremrangebyrank"]


def put(view: Backend, name: str, *given: tuple[bytes, bytes | None, float]) -> None:
    view.add(name, [(KeyedMember(key, payload), s) for key, payload, s in given], Merge.REPLACE)


def copies(entries: Iterable[Entry]) -> list[tuple[bytes, bytes | None, float]]:
    return [(bytes(key), cast("KeyedMember", key).payload, score) for key, score in entries]


def claim(view: Backend, name: str, count: int = 9, terms: Terms = TERMS) -> list[Any]:
    leases: list[Any] = view.claim(name, count, terms).leases
    return leases


def leased(leases: Iterable[Any]) -> list[tuple[bytes, bytes | None, float]]:
    return copies((lease.member, lease.score) for lease in leases)


def hold(lease: Any) -> Hold:
    return lease.member, lease.token


@pytest.fixture(params=SERVERS)
def port(request: pytest.FixtureRequest, backends: Backends) -> int:
    return backends.server(request.param).port


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile()


@pytest.fixture(params=["blocking", "asyncio"])
def remote(request: pytest.FixtureRequest, meanwhile: Meanwhile) -> Iterator[Remote]:
    """Give a function that opens a backend on a port, made blocking if it is an asyncio one."""
    with ExitStack() as stack:

        def open_backend(port: int, **options: Any) -> Backend:
            options |= {
                "port": port,
                "retry_on_error": [redis.ConnectionError, redis.TimeoutError],
            }
            if request.param == "blocking":
                client = redis.Redis(**options, retry=Retry(meanwhile, 10))
                return RedisBackend(stack.enter_context(closing(client)))
            retry = redis.asyncio.retry.Retry(meanwhile, 10)
            peer = redis.asyncio.Redis(**options, retry=retry)
            return stack.enter_context(blocking(lambda: LentBackend(peer)))

        yield open_backend


@pytest.fixture
def direct(client: Any, name: str) -> Iterator[Backend]:
    """Give the view of somebody else, whose requests do not get lost."""
    view = RedisBackend(client).keyed(Payload.NEWEST)
    yield view
    view.clear(name)


class TestLostReplies:
    """What is sent twice has its effect once, and the same answer, payloads and all."""

    @pytest.fixture
    def proxy(self, port: int, client: Any, direct: Backend) -> Iterator[Proxy]:
        del direct  # what is cleared in the end
        for each in SCRIPTS:
            client.script_load(script(each).source)
        with Proxy(port) as proxy:
            yield proxy

    @pytest.fixture
    def view(self, remote: Remote, proxy: Proxy) -> Backend:
        return remote(proxy.port).keyed(Payload.NEWEST)

    def test_claims(
        self, view: Backend, proxy: Proxy, direct: Backend, name: str, meanwhile: Meanwhile
    ) -> None:
        given = [(b"%03d" % i, b"payload %d" % i, i / 2) for i in range(300)]
        put(direct, name, *given)
        lost = proxy.drop_next_reply(b"EVALSHA")
        # Others' copies of what is claimed have payloads of their own.
        added = [(b"000", b"added", 7.0), (b"new", b"new", 8.0)]
        meanwhile.calls.append(lambda: put(direct, name, *added))
        leases = claim(view, name, 300)
        assert lost.is_set()
        assert leased(leases) == given
        assert copies(direct.slice(name, 0, -1)) == added
        held = [hold(lease) for lease in leases]
        assert view.acknowledge(name, held, Merge.REPLACE) == [True] * 300
        assert leased(claim(direct, name)) == added

    def test_what_was_acknowledged_meanwhile_is_not_handed_out_again(
        self, view: Backend, proxy: Proxy, direct: Backend, name: str, meanwhile: Meanwhile
    ) -> None:
        put(direct, name, (b"a", b"one", 1.0), (b"b", b"two", 2.0))
        lost = proxy.drop_next_reply(b"EVALSHA")
        late: list[Any] = []

        def claim_again() -> None:
            time.sleep(0.05)
            late.extend(claim(direct, name, 1))

        meanwhile.calls.append(claim_again)
        # Their leases ran out, and somebody else has one of them by now.
        assert claim(view, name, 2, BRIEF) == []
        assert lost.is_set()
        assert leased(late) == [(b"a", b"one", 1.0)]
        assert copies(direct.slice(name, 0, -1)) == [(b"b", b"two", 2.0)]

    @pytest.mark.parametrize("how", ["acknowledge", "release", "reject"])
    def test_who_has_the_key_by_then_keeps_its_payload(
        self,
        view: Backend,
        proxy: Proxy,
        direct: Backend,
        name: str,
        meanwhile: Meanwhile,
        how: str,
        client: Any,
    ) -> None:
        ends: dict[str, Callable[[Hold], object]] = {
            "acknowledge": lambda held: view.acknowledge(name, [held], Merge.REPLACE) == [True],
            "release": lambda held: view.release(name, held, Merge.REPLACE),
            "reject": lambda held: view.reject(name, [(held, "")], Merge.REPLACE, 9)[0] == [True],
        }
        client.script_load(script(f"keyed/{how}").source)
        put(direct, name, (b"a", b"first", 1.0))
        (lease,) = claim(view, name)
        others: list[Any] = []

        def claim_again() -> None:
            direct.forget(name, [b"a"])
            put(direct, name, (b"a", b"second", 2.0))
            others.extend(claim(direct, name))

        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(claim_again)
        assert ends[how](hold(lease))
        assert lost.is_set()
        assert leased(others) == [(b"a", b"second", 2.0)]
        assert client.hgetall(sibling(name, CLAIM_ITEMS)) == {b"a": b"second"}
        assert direct.acknowledge(name, [hold(others[0])], Merge.REPLACE) == [True]

    def test_what_was_taken_is_not_added_again(
        self, view: Backend, proxy: Proxy, direct: Backend, name: str, meanwhile: Meanwhile
    ) -> None:
        taken: list[Entry] = []
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: taken.extend(direct.pop(name, 1)))
        assert view.add(name, [(KeyedMember(b"a", b"payload"), 1.0)], Merge.KEEP) == 1
        assert lost.is_set()
        assert copies(taken) == [(b"a", b"payload", 1.0)]
        assert direct.is_keyed(name) is None
        lost = proxy.drop_next_reply(b"EVALSHA")
        assert view.remember(name, [(KeyedMember(b"a", b"payload"), 60.0)], Merge.KEEP) == [True]
        assert lost.is_set()


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that may be spoilt."""
    with Server(cast("Kind", request.param)) as server:
        yield server


class TestFailures:
    """A script that fails loses nothing, wherever it was."""

    @pytest.fixture
    def view(self, remote: Remote, server: Server) -> Backend:
        view = remote(server.port).keyed(Payload.NEWEST)
        view.clear("jobs")
        return view

    @pytest.fixture
    def full(self, server: Server) -> Iterator[Callable[[], object]]:
        yield lambda: server.call("CONFIG", "SET", "maxmemory", 1)
        server.call("CONFIG", "SET", "maxmemory", 0)

    def test_a_full_server_changes_nothing(
        self, view: Backend, server: Server, full: Callable[[], object]
    ) -> None:
        name = "jobs"
        put(view, name, *((b"%d" % i, b"payload %d" % i, float(i)) for i in range(9)))
        leases = claim(view, name, 3)
        late = claim(view, name, 1, BRIEF)
        view.bury(name, [DeadLetter(b"dead", "", 1.0, 0.0, key=b"x")], 9)
        time.sleep(0.05)
        before = (_hashes(server, name), view.dead(name, 0, 9))
        full()
        held = hold(leases[0])
        calls: list[Callable[[], object]] = [
            lambda: put(view, name, (b"8", b"other", 1.0)),
            lambda: view.increment(name, b"8", 1.0),
            lambda: view.union(name, [name], Merge.REPLACE),
            lambda: claim(view, name),
            lambda: view.release(name, held, Merge.REPLACE),
            lambda: view.release(name, held, Merge.REPLACE, delay=1.0),
            lambda: view.reject(name, [(held, "")], Merge.REPLACE, 9),
            lambda: view.redrive(name, [b"x"], Merge.REPLACE),
            lambda: view.bury(name, [DeadLetter(b"other", "", 1.0, 0.0, key=b"x")], 9),
        ]
        for call in calls:
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                call()
            assert (_hashes(server, name), view.dead(name, 0, 9)) == before
        # Room is made by those who are done, and by those who take.
        assert view.acknowledge(name, [held], Merge.REPLACE) == [True]
        assert copies(view.pop(name, 1)) == [(b"4", b"payload 4", 4.0)]
        assert copies(view.pop(name, 1, reverse=True)) == [(b"8", b"payload 8", 8.0)]
        server.call("CONFIG", "SET", "maxmemory", 0)
        assert leased(claim(view, name, 1)) == [(late[0].member, b"payload 3", 3.0)]

    @pytest.mark.parametrize("denied", COMMANDS)
    @pytest.mark.parametrize("move", MOVES)
    def test_what_is_moved_is_somewhere(
        self, view: Backend, server: Server, move: str, denied: str
    ) -> None:
        name = "jobs"
        is_late = move in {"put back", "last attempt"}
        put(view, name, (b"a", b"payload", 1.0), (b"other", b"other", 99.0))
        held = hold(claim(view, name, 1, BRIEF if is_late else TERMS)[0])
        if move in {"add", "claim"}:
            assert view.release(name, held, Merge.REPLACE)
        elif move == "redrive":
            assert view.reject(name, [(held, "")], Merge.REPLACE, 9) == ([True], 0)
        elif move == "unpark":
            put(view, name, (b"a", b"payload", 2.0))
            claim(view, name)
        elif move == "end a delay":
            assert view.release(name, held, Merge.REPLACE, delay=0.01)
        time.sleep(0.02)
        moves: dict[str, Callable[[], object]] = {
            "add": lambda: put(view, name, (b"a", b"payload", 3.0)),
            "claim": lambda: claim(view, name, 1),
            "put back": lambda: claim(view, name, 1),
            "last attempt": lambda: claim(view, name, 1, replace(TERMS, max_attempts=1)),
            "end a delay": lambda: claim(view, name, 1),
            "unpark": lambda: view.acknowledge(name, [held], Merge.REPLACE),
            "release": lambda: view.release(name, held, Merge.REPLACE),
            "delay": lambda: view.release(name, held, Merge.REPLACE, delay=9.0),
            "reject": lambda: view.reject(name, [(held, "")], Merge.REPLACE, 9),
            "redrive": lambda: view.redrive(name, [b"a"], Merge.REPLACE),
        }
        server.call("ACL", "SETUSER", "default", f"-{denied}")
        try:
            with contextlib.suppress(redis.ResponseError):
                moves[move]()
        finally:
            server.call("ACL", "SETUSER", "default", "+@all")
        assert _has(server, name, b"a", b"payload")

    @pytest.mark.parametrize(
        ("move", "to"),
        [
            ("claim", CLAIM_ITEMS),
            ("release", ITEMS),
            ("put back", ITEMS),
            ("redrive", ITEMS),
            ("reject", DEAD_ITEMS),
        ],
    )
    def test_what_cannot_be_written_is_still_where_it_was(
        self, view: Backend, server: Server, move: str, to: str
    ) -> None:
        name = "jobs"
        put(view, name, (b"a", b"payload", 1.0))
        held = hold(claim(view, name, 1, BRIEF if move == "put back" else TERMS)[0])
        if move == "claim":
            assert view.release(name, held, Merge.REPLACE)
        elif move == "redrive":
            assert view.reject(name, [(held, "")], Merge.REPLACE, 9) == ([True], 0)
        time.sleep(0.02)
        # Somebody has put something else there.
        server.call("SET", sibling(name, to), "text")
        moves: dict[str, Callable[[], object]] = {
            "claim": lambda: claim(view, name),
            "put back": lambda: claim(view, name),
            "release": lambda: view.release(name, held, Merge.REPLACE),
            "reject": lambda: view.reject(name, [(held, "")], Merge.REPLACE, 9),
            "redrive": lambda: view.redrive(name, [b"a"], Merge.REPLACE),
        }
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            moves[move]()
        server.call("DEL", sibling(name, to))
        assert _has(server, name, b"a", b"payload")


class TestKeys:
    def test_payloads_live_as_long_as_their_set(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        both = [name.encode(), sibling(name, ITEMS)]
        view.remember(name, [(KeyedMember(b"a", b"payload"), 60.0)], Merge.KEEP)
        of_set, of_payloads = [client.pttl(key) for key in both]
        assert 50_000 < of_set <= 60_001
        # Payloads are to stay a millisecond longer, and one may pass.
        assert 50_000 < of_payloads <= 60_003
        view.remember(name, [(KeyedMember(b"b", b"payload"), math.inf)], Merge.KEEP)
        assert [client.pttl(key) for key in both] == [-1, -1]
        assert view.remove(name, [b"b"]) == 1
        view.remember(name, [(KeyedMember(b"a", b"payload"), 0.01)], Merge.REPLACE)
        time.sleep(0.05)
        assert client.exists(*both) == 0

    def test_payloads_are_where_their_keys_are(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        view = remote(port).keyed(Payload.FIRST)

        def found() -> list[bytes]:
            """Return what waits, what is claimed, and what is dead."""
            hashes = [sibling(name, each) for each in (ITEMS, CLAIM_ITEMS, DEAD_ITEMS)]
            assert all(client.hkeys(each) in ([], [b"a"]) for each in hashes)
            return [client.hget(each, b"a") or b"" for each in hashes]

        put(view, name, (b"a", b"1", 1.0))
        assert found() == [b"1", b"", b""]
        (lease,) = claim(view, name)
        assert found() == [b"", b"1", b""]
        put(view, name, (b"a", b"2", 2.0))
        assert claim(view, name) == []
        assert found() == [b"2", b"1", b""]
        assert view.release(name, hold(lease), Merge.REPLACE, delay=0.01)
        assert found() == [b"1", b"", b""]
        time.sleep(0.02)
        (lease,) = claim(view, name)
        assert found() == [b"", b"1", b""]
        assert view.release(name, hold(lease), Merge.REPLACE)
        (lease,) = claim(view, name, 1, BRIEF)
        time.sleep(0.02)
        (lease,) = claim(view, name)
        assert found() == [b"", b"1", b""]
        assert view.reject(name, [(hold(lease), "")], Merge.REPLACE, 9) == ([True], 0)
        assert found() == [b"", b"", b"1"]
        put(view, name, (b"a", b"3", 3.0))
        (lease,) = claim(view, name)
        put(view, name, (b"a", b"4", 4.0))
        assert found() == [b"4", b"3", b"1"]
        assert view.redrive(name, [b"a"], Merge.REPLACE) == 1
        assert found() == [b"1", b"3", b""]
        assert view.acknowledge(name, [hold(lease)], Merge.REPLACE) == [True]
        assert found() == [b"1", b"", b""]
        assert copies(view.pop(name, 1)) == [(b"a", b"1", 1.0)]
        assert found() == [b"", b"", b""]

    @pytest.mark.parametrize("takes", ["pop", "claim"])
    def test_payloads_of_what_others_took_go_in_the_end(
        self, remote: Remote, port: int, client: Any, name: str, takes: str
    ) -> None:
        view = remote(port).keyed(Payload.FIRST)
        put(view, name, (b"a", b"payload", 1.0), (b"b", b"payload", 2.0))
        assert client.zpopmin(name) == [(b"a", 1.0)]
        put(view, name, (b"a", b"new", 1.0))
        assert copies(view.pop(name, 1)) == [(b"a", b"new", 1.0)]
        assert client.zpopmin(name) == [(b"b", 2.0)]
        assert client.exists(sibling(name, ITEMS)) == 1
        assert (view.pop(name, 1) if takes == "pop" else claim(view, name)) == []
        assert client.exists(sibling(name, ITEMS)) == 0

    def test_a_key_may_be_added_without_a_payload(
        self, remote: Remote, port: int, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", 1.0), (b"a", None, 2.0), (b"b", None, 3.0))
        assert copies(view.pop(name, 2)) == [(b"a", b"payload", 2.0), (b"b", None, 3.0)]

    def test_more_than_a_script_can_hold_at_once(
        self, remote: Remote, port: int, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        other = f"{{{name}}}:other"
        given = [(b"%05d" % i, b"payload %d" % i, float(i)) for i in range(20_000)]
        put(view, name, *given)
        assert copies(view.slice(name, 0, -1)) == given
        keys = [key for key, _, _ in given]
        assert copies(view.entries(name, keys)) == given
        assert view.union(other, [name], Merge.KEEP) == 20_000
        assert copies(view.pop(other, 10_000)) == given[:10_000]
        assert view.intersect(name, [other]) == 10_000
        assert view.remove_range(name, 0.0, 14_999.0) == 5_000
        assert view.remove(name, keys) == 5_000
        assert view.is_keyed(name) is None
        assert copies(view.pop(other, 10_000, reverse=True)) == given[:9_999:-1]
        letters = [DeadLetter(b"payload", "", 1.0, 0.0, key=key) for key in keys]
        assert view.bury(name, letters, 10) == 1_000
        assert view.redrive(name, keys, Merge.KEEP) == 19_000
        assert view.remove_range(name, 1.0, 1.0, 18_000) == 18_000
        assert view.length(name) == 1_000
        view.clear(name)

    def test_a_name_without_siblings_cannot_be_keyed(
        self, remote: Remote, port: int, name: str
    ) -> None:
        backend = remote(port)
        name = f"{name}}}"
        with pytest.raises(ValueError, match="hash tag"):
            backend.keyed(Payload.NEWEST).add(name, [(b"a", 1.0)], Merge.KEEP)
        assert backend.is_keyed(name) is None
        backend.add(name, [(b"a", 1.0)], Merge.KEEP)
        assert backend.is_keyed(name) is False
        assert backend.pop(name, 1) == [(b"a", 1.0)]


class TestViews:
    @pytest.mark.parametrize(
        "backend", [RedisBackend(redis.Redis()), LentBackend(redis.asyncio.Redis())]
    )
    def test_views_are_equal_by_client_and_rule(self, backend: Any) -> None:
        view = backend.keyed(Payload.NEWEST)
        assert view == backend.keyed(Payload.NEWEST)
        assert hash(view) == hash(backend.keyed(Payload.NEWEST))
        assert len({backend, view, backend.keyed(Payload.FIRST), view.keyed(Payload.NEWEST)}) == 3
        assert (view == backend, backend == view) == (False, False)

    def test_an_error_names_the_set_that_has_no_keys(
        self, remote: Remote, port: int, name: str
    ) -> None:
        backend = remote(port)
        view = backend.keyed(Payload.NEWEST)
        names = [f"{{{name}}}:{i}" for i in range(4)]
        for each in names[:2]:
            put(view, each, (b"a", b"payload", 1.0))
        backend.add(names[2], [(b"a", 1.0)], Merge.KEEP)
        combine: list[Callable[[], object]] = [
            lambda: view.union(names[0], names[1:], Merge.KEEP),
            lambda: view.intersect(names[0], names[1:]),
            lambda: view.length(names[2]),
            lambda: claim(view, names[2]),
        ]
        for call in combine:
            with pytest.raises(KeyingError, match=f"{names[2]}'"):
                call()
        for each in names:
            backend.clear(each)

    def test_an_increment_to_no_number_changes_nothing(
        self, remote: Remote, port: int, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", math.inf))
        with pytest.raises(ScoreError):
            view.increment(name, KeyedMember(b"a", b"other"), -math.inf)
        assert copies(view.pop(name, 1)) == [(b"a", b"payload", math.inf)]

    def test_a_key_of_another_type_is_reported_as_such(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        client.set(sibling(name, ITEMS), "text", px=5000)
        for call in (lambda: put(view, name, (b"a", b"", 1.0)), lambda: view.entries(name, [b"a"])):
            with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                call()

    @pytest.mark.parametrize("protocol", [2, 3])
    @pytest.mark.parametrize("decodes", [False, True])
    def test_what_clients_make_of_replies_does_not_matter(
        self,
        remote: Remote,
        port: int,
        name: str,
        protocol: int,
        decodes: bool,
    ) -> None:
        view = remote(port, protocol=protocol, decode_responses=decodes).keyed(Payload.WITH_SCORE)
        given = [(b"\xff", b"\x00\xfe", -math.inf), (b"a", b"1.5", 0.1), (b"b", None, math.inf)]
        put(view, name, *given)
        assert view.is_keyed(name) is True
        assert copies(view.range(name, -math.inf, math.inf, reverse=True)) == given[::-1]
        assert copies(view.entries(name, [b"a", b"\xff"], low=NOW)) == []
        (lease,) = claim(view, name, 1)
        assert leased([lease]) == given[:1]
        assert view.reject(name, [(hold(lease), "why")], Merge.KEEP, 9) == ([True], 0)
        (letter,) = view.dead(name, 0, 9)
        assert (letter.key, letter.raw, letter.reason) == (b"\xff", b"\x00\xfe", "why")
        assert view.redrive(name, [b"\xff"], Merge.KEEP) == 1
        assert copies(view.wait_pop(name, 9, 0.0)) == given

    def test_a_claim_may_have_a_connection_of_its_own(
        self, remote: Remote, port: int, name: str
    ) -> None:
        view = remote(port).keyed(Payload.NEWEST)
        put(view, name, (b"a", b"payload", 1.0))
        with view.dedicated() as own:
            (lease,) = own.wait_claim(name, 1, TERMS, 1.0).leases
            assert leased([lease]) == [(b"a", b"payload", 1.0)]
            assert own.claim(name, 1, TERMS, acknowledge=[hold(lease)]).acknowledged == [True]
        assert view.is_keyed(name) is None


def _hashes(server: Server, name: str) -> list[list[bytes]]:
    """Return all payloads with their keys, by what becomes of them."""
    hashes = (ITEMS, CLAIM_ITEMS, DEAD_ITEMS)
    return [cast("list[bytes]", server.call("HGETALL", sibling(name, each))) for each in hashes]


def _has(server: Server, name: str, key: bytes, payload: bytes) -> bool:
    """Tell whether a key is there with its payload, in whatever state."""
    waits, held, dead = (
        server.call("HGET", sibling(name, each), key) == payload
        for each in (ITEMS, CLAIM_ITEMS, DEAD_ITEMS)
    )

    def is_in(*places: str) -> bool:
        return any(server.call("ZSCORE", sibling(name, each), key) for each in places)

    # What is claimed comes back to the payload that waits, if it has lost its own.
    is_waiting = server.call("ZSCORE", name, key) or is_in(PARKED, DELAYED, CLAIMS)
    return bool((waits and is_waiting) or (held and is_in(CLAIMS)) or (dead and is_in(DEAD)))
