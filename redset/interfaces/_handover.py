"""What a store of sets does to hand a set over to others, in blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from redset.interfaces._values import Parcel

__all__ = ["Handover"]


@runtime_checkable
class Handover(Protocol):
    """The part of a `Backend` that hands over what a set holds to sets elsewhere.

    They may be out of reach of one operation: in other slots of a cluster. So a set is sealed
    first, and given another name. From there its members go in parcels: `pack` reads one,
    `unpack` stores it where it is to be, `unload` removes it. Whoever stops in between does no
    harm, and any number may do it at once: all are given the same parcel, which has its number,
    and neither is stored nor removed twice.

    Keyed views do the same as what they are a view of: payloads go with their keys.
    """

    def seal(self, name: str, target: str) -> None:
        """Give a set another name, as `Combining.rename` does, and seal the name it had.

        For a day, or until `Backend.clear`, a sealed name has no set, and can have none. Every
        other call but `is_sealed` raises `SealedError`, or finds nothing; who waits is sent away
        by it within a second; nothing is stored. If the name is sealed already, nothing is done.

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

        Returns False, and does nothing, if this parcel or a later one of that source was unpacked
        here within a day. ``states`` may be some of the parcel's, if others go to other sets.
        """
        ...

    def unload(self, name: str, parcel: Parcel) -> None:
        """Remove the members of the latest parcel; one that is not does nothing.

        When nothing is left, nothing is kept for the set.
        """
        ...
