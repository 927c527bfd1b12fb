"""A backend whose sets are each spread over several sets of another backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redset._opening import check_shardable
from redset.backends.sharded._async.taking import AsyncShardedTaking
from redset.backends.sharded._fanning import ignore
from redset.backends.sharded._merging import first_of, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import (
        AsyncShardableBackend,
        Bound,
        DeadLetter,
        Entry,
        Hold,
        Merge,
        Payload,
    )


class AsyncShardedBackend(AsyncShardedTaking):
    """Spreads each set over shards: sets of another backend, in different slots of a cluster.

    It has those methods of a `redset.interfaces.AsyncBackend` that can be kept across slots, and
    that a `redset.AsyncShardedSet` calls. A member is in the shard that its hash says, so each
    promise about one member holds. What is about the whole set asks all shards.

    Args:
        store: the backend with the shards, which can hand them over.
        shards: how many shards a new set gets.

    Raises:
        TypeError: if that backend cannot.
    """

    def __init__(self, store: AsyncShardableBackend, shards: int) -> None:
        check_shardable(store)
        super().__init__(store, store, shards)

    def __repr__(self) -> str:
        return f"<shards on {self._store!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncShardedBackend) and other._store == self._store

    def __hash__(self) -> int:
        return hash((AsyncShardedBackend, self._store))

    def keyed(self, payload: Payload) -> AsyncShardedBackend:
        """See `redset.interfaces.Backend.keyed`."""
        view = AsyncShardedBackend(self._root, self._shards)
        view._store = self._root.keyed(payload)
        check_shardable(view._store)
        return view

    async def reshard(self, name: str, shards: int) -> None:
        """Give a set another number of shards; see `redset.AsyncShardedSet.reshard`."""
        await self._of(name).reshard(shards)

    async def shard_count(self, name: str) -> int:
        """Return how many shards a set has; see `redset.AsyncShardedSet.shard_count`."""
        return await self._of(name).count()

    # Writing

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`. One call for each shard that is concerned."""
        shards = self._of(name)
        new = 0

        async def add(shard: str, part: list[Entry]) -> None:
            nonlocal new
            added = await self._store.add(shard, part, merge)
            new += added
            shards.note_added(shard, part)

        try:
            await shards.spread(entries, first_of, add, make=True)
        finally:
            # Also for what some shards have, if others fail.
            if new:
                await shards.bell.ring()
        return new

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `redset.interfaces.Backend.increment`. One call."""

        async def increment(shard: str, _: list[bytes]) -> float:
            return await self._store.increment(shard, member, by)

        shards = self._of(name)
        [(_, score)] = await shards.spread([member], bytes, increment, make=True)
        await shards.bell.ring()
        return score

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound) -> int:
        """See `redset.interfaces.Backend.remove`. One call for each shard that is concerned."""
        answers = await self._of(name).spread(
            members, bytes, lambda shard, part: self._store.remove(shard, part, low=low)
        )
        return sum(removed for _, removed in answers)

    async def remove_range(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.remove_range`. One call a shard."""
        removed: list[int] = []

        async def cut(shard: str) -> None:
            # Counted at once, as all shards are asked again if one of them is sealed.
            removed.append(await self._store.remove_range(shard, low, high))

        await self._of(name).each(cut)
        return sum(removed)

    async def clear(self, name: str) -> bool:
        """Remove all that the shards hold, 500 members a call; the layout stays.

        A re-sharding is finished first.
        """
        return await self._of(name).clear()

    # Claims

    async def acknowledge(
        self,
        name: str,
        holds: Sequence[Hold],
        merge: Merge,
        *,
        note: Callable[[list[Hold], list[bool]], object] = ignore,
    ) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`. One call for each shard concerned.

        Args:
            name: the name of the set.
            holds: the claims.
            merge: the rule for copies that were added meanwhile.
            note: is told of some of these which were held, as soon as their shard has answered:
                if another fails, nothing is returned.
        """
        answers = await self._of(name).spread(
            holds,
            first_of,
            lambda shard, part: self._store.acknowledge(shard, part, merge),
            any,
            note=lambda places, held: note([holds[place] for place in places], held),
        )
        return in_turn(answers)

    async def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        """See `redset.interfaces.Backend.release`. One call."""
        terms: dict[str, Any] = {"score": score, "delay": delay, "attempts": attempts}

        async def release(shard: str, _: list[Hold]) -> bool:
            return await self._store.release(shard, hold, merge, **terms)

        shards = self._of(name)
        [(_, held)] = await shards.spread([hold], first_of, release, bool)
        if held and delay <= 0:
            await shards.bell.ring()
        return held

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `redset.interfaces.Backend.extend`. One call for each shard that is concerned."""
        answers = await self._of(name).spread(
            holds, first_of, lambda shard, part: self._store.extend(shard, part, lease), any
        )
        return in_turn(answers)

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `redset.interfaces.Backend.reject`. One call for each shard that is concerned."""
        answers = await self._of(name).spread(
            rejected,
            lambda each: each[0][0],
            lambda shard, part: self._store.reject(shard, part, merge, limit),
            lambda answer: any(answer[0]),
        )
        held = in_turn([(places, flags) for places, (flags, _) in answers])
        return held, sum(dropped for _, (_, dropped) in answers)

    # Dead letters

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`. The limit is one of each shard."""
        answers = await self._of(name).spread(
            letters,
            lambda letter: letter.raw if letter.key is None else letter.key,
            lambda shard, part: self._store.bury(shard, part, limit),
            make=True,
        )
        return sum(dropped for _, dropped in answers)

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`. One call for each shard that is concerned."""
        shards = self._of(name)
        answers = await shards.spread(
            members, bytes, lambda shard, part: self._store.redrive(shard, part, merge), bool
        )
        moved = sum(moved for _, moved in answers)
        if moved:
            await shards.bell.ring()
        return moved

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`. One call for each shard that is concerned."""
        answers = await self._of(name).spread(members, bytes, self._store.forget, bool)
        return sum(dropped for _, dropped in answers)
