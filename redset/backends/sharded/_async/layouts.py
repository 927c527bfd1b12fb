"""What generations of shards a set has, which all who use it must agree on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from redset.backends.sharded._naming import LAYOUT, Generation, Layout
from redset.exceptions import KeyingError
from redset.interfaces import KeyedMember, Merge, Payload

if TYPE_CHECKING:
    from redset.interfaces import AsyncBackend

# For how many seconds a layout is used before it is read again.
_FRESH: Final = 60.0


class AsyncLayouts:
    """Reads and writes the layout of one set: a keyed set of one member, at the set's own name.

    Its score rises with every step, and only what has a higher one takes its place. So two who
    open a set at once, or re-shard it at once, agree, and who is late by any time changes nothing.

    Args:
        store: the backend with the shards.
        name: the name of the set.
        shards: how many shards to make if there is no such set.
    """

    def __init__(self, store: AsyncBackend, name: str, shards: int) -> None:
        self._view = store.keyed(Payload.WITH_SCORE)
        self._name = name
        self._first = Layout(Generation(name, 1, shards))
        self._known: Layout | None = None
        self._read_at = 0.0

    async def current(self) -> Layout:
        """Return the layout, as it was a minute ago at the most. No round trip, or one."""
        if self._known is None or time.monotonic() > self._read_at + _FRESH:
            return await self.read()
        return self._known

    async def read(self) -> Layout:
        """Read the layout, and make it if there is none. One round trip, or four."""
        now = time.monotonic()
        text = await self._text()
        if text is None:
            if not await self._view.length(self._name):
                await self.put(self._first)
            text = await self._text()
        if text is None:
            raise self._misfit()
        self._known = Layout.parse(self._name, text)
        self._read_at = now
        return self._known

    async def put(self, layout: Layout) -> None:
        """Store a layout, unless one of this step or a later one is there. One round trip."""
        member = KeyedMember(LAYOUT, layout.text)
        await self._view.add(self._name, [(member, layout.step)], Merge.LATEST)

    async def _text(self) -> bytes | None:
        try:
            found = await self._view.entries(self._name, [LAYOUT])
        except KeyingError as error:
            raise self._misfit() from error
        for member, _ in found:
            return member.payload if isinstance(member, KeyedMember) else None
        return None

    def _misfit(self) -> KeyingError:
        return KeyingError(
            f"{self._name!r} is a set that is not sharded: open it as a SortedSet, or choose "
            "another name"
        )
