"""Claims on servers: requests that are sent twice, scripts, keys, clocks, forks."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.retry import Retry as Retrying

from redset import Retry, ScheduledSet, SortedSet
from redset.backends import RedisBackend
from redset.backends.redis._requests import Requests
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import CLAIM_DETAILS, CLAIMS, sibling
from redset.exceptions import EmptySetError
from redset.testing import blocking
from tests.support.backends import LentBackend, make_set
from tests.support.meanwhile import Meanwhile
from tests.support.proxy import Proxy
from tests.support.serializers import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from redset.interfaces import Backend
    from tests.support.backends import Backends

    Remote = Callable[..., Backend]

SCRIPTS = [
    "add",
    "increment",
    *(f"claims/{name}" for name in ("claim", "acknowledge", "release", "extend", "reject")),
]


@pytest.fixture(params=["redis-6.2", "valkey-9.1"])
def port(request: pytest.FixtureRequest, backends: Backends) -> int:
    return backends.server(request.param).port


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile()


@pytest.fixture(params=["blocking", "asyncio"])
def remote(request: pytest.FixtureRequest, meanwhile: Meanwhile) -> Iterator[Remote]:
    """Give a function that opens a backend on a port, made blocking if it is an asyncio one."""
    with ExitStack() as stack:

        def open_backend(port: int) -> Backend:
            errors = [redis.ConnectionError, redis.TimeoutError]
            options: dict[str, Any] = {"port": port, "retry_on_error": errors}
            if request.param == "blocking":
                client = redis.Redis(**options, retry=Retrying(meanwhile, 10))
                return RedisBackend(stack.enter_context(closing(client)))
            retry = redis.asyncio.retry.Retry(meanwhile, 10)
            peer = redis.asyncio.Redis(**options, retry=retry)
            return stack.enter_context(blocking(lambda: LentBackend(peer)))

        yield open_backend


@pytest.fixture
def proxy(port: int, client: Any) -> Iterator[Proxy]:
    for name in SCRIPTS:
        client.script_load(script(name).source)
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture
def direct(client: Any, name: str) -> Iterator[SortedSet[str]]:
    """Give the set of somebody else, whose requests do not get lost."""
    s = SortedSet(client, name)
    yield s
    s.clear()


@pytest.fixture
def s(remote: Remote, proxy: Proxy, direct: SortedSet[str]) -> Any:
    """Return a set behind a proxy, whose client sends again what was lost."""
    made = make_set(remote(proxy.port), "SortedSet", direct.name, retry=Retry(backoff=0))
    # The first call asks whether there are keys, and that is not to be what gets lost.
    assert len(made) == 0
    return made


@pytest.fixture(params=["reply", "request", "reply to the source"])
def lose(request: pytest.FixtureRequest, proxy: Proxy, client: Any) -> Callable[[], Event]:
    """Give a function that has the next script's reply, or request, lost."""

    def lose() -> Event:
        if request.param == "request":
            return proxy.drop_next_request(b"EVALSHA")
        if request.param == "reply":
            return proxy.drop_next_reply(b"EVALSHA")
        client.script_flush()
        return proxy.drop_next_reply(b"EVAL\r\n")

    return lose


