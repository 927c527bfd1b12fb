"""Looking at a set that is spread over shards: the whole of it, in one order."""

from __future__ import annotations

import math
import random
from functools import partial
from typing import TYPE_CHECKING, Final

from redset._pickling import Local
from redset.backends.sharded._async.shards import AsyncShards
from redset.backends.sharded._merging import (
    first_in_order,
    first_size,
    in_turn,
    merge_letters,
    merge_pages,
    merge_stats,
    sample,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import AsyncShardableBackend, Bound, DeadLetter, Entry, Stats

# More than any set has.
_MANY: Final = 2**40


class AsyncShardedReading(Local):
    """Answers for a whole set by what its shards answer. Not made directly: see its subclass.

    Args:
        store: the backend with the shards, or a view of it.
        root: that backend itself.
        shards: how many shards a new set gets.
    """

    def __init__(
        self, store: AsyncShardableBackend, root: AsyncShardableBackend, shards: int
    ) -> None:
        self._store = store
        self._root = root
        self._shards = shards
        self._chance = random.Random()  # noqa: S311  (no secret)
        self._sets: dict[str, AsyncShards] = {}

    async def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`. One call a shard."""
        return sum(await self._of(name).each(self._store.length))

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`. One call a shard."""
        return sum(await self._of(name).each(lambda shard: self._store.count(shard, low, high)))

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`. One call a shard."""
        return merge_stats(
            await self._of(name).each(
                lambda shard: self._store.stats(shard, high),
                lambda stats: bool(stats.pending or stats.claimed or stats.dead),
            )
        )

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`. One call for each shard that is concerned."""
        return in_turn(await self._of(name).spread(members, bytes, self._store.scores))

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`. One call for each shard that is concerned."""
        answers = await self._of(name).spread(
            members, bytes, lambda shard, part: self._store.entries(shard, part, low=low)
        )
        found = {bytes(entry[0]): entry for _, entries in answers for entry in entries}
        return [found[member] for member in members if member in found]

    async def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.range`. One call a shard, seldom more.

        Of ``count`` entries, each shard is asked for its share and some more.
        """
        shards = self._of(name)
        read = partial(self._store.range, low=low, high=high, after=after, reverse=reverse)
        if count is None:
            return merge_pages(await shards.each(read), reverse=reverse)[offset:]
        wanted = min(offset + count, _MANY)
        size = first_size(wanted, len(await shards.names()))
        while True:
            most = min(size, wanted)
            pages = await shards.each(partial(read, count=most))
            entries, is_all = first_in_order(pages, most, reverse=reverse)
            if is_all or most == wanted or len(entries) >= wanted:
                return entries[offset:wanted]
            size *= 4

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`. One call a shard, seldom more.

        What comes before the slice is read, too, from the end of the set that it counts from.
        """
        if start < 0 and stop < 0:
            return (await self.slice(name, ~stop, ~start, reverse=not reverse))[::-1]
        if start < 0 or stop < 0:
            length = await self.length(name)
            start = max(start + length, 0) if start < 0 else start
            stop = stop + length if stop < 0 else stop
        if stop < start:
            return []
        everything = -math.inf, math.inf
        return await self.range(
            name, *everything, offset=start, count=stop - start + 1, reverse=reverse
        )

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`. Two calls a shard."""

        async def look(shard: str) -> tuple[int, list[Entry]]:
            return await self._store.length(shard), await self._store.sample(shard, count)

        return sample(await self._of(name).each(look), count, self._chance)

    async def is_keyed(self, name: str) -> bool | None:
        """See `redset.interfaces.Backend.is_keyed`. One call."""
        return await self._of(name).is_keyed()

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`. One call a shard, two for one without letters.

        What is passed over is read, too.
        """
        most = min(offset + count, _MANY)
        pages = await self._of(name).each(lambda shard: self._store.dead(shard, 0, most), bool)
        return merge_letters(pages)[offset:most]

    async def dead_count(self, name: str) -> int:
        """See `redset.interfaces.Backend.dead_count`. As many calls as `dead`."""
        return sum(await self._of(name).each(self._store.dead_count, bool))

    def _of(self, name: str) -> AsyncShards:
        """Return the shards of a set."""
        shards = self._sets.get(name)
        if shards is None:
            shards = self._sets[name] = AsyncShards(
                self._root, name, self._shards, is_keyed=self._store is not self._root
            )
        return shards
