"""Fixtures that all tests share."""

from __future__ import annotations

import os
import resource
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.support.backends import Backends, make_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]

SLOW = {"test_state_machine", "test_topologies", "test_chaos", "test_resharding_live", "test_demo"}

SET_KINDS = [
    "memory",
    "memory-async",
    "fakeredis",
    "redis-6.2",
    "redis-6.2-async",
    "valkey-9.1",
    "valkey-9.1-async",
    "cluster",
]


# How many files a process may have open: backends of all kinds keep their connections.
FILES = 4096


def pytest_configure() -> None:
    """Let a process open more files than it may by default, as far as it is let."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if -1 < soft < FILES:
        most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each process begin with its share of what takes longest, and go on with others.

    Before all go those whose coverage is not measured, as that takes much longer: when it begins
    again, it does not see the threads there are.
    """
    slow = sorted(filter(_is_slow, items), key=_is_uncovered, reverse=True)
    rest = [item for item in items if not _is_slow(item)]
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    total = len(items)
    items.clear()
    for place in range(processes):
        share = slow[place::processes]
        # As many as each is given, or what one is to begin with would be the last of another.
        size = (total - len(items)) // (processes - place)
        num = max(size - len(share), 0)
        items += share
        items += rest[:num]
        del rest[:num]


def _is_slow(item: pytest.Item) -> bool:
    return _is_uncovered(item) or item.path.stem in SLOW


def _is_uncovered(item: pytest.Item) -> bool:
    return item.get_closest_marker("no_cover") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run three tests a processor with ``-n auto``: most wait, for a server or for time to pass."""
    return 3 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """Give all kinds of backends, each opened when it is first used."""
    with Backends() as opened:
        yield opened


@pytest.fixture
def port(backends: Backends) -> int:
    """Return the port of the server that tests of one server run on."""
    return backends.server("valkey-9.1").port


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    """Give a blocking client of that server."""
    with closing(redis.Redis(port=port)) as client:
        yield client


@pytest.fixture
def name() -> str:
    """Return a name for a set that no other test uses."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture(params=["memory", "server"])
def store_url(request: pytest.FixtureRequest, backends: Backends, name: str) -> Iterator[str]:
    """Return the address of a store, on which in the end no key must be left."""
    if request.param == "memory":
        yield f"memory://{name}"
        return
    yield backends.server("valkey-9.1").url
    assert backends.leaked_keys("valkey-9.1", name) == []


@pytest.fixture(params=SET_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of backend that the tests of sets run on."""
    kind: str = request.param
    return kind


@pytest.fixture
def backend(backends: Backends, kind: str) -> Backend:
    """Return each backend that the tests of sets run on."""
    return backends.get(kind)


@pytest.fixture
def make(backends: Backends, kind: str, backend: Backend, name: str) -> Iterator[MakeSet]:
    """Give a function that makes sets; in the end, no key of theirs must be left."""
    made: dict[str, Any] = {}

    def make(kind: str = "SortedSet", *arguments: Any, suffix: str = "", **options: Any) -> Any:
        # All names share a hash tag, so that sets can be combined in a cluster, too.
        full = f"{{{name}}}{suffix}"
        made[full] = make_set(backend, kind, full, *arguments, **options)
        return made[full]

    yield make
    for each in made.values():
        each.clear()
    assert backends.leaked_keys(kind, name) == []
