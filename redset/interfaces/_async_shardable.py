"""What a store is on which sets can be sharded, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from redset.interfaces._async_backend import AsyncBackend

if TYPE_CHECKING:
    from redset.interfaces._values import Parcel, Payload

__all__ = ["AsyncShardableBackend"]


@runtime_checkable
class AsyncShardableBackend(AsyncBackend, Protocol):
    """The asyncio twin of `ShardableBackend`, which `redset.AsyncShardedSet` needs."""

    async def seal(self, name: str, target: str) -> None:
        """See `ShardableBackend.seal`."""
        ...

    async def is_sealed(self, name: str) -> bool:
        """See `ShardableBackend.is_sealed`."""
        ...

    async def pack(self, name: str, count: int) -> Parcel:
        """See `ShardableBackend.pack`."""
        ...

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `ShardableBackend.unpack`."""
        ...

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `ShardableBackend.unload`."""
        ...

    async def end_seal(self, name: str, target: str) -> None:
        """See `ShardableBackend.end_seal`."""
        ...

    async def end_parcels(self, name: str) -> None:
        """See `ShardableBackend.end_parcels`."""
        ...

    async def layout(self, name: str) -> bytes | None:
        """See `ShardableBackend.layout`."""
        ...

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `ShardableBackend.put_layout`."""
        ...

    async def drop_layout(self, name: str) -> bool:
        """See `ShardableBackend.drop_layout`."""
        ...

    def keyed(self, payload: Payload) -> AsyncShardableBackend:
        """See `ShardableBackend.keyed`."""
        ...

    def monotonic(self) -> float:
        """See `ShardableBackend.monotonic`."""
        ...
