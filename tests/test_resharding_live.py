"""Re-sharding while producers and consumers go on, and those who do it die."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from redset import AsyncShardedSet, ShardedSet
from redset.backends import AsyncMemoryBackend, AsyncRedisBackend, MemoryBackend
from redset.backends.sharded import _async, _sync
from tests.support.dying import DeathError, Dying
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from redset.interfaces import AsyncShardableBackend, Backend
    from tests.support.backends import Backends


@pytest.fixture(autouse=True)
def small_parcels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few members in a parcel, so that there are many."""
    for module in (_async.shards, _sync.shards):
        monkeypatch.setattr(module, "_PARCEL", 20)


@pytest.fixture(params=["memory", "valkey-9.1", "cluster"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


class Ledger:
    """Notes what becomes of each item."""

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()
        self.held: set[int] = set()
        self.doubly_held: list[int] = []
        self._lock = threading.Lock()

    def begin(self, items: list[int]) -> None:
        with self._lock:
            self.doubly_held += [item for item in items if item in self.held or item in self.done]
            self.held.update(items)

    def end(self, items: list[int]) -> None:
        with self._lock:
            self.held.difference_update(items)
            self.done.update(items)


class Works:
    """Producers, consumers, and those who re-shard, each with a set of their own."""

    def __init__(self, backend: Backend, name: str, num: int) -> None:
        self.backend = backend
        self.name = name
        self.num = num
        self.ledger = Ledger()
        self.is_over = threading.Event()
        self.resharded = 0
        self.deaths = 0

    def open(self, store: Any = None) -> ShardedSet[int]:
        store = self.backend if store is None else store
        return ShardedSet(store, self.name, serializer=Numbers, shards=2)

    def produce(self, first: int) -> int:
        """Add numbers until there was enough of everything; return how many."""
        s, chance, added = self.open(), random.Random(first), 0
        while added < self.num or self.resharded < 4 or self.deaths < 4:
            size = chance.choice((1, 3, 20))
            chunk = [first + 2 * number for number in range(added, added + size)]
            assert s.update(chunk, [chance.random() for _ in chunk]) == size
            added += size
        return added

    def claim(self) -> None:
        s = self.open()
        while not self.is_over.is_set():
            claims = s.claims(5, timeout=0.05)
            items = [claim.item for claim in claims]
            self.ledger.begin(items)
            self.ledger.end(items)
            s.ack_all(claims)

    def take(self) -> None:
        s = self.open()
        while not self.is_over.is_set():
            items = s.take(3, timeout=0.05)
            self.ledger.begin(items)
            self.ledger.end(items)

    async def consume(self, store: AsyncShardableBackend) -> None:
        s = AsyncShardedSet(store, self.name, serializer=Numbers, shards=2)
        while not self.is_over.is_set():
            async for claim in s.consume(timeout=0.05, prefetch=4):
                self.ledger.begin([claim.item])
                await asyncio.sleep(0)
                self.ledger.end([claim.item])

    def reshard(self, seed: int) -> None:
        """Re-shard again and again, and die meanwhile."""
        chance = random.Random(seed)
        while not self.is_over.is_set():
            shards = chance.choice((2, 3, 5, 8))
            store = Dying(self.backend, chance.randrange(200), late=chance.random() < 0.5)
            try:
                self.open(store).reshard(shards)
                self.resharded += 1
            except DeathError:
                self.deaths += 1

    def drain(self, num: int) -> None:
        """Wait until so many items are done, and stop everybody."""
        deadline = time.monotonic() + 60
        while len(self.ledger.done) < num and time.monotonic() < deadline:
            time.sleep(0.02)
        self.is_over.set()


def test_nothing_is_lost_and_nothing_doubled(backends: Backends, kind: str, name: str) -> None:
    backend = backends.get(kind)
    works = Works(backend, name, 1000)

    async def consume() -> None:
        if isinstance(backend, MemoryBackend):
            store: AsyncShardableBackend = AsyncMemoryBackend(backend)
        else:
            client = backends.client(f"{kind}-async")
            store = AsyncRedisBackend(client, owns=[client])
        await asyncio.gather(works.consume(store), works.consume(store))
        await store.close()

    with ThreadPoolExecutor(9) as pool:
        produced = [pool.submit(works.produce, first) for first in (0, 1)]
        tasks = [pool.submit(works.reshard, seed) for seed in (0, 1)]
        tasks += [pool.submit(work) for work in (works.claim, works.claim, works.take)]
        tasks.append(pool.submit(asyncio.run, consume()))
        numbers = [first + 2 * each for first in (0, 1) for each in range(produced[first].result())]
        works.drain(len(numbers))
        for task in tasks:
            task.result()
    assert works.ledger.doubly_held == []
    assert works.ledger.done == Counter(numbers)
    s = works.open()
    assert (len(s), s.stats().claimed) == (0, 0)
    s.clear()


def test_items_stay_one_item(backends: Backends, kind: str, name: str) -> None:
    backend = backends.get(kind)
    works = Works(backend, name, 600)

    def add_all(seed: int) -> int:
        s, chance, new = works.open(), random.Random(seed), 0
        for _ in range(3):
            numbers = chance.sample(range(600), 600)
            for start in range(0, 600, 30):
                new += s.update(numbers[start : start + 30])
        return new

    with ThreadPoolExecutor(5) as pool:
        tasks = [pool.submit(works.reshard, seed) for seed in (2, 3)]
        added = [pool.submit(add_all, seed) for seed in range(3)]
        assert sum(each.result() for each in added) == 600
        works.is_over.set()
        for task in tasks:
            task.result()
    assert works.resharded + works.deaths > 0
    s = works.open()
    assert sorted(s) == list(range(600))
    assert sorted(s.take(999)) == list(range(600))
    s.clear()
