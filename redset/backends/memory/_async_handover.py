"""An asyncio view of how a memory store hands sets over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redset.backends.memory._store import MemoryBackend
    from redset.interfaces import Parcel

__all__ = ["AsyncHandoverMemory"]


class AsyncHandoverMemory:
    """The part of an asyncio memory backend that hands sets over to others."""

    _store: MemoryBackend

    async def seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.seal`."""
        self._store.seal(name, target)

    async def is_sealed(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.is_sealed`."""
        return self._store.is_sealed(name)

    async def pack(self, name: str, count: int) -> Parcel:
        """See `redset.interfaces.ShardableBackend.pack`."""
        return self._store.pack(name, count)

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `redset.interfaces.ShardableBackend.unpack`."""
        return self._store.unpack(name, source, parcel)

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `redset.interfaces.ShardableBackend.unload`."""
        self._store.unload(name, parcel)

    async def end_seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_seal`."""
        self._store.end_seal(name, target)

    async def end_parcels(self, name: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_parcels`."""
        self._store.end_parcels(name)

    async def layout(self, name: str) -> bytes | None:
        """See `redset.interfaces.ShardableBackend.layout`."""
        return self._store.layout(name)

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `redset.interfaces.ShardableBackend.put_layout`."""
        return self._store.put_layout(name, layout, step)

    async def drop_layout(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.drop_layout`."""
        return self._store.drop_layout(name)
