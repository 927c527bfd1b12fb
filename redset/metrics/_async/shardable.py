"""What an instrumented backend has besides if the other one can hold sharded sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redset._opening import is_shardable
from redset.metrics._async.instrumented import AsyncInstrumented

if TYPE_CHECKING:
    from redset.interfaces import AsyncShardableBackend, Parcel, Payload
    from redset.metrics._observer import Observer


class AsyncShardableInstrumented(AsyncInstrumented):
    """An instrumented backend on which sets can be sharded. Made by `instrument`."""

    def __init__(self, backend: AsyncShardableBackend, observer: Observer) -> None:
        super().__init__(backend, observer)
        self._shardable = backend

    def keyed(self, payload: Payload) -> AsyncShardableInstrumented:
        """See `redset.interfaces.ShardableBackend.keyed`."""
        view = self._shardable.keyed(payload)
        # Of a view that lacks something, sharded sets are to be told what.
        wrap: Any = AsyncShardableInstrumented if is_shardable(view) else AsyncInstrumented
        instrumented: AsyncShardableInstrumented = wrap(view, self._observer)
        return instrumented

    def monotonic(self) -> float:
        """See `redset.interfaces.ShardableBackend.monotonic`."""
        return self._shardable.monotonic()

    async def seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.seal`."""
        with self._observer.call(name, "seal"):
            await self._shardable.seal(name, target)

    async def is_sealed(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.is_sealed`."""
        with self._observer.call(name, "is_sealed"):
            return await self._shardable.is_sealed(name)

    async def pack(self, name: str, count: int) -> Parcel:
        """See `redset.interfaces.ShardableBackend.pack`."""
        with self._observer.call(name, "pack"):
            return await self._shardable.pack(name, count)

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `redset.interfaces.ShardableBackend.unpack`."""
        with self._observer.call(name, "unpack", len(parcel.states)):
            return await self._shardable.unpack(name, source, parcel)

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `redset.interfaces.ShardableBackend.unload`."""
        with self._observer.call(name, "unload", len(parcel.states)):
            await self._shardable.unload(name, parcel)

    async def end_seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_seal`."""
        with self._observer.call(name, "end_seal"):
            await self._shardable.end_seal(name, target)

    async def end_parcels(self, name: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_parcels`."""
        with self._observer.call(name, "end_parcels"):
            await self._shardable.end_parcels(name)

    async def layout(self, name: str) -> bytes | None:
        """See `redset.interfaces.ShardableBackend.layout`."""
        with self._observer.call(name, "layout"):
            return await self._shardable.layout(name)

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `redset.interfaces.ShardableBackend.put_layout`."""
        with self._observer.call(name, "put_layout"):
            return await self._shardable.put_layout(name, layout, step)

    async def drop_layout(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.drop_layout`."""
        with self._observer.call(name, "drop_layout"):
            return await self._shardable.drop_layout(name)
