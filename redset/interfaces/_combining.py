"""What a store of sets does with several of them, in blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces._values import Bound, Entry, Merge, Weighing

__all__ = ["Combining"]


@runtime_checkable
class Combining(Protocol):
    """The part of a `Backend` that deals with several sets, or with a set as a whole.

    What other sets hold is what waits in them: not what is claimed, parked or held back. A
    set may be among its own others, and a member may move to the set in which it is: it stays.
    """

    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """Add all entries of other sets, one set after the other; return how many were new.

        With a `Weighing`, scores are aggregated, in the order of the sets. The payload of a key is
        then that of the last of the others that has it; with `Payload.FIRST`, that of the set
        itself, or else of the first other one. If the set is among its own others, it counts as
        it is by its turn; with a `Weighing`, as it was, and its payloads are not added again.
        """
        ...

    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        """Remove members that are not in all the others; return how many were removed.

        Those that are parked or held back are removed, and counted, too; those that are claimed
        stay so. Scores stay, unless there is a `Weighing`: then those of the set itself are
        aggregated with the others'.
        """
        ...

    def subtract(self, name: str, others: Sequence[str]) -> int:
        """Remove members that are in any of the others, as `Backend.remove` does; count them."""
        ...

    def is_disjoint(self, name: str, other: str) -> bool:
        """Tell whether no member is in both sets."""
        ...

    def is_subset(self, name: str, other: str) -> bool:
        """Tell whether all members are in the other set, too."""
        ...

    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """Add a member to another set, with its score, and remove it from this one.

        Returns whether it was there. What is claimed, parked or held back does not move.
        """
        ...

    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = ...,
        expected: bytes,
    ) -> Entry | None:
        """Move the first entry with a score up to ``high`` to another set, and return it.

        It moves only if it is the member that is expected, in a keyed set with that payload.

        Returns None if nothing moves. Only infinity and `NOW` occur as ``high``.
        """
        ...

    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """Remove the first entry of the first set that has one with a score up to its bound.

        Waits up to ``timeout`` seconds (None: for ever), as `Backend.wait_pop` does: whatever
        brings an entry of one of the sets in reach ends the wait, within a second at the latest.

        Returns the place of the set among ``sources``, and the entry; None if time is over.
        """
        ...

    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """Give a set another name, with its claims, dead letters, and all else but a lock.

        The other name is never its own, and locks stay where they are. Tokens of its next claims
        are higher than any that were given under either name. What has the other name already
        goes, if ``replace`` says so.

        Returns None, and does nothing, if there is nothing of the set; False if there is
        something of the other one, which is not to be replaced.
        """
        ...

    def expire(self, name: str, when: float | None) -> bool:
        """Let a set go at a time, in unix seconds by the backend's clock; None: never.

        Its members, its claims with what is parked and held back, and its dead letters go: each
        of these three if there are some now, with what joins them, unless they run out before.
        If the time has come, they go at once.

        Returns whether there was anything that goes; for None, anything that would have gone.
        """
        ...
