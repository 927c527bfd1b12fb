"""Loops over claims that are made several at a time."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from redset import Retry
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.testing import ManualClock, blocking
from tests.support.backends import make_set
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from redset.interfaces import Backend
    from tests.support.backends import Backends

    MakeSet = Callable[..., Any]


@pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
def test_all_are_met_in_order_and_acknowledged(make: MakeSet, of: str) -> None:
    s = make(of, serializer=Numbers)
    s.update(range(25), range(25))
    items: list[int] = []
    for claim in s.consume(timeout=0, prefetch=10):
        assert (claim.item, claim.is_over, claim.attempt) == (len(items), False, 1)
        items.append(claim.item)
        assert s.stats().claimed <= 20
    assert items == list(range(25))
    assert (s.stats().claimed, s.stats().pending) == (0, 0)


def test_it_takes_what_is_there_and_does_not_wait_for_more(make: MakeSet) -> None:
    s = make(serializer=Numbers)
    s.add(0)
    items = []
    for claim in s.consume(timeout=0.3, prefetch=100):
        items.append(claim.item)
        if claim.item < 3:
            s.add(claim.item + 1)
    assert items == [0, 1, 2, 3]


def test_what_is_added_meanwhile_comes_after_what_was_claimed(make: MakeSet) -> None:
    s = make(serializer=Numbers)
    s.update([5, 6, 7], [5, 6, 7])
    items = []
    for claim in s.consume(timeout=0, prefetch=2):
        items.append(claim.item)
        if claim.item == 5:
            s.add(1, 1)
    assert items == [5, 6, 1, 7]


def test_a_loop_that_is_left_acknowledges_and_puts_back(make: MakeSet) -> None:
    s = make(serializer=Numbers, retry=Retry(backoff=0))
    s.update(range(10), range(10))
    for claim in s.consume(timeout=0, prefetch=5):
        if claim.item == 2:
            claim.ack()
            break
    assert (s.stats().claimed, list(s.items())) == (0, [(i, float(i)) for i in range(3, 10)])
    # What was not begun was not an attempt.
    assert [claim.attempt for claim in s.claims(7)] == [1] * 7


def test_what_failed_before_and_was_not_begun_keeps_its_attempts(make: MakeSet) -> None:
    s = make(serializer=Numbers, retry=Retry(max_attempts=3, backoff=0))
    s.update([1, 2, 3], [1, 2, 3])
    for _ in range(2):
        for claim in s.claims(3):
            claim.nack(0)
    # Each has one attempt left, which is not made by a loop that is left before its turn.
    for _ in range(4):
        for claim in s.consume(timeout=0, prefetch=3):
            assert claim.item == 1
            claim.reschedule(1)
            break
    assert [(claim.item, claim.attempt) for claim in s.claims(3)] == [(1, 1), (2, 3), (3, 3)]
    assert s.dead_count() == 0


def test_a_failure_puts_back_what_is_in_hand_as_one(make: MakeSet) -> None:
    s = make(serializer=Numbers, retry=Retry(max_attempts=2, backoff=0))
    s.update(range(4), range(4))

    def fail(claim: Any, attempt: int) -> None:
        assert (claim.item, claim.attempt) == (0, attempt)
        raise ZeroDivisionError

    def work(attempt: int) -> None:
        for claim in s.consume(timeout=0, prefetch=4):
            fail(claim, attempt)

    for attempt in (1, 2):
        with pytest.raises(ZeroDivisionError):
            work(attempt)
    assert [letter.raw for letter in s.dead()] == [b"0"]
    assert [claim.item for claim in s.consume(timeout=0, prefetch=3)] == [1, 2, 3]
    s.forget()


def test_each_can_be_ended_as_it_is_met(make: MakeSet) -> None:
    s = make(serializer=Numbers, retry=Retry(backoff=0))
    s.update(range(6), range(6))
    for claim in s.consume(timeout=0, prefetch=6):
        if claim.item == 1:
            claim.bury("hopeless")
        if claim.item == 2:
            claim.nack(0)
            break
    assert [letter.raw for letter in s.dead()] == [b"1"]
    assert list(s) == [2, 3, 4, 5]
    s.forget()


@pytest.mark.parametrize("prefetch", [0, -1, 1001])
def test_prefetch_is_from_one_to_a_thousand(make: MakeSet, prefetch: int) -> None:
    with pytest.raises(ValueError, match=f"prefetch is {prefetch}, but must be from 1"):
        make().consume(prefetch=prefetch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    for source in ("_sync", "_async"):
        monkeypatch.setattr(f"redset.{source}.claims.time", clock)
    return clock


@pytest.fixture(params=["blocking", "asyncio"])
def timed(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Backend]:
    if request.param == "blocking":
        yield MemoryBackend(clock=clock)
    else:
        with blocking(lambda: AsyncMemoryBackend(clock=clock)) as backend:
            yield backend


def test_work_that_takes_long_extends_what_waits(
    timed: Backend, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    s = make_set(timed, "SortedSet", "jobs", serializer=Numbers)
    s.update(range(5), range(5))
    loop = s.consume(lease=60, timeout=0, prefetch=5)
    first = next(loop)
    assert first.deadline == clock.time() + 60
    clock.advance(40)
    second = next(loop)
    # The one that is done was acknowledged by that.
    assert (first.is_over, first.lost, s.stats().claimed) == (True, False, 4)
    assert (second.item, second.deadline) == (1, clock.time() + 60)
    clock.advance(20)
    assert next(loop).deadline == second.deadline
    # All are lost during the next work: two are in other hands, two come anew.
    clock.advance(61)
    other = make_set(timed, "SortedSet", "jobs", serializer=Numbers)
    with caplog.at_level(logging.WARNING):
        others = [claim.item for claim in other.claims(2)]
        items = [claim.item for claim in loop]
    assert others == [1, 2]
    assert items == [3, 4]
    assert caplog.text.count("before its turn came") == 2
    assert s.stats().claimed == 2


def test_what_is_lost_before_its_turn_is_passed_over(
    timed: Backend, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    s = make_set(timed, "SortedSet", "jobs", serializer=Numbers)
    s.update(range(3), range(3))
    loop = s.consume(lease=60, timeout=0, prefetch=3)
    first = next(loop)
    clock.advance(61)
    other = make_set(timed, "SortedSet", "jobs", serializer=Numbers)
    assert [claim.item for claim in other.claims(2)] == [0, 1]
    with caplog.at_level(logging.WARNING):
        assert [claim.item for claim in loop] == [2]
    assert first.lost
    assert "before its turn came" in caplog.text
    assert s.stats().claimed == 2


class Broken(MemoryBackend):
    """Cannot acknowledge, nor release one of the items."""

    def acknowledge(self, *_: Any) -> list[bool]:
        raise ConnectionError

    def release(self, *arguments: Any, **options: Any) -> bool:
        if arguments[1][0] == b"2":
            raise ConnectionError
        return super().release(*arguments, **options)


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_an_error_between_leaves_nothing_held_that_can_be_put_back(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as stack:
        backend: Backend = Broken()
        if kind == "asyncio":
            backend = stack.enter_context(blocking(lambda: AsyncMemoryBackend(Broken())))
        s = make_set(backend, "SortedSet", "jobs", serializer=Numbers, retry=Retry(backoff=0))
        s.update(range(4), range(4))
        loop = s.consume(timeout=0, prefetch=4)
        next(loop)
        assert next(loop).item == 1
        with caplog.at_level(logging.WARNING):
            loop.close()
        assert "could not acknowledge items of 'jobs'" in caplog.text
        assert "could not put back an item of 'jobs'" in caplog.text
        assert list(s) == [1, 3]
        assert s.stats().claimed == 2


@pytest.mark.parametrize("kind", ["valkey-9.1", "valkey-9.1-async", "redis-6.2"])
def test_a_lost_reply_loses_and_doubles_nothing(backends: Backends, kind: str, name: str) -> None:
    port = backends.server(kind.removesuffix("-async")).port
    with Proxy(port) as proxy, backends.opened(kind, proxy.url) as backend:
        s = make_set(backend, "SortedSet", name, serializer=Numbers)
        s.update(range(20), range(20))
        items: list[int] = []
        losses: list[Event] = []
        for claim in s.consume(timeout=0, prefetch=5):
            items.append(claim.item)
            if len(items) % 5 == 0:
                losses.append(proxy.drop_next_reply(b"EVALSHA"))
        assert items == list(range(20))
        assert all(each.is_set() for each in losses)
        assert (s.stats().claimed, s.stats().pending) == (0, 0)
