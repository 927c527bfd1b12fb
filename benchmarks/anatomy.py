"""Where the time of one ``add`` goes: the same ZADD by more and more of what is between.

CPU time of the client, and of the server, so that waiting for each other does not count.
"""

from __future__ import annotations

import socket
from statistics import median
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.harness import Place, Result, apart, race
from redset import Merge, SortedSet, connect
from redset.backends import RedisBackend
from redset.backends.redis import keys
from redset.backends.redis._scripts import script
from tests.support.servers import HOST, Server
from tests.support.wire import pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS = 500
WAYS = {
    "bare socket": "what a kernel does for two messages, and nothing else",
    "held connection": "and redis-py's packing and parsing",
    "execute_command": "and its pool, retries and telemetry",
    "zadd": "and its own arguments",
    "EVALSHA of add.lua": "and the script's arguments in place of them",
    "backend.add by a client": "and a name for the request, keys, checks",
    "add by a client": "and coding and scores: all of a lent client's add",
    "add by connect": "all of it, over a connection that is kept beside the pool",
}


def run(*, quick: bool) -> Iterator[Result]:
    """Send the same item by every way."""
    rounds = 7 if quick else 41
    with (
        Server() as server,
        apart(server),
        redis.Redis(port=server.port) as client,
        connect(f"redis://localhost:{server.port}") as backend,
    ):
        calls = _calls(client, SortedSet(client, "jobs"), SortedSet(backend, "jobs"), server)
        yield from _client(calls, rounds)
        yield from _server(server, calls, rounds)


def _client(calls: dict[str, Callable[[], object]], rounds: int) -> Iterator[Result]:
    costs = race({name: _often(call) for name, call in calls.items()}, rounds=rounds)
    for name, told in WAYS.items():
        cost = costs[name] / CALLS * 1e6
        place = Place("anatomy", "client", name)
        yield Result(f"client: {name}", told, cost, unit=" µs", place=place)


def _server(
    server: Server, calls: dict[str, Callable[[], object]], rounds: int
) -> Iterator[Result]:
    costs: dict[str, list[float]] = {"zadd": [], "add by a client": []}
    for _ in range(rounds):
        for name, each in costs.items():
            before = _used(server)
            _often(calls[name])()
            each.append((_used(server) - before) / CALLS * 1e6)
    for name, each in costs.items():
        yield Result(f"server: {name}", "its CPU time", median(each), unit=" µs")


def _calls(
    client: redis.Redis, lent: SortedSet[str], opened: SortedSet[str], server: Server
) -> dict[str, Callable[[], object]]:
    backend = RedisBackend(client)
    lent.add("item")  # and so the server knows the script
    digest, names, arguments = _script()
    execute: Any = client.execute_command
    connection: Any = client.connection_pool.make_connection()
    bare = socket.create_connection((HOST, server.port))
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b"*4\r\n$4\r\nZADD\r\n$4\r\njobs\r\n$1\r\n0\r\n$4\r\nitem\r\n"

    def by_socket() -> None:
        bare.sendall(request)
        bare.recv(100)

    def by_connection() -> None:
        connection.send_command("ZADD", "jobs", 0, "item")
        connection.read_response()

    return {
        "bare socket": by_socket,
        "held connection": by_connection,
        "execute_command": lambda: execute("ZADD", "jobs", 0, "item"),
        "zadd": lambda: client.zadd("jobs", {"item": 0}),
        "EVALSHA of add.lua": lambda: execute("EVALSHA", digest, len(names), *names, *arguments),
        "backend.add by a client": lambda: backend.add("jobs", [(b"item", 0.0)], Merge.REPLACE),
        "add by a client": lambda: lent.add("item"),
        "add by connect": lambda: opened.add("item"),
    }


def _script() -> tuple[str, tuple[bytes, ...], tuple[object, ...]]:
    """Return what a backend sends to add one item, less the name of the request."""
    found = keys.add_keys("jobs")
    assert found is not None
    return script("add").digest, found, (1, b"", b"0.0", b"item")


def _often(call: Callable[[], object]) -> Callable[[], None]:
    def calls() -> None:
        for _ in range(CALLS):
            call()

    return calls


def _used(server: Server) -> float:
    used = pairs(server.call("INFO", "cpu"))
    return float(used["used_cpu_sys"]) + float(used["used_cpu_user"])
