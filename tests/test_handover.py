"""Sets that are handed over: what servers keep for it, lost replies, and the end of a seal."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis

from redset import SortedSet
from redset.backends import MemoryBackend, RedisBackend
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import ITEMS, PARCEL, TOKEN, UNPACKED, sibling
from redset.backends.redis.operating import Operator
from redset.exceptions import SealedError
from redset.interfaces import DeadLetter, KeyedMember, Merge, Payload, Terms
from redset.testing import ManualClock
from redset.testing._handover import forget
from tests.support.backends import KINDS
from tests.support.proxy import Proxy
from tests.support.servers import Server
from tests.test_claims_on_servers import meanwhile, port, remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from redset.interfaces import Parcel, ShardableBackend
    from tests.support.backends import Backends
    from tests.support.meanwhile import Meanwhile

    Remote = Callable[..., ShardableBackend]

__all__ = ["meanwhile", "port", "remote"]

DAY = 86400.0
ENTRIES = [(b"%d" % i, float(i)) for i in range(6)]
TERMS = Terms(60.0, math.inf, Merge.REPLACE, None, 10)


@pytest.fixture
def leaving(name: str) -> str:
    """Return another name in the slot of the set."""
    return f"{{{name}}}:leaving"


@pytest.fixture
def target(name: str) -> str:
    """Return the name of a set in another slot."""
    return f"{name}-target"


def hand_over(backend: ShardableBackend, source: str, target: str, count: int = 2) -> None:
    while (parcel := backend.pack(source, count)).states:
        backend.unpack(target, source, parcel)
        backend.unload(source, parcel)


class TestMemory:
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def backend(self, clock: ManualClock) -> MemoryBackend:
        return MemoryBackend(clock=clock)

    def test_a_seal_lasts_until_a_day_after_its_end(
        self, backend: MemoryBackend, clock: ManualClock
    ) -> None:
        backend.seal("jobs", "leaving")
        clock.advance(100 * DAY)
        backend.end_seal("jobs", "leaving")
        clock.advance(DAY - 1)
        with pytest.raises(SealedError, match="'jobs' is sealed"):
            backend.length("jobs")
        clock.advance(2)
        assert backend.is_sealed("jobs") is False
        assert backend.add("jobs", ENTRIES, Merge.KEEP) == 6

    def test_what_was_unpacked_is_known_until_a_day_after_the_end(
        self, backend: MemoryBackend, clock: ManualClock
    ) -> None:
        backend.add("jobs", ENTRIES, Merge.KEEP)
        parcel = backend.pack("jobs", 2)
        assert backend.unpack("target", "jobs", parcel) is True
        clock.advance(100 * DAY)
        assert backend.unpack("target", "jobs", parcel) is False
        backend.end_parcels("target")
        clock.advance(DAY - 1)
        assert backend.unpack("target", "jobs", parcel) is False
        clock.advance(2)
        assert backend.unpack("target", "jobs", parcel) is True

    def test_what_others_leave_behind_goes_in_the_end(self, backend: MemoryBackend) -> None:
        keyed = backend.keyed(Payload.NEWEST)
        keyed.add("jobs", [(KeyedMember(b"%d" % i, b"payload"), 1.0) for i in range(4)], Merge.KEEP)
        # A set without keys takes members, and not their payloads.
        assert len(backend.pop("jobs", 2)) == 2
        backend.seal("jobs", "leaving")
        hand_over(backend, "leaving", "target")
        assert keyed.is_keyed("leaving") is None
        assert backend.add("leaving", ENTRIES, Merge.KEEP) == 6
        assert backend.is_keyed("leaving") is False
        assert keyed.length("target") == 2

    def test_tokens_of_another_store_are_surpassed(self, backend: MemoryBackend) -> None:
        backend.add("jobs", ENTRIES, Merge.KEEP)
        parcel = backend.pack("jobs", 9)._replace(token=2**80)
        assert backend.unpack("target", "elsewhere", parcel)
        assert backend.claim("target", 1, TERMS).leases[0].token > 2**80


class TestLostReplies:
    """A request that is sent again does no harm."""

    @pytest.fixture
    def proxy(self, port: int, client: Any) -> Iterator[Proxy]:
        for each in ("seal", "pack", "unpack", "unload"):
            client.script_load(script(f"handover/{each}").source)
        with Proxy(port) as proxy:
            yield proxy

    @pytest.fixture
    def backend(self, remote: Remote, proxy: Proxy, name: str) -> ShardableBackend:
        backend = remote(proxy.port)
        # The first word is not to be what gets lost.
        assert backend.length(name) == 0
        return backend

    @pytest.fixture
    def direct(self, client: Any, name: str, leaving: str, target: str) -> Iterator[RedisBackend]:
        """Give the backend of somebody else, whose requests do not get lost."""
        direct = RedisBackend(client)
        yield direct
        for each in (name, leaving, target):
            direct.clear(each)

    @pytest.fixture(params=["reply", "request"])
    def lose(self, request: pytest.FixtureRequest, proxy: Proxy) -> Callable[[], Event]:
        def lose() -> Event:
            drops = {"reply": proxy.drop_next_reply, "request": proxy.drop_next_request}
            return drops[request.param](b"EVALSHA")

        return lose

    def test_a_seal(
        self, backend: ShardableBackend, direct: RedisBackend, lose: Any, name: str, leaving: str
    ) -> None:
        direct.add(name, ENTRIES, Merge.KEEP)
        lost = lose()
        backend.seal(name, leaving)
        assert lost.is_set()
        assert direct.is_sealed(name)
        assert direct.slice(leaving, 0, -1) == ENTRIES

    def test_a_seal_of_what_somebody_hands_over_meanwhile(
        self,
        backend: ShardableBackend,
        direct: RedisBackend,
        proxy: Proxy,
        meanwhile: Meanwhile,
        name: str,
        leaving: str,
        target: str,
    ) -> None:
        direct.add(name, ENTRIES, Merge.KEEP)
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: hand_over(direct, leaving, target))
        backend.seal(name, leaving)
        assert lost.is_set()
        assert direct.length(leaving) == 0
        assert direct.slice(target, 0, -1) == ENTRIES

    def test_a_parcel(
        self, backend: ShardableBackend, direct: RedisBackend, lose: Any, name: str, target: str
    ) -> None:
        direct.add(name, ENTRIES, Merge.KEEP)
        while True:
            lost = [lose()]
            parcel = backend.pack(name, 4)
            if not parcel.states:
                break
            lost.append(lose())
            backend.unpack(target, name, parcel)
            lost.append(lose())
            backend.unload(name, parcel)
            assert [each.is_set() for each in lost] == [True] * 3
        assert direct.length(name) == 0
        assert direct.slice(target, 0, -1) == ENTRIES

    def test_a_parcel_that_is_taken_meanwhile(
        self,
        backend: ShardableBackend,
        direct: RedisBackend,
        proxy: Proxy,
        meanwhile: Meanwhile,
        name: str,
        target: str,
    ) -> None:
        direct.add(name, ENTRIES, Merge.KEEP)
        parcel = backend.pack(name, 4)
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: direct.pop(target, 9))
        # It was unpacked, and that is what counts.
        assert backend.unpack(target, name, parcel) is False
        assert lost.is_set()
        assert direct.length(target) == 0
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: direct.pack(name, 4))
        backend.unload(name, parcel)
        assert lost.is_set()
        assert direct.slice(name, 0, -1) == ENTRIES[4:]


class TestServers:
    @pytest.fixture
    def backend(self, remote: Remote, port: int, name: str, leaving: str, target: str) -> Any:
        backend = remote(port)
        yield backend
        for each in (name, leaving, target):
            backend.clear(each)

    def test_who_knows_nothing_of_redset_is_refused(
        self, backend: ShardableBackend, client: Any, name: str, leaving: str
    ) -> None:
        backend.add(name, ENTRIES, Merge.KEEP)
        backend.seal(name, leaving)
        for command in (("ZADD", name, 1, "a"), ("ZPOPMIN", name)):
            with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                client.execute_command(*command)
        assert client.get(name).startswith(b"SEALED by redset")
        assert client.get(name).endswith(leaving.encode())
        backend.clear(name)
        backend.put_layout(name, b"1:8", 3)
        for command in (("ZADD", name, 1, "a"), ("ZPOPMIN", name)):
            with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
                client.execute_command(*command)
        assert client.get(name) == b"SEALED by redset, layout 3: 1:8"
        with pytest.raises(SealedError, match="open it as a ShardedSet"):
            backend.add(name, ENTRIES, Merge.KEEP)
        backend.drop_layout(name)

    def test_what_the_server_said_is_the_cause(
        self, backend: ShardableBackend, name: str, leaving: str
    ) -> None:
        backend.seal(name, leaving)
        with pytest.raises(SealedError, match=f"'{name}' is sealed") as caught:
            backend.add(name, ENTRIES, Merge.KEEP)
        assert "WRONGTYPE" in str(caught.value.__cause__)

    def test_what_is_no_set_is_not_sealed(
        self, backend: ShardableBackend, client: Any, name: str, leaving: str
    ) -> None:
        client.set(name, "text", ex=5)
        assert backend.is_sealed(name) is False
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            backend.seal(name, leaving)
        assert client.get(name) == b"text"

    def test_tokens_rise_though_clocks_differ(
        self, backend: ShardableBackend, client: Any, name: str, target: str
    ) -> None:
        backend.add(name, ENTRIES, Merge.KEEP)
        ahead = 2 * 10**15 * 1000
        ends = int(client.time()[0]) * 1000 + 600_000
        client.set(sibling(name, TOKEN), f"{ahead // 1000} {ends}", pxat=ends)
        hand_over(backend, name, target)
        first, second = (backend.claim(target, 1, TERMS).leases[0] for _ in range(2))
        assert ahead < first.token < second.token
        # It is remembered for as long as where it was given.
        assert client.pttl(sibling(target, TOKEN)) > 590_000
        # What comes with lower ones does not lower them.
        backend.add(name, ENTRIES, Merge.KEEP)
        client.delete(sibling(name, TOKEN))
        assert backend.claim(name, 1, TERMS).leases[0].token < ahead
        hand_over(backend, name, target)
        third = backend.claim(target, 9, TERMS).leases[-1]
        assert second.token < third.token

    def test_what_others_leave_behind_goes_in_the_end(
        self, backend: ShardableBackend, client: Any, name: str, leaving: str, target: str
    ) -> None:
        keyed = backend.keyed(Payload.NEWEST)
        items = sibling(leaving, ITEMS)
        keys = [KeyedMember(b"%d" % i, b"payload") for i in range(4)]
        for taken in (2, 4):
            keyed.add(name, [(key, 1.0) for key in keys], Merge.KEEP)
            client.zpopmin(name, taken)
            backend.seal(name, leaving)
            hand_over(backend, leaving, target)
            assert client.exists(items, sibling(name, ITEMS)) == 0
            backend.clear(name)
        # What is all taken, or gone, when it is packed.
        keyed.add(name, [(key, 1.0) for key in keys], Merge.KEEP)
        backend.seal(name, leaving)
        client.delete(leaving)
        assert client.exists(items) == 1
        assert backend.pack(leaving, 9).states == []
        assert client.exists(items) == 0

    def test_what_is_remembered_goes_a_day_after_the_end(
        self, backend: ShardableBackend, client: Any, name: str, leaving: str, target: str
    ) -> None:
        backend.add(name, ENTRIES, Merge.KEEP)
        backend.seal(name, leaving)
        parcel = backend.pack(leaving, 2)
        kept = [name, sibling(leaving, PARCEL), sibling(target, UNPACKED)]
        assert backend.unpack(target, leaving, parcel) is True
        backend.unload(leaving, parcel)
        assert [client.pttl(key) for key in kept] == [-1, -1, -1]
        for expected in (True, False):
            backend.end_seal(name, leaving)
            backend.end_parcels(target)
            assert all((DAY - 60) * 1000 < client.pttl(key) <= DAY * 1000 for key in kept)
            # Later parcels come only to who is late.
            assert backend.unpack(target, leaving, backend.pack(leaving, 2)) is expected
            assert client.pttl(kept[2]) > 0
            backend.end_seal(name, leaving)
        backend.clear(leaving)

    def test_a_member_of_all_kinds_of_bytes_at_once(
        self, backend: ShardableBackend, name: str, target: str
    ) -> None:
        odd = bytes(range(256))
        backend.add(name, [(odd, 0.1), (b"", -math.inf), (b"x" * 10**6, 1e-300)], Merge.KEEP)
        before = backend.slice(name, 0, -1)
        backend.bury(name, [DeadLetter(odd, "\n1 2\n", math.inf, 0.0, 3)], 9)
        letters = backend.dead(name, 0, 9)
        hand_over(backend, name, target, count=500)
        assert backend.slice(target, 0, -1) == before
        assert backend.dead(target, 0, 9) == letters


def test_a_server_out_of_memory_loses_nothing(name: str, leaving: str, target: str) -> None:
    with Server("valkey-9.1") as server, closing(redis.Redis(port=server.port)) as client:
        backend = RedisBackend(client)
        backend.add(name, ENTRIES, Merge.KEEP)
        backend.add(target, ENTRIES, Merge.KEEP)
        parcel = backend.pack(target, 4)
        client.config_set("maxmemory", 1)
        # What takes no more memory is done, and the rest is not begun.
        backend.seal(name, leaving)
        assert backend.is_sealed(name)
        refused: list[Callable[[], object]] = [
            lambda: backend.pack(leaving, 4),
            lambda: backend.unpack(leaving, target, parcel),
        ]
        for call in refused:
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                call()
        assert backend.slice(leaving, 0, -1) == ENTRIES
        backend.unload(target, parcel)
        assert backend.slice(target, 0, -1) == ENTRIES[4:]
        client.config_set("maxmemory", 0)
        assert backend.pack(target, 9).number > parcel.number


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("cluster", "senti"))])
def test_sets_go_to_other_slots(
    backends: Backends, kind: str, name: str, leaving: str, target: str
) -> None:
    backend = backends.get(kind)
    backend.add(name, ENTRIES, Merge.KEEP)
    backend.claim(name, 1, TERMS)
    backend.seal(name, leaving)
    # Where replicas are waited for, errors come by another way.
    with pytest.raises(SealedError):
        backend.add(name, ENTRIES[:1], Merge.KEEP)
    hand_over(backend, leaving, target)
    assert backend.slice(target, 0, -1) == ENTRIES[1:]
    assert backend.stats(target, math.inf).claimed == 1
    if kind.startswith("cluster"):
        with pytest.raises(ValueError, match="different slots"):
            backend.seal(target, name)
    for each in (name, target):
        backend.clear(each)
    forget(backend, name, leaving, target)
    assert backends.leaked_keys(kind, name) == []


def test_operators_see_what_is_handed_over(backends: Backends, name: str, leaving: str) -> None:
    backend = cast("RedisBackend", backends.get("valkey-9.1"))
    operator = Operator(backend)
    SortedSet(backend, name).update(["a", "b"])
    backend.seal(name, leaving)
    assert operator.names(f"*{name}*") == [leaving]
    with pytest.raises(SealedError):
        operator.restore(name, [DeadLetter(b"a", "why", 1.0, 1.0)])
    assert backend.dead_count(name) == 0
    for each in (name, leaving):
        backend.clear(each)


def test_a_parcel_is_what_it_says() -> None:
    backend = MemoryBackend()
    backend.add("jobs", ENTRIES, Merge.KEEP)
    parcel: Parcel = backend.pack("jobs", 4)
    assert [state.member for state in parcel.states] == [member for member, _ in ENTRIES[:4]]
    assert (parcel.token, backend.pack("none", 4).states) == (0, [])
