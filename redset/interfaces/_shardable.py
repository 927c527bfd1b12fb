"""What a store is on which sets can be sharded, in blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from redset.interfaces._backend import Backend

if TYPE_CHECKING:
    from redset.interfaces._values import Parcel, Payload

__all__ = ["ShardableBackend"]


@runtime_checkable
class ShardableBackend(Backend, Protocol):
    """A `Backend` on which sets can be sharded: it can hand over what a set holds to others.

    `redset.ShardedSet` needs one; for all other sets, a `Backend` will do. What is more here is
    how shards are handed over to new ones when there are to be more or fewer of them, where the
    layout of a sharded set is kept, and the clock that waiting goes by.
    `redset.testing.HandoverConformance` states it as tests.

    Sets may be out of reach of one operation: in other slots of a cluster. So a set is sealed
    first, and given another name. From there its members go in parcels: `pack` reads one,
    `unpack` stores it where it is to be, `unload` removes it. Whoever stops in between does no
    harm, and any number may do it at once: all are given the same parcel, which has its number,
    and neither is stored nor removed twice. When all has been handed over, `end_seal` and
    `end_parcels` let go what is remembered of it.

    A set that is spread over several others has a **layout** at its name, which says how. A name
    with a layout has no set, and can have none, as if it were sealed, so nobody takes the layout
    for an item. `is_sealed` is true of it, and `seal` and `end_seal` do nothing to it.
    """

    def seal(self, name: str, target: str) -> None:
        """Give a set another name, as `Backend.rename` does, and seal the name it had.

        Until a day after `end_seal`, or until `Backend.clear`, a sealed name has no set, and can
        have none. Other calls raise `SealedError`, or find nothing; but `is_sealed` tells of it,
        `layout` and `put_layout` raise `SetExistsError`, `end_seal` lets it go, and `end_parcels`
        raises nothing. Who waits is sent away within a second; nothing is stored. If the name is
        sealed already, nothing is done.

        Raises `SetExistsError`, changing nothing, if something has the other name.
        """
        ...

    def is_sealed(self, name: str) -> bool:
        """Tell whether a name is sealed."""
        ...

    def pack(self, name: str, count: int) -> Parcel:
        """Return up to ``count`` members, at most 500, with all that is kept for them.

        It is the same parcel, of whatever count, until it is unloaded; only a set that nobody
        else uses is packed. There are no states in it if nothing is left of the set.
        """
        ...

    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """Store the members of a parcel in a set, exactly as they were in ``source``.

        What is claimed is held by the same token until the same deadline, and tokens of later
        claims are higher than all that there were. If some of the set is to go at a time, it is
        the later one of those here and there.

        Returns False, and does nothing, if members of this parcel or a later one of that source
        were unpacked here, which is known until a day after `end_parcels`. ``states`` may be some
        of the parcel's, if others go to other sets.
        """
        ...

    def unload(self, name: str, parcel: Parcel) -> None:
        """Remove the members of the latest parcel; one that is not does nothing.

        When nothing is left, nothing is kept for the set.
        """
        ...

    def end_seal(self, name: str, target: str) -> None:
        """Let go in a day the seal of a name, and the number of the next parcel of its set.

        ``target`` is what that was called since. It is to be called when everything has been
        handed over, and all who use the set know where it went. A set, or a layout, of the name
        stays.
        """
        ...

    def end_parcels(self, name: str) -> None:
        """Let go in a day what is known of the parcels that a set was given.

        It is to be called when everything has been handed over to it.
        """
        ...

    # Layouts

    def layout(self, name: str) -> bytes | None:
        """Return the layout at a name; None if there is nothing at all.

        Raises `SetExistsError` if there is a set, or anything else.
        """
        ...

    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """Put a layout at a name, unless one of this step or a later one is there.

        Returns whether it was put there. It stays until `drop_layout`: `Backend.clear` raises
        `SealedError`. Raises `SetExistsError`, changing nothing, if there is a set, or anything
        else.
        """
        ...

    def drop_layout(self, name: str) -> bool:
        """Remove the layout at a name; return whether there was one. A set, or a seal, stays."""
        ...

    # Not first, or pyright takes what is for asyncio for one of these: it asks itself what this
    # returns before it has seen another difference.

    def keyed(self, payload: Payload) -> ShardableBackend:
        """Return a view of this backend whose sets are keyed; see `Backend.keyed`.

        It hands over any set, as this one does: payloads go with their keys.
        """
        ...

    def monotonic(self) -> float:
        """Return seconds by the clock that timeouts are measured by, as `time.monotonic` does."""
        ...
