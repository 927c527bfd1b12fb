"""What operators see of a server: all its sets, and what is held."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis

from redset import SortedSet, connect
from redset.backends import RedisBackend
from redset.backends.redis.keys import owners, sibling
from redset.backends.redis.operating import Operator
from redset.interfaces import DeadLetter, Merge
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.backends import Backends

KINDS = [
    "fakeredis",
    "redis-6.2",
    "valkey-9.1",
    "valkey-8.1-resp2-decoded",
    "valkey-9.1-by-valkey-py",
    "cluster",
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def backend(backends: Backends, kind: str) -> RedisBackend:
    return cast("RedisBackend", backends.get(kind))


@pytest.fixture
def operator(backend: RedisBackend) -> Operator:
    return Operator(backend)


@pytest.fixture
def jobs(backends: Backends, backend: RedisBackend, kind: str, name: str) -> Iterator[Any]:
    jobs = SortedSet(backend, name)
    yield jobs
    jobs.clear()
    assert backends.leaked_keys(kind, name) == []


def test_sets_are_listed_without_what_stands_beside_them(
    operator: Operator, jobs: SortedSet[str], backend: RedisBackend, name: str
) -> None:
    jobs.update(["claimed", "buried", "delayed", "waiting"])
    claims = jobs.claims(3)
    claims[1].bury("hopeless")
    claims[2].nack(100)
    tagged = SortedSet(backend, f"{{{name}}}tagged")
    tagged.add("a")
    tagged.claim()
    try:
        assert operator.names(f"*{name}*") == [name, f"{{{name}}}tagged"]
        assert operator.names(f"{name[:-1]}?") == [name]
        assert operator.names(f"{name}-not") == []
    finally:
        tagged.clear()


@pytest.mark.parametrize("left", ["claimed", "dead"])
def test_a_set_is_listed_of_which_nothing_waits(
    operator: Operator, jobs: SortedSet[str], name: str, left: str
) -> None:
    jobs.add("a")
    claim = jobs.claim()
    if left == "dead":
        claim.bury("hopeless")
    assert operator.names(f"{name}*") == [name]


def test_the_set_that_is_there_owns_what_stands_beside_its_braces(
    operator: Operator, backend: RedisBackend, name: str
) -> None:
    braced = SortedSet(backend, f"{{{name}}}")
    braced.update(["a", "b"])
    braced.claim()
    try:
        assert operator.names(f"*{name}*") == [f"{{{name}}}"]
    finally:
        braced.clear()


@pytest.mark.parametrize("undecoded", [kind for kind in KINDS if "decoded" not in kind])
def test_only_sorted_sets_with_names_in_utf8_are_listed(
    backends: Backends, undecoded: str, name: str
) -> None:
    with closing(backends.client(undecoded)) as client:
        client.set(f"{name}:text", "no set")
        client.zadd(name, {"a": 1})
        client.zadd(b"\xff" + name.encode(), {"a": 1})
        try:
            assert Operator(RedisBackend(client)).names(f"*{name}*") == [name]
        finally:
            for key in (name, f"{name}:text", b"\xff" + name.encode()):
                client.delete(key)


def test_many_sets_are_listed_once_each(
    operator: Operator, backend: RedisBackend, name: str
) -> None:
    names = [f"{{{name}}}{number:04}" for number in range(1200)]
    for each in names:
        backend.add(each, [(b"a", 1.0)], Merge.REPLACE)
    try:
        assert operator.names(f"{{{name}}}*") == names
    finally:
        for each in names:
            backend.clear(each)


def test_owners_are_the_inverse_of_siblings() -> None:
    for name in ("jobs", "{eu}jobs", "a:b", "{a", "x{y}z"):
        assert owners(sibling(name, "claims").decode())[0] == name
    assert owners("jobs") == owners("{}:dead") == owners(":dead") == owners("{}x:dead") == []
    assert owners("{jobs}:dead:details") == owners("{jobs}:wake") == []


def test_claims_are_listed_by_deadline(operator: Operator, jobs: SortedSet[str], name: str) -> None:
    jobs.update(["a", "b", "c"], [1.5, -math.inf, math.inf])
    before = operator.time(name)
    first, second = jobs.claim(lease=200), jobs.claim(lease=100)
    held = operator.claims(name, 0, 10)
    assert [each.member for each in held] == [b"a", b"b"]
    assert [each.score for each in held] == [1.5, -math.inf]
    assert [each.token for each in held] == [second.token, first.token]
    assert [each.until for each in held] == [second.deadline, first.deadline]
    assert [each.attempt for each in held] == [1, 1]
    assert before <= held[1].since <= held[0].since <= operator.time(name)
    assert operator.claims(name, 1, 1) == held[1:]
    assert operator.claims(name, 2, 1) == []


def test_what_is_apart_is_given_by_its_state(
    operator: Operator, jobs: SortedSet[str], name: str
) -> None:
    jobs.update([f"{number:04}" for number in range(1500)], range(1500))
    claims = jobs.claims(1000)
    claims += jobs.claims(400)
    for claim in claims[:3]:
        claim.nack(100)
    pages = list(operator.apart(name))
    delayed = {entry for page in pages for entry in page.delayed}
    claimed = {entry for page in pages for entry in page.claimed}
    assert delayed == {(f"{number:04}".encode(), float(number)) for number in range(3)}
    assert [page.parked for page in pages] == [[]] * len(pages)
    assert claimed == {(f"{number:04}".encode(), float(number)) for number in range(3, 1400)}


def test_dead_letters_are_restored_as_they_were(
    operator: Operator, jobs: SortedSet[str], name: str
) -> None:
    letters = [
        DeadLetter(b"\xff\x00", "a reason\nin two lines", math.inf, 1234.000001, 3),
        DeadLetter(b"b", "", -0.5, 1235.5, 0),
    ]
    assert operator.restore(name, []) == 0
    assert operator.restore(name, letters) == 2
    assert operator.restore(name, letters) == 0
    assert jobs.dead() == letters
    assert jobs.redrive() == 2


def test_a_database_is_known_by_whatever_address(
    backends: Backends, kind: str, operator: Operator
) -> None:
    identity = operator.identity()
    assert identity == Operator(cast("RedisBackend", backends.get(kind))).identity()
    assert (identity is None) is (kind in {"cluster", "fakeredis"})


def test_who_may_not_ask_knows_no_identity() -> None:
    with Server("valkey-9.1") as server, connect(server.url) as backend:
        operator = Operator(cast("RedisBackend", backend))
        server.call("ACL", "SETUSER", "default", "-info")
        assert operator.identity() is None
        server.stop()
        with pytest.raises(redis.ConnectionError):
            operator.identity()


def test_looking_changes_nothing(
    operator: Operator, backends: Backends, kind: str, jobs: SortedSet[str], name: str
) -> None:
    jobs.update(["a", "b"])
    jobs.claim()
    keys = [name, sibling(name, "claims").decode(), sibling(name, "claims:details").decode()]
    with closing(backends.client(kind)) as client:
        before = [client.execute_command("DUMP", key, NEVER_DECODE=True) for key in keys]
        operator.names()
        operator.claims(name, 0, 10)
        list(operator.apart(name))
        operator.time(name)
        assert [client.execute_command("DUMP", key, NEVER_DECODE=True) for key in keys] == before
