"""A set of items that are each forgotten after some time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

from redset._async.algebra import AsyncAlgebraSet
from redset._async.renaming import AsyncRenamingSet
from redset._checks import check_duration, check_items, check_num
from redset._chunks import CHUNK, chunks
from redset._coding import open_coding
from redset._types import T
from redset.interfaces import NOW, Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from redset.interfaces import AsyncBackend, AsyncRedisClient, Bound, Serializer


class AsyncTTLSet(AsyncAlgebraSet[T], AsyncRenamingSet[T]):
    """A set of items seen, each of which is forgotten when its time to live is over.

    An expired item is out of sight at once, by the store's clock; its memory is freed in
    small batches by later calls, and by Redis when the last item has expired.

    Args:
        redis_client: a Redis or Valkey client, or a backend.
        name: the name of the set, which is its key in the store.
        ttl: how many seconds an item lives that is added without a time of its own;
            `math.inf` for ever. Without it, every `add` must say.
        serializer: turns items into bytes and back; text as UTF-8 by default.
        merge: what becomes of the life of an item that is added again while it lives.
            By default it is not prolonged (`Merge.KEEP`): an item seen all the time is
            forgotten on time. `Merge.REPLACE` starts its time anew at each add.
        key: gives what an item is known by; see `AsyncSortedSet`.
        payload: with ``key``, which item stays if another with its key is added while it
            lives; by default the newest.

    Raises:
        TypeError: if an argument is not what it should be; the message says what is.
        ValueError: if an argument is out of its range.

    >>> from asyncio import run
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     seen = AsyncTTLSet(AsyncMemoryBackend(), "seen", ttl=3600)
    ...     print(await seen.add("a message"), await seen.add("a message"))
    >>> run(main())
    True False
    """

    _low: Bound = NOW

    @overload
    def __init__(
        self: AsyncTTLSet[str],
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        *,
        ttl: float | None = None,
        serializer: None = None,
        merge: Merge = Merge.KEEP,
        key: Callable[[str], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    @overload
    def __init__(
        self,
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        *,
        ttl: float | None = None,
        serializer: Serializer[T],
        merge: Merge = Merge.KEEP,
        key: Callable[[T], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    def __init__(
        self,
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        *,
        ttl: float | None = None,
        serializer: Serializer[Any] | None = None,
        merge: Merge = Merge.KEEP,
        key: Callable[[Any], str | bytes] | None = None,
        payload: Payload | None = None,
    ) -> None:
        self._ttl = None if ttl is None else check_duration(ttl, "ttl")
        super().__init__(redis_client, name, open_coding(serializer, key, payload), merge)

    async def add(self, item: T, ttl: float | None = None, *, merge: Merge | None = None) -> bool:
        """Add an item, and tell whether it was unseen.

        Args:
            item: the item.
            ttl: how many seconds it lives; the set's ``ttl`` by default.
            merge: what becomes of its life if it is alive; the set's own rule by default.

        Returns:
            True if the item was not in the set, or had expired. One round trip, O(log n).

        Raises:
            ValueError: if the time to live is not above 0, or neither given nor the set's.
        """
        entry = (self._dump(item), self._lifetime(ttl))
        (unseen,) = await self._backend.remember(self._name, [entry], self._rule(merge))
        return unseen

    async def update(
        self, items: Iterable[T], ttl: float | None = None, *, merge: Merge | None = None
    ) -> int:
        """Add many items.

        Args:
            items: any iterable of items.
            ttl: how many seconds they live; the set's ``ttl`` by default.
            merge: what becomes of the life of those alive; the set's own rule by default.

        Returns:
            How many were unseen. A round trip for every thousand, O(log n) an item.

        Raises:
            ValueError: if the time to live is not above 0, or neither given nor the set's.
        """
        return len(await self.add_unseen(items, ttl, merge=merge))

    async def add_unseen(
        self, items: Iterable[T], ttl: float | None = None, *, merge: Merge | None = None
    ) -> list[T]:
        """Add many items, and return those that were unseen.

        Args:
            items: any iterable of items.
            ttl: how many seconds they live; the set's ``ttl`` by default.
            merge: what becomes of the life of those alive; the set's own rule by default.

        Returns:
            The unseen items in the order given, each once. A round trip for every thousand,
            O(log n) an item.

        Raises:
            ValueError: if the time to live is not above 0, or neither given nor the set's.
        """
        lifetime = self._lifetime(ttl)
        unseen: list[T] = []
        for chunk in chunks(check_items(items)):
            entries = [(self._dump(item), lifetime) for item in chunk]
            flags = await self._backend.remember(self._name, entries, self._rule(merge))
            unseen += [item for item, flag in zip(chunk, flags, strict=True) if flag]
        return unseen

    async def length(self) -> int:
        """Return the number of items that are alive. One round trip, O(log n)."""
        return await self._backend.count(self._name, NOW, math.inf)

    async def contains(self, item: T) -> bool:
        """Tell whether an item is alive. One round trip, O(1)."""
        return await self.ttl(item) is not None

    async def ttl(self, item: T) -> float | None:
        """Return how many seconds an item has left to live.

        Args:
            item: the item.

        Returns:
            The seconds, `math.inf` if it lives for ever, None if it is not in the set. One
            round trip, O(1).
        """
        (lifetime,) = await self._backend.lifetimes(self._name, [self._identify(item)])
        return lifetime

    async def sweep(self, limit: int = 1000) -> int:
        """Free the memory of expired items, which are out of sight already.

        Args:
            limit: how many to remove at most; nothing is removed for less than 1.

        Returns:
            How many were removed. One round trip, O(log n + limit).
        """
        limit = check_num(limit, "limit")
        if limit < 1:
            return 0
        return await self._backend.remove_range(self._name, -math.inf, NOW, limit)

    async def _present(self, items: Sequence[T]) -> list[bool]:
        lives = await self._backend.lifetimes(self._name, self._members(items))
        return [life is not None for life in lives]

    async def _drop_expired(self) -> None:
        while await self.sweep(CHUNK) == CHUNK:
            pass

    def _lifetime(self, ttl: float | None) -> float:
        if ttl is not None:
            return check_duration(ttl, "ttl")
        if self._ttl is None:
            message = f"{self._name!r} has no ttl: pass one in seconds to it or to this call"
            raise ValueError(message)
        return self._ttl
