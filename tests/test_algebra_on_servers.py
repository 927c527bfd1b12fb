"""Several sets on servers: lost replies, cluster slots, keys that expire, what waiting costs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis

from redset import Aggregate, ScheduledSet, SortedSet, TTLSet, pop_from_any
from redset.backends.redis._scripts import script
from redset.exceptions import EmptySetError
from tests.support.backends import make_set
from tests.support.leaks import leaked_keys
from tests.support.proxy import Proxy
from tests.test_claims_on_servers import (
    calls_of,
    meanwhile,
    port,
    remote,
    wait_for,
)
from tests.test_moving import pop_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends
    from tests.support.meanwhile import Meanwhile

    Remote = Callable[..., Backend]

__all__ = ["meanwhile", "pop_any", "port", "remote"]

SCRIPTS = ["add", "move", "pop_into", "pop_any", "rename", "expire", "compare"]


@pytest.fixture
def proxy(port: int, client: Any) -> Iterator[Proxy]:
    for name in SCRIPTS:
        client.script_load(script(name).source)
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture
def backend(remote: Remote, proxy: Proxy) -> Backend:
    """Return a backend behind a proxy, whose client sends again what was lost."""
    return remote(proxy.port)


@pytest.fixture
def sets(backend: Backend, name: str) -> Iterator[list[Any]]:
    made = [make_set(backend, "SortedSet", f"{{{name}}}:{i}") for i in range(2)]
    for each in made:
        # Its first call asks whether there are keys.
        assert each.length() == 0
    yield made
    for each in made:
        each.clear()


@pytest.fixture
def direct(client: Any, sets: list[Any]) -> list[SortedSet[str]]:
    """Give the sets of somebody else, whose requests do not get lost."""
    return [SortedSet(client, each.name) for each in sets]


class TestLostReplies:
    """What is sent twice has its effect once, and the same answer."""

    def test_a_move(
        self, sets: list[Any], direct: list[SortedSet[str]], proxy: Proxy, meanwhile: Meanwhile
    ) -> None:
        direct[0].add("a", 1.5)
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: direct[1].claim().ack())
        assert sets[0].move("a", sets[1]) is True
        assert lost.is_set()
        assert [list(each) for each in direct] == [[], []]

    def test_a_pop_into(
        self, sets: list[Any], direct: list[SortedSet[str]], proxy: Proxy, meanwhile: Meanwhile
    ) -> None:
        direct[0].update(["a b", "c"], [1.5, 2])
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: direct[1].claim().ack())
        assert sets[0].pop_into(sets[1]) == "a b"
        assert lost.is_set()
        assert [list(each) for each in direct] == [["c"], []]
        lost = proxy.drop_next_request(b"EVALSHA")
        assert sets[0].pop_into(sets[1]) == "c"
        assert lost.is_set()
        with pytest.raises(EmptySetError):
            sets[0].pop_into(sets[1])

    def test_a_pop_from_any(
        self,
        sets: list[Any],
        direct: list[SortedSet[str]],
        proxy: Proxy,
        pop_any: Callable[..., Any],
    ) -> None:
        direct[1].update(["a  b", "c"], [1.5, 2])
        lost = proxy.drop_next_reply(b"EVALSHA")
        assert pop_any(sets) == (sets[1], "a  b")
        assert lost.is_set()
        assert list(direct[1]) == ["c"]

    def test_a_renaming(
        self, sets: list[Any], direct: list[SortedSet[str]], proxy: Proxy, meanwhile: Meanwhile
    ) -> None:
        direct[0].add("a")
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(lambda: direct[0].add("b"))
        renamed = sets[0].rename(sets[1].name, replace=True)
        assert lost.is_set()
        assert (list(renamed), list(direct[0]), list(direct[1])) == (["a"], ["b"], ["a"])


class TestCluster:
    @pytest.mark.parametrize("kind", ["cluster", "cluster-async"])
    def test_sets_in_different_slots(self, backends: Backends, kind: str, name: str) -> None:
        backend = backends.get(kind)
        seen, todo = (make_set(backend, "SortedSet", f"{name}:{each}") for each in ("seen", "todo"))
        seen.add("a")  # an empty set has nothing to move
        calls: list[Callable[[], object]] = [
            *(partial(call, todo) for call in (seen.union_update, seen.intersection_update)),
            *(partial(call, todo) for call in (seen.difference_update, seen.isdisjoint)),
            *(partial(call, todo) for call in (seen.issubset, seen.issuperset, seen.pop_into)),
            partial(seen.union_update, todo, aggregate=Aggregate.MIN),
            partial(seen.intersection_update, todo, weights=[1, 1]),
            partial(seen.move, "a", todo),
            partial(seen.rename, todo.name),
            partial(backend.pop_any, [(seen.name, 0.0), (todo.name, 0.0)], 0.0),
        ]
        for call in calls:
            with pytest.raises(
                ValueError, match=r"'\{crawl\}:seen' and '\{crawl\}:todo'"
            ) as caught:
                call()
            assert repr(seen.name) in str(caught.value)
            assert repr(todo.name) in str(caught.value)
        # What is read page by page need not be in one place.
        seen.update(["a", "b"])
        todo.update(["b", "c"], [1, 1])
        assert list(seen.union(todo)) == ["a", "b", "c"]
        assert list(seen.intersection(todo)) == ["b"]
        assert list(seen.difference(todo)) == ["a"]
        assert (seen.clear(), todo.clear()) == (True, True)

    def test_one_set_is_in_one_slot(self, backends: Backends, name: str) -> None:
        with closing(backends.client("cluster")) as client:
            s = SortedSet(client, name)
            s.update(["a", "b"])
            assert (s.union_update(s), s.issubset(s), s.pop_into(s)) == (0, True, "a")
            assert pop_from_any([s, s]) == (s, "a")
            assert s.difference_update(s) == 1


class TestKeys:
    @pytest.mark.parametrize("weights", [None, [1, 2, 3]])
    @pytest.mark.parametrize("call", ["union_update", "intersection_update", "difference_update"])
    def test_what_fails_for_one_set_changes_nothing(
        self, client: Any, name: str, call: str, weights: list[int] | None
    ) -> None:
        one, two, three = (SortedSet(client, f"{name}:{i}") for i in range(3))
        one.update(["a", "b"], [1, 2])
        two.update(["b", "c"], [3, 4])
        assert len(three) == 0
        client.set(three.name, "no set")
        options = {} if weights is None or call == "difference_update" else {"weights": weights}
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            getattr(one, call)(two, three, **options)
        assert list(one.items()) == [("a", 1), ("b", 2)]
        one.clear()
        two.clear()
        client.delete(three.name)
        assert leaked_keys(client, name) == []

    def test_all_keys_of_a_set_expire_together(self, client: Any, name: str) -> None:
        s = SortedSet(client, name)
        s.update(["a", "b", "c", "d"])
        claims = s.claims(3)
        s.add("a", -5)
        assert s.claims(1)[0].item == "d"
        claims[1].nack(delay=100)
        claims[2].bury("hopeless")
        s.add("e")
        when = time.time() + 1000
        assert s.expire_at(when) is True
        kept = [key for key in client.scan_iter(f"*{name}*") if b":request" not in key]
        assert len(kept) == 7
        for key in kept:
            assert abs(client.pttl(key) / 1000 - (when - time.time())) < 1, key
        assert s.persist() is True
        assert {client.pttl(key) for key in kept} == {-1}
        s.clear()

    def test_what_is_new_among_the_claims_expires_with_them(self, client: Any, name: str) -> None:
        s = SortedSet(client, name)
        s.update(["a", "b", "c"])
        s.claim()
        when = time.time() + 1000
        s.expire_at(when)
        s.claim().nack(delay=100)
        s.add("a")
        assert s.claims(1)[0].item == "c"
        apart = [f"{{{name}}}:{each}" for each in ("claims", "claims:details", "delayed", "parked")]
        ends = [client.pttl(key) / 1000 + time.time() for key in apart]
        assert max(abs(end - when) for end in ends) < 1
        s.clear()

    def test_payloads_expire_with_the_last_of_what_waits(self, client: Any, name: str) -> None:
        s = SortedSet(client, name, key=str.lower)
        s.update(["a", "b", "c"])
        s.expire_at(time.time() + 1000)
        items = f"{{{name}}}:items"
        s.claim().nack(delay=100)
        assert client.pttl(items) == -1
        s.discard("a")
        # They are to stay a millisecond longer than what they belong to, and one may pass.
        assert 990_000 < client.pttl(items) <= 1_000_003
        claim = s.claim()
        s.add("b")
        assert s.claims(1)[0].item == "c"
        assert client.exists(name) == 0
        assert client.pttl(items) == -1
        claim.ack()
        s.expire_at(time.time() + 1000)
        s.claim().nack(delay=100)
        assert 990_000 < client.pttl(items) <= 1_000_003
        s.clear()

    def test_attempts_expire_no_later(self, client: Any, name: str) -> None:
        s = SortedSet(client, name)
        s.update(["a", "b"])
        s.claim().nack(delay=0)
        key = f"{{{name}}}:attempts"
        assert client.pttl(key) > 80_000_000
        s.expire_at(time.time() + 1e6)
        assert 80_000_000 < client.pttl(key) < 90_000_000
        s.expire_at(time.time() + 1000)
        assert client.pttl(key) < 1_001_000
        s.claim().nack(delay=0)
        assert client.pttl(key) < 1_001_000
        s.persist()
        assert 80_000_000 < client.pttl(key) < 90_000_000
        s.expire_at(0)
        assert client.exists(key) == 0

    def test_a_ttl_set_still_goes_with_its_last_item(self, client: Any, name: str) -> None:
        seen, other = (TTLSet(client, f"{{{name}}}{each}", ttl=100) for each in ("", ":other"))
        seen.update(["a", "b"])
        other.add("a")
        assert seen.difference_update(other) == 1
        assert seen.intersection_update(seen) == 0
        assert 90_000 < client.pttl(seen.name) <= 100_001
        assert seen.rename(f"{{{name}}}:new").name == f"{{{name}}}:new"
        assert 90_000 < client.pttl(f"{{{name}}}:new") <= 100_001

    def test_no_scratch_keys_are_left(self, client: Any, name: str) -> None:
        s, other = (SortedSet(client, f"{{{name}}}{each}") for each in ("", ":other"))
        s.update(["a", "b"])
        other.update(["b", "c"])
        s.union_update(other)
        s.union_update(other, aggregate=Aggregate.MAX)
        s.intersection_update(other)
        s.intersection_update(other, weights=[1, 2])
        s.difference_update(other)
        other.intersection_update(s, weights=[1, 2])
        assert [key for key in client.scan_iter(f"*{name}*") if b":request:" not in key] == []


class TestWaiting:
    def test_it_costs_few_commands(self, client: Any, name: str) -> None:
        sets = [SortedSet(client, f"{{{name}}}:1"), ScheduledSet(client, f"{{{name}}}:2")]
        with pytest.raises(EmptySetError):
            pop_from_any(sets)
        before = calls_of(client)
        with pytest.raises(EmptySetError):
            pop_from_any(sets, timeout=3)
        # Two a second, and a few at the end.
        assert calls_of(client) - before <= 16

    def test_a_plain_add_of_somebody_else_is_noticed(
        self, client: Any, port: int, name: str
    ) -> None:
        names = [f"{{{name}}}:{i}" for i in range(2)]
        with closing(redis.Redis(port=port)) as other, ThreadPoolExecutor(1) as pool:
            sets = [SortedSet(other, each) for each in names]
            waiting = pool.submit(pop_from_any, sets, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] > 0)
            client.zadd(names[1], {"a": 1})
            assert waiting.result() == (sets[1], "a")

    def test_a_wake_up_that_is_of_no_use_is_passed_on(
        self, sets: list[Any], client: Any, port: int, pop_any: Callable[..., Any]
    ) -> None:
        one, two = (each.name for each in sets)
        with closing(redis.Redis(port=port)) as other, ThreadPoolExecutor(2) as pool:
            before = client.info("clients")["blocked_clients"]
            for_any = pool.submit(pop_any, sets, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] == before + 1)
            for_one = pool.submit(ScheduledSet(other, two).pop, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] == before + 2)
            # Who waits for any is woken by the second set, and finds something in the first.
            with client.pipeline() as pipe:
                pipe.zadd(one, {"a": 1}).zadd(two, {"b": 1})
                pipe.rpush(f"{two}:wake", "1").pexpire(f"{two}:wake", 5000)
                pipe.execute()
            assert for_any.result() == (sets[0], "a")
            assert for_one.result() == "b"

    def test_what_was_found_is_not_lost_with_a_wake_up(
        self,
        sets: list[Any],
        client: Any,
        pop_any: Callable[..., Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        one, two = (each.name for each in sets)
        with ThreadPoolExecutor(1) as pool:
            before = client.info("clients")["blocked_clients"]
            for_any = pool.submit(pop_any, sets, 30)
            wait_for(lambda: client.info("clients")["blocked_clients"] == before + 1)
            # What is no list takes no wake-up.
            with client.pipeline(transaction=False) as pipe:
                pipe.zadd(one, {"a": 1}).rpush(f"{two}:wake", "1").set(f"{two}:wake", "text")
                pipe.execute()
            assert for_any.result() == (sets[0], "a")
        assert f"could not wake who else waits for {two!r}" in caplog.text


def test_a_claim_goes_with_what_is_kept_of_it(sets: list[Any]) -> None:
    s = sets[0]
    s.update(["a", "b"], [5, 6])
    for claim, delay in zip(s.claims(2), (0.2, 60), strict=True):
        claim.nack(delay=delay)
    # There are but delays; the claim that follows one is kept with the other.
    assert s.expire_at(time.time() + 1)
    assert s.claim(lease=1.5, timeout=5).item == "a"
    time.sleep(1.8)
    assert s.claims(1) == []
    assert (s.stats().claimed, s.stats().pending) == (0, 0)
