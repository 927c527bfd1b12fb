"""Claims that are extended in the background, for as long as the work takes."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio

from redset import AsyncSortedSet
from redset.backends import AsyncMemoryBackend
from redset.exceptions import LeaseLost
from redset.testing._blocking import Blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from redset import AsyncClaim
    from tests.support.backends import Backends

    MakeSet = Callable[..., Any]
    Task = asyncio.Task[None]
    Work = Callable[[AsyncSortedSet[str], Task], Coroutine[Any, Any, None]]
    Run = Callable[[Work], Task]

# Short, so that it runs out several times in a test.
LEASE = 0.3
EARLY_ENDS: dict[str, Callable[[Any, Any], object]] = {
    "ack": lambda _, claim: claim.ack(),
    "nack": lambda _, claim: claim.nack(),
    "reschedule": lambda _, claim: claim.reschedule(5),
    "bury": lambda _, claim: claim.bury("why"),
    "ack_all": lambda s, claim: s.ack_all([claim]),
    "done": lambda s, claim: s.claims(1, done=[claim]),
}


def break_extend(
    monkeypatch: pytest.MonkeyPatch, backend: Any, instead: Callable[..., Any]
) -> None:
    """Let ``instead`` be called with what extends claims, and its arguments."""
    inner = getattr(backend, "_target", backend)
    right = inner.extend
    monkeypatch.setattr(inner, "extend", lambda *arguments: instead(right, *arguments))


def keepers(s: Any) -> list[str]:
    """Return the names of all that extends claims."""
    if isinstance(s, Blocking):
        return [task.get_name() for task in asyncio.all_tasks(s._loop._loop)]  # noqa: SLF001  (there is no other way in)
    return [each.name for each in threading.enumerate() if each.name.startswith("redset")]


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail if it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    "kind", ["memory", "memory-async", "valkey-9.1", "valkey-9.1-async"], indirect=True
)
class TestKeeping:
    """In blocking code, and of what asyncio does likewise."""

    def test_a_claim_outlives_its_lease(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        with s.claim(lease=LEASE, keep_alive=True) as claim:
            before = claim.deadline
            # Whoever waits would get it if its lease ran out.
            assert s.claims(1, timeout=4 * LEASE) == []
            assert claim.deadline > before + 2 * LEASE
            assert not claim.lost
        assert (claim.is_over, claim.lost, s.stats().claimed) == (True, False, 0)
        assert keepers(s) == []

    def test_without_it_a_claim_does_not(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        with pytest.raises(LeaseLost), s.claim(lease=LEASE):
            assert s.claim(timeout=20).attempt == 2
        assert keepers(s) == []

    def test_only_a_block_keeps_it(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        claim = s.claim(lease=LEASE, keep_alive=True)
        assert keepers(s) == []
        assert s.claim(timeout=20).attempt == 2
        with pytest.raises(LeaseLost):
            claim.ack()

    def test_a_loop_keeps_it_until_the_next_is_asked_for(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        for claim in s.consume(lease=LEASE, timeout=0, keep_alive=True):
            s.ack_all(s.claims(1))
            assert s.claims(1, timeout=3 * LEASE) == []
            assert not claim.lost
        assert (s.stats().claimed, keepers(s)) == (0, [])

    @pytest.mark.parametrize("block", [False, True])
    def test_a_loop_keeps_what_is_done_and_what_was_claimed_ahead(
        self, make: MakeSet, *, block: bool
    ) -> None:
        s = make()
        s.update("abcd", range(4))
        items: list[str] = []
        for claim in s.consume(lease=LEASE, timeout=0, keep_alive=True, prefetch=4):
            items.append(claim.item)
            if claim.item == "b":
                with claim if block else nullcontext():
                    # Longer than a lease, for nobody else.
                    assert s.claims(4, timeout=3 * LEASE) == []
        assert items == [*"abcd"]
        assert (s.stats().claimed, s.stats().pending, keepers(s)) == (0, 0, [])

    def test_what_was_claimed_long_ago_is_extended_at_once(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"], [1, 2])
        first, second = s.claims(2, lease=4 * LEASE, keep_alive=True)
        with first:
            assert s.claims(1, timeout=3 * LEASE) == []
        with second:
            assert s.claims(1, timeout=2 * LEASE) == []
        assert s.stats().claimed == 0

    def test_an_error_that_passes_does_not_lose_it(
        self, make: MakeSet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        s = make()
        s.add("secret")
        errors = [OSError("gone away"), RuntimeError("loading")]

        def fail_at_first(extend: Any, *arguments: Any) -> Any:
            if errors:
                raise errors.pop()
            return extend(*arguments)

        # Two tries fail, and the third has to be in time.
        lease = 4 * LEASE
        with s.claim(lease=lease, keep_alive=True) as claim:
            break_extend(monkeypatch, s.backend, fail_at_first)
            assert s.claims(1, timeout=1.5 * lease) == []
            assert (claim.lost, errors) == (False, [])
        assert caplog.text.count("could not yet extend a claim: ") == 2
        assert "secret" not in caplog.text

    def test_an_error_that_lasts_as_long_as_the_lease_loses_it(
        self, make: MakeSet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: Any) -> None:
            message = "gone away"
            raise OSError(message)

        s = make()
        s.add("a")
        claim = s.claim(lease=LEASE, keep_alive=True)
        began = time.monotonic()
        break_extend(monkeypatch, s.backend, fail)
        with pytest.raises(LeaseLost), claim:
            wait_for(lambda: claim.lost)
        assert LEASE - 0.1 < time.monotonic() - began < 2 * LEASE
        assert "could not yet extend a claim: OSError('gone away')" in caplog.text
        assert keepers(s) == []
        monkeypatch.undo()
        s.clear()

    def test_what_hangs_does_not_hide_a_loss(
        self, make: MakeSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        goes_on = threading.Event()

        def hang(extend: Any, *arguments: Any) -> Any:
            goes_on.wait(10)
            return extend(*arguments)

        s = make()
        s.add("a")
        claim = s.claim(lease=LEASE, keep_alive=True)
        began = time.monotonic()
        break_extend(monkeypatch, s.backend, hang)

        def notice() -> bool:
            if claim.lost:
                goes_on.set()
            return goes_on.is_set()

        with pytest.raises(LeaseLost), claim:
            wait_for(notice)
        assert LEASE - 0.1 < time.monotonic() - began < 2 * LEASE
        # Nobody else has come: it was held all the time, but who can know.
        assert (claim.lost, keepers(s), s.stats().claimed) == (True, [], 1)

    def test_a_loss_is_known_at_once(self, make: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
        s = make()
        s.add("a")
        claim = s.claim(lease=LEASE, keep_alive=True)
        s.clear()
        with pytest.raises(LeaseLost), claim:
            wait_for(lambda: claim.lost)
        assert claim.is_over
        assert "lost a claim" in caplog.text
        assert keepers(s) == []

    def test_a_loss_is_known_in_a_loop(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        claims = []
        for claim in s.consume(lease=LEASE, timeout=0, keep_alive=True):
            claims.append(claim)
            if len(claims) == 1:
                s.clear()
                s.add("c")
                wait_for(lambda: claims[0].lost)
        assert [claim.item for claim in claims] == ["a", "c"]
        assert (claims[1].lost, keepers(s)) == (False, [])

    @pytest.mark.parametrize("end", EARLY_ENDS)
    def test_what_is_ended_early_is_not_lost(self, make: MakeSet, end: str) -> None:
        s = make()
        s.add("a")
        with s.claim(lease=LEASE, keep_alive=True) as claim:
            EARLY_ENDS[end](s, claim)
            assert keepers(s) == []
            assert (claim.is_over, claim.lost) == (True, False)
        s.clear()

    def test_what_is_ended_while_it_is_extended_is_not_lost(
        self, make: MakeSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        s = make()
        s.add("a")
        began, goes_on = threading.Event(), threading.Event()

        def take_time(extend: Any, *arguments: Any) -> Any:
            began.set()
            goes_on.wait(10)
            return extend(*arguments)

        with s.claim(lease=LEASE, keep_alive=True) as claim, ThreadPoolExecutor(1) as pool:
            break_extend(monkeypatch, s.backend, take_time)
            assert began.wait(10)
            acknowledging = pool.submit(claim.ack)
            goes_on.set()
            acknowledging.result()
        assert (claim.is_over, claim.lost, s.stats().claimed) == (True, False, 0)

    def test_an_error_in_the_block_ends_it(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        error = ValueError("broken")
        with pytest.raises(ValueError, match="broken"), s.claim(keep_alive=True) as claim:
            raise error
        assert (claim.is_over, claim.lost, keepers(s)) == (True, False, [])
        assert s.stats().delayed == 1

    def test_to_leave_a_loop_ends_it(self, make: MakeSet) -> None:
        s = make()
        s.update(["a", "b"])
        for _ in s.consume(keep_alive=True):
            break
        assert (s.stats().delayed, keepers(s)) == (1, [])

    def test_a_block_entered_again_is_kept_by_one(self, make: MakeSet) -> None:
        s = make()
        s.add("a")
        with s.claim(keep_alive=True) as claim, claim:
            assert len(keepers(s)) == 1
        assert (claim.lost, keepers(s)) == (False, [])


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest, backends: Backends) -> Any:
    """Return what makes the source of a set on the running loop."""
    if request.param == "memory":
        return AsyncMemoryBackend
    port = backends.server("valkey-9.1").port
    return lambda: redis.asyncio.Redis(port=port)


@pytest.fixture
def run(store: Any, name: str) -> Run:
    """Give a function that runs another with a set and its own task; it returns that task."""

    async def main(work: Work) -> asyncio.Task[None]:
        async with store() as source:
            s = AsyncSortedSet(source, name)
            await s.update(["a", "b"], [1, 2])

            async def start() -> None:
                task = asyncio.current_task()
                assert task is not None
                await work(s, task)

            task = asyncio.create_task(start())
            await asyncio.wait([task])
            # Nothing is left behind, and no cancellation is unaccounted for.
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert task.cancelling() == task.cancelled()
            await s.clear()
            return task

    return lambda work: asyncio.run(main(work))


async def lose(s: AsyncSortedSet[str], claim: AsyncClaim[str]) -> None:
    """Work on a claim that is lost."""
    async with claim:
        await s.clear()
        await asyncio.sleep(30)


class TestInterrupting:
    """In asyncio, the task that holds a claim is cancelled when it is lost."""

    def test_a_loss_ends_the_block(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            claim = await s.claim(lease=LEASE, keep_alive=True)
            with pytest.raises(LeaseLost, match="the set was cleared"):
                await lose(s, claim)
            assert claim.lost

        run(work).result()

    def test_a_loss_ends_all_that_is_done_in_the_block(self, run: Run) -> None:
        ended = []

        async def part() -> None:
            try:
                await asyncio.sleep(30)
            finally:
                ended.append(1)

        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            async with await s.claim(lease=LEASE, keep_alive=True):
                await s.clear()
                async with asyncio.timeout(30), asyncio.TaskGroup() as parts:
                    parts.create_task(part())
                    parts.create_task(part())

        with pytest.raises(LeaseLost):
            run(work).result()
        assert ended == [1, 1]

    def test_what_takes_no_notice_hears_of_it_in_the_end(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            async with await s.claim(lease=LEASE, keep_alive=True):
                await s.clear()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(30)

        with pytest.raises(LeaseLost):
            run(work).result()

    def test_another_error_of_the_block_is_raised(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            async with await s.claim(lease=LEASE, keep_alive=True):
                await s.clear()
                try:
                    await asyncio.sleep(30)
                finally:
                    await s.remove("c")

        with pytest.raises(KeyError, match="c"):
            run(work).result()

    def test_a_loop_is_not_interrupted(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            items = []
            async for claim in s.consume(lease=LEASE, timeout=0, keep_alive=True):
                items.append(claim.item)
                if claim.item == "a":
                    await s.clear()
                    await asyncio.to_thread(wait_for, lambda: claim.lost)  # noqa: B023  (of this turn)
                    await s.add("c")
            assert items == ["a", "c"]

        run(work).result()

    def test_a_block_in_a_loop_is(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            items = []
            async for claim in s.consume(lease=LEASE, timeout=0, keep_alive=True):
                items.append(claim.item)
                if claim.item == "a":
                    with pytest.raises(LeaseLost):
                        await lose(s, claim)
                    await s.add("c")
            assert items == ["a", "c"]

        run(work).result()

    def test_two_losses_at_once(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            one, other = await s.claims(2, lease=LEASE, keep_alive=True)
            with pytest.raises(LeaseLost):
                async with one:
                    await lose(s, other)
            assert one.lost

        run(work).result()

    def test_what_hangs_does_not_hide_a_loss(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hang(*_: Any) -> None:
            await asyncio.sleep(30)

        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            claim = await s.claim(lease=LEASE, keep_alive=True)
            break_extend(monkeypatch, s.backend, hang)
            began = time.monotonic()
            with pytest.raises(LeaseLost):
                async with claim:
                    await asyncio.sleep(30)
            assert LEASE - 0.1 < time.monotonic() - began < 3 * LEASE

        run(work).result()

    def test_an_outer_cancellation_stays_one(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], task: Task) -> None:
            claim = await s.claim(lease=LEASE, keep_alive=True)
            try:
                async with claim:
                    asyncio.get_running_loop().call_soon(task.cancel)
                    await asyncio.sleep(30)
            finally:
                # Given back at once, as it has not failed.
                assert (claim.is_over, claim.lost) == (True, False)
                assert await s.score("a") == 1.0

        assert run(work).cancelled()

    @pytest.mark.parametrize("swallowed", [False, True])
    def test_an_outer_cancellation_after_a_loss_stays_one(self, run: Run, swallowed: bool) -> None:
        async def work(s: AsyncSortedSet[str], task: Task) -> None:
            async with await s.claim(lease=LEASE, keep_alive=True):
                await s.clear()
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    task.cancel()
                    if not swallowed:
                        raise

        assert run(work).cancelled()

    def test_an_outer_cancellation_at_the_end_of_the_block_stays_one(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], task: Task) -> None:
            async with await s.claim(lease=LEASE, keep_alive=True):
                task.cancel()

        assert run(work).cancelled()

    def test_an_outer_cancellation_beside_a_loss_stays_one(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def work(s: AsyncSortedSet[str], task: Task) -> None:
            async def cancel(*_: Any) -> list[None]:
                task.cancel()
                return [None]

            async with await s.claim(lease=LEASE, keep_alive=True):
                break_extend(monkeypatch, s.backend, cancel)
                await asyncio.sleep(30)

        assert run(work).cancelled()

    def test_a_timeout_around_it_works(self, run: Run) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            claim = await s.claim(lease=LEASE, keep_alive=True)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2 * LEASE), claim:
                    await asyncio.sleep(30)
            assert (claim.is_over, claim.lost) == (True, False)
            claim = await s.claim(lease=LEASE, keep_alive=True)
            assert claim.attempt == 2
            with pytest.raises(LeaseLost):
                async with asyncio.timeout(30):
                    await lose(s, claim)

        run(work).result()

    def test_a_timeout_beside_a_loss_works(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        async def work(s: AsyncSortedSet[str], _: Task) -> None:
            limit = asyncio.timeout(30)

            async def be_late(*_: Any) -> list[None]:
                limit.reschedule(asyncio.get_running_loop().time())
                return [None]

            break_extend(monkeypatch, s.backend, be_late)
            with pytest.raises(TimeoutError):
                async with limit, await s.claim(lease=LEASE, keep_alive=True):
                    await asyncio.sleep(30)

        run(work).result()
