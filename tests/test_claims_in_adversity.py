"""Claims when something comes between: interrupts, collected garbage, forks, lost cancels."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any, cast

import fakeredis
import pytest
import redis
import redis.asyncio

from redset import AsyncSortedSet, ScheduledSet, SortedSet
from redset._keeping import Keeper
from redset.backends import AsyncMemoryBackend, MemoryBackend, RedisBackend
from redset.interfaces import DeadLetter, Merge
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Claimed, Hold, Terms
    from tests.support.backends import Backends

LEASE = 0.2


def test_the_first_token_is_somebodys() -> None:
    s = SortedSet(MemoryBackend(clock=ManualClock(0)), "jobs")
    s.add("a")
    claim = s.claim()
    s.add("a")
    assert s.claims(1) == []
    claim.ack()
    assert s.claim().item == "a"


@pytest.mark.parametrize("attribute", ["records", "claims", "attempts"])
def test_an_interrupted_claim_of_a_memory_set_loses_nothing(attribute: str) -> None:
    """The interrupt comes when the named part of the account is used."""

    class Interrupting:
        def __init__(self, part: Any) -> None:
            self.part = part

        def __getattr__(self, name: str) -> Any:
            return getattr(self.part, name)

        def __setitem__(self, key: Any, value: Any) -> None:
            raise KeyboardInterrupt

        def add(self, *_: Any) -> None:
            raise KeyboardInterrupt

        def pop(self, *_: Any) -> None:
            raise KeyboardInterrupt

    clock = ManualClock()
    store = MemoryBackend(clock=clock)
    s = SortedSet(store, "jobs")
    s.update(["a", "b"])
    s.claim().nack(0)
    ledger = store._ledgers["jobs"]  # noqa: SLF001  (there is no other way to come between)
    part = getattr(ledger, attribute)
    setattr(ledger, attribute, Interrupting(part))
    with pytest.raises(KeyboardInterrupt):
        s.claims(2)
    setattr(ledger, attribute, part)
    assert s.stats().dead == 0
    clock.advance(61)
    for _ in range(2):
        s.ack_all(s.claims(9))
        clock.advance(61)
    # Both were handed out, and nothing is left.
    assert (len(s), s.stats().claimed, s.claims(9)) == (0, 0, [])


def test_what_ends_a_claim_within_a_call_of_its_thread_does_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("redset.backends.memory._waiting._PATIENCE", 0.01)
    clock = ManualClock()
    store = MemoryBackend(clock=clock)
    s = SortedSet(store, "jobs")
    s.add("a")
    claims = s.consume()
    next(claims)
    with store._guard:  # noqa: SLF001  (as a call does that the garbage collector runs in)
        claims.close()
    assert "could not give back an item" in caplog.text
    clock.advance(61)
    assert s.claim().attempt == 2


def test_a_keeper_can_be_stopped_by_its_own_thread() -> None:
    class Kept:
        def __init__(self) -> None:
            self.keeper = Keeper(self.extend, self.lose, 0.03, time.monotonic(), interrupts=False)
            self.stopped = threading.Event()

        def extend(self) -> None:
            self.keeper.stop()
            self.stopped.set()

        def lose(self) -> None:
            raise AssertionError

    assert Kept().stopped.wait(10)


def test_a_claim_that_nobody_has_is_not_kept() -> None:
    s = SortedSet(MemoryBackend(), "jobs")
    s.add("a")
    claim = s.claim(lease=LEASE, keep_alive=True)
    claim._start_keeping(interrupts=False)  # noqa: SLF001  (as a loop does)
    del claim
    gc.collect()
    assert s.claim(timeout=10).attempt == 2


def test_a_far_time_is_waited_for(backends: Backends, name: str) -> None:
    for source in (MemoryBackend(), redis.Redis(port=backends.server("valkey-9.1").port)):
        s = ScheduledSet(source, name)
        s.add("in 30,000 years", 1e12)
        s.add("never", float("inf"))
        assert s.claims(1, timeout=0.05) == []
        assert s.take(1, timeout=0.05) == []
        adder = threading.Timer(0.05, s.add, ["now"])
        adder.start()
        assert s.claim(timeout=1e12).item == "now"
        adder.join()
        s.clear()


class Swallows(AsyncMemoryBackend):
    """Drops a cancellation, as `asyncio.wait_for` does before Python 3.12."""

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        await self.drop()
        return await super().extend(name, holds, lease)

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        await self.drop()
        return await super().wait_claim(name, count, terms, timeout, acknowledge=acknowledge)

    async def drop(self) -> None:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            return


def test_a_block_ends_though_what_keeps_it_swallows_its_cancellation() -> None:
    async def main() -> None:
        s = AsyncSortedSet(Swallows(), "jobs")
        await s.add("a")
        async with asyncio.timeout(10):
            async with await s.claim(lease=LEASE, keep_alive=True) as claim:
                await asyncio.sleep(LEASE / 2)  # in the midst of an extension
            assert not claim.lost
        assert await s.length() == 0

    asyncio.run(main())


def test_a_loop_ends_though_its_cancellation_was_swallowed() -> None:
    async def main() -> None:
        s = AsyncSortedSet(Swallows(), "jobs")
        await s.update(["a", "b", "c"])
        met: list[str] = []

        async def work() -> None:
            async for claim in s.consume():
                met.append(claim.item)
                if claim.item == "b":
                    asyncio.get_running_loop().call_later(0.02, task.cancel)

        task = asyncio.create_task(work())
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        assert met == ["a", "b"]
        assert (await s.stats()).claimed == 0

    asyncio.run(main())


@pytest.mark.parametrize("how", ["claim", "claims"])
def test_what_is_claimed_in_a_cancellation_that_was_swallowed_is_put_back(how: str) -> None:
    async def main() -> None:
        s = AsyncSortedSet(Swallows(), "jobs")
        await s.add("a")
        work = s.claim(timeout=5) if how == "claim" else s.claims(5, timeout=5)
        task = asyncio.create_task(cast("Any", work))
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        assert (await s.stats()).claimed == 0
        assert (await s.claim()).attempt == 1

    asyncio.run(main())


def test_a_wait_ends_though_its_cancellation_was_swallowed(backends: Backends, name: str) -> None:
    async def main() -> None:
        async with redis.asyncio.Redis(port=backends.server("valkey-9.1").port) as client:
            command: Any = client.execute_command
            is_waiting = asyncio.Event()

            async def swallow(*arguments: Any, **options: Any) -> Any:
                if arguments[0] != "BLPOP":
                    return await command(*arguments, **options)
                is_waiting.set()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
                return None

            client.execute_command = swallow  # type: ignore[method-assign]  # as wait_for does
            task = asyncio.create_task(AsyncSortedSet(client, name).claim(timeout=None))
            await is_waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 10)

    asyncio.run(main())


def test_sets_made_anew_for_each_call_leave_few_records(backends: Backends, name: str) -> None:
    with closing(redis.Redis(port=backends.server("valkey-9.1").port)) as client:
        for i in range(100):
            SortedSet(client, name).add(f"{i}")
        assert len(list(client.scan_iter(f"*{name}*:request:*", count=1000))) < 5
        SortedSet(client, name).clear()


def test_each_add_wakes_another(backends: Backends, name: str) -> None:
    with closing(redis.Redis(port=backends.server("valkey-9.1").port)) as client:
        s = SortedSet(client, name)
        client.set(f"{{{name}}}:waiting", "1", px=60_000)
        for i in range(100):
            s.add(f"{i}")
        # One for each, but no more than can be waiting.
        assert client.llen(f"{{{name}}}:wake") == 64
        s.clear()


def test_what_is_held_stays_so_when_the_server_is_out_of_memory(name: str) -> None:
    with Server("valkey-9.1") as server, closing(redis.Redis(port=server.port)) as client:
        s = SortedSet(client, name)
        s.add("a")
        claim = s.claim(lease=10)
        client.config_set("maxmemory", 1)
        assert claim.extend(1000) > time.time() + 900
        claim.ack()
        assert s.stats().claimed == 0


@pytest.mark.parametrize("is_async", [False, True])
def test_claims_of_another_set_are_refused(*, is_async: bool) -> None:
    with ExitStack() as stack:
        stores: list[Any] = [
            stack.enter_context(blocking(AsyncMemoryBackend)) if is_async else MemoryBackend()
            for _ in range(2)
        ]
        jobs, mails = (make_set(stores[0], "SortedSet", name) for name in ("jobs", "mails"))
        jobs.add("a")
        mails.add("b")
        claim = jobs.claim()
        calls: list[Callable[[], object]] = [
            lambda: mails.ack_all([claim]),
            lambda: mails.claims(1, done=[claim]),
            lambda: make_set(stores[1], "SortedSet", "jobs").ack_all([claim]),
        ]
        for hand_in in calls:
            with pytest.raises(ValueError, match="is of another set"):
                hand_in()
        assert (len(mails), claim.lost) == (1, False)
        make_set(stores[0], "SortedSet", "jobs").ack_all([claim])
        assert claim.is_over


def test_an_item_is_found_behind_many_copies_of_what_is_held(backends: Backends, name: str) -> None:
    for kind in ("valkey-9.1", "valkey-9.1-async", "memory"):
        s = make_set(backends.get(kind), "SortedSet", f"{name}:{kind}")
        items = [f"{i}" for i in range(350)]
        s.update(items)
        assert len(s.claims(350)) == 350
        s.update(items)
        s.add("free", 1)
        assert s.claim().item == "free"
        s.clear()


def fake() -> Any:
    return fakeredis.FakeRedis()


def test_a_lowered_limit_drops_dead_letters_little_by_little() -> None:
    letters = [DeadLetter(b"%d" % i, "", 0.0, 0.0) for i in range(1500)]
    for backend in (MemoryBackend(), RedisBackend(fake())):
        assert backend.bury("jobs", letters, 10_000) == 0
        assert backend.bury("jobs", letters[:1], 10) == 1000
        assert backend.bury("jobs", letters[:1], 10) == 490
        backend.add("jobs", [(b"x", 1.0)], Merge.KEEP)
        assert backend.dead_count("jobs") == 10
