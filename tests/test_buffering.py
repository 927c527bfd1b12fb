"""Adds that are collected, to be stored by few commands."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from redset import AsyncSortedSet, Merge, ScheduledSet, SortedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import ScoreError
from redset.testing import ManualClock
from tests.support.serializers import Numbers
from tests.support.servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Entry

    MakeSet = Callable[..., Any]


class Shaky(MemoryBackend):
    """Fails when it is told to, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.sizes: list[int] = []

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        if self.fails:
            raise ConnectionError
        self.sizes.append(len(entries))
        return super().add(name, entries, merge)


class TestBoth:
    """What holds for blocking and asyncio sets on every backend."""

    @pytest.mark.parametrize("of", ["SortedSet", "TimeSortedSet", "ScheduledSet"])
    def test_all_is_stored_at_the_end_of_the_block(self, make: MakeSet, of: str) -> None:
        s = make(of, serializer=Numbers)
        with s.buffered() as buffer:
            for i in range(25):
                buffer.add(i, i)
            buffer.add(3, 99)
        assert list(s) == [*range(3), *range(4, 25), 3]
        assert s.score(3) == 99

    def test_scores_and_rules_are_those_of_the_set(self, make: MakeSet) -> None:
        s = make(serializer=Numbers, scorer=lambda item: item * 10, merge=Merge.KEEP)
        with s.buffered(max_items=2) as buffer:
            buffer.add(1)
            buffer.add(1, 5)
            buffer.add(2, 7)
            buffer.add(2, 8, merge=Merge.REPLACE)
            buffer.add(2, 9)
        assert list(s.items()) == [(2, 8.0), (1, 10.0)]

    def test_a_block_that_fails_stores_what_was_added(self, make: MakeSet) -> None:
        s = make()

        def work() -> None:
            with s.buffered() as buffer:
                buffer.add("a")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            work()
        assert list(s) == ["a"]

    def test_it_is_used_inside_its_block(self, make: MakeSet) -> None:
        s = make()
        buffer = s.buffered()
        with pytest.raises(RuntimeError, match="inside its block"):
            buffer.add("a")
        with buffer:
            buffer.add("a")
            buffer.flush()
            assert s.length() == 1
        with pytest.raises(RuntimeError, match="inside its block"):
            buffer.add("b")
        assert s.length() == 1

    def test_one_block_at_a_time_and_another_after_it(self, make: MakeSet) -> None:
        s = make()
        buffer = s.buffered()
        for item in ("a", "b"):
            with buffer:
                with pytest.raises(RuntimeError, match="begun already: add to it, or make another"):
                    buffer.__enter__()
                buffer.add(item)
        assert list(s) == ["a", "b"]

    def test_bad_arguments(self, make: MakeSet) -> None:
        s = make()
        with pytest.raises(ValueError, match="max_items is 0, but must be at least 1"):
            s.buffered(0)
        with pytest.raises(ValueError, match="max_delay"):
            s.buffered(max_delay=-1)
        with s.buffered() as buffer, pytest.raises(ScoreError):
            buffer.add("a", float("nan"))
        assert s.length() == 0


