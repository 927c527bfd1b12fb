"""Sharded sets whose clients are killed, whose replies are lost, and whose slots and servers go."""

from __future__ import annotations

import math
import multiprocessing
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff

from redset import ShardedSet
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.backends.sharded import _sync
from redset.backends.sharded._naming import Generation, leaving_name
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers
from tests.support.servers import Server, start_cluster, start_sentinel
from tests.topologies.clients import Clients
from tests.topologies.faults import kill_primary, move_slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend


def open_set(store: Any) -> Any:
    return make_set(store, "ShardedSet", "jobs", serializer=Numbers, shards=3)


def _reshard(port: int, shards: int) -> None:
    vars(_sync.shards)["_PARCEL"] = 20  # of this process alone
    with closing(redis.Redis(port=port)) as client:
        s = ShardedSet(client, "jobs", serializer=Numbers)
        while True:
            s.reshard(shards)
            shards = shards % 5 + 1


def test_those_who_re_shard_are_killed_in_the_midst_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the dead one has locked is not waited for.
    monkeypatch.setattr(_sync.shards, "_PATIENCE", 0.02)
    context = multiprocessing.get_context("fork")
    with Server() as server, closing(redis.Redis(port=server.port)) as client:
        s = open_set(RedisBackend(client))
        chance = random.Random(5)
        done: Counter[int] = Counter()
        for number in range(4):
            first = 250 * number
            s.update(range(first, first + 250), range(first, first + 250))
            process = context.Process(target=_reshard, args=(server.port, number % 5 + 1))
            before = client.get("jobs")
            process.start()
            end = math.inf
            while time.monotonic() < end:
                if end == math.inf and client.get("jobs") != before:
                    end = time.monotonic() + chance.uniform(0.0, 0.1)
                claims = s.claims(7)
                done.update(claim.item for claim in claims)
                s.ack_all(claims)
            process.kill()
            process.join()
        while claims := s.claims(100):
            done.update(claim.item for claim in claims)
            s.ack_all(claims)
        assert done == Counter(range(4 * 250))
        s.reshard(2)
        assert (len(s), s.stats().claimed) == (0, 0)


class Load:
    """Adds and takes items of a sharded set while something happens to it."""

    def __init__(self, stores: list[Backend]) -> None:
        self.sets = [open_set(store) for store in stores]
        self.done: Counter[int] = Counter()
        self.added = 0
        self._is_over = threading.Event()
        self._is_all_added = threading.Event()
        self._lock = threading.Lock()

    def during(self, act: Callable[[Any], None]) -> None:
        """Go on while ``act`` is done, and until all is done; see to it that all was, and once."""
        producer, *consumers, other = self.sets
        with ThreadPoolExecutor(len(consumers) + 1) as pool:
            adding = pool.submit(self._produce, producer)
            tasks = [pool.submit(self._consume, s) for s in consumers]
            try:
                act(other)
            finally:
                self._is_over.set()
                adding.exception()
                self._is_all_added.set()
            for task in (adding, *tasks):
                task.result()
        assert self.added > 0
        assert self.done == Counter(range(self.added))
        assert (len(other), other.stats().claimed) == (0, 0)

    def _produce(self, s: Any) -> None:
        while not self._is_over.is_set():
            # One at a time, which has its effect once, even if it is sent again.
            s.add(self.added)
            self.added += 1

    def _consume(self, s: Any) -> None:
        while True:
            is_last = self._is_all_added.is_set()
            # A claim whose reply is lost while its shard is handed over waits for its lease to end.
            claims = s.claims(5, lease=5, timeout=0.1)
            if not claims and is_last and not s.stats().claimed:
                return
            s.ack_all(claims)
            with self._lock:
                self.done.update(claim.item for claim in claims)


@pytest.mark.parametrize("is_async", [False, True], ids=["blocking", "asyncio"])
def test_lost_replies(*, is_async: bool) -> None:
    with Server() as server, Proxy(server.port, drop_replies=0.02, seed=7) as proxy:

        def make(kind: Any, backend: Any) -> Any:
            retry = getattr(kind, "retry", redis.retry).Retry(NoBackoff(), 20)
            errors = [redis.ConnectionError, redis.TimeoutError]
            client = kind.Redis(port=proxy.port, retry=retry, retry_on_error=errors)
            return backend(client, owns=[client])

        with ExitStack() as stack:
            stores: list[Any] = []
            for _ in range(3):
                if is_async:
                    stores.append(
                        stack.enter_context(
                            blocking(lambda: make(redis.asyncio, AsyncRedisBackend))
                        )
                    )
                else:
                    stores.append(stack.enter_context(make(redis, RedisBackend)))

            def act(s: Any) -> None:
                for shards in (5, 2, 4):
                    s.reshard(shards)
                    time.sleep(0.1)

            Load(stores).during(act)
            assert open_set(stores[0]).shard_count() == 4


@pytest.mark.parametrize("kind", ["redis-6.2", "valkey-9.1"])
def test_slots_move_while_it_is_re_sharded(kind: Any) -> None:
    with start_cluster(kind) as cluster, ExitStack() as stack:
        clients = Clients(cluster, 0)
        stores: list[Any] = [stack.enter_context(clients.open(number)) for number in range(4)]

        def act(s: Any) -> None:
            s.update([])
            for generation, shards in ((1, 3), (2, 4)):
                names = Generation("jobs", generation, shards).names
                with ThreadPoolExecutor(1) as pool:
                    resharding = pool.submit(s.reshard, 7 - shards)
                    for name in ("jobs", names[0], names[-1]):
                        move_slot(cluster, name, 0.1)
                    resharding.result()

        Load(stores).during(act)


def test_a_failover_loses_nothing_that_a_replica_has() -> None:
    with start_sentinel() as setup, ExitStack() as stack:
        clients = Clients(setup, 1)
        store: Any = stack.enter_context(clients.open(0))
        s = open_set(store)
        s.update(range(200))
        claims = s.claims(20, lease=600)
        # The first shard is sealed, and a parcel was unpacked, when the primary is gone.
        old, new = Generation("jobs", 1, 3), Generation("jobs", 2, 5)
        assert store.put_layout("jobs", b"1:3 2:5", 4)
        first = old.names[0]
        store.seal(first, leaving_name(first))
        parcel = store.pack(leaving_name(first), 20)
        for home in new.names:
            states = [state for state in parcel.states if new.home(state.member) == home]
            store.unpack(home, leaving_name(first), parcel._replace(states=states))
        kill_primary(setup, "jobs")
        other = open_set(stack.enter_context(Clients(setup, 0).open(1)))
        assert sorted([*other, *(claim.item for claim in claims)]) == list(range(200))
        assert other.shard_count() == 5


def test_layouts_and_seals_wait_for_replicas() -> None:
    with start_sentinel() as setup, closing(redis.Redis(port=setup.master.port)) as client:
        # A replica that has just come takes a moment until it answers for a write.
        with redis.Redis(port=setup.master.port, single_connection_client=True) as first:
            first.set("mark", "", px=1)
            assert first.wait(1, 4000) == 1
        store = RedisBackend(client, wait_replicas=1, wait_timeout=4)
        s = ShardedSet(store, "jobs", shards=2)
        s.update("abcdef")
        assert "layout 3: 1:2" in str(setup.replicas[0].call("GET", "jobs"))
        s.reshard(3)
        assert sorted(s.take(9)) == list("abcdef")
        waits: Any = client.info("commandstats")
        assert waits["cmdstat_wait"]["calls"] > 6
