"""What a store of sets does to hand a set over to others, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from redset.interfaces._values import Parcel

__all__ = ["AsyncHandover"]


@runtime_checkable
class AsyncHandover(Protocol):
    """The part of an `AsyncBackend` that hands over what a set holds to sets elsewhere."""

    async def seal(self, name: str, target: str) -> None:
        """See `Backend.seal`."""
        ...

    async def is_sealed(self, name: str) -> bool:
        """See `Backend.is_sealed`."""
        ...

    async def pack(self, name: str, count: int) -> Parcel:
        """See `Backend.pack`."""
        ...

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `Backend.unpack`."""
        ...

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `Backend.unload`."""
        ...

    async def end_seal(self, name: str, target: str) -> None:
        """See `Backend.end_seal`."""
        ...

    async def end_parcels(self, name: str) -> None:
        """See `Backend.end_parcels`."""
        ...

    async def layout(self, name: str) -> bytes | None:
        """See `Backend.layout`."""
        ...

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `Backend.put_layout`."""
        ...

    async def drop_layout(self, name: str) -> bool:
        """See `Backend.drop_layout`."""
        ...