class TestBlocking:
    def test_few_commands_store_many(self) -> None:
        backend = Shaky()
        s = SortedSet(backend, "jobs", serializer=Numbers)
        with s.buffered(max_items=40, max_delay=60) as buffer:
            for i in range(100):
                buffer.add(i)
            assert len(buffer) == 20
            assert backend.sizes == [40, 40]
        assert backend.sizes == [40, 40, 20]
        with s.buffered(max_items=5000, max_delay=60) as buffer:
            for i in range(2500):
                buffer.add(i)
        assert backend.sizes[3:] == [1000, 1000, 500]

    def test_what_waits_is_stored_in_time(self) -> None:
        s = SortedSet(MemoryBackend(), "jobs")
        with s.buffered(max_delay=0.02) as buffer:
            for item in ("a", "b"):
                buffer.add(item)
                assert s.pop(timeout=10) == item
            assert len(buffer) == 0

    def test_what_cannot_be_stored_stays_and_is_tried_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        backend = Shaky()
        s = SortedSet(backend, "jobs", serializer=Numbers)
        with caplog.at_level(logging.WARNING), s.buffered(max_items=2, max_delay=0.01) as buffer:
            backend.fails = True
            buffer.add(1)
            buffer.add(2)
            wait_until(lambda: "could not yet store 2 items" in caplog.text, "it is told")
            # There is no room for more, so it is not taken.
            with pytest.raises(ConnectionError):
                buffer.add(3)
            assert len(buffer) == 2
            backend.fails = False
            assert s.pop(timeout=10) == 1
            buffer.add(3)
        assert list(s) == [2, 3]

    def test_an_end_that_fails_can_be_made_good(self) -> None:
        backend = Shaky()
        s = SortedSet(backend, "jobs")
        buffer = s.buffered(max_delay=60)

        def work() -> None:
            with buffer:
                buffer.add("a")
                backend.fails = True

        with pytest.raises(ConnectionError):
            work()
        assert (len(buffer), s.length()) == (1, 0)
        backend.fails = False
        buffer.flush()
        assert (len(buffer), list(s)) == (0, ["a"])

    def test_threads_share_one(self) -> None:
        s = SortedSet(MemoryBackend(), "jobs", serializer=Numbers)
        with s.buffered(max_items=7, max_delay=0.001) as buffer:

            def add(start: int) -> None:
                for i in range(start, start + 200):
                    buffer.add(i, i)

            threads = [threading.Thread(target=add, args=(200 * i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert list(s) == list(range(800))

    def test_items_without_a_time_are_due_at_once(self) -> None:
        clock = ManualClock()
        s = ScheduledSet(MemoryBackend(clock=clock), "polls")
        with s.buffered(max_delay=60) as buffer:
            buffer.add("a")
            buffer.add("b", clock.time() + 5)
        assert s.take(5) == ["a"]


class ShakyAsync(AsyncMemoryBackend):
    """Fails when it is told to, takes its time, and counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.sizes: list[int] = []

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        await asyncio.sleep(0.001)
        if self.fails:
            raise ConnectionError
        self.sizes.append(len(entries))
        return await super().add(name, entries, merge)


class TestAsyncio:
    def test_adds_of_many_tasks_are_one_command(self) -> None:
        async def main() -> None:
            backend = ShakyAsync()
            s = AsyncSortedSet(backend, "jobs", serializer=Numbers)
            async with s.buffered(max_items=500) as buffer:
                first = asyncio.create_task(buffer.add(9999))
                await asyncio.gather(*(buffer.add(i) for i in range(1200)))
                assert first.done()
                # Each returns when its item is stored.
                assert (len(buffer), await s.length()) == (0, 1201)
                await buffer.add(1201)
            assert backend.sizes == [500, 500, 201, 1]

        asyncio.run(main())

    def test_they_gather_while_others_are_under_way_or_for_some_time(self) -> None:
        async def main() -> None:
            backend = ShakyAsync()
            s = AsyncSortedSet(backend, "jobs", serializer=Numbers)

            async def work(i: int) -> None:
                for j in range(20):
                    await buffer.add(100 * i + j)

            async with s.buffered() as buffer:
                await asyncio.gather(*(work(i) for i in range(30)))
            assert await s.length() == 600
            assert len(backend.sizes) <= 60
            backend.sizes.clear()
            async with s.buffered(max_delay=0.2) as buffer:
                task = asyncio.create_task(buffer.add(1))
                await asyncio.sleep(0.01)
                await asyncio.gather(task, buffer.add(2))
            assert backend.sizes == [2]

        asyncio.run(main())

    def test_each_is_told_what_could_not_be_stored(self) -> None:
        async def main() -> None:
            backend = ShakyAsync()
            s = AsyncSortedSet(backend, "jobs", serializer=Numbers)
            async with s.buffered() as buffer:
                backend.fails = True
                adds = [buffer.add(i) for i in range(3)]
                errors = await asyncio.gather(*adds, return_exceptions=True)
                assert [type(error) for error in errors] == [ConnectionError] * 3
                backend.fails = False
                await buffer.add(4)
            assert [item async for item in s] == [4]

        asyncio.run(main())

    def test_the_end_of_the_block_waits_for_other_tasks(self) -> None:
        async def main() -> None:
            s = AsyncSortedSet(ShakyAsync(), "jobs", serializer=Numbers)
            async with s.buffered() as buffer:
                task = asyncio.create_task(buffer.add(1))
                await asyncio.sleep(0)
            assert await s.length() == 1
            await task

        asyncio.run(main())

    def test_a_cancelled_add_harms_no_other(self) -> None:
        async def main() -> None:
            s = AsyncSortedSet(ShakyAsync(), "jobs", serializer=Numbers)
            async with s.buffered() as buffer:
                tasks = [asyncio.create_task(buffer.add(i)) for i in range(3)]
                await asyncio.sleep(0)
                tasks[1].cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert [type(each) for each in results] == [
                    type(None),
                    asyncio.CancelledError,
                    type(None),
                ]
            # It was on its way already.
            assert [item async for item in s] == [0, 1, 2]

        asyncio.run(main())
