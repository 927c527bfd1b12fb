"""Waiting for an item in any shard: what it costs, how long it takes, and by which clock."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
import redis

from redset import AsyncShardedSet, Merge, Retry, ShardedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.backends.sharded import _async, _sync
from redset.backends.sharded._naming import Generation, bell_name
from redset.exceptions import EmptySetError
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set
from tests.support.servers import Server, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from redset.interfaces import Entry, ShardableBackend

KINDS = ["memory", "memory-async", "redis-6.2", "valkey-9.1-async", "cluster", "cluster-async"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def jobs(backend: ShardableBackend, name: str) -> Iterator[Any]:
    jobs = make_set(backend, "ShardedSet", name)
    yield jobs
    jobs.clear()
    backend.drop_layout(name)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all shards looked at again after a short while."""
    for module in (_async.bells, _sync.bells):
        monkeypatch.setattr(module, "_LEAST", 0.15)
        monkeypatch.setattr(module, "_PER_SHARD", 0.0)


@pytest.mark.usefixtures("soon")
class TestAnyShard:
    def test_what_nobody_announces_is_found_in_time(
        self, jobs: Any, backend: ShardableBackend, name: str
    ) -> None:
        jobs.reshard(4)
        for place, shard in enumerate(Generation(name, 2, 4).names):
            for is_bell_rung in (False, True):
                with ThreadPoolExecutor(1) as pool:
                    waiting = pool.submit(jobs.pop, timeout=30)
                    time.sleep(0.15)  # so that it most likely waits
                    began = time.monotonic()
                    # As a plain ZADD of somebody else, who may ring the bell, too.
                    backend.add(shard, [(b"%d" % place, 1.0)], Merge.KEEP)
                    if is_bell_rung:
                        backend.add(bell_name(name), [(b"", 0.0)], Merge.KEEP)
                    assert waiting.result() == str(place)
                    assert time.monotonic() - began < 2

    def test_a_lease_that_runs_out_is_found(self, jobs: Any) -> None:
        jobs.add("a")
        jobs.claim(lease=0.2)
        assert jobs.claim(timeout=30).attempt == 2

    def test_what_rests_is_found(self, backend: ShardableBackend, jobs: Any, name: str) -> None:
        retry = Retry(backoff=0.2, jitter=0)
        jobs = make_set(backend, "ShardedSet", name, retry=retry)
        jobs.add("a")
        jobs.claim().nack()
        assert jobs.claims(1) == []
        assert jobs.claim(timeout=30).item == "a"


@pytest.mark.parametrize("takes", ["pop", "claim"])
def test_all_who_wait_are_woken_for_what_is_added_at_once(jobs: Any, takes: str) -> None:
    jobs.add("first")
    jobs.pop()
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(getattr(jobs, takes), timeout=60) for _ in range(5)]
        time.sleep(0.3)  # so that all wait for the bell most likely
        began = time.monotonic()
        jobs.update("abcde")
        found = [each.result() for each in waiting]
        assert time.monotonic() - began < 3
    items = [each if takes == "pop" else each.item for each in found]
    assert sorted(items) == ["a", "b", "c", "d", "e"]


def _calls(client: Any) -> int:
    stats = client.info("commandstats")
    return sum(
        each["calls"]
        for name, each in stats.items()
        if not name.startswith(("cmdstat_info", "cmdstat_config"))
    )


@pytest.mark.parametrize("shards", [1, 8, 64])
def test_who_waits_sends_few_commands(shards: int) -> None:
    with Server() as server, closing(redis.Redis(port=server.port)) as client:
        jobs = ShardedSet(client, "jobs", shards=shards)
        jobs.add("a")
        jobs.pop()
        waits = threading.Thread(target=jobs.pop, kwargs={"timeout": None})
        waits.start()
        # The first looks are over, and it waits for the bell.
        time.sleep(0.5)
        before = _calls(client)
        time.sleep(2.0)
        calls = _calls(client) - before
        # At the bell, a slice each second; and a look at the only shard.
        assert 1 <= calls <= (12 if shards == 1 else 4)
        ShardedSet(client, "jobs").add("b")
        waits.join(10)
        assert not waits.is_alive()


