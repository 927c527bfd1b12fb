"""What befalls the servers of a run."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redis.crc import key_slot

from tests.support import wire
from tests.support.servers import HOST, Cluster, Sentinel, Server, is_in_sync, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "kill_primary",
    "migrate_slot",
    "move_slot",
    "owner",
    "owns",
    "revive",
    "stuck_slot",
    "watched",
]

_LONG = 60.0


def move_slot(cluster: Cluster, name: str, hold: float) -> None:
    """Move the slot of a set to the next node, as ``redis-cli --cluster reshard`` does.

    For ``hold`` seconds it is on its way: half of that before its keys are moved, half after.
    """
    slot = key_slot(name.encode())
    source, target = _begin_to_move(cluster, name)
    time.sleep(hold / 2)
    while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
        assert isinstance(keys, list)
        for key in keys:
            assert isinstance(key, bytes)
            source.call("MIGRATE", HOST, target.port, key, 0, 5000)
    time.sleep(hold / 2)
    # The new owner first: it alone can say so to the others.
    others = [each for each in cluster.primaries if each not in {source, target}]
    for node in (target, source, *others):
        node.call("CLUSTER", "SETSLOT", slot, "NODE", _id(target))
    # Else what some hear late of the former owner may be taken for newer.
    wait_until(
        lambda: all(
            _epoch(target, by=node) == _epoch(target, by=target) for node in (source, *others)
        ),
        "all know how new it is that the slot is there",
    )


def migrate_slot(cluster: Cluster, name: str) -> None:
    """Have the servers themselves move the slot of a set to the next node, as Valkey 9 does."""
    slot = key_slot(name.encode())
    source, target = _neighbours(cluster, name)
    source.call("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", _id(target))
    wait_until(lambda: owns(cluster, name, target), "the slot has moved", timeout=_LONG)


@contextmanager
def stuck_slot(cluster: Cluster, name: str) -> Iterator[None]:
    """Have the slot of a set on its way to the next node, where it does not arrive."""
    slot = key_slot(name.encode())
    nodes = _begin_to_move(cluster, name)
    try:
        yield
    finally:
        for each in nodes:
            each.call("CLUSTER", "SETSLOT", slot, "STABLE")


def kill_primary(
    setup: Cluster | Sentinel, name: str, meanwhile: Callable[[], object] | None = None
) -> Server:
    """Kill the primary of a set, and return it when there is another.

    Before that, while ``meanwhile`` runs, its replicas hear nothing of it.
    """
    old = owner(setup, name)
    followers = [each for each in watched(setup) if each is not old and _follows(each, old)]
    _cut_off(old, followers, meanwhile)
    wait_until(lambda: _is_other(setup, name, old), "another takes over", timeout=_LONG)
    return old


def revive(setup: Cluster | Sentinel, name: str, server: Server) -> None:
    """Bring a server back, without what it had, and return when it follows the new primary."""
    primary = owner(setup, name)
    server.restart()
    if isinstance(setup, Sentinel):
        # Its options name the first primary, or none.
        server.call("REPLICAOF", HOST, primary.port)
        wait_until(lambda: _agree_on(setup, primary), "all sentinels agree", timeout=_LONG)
    wait_until(
        lambda: is_in_sync(server) and _follows(server, primary),
        "what was killed follows",
        [server],
        timeout=_LONG,
    )


def owner(setup: Cluster | Sentinel, name: str) -> Server:
    """Return the server that a set is written to."""
    (found,) = _primaries(setup, name)
    return found


def owns(setup: Cluster | Sentinel, name: str, server: Server) -> bool:
    """Tell whether a set is written to a server, as far as all agree."""
    return _primaries(setup, name) == [server]


def watched(setup: Cluster | Sentinel) -> Sequence[Server]:
    """Return the servers that may have the set."""
    if isinstance(setup, Cluster):
        return setup.servers
    return [setup.master, *setup.replicas]


def _neighbours(cluster: Cluster, name: str) -> tuple[Server, Server]:
    """Return the node that has a set, and the next one."""
    nodes = cluster.primaries
    source = owner(cluster, name)
    return source, nodes[(nodes.index(source) + 1) % len(nodes)]


def _begin_to_move(cluster: Cluster, name: str) -> tuple[Server, Server]:
    slot = key_slot(name.encode())
    source, target = _neighbours(cluster, name)
    target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", _id(source))
    source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", _id(target))
    return source, target


def _cut_off(
    primary: Server, replicas: Sequence[Server], meanwhile: Callable[[], object] | None
) -> None:
    """Have a primary go on without its replicas for a while, and kill it then."""
    for each in replicas:
        os.kill(each.pid, signal.SIGSTOP)
    try:
        if meanwhile is not None:
            primary.call("CLIENT", "KILL", "TYPE", "replica")
            meanwhile()
        primary.kill()
    finally:
        for each in replicas:
            os.kill(each.pid, signal.SIGCONT)


def _agree_on(setup: Sentinel, primary: Server) -> bool:
    return all(
        each.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", setup.service)
        == [HOST.encode(), str(primary.port).encode()]
        for each in setup.sentinels
    )


def _primaries(setup: Cluster | Sentinel, name: str) -> list[Server]:
    if isinstance(setup, Sentinel):
        address = setup.sentinels[0].call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", setup.service)
        assert isinstance(address, list)
        return [each for each in watched(setup) if str(each.port).encode() == address[1]]
    slot = key_slot(name.encode())
    return [each for each in setup.servers if each.running and _serves(each, slot)]


def _serves(node: Server, slot: int) -> bool:
    reply = node.call("CLUSTER", "SLOTS")
    assert isinstance(reply, list)
    mine = [each for each in reply if isinstance(each, list) and _first_port(each) == node.port]
    return any(low <= slot <= high for low, high in map(_bounds, mine))


def _bounds(slots: list[wire.Reply]) -> tuple[int, int]:
    low, high = slots[:2]
    assert isinstance(low, int)
    assert isinstance(high, int)
    return low, high


def _first_port(slots: list[wire.Reply]) -> wire.Reply:
    primary = slots[2]
    assert isinstance(primary, list)
    return primary[1]


def _is_other(setup: Cluster | Sentinel, name: str, old: Server) -> bool:
    found = _primaries(setup, name)
    return len(found) == 1 and found[0] is not old and _role(found[0]) == "master"


def _follows(replica: Server, primary: Server) -> bool:
    info = wire.pairs(replica.call("INFO", "replication"))
    return info.get("master_port") == str(primary.port)


def _role(server: Server) -> str:
    return wire.pairs(server.call("INFO", "replication"))["role"]


def _epoch(node: Server, by: Server) -> bytes:
    """Return how new what a node says of its slots is, as far as another one knows."""
    reply = by.call("CLUSTER", "NODES")
    assert isinstance(reply, bytes)
    (line,) = (line for line in reply.splitlines() if line.startswith(_id(node)))
    return line.split()[6]


def _id(node: Server) -> bytes:
    reply = node.call("CLUSTER", "MYID")
    assert isinstance(reply, bytes)
    return reply
