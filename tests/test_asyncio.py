"""What is particular to asyncio: tasks, cancelling, loops."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from redset import AsyncScheduledSet, AsyncSortedSet, SortedSet
from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.exceptions import EmptySetError
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from tests.support.backends import Backends


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest, backends: Backends) -> Any:
    """Return what makes the source of a set on the running loop."""
    if request.param == "memory":
        return AsyncMemoryBackend
    port = backends.server("valkey-9.1").port
    return lambda: redis.asyncio.Redis(port=port)


def test_tasks_share_the_work(store: Any, name: str) -> None:
    async def main() -> None:
        async with store() as source:
            s = AsyncSortedSet(source, name, serializer=Numbers)

            async def work() -> list[int]:
                taken = []
                while item := await s.take(1):
                    taken += item
                return taken

            await s.update(range(1, 300))
            parts = await asyncio.gather(*(work() for _ in range(20)))
            assert sorted(item for part in parts for item in part) == list(range(1, 300))

    asyncio.run(main())


@pytest.mark.parametrize("kind", [AsyncSortedSet, AsyncScheduledSet])
def test_a_cancelled_wait_takes_nothing(store: Any, name: str, kind: Any) -> None:
    async def main() -> None:
        async with store() as source:
            s = kind(source, name)
            waits = [asyncio.create_task(s.pop(timeout=None)) for _ in range(5)]
            await asyncio.sleep(0.1)
            for wait in waits[:4]:
                wait.cancel()
            await asyncio.gather(*waits[:4], return_exceptions=True)
            assert all(wait.cancelled() for wait in waits[:4])
            await s.add("a", 1)
            assert await asyncio.wait_for(waits[4], 10) == "a"
            await s.add("b", 1)
            assert await s.pop() == "b"

    asyncio.run(main())


def test_a_wait_does_not_block_the_loop(store: Any, name: str) -> None:
    async def main() -> None:
        async with store() as source:
            s = AsyncSortedSet(source, name)
            waiting = asyncio.create_task(s.pop(timeout=30))
            for i in range(50):
                await asyncio.sleep(0)
                assert await s.length() == 0, i
            await s.add("a")
            assert await waiting == "a"
            with pytest.raises(EmptySetError):
                await s.pop(timeout=0.02)

    asyncio.run(main())


def test_one_store_serves_both_kinds() -> None:
    store = MemoryBackend()
    blocking_set = SortedSet(store, "jobs")

    async def main() -> None:
        s = AsyncSortedSet(AsyncMemoryBackend(store), "jobs")
        thread = threading.Thread(target=blocking_set.add, args=("from a thread",))
        waiting = asyncio.create_task(s.pop(timeout=30))
        await asyncio.sleep(0)
        thread.start()
        assert await waiting == "from a thread"
        await s.add("from a task")
        assert await asyncio.to_thread(blocking_set.pop, 30) == "from a task"
        thread.join()

    asyncio.run(main())


def test_a_loop_that_is_gone_does_not_fail_the_producer() -> None:
    store = MemoryBackend()
    loop = asyncio.new_event_loop()
    s = AsyncSortedSet(AsyncMemoryBackend(store), "jobs")
    wait = s.pop(timeout=None)
    task = loop.create_task(wait)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert SortedSet(store, "jobs").add("a") == 0.0
    # Nobody will ever run this task again; end it, so that nothing is reported.
    wait.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001  (asyncio's own switch)


def test_async_iteration_can_be_left_and_taken_up(store: Any, name: str) -> None:
    async def main() -> None:
        async with store() as source:
            s = AsyncSortedSet(source, name, serializer=Numbers)
            await s.update(range(10), range(10))
            async for item in s:
                assert item == 0
                break
            assert [item async for item in s] == list(range(10))
            assert [item async for item in s.backwards()] == list(range(9, -1, -1))
            assert [pair async for pair in s.items()][:2] == [(0, 0.0), (1, 1.0)]
            await s.clear()

    asyncio.run(main())
