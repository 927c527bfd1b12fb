"""Fixtures that all tests share."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.backends import Backends, make_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

    MakeSet = Callable[..., Any]

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, lest all wait for them in the end.

    Before them go those whose coverage is not measured, as it takes much longer: when that
    begins again, it does not see the threads there are.
    """
    items.sort(
        key=lambda item: (
            item.get_closest_marker("no_cover") is None,
            item.path.stem != "test_state_machine",
        )
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run four tests a processor with ``-n auto``: most wait, for a server or for time to pass."""
    return 4 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """Give all kinds of backends, each opened when it is first used."""
    with Backends() as opened:
        yield opened


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
