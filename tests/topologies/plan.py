"""What a run is to be like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from tests.support.servers import Kind

__all__ = ["FAULTS", "KINDS_OF_SETS", "Fault", "KindOfSet", "Plan"]

KindOfSet = Literal["SortedSet", "ShardedSet"]
KINDS_OF_SETS: Final[tuple[KindOfSet, ...]] = get_args(KindOfSet)
Fault = Literal["reshard", "migrate", "cluster", "sentinel"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)


@dataclass(frozen=True)
class Plan:
    """How much of what.

    Args:
        fault: ``reshard`` moves the set's slot around a cluster of 3 nodes, key by key, and
            ``migrate`` by what Valkey 9 has for that; ``cluster`` kills the primary of the set in
            a cluster of 6 nodes; ``sentinel`` kills a primary with 2 replicas and 3 sentinels.
        faults: how often.
        kind: what the set is; of a sharded one, the node with its layout is "the" primary, which
            has some of its shards.
        server: what the set is kept on.
        wait_replicas: how many replicas are to have what is written.
        cut: for how many seconds the replicas hear nothing from a primary before it is killed;
            without ``wait_replicas``, until some items were added, too.
        hold: for how many seconds a slot is on its way.
        rest: seconds before each fault.
        producers: how many threads add items.
        workers: how many threads take them: of each way two, one blocking and one asyncio.
        backlog: how many items are left waiting until the end, so that the latest are among them.
        lease: seconds for which items are claimed.
    """

    fault: Fault
    faults: int = 1
    kind: KindOfSet = "SortedSet"
    server: Kind = "valkey-9.1"
    wait_replicas: int = 0
    cut: float = 0.1
    hold: float = 1.0
    rest: float = 1.0
    producers: int = 4
    workers: int = 8
    backlog: int = 500
    lease: float = 3.0