class TestClock:
    """In memory, time is that of the store's clock."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def jobs(self, clock: ManualClock) -> ShardedSet[str]:
        return ShardedSet(MemoryBackend(clock=clock), "jobs")

    @pytest.mark.parametrize("takes", ["pop", "claim"])
    def test_it_is_woken_by_items_and_by_time(
        self, jobs: ShardedSet[str], clock: ManualClock, takes: str
    ) -> None:
        take = getattr(jobs, takes)
        for timeout, act in (
            *((5, lambda: jobs.add("a")), (None, lambda: jobs.add("b"))),
            (5, lambda: clock.advance(5)),
        ):
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(take, timeout=timeout)
                wait_until(lambda: _waits(jobs), "it waits")
                act()
                if timeout == 5 and clock.monotonic():
                    with pytest.raises(EmptySetError):
                        waiting.result(20)
                else:
                    assert waiting.result(20)

    def test_a_lease_that_runs_out_is_found(
        self, jobs: ShardedSet[str], clock: ManualClock
    ) -> None:
        jobs.add("a")
        jobs.claim(lease=60)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(jobs.claim, timeout=None)
            wait_until(lambda: _waits(jobs), "it waits")
            clock.advance(61)
            assert waiting.result(20).attempt == 2

    def test_asyncio(self, clock: ManualClock) -> None:
        async def main() -> None:
            jobs = AsyncShardedSet(AsyncMemoryBackend(clock=clock), "jobs")
            for act in (lambda: jobs.add("a"), lambda: asyncio.to_thread(clock.advance, 5)):
                waiting = asyncio.ensure_future(jobs.take(1, timeout=5))
                await asyncio.sleep(0.01)
                assert not waiting.done()
                await act()
                assert await asyncio.wait_for(waiting, 20) == (
                    ["a"] if not clock.monotonic() else []
                )

        asyncio.run(main())


def _waits(jobs: ShardedSet[str]) -> bool:
    store: Any = jobs.backend
    return bool(store._store._waiters)  # noqa: SLF001  (there is no other way)


class Counting(MemoryBackend):
    """Counts how often the bell is rung, and may fail to."""

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        super().__init__(clock=clock)
        self.rings = 0
        self.error: Exception | None = None

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        if name == bell_name("jobs"):
            self.rings += 1
            if self.error is not None:
                raise self.error
        return super().add(name, entries, merge)


def _opened(store: MemoryBackend, *, is_async: bool) -> Iterator[Any]:
    """Give the store, or an asyncio view of it that is made blocking."""
    if not is_async:
        yield store
        return
    with blocking(lambda: AsyncMemoryBackend(store)) as opened:
        yield opened


class Failing(MemoryBackend):
    """Fails to wait, some times."""

    failures = 0

    @contextmanager
    def waiting(self, name: str, wake: Callable[[], object]) -> Generator[None, None, None]:
        if name == bell_name("jobs") and self.failures:
            self.failures -= 1
            message = "no such node"
            raise ConnectionError(message)
        with super().waiting(name, wake):
            yield


class TestBell:
    def test_it_is_rung_seldom_if_nobody_waits(self) -> None:
        store = Counting()
        jobs = ShardedSet(store, "jobs")
        began = time.monotonic()
        for number in range(500):
            jobs.add(f"{number}")
        assert store.rings <= 3 + (time.monotonic() - began) / 0.05

    def test_nothing_new_is_not_announced(self) -> None:
        store = Counting()
        jobs = ShardedSet(store, "jobs")
        jobs.add("a")
        before = store.rings
        jobs.add("a", 5)
        jobs.update([])
        jobs.claim().nack(60)
        assert store.rings == before

    @pytest.mark.parametrize("is_async", [False, True])
    def test_one_that_cannot_be_rung_is_no_error(self, *, is_async: bool) -> None:
        store = Counting()
        for each in _opened(store, is_async=is_async):
            jobs = make_set(each, "ShardedSet", "jobs")
            store.error = ConnectionError("no such node")
            for number in range(50):
                assert jobs.add_new(f"{number}")
            # Nor is it tried each time.
            assert store.rings == 1
            store.error = None
            assert len(jobs.take(99, timeout=5)) == 50

    def test_one_that_fails_slowly_is_left_alone_for_longer(self) -> None:
        class Slow(Counting):
            def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
                if name == bell_name("jobs"):
                    clock.advance(30)
                return super().add(name, entries, merge)

        clock = ManualClock()
        store = Slow(clock=clock)
        store.error = ConnectionError("no such node")
        jobs = ShardedSet(store, "jobs")
        for number in range(290):
            clock.advance(1)
            jobs.add(f"{number}")
        assert store.rings == 1
        clock.advance(20)
        jobs.add("a")
        assert store.rings == 2

    @pytest.mark.parametrize("is_async", [False, True])
    def test_a_wait_for_it_may_fail_once(self, *, is_async: bool) -> None:
        store = Failing()
        for each in _opened(store, is_async=is_async):
            jobs = make_set(each, "ShardedSet", "jobs")
            store.failures = 1
            with pytest.raises(EmptySetError):
                jobs.claim(timeout=0.3)
            assert store.failures == 0
            store.failures = 2
            with pytest.raises(ConnectionError, match="no such node"):
                jobs.pop(timeout=5)

    @pytest.mark.parametrize("is_async", [False, True])
    def test_what_was_redriven_by_others_is_not_announced(self, *, is_async: bool) -> None:
        store = Counting()
        for each in _opened(store, is_async=is_async):
            jobs = make_set(each, "ShardedSet", "jobs")
            jobs.add("a")
            jobs.claim().bury("hopeless")
            letters = jobs.dead()
            assert jobs.forget(letters) == 1
            before = store.rings
            assert jobs.redrive(letters) == 0
            assert store.rings == before

    @pytest.mark.parametrize("how", ["add", "increment", "nack", "redrive"])
    def test_whatever_comes_in_rings_it(self, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_sync.bells, "_LEAST", 30.0)
        jobs = ShardedSet(RedisBackend(fakeredis.FakeRedis()), "jobs", retry=Retry(backoff=0))
        jobs.update("ab")
        held, dead = jobs.claims(2)
        dead.bury("hopeless")
        acts: dict[str, Callable[[], object]] = {
            "add": lambda: jobs.add("c"),
            "increment": lambda: jobs.increment("c", 1),
            "nack": lambda: held.nack(0),
            "redrive": jobs.redrive,
        }
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(jobs.claim, timeout=60)
            time.sleep(0.3)  # so that it most likely waits for the bell
            began = time.monotonic()
            acts[how]()
            waiting.result()
            assert time.monotonic() - began < 10
