"""Sets that are handed over to others, in parcels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from redset.backends.redis import _parcels, keys
from redset.backends.redis._async.moving import AsyncMovingBackend
from redset.exceptions import SetExistsError

if TYPE_CHECKING:
    from redset.interfaces import Parcel

# How many members there are in a parcel at most.
_MOST: Final = 500


class AsyncHandoverBackend(AsyncMovingBackend):
    """The part of a backend that hands sets over. Every call is one script.

    All have their effect once, even if a client that loses the reply sends them again. Where
    replicas are waited for, they have what `seal` and `unpack` do before that is built upon.
    """

    async def seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.seal`. ``handover/seal.lua``, O(1).

        The key called ``name`` then is a text, so commands for sets fail with ``WRONGTYPE``.
        """
        self._check_slots([name, target])
        needed = keys.seal_keys(name, target)
        if not await self._connection.script("handover/seal", needed, [target]):
            message = f"{name!r} cannot be handed over as {target!r}: there is such a set"
            raise SetExistsError(message)

    async def is_sealed(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.is_sealed`. ``handover/sealed.lua``, O(1)."""
        return bool(await self._connection.script("handover/sealed", [name.encode()], []))

    async def pack(self, name: str, count: int) -> Parcel:
        """See `redset.interfaces.ShardableBackend.pack`.

        ``handover/pack.lua``, O(log n) a member.
        """
        needed = keys.handover_keys(name)
        reply = await self._connection.script("handover/pack", needed, [min(count, _MOST)])
        return _parcels.parcel(reply)

    async def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `redset.interfaces.ShardableBackend.unpack`.

        ``handover/unpack.lua``, O(log n) a member.
        """
        arguments = [source, parcel.number, *_parcels.parts(parcel)]
        needed = keys.handover_keys(name)
        return bool(await self._connection.script("handover/unpack", needed, arguments))

    async def unload(self, name: str, parcel: Parcel) -> None:
        """See `redset.interfaces.ShardableBackend.unload`.

        ``handover/unload.lua``, O(log n) a member.
        """
        if parcel.states:
            arguments = [parcel.number, *(state.member for state in parcel.states)]
            await self._connection.script("handover/unload", keys.handover_keys(name), arguments)

    async def end_seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_seal`. ``handover/end_seal.lua``, O(1)."""
        self._check_slots([name, target])
        numbers = [keys.sibling(each, keys.PARCEL) for each in (name, target)]
        needed = [name.encode(), *numbers]
        await self._connection.script("handover/end_seal", needed, [])

    async def end_parcels(self, name: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_parcels`.

        ``handover/end_parcels.lua``, O(1).
        """
        await self._connection.script("handover/end_parcels", keys.handover_keys(name), [])

    # Layouts

    async def layout(self, name: str) -> bytes | None:
        """See `redset.interfaces.ShardableBackend.layout`. ``handover/layout.lua``, O(1)."""
        reply = await self._connection.script("handover/layout", keys.handover_keys(name), [])
        if reply == b"":
            raise self._misfit(name)
        return bytes(reply) if reply else None

    async def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `redset.interfaces.ShardableBackend.put_layout`. ``handover/put_layout.lua``, O(1).

        The key called ``name`` is a text, as that of a sealed set.
        """
        needed = keys.handover_keys(name)
        reply = await self._connection.script("handover/put_layout", needed, [step, layout])
        if int(reply) < 0:
            raise self._misfit(name)
        return bool(reply)

    async def drop_layout(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.drop_layout`.

        ``handover/drop_layout.lua``, O(1).
        """
        needed = keys.handover_keys(name)
        return bool(await self._connection.script("handover/drop_layout", needed, []))

    def _misfit(self, name: str) -> SetExistsError:
        return SetExistsError(f"{name!r} has no layout: it is not a sharded set")
