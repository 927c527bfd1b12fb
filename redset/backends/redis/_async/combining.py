"""Sets made of other sets, by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.backends.redis import commands, keys
from redset.backends.redis._async.claiming import AsyncClaimingBackend
from redset.backends.redis._clients import check_slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redset.interfaces import Merge, Weighing


class AsyncCombiningBackend(AsyncClaimingBackend):
    """The part of a backend that combines and compares sets. Every call is one script."""

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `redset.interfaces.Backend.union`.

        ``algebra/union.lua``: ``ZUNIONSTORE``, O(m log m) for all m entries.
        """
        return await self._combine("algebra/union", name, others, commands.meeting(merge))

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        """See `redset.interfaces.Backend.intersect`.

        ``algebra/intersect.lua``: ``ZDIFFSTORE``, or ``ZINTERSTORE`` where scores are weighed,
        O(n log n) a set.
        """
        how = [] if weighing is None else commands.meeting(weighing)
        return await self._combine("algebra/intersect", name, others, how)

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `redset.interfaces.Backend.subtract`.

        ``algebra/subtract.lua``: ``ZDIFFSTORE``, O(m + n log n) for m entries of all sets.
        """
        return await self._combine("algebra/subtract", name, others, [])

    async def is_disjoint(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_disjoint`. ``compare.lua``, O(n) for the smaller."""
        return await self._compare(name, other, 0)

    async def is_subset(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_subset`. ``compare.lua``, O(n)."""
        return await self._compare(name, other, 1)

    async def _combine(
        self, script: str, name: str, others: Sequence[str], how: Sequence[object]
    ) -> int:
        self._check_slots([name, *others])
        return int(await self._connection.script(script, keys.algebra_keys(name, others), how))

    async def _compare(self, name: str, other: str, is_for_all: int) -> bool:
        self._check_slots([name, other])
        compared = [name.encode(), other.encode()]
        return bool(await self._connection.script("compare", compared, [is_for_all]))

    def _check_slots(self, names: Iterable[str]) -> None:
        check_slots(self._connection.client, names)
