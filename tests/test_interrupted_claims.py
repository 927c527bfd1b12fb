"""Claims that are interrupted: by signals, cancelled tasks, killed connections, full servers."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import NoBackoff
from redis.retry import Retry as Retrying

from redset import AsyncSortedSet, Retry, SortedSet
from redset.backends import RedisBackend
from redset.testing import blocking
from tests.support.backends import LentBackend, make_set
from tests.support.serializers import Numbers
from tests.support.servers import Kind, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

    Remote = Callable[..., Backend]

SERVERS = ["redis-6.2", "valkey-9.1"]


@pytest.fixture(params=SERVERS)
def port(request: pytest.FixtureRequest, backends: Backends) -> int:
    return backends.server(request.param).port


@pytest.fixture(params=["blocking", "asyncio"])
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    """Give a function that opens a backend on a port, made blocking if it is an asyncio one."""
    with ExitStack() as stack:

        def open_backend(port: int, retries: int = 0) -> Backend:
            errors = [redis.ConnectionError, redis.TimeoutError]
            options: dict[str, Any] = {"port": port, "retry_on_error": errors}
            if request.param == "blocking":
                client = redis.Redis(**options, retry=Retrying(NoBackoff(), retries))
                return RedisBackend(stack.enter_context(closing(client)))
            retry = redis.asyncio.retry.Retry(NoBackoff(), retries)
            peer = redis.asyncio.Redis(**options, retry=retry)
            return stack.enter_context(blocking(lambda: LentBackend(peer)))

        yield open_backend


@pytest.fixture
def direct(client: Any, name: str) -> Iterator[SortedSet[int]]:
    """Give the set of somebody else, who is left in peace."""
    s = SortedSet(client, name, serializer=Numbers)
    yield s
    s.clear()


def waiting_clients(client: Any) -> set[str]:
    return {each["id"] for each in client.client_list() if "b" in each["flags"]}


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return what the condition gives when it holds; fail if it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return result


def drain(s: SortedSet[int]) -> list[int]:
    """Finish all that there is; wait for leases to run out, and rests to end."""
    items = []
    while (stats := s.stats()).pending or stats.claimed:
        with s.claim(timeout=20) as claim:
            items.append(claim.item)
    return items


WAITS: dict[str, Callable[[Any], Any]] = {
    "claim": lambda s: s.claim(timeout=20),
    "claims": lambda s: s.claims(1, timeout=20)[0],
    "consume": lambda s: next(s.consume(timeout=20)),
}


class TestKilledConnections:
    @pytest.mark.parametrize("of", ["SortedSet", "ScheduledSet"])
    @pytest.mark.parametrize("wait", WAITS)
    def test_a_client_that_tries_again_goes_on_waiting(
        self, remote: Remote, port: int, client: Any, name: str, of: str, wait: str
    ) -> None:
        s = make_set(remote(port, retries=10), of, name)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(WAITS[wait], s)
            killed: set[str] = set()
            for _ in range(3):
                for each in wait_for(lambda: waiting_clients(client) - killed):
                    client.client_kill_filter(_id=each)
                    killed.add(each)
            wait_for(lambda: waiting_clients(client) - killed)
            s.add("a", 1)
            assert waiting.result().item == "a"
        s.clear()

    def test_a_client_that_does_not_says_so(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        s = make_set(remote(port), "SortedSet", name)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(s.claim, timeout=20)
            client.client_kill_filter(_id=wait_for(lambda: waiting_clients(client)).pop())
            with pytest.raises(redis.ConnectionError):
                waiting.result()
        s.add("a", 1)
        s.claim().ack()
        assert s.stats().claimed == 0

    def test_a_loop_survives_what_happens_between_its_steps(
        self, remote: Remote, port: int, client: Any, direct: SortedSet[int]
    ) -> None:
        s = make_set(remote(port, retries=1), "SortedSet", direct.name, serializer=Numbers)
        direct.update(range(5), range(5))
        before = {each["id"] for each in client.client_list()}
        items = []
        for claim in s.consume(timeout=0):
            items.append(claim.item)
            for each in client.client_list():
                if each["id"] not in before:
                    client.client_kill_filter(_id=each["id"])
        assert items == [0, 1, 2, 3, 4]
        assert direct.stats().claimed == 0


@contextmanager
def interrupts() -> Generator[Callable[[], None], None, None]:
    """Give a function that interrupts the main thread, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Not SIGINT, which test runners have a use for.
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        yield lambda: signal.pthread_kill(
            cast("int", threading.main_thread().ident), signal.SIGUSR1
        )
    finally:
        signal.signal(signal.SIGUSR1, before)


