"""One set that is spread over many names, for more than one node can hold or do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from redset._async.queueing import AsyncQueueingSet
from redset._checks import check_sharded_name, check_shards
from redset._chunks import CHUNK, chunks
from redset._coding import open_coding
from redset._types import T
from redset.backends.sharded import AsyncShardedBackend
from redset.interfaces import Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeGuard

    from redset._async.algebra import AsyncAlgebraSet
    from redset._async.claims import AsyncClaim, AsyncDesk
    from redset._coding import Coding
    from redset.interfaces import (
        AsyncBackend,
        AsyncRedisClient,
        AsyncShardableBackend,
        Hold,
        Scorer,
        Serializer,
    )
    from redset.retry import Retry


class AsyncShardedSet(AsyncQueueingSet[T]):
    """A sorted set that is spread over shards, which the nodes of a cluster share.

    An item is in the shard that its hash says, so it is one item, and has one holder, as in any
    set. What is handed out is **nearly** the first: its mean rank is below twice the number of
    shards for one consumer, four times for sixteen, whatever the size of the set. Looking at it is
    exact, in one order. What cannot be had across nodes, as ``move`` and ``rank``, is not there.
    Fencing tokens of claims rise for each item, and within a shard, not across items of others.
    docs/sharding.md has it all.

    Cost: what is about one item is one call to its shard, and where the methods say "one round
    trip", what is about many, or about the whole set, is one to each shard that is concerned; at
    once with asyncio, one after the other in blocking code. While it waits, about four commands a
    second with up to 20 shards.

    If one of several shards fails, the others do their part of what is about many items, and then
    its error is raised, with a note of how many did. Call it again to have the rest done. Who takes
    or claims is given what the others have, and the error is logged; it is raised if that is
    nothing.

    Make it once, and keep it: it reads first how many shards there are.

    Args:
        redis_client: a Redis or Valkey client, or a backend, as long as that is a
            `redset.interfaces.AsyncShardableBackend`, as all of redset's own are.
        name: the name of the set, without braces. What is called so in the store is the layout,
            which says how many shards there are. The shards are called after it.
        scorer: gives the score of an item added without one; 0 for every item by default.
        serializer: turns items into bytes and back; text as UTF-8 by default.
        shards: over how many names a new set is spread, from 1 to 1024: two to four times as many
            as there are nodes, or are to be. One that exists keeps what it has; see `reshard`.
        merge: what becomes of the score of an item that is added again; by default, the
            new one replaces it.
        dead_limit: how many dead letters each shard keeps; beyond it, the oldest are dropped.
        retry: when items whose work failed are tried again; see `AsyncSortedSet`.
        key: gives what an item is known by; see `AsyncSortedSet`.
        payload: with ``key``, which item stays if another with its key is added; by default
            the newest.

    Raises:
        TypeError: if an argument is not what it should be; the message says what is.
        ValueError: if an argument is out of its range.

    Every call raises `KeyingError` if there is a set of this name that is not sharded, or was made
    with ``key`` and is opened without, or the reverse.

    >>> from asyncio import run
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     jobs = AsyncShardedSet(AsyncMemoryBackend(), "jobs", shards=3)
    ...     await jobs.update(["mow the lawn", "feed the cat", "mow the lawn"])
    ...     await jobs.reshard(5)
    ...     print(await jobs.length(), sorted(await jobs.take(10)))
    >>> run(main())
    2 ['feed the cat', 'mow the lawn']
    """

    @overload
    def __init__(
        self: AsyncShardedSet[str],
        redis_client: AsyncShardableBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[str] | None = None,
        serializer: None = None,
        *,
        shards: int = 8,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[str], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    @overload
    def __init__(
        self,
        redis_client: AsyncShardableBackend | AsyncRedisClient,
        name: str,
        scorer: None = None,
        *,
        serializer: Serializer[T],
        shards: int = 8,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[T], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    @overload
    def __init__(
        self,
        redis_client: AsyncShardableBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[T] | None,
        serializer: Serializer[T],
        *,
        shards: int = 8,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[T], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    def __init__(
        self,
        redis_client: AsyncShardableBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[Any] | None = None,
        serializer: Serializer[Any] | None = None,
        *,
        shards: int = 8,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[Any], str | bytes] | None = None,
        payload: Payload | None = None,
    ) -> None:
        check_sharded_name(name)
        self._shards = check_shards(shards)
        coding: Coding[T] = open_coding(serializer, key, payload)
        # A good size for each shard, and not too much to hold.
        self._chunk = CHUNK * min(shards, 8)
        super().__init__(redis_client, name, scorer, coding, merge, dead_limit, retry)
        view: Any = self._view
        self._sharded: AsyncShardedBackend = view

    async def shard_count(self) -> int:
        """Return how many shards the set has; while it is re-sharded, how many it will have.

        If there is no set yet, it is how many it would get. One round trip, O(1)
        (``handover/layout.lua``).
        """
        return await self._sharded.shard_count(self._name)

    async def reshard(self, shards: int) -> None:
        """Spread the set over another number of shards, while all who use it go on.

        Old shards are handed over one after the other. Calls that need one that is being handed
        over help, and wait until it is done; all others are not affected. Claims stay with their
        holders. Whenever this stops, be it by a crash, nothing is lost and all calls go on, for
        as long as it takes; to call it again finishes it. Two at once agree, and help each other.
        A few round trips for every 500 items, and for every old shard, O(log n) an item
        (``handover/pack.lua`` and its like).

        Args:
            shards: how many, from 1 to 1024.

        Raises:
            ValueError: if there cannot be so many.
        """
        await self._sharded.reshard(self._name, check_shards(shards))

    async def _acknowledge(self, claims: Mapping[Hold, AsyncClaim[T]]) -> int:
        # Noted as each shard answers, as another may fail.
        lost = 0

        def note(holds: Sequence[Hold], held: Sequence[bool]) -> None:
            nonlocal lost
            lost += self._settle(claims, holds, held)

        for holds in chunks(claims):
            await self._sharded.acknowledge(self._name, holds, self._merge, note=note)
        return lost

    async def _claim(
        self,
        backend: AsyncBackend,
        desk: AsyncDesk,
        num: int,
        timeout: float | None,
        done: Mapping[Hold, AsyncClaim[T]],
    ) -> list[AsyncClaim[T]]:
        # First, and noted at once, as they are at other shards than those that may fail next.
        await self._acknowledge(done)
        return await super()._claim(backend, desk, num, timeout, {})

    def _open(self, source: AsyncBackend | AsyncRedisClient) -> AsyncBackend:
        # It has the methods of a backend that are called here.
        backend: Any = super()._open(source)
        store: Any = AsyncShardedBackend(backend, self._shards)
        opened: AsyncBackend = store
        return opened

    def _shares_store(
        self,
        other: AsyncAlgebraSet[T] | Iterable[T],  # noqa: ARG002  (whatever it is)
    ) -> TypeGuard[AsyncAlgebraSet[T]]:
        # No server has the whole of it.
        return False
