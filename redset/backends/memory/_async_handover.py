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
        """See `redset.interfaces.Backend.seal`."""
        self._store.seal(name, target)

    async def is_sealed(self, name: str) -> bool:
        """See `redset.interfaces.Backend.is_sealed`."""
        return self._store.is_sealed(name)

    async def pack(self, name: str, count: int) -> Parcel:
        """See `redset.interfaces.Backend.pack`."""
        return self._store.pack(name, count)

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `redset.interfaces.Backend.unpack`."""
        return self._store.unpack(name, source, parcel)

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `redset.interfaces.Backend.unload`."""
        self._store.unload(name, parcel)
