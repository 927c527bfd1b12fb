"""Sharded sets whose calls fail, or are interrupted, when they have something in hand."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from redset import AsyncShardedSet, ShardedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.backends.sharded import _async, _choosing, _sync
from redset.backends.sharded._naming import Generation
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Claimed, Entry, ShardableBackend


# A cancellation is seen as that of a future by blocking code.
INTERRUPTS = (KeyboardInterrupt, concurrent.futures.CancelledError)


class BrokenError(Exception):
    """What a client raises."""


class Broken(MemoryBackend):
    """Raises an error when the third shard is asked for items, and when something is put back."""

    def __init__(self, error: BaseException, *, on_return: bool = False) -> None:
        super().__init__()
        self.error = error
        self.on_return = on_return
        self.left = 1_000_000

    def pop(self, name: str, count: int, **options: Any) -> list[Entry]:
        self._count()
        return super().pop(name, count, **options)

    def claim(self, name: str, *arguments: Any, **options: Any) -> Claimed:
        self._count()
        return super().claim(name, *arguments, **options)

    def add(self, *arguments: Any) -> int:
        self._refuse_return()
        return super().add(*arguments)

    def release(self, *arguments: Any, **options: Any) -> bool:
        self._refuse_return()
        return super().release(*arguments, **options)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error

    def _refuse_return(self) -> None:
        if self.on_return and self.left < 0:
            raise BrokenError


@pytest.fixture(params=["blocking", "asyncio"])
def is_async(request: pytest.FixtureRequest) -> bool:
    is_async: bool = request.param == "asyncio"
    return is_async


def _open(store: MemoryBackend, *, is_async: bool) -> Iterator[Any]:
    if not is_async:
        yield make_set(store, "ShardedSet", "jobs", shards=4)
        return
    with blocking(lambda: AsyncMemoryBackend(store)) as backend:
        yield make_set(backend, "ShardedSet", "jobs", shards=4)


def _filled(store: Broken, s: Any, num: int = 40) -> Any:
    s.update(map(str, range(num)), range(num))
    store.left = 2
    return s


def test_what_is_in_hand_is_returned_when_another_shard_fails(*, is_async: bool) -> None:
    store = Broken(BrokenError())
    for s in _open(store, is_async=is_async):
        taken = _filled(store, s).take(40)
        assert 0 < len(taken) < 40
        with pytest.raises(BrokenError):
            s.take(40)
        store.left = 2
        claims = s.claims(40)
        assert 0 < len(claims) < 40
        with pytest.raises(BrokenError):
            s.claims(40)
        store.left = 99
        rest = s.take(40)
        assert len(taken) + len(claims) + len(rest) == 40


# When it waits, the first look may also find nothing, and the next one fail.
@pytest.mark.parametrize(("timeout", "left"), [(0.0, 0), (None, 0), (None, 4)])
def test_what_was_acknowledged_is_known_to_be_if_nothing_can_be_claimed(
    timeout: float | None, left: int, *, is_async: bool
) -> None:
    store = Broken(BrokenError())
    for s in _open(store, is_async=is_async):
        s.add("a")
        [claim] = s.claims(1)
        store.left = left
        # So no loop of `consume` ends as if there were nothing.
        with pytest.raises(BrokenError):
            s.claims(1, timeout=timeout, done=[claim])
        assert claim.is_over
        assert not claim.lost
        assert s.stats().claimed == 0


class Partly(MemoryBackend):
    """Has shards that cannot be written to."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: set[str] = set()

    def add(self, name: str, *arguments: Any) -> int:
        self._check(name)
        return super().add(name, *arguments)

    def remove(self, name: str, *arguments: Any, **options: Any) -> int:
        self._check(name)
        return super().remove(name, *arguments, **options)

    def pop(self, name: str, *arguments: Any, **options: Any) -> list[Entry]:
        self._check(name)
        return super().pop(name, *arguments, **options)

    def claim(self, name: str, *arguments: Any, **options: Any) -> Claimed:
        self._check(name)
        return super().claim(name, *arguments, **options)

    def acknowledge(self, name: str, *arguments: Any) -> list[bool]:
        self._check(name)
        return super().acknowledge(name, *arguments)

    def unpack(self, name: str, *arguments: Any) -> bool:
        self._check(name)
        return super().unpack(name, *arguments)

    def _check(self, name: str) -> None:
        if name in self.broken:
            message = f"no room for {name}"
            raise BrokenError(message)


ITEMS = [str(number) for number in range(40)]
# Of four shards, the second one, which is asked first or later.
BROKEN = Generation("jobs", 1, 4).names[1]
THERE = {item for item in ITEMS if Generation("jobs", 1, 4).home(item.encode()) == BROKEN}


def _told(raised: pytest.ExceptionInfo[BrokenError]) -> str:
    [note] = raised.value.__notes__
    return note


def _by_ack_all(s: Any, claims: list[Any]) -> None:
    s.ack_all(claims)


def _by_claiming_more(s: Any, claims: list[Any]) -> None:
    s.claims(1, done=claims)


