"""Connections by TLS: who is let in by whom, and what is said otherwise."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import redis

from redset import AsyncSortedSet, SortedSet, connect, connect_async
from tests.support.tls import Authority, TlsProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.backends import Backends

SECRET = "s3cr3t p@ss/word"  # noqa: S105  (of a key of our own)


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


def use(url: str, name: str) -> None:
    with connect(url) as backend:
        s = SortedSet(backend, name)
        s.add("a", 1)
        assert s.pop() == "a"
        with s.claim(timeout=0) if len(s) else ExitStack():
            pass


async def use_async(url: str, name: str) -> None:
    async with connect_async(url) as backend:
        s = AsyncSortedSet(backend, name)
        await s.add("a", 1)
        assert await s.pop() == "a"


def refused(url: str, name: str) -> list[str]:
    """Return what blocking and asyncio sets say, with notes."""
    with pytest.raises(redis.ConnectionError) as caught:
        use(url, name)
    with pytest.raises(redis.ConnectionError) as caught_async:
        asyncio.run(use_async(url, name))
    return [
        "\n".join([str(e.value), *getattr(e.value, "__notes__", [])])
        for e in (caught, caught_async)
    ]


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_a_server_whose_authority_is_known(
    scheme: str, ports: dict[str, int], authority: Authority, name: str
) -> None:
    url = f"{scheme}://localhost:{ports['open']}?ssl_ca_certs={authority.certificate}"
    use(url, name)
    asyncio.run(use_async(url, name))
