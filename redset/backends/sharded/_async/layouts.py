"""What generations of shards a set has, which all who use it must agree on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from redset.backends.sharded._naming import Generation, Layout
from redset.exceptions import KeyingError, SetExistsError

if TYPE_CHECKING:
    from redset.interfaces import AsyncShardableBackend

# For how many seconds a layout is used before it is read again.
_FRESH: Final = 60.0


class AsyncLayouts:
    """Reads and writes the layout of one set, which stands at the set's own name.

    Its step rises, and only what has a higher one takes its place. So two who open a set at
    once, or re-shard it at once, agree, and who is late by any time changes nothing.

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
        self._name = name
        self._is_keyed = is_keyed
        self._first = Layout(Generation(name, 1, shards), is_keyed=is_keyed)
        self._known: Layout | None = None
        # By the clock that stands still while the machine sleeps, and by that which may be set.
        self._read_at = 0.0, 0.0

    async def current(self, *, make: bool = False) -> Layout:
        """Return the layout, as it was a minute ago at the most. No round trip, or those of `read`.

        Args:
            make: whether to make one if there is none.
        """
        if self._known is None or self._age() > _FRESH:
            return await self.read(make=make)
        return self._known

    async def read(self, *, make: bool = False) -> Layout:
        """Read the layout; see `current`. One round trip, or three to make it.

        Returns:
            The layout. If there is none, the one that would be made: shards without anything.

        Raises:
            KeyingError: if the set is not sharded, or opened otherwise than it was written.
            ValueError: if the layout cannot be read.
        """
        now = self._store.monotonic(), time.time()
        layout = await self.find()
        if layout is None and make:
            await self.put(self._first)
            layout = await self.find()
        if layout is None:
            # Another may make one with as many shards as it likes.
            return self._first
        if layout.is_keyed != self._is_keyed:
            raise KeyingError(
                f"the items of {self._name!r} were added with key=: open it with key=, too"
                if layout.is_keyed
                else f"the items of {self._name!r} were added without key=: open it without"
            )
        self._known, self._read_at = layout, now
        return layout

    async def find(self) -> Layout | None:
        """Return the layout that there is, whoever made it. One round trip."""
        try:
            text = await self._store.layout(self._name)
        except SetExistsError as error:
            raise self._misfit() from error
        return None if text is None else Layout.parse(self._name, text)

    async def put(self, layout: Layout) -> bool:
        """Store a layout, unless one of this step or a later one is there. One round trip."""
        try:
            return await self._store.put_layout(self._name, layout.text, layout.step)
        except SetExistsError as error:
            raise self._misfit() from error

    def _age(self) -> float:
        steady, set_by_hand = self._read_at
        return max(self._store.monotonic() - steady, abs(time.time() - set_by_hand))

    def _misfit(self) -> KeyingError:
        return KeyingError(
            f"{self._name!r} is a set that is not sharded: open it as a SortedSet, or choose "
            "another name"
        )
