"""From URLs to backends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from redset import SortedSet, connect, connect_async
from redset.exceptions import MissingDependencyError
from redset.interfaces import Merge
from redset.testing import blocking
from tests.support.servers import Server, start_cluster, start_sentinel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.backends import Backends

SECRET = "s3cr3t-p4ss"  # noqa: S105  (of a server of our own)


def use(url: str, name: str) -> None:
    """Use a set by URL, blocking and asyncio."""
    with connect(url) as backend:
        assert SECRET not in repr(backend)
        s = SortedSet(backend, name)
        s.add("a", 1)
        assert s.pop() == "a"
    with blocking(lambda: connect_async(url)) as backend:
        assert SECRET not in repr(backend)
        assert backend.add(name, [(b"a", 1.0)], Merge.KEEP) == 1
        assert backend.clear(name) is True


def test_memory_stores_are_new_or_named(name: str) -> None:
    use("memory://", name)
    first, second = connect("memory://"), connect("memory://")
    first.add(name, [(b"a", 1.0)], Merge.KEEP)
    assert second.length(name) == 0
    third, fourth = connect("memory://shared"), connect("memory://shared")
    assert third is fourth
    third.add(name, [(b"a", 1.0)], Merge.KEEP)
    with blocking(lambda: connect_async("memory://shared")) as backend:
        assert backend.length(name) == 1
    del third, fourth
    assert connect("memory://shared").clear(name) is True


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_one_server(scheme: str, backends: Backends, name: str) -> None:
    port = backends.server("valkey-9.1").port
    use(f"{scheme}://127.0.0.1:{port}/1", name)


def test_unix_socket(backends: Backends, name: str) -> None:
    use(f"unix://{backends.server('redis-6.2').unix_socket}?db=0", name)


def test_options_are_parsed(backends: Backends, name: str) -> None:
    port = backends.server("valkey-9.1").port
    use(f"redis://127.0.0.1:{port}/0?socket_timeout=3&decode_responses=true&protocol=3", name)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with Server("valkey-9.1", "--requirepass", SECRET) as server:
        yield server


def test_password_is_not_shown(guarded: Server, name: str) -> None:
    url = f"redis://default:{SECRET}@127.0.0.1:{guarded.port}/0"
    use(url, name)
    with connect(url) as backend:
        shown = repr(backend)
    assert str(guarded.port) in shown
    assert SECRET not in shown


def test_cluster(name: str) -> None:
    with start_cluster("valkey-9.1", 1) as cluster:
        port = cluster.servers[0].port
        use(f"redis+cluster://127.0.0.1:{port},127.0.0.1:{port}?socket_timeout=5", name)


def test_sentinel(name: str) -> None:
    with start_sentinel("valkey-9.1") as setup:
        hosts = ",".join(f"{host}:{port}" for host, port in setup.addresses)
        use(f"valkey+sentinel://{hosts}/{setup.service}/0", name)
        with pytest.raises(ValueError, match="names a service"):
            connect(f"redis+sentinel://{hosts}")


@pytest.mark.parametrize(
    "url",
    ["http://x", "redis", "", "memory+cluster://", "unix+sentinel:///x", f"r3dis://:{SECRET}@x"],
)
def test_other_urls_are_refused(url: str) -> None:
    for open_url in (connect, connect_async):
        with pytest.raises(ValueError, match="use memory://") as caught:
            open_url(url)
        assert SECRET not in str(caught.value)


def test_a_store_in_memory_has_a_name_and_no_more() -> None:
    for rest in ("/jobs", "jobs/0", "jobs?db=1", "?db=1", "user@jobs", ":password@jobs"):
        with pytest.raises(ValueError, match="a name and no more: memory:// or memory://name"):
            connect(f"memory://{rest}")
    with pytest.raises(ValueError, match="a name and no more"):
        connect("memory://jobs", password=SECRET)


@pytest.mark.parametrize("bad", [None, 6379, f"redis://:{SECRET}@x".encode()])
def test_what_is_no_text_is_refused(bad: Any) -> None:
    for open_url in (connect, connect_async):
        with pytest.raises(TypeError, match=f"not {type(bad).__name__}: hand") as caught:
            open_url(bad)
        assert SECRET not in str(caught.value)


def test_hosts_are_needed() -> None:
    with pytest.raises(ValueError, match="names its hosts"):
        connect("redis+cluster://")


@pytest.mark.parametrize("url", ["redis://localhost", "unix:///tmp/x", "redis+cluster://x"])
def test_without_redis_the_extra_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    for open_url in (connect, connect_async):
        with pytest.raises(MissingDependencyError, match=r"pip install 'redset\[redis\]'"):
            open_url(url)
