"""The ACL user of docs/connecting.md may do what redset does, and no more."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import redset
from redset import Merge, Retry, connect, connect_async
from redset.exceptions import SealedError
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent.parent / "docs" / "connecting.md"
SOURCES = Path(redset.__file__).parent / "backends" / "redis"
# What redis-py sends by itself.
CLIENT = "watch unwatch script|load ping select client|setname client|setinfo"


def documented() -> list[str]:
    """Return the rules of the page's user."""
    (rules,) = re.findall(r"ACL SETUSER worker (.*?)```", PAGE.read_text(), re.DOTALL)
    return [str(rule) for rule in rules.split()]


@pytest.fixture(scope="module", params=["valkey-9.1", "redis-6.2"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param) as server:
        yield server


def test_the_page_has_the_commands_of_the_sources(server: Server) -> None:
    files = [*SOURCES.rglob("*.lua"), *(SOURCES / "_sync").glob("*.py"), SOURCES / "commands.py"]
    text = "\n".join(path.read_text() for path in files)
    words = {*re.findall(r"""['"]([A-Z]{3,})['"]""", text)}
    commands = {word.lower() for word in words if server.call("COMMAND", "INFO", word) != [None]}
    granted = {rule[1:] for rule in documented() if rule.startswith("+")}
    assert granted == commands | {*CLIENT.split()}


@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_a_user_with_these_permissions_can_do_all(kind: str, server: Server, name: str) -> None:
    server.call("ACL", "SETUSER", name, *(rule.replace("jobs", name) for rule in documented()))
    server.call("SCRIPT", "FLUSH")
    url = f"redis://{name}:PASSWORD@127.0.0.1:{server.port}/1?client_name=worker"
    if kind == "blocking":
        with connect(url) as backend:
            exercise(backend, name)
    else:
        with blocking(lambda: connect_async(url)) as backend:
            exercise(backend, name)
    denied = {*re.findall(r"b'object', b'(.*?)'", str(server.call("ACL", "LOG")))}
    # Redis 6.2 has no CLIENT SETINFO, and redis-py does not mind.
    assert denied <= ({"client"} if server.kind == "redis-6.2" else set())
    with pytest.raises(Exception, match="ermission"), connect(url) as backend:
        backend.length("another")
    server.call("ACL", "LOG", "RESET")


def exercise(backend: Any, name: str) -> None:
    """Do whatever sets do."""
    exercise_items(backend, name)
    exercise_claims(backend, name)
    exercise_times(backend, name)
    exercise_handover(backend, name)


def exercise_items(backend: Any, name: str) -> None:
    s = make_set(backend, "SortedSet", name)
    s.add("a", 1)
    s.add_new("b")
    s.update(map(str, range(200)))
    s.update(["c", "d"], [3, 4])
    s.increment("a", 5)
    s.scores(["a", "b"])
    s.rank("a")
    s.length()
    s.contains("a")
    s.peek(1)
    s.count(0, 9)
    s.sample(2)
    for page in (s.items(), s.backwards(), s.between(0, 9)):
        assert len(list(page)) > 0
    s.pop()
    s.take(3)
    s.pop_max()
    s.take_max(2)
    s.discard("c")
    s.difference_update(["5", "6"])
    s.remove_between(1, 2)
    s.intersection_update(s)
    s.union_update(s)
    with s.lock:
        s.clear()
    assert s.take(1, timeout=0.01) == []


def exercise_claims(backend: Any, name: str) -> None:
    retry = Retry(backoff=0, max_attempts=2)
    s = make_set(backend, "SortedSet", name, retry=retry, dead_limit=1)
    s.update(["a", "b", "c"])
    first, second, third = s.claims(3)
    s.add("a")
    first.extend(60)
    s.ack_all([first])
    second.nack(0)
    third.bury("no good")
    s.claims(2)[1].nack(0)
    s.take(9)
    s.dead_count()
    s.dead()
    s.redrive()
    s.stats()
    s.claim().reschedule(delay=30)
    s.clear()


def exercise_times(backend: Any, name: str) -> None:
    s = make_set(backend, "ScheduledSet", name)
    s.add("a", 1)
    s.add("b")
    s.available()
    s.take(9)
    assert s.take(1, timeout=0.2) == []
    s.clear()

    s = make_set(backend, "TTLSet", name, ttl=60)
    s.add("a")
    s.add_unseen(["a", "b"])
    s.ttl("a")
    s.sweep()
    s.clear()


def exercise_handover(backend: Any, name: str) -> None:
    entries = [(b"a", 1.0), (b"b", 2.0)]
    backend.add(name, entries, Merge.KEEP)
    backend.expire(name, time.time() + 60)
    leaving, target = f"{{{name}}}:leaving", f"{{{name}}}:target"
    backend.seal(name, leaving)
    assert backend.is_sealed(name)
    with pytest.raises(SealedError):
        backend.length(name)
    parcel = backend.pack(leaving, 10)
    assert backend.unpack(target, leaving, parcel)
    backend.unload(leaving, parcel)
    backend.end_seal(name, leaving)
    backend.end_parcels(target)
    assert backend.pop(target, 10) == entries
    backend.clear(name)
    assert backend.put_layout(name, b"1:8", 3)
    assert backend.layout(name) == b"1:8"
    with pytest.raises(SealedError):
        backend.clear(name)
    assert backend.drop_layout(name)
