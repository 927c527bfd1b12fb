"""Items that go from one set to another, and sets that are taken from together."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from redset._async.combining import AsyncCombiningSet
from redset._async.renaming import AsyncRenamingSet
from redset._checks import check_moment, check_sets, check_timeout
from redset._decoding import decode
from redset._types import T
from redset.exceptions import EmptySetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from redset._async.sets import AsyncSortedSet
    from redset.interfaces import Merge


class AsyncMovingSet(AsyncCombiningSet[T], AsyncRenamingSet[T]):
    """A set whose items can move to others. Not made directly: see its subclasses."""

    async def move(self, item: T, other: AsyncSortedSet[T]) -> bool:
        """Move an item to another set, with its score, by that set's merge rule.

        What waits in the set moves; what is claimed, parked or delayed does not. In the other
        set, it is as if the item was added.

        Args:
            item: the item.
            other: a sorted set on the same backend, with an equal serializer.

        Returns:
            Whether it was in this set. One round trip, O(log n) (``move.lua``). It is in one of
            the sets at any time, and has moved once, even if a client that loses the reply
            sends it again.

        Raises:
            TypeError: if the other is no sorted set.
            ValueError: if the other is not on this backend, or has another serializer; in a
                cluster, if the sets are in different slots.
        """
        target, merge = await self._target(other)
        # By the other's rules, for payloads, too.
        return await other._backend.move(self._name, self._identify(item), target, merge)  # noqa: SLF001

    async def pop_into(self, other: AsyncSortedSet[T]) -> T:
        """Move the first item to another set, with its score, by that set's merge rule.

        From a `ScheduledSet`, only what is due moves. What cannot be decoded becomes a dead
        letter of this set, and the next item moves.

        Args:
            other: a sorted set on the same backend, with an equal serializer.

        Returns:
            The item. Two round trips, O(log n) (``ZRANGEBYSCORE``, ``pop_into.lua``): it is looked
            at, and moves if it is still the first, or else the next one is looked at. Unlike with
            `pop`, it is not lost with the reply: it is in the other set then, and a client that
            sends the request again is given the same item.

        Raises:
            EmptySetError: if there is none. It is a `KeyError`.
            TypeError: if the other is no sorted set.
            ValueError: if the other is not on this backend, or has another serializer; in a
                cluster, if the sets are in different slots.
        """
        target, merge = await self._target(other)
        # By the other's rules, as in `move`.
        backend, high = other._backend, self._high  # noqa: SLF001  (of our own class)
        while found := await self._backend.range(self._name, -math.inf, high, count=1):
            first = found[0][0]
            pairs: list[tuple[T, float]]
            pairs, letters = decode(self._loads, found)
            if letters:
                await self._set_aside(first, letters[0])
            elif await backend.pop_into(self._name, target, merge, high=high, expected=first):
                return pairs[0][0]
        raise self._nothing()

    async def expire_at(self, when: float) -> bool:
        """Let the set go at a time, with its claims, dead letters, and all that is kept for it.

        As with Redis's own ``PEXPIREAT``, that concerns what there is of the set now, and what
        joins it: what comes after the last item has been taken is a new set, and the first
        claim, or the first dead letter, that there is after this call has no such end. So call
        it when nothing new is begun any more, or again then.

        Args:
            when: the time, in unix seconds by the store's clock; if it has passed, at once.

        Returns:
            Whether there is anything that goes. One round trip, O(1), or O(n) for what goes at
            once (``expire.lua``).

        Raises:
            ValueError: if the time is out of the range of servers.
        """
        return await self._backend.expire(self._name, check_moment(when))

    async def persist(self) -> bool:
        """Let the set stay, after `expire_at`.

        Returns:
            Whether it would have gone. One round trip, O(1) (``expire.lua``: ``PERSIST``).
        """
        return await self._backend.expire(self._name, None)

    async def _pop_first_of(
        self, sets: Sequence[AsyncMovingSet[T]], timeout: float | None
    ) -> tuple[int, T] | None:
        """Do the work of `pop_from_any_async`: return the place of a set, and its first item."""
        sources = [(each.name, each._high) for each in sets]  # noqa: SLF001  (of our own class)
        deadline = time.monotonic() + timeout if timeout else None
        for each in sets:
            await each._check_keying()  # noqa: SLF001  (see above)
        while found := await self._backend.pop_any(sources, timeout):
            place, entry = found
            for item in await sets[place]._decode_taken([entry]):  # noqa: SLF001  (see above)
                return place, item
            if deadline is not None:
                timeout = max(deadline - time.monotonic(), 0.0)
        return None

    def _renamed(self, new_name: str) -> Self:
        renamed = super()._renamed(new_name)
        renamed._latest_desk = None  # noqa: SLF001  (of our own class)
        return renamed

    async def _target(self, other: AsyncMovingSet[T]) -> tuple[str, Merge]:
        """Return the name and the merge rule of a set that items can move to."""
        check_sorted_set(other)
        if not self._shares_store(other):
            message = (
                f"{other!r} is not on {self._store!r} with an equal serializer and the same key, "
                "so nothing can move there in one step: add it there, then discard it here"
            )
            raise ValueError(message)
        await self._check_keying()
        return other.name, other._merge


async def pop_from_any_async(
    sets: Iterable[AsyncSortedSet[T]], timeout: float | None = 0.0
) -> tuple[AsyncSortedSet[T], T]:
    """Remove and return the first item of the first set that has one.

    The sets are looked at in the order given, so the first one has priority. From a
    `ScheduledSet`, only what is due is taken. What cannot be decoded becomes a dead letter of
    its set, and the next item is returned.

    An item is handed out at most once: it is gone if its taker fails. Unlike with ``pop``, it
    is not lost with a reply, if the client sends the request again.

    Args:
        sets: sorted sets on one backend; their serializers may differ.
        timeout: how many seconds to wait for an item of any of the sets; None waits for ever.

    Returns:
        The set, and the item. One round trip, O(log n) and O(1) for each set before it
        (``pop_any.lua``); while it waits, two commands a second. An add by redset, and a due
        time, end the wait at once; others' plain adds within a second.

    Raises:
        EmptySetError: if there is none. It is a `KeyError`.
        TypeError: if one is no sorted set.
        ValueError: if there is no set, or they are on several backends, or only some have keys,
            or the timeout is below 0; in a cluster, if the sets are in different slots.

    >>> from asyncio import run
    >>> from redset import AsyncSortedSet
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     store = AsyncMemoryBackend()
    ...     urgent, usual = AsyncSortedSet(store, "urgent"), AsyncSortedSet(store, "usual")
    ...     await usual.add("sweep the floor")
    ...     jobs, job = await pop_from_any_async([urgent, usual], timeout=5)
    ...     print(jobs.name, job)
    >>> run(main())
    usual sweep the floor
    """
    chosen = check_sets(sets)
    timeout = check_timeout(timeout)
    if not chosen:
        message = "sets is empty: give at least one to pop from"
        raise ValueError(message)
    for each in chosen:
        check_sorted_set(each)
        if each.backend != chosen[0].backend:
            message = (
                f"{chosen[0]!r} and {each!r} are on different backends: one call waits for one "
                "backend alone"
            )
            raise ValueError(message)
        if each.is_keyed is not chosen[0].is_keyed:
            message = f"{chosen[0]!r} and {each!r}: either all have keys, or none has"
            raise ValueError(message)
    found = await chosen[0]._pop_first_of(chosen, timeout)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (of our own module)
    if found is not None:
        place, item = found
        return chosen[place], item
    message = f"none of {', '.join(repr(each.name) for each in chosen)} has an item"
    raise EmptySetError(message)


def check_sorted_set(other: object) -> None:
    """Raise `TypeError` unless this is a sorted set of this kind."""
    if not isinstance(other, AsyncMovingSet):
        message = (
            f"{other!r} is no sorted set of this kind: a SortedSet goes with a SortedSet, and an "
            "AsyncSortedSet with an AsyncSortedSet"
        )
        raise TypeError(message)
