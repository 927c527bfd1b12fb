"""What a run is to be like, and where its parts are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from redset import ScheduledSet, SortedSet

if TYPE_CHECKING:
    from tests.support.servers import Kind

__all__ = ["SETS", "USES", "Places", "Plan", "Use"]

Use = Literal["claim", "consume", "pop"]
USES: Final[tuple[Use, ...]] = get_args(Use)
SETS: Final[dict[str, type[SortedSet[int]]]] = {
    "SortedSet": SortedSet[int],
    "ScheduledSet": ScheduledSet[int],
}


@dataclass(frozen=True)
class Plan:
    """How much of what.

    Args:
        items: how many different items are added, each once before its duplicates.
        workers: how many processes work at one time.
        kill_every: seconds from one SIGKILL to the next.
        kills: how many there are to be at least; duplicates are added for as long.
        drop: the part of all replies that is lost.
        late: the part of all requests that arrive when their sender has sent them again.
        lease: seconds for which items are claimed.
        use: how workers get at items.
        server: what the set is kept on.
        kind: which set.
        seed: what chance follows.
        work: the longest an item's work takes, in seconds.
        slow: the part of all items on which work takes longer than the lease at first.
        again: the duplicates for each piece of work that is done.
        limit: seconds after which the run has failed.
    """

    items: int
    workers: int = 8
    kill_every: float = 0.2
    kills: int = 0
    drop: float = 0.01
    late: float = 0.002
    lease: float = 2.0
    use: Use = "claim"
    server: Kind = "valkey-9.1"
    kind: str = "SortedSet"
    seed: int = 0
    work: float = 0.002
    slow: float = 0.001
    again: float = 0.3
    limit: float = 3600.0


class Places(NamedTuple):
    """Ports: of the way to the set that loses replies, and of the register."""

    proxy: int
    register: int
