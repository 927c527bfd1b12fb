"""What becomes of each call whose request or reply is lost, and sent again by the client.

The groups are those of the table in ``docs/delivery.md``.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.retry
import redis.cluster
from redis.retry import Retry as Retrying

from redset import Retry
from redset.backends import AsyncRedisBackend, RedisBackend
from redset.backends.redis._scripts import script
from redset.backends.redis.keys import sibling
from redset.exceptions import LockTimeout
from redset.testing import blocking
from tests.support.backends import LentBackend, make_set
from tests.support.meanwhile import Meanwhile
from tests.support.proxy import Proxy
from tests.support.servers import announce, start_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from redset.interfaces import Backend
    from tests.support.servers import Cluster

    Call = Callable[["Sets"], object]
    Lose = Callable[[bytes], Event]

# Names of commands, of which each has one, as clients send them.
EVALSHA, ZADD, ZPOPMIN, ZPOPMAX = b"EVALSHA", b"ZADD", b"ZPOPMIN", b"ZPOPMAX"
ZREMRANGE = b"ZREMRANGEBYSCORE"
SCRIPTS = ["add", "remember", "remove", "remove_range", "pop_due", "clear"]
SCRIPTS += ["increment", "move", "pop_into", "algebra/union", "algebra/intersect"]
SCRIPTS += ["bury", "dead", "redrive", "forget", "count", "range", "lifetimes", "wake", "expire"]
SCRIPTS += [
    f"claims/{name}" for name in ("claim", "acknowledge", "release", "extend", "reject", "stats")
]


class Sets:
    """What a call is made on: a set with entries, claims and a dead letter, and others."""

    def __init__(self, backend: Backend, name: str) -> None:
        def make(kind: str, suffix: str, **options: Any) -> Any:
            return make_set(backend, kind, f"{{{name}}}{suffix}", **options)

        self.jobs = make("SortedSet", "", retry=Retry(backoff=0))
        self.other = make("SortedSet", ":other")
        self.scheduled = make("ScheduledSet", ":scheduled")
        self.seen = make("TTLSet", ":seen", ttl=60)
        self.claims: list[Any] = []
        self.letters: list[Any] = []

    def fill(self) -> None:
        """Put in what calls find."""
        self.seen.add("a")
        self.seen.add("gone", 1e-6)
        self.jobs.update(["0", "1", "dying"], [-3, -2, -1])
        self.claims = self.jobs.claims(2)
        self.jobs.claim().bury("hopeless")
        self.letters = self.jobs.dead()
        self.jobs.update(["a", "b", "c", "d"], [1, 2, 3, 4])
        self.other.update(["c", "x"], [9, 9])
        self.other.expire_at(4e9)
        self.scheduled.update(["a", "b", "c"], [1, 2, 3])

    def state(self) -> object:
        """Return all that calls may change, but no times of the server's clock."""
        return (
            list(self.jobs.items()),
            replace(self.jobs.stats(), oldest_claim=None),
            list(self.scheduled),
            list(self.seen),
        )

    def clear(self) -> None:
        """Leave nothing."""
        for each in (self.jobs, self.other, self.scheduled, self.seen):
            each.clear()


def _remove(sets: Sets) -> str:
    try:
        sets.jobs.remove("a")
    except KeyError:
        return "KeyError"
    return "removed"


