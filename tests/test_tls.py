"""Connections by TLS: who is let in by whom, and what is said otherwise."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from inspect import signature
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import redis
import redis.asyncio

from redset import connect, connect_async
from redset.testing import blocking
from tests.support.backends import make_set
from tests.support.servers import Server, announce, start_cluster, start_sentinel, wait_until
from tests.support.tls import Authority, TlsProxy
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends

SECRET = "s3cr3t p@ss/word"  # noqa: S105  (of a key of our own)


@pytest.fixture(params=["blocking", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@contextmanager
def opened(kind: str, url: str) -> Iterator[Backend]:
    if kind == "blocking":
        with connect(url) as backend:
            yield backend
    else:
        with blocking(lambda: connect_async(url)) as backend:
            yield backend


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def ports(backends: Backends, authority: Authority) -> Iterator[dict[str, int]]:
    port = backends.server("valkey-9.1").port
    contexts = {
        "open": authority.context("localhost"),
        "elsewhere": authority.context("elsewhere"),
        "closed": authority.context("localhost", clients=authority),
    }
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(TlsProxy(port, context)).port
            for kind, context in contexts.items()
        }


@pytest.fixture(scope="module")
def nodes(authority: Authority) -> Iterator[list[int]]:
    """Give the ports of a cluster's nodes, all of which take TLS alone."""
    context = authority.context("localhost", "127.0.0.1", clients=authority)
    with ExitStack() as stack:
        cluster = stack.enter_context(start_cluster())
        ports = [stack.enter_context(TlsProxy(node.port, context)).port for node in cluster.servers]
        announce(cluster, ports)
        yield ports


def use(kind: str, url: str, name: str) -> None:
    with opened(kind, url) as backend:
        s = make_set(backend, "SortedSet", name)
        s.add("a", 1)
        with s.claim() as claim:
            assert claim.item == "a"


def refused(kind: str, url: str, name: str) -> str:
    """Return what is said, with its notes."""
    with pytest.raises((redis.ConnectionError, redis.exceptions.RedisClusterException)) as caught:
        use(kind, url, name)
    return "\n".join([str(caught.value), *caught.value.__notes__])


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_a_server_whose_authority_is_known(
    scheme: str, kind: str, ports: dict[str, int], authority: Authority, name: str
) -> None:
    use(kind, f"{scheme}://localhost:{ports['open']}?ssl_ca_certs={authority.certificate}", name)


def test_a_server_whose_authority_is_not(
    kind: str, ports: dict[str, int], stranger: Authority, name: str
) -> None:
    for options in ("", f"?ssl_ca_certs={stranger.certificate}"):
        said = refused(kind, f"rediss://localhost:{ports['open']}{options}", name)
        assert "name the file of who signed it by ssl_ca_certs=" in said


def test_a_server_of_another_name(
    kind: str, ports: dict[str, int], authority: Authority, name: str
) -> None:
    options = f"ssl_ca_certs={authority.certificate}&ssl_check_hostname"
    place = f"rediss://localhost:{ports['elsewhere']}"
    said = refused(kind, f"{place}?{options}=true", name)
    assert "the server as its certificate does" in said
    use(kind, f"{place}?{options}=false", name)


def test_a_server_that_lets_in_known_clients(
    kind: str, ports: dict[str, int], authority: Authority, stranger: Authority, name: str
) -> None:
    place = f"rediss://localhost:{ports['closed']}?ssl_ca_certs={authority.certificate}"
    assert "ssl_certfile=…&ssl_keyfile=…" in refused(kind, place, name)
    for signer in (authority, stranger):
        certificate, key = signer.client(password=None)
        url = f"{place}&ssl_certfile={certificate}&ssl_keyfile={key}"
        if signer is authority:
            use(kind, url, name)
        else:
            assert "ssl_certfile=…&ssl_keyfile=…" in refused(kind, url, name)


def test_a_key_under_a_password(
    kind: str, ports: dict[str, int], authority: Authority, name: str
) -> None:
    certificate, key = authority.client(SECRET)
    url = (
        f"rediss://localhost:{ports['closed']}?ssl_ca_certs={authority.certificate}"
        f"&ssl_certfile={certificate}&ssl_keyfile={key}&ssl_password="
    )
    # Before redis-py 7, asyncio clients know no such option.
    if kind == "asyncio" and "ssl_password" not in signature(redis.asyncio.Redis).parameters:
        with pytest.raises(ValueError, match="no option 'ssl_password'"):
            use(kind, url + quote(SECRET), name)
    else:
        use(kind, url + quote(SECRET), name)
        with pytest.raises((OSError, redis.RedisError)) as caught:
            use(kind, url + "wr0ng", name)
        assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["rediss+cluster", "valkeys+cluster"])
def test_a_cluster(
    scheme: str, kind: str, nodes: list[int], authority: Authority, name: str
) -> None:
    certificate, key = authority.client(password=None)
    seeds = ",".join(f"localhost:{port}" for port in nodes)
    url = f"{scheme}://{seeds}?ssl_ca_certs={authority.certificate}"
    with opened(kind, f"{url}&ssl_certfile={certificate}&ssl_keyfile={key}") as backend:
        # By each of the nodes.
        sets = [make_set(backend, "SortedSet", f"{name}-{number}") for number in range(20)]
        for s in sets:
            s.update(map(str, range(150)))
            with s.claim() as claim:
                assert claim.item == "0"
            assert len(s) == 149
            assert s.clear()
    assert "ssl_certfile=…&ssl_keyfile=…" in refused(kind, url, name)


@pytest.mark.parametrize("scheme", ["rediss+sentinel", "valkeys+sentinel"])
def test_sentinels_and_the_primary_that_takes_over(
    scheme: str, kind: str, authority: Authority, name: str
) -> None:
    context = authority.context("localhost", "127.0.0.1", clients=authority)
    certificate, key = authority.client(password=None)
    with ExitStack() as stack:

        def front(server: Server) -> int:
            proxy = TlsProxy(server.port, context, or_plain=True)
            return stack.enter_context(proxy).port

        setup = stack.enter_context(start_sentinel(front=front))
        (sentinel,) = setup.sentinels
        (replica,) = setup.replicas

        def primary() -> str | None:
            """Return the port of the primary, if it is up as far as the sentinel knows."""
            known = pairs(sentinel.call("SENTINEL", "MASTER", setup.service))
            return known["port"] if known["flags"] == "master" else None

        url = (
            f"{scheme}://localhost:{front(sentinel)}/{setup.service}"
            f"?ssl_ca_certs={authority.certificate}"
        )
        with opened(kind, f"{url}&ssl_certfile={certificate}&ssl_keyfile={key}") as backend:
            s = make_set(backend, "SortedSet", name)
            s.update(["a", "b"])
            with s.claim() as claim:
                assert claim.item == "a"
            wait_until(lambda: replica.call("ZCARD", name) == 1, "the replica has it")
            old = primary()
            setup.master.kill()
            wait_until(lambda: primary() not in {None, old}, "another has taken over")
            s.add("c")
            assert s.take(3) == ["b", "c"]
        # redis-py does not tell what was wrong with a sentinel's connection.
        assert "rediss+sentinel:// and certificates" in refused(kind, url, name)