class TestLostReplies:
    """What is sent twice has its effect once, and the same answer."""

    def test_a_claim(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.update(["a", "b"], [1.5, 2])
        lost = lose()
        claim = s.claim()
        assert lost.is_set()
        assert (claim.item, claim.score, claim.attempt) == ("a", 1.5, 1)
        assert (direct.stats().claimed, direct.stats().pending) == (1, 1)
        claim.ack()
        assert direct.stats().claimed == 0

    def test_many_claims(
        self, s: Any, lose: Callable[[], Event], direct: SortedSet[str], client: Any
    ) -> None:
        direct.update([f"{i:04}" for i in range(1200)], [i // 2 for i in range(1200)])
        for _ in range(3):
            s.claim().nack(delay=0)
        lost = lose()
        claims = s.claims(1100)
        assert lost.is_set()
        assert [claim.item for claim in claims] == [f"{i:04}" for i in range(1100)]
        assert [claim.score for claim in claims] == [i // 2 for i in range(1100)]
        assert [claim.attempt for claim in claims] == [4, *[1] * 1099]
        assert direct.stats().claimed == 1100
        # They are exactly what the server knows.
        details = client.hgetall(sibling(direct.name, CLAIM_DETAILS))
        for claim in claims:
            assert details[claim.item.encode()].split()[0] == b"%d" % claim.token
        deadlines = client.zrange(sibling(direct.name, CLAIMS), 0, -1, withscores=True)
        assert {raw.decode(): score for raw, score in deadlines} == {
            claim.item: claim.deadline for claim in claims
        }
        s.ack_all(claims)
        assert direct.stats().claimed == 0

    def test_a_claim_that_found_nothing(
        self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]
    ) -> None:
        lost = lose()
        with pytest.raises(EmptySetError):
            s.claim()
        assert lost.is_set()
        direct.add("a")
        assert s.claim().item == "a"

    def test_an_ack(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.add("a")
        claim = s.claim()
        lost = lose()
        claim.ack()
        assert lost.is_set()
        assert (claim.lost, direct.stats().claimed, len(direct)) == (False, 0, 0)

    def test_many_acks(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.update(["a", "b", "c"], [1, 2, 3])
        claims = s.claims(3)
        direct.add("b", 9)
        assert direct.claims(1) == []
        lost = lose()
        s.ack_all(claims)
        assert lost.is_set()
        assert (list(direct.items()), direct.stats().claimed) == ([("b", 9.0)], 0)

    def test_a_nack(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.add("a", 5)
        claim = s.claim()
        lost = lose()
        claim.nack()
        assert lost.is_set()
        assert (claim.lost, direct.score("a"), direct.claim().attempt) == (False, 5.0, 2)

    def test_a_reschedule(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.add("a", 5)
        claim = s.claim()
        lost = lose()
        claim.reschedule(7)
        assert lost.is_set()
        assert (claim.lost, direct.score("a"), direct.claim().attempt) == (False, 7.0, 1)

    def test_a_burial(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.add("a", 5)
        claim = s.claim()
        lost = lose()
        claim.bury("hopeless")
        assert lost.is_set()
        assert (claim.lost, direct.stats().claimed, direct.dead_count()) == (False, 0, 1)

    def test_an_extension(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        direct.add("a", 5)
        claim = s.claim()
        lost = lose()
        assert claim.extend(1000) > time.time() + 900
        assert lost.is_set()
        claim.ack()

    def test_an_add(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        lost = lose()
        assert s.add("a", 5) == 5.0
        assert lost.is_set()
        lost = lose()
        assert s.add_new("b", 6) is True
        assert lost.is_set()
        lost = lose()
        assert s.add_new("b", 7) is False
        assert lost.is_set()
        assert list(direct.items()) == [("a", 5.0), ("b", 6.0)]

    def test_an_increment(self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]) -> None:
        for score in (2.5, 5.0):
            lost = lose()
            assert s.increment("a", 2.5) == score
            assert lost.is_set()
        assert direct.score("a") == 5.0

    def test_an_add_to_a_schedule(
        self, remote: Remote, proxy: Proxy, lose: Callable[[], Event], direct: SortedSet[str]
    ) -> None:
        s = make_set(remote(proxy.port), "ScheduledSet", direct.name)
        lost = lose()
        due = s.add("a")
        assert lost.is_set()
        # The time is that of the first delivery.
        assert direct.score("a") == due
        lost = lose()
        assert s.add_new("b") is True
        assert lost.is_set()

    def test_a_step_of_a_loop(
        self, s: Any, lose: Callable[[], Event], direct: SortedSet[str]
    ) -> None:
        direct.update(["a", "b", "c"], [1, 2, 3])
        loop = s.consume(timeout=0)
        for item in ("a", "b", "c"):
            lost = lose()
            claim = next(loop)
            assert lost.is_set()
            assert (claim.item, claim.attempt, direct.stats().claimed) == (item, 1, 1)
        assert list(loop) == []
        assert (direct.stats().claimed, direct.stats().pending) == (0, 0)

    def test_two_losses_in_a_row(self, s: Any, proxy: Proxy, direct: SortedSet[str]) -> None:
        direct.update(["a", "b", "c"], [1, 2, 3])
        loop = s.consume(timeout=0)
        assert next(loop).item == "a"
        lost = [proxy.drop_next_reply(b"EVALSHA") for _ in range(2)]
        claim = next(loop)
        assert all(each.is_set() for each in lost)
        assert (claim.item, direct.stats().claimed) == ("b", 1)
        assert [claim.item for claim in loop] == ["c"]


class TestMeanwhile:
    """What was done before a request is sent again is not undone by it."""

    def test_what_was_taken_is_not_added_again(
        self, s: Any, proxy: Proxy, direct: SortedSet[str], meanwhile: Meanwhile
    ) -> None:
        for add, answer in ((s.add, 7.0), (s.add_new, True)):
            lost = proxy.drop_next_reply(b"EVALSHA")
            meanwhile.calls.append(lambda: direct.claim().ack())
            assert add("a", 7) == answer
            assert lost.is_set()
            assert (meanwhile.calls, direct.stats().pending) == ([], 0)

    @pytest.mark.parametrize(
        "end",
        [
            lambda claim: claim.ack(),
            lambda claim: claim.nack(),
            lambda claim: claim.reschedule(7),
            lambda claim: claim.bury("hopeless"),
        ],
        ids=["ack", "nack", "reschedule", "bury"],
    )
    def test_who_has_the_item_by_then_keeps_it(
        self,
        s: Any,
        proxy: Proxy,
        direct: SortedSet[str],
        meanwhile: Meanwhile,
        end: Callable[[Any], object],
    ) -> None:
        others: list[Any] = []

        def claim_again() -> None:
            direct.redrive()
            direct.add("a", 9)
            others.append(direct.claim())

        direct.add("a", 5)
        claim = s.claim()
        lost = proxy.drop_next_reply(b"EVALSHA")
        meanwhile.calls.append(claim_again)
        end(claim)
        assert lost.is_set()
        assert not claim.lost
        (other,) = others
        assert other.score == 9.0
        assert (direct.stats().claimed, len(direct), direct.dead_count()) == (1, 0, 0)
        other.ack()

    def test_claims_that_ended_are_not_made_again(
        self, s: Any, proxy: Proxy, direct: SortedSet[str], meanwhile: Meanwhile
    ) -> None:
        direct.update(["a", "b"], [1, 2])
        others: list[Any] = []
        lost = proxy.drop_next_reply(b"EVALSHA")
        # Waits until the leases that were made have run out.
        meanwhile.calls.append(lambda: others.append(direct.claim(timeout=20)))
        assert s.claims(2, lease=0.1) == []
        assert lost.is_set()
        assert (direct.stats().claimed, direct.stats().pending) == (1, 1)
        (other,) = others
        assert other.attempt == 2
        other.ack()


class TestRecords:
    def test_there_are_no_more_than_concurrent_calls(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        s = make_set(remote(port), "SortedSet", name, serializer=Numbers)

        def work(number: int) -> None:
            for i in range(50):
                s.add(number * 1000 + i)
                s.claim().nack(delay=0)
                s.add_new(number)
                s.claim().ack()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        records = requests_of(client, name)
        assert 1 <= len(records) <= 5
        assert all(0 < client.pttl(key) <= 360_000 for key in records)
        s.clear()

    def test_nothing_else_is_left_of_what_is_done(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        retry = Retry(backoff=0)
        s = make_set(remote(port), "SortedSet", name, serializer=Numbers, retry=retry)
        s.update(range(10), range(10))
        claims = s.claims(10)
        s.add(3)
        assert s.claims(1) == []
        claims[0].nack()
        claims[1].nack(delay=0.01)
        claims[2].reschedule(delay=0.01)
        claims[4].bury("hopeless")
        assert s.redrive() == 1
        s.ack_all(claims)
        items = [claim.item for claim in s.consume(timeout=0.2)]
        assert sorted(items) == [0, 1, 2, 3, 4]
        # What tells of a wait, and wakes who waits, is gone in a second or two.
        wait_for(lambda: set(client.scan_iter(f"*{name}*")) == set(requests_of(client, name)))
        assert all(client.pttl(key) > 0 for key in requests_of(client, name))

    def test_a_sender_is_used_again_but_not_by_a_child(self) -> None:
        requests = Requests()
        sender = requests.begin()
        other = requests.begin()
        assert other.key != sender.key
        requests.end(sender)
        before = sender.number
        assert requests.begin() is sender
        assert sender.number > before
        requests.end(sender)
        # As it is done after a fork.
        requests.forget()
        assert requests.begin().key not in {sender.key, other.key}

    def test_a_fork_sends_under_names_of_its_own(self, port: int, name: str) -> None:
        with closing(redis.Redis(port=port)) as client:
            s = SortedSet(client, name, serializer=Numbers)
            s.update(range(200), range(200))
            for _ in range(5):
                s.claim()

            def claim_some(results: Any) -> None:
                results.put([(claim.item, claim.token) for _ in range(50) for claim in s.claims(1)])

            context = multiprocessing.get_context("fork")
            results = context.SimpleQueue()
            children = [context.Process(target=claim_some, args=(results,)) for _ in range(2)]
            for child in children:
                child.start()
            claimed = [(claim.item, claim.token) for _ in range(50) for claim in s.claims(1)]
            for _ in children:
                claimed += results.get()
            for child in children:
                child.join()
                assert child.exitcode == 0
            assert sorted(item for item, _ in claimed) == list(range(5, 155))
            assert len({token for _, token in claimed}) == 150
            s.clear()


class TestScripts:
    def test_a_flush_between_any_two_calls(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        s = make_set(remote(port), "SortedSet", name, retry=Retry(backoff=0))

        def flushed(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            client.script_flush()
            return call(*arguments, **options)

        flushed(s.add, "a", 1)
        claim = flushed(s.claim)
        flushed(claim.extend, 100)
        flushed(claim.nack)
        claim = flushed(s.claim)
        assert claim.attempt == 2
        flushed(claim.reschedule, 3)
        (claim,) = flushed(s.claims, 5)
        flushed(claim.bury, "hopeless")
        assert flushed(s.stats).dead == 1
        assert flushed(s.redrive) == 1
        flushed(s.add_new, "b", 4)
        items = []
        loop = s.consume(timeout=0)
        while claim := flushed(next, loop, None):
            items.append(claim.item)
        assert items == ["a", "b"]
        flushed(s.add, "c")
        flushed(s.ack_all, flushed(s.claims, 1))
        assert flushed(s.clear) is False


class TestTime:
    @pytest.mark.parametrize("of", [SortedSet, ScheduledSet])
    def test_a_plain_add_of_somebody_else_is_noticed(
        self, remote: Remote, port: int, client: Any, name: str, of: type[SortedSet[str]]
    ) -> None:
        s = make_set(remote(port), of.__name__, name)
        for wait in (lambda: s.claim(timeout=20), lambda: next(s.consume(timeout=20))):
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(wait)
                wait_for(lambda: client.info("clients")["blocked_clients"] > 0)
                began = time.monotonic()
                client.zadd(name, {"a": 1})
                assert waiting.result().item == "a"
                assert time.monotonic() - began < 1.2
            s.clear()

    def test_waiting_costs_few_commands(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        backend = remote(port)
        sets = [
            make_set(backend, of, f"{{{name}}}:{of}:{i}")
            for of in ("SortedSet", "ScheduledSet")
            for i in range(2)
        ]
        for busy in sets[1::2]:
            # All that it has is claimed, delayed or not yet due.
            busy.update(["a", "b"], [1, 2])
            busy.claims(2)[0].nack(delay=100)
        with ThreadPoolExecutor(2 * len(sets)) as pool:
            for s in sets:
                pool.submit(s.claim, timeout=None)
                pool.submit(lambda s: next(s.consume()), s)
            wait_for(lambda: client.info("clients")["blocked_clients"] == 2 * len(sets))
            before = calls_of(client)
            time.sleep(3)
            assert 0 < calls_of(client) - before <= 3 * 3 * 2 * len(sets)
            for s in sets:
                s.update(["x", "y"])
        for s in sets:
            s.clear()

    @pytest.mark.parametrize("wrong_by", [-3600.0, 3600.0])
    def test_the_clock_of_the_client_does_not_matter(
        self,
        remote: Remote,
        port: int,
        client: Any,
        name: str,
        monkeypatch: pytest.MonkeyPatch,
        wrong_by: float,
    ) -> None:
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + wrong_by)
        present = client.time()[0]
        retry = Retry(backoff=0.1, jitter=0)
        for of in ("SortedSet", "ScheduledSet"):
            s = make_set(remote(port), of, f"{{{name}}}{of}", retry=retry)
            s.add("a", 1)
            claim = s.claim(lease=100)
            assert 99 <= claim.deadline - present < 160
            assert abs(claim.token / 1e9 - present) < 60
            assert abs(s.stats().oldest_claim - present) < 60
            assert s.claims(1, timeout=0.1) == []
            assert 199 <= claim.extend(200) - present < 260
            claim.nack()
            claim = s.claim(lease=0.1, timeout=20)
            assert claim.attempt == 2
            claim = s.claim(timeout=20)
            assert claim.attempt == 3
            claim.reschedule(delay=0.1)
            assert s.claims(1) == []
            claim = s.claim(timeout=20)
            assert claim.attempt == 1
            claim.bury("hopeless")
            (letter,) = s.dead()
            assert abs(letter.time - present) < 60
            s.clear()

    def test_a_clock_that_is_set_back_does_not_lower_tokens(
        self, remote: Remote, port: int, client: Any, name: str
    ) -> None:
        s = make_set(remote(port), "SortedSet", name)
        s.update(["a", "b"], [1, 2])
        first = s.claim()
        # As if the latest token had been given in an hour.
        key = sibling(name, "request:token")
        token, ends = client.get(key).split()
        ahead = int(token) + 3600 * 10**6
        client.set(key, b"%d %s" % (ahead, ends), px=60_000)
        second = s.claim()
        assert first.token < ahead * 1000 < second.token < 2**63
        second.ack()
        first.ack()


def requests_of(client: Any, name: str) -> list[bytes]:
    return [key for key in client.scan_iter(f"*{name}*") if b":request:" in key]


def calls_of(client: Any) -> int:
    stats = client.info("commandstats")
    return sum(
        stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval", "blpop")
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail if it does not within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