@pytest.mark.parametrize("acknowledge", [_by_ack_all, _by_claiming_more])
def test_who_acknowledges_knows_what_was_when_a_shard_fails(
    acknowledge: Callable[[Any, list[Any]], None], *, is_async: bool
) -> None:
    store = Partly()
    for s in _open(store, is_async=is_async):
        s.update(ITEMS)
        claims = s.claims(len(ITEMS))
        store.broken = {BROKEN}
        with pytest.raises(BrokenError) as raised:
            acknowledge(s, claims)
        assert _told(raised).startswith("3 of 4 shards")
        assert {claim.item for claim in claims if not claim.is_over} == THERE
        assert not any(claim.lost for claim in claims)
        assert s.stats().claimed == len(THERE)
        # What was done is not done again, so it is not found lost.
        store.broken = set()
        s.ack_all(claims)
        assert all(claim.is_over for claim in claims)
        assert s.stats().claimed == 0


def test_what_is_written_is_written_where_it_can_be(*, is_async: bool) -> None:
    store = Partly()
    for s in _open(store, is_async=is_async):
        store.broken = {BROKEN, Generation("jobs", 1, 4).names[2]}
        with pytest.raises(BrokenError) as raised:
            s.update(ITEMS)
        assert _told(raised).startswith("2 of 4 shards")
        store.broken = {BROKEN}
        with pytest.raises(BrokenError):
            s.update(ITEMS)
        assert {*s} == {*ITEMS} - THERE
        with pytest.raises(BrokenError):
            s.difference_update(ITEMS)
        assert len(s) == 0
        store.broken = set()
        assert s.update(ITEMS) == len(ITEMS)


def test_what_some_shards_have_is_announced(*, is_async: bool) -> None:
    store = Partly()
    for s in _open(store, is_async=is_async):
        store.broken = {BROKEN}
        with pytest.raises(BrokenError):
            s.update(ITEMS)
        assert store.length("{jobs:bell}") == 1


def test_a_shard_that_cannot_be_handed_over_holds_up_no_other(*, is_async: bool) -> None:
    store = Partly()
    for s in _open(store, is_async=is_async):
        s.update(ITEMS)
        claims = s.claims(40)
        # So the first old shard is sealed, and its items have nowhere to go.
        [first, *_] = Generation("jobs", 1, 4).names
        store.broken = {*Generation("jobs", 2, 2).names}
        with pytest.raises(BrokenError):
            s.reshard(2)
        left = {c.item for c in claims if Generation("jobs", 1, 4).home(c.item.encode()) == first}
        with pytest.raises(BrokenError) as raised:
            s.ack_all(claims)
        assert _told(raised).startswith("3 of 4 shards")
        assert {claim.item for claim in claims if not claim.is_over} == left
        store.broken = set()
        s.ack_all(claims)
        assert s.stats().claimed == len(s) == 0


def test_who_takes_goes_on_where_there_is_something(
    caplog: pytest.LogCaptureFixture, *, is_async: bool
) -> None:
    store = Partly()
    for s in _open(store, is_async=is_async):
        s.update(ITEMS)
        store.broken = {BROKEN}
        worked: list[str] = []
        with caplog.at_level(logging.WARNING), pytest.raises(BrokenError):
            worked.extend(claim.item for claim in s.consume())
        assert {*worked} == {*ITEMS} - THERE
        assert "of which a part failed: BrokenError" in caplog.text
        # It is not asked more often than when it is its turn, and as there is nothing else.
        s.update({*ITEMS} - THERE)
        caplog.clear()
        assert len([s.pop() for _ in range(16)]) == 16
        assert 0 < len(caplog.records) <= 3
        store.broken = set()
        assert {*s.take(len(ITEMS))} > THERE


def test_a_shard_that_fails_slowly_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, *, is_async: bool
) -> None:
    clock = ManualClock()
    for module in (_choosing, _sync.taking, _async.taking):
        monkeypatch.setattr(module, "time", clock)

    class Slow(Partly):
        failures = 0

        def pop(self, name: str, *arguments: Any, **options: Any) -> list[Entry]:
            if name in self.broken:
                self.failures += 1
                clock.advance(3)
            return super().pop(name, *arguments, **options)

    store = Slow()
    for s in _open(store, is_async=is_async):
        s.update(ITEMS)
        store.broken = {BROKEN}
        elsewhere = {s.pop() for _ in range(12)}
        assert store.failures == 1
        # Nor is more asked of it if there is something elsewhere.
        elsewhere |= {*s.take(len(ITEMS))}
        assert store.failures == 1
        assert elsewhere == {*ITEMS} - THERE
        with pytest.raises(BrokenError):
            s.pop()
        assert store.failures == 2
        # Its time is over, so it has its turn.
        s.update(elsewhere)
        clock.advance(31)
        assert len([s.pop() for _ in range(12)]) == 12
        assert store.failures == 3
        s.take(len(ITEMS))
        store.broken = set()
        assert {*s.take(len(ITEMS))} == THERE


