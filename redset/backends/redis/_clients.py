"""What is to be known about client objects, found out by looking, not by importing.

redis-py, valkey-py and fakeredis have classes of their own for the same things, so
they are told apart by their attributes and the names of their exceptions.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "asks_sentinels",
    "check_async_client",
    "check_client",
    "check_slots",
    "close_client",
    "close_client_async",
    "describe",
    "gives_up_at_once",
    "has_pool",
    "is_away",
    "is_cluster",
    "is_error",
    "is_lost",
    "is_unserved",
    "may_decode",
    "packer",
    "primary",
    "socket_timeout",
    "spreads_reads",
    "wait_slice",
]

# The longest that a blocking command waits on a server at one go, in seconds.
_SLICE = 1.0

# What a cluster answers when it has not carried a command out, and what clients make of that.
_UNSERVED = ("ClusterError", "SlotNotCoveredError", "AskError", "MovedError", "TryAgainError")
# Errors of connections that are no better later.
_REFUSED = ("AuthenticationError", "AuthorizationError", "MaxConnectionsError")
# What clients make that sends commands, too, and what it has that clients have not.
_OTHERS = {
    "execute": "is a pipeline, which keeps replies back: pass its client",
    "master_for": "knows where servers are: pass the client that its master_for(service) gives",
    "subscribe": "listens to channels, and has no other replies: pass its client",
}


def check_client(client: object) -> None:
    """Raise `TypeError` unless the client is a blocking one."""
    if inspect.iscoroutinefunction(_execute_command(client)):
        message = f"{_kind(client)} is an asyncio client: use it with an Async… set or backend"
        raise TypeError(message)


def check_async_client(client: object) -> None:
    """Raise `TypeError` unless the client is an asyncio one."""
    if not inspect.iscoroutinefunction(_execute_command(client)):
        message = (
            f"{_kind(client)} is a blocking client: use it with a set or backend without "
            "Async in its name, or take the client from redis.asyncio"
        )
        raise TypeError(message)


def check_slots(client: object, names: Iterable[str]) -> None:
    """Raise `ValueError` unless one command to this client's servers can reach all the sets."""
    if not is_cluster(client):
        return
    slot_of: Callable[[bytes], int] = client.keyslot  # type: ignore[attr-defined]  # of all clusters
    first, *others = dict.fromkeys(names)
    for other in others:
        if slot_of(other.encode()) != slot_of(first.encode()):
            message = (
                f"{first!r} and {other!r} are in different slots of the cluster, and no command "
                "reaches both: give their names one hash tag, as '{crawl}:seen' and "
                "'{crawl}:todo' have"
            )
            raise ValueError(message)


def describe(client: object) -> str:
    """Name a client by its class and address, without any secret."""
    options = _options(client)
    place = options.get("path") or ":".join(
        str(options[key]) for key in ("host", "port") if key in options
    )
    return f"{_kind(client)} {place}".rstrip()


def is_error(error: BaseException, name: str) -> bool:
    """Tell whether an exception is of a class with this name."""
    return any(kind.__name__ == name for kind in type(error).__mro__)


def is_lost(error: BaseException) -> bool:
    """Tell whether an error leaves open what became of a command."""
    return isinstance(error, OSError) or any(
        is_error(error, name) for name in ("ConnectionError", "TimeoutError")
    )


def is_away(error: BaseException) -> bool:
    """Tell whether an error is that of a server that may answer later, and has not refused us."""
    return is_lost(error) and not any(is_error(error, name) for name in _REFUSED)


def is_unserved(error: object) -> bool:
    """Tell whether an error says that no node of a cluster has carried a command out."""
    return isinstance(error, Exception) and any(is_error(error, name) for name in _UNSERVED)


def has_pool(client: object) -> bool:
    """Tell whether a client has connections to one server, and keeps them in a pool."""
    return hasattr(client, "connection_pool")


def asks_sentinels(pool: object) -> bool:
    """Tell whether a pool asks sentinels where the primary is."""
    return hasattr(pool, "sentinel_manager")


