"""The shards of one set: which of them to ask, also while they are handed over to new ones."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from redset.backends.sharded._async.bells import AsyncBell
from redset.backends.sharded._async.layouts import AsyncLayouts
from redset.backends.sharded._choosing import Chooser
from redset.backends.sharded._fanning import gather_async, ignore, kept, told
from redset.backends.sharded._naming import leaving_name
from redset.exceptions import LockTimeout, SealedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from redset.backends.sharded._naming import Generation, Layout
    from redset.interfaces import AsyncShardableBackend, Entry, State

G = TypeVar("G")
R = TypeVar("R")

# How many members are handed over by one call.
_PARCEL: Final = 500
# How long to leave the handing over of a shard to another before helping, and after how long that
# one is taken for dead. Both in seconds; two at once do no harm.
_PATIENCE: Final = 1.0
_EXPIRES: Final = 10.0


def is_sure(_: object) -> bool:
    """Tell that an answer needs no second look: a sealed shard would have raised an error."""
    return True


class AsyncShards:
    """Asks the shards of one set.

    A member is in its old shard until that is sealed, and from then on in its new one. Whoever
    meets a sealed shard helps to hand over what is left of it, and asks anew.

    Args:
        store: the backend with the shards.
        name: the name of the set.
        shards: how many shards to make if there is no such set.
        is_keyed: whether items have keys.
    """

    def __init__(
        self, store: AsyncShardableBackend, name: str, shards: int, *, is_keyed: bool
    ) -> None:
        self._store = store
        self._layouts = AsyncLayouts(store, name, shards, is_keyed=is_keyed)
        self.bell = AsyncBell(store, name)
        # Old shards of which nothing is left.
        self._moved: set[str] = set()
        self.first = Chooser()
        self.last = Chooser(reverse=True)

    async def names(self) -> Sequence[str]:
        """Return the names of all shards that may hold members."""
        new, old = self._standing(await self._layouts.current())
        return (*new, *old) if old else new

    async def count(self) -> int:
        """Return how many shards the set has, or will have when a re-sharding is done."""
        layout = await self._layouts.read()
        return layout.new.shards

    async def is_keyed(self) -> bool | None:
        """Tell whether items have keys; None if there is no set."""
        layout = await self._layouts.find()
        return None if layout is None else layout.is_keyed

    async def each(
        self, ask: Callable[[str], Awaitable[R]], is_sure: Callable[[R], bool] = is_sure
    ) -> list[R]:
        """Ask all shards.

        Args:
            ask: asks the shard of a name.
            is_sure: tells whether an answer cannot be that of a sealed shard.

        Returns:
            What they answered. All answers are of one state: no member was handed over from
            one to another in between.
        """
        while True:
            new, old = self._standing(await self._layouts.current())
            answers = await gather_async([self._ask(name, ask, is_sure) for name in new])
            # After the new ones: what an old one still has was in none of them.
            answers += await gather_async([self._ask(name, ask, is_sure) for name in old])
            sealed = [name for name, given in zip((*new, *old), answers, strict=True) if not given]
            if not sealed:
                return [answer for given in answers for answer in given]
            for name in sealed:
                await self.follow(name)

    async def spread(
        self,
        given: Sequence[G],
        member_of: Callable[[G], bytes],
        ask: Callable[[str, list[G]], Awaitable[R]],
        is_sure: Callable[[R], bool] = is_sure,
        *,
        note: Callable[[list[int], R], object] = ignore,
        make: bool = False,
    ) -> list[tuple[list[int], R]]:
        """Ask the shards to which members belong, each of them even if another fails.

        Args:
            given: what to hand to the shards.
            member_of: tells which member a part of it is about.
            ask: asks the shard of a name about some of it, in the order given.
            is_sure: tells whether an answer cannot be that of a sealed shard.
            note: is told at once what is returned in the end, if none fails.
            make: whether to make the set if there is none.

        Returns:
            What each was asked about, as places in what was given, and what it answered.
        """
        answered: list[tuple[list[int], R]] = []
        failures: list[Exception] = []

        async def ask_about(name: str, places: list[int]) -> list[int]:
            """Return what another shard is to be asked about, as this one is sealed."""
            part = list(map(given.__getitem__, places))
            with kept(failures):
                answers = await self._ask(name, lambda shard: ask(shard, part), is_sure)
                if not answers:
                    return places
                for answer in answers:
                    answered.append((places, answer))
                    note(places, answer)
            return []

        members = list(map(member_of, given))
        open_places: Sequence[int] = range(len(given))
        while open_places:
            layout = await self._layouts.current(make=make)
            groups: defaultdict[str, list[int]] = defaultdict(list)
            homes = self._homes(layout, map(members.__getitem__, open_places))
            for place, home in zip(open_places, homes, strict=True):
                groups[home].append(place)
            sealed = await gather_async([ask_about(*group) for group in groups.items()])
            open_places = []
            for name, places in zip(groups, sealed, strict=True):
                if places:
                    with kept(failures):
                        await self.follow(name)
                        open_places += places
        if failures:
            raise told(failures[0], done=len(answered), failed=len(failures))
        return answered

    def note_added(self, name: str, entries: Sequence[Entry]) -> None:
        """Note what was added to a shard, which may be what is to be taken next."""
        self.first.note_added(name, entries)
        self.last.note_added(name, entries)

    async def follow(self, name: str) -> None:
        """Go where the members of a sealed shard have gone, and help to bring them there."""
        layout = await self._layouts.read()
        if layout.old is not None and name in layout.old.names:
            await self._hand_over(name, layout.new)
        elif name in layout.new.names:
            message = f"the shard {name!r} is sealed, but the layout of its set knows no other"
            raise SealedError(message)

    async def reshard(self, shards: int) -> None:
        """Have as many shards, and finish what re-sharding there is.

        It ends soon if that many are there. Old shards are handed over one after the other.
        """
        while True:
            layout = await self._layouts.read(make=True)
            if layout.old is not None:
                await self._leave(layout.old, layout.new)
                if not await self._layouts.put(layout.emptied):
                    # Who is late by days has sealed names that were free again.
                    await self._let_go(layout.old, layout.new)
            elif layout.left is not None:
                await self._let_go(layout.left, layout.new)
                await self._layouts.put(layout.settled)
            elif layout.new.shards == shards:
                return
            else:
                await self._layouts.put(layout.followed_by(shards))

    async def clear(self) -> bool:
        """Remove all that the shards hold; return whether there was anything."""
        layout = await self._layouts.read()
        if layout.old or layout.left:
            await self.reshard(layout.new.shards)
        found: list[bool] = []

        # Not by the store's own call, which would unseal a shard that has just been sealed.
        async def empty(name: str) -> None:
            while (parcel := await self._store.pack(name, _PARCEL)).states:
                await self._store.unload(name, parcel)
                # Noted at once, as all shards are emptied again if one of them is sealed.
                found.append(True)

        await self.each(empty)
        await self.bell.clear()
        return any(found)

    def _standing(self, layout: Layout) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of new shards, and of those old ones that may hold members."""
        if layout.old is None:
            return layout.new.names, ()
        return layout.new.names, [name for name in layout.old.names if name not in self._moved]

    def _homes(self, layout: Layout, members: Iterable[bytes]) -> list[str]:
        """Return the name of the shard where each member is, as far as is known."""
        if layout.old is None:
            return layout.new.homes(members)
        members = list(members)
        homes = layout.new.homes(members)
        former = layout.old.homes(members)
        return [
            home if old in self._moved else old for old, home in zip(former, homes, strict=True)
        ]

    async def _ask(
        self, name: str, ask: Callable[[str], Awaitable[R]], is_sure: Callable[[R], bool]
    ) -> list[R]:
        """Return the answer of a shard in a list, which is empty if the shard is sealed."""
        try:
            answer = await ask(name)
        except SealedError:
            return []
        if not is_sure(answer) and await self._store.is_sealed(name):
            return []
        return [answer]

    async def _leave(self, old: Generation, new: Generation) -> None:
        self._moved &= set(old.names)
        for name in old.names:
            await self._store.seal(name, leaving_name(name))
            await self._hand_over(name, new)

    async def _let_go(self, old: Generation, new: Generation) -> None:
        """Have what is remembered of a re-sharding forgotten, when no call can be under way."""
        for name in old.names:
            await self._store.end_seal(name, leaving_name(name))
        for name in new.names:
            await self._store.end_parcels(name)

    async def _hand_over(self, name: str, new: Generation) -> None:
        """Bring what is left of a sealed shard to the new ones, or wait until others have."""
        leaving = leaving_name(name)
        # New shards are sealed by the next re-sharding alone: then others were faster here.
        with suppress(SealedError):
            try:
                # So that mostly one does it; it is safe without.
                async with self._store.lock(leaving, _PATIENCE, _EXPIRES):
                    await self._carry(leaving, new)
            except LockTimeout:
                await self._carry(leaving, new)
        self._moved.add(name)

    async def _carry(self, leaving: str, new: Generation) -> None:
        # All are to have higher tokens than there were, be there members for them or not.
        parts: dict[str, list[State]] = {name: [] for name in new.names}
        while True:
            parcel = await self._store.pack(leaving, _PARCEL)
            for state in parcel.states:
                parts.setdefault(new.home(state.member), []).append(state)
            await gather_async(
                [
                    self._store.unpack(name, leaving, parcel._replace(states=part))
                    for name, part in parts.items()
                ]
            )
            if not parcel.states:
                return
            await self._store.unload(leaving, parcel)
            parts = {}
