"""From a URL to a backend that owns its connection.

==============================================  =========================================
URL                                             store
==============================================  =========================================
``memory://``                                   this process, a new store
``memory://name``                               this process, one store for each name
``redis://host:6379/0``, ``valkey://…``         one server
``rediss://…``, ``valkeys://…``                 one server, by TLS
``unix:///path/to/socket?db=0``                 one server, by a unix socket
``redis+cluster://host:7000,host:7001``         a cluster (also ``rediss+``, ``valkey+``)
``redis+sentinel://host:26379,host/name/0``     the primary of that name
==============================================  =========================================

``user:password@`` may stand before a host. What follows ``?`` is handed to redis-py's
client as its keyword arguments, as ``from_url`` does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redset.backends import (
    AsyncMemoryBackend,
    AsyncRedisBackend,
    MemoryBackend,
    RedisBackend,
)
from redset.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["connect", "connect_async"]

_DEFAULT_PORT = 6379
_SENTINEL_PORT = 26379

# Kept for as long as the process, as a server's data outlives its clients.
_stores: dict[str, MemoryBackend] = {}


class _Address(NamedTuple):
    """A URL taken apart. It may hold a password, so it goes into no message."""

    topology: str
    scheme: str
    rest: str
    parts: SplitResult


def connect(url: str) -> MemoryBackend | RedisBackend:
    """Open a backend for blocking sets.

    Args:
        url: where the sets are; the schemes are in the description of `redset.connecting`.

    Returns:
        A backend, to be closed when it is needed no more; it is a context manager, too.
        Nothing is sent before the first use, except to a cluster or to sentinels.

    Raises:
        ValueError: if the URL is not understood.
        MissingDependencyError: if the scheme needs the package redis, and it is missing.

    >>> with connect("memory://") as backend:
    ...     backend.length("jobs")
    0
    """
    address = _parse(url)
    if address.topology == "memory":
        return _store(address)
    redis = _import("redis", address)
    client, *others = _open(redis, redis, address)
    return RedisBackend(client, owns=[client, *others])


def connect_async(url: str) -> AsyncMemoryBackend | AsyncRedisBackend:
    """Open a backend for asyncio sets; see `connect`.

    A store named in a ``memory://name`` URL is shared with blocking sets.
    """
    address = _parse(url)
    if address.topology == "memory":
        return AsyncMemoryBackend(_store(address))
    redis = _import("redis", address)
    client, *others = _open(_import("redis.asyncio", address), redis, address)
    return AsyncRedisBackend(client, owns=[client, *others])


def _parse(url: object) -> _Address:
    if not isinstance(url, str):
        # Only its type is shown: there may be a password in it.
        message = f"a URL is a str, not {type(url).__name__}: hand a client to the set itself"
        raise TypeError(message)
    parts = urlsplit(url)
    scheme, _, topology = parts.scheme.partition("+")
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    known = {
        "memory": [""],
        "unix": [""],
        "redis": ["", "cluster", "sentinel"],
        "rediss": ["", "cluster", "sentinel"],
    }
    if topology not in known.get(scheme, []):
        message = (
            f"cannot connect by {parts.scheme or 'no scheme'!r}: use memory://, redis://, "
            "rediss://, unix://, valkey:// or valkeys://; servers also with +cluster or +sentinel"
        )
        raise ValueError(message)
    topology = topology or ("memory" if scheme == "memory" else "server")
    return _Address(topology, scheme, url.partition("://")[2], parts)


def _store(address: _Address) -> MemoryBackend:
    name = address.parts.netloc
    if address.rest != name:
        message = f"memory://{address.rest} has more than a name: use memory:// or memory://name"
        raise ValueError(message)
    if not name:
        return MemoryBackend()
    return _stores.setdefault(name, MemoryBackend())


def _import(module: str, address: _Address) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{address.parts.scheme}:// needs the package redis: pip install 'redset[redis]'"
        raise MissingDependencyError(message) from error


def _open(clients: ModuleType, redis: ModuleType, address: _Address) -> list[Any]:
    """Make the client of one of redis-py's two modules, and others that it needs."""
    parts = address.parts
    if address.topology == "server":
        url = f"{address.scheme}://{address.rest}"
        return [clients.Redis.from_url(url)]
    hosts = [_host(place, address) for place in parts.netloc.rpartition("@")[2].split(",")]
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    options: dict[str, Any] = _query(redis, parts.query)
    options |= {"username": unquote(user) or None, "password": unquote(password) or None}
    options["ssl"] = address.scheme == "rediss"
    if address.topology == "cluster":
        node = clients.cluster.ClusterNode
        return [clients.RedisCluster(startup_nodes=[node(*host) for host in hosts], **options)]
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        message = "a sentinel URL names a service: redis+sentinel://host:26379/service/0"
        raise ValueError(message)
    sentinel = clients.Sentinel(hosts, sentinel_kwargs={"ssl": options["ssl"]}, **options)
    return [sentinel.master_for(service, db=int(database or 0)), *sentinel.sentinels]


def _host(place: str, address: _Address) -> tuple[str, int]:
    default = _SENTINEL_PORT if address.topology == "sentinel" else _DEFAULT_PORT
    parts = urlsplit(f"//{place}")
    if not parts.hostname:
        message = (
            f"a {address.topology} URL names its hosts: redis+{address.topology}://host:{default}"
        )
        raise ValueError(message)
    return parts.hostname, parts.port or default


def _query(redis: ModuleType, query: str) -> dict[str, Any]:
    """Read options as redis-py does in its own URLs."""
    parsers = redis.connection.URL_QUERY_ARGUMENT_PARSERS
    return {key: parsers.get(key, str)(value) for key, value in parse_qsl(query)}