class Interrupting(redis.Connection):
    """Raises `KeyboardInterrupt` at one command: before it is sent, or before its reply is read."""

    left = 0
    is_late = False

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        if self._count(late=False):
            raise KeyboardInterrupt
        super().send_packed_command(*arguments, **options)  # type: ignore[no-untyped-call]  # untyped in redis-py

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        if self._count(late=True):
            parser: Any = self._parser

            def interrupt(*_: Any, **__: Any) -> None:
                del parser.read_response
                raise KeyboardInterrupt

            # From within, as a signal does it.
            parser.read_response = interrupt
        return super().read_response(*arguments, **options)

    def _count(self, *, late: bool) -> bool:
        if Interrupting.is_late is not late or not Interrupting.left:
            return False
        Interrupting.left -= 1
        return not Interrupting.left


class TestKeyboardInterrupts:
    """In blocking code; asyncio turns them into cancelled tasks."""

    @pytest.mark.parametrize("of", ["SortedSet", "ScheduledSet"])
    @pytest.mark.parametrize("wait", WAITS)
    def test_a_wait_can_be_interrupted(
        self, port: int, client: Any, name: str, of: str, wait: str
    ) -> None:
        with closing(redis.Redis(port=port)) as own, interrupts() as interrupt:
            s = make_set(RedisBackend(own), of, name)

            def interrupt_wait() -> None:
                wait_for(lambda: waiting_clients(client))
                interrupt()

            for _ in range(3):
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(interrupt_wait)
                    with pytest.raises(KeyboardInterrupt):
                        WAITS[wait](s)
                s.add("a", 1)
                s.claim().ack()
            assert s.stats().claimed == s.stats().pending == 0
            s.clear()

    @pytest.mark.parametrize("is_late", [False, True])
    @pytest.mark.parametrize("how", ["claim", "claims", "consume", "block"])
    def test_at_any_command(
        self,
        port: int,
        direct: SortedSet[int],
        monkeypatch: pytest.MonkeyPatch,
        is_late: bool,
        how: str,
    ) -> None:
        pool = redis.ConnectionPool(port=port, connection_class=Interrupting)
        monkeypatch.setattr(Interrupting, "is_late", is_late)
        with closing(redis.Redis.from_pool(pool)) as own:
            retry = Retry(backoff=0)
            s = SortedSet(own, direct.name, serializer=Numbers, retry=retry)
            s.claims(1)
            for command in range(1, 9):
                direct.update(range(3), range(3))
                done: list[int] = []
                monkeypatch.setattr(Interrupting, "left", command)
                try:
                    work(s, how, done)
                except KeyboardInterrupt:
                    assert Interrupting.left == 0
                monkeypatch.setattr(Interrupting, "left", 0)
                # The set is usable, and knows of all that was not done, or not known to be.
                left = drain(s)
                assert sorted({*done, *left}) == [0, 1, 2]
                assert len(done) + len(left) <= (5 if how == "claims" else 4)
                assert direct.stats().dead == 0


def work(s: SortedSet[int], how: str, done: list[int]) -> None:
    """Do all that there is, noting what is done."""
    if how == "consume":
        done.extend(claim.item for claim in s.consume(lease=0.1, timeout=0))
    while claims := s.claims(2 if how == "claims" else 1, lease=0.1):
        if how == "block":
            with claims[0] as claim:
                done.append(claim.item)
            continue
        done += [claim.item for claim in claims]
        if how == "claims":
            s.ack_all(claims)
        else:
            claims[0].ack()