# Sent again, they change nothing more, and answer the same.
ONCE: dict[str, tuple[bytes, Call]] = {
    "add": (EVALSHA, lambda sets: sets.jobs.add("x", 5)),
    "add_new": (EVALSHA, lambda sets: sets.jobs.add_new("x", 5)),
    "add to a schedule": (EVALSHA, lambda sets: sets.scheduled.add("x") > 1e9),
    "add_new to a schedule": (EVALSHA, lambda sets: sets.scheduled.add_new("x")),
    "add to a TTLSet": (EVALSHA, lambda sets: sets.seen.add("x")),
    "add_unseen": (EVALSHA, lambda sets: sets.seen.add_unseen(["a", "x", "y"])),
    "increment": (EVALSHA, lambda sets: sets.jobs.increment("a", 2)),
    "move": (EVALSHA, lambda sets: sets.jobs.move("a", sets.other)),
    "pop_into": (EVALSHA, lambda sets: sets.jobs.pop_into(sets.other)),
    "claim": (EVALSHA, lambda sets: sets.jobs.claim().item),
    "claims": (EVALSHA, lambda sets: [each.item for each in sets.jobs.claims(3)]),
    "claims with done": (
        EVALSHA,
        lambda sets: [each.item for each in sets.jobs.claims(3, done=sets.claims)],
    ),
    "ack": (EVALSHA, lambda sets: sets.claims[0].ack()),
    "nack": (EVALSHA, lambda sets: sets.claims[0].nack()),
    "reschedule": (EVALSHA, lambda sets: sets.claims[0].reschedule(7)),
    "bury": (EVALSHA, lambda sets: sets.claims[0].bury("no")),
    "ack_all": (EVALSHA, lambda sets: sets.jobs.ack_all(sets.claims)),
    "extend": (EVALSHA, lambda sets: sets.claims[0].extend(900) > 1e9),
    "expire_at": (EVALSHA, lambda sets: sets.jobs.expire_at(4e9)),
    "score": (b"ZMSCORE", lambda sets: sets.jobs.score("b")),
    "rank": (b"ZRANK", lambda sets: sets.jobs.rank("b")),
    "peek": (b"ZRANGE", lambda sets: sets.jobs.peek(1)),
    "between": (b"ZRANGEBYSCORE", lambda sets: sets.jobs.between(2, 3)),
    "count": (b"ZCOUNT", lambda sets: sets.jobs.count(2, 3)),
    "iteration": (b"ZRANGEBYSCORE", lambda sets: list(sets.jobs)),
    "stats": (EVALSHA, lambda sets: sets.jobs.stats().pending),
    "dead": (EVALSHA, lambda sets: [each.raw for each in sets.jobs.dead()]),
    "available": (EVALSHA, lambda sets: sets.scheduled.available()),
    "ttl": (EVALSHA, lambda sets: 0 < sets.seen.ttl("a") <= 60),
}
# Sent again, they change nothing more, but answer as they would the second time.
LATE: dict[str, tuple[bytes, Call]] = {
    "update": (EVALSHA, lambda sets: sets.jobs.update(["a", "x", "y"], [5, 6, 7])),
    "update with many": (ZADD, lambda sets: sets.jobs.update(map(str, range(150)), [5] * 150)),
    "update of a schedule": (EVALSHA, lambda sets: sets.scheduled.update(["x", "y"], [5, 6])),
    "union_update": (EVALSHA, lambda sets: sets.jobs.union_update(sets.other)),
    "intersection_update": (EVALSHA, lambda sets: sets.jobs.intersection_update(sets.other)),
    "discard": (EVALSHA, lambda sets: sets.jobs.discard("a")),
    "remove": (EVALSHA, _remove),
    "difference_update": (EVALSHA, lambda sets: sets.jobs.difference_update(["a", "b"])),
    "remove_between": (ZREMRANGE, lambda sets: sets.jobs.remove_between(2, 3)),
    "clear": (EVALSHA, lambda sets: sets.jobs.clear()),
    "redrive": (EVALSHA, lambda sets: sets.jobs.redrive(sets.letters)),
    "forget": (EVALSHA, lambda sets: sets.jobs.forget(sets.letters)),
    "sweep": (EVALSHA, lambda sets: sets.seen.sweep()),
    "expire_at a time that has passed": (EVALSHA, lambda sets: sets.jobs.expire_at(1)),
    "persist": (EVALSHA, lambda sets: sets.other.persist()),
}
# Sent again, they are done again.
TWICE: dict[str, tuple[bytes, Call]] = {
    "pop": (ZPOPMIN, lambda sets: sets.jobs.pop()),
    "take": (ZPOPMIN, lambda sets: sets.jobs.take(2)),
    "pop_max": (ZPOPMAX, lambda sets: sets.jobs.pop_max()),
    "pop of a schedule": (EVALSHA, lambda sets: sets.scheduled.pop()),
    "take of a schedule": (EVALSHA, lambda sets: sets.scheduled.take(1)),
}
CALLS = ONCE | LATE | TWICE


@pytest.fixture
def proxy(port: int, client: Any) -> Iterator[Proxy]:
    for name in SCRIPTS:
        client.script_load(script(name).source)
    with Proxy(port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Cluster, dict[int, Proxy]]]:
    """Give a cluster whose clients see all nodes behind proxies; these by the ports of nodes."""
    with ExitStack() as stack:
        cluster = stack.enter_context(start_cluster())
        proxies = {each.port: stack.enter_context(Proxy(each.port)) for each in cluster.servers}
        for node in cluster.servers:
            for name in SCRIPTS:
                node.call("SCRIPT", "LOAD", script(name).source)
        announce(cluster, [proxy.port for proxy in proxies.values()])
        yield cluster, proxies


@pytest.fixture
def meanwhile() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
def direct(client: Any, name: str) -> Iterator[Sets]:
    """Give the sets as somebody else has them, whose requests do not get lost."""
    sets = Sets(RedisBackend(client), name)
    yield sets
    sets.clear()


@pytest.fixture(params=["blocking", "asyncio, owned"])
def sets(
    request: pytest.FixtureRequest, proxy: Proxy, name: str, meanwhile: Meanwhile
) -> Iterator[Sets]:
    """Give filled sets behind the proxy, whose client sends again what was lost."""
    errors = [redis.ConnectionError, redis.TimeoutError]
    options: dict[str, Any] = {"port": proxy.port, "retry_on_error": errors}
    owned = request.param.endswith("owned")
    with ExitStack() as stack:
        if request.param.startswith("blocking"):
            client = redis.Redis(**options, retry=Retrying(meanwhile, 10))
            stack.enter_context(closing(client))
            backend: Any = stack.enter_context(RedisBackend(client, owns=[client] * owned))
        else:
            retry = redis.asyncio.retry.Retry(meanwhile, 10)
            peer = redis.asyncio.Redis(**options, retry=retry)
            backend = stack.enter_context(
                blocking(
                    lambda: AsyncRedisBackend(peer, owns=[peer]) if owned else LentBackend(peer)
                )
            )
        sets = Sets(backend, name)
        sets.fill()
        yield sets