def is_cluster(client: object) -> bool:
    """Tell whether a client talks to the nodes of a cluster."""
    return hasattr(client, "nodes_manager")


def may_decode(client: object) -> bool:
    """Tell whether a client may turn members into text."""
    options = _options(client)
    return bool(options.get("decode_responses", not options))


def wait_slice(client: object) -> float:
    """Return how long one blocking command may wait: well within the client's timeout."""
    timeout = socket_timeout(client)
    return _SLICE if timeout is None else min(_SLICE, timeout / 2)


def socket_timeout(client: object) -> float | None:
    """Return for how many seconds a client waits for a reply, None for ever."""
    timeout = _options(client).get("socket_timeout")
    return None if timeout is None else float(timeout)


@cache
def packer() -> Callable[[tuple[object, ...]], bytes] | None:
    """Return what packs a command of text, bytes and numbers; None leaves that to connections.

    It is what redis-py calls, too, after it has looked at each argument.
    """
    try:
        hiredis: Any = import_module("hiredis")
    except ImportError:
        return None
    pack: Callable[[tuple[object, ...]], bytes] | None = getattr(hiredis, "pack_command", None)
    return pack


def gives_up_at_once(client: Any) -> bool:  # noqa: ANN401  (clients are told apart by looking)
    """Tell whether the client of a cluster was told to send nothing again."""
    attempts: int | None = getattr(client, "cluster_error_retry_attempts", None)
    return not (client.retry.get_retries() if attempts is None else attempts)


def spreads_reads(client: object) -> bool:
    """Tell whether the client of a cluster was told to read from replicas, too."""
    options = ("read_from_replicas", "load_balancing_strategy")
    return any(getattr(client, option, None) for option in options)


def primary(client: Any, key: bytes) -> Any:  # noqa: ANN401  (clients are told apart by looking)
    """Return what makes connections to the node of a cluster that has a key."""
    node = client.get_node_from_key(key)
    # In blocking modules a node has a client of its own; in those for asyncio it is one.
    for name in ("get_redis_connection", "get_valkey_connection"):
        if hasattr(client, name):
            return getattr(client, name)(node).connection_pool
    return node


async def execute_async(client: Any, *arguments: object, **options: object) -> Any:  # noqa: ANN401  (clients are told apart by looking)
    """Send a command through the asyncio client of a cluster."""
    # Many that are given to it before it knows the nodes make it fail, in redis-py 8.
    await client.initialize()
    return await client.execute_command(*arguments, **options)


def execute(client: Any, *arguments: object, **options: object) -> Any:  # noqa: ANN401  (clients are told apart by looking)
    """Send a command through the blocking client of a cluster."""
    return client.execute_command(*arguments, **options)


async def close_client_async(client: Any) -> None:  # noqa: ANN401  (clients are told apart by looking)
    """Close an asyncio client."""
    # redis-py 5.0.0 and cluster clients have no ``aclose``.
    await (client.aclose if hasattr(client, "aclose") else client.close)()
    if is_cluster(client):
        # It closes nothing while it is to look at the cluster anew, as after a slot has moved.
        manager = client.nodes_manager
        for node in (*manager.nodes_cache.values(), *manager.startup_nodes.values()):
            await node.disconnect()


def close_client(client: Any) -> None:  # noqa: ANN401  (clients are told apart by looking)
    """Close a blocking client."""
    client.close()


def _execute_command(client: object) -> object:
    command: object = getattr(client, "execute_command", None)
    if command is None:
        # Not shown itself: it may be a URL with a password.
        message = f"{_kind(client)} is no Redis client: it has no execute_command"
        raise TypeError(message)
    for attribute, fault in _OTHERS.items():
        if hasattr(client, attribute):
            message = f"{_kind(client)} {fault}"
            raise TypeError(message)
    return command


def _kind(client: object) -> str:
    kind = type(client)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


def _options(client: object) -> dict[str, Any]:
    get_options: Callable[[], dict[str, Any]] | None
    get_options = getattr(client, "get_connection_kwargs", None)
    return get_options() if callable(get_options) else {}