class TestCancelledTasks:
    """In asyncio."""

    @pytest.mark.parametrize("of", ["claim", "block", "claims", "consume", "wait"])
    def test_at_random_moments(self, port: int, direct: SortedSet[int], of: str) -> None:
        chance = random.Random(of)
        known: set[int] = set()
        unknown: set[int] = set()

        async def work(s: AsyncSortedSet[int]) -> None:
            if of == "consume":
                async with aclosing(s.consume(lease=0.5, timeout=0)) as loop:
                    last: set[int] = set()
                    async for claim in loop:
                        known.update(last)
                        last = {claim.item}
                        unknown.add(claim.item)
                        await asyncio.sleep(0)
                    known.update(last)
                return
            num = 5 if of == "claims" else 1
            claims = await s.claims(num, 0.5, 1 if of == "wait" else 0)
            if of == "block":
                async with claims[0] as claim:
                    await asyncio.sleep(0)
                    unknown.add(claim.item)
            else:
                unknown.update(claim.item for claim in claims)
                await s.ack_all(claims)
            known.update(claim.item for claim in claims)

        async def main() -> None:
            async with redis.asyncio.Redis(port=port) as own:
                s = AsyncSortedSet(own, direct.name, serializer=Numbers, retry=Retry(backoff=0))
                for _ in range(200):
                    task = asyncio.create_task(work(s))
                    await asyncio.sleep(chance.uniform(0, 0.004))
                    task.cancel()
                    await asyncio.wait([task])
                    assert task.cancelled() or not task.exception()
                # It is usable all the same.
                await s.add(-1, -1)
                async with await s.claim() as claim:
                    assert claim.item == -1

        direct.update(range(1000), range(1000))
        asyncio.run(main())
        stats = direct.stats()
        assert stats.dead == stats.parked == 0
        left = drain(direct)
        # What is known to be done is not there any more, and all else is.
        assert len(left) == len(set(left)) == stats.pending + stats.claimed
        assert known.isdisjoint(left)
        assert known | unknown | set(left) == set(range(1000))
        assert known, "nothing was done at all"


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give a server that may be spoilt."""
    with Server(cast("Kind", request.param)) as server:
        yield server


class TestFullServers:
    @pytest.fixture
    def s(self, remote: Remote, server: Server) -> Any:
        s = make_set(remote(server.port), "SortedSet", "jobs", serializer=Numbers)
        s.clear()
        s.update(range(9), range(9))
        return s

    @pytest.fixture
    def full(self, server: Server) -> Iterator[Callable[[], object]]:
        yield lambda: server.call("CONFIG", "SET", "maxmemory", 1)
        server.call("CONFIG", "SET", "maxmemory", 0)

    def test_nothing_is_claimed_and_nothing_lost(
        self, s: Any, full: Callable[[], object], server: Server
    ) -> None:
        claims = s.claims(3)
        loop = s.consume(timeout=0)
        assert next(loop).item == 3
        full()
        for call in (
            s.claim,
            lambda: s.claims(5),
            lambda: s.claim(timeout=1),
            claims[0].nack,
            lambda: claims[0].reschedule(5),
            lambda: claims[0].bury("hopeless"),
        ):
            with pytest.raises(redis.ResponseError, match="maxmemory"):
                call()
        stats = s.stats()
        assert (stats.pending, stats.claimed, stats.dead) == (5, 4, 0)
        # Room is made by those who are done.
        assert not claims[0].is_over
        claims[0].ack()
        s.ack_all(claims[1:2])
        assert next(loop).item == 4
        assert (s.stats().pending, s.stats().claimed) == (4, 2)
        server.call("CONFIG", "SET", "maxmemory", 0)
        claims[2].nack(delay=0)
        assert [claim.item for claim in loop] == [2, 5, 6, 7, 8]
        assert s.stats().claimed == s.stats().pending == 0

    def test_leases_that_run_out_are_not_lost_either(
        self, s: Any, full: Callable[[], object], server: Server
    ) -> None:
        s.claims(3, lease=0.05)
        s.claims(6)
        full()
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            s.claim(timeout=5)
        assert s.stats().claimed + s.stats().pending == 9
        server.call("CONFIG", "SET", "maxmemory", 0)
        assert sorted(s.claim(timeout=5).item for _ in range(3)) == [0, 1, 2]


class TestReplicas:
    @pytest.fixture
    def demote(self, server: Server) -> Iterator[Callable[[], object]]:
        yield lambda: server.call("REPLICAOF", "127.0.0.1", 1)
        server.call("REPLICAOF", "NO", "ONE")

    def test_a_replica_hands_nothing_out(
        self, remote: Remote, server: Server, demote: Callable[[], object]
    ) -> None:
        s = make_set(remote(server.port), "SortedSet", "jobs", serializer=Numbers)
        s.clear()
        s.update(range(3), range(3))
        claim = s.claim()
        demote()
        for call in (
            s.claim,
            lambda: s.claim(timeout=5),
            lambda: next(s.consume()),
            claim.ack,
            claim.nack,
            claim.extend,
            lambda: claim.bury("hopeless"),
        ):
            with pytest.raises(redis.ResponseError, match="read only replica"):
                call()
        assert (s.stats().claimed, s.stats().pending) == (1, 2)
        server.call("REPLICAOF", "NO", "ONE")
        claim.ack()
        assert [claim.item for claim in s.consume(timeout=0)] == [1, 2]