@pytest.fixture(params=["request", "half a request", "reply", "half a reply"])
def lost(request: pytest.FixtureRequest) -> str:
    what: str = request.param
    return what


@pytest.fixture
def lose(lost: str, proxy: Proxy) -> Lose:
    """Give a function that has part of the next command lost."""
    drop = proxy.drop_next_request if "request" in lost else proxy.drop_next_reply
    return lambda matching: drop(matching, half="half" in lost)


def expected(direct: Sets, name: str, call: Call, times: int) -> tuple[object, object]:
    """Return what a call answers, and leaves, if it is made so many times and nothing is lost."""
    sets = Sets(direct.jobs.backend, f"{name}:expected")
    sets.fill()
    try:
        answers = [call(sets) for _ in range(times)]
        return answers[-1], sets.state()
    finally:
        sets.clear()


@pytest.mark.parametrize("how", CALLS)
def test_what_was_lost_is_sent_again(
    how: str, lost: str, lose: Lose, sets: Sets, direct: Sets, name: str
) -> None:
    matching, call = CALLS[how]
    fired = lose(matching)
    answer = call(sets)
    assert fired.is_set()
    check_outcome(how, lost, answer, direct, name)


def check_outcome(how: str, lost: str, answer: object, direct: Sets, name: str) -> None:
    """Check what a call answered, of which something was lost, and what it left."""
    _, call = CALLS[how]
    once = expected(direct, name, call, 1)
    if how in ONCE or "request" in lost:
        # What is cut is not carried out.
        assert (answer, direct.state()) == once
        return
    twice = expected(direct, name, call, 2)
    assert answer == twice[0]
    assert direct.state() == (once if how in LATE else twice)[1]


@pytest.mark.parametrize(("kind", "owned"), [("blocking", False), ("asyncio", True)])
@pytest.mark.parametrize("how", CALLS)
def test_what_was_lost_is_sent_again_to_a_cluster(
    how: str,
    kind: str,
    owned: bool,
    lost: str,
    nodes: tuple[Cluster, dict[int, Proxy]],
    name: str,
) -> None:
    cluster, proxies = nodes
    matching, call = CALLS[how]
    port = cluster.servers[0].port
    with ExitStack() as stack:
        seen: dict[str, Any] = {"host": "localhost", "port": proxies[port].port}
        if kind == "blocking":
            client = stack.enter_context(closing(redis.cluster.RedisCluster(**seen)))
            backend: Any = RedisBackend(client, owns=[client] * owned)
        else:
            peer = redis.asyncio.cluster.RedisCluster(**seen)
            backend = blocking(
                lambda: AsyncRedisBackend(peer, owns=[peer]) if owned else LentBackend(peer)
            )
        sets = Sets(stack.enter_context(backend), name)
        sets.fill()
        proxy = proxies[cluster.primary_of(name).port]
        drop = proxy.drop_next_request if "request" in lost else proxy.drop_next_reply
        fired = drop(matching, half="half" in lost)
        answer = call(sets)
        assert fired.is_set()
        check_outcome(how, lost, answer, sets, name)
        sets.clear()


@pytest.mark.parametrize("sets", ["blocking", "asyncio"], indirect=True)
@pytest.mark.parametrize("lost", ["reply"], indirect=True)
@pytest.mark.parametrize(
    ("how", "item", "left"),
    [
        # What was taken meanwhile is there once more.
        ("update", "x", ["a", "b", "c", "d", "x", "y"]),
        ("union_update", "x", ["a", "b", "c", "d", "x"]),
        # What was added meanwhile goes, too.
        ("discard", "a", ["b", "c", "d"]),
        ("clear", "a", []),
        ("expire_at a time that has passed", "x", []),
    ],
)
def test_what_was_done_meanwhile_is_undone(
    how: str, item: str, left: list[str], lose: Lose, sets: Sets, direct: Sets, meanwhile: Meanwhile
) -> None:
    matching, call = CALLS[how]
    others = {"update": direct.jobs.remove, "union_update": direct.jobs.remove}
    meanwhile.calls.append(lambda: others.get(how, direct.jobs.add)(item))
    fired = lose(matching)
    call(sets)
    assert fired.is_set()
    assert meanwhile.calls == []
    assert sorted(direct.jobs) == left


@pytest.mark.parametrize("lost", ["reply"], indirect=True)
def test_a_lock_may_shut_its_holder_out(lose: Lose, sets: Sets, direct: Sets) -> None:
    jobs = sets.jobs
    key = sibling(jobs.name, "lock").decode()
    client = direct.jobs.backend
    locked = make_set(jobs.backend, "SortedSet", jobs.name, lock_timeout=0.3, lock_expires=60)
    fired = lose(b"SET\r\n")
    with pytest.raises(LockTimeout), locked.lock:
        raise AssertionError
    assert fired.is_set()
    client.clear(key)
