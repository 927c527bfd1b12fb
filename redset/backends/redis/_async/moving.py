"""Members that go from one set to another, sets that are taken from together, or renamed."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from redset.backends.redis import commands, keys
from redset.backends.redis._async.combining import AsyncCombiningBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry, Merge

_log = logging.getLogger("redset")


class AsyncMovingBackend(AsyncCombiningBackend):
    """The part of a backend that moves members and sets.

    All but `expire` have their effect once, even if a client that loses the reply sends them
    again.
    """

    async def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        """See `redset.interfaces.Backend.move`. ``move.lua``, O(log n)."""
        return commands.flags(await self._move("move", name, target, merge, member)) == [True]

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        """See `redset.interfaces.Backend.pop_into`. ``pop_into.lua``, O(log n)."""
        what = [commands.bound(high), expected]
        reply = await self._move("pop_into", name, target, merge, *what)
        return commands.popped(reply)

    async def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """See `redset.interfaces.Backend.pop_any`.

        ``pop_any.lua``, and ``BLPOP`` on the wake-up tokens of all the sets: two commands a
        second while there is nothing. May end a tenth of a second late.
        """
        names = [name for name, _ in sources]
        self._check_slots(names)
        deadline = None if timeout is None else time.monotonic() + timeout
        woken: str | None = None
        while True:
            left = self._waiting.left(deadline)
            found, pause = await self._pop_any(sources, max(left, 0.0))
            if found is not None or left <= 0:
                break
            woken = await self._waiting.pause_any(names, min(left, pause))
        # A wake-up that was not of use here may be to another.
        if found is not None and woken is not None and woken != names[found[0]]:
            try:
                await self._waiting.pass_on(woken)
            except Exception as error:  # noqa: BLE001  (raising would lose the item in hand)
                _log.warning("could not wake who else waits for %r: %r", woken, error)
        if found is None and pause < math.inf and timeout != 0:
            for name in dict.fromkeys(names):
                await self._waiting.pass_on(name)
        return found

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `redset.interfaces.Backend.rename`. ``rename.lua``, O(1), or O(n) to replace."""
        self._check_slots([name, target])
        reply = await self._connection.script_once(
            "rename", name, keys.rename_keys(name, target), [int(replace)]
        )
        return commands.flags(reply) == [True] if reply else None

    async def expire(self, name: str, when: float | None) -> bool:
        """See `redset.interfaces.Backend.expire`. ``expire.lua``: ``PEXPIREAT``, ``PERSIST``."""
        moment = [commands.moment(when)]
        return bool(await self._connection.script("expire", keys.expire_keys(name), moment))

    async def _move(self, script: str, name: str, target: str, merge: Merge, *what: bytes) -> bytes:
        self._check_slots([name, target])
        both = [name.encode(), target.encode(), *keys.siblings(target, keys.WAKE, keys.WAITING)]
        reply: bytes = await self._connection.script_once(
            script, name, both, [commands.FLAGS[merge], *what]
        )
        return reply

    async def _pop_any(
        self, sources: Sequence[tuple[str, Bound]], wait: float
    ) -> tuple[tuple[int, Entry] | None, float]:
        names = [name for name, _ in sources]
        bounds = [commands.bound(high) for _, high in sources]
        sets = [name.encode() for name in names]
        notes = [keys.sibling(name, keys.WAITING) for name in names]
        reply = await self._connection.script_once(
            "pop_any", names[0], [*sets, *notes], [commands.milliseconds(wait), *bounds]
        )
        return commands.popped_any(reply)
