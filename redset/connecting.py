"""From a URL to a backend that owns its connection.

==============================================  =========================================
URL                                             store
==============================================  =========================================
``memory://``                                   this process, a new store
``memory://name``                               this process, one store for each name
``redis://host:6379/0``                         one server
``rediss://host:6379/0``                        one server, by TLS
``unix:///path/to/socket?db=0``                 one server, by a unix socket
``redis+cluster://host:7000,host:7001``         a cluster, found by any of its nodes
``redis+sentinel://host:26379,host/name/0``     the primary that sentinels know by a name
==============================================  =========================================

``valkey`` may stand for ``redis``, and ``rediss`` or ``valkeys`` before ``+`` means TLS.
``user:password@`` may stand before the first host, or the path of a socket. After ``?`` come
options: the arguments of redis-py's client that are text, numbers or flags, and
``sentinel_username`` and ``sentinel_password``. All is percent-decoded.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from redset._options import connection_class, read_options
from redset._urls import parse
from redset.backends import (
    AsyncMemoryBackend,
    AsyncRedisBackend,
    MemoryBackend,
    RedisBackend,
)
from redset.backends.redis._remedies import explain
from redset.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

    from redset._urls import Address

__all__ = ["connect", "connect_async"]

# As many as servers let in by default: a client should not refuse what they would not.
_MOST_CONNECTIONS = 10_000

# Kept for as long as the process, as a server's data outlives its clients.
_stores: dict[str, MemoryBackend] = {}


def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | None = None,
    wait_replicas: int = 0,
    wait_timeout: float = 1.0,
) -> MemoryBackend | RedisBackend:
    """Open a backend for blocking sets.

    Args:
        url: where the sets are; the schemes are in the description of `redset.connecting`.
        username: the user, as it is, for a URL without one.
        password: the password, as it is, for a URL without one.
        wait_replicas: how many replicas are to have what adds items or ends claims; see
            `RedisBackend`.
        wait_timeout: for how many seconds to wait for them.

    Returns:
        A backend, to be closed when it is needed no more; it is a context manager, too.
        Nothing is sent before the first use, except to a cluster.

    Raises:
        ValueError: if the URL is not understood, has an option that is not known, or a value
            that is no good for it, or replicas are to be waited for and there can be none. The
            message shows neither values of options nor what may be secret.
        MissingDependencyError: if the scheme needs the package redis, and it is missing.

    >>> with connect("memory://") as backend:
    ...     backend.length("jobs")
    0
    """
    address = parse(url, {"username": username, "password": password})
    if address.topology == "memory":
        return _store(address, wait_replicas)
    redis = _import("redis", address)
    client, *others = _open(redis, redis, address)
    return RedisBackend(
        client, owns=[client, *others], wait_replicas=wait_replicas, wait_timeout=wait_timeout
    )


def connect_async(
    url: str,
    *,
    username: str | None = None,
    password: str | None = None,
    wait_replicas: int = 0,
    wait_timeout: float = 1.0,
) -> AsyncMemoryBackend | AsyncRedisBackend:
    """Open a backend for asyncio sets; see `connect`. Nothing is sent before the first use.

    A store named in a ``memory://name`` URL is shared with blocking sets.
    """
    address = parse(url, {"username": username, "password": password})
    if address.topology == "memory":
        return AsyncMemoryBackend(_store(address, wait_replicas))
    redis = _import("redis", address)
    client, *others = _open(_import("redis.asyncio", address), redis, address)
    return AsyncRedisBackend(
        client, owns=[client, *others], wait_replicas=wait_replicas, wait_timeout=wait_timeout
    )


def _store(address: Address, wait_replicas: int) -> MemoryBackend:
    if wait_replicas:
        message = f"wait_replicas is {wait_replicas!r}, but a store in memory has no replicas"
        raise ValueError(message)
    if address.options:
        message = "a memory:// URL has a name and no more: memory:// or memory://name"
        raise ValueError(message)
    if not address.name:
        return MemoryBackend()
    return _stores.setdefault(address.name, MemoryBackend())


def _import(module: str, address: Address) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = f"{address.scheme}:// needs the package redis: pip install 'redset[redis]'"
        raise MissingDependencyError(message) from error


def _open(clients: ModuleType, redis: ModuleType, address: Address) -> list[Any]:
    """Make the client of one of redis-py's two modules, and others that it needs."""
    options = _hide(redis, read_options(clients, redis, address))
    options.setdefault("max_connections", _MOST_CONNECTIONS)
    if address.topology == "cluster":
        return [_open_cluster(clients, address, options)]
    if address.topology == "sentinel":
        return _open_sentinel(clients, redis, address, options)
    if address.topology == "socket":
        options["path"] = address.name
    else:
        options["host"], options["port"] = address.hosts[0]
    connection = connection_class(clients, address)
    pool = clients.ConnectionPool(connection_class=connection, **options)
    return [clients.Redis.from_pool(pool)]


def _open_cluster(clients: ModuleType, address: Address, options: dict[str, Any]) -> Any:  # noqa: ANN401  (redis-py's own)
    nodes = [clients.cluster.ClusterNode(*host) for host in address.hosts]
    try:
        return clients.RedisCluster(startup_nodes=nodes, ssl=address.encrypted, **options)
    except Exception as error:
        # Blocking clients look for the nodes at once.
        explain(error)
        raise


def _open_sentinel(
    clients: ModuleType, redis: ModuleType, address: Address, options: dict[str, Any]
) -> list[Any]:
    asked = {name: options[name] for name in options if name.startswith(("socket_", "ssl_"))}
    if "sentinel_credential_provider" in options:
        asked["credential_provider"] = options.pop("sentinel_credential_provider")
    # Where one sentinel fails, the next is asked, so none is tried again.
    asked["retry"] = clients.retry.Retry(redis.backoff.NoBackoff(), 0)
    asked["ssl"] = options["ssl"] = address.encrypted
    sentinel = clients.Sentinel(address.hosts, sentinel_kwargs=asked, **options)
    return [sentinel.master_for(address.name), *sentinel.sentinels]


def _hide(redis: ModuleType, options: dict[str, Any]) -> dict[str, Any]:
    """Return options with their secrets where no repr of a client shows them."""
    secret = ("username", "password")
    hidden = {name: value for name, value in options.items() if not name.endswith(secret)}
    for whose in ("", "sentinel_"):
        user, password = (options.get(whose + each) for each in secret)
        if user or password:
            provider = redis.credentials.UsernamePasswordCredentialProvider(user, password)
            hidden[f"{whose}credential_provider"] = provider
    if "ssl_password" in options:
        hidden["ssl_password"] = lambda: options["ssl_password"]
    return hidden