def test_what_is_in_hand_is_put_back_by_an_interrupt(*, is_async: bool) -> None:
    error = asyncio.CancelledError() if is_async else KeyboardInterrupt()
    store = Broken(error)
    for s in _open(store, is_async=is_async):
        _filled(store, s)
        with pytest.raises(INTERRUPTS):
            s.take(40)
        assert len(s) == 40
        store.left = 99
        failed = s.claims(20)
        for claim in failed:
            claim.nack(0)
        store.left = 2
        with pytest.raises(INTERRUPTS):
            s.claims(40)
        assert len(s) == 40
        assert s.stats().claimed == 0
        store.left = 99
        tried = {claim.item for claim in failed}
        assert all(claim.attempt == 1 + (claim.item in tried) for claim in s.claims(40))
        store.left = 0
        with pytest.raises(INTERRUPTS):
            s.take(40)


def test_what_cannot_be_put_back_is_logged(
    caplog: pytest.LogCaptureFixture, *, is_async: bool
) -> None:
    error = asyncio.CancelledError() if is_async else KeyboardInterrupt()
    store = Broken(error, on_return=True)
    for s in _open(store, is_async=is_async):
        _filled(store, s)
        with caplog.at_level(logging.WARNING), pytest.raises(INTERRUPTS):
            s.take(40)
        lost = caplog.records[-1].getMessage()
        kept = [item for item in s if f"b'{item}'" not in lost]
        assert len(kept) == len(s) < 40


def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    async def main() -> None:
        s = AsyncShardedSet(AsyncMemoryBackend(), "jobs", shards=4)
        handed_out = 0
        for number in range(40):
            waiting = asyncio.create_task(s.take(10, timeout=None))
            await asyncio.sleep(0.001 * (number % 7))
            waiting.cancel()
            await s.add(str(number))
            [taken] = await asyncio.gather(waiting, return_exceptions=True)
            # Before Python 3.12, a cancellation may be dropped that comes with what is waited for.
            handed_out += len(taken) if isinstance(taken, list) else 0
        assert await s.length() == 40 - handed_out

    asyncio.run(main())


@pytest.mark.parametrize("takes", ["take", "claims"])
def test_a_cancelled_wait_that_wakes_the_next_one_loses_nothing(takes: str) -> None:
    class Slow(AsyncMemoryBackend):
        async def add(self, name: str, *arguments: Any) -> int:
            if name == "{jobs:bell}" and not is_ringing.is_set():
                is_ringing.set()
                await asyncio.sleep(60)
            return await super().add(name, *arguments)

    async def main() -> None:
        memory = MemoryBackend()
        s = AsyncShardedSet(AsyncMemoryBackend(memory), "jobs", shards=4)
        await s.update([])
        late = AsyncShardedSet(Slow(memory), "jobs")
        waiting = asyncio.create_task(getattr(late, takes)(2, timeout=None))
        await asyncio.sleep(0.01)
        await s.update(ITEMS)
        await is_ringing.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await s.length() == len(ITEMS)
        assert [claim.attempt for claim in await s.claims(40)] == [1] * 40

    is_ringing = asyncio.Event()
    asyncio.run(main())


@pytest.mark.parametrize("takes", ["take", "claims"])
def test_an_interrupted_wait_that_wakes_the_next_one_loses_nothing(takes: str) -> None:
    class Interrupted(MemoryBackend):
        interrupts = 1

        def add(self, name: str, *arguments: Any) -> int:
            is_waiter = threading.current_thread() is not threading.main_thread()
            if name == "{jobs:bell}" and is_waiter and self.interrupts:
                self.interrupts -= 1
                raise KeyboardInterrupt
            return super().add(name, *arguments)

    s = ShardedSet(Interrupted(), "jobs", shards=4)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(getattr(s, takes), 2, timeout=None)
        s.update(ITEMS)
        with pytest.raises(KeyboardInterrupt):
            waiting.result()
    assert len(s) == len(ITEMS)
    assert [claim.attempt for claim in s.claims(40)] == [1] * 40


def test_shards_are_asked_at_once_and_all_are_over_before_an_error() -> None:
    class Slow(AsyncMemoryBackend):
        asked = 0
        ended = 0

        async def length(self, name: str) -> int:
            self.asked += 1
            await asyncio.sleep(0)
            assert self.asked == 4
            self.ended += 1
            if self.ended == 2:
                raise BrokenError
            return await super().length(name)

    async def main() -> None:
        store = Slow()
        s = AsyncShardedSet(store, "jobs", shards=4)
        await s.contains("a")
        with pytest.raises(BrokenError):
            await s.length()
        assert store.ended == 4

    asyncio.run(main())


def test_one_set_is_for_many_threads_and_forgets_no_shard() -> None:
    store: ShardableBackend = MemoryBackend()
    s = ShardedSet(store, "jobs", shards=3)
    s.update(["a", "b"])
    other = ShardedSet(store, "jobs")
    other.reshard(5)
    assert sorted([s.pop(), s.pop()]) == ["a", "b"]
    s.update(map(str, range(20)))
    assert sorted(s.take_max(20)) == sorted(map(str, range(20)))
