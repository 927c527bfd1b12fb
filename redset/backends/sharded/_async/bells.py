"""What wakes those who wait for an item in any shard of a set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from redset.backends.sharded._fanning import rest_after
from redset.backends.sharded._naming import bell_name
from redset.interfaces import Merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import AsyncShardableBackend

# For how many seconds nobody rings who has seen that nobody hears it, and for how many at least
# nobody does who could not.
_QUIET: Final = 0.05
_BROKEN: Final = 1.0

# For how many seconds to wait before all shards are looked at again: at first, until all who add
# something ring again; and then, for each shard, from the least to the most.
_SOON: Final = 2 * _QUIET
_PER_SHARD: Final = 0.5
_LEAST: Final = 1.0
_MOST: Final = 10.0


class AsyncBell:
    """A set of one member at most: who rings it adds that, and who waits takes it.

    So it wakes one of those who wait, who wakes another if there was something. If it is still
    there from last time, nobody waits, and it is not rung for a moment: who begins to wait looks
    again after that.

    Args:
        store: the backend with the shards.
        name: the name of the sharded set.
    """

    def __init__(self, store: AsyncShardableBackend, name: str) -> None:
        self._store = store
        self._name = bell_name(name)
        # When it was rung last, and for how many seconds it need not be again.
        self._rung_at, self._rest = -math.inf, 0.0

    async def ring(self) -> None:
        """Wake somebody who waits. One call, or none."""
        now = self._store.monotonic()
        # By a clock that stands still, no moment passes.
        if 0 < now - self._rung_at < self._rest:
            return
        try:
            is_heard = await self._store.add(self._name, [(b"ring", 0.0)], Merge.KEEP)
        except Exception:  # noqa: BLE001  (what was added is there, and found in the end)
            began, now = now, self._store.monotonic()
            rest = max(rest_after(now - began), _BROKEN)
        else:
            rest = 0.0 if is_heard else _QUIET
        self._rung_at, self._rest = now, rest

    async def wait(self, seconds: float) -> bool:
        """Wait until somebody rings, or the time is over; return whether somebody did."""
        is_rung = bool(await self._store.wait_pop(self._name, 1, seconds))
        if is_rung:
            self._rest = 0.0
        return is_rung

    def listen(self, timeout: float | None) -> AsyncListener:
        """Return what one call needs that waits for so many seconds, None for ever."""
        return AsyncListener(self, self._store.monotonic, timeout)

    async def clear(self) -> None:
        """Leave nothing behind."""
        await self._store.clear(self._name)


class AsyncListener:
    """Waits in pauses, between which all shards are to be looked at."""

    def __init__(
        self, bell: AsyncBell, monotonic: Callable[[], float], timeout: float | None
    ) -> None:
        self._bell = bell
        self._monotonic = monotonic
        self._deadline = math.inf if timeout is None else monotonic() + timeout
        self._is_woken = True
        self._has_failed = False

    @property
    def is_over(self) -> bool:
        """Whether the time is."""
        return self._left() <= 0

    async def pause(self, shards: int) -> None:
        """Return when somebody rings, or when it is time to look at so many shards again.

        A wait that fails may have been rung for: nothing is lost by that if shards are looked at,
        which shows what is wrong, if anything is. If the next one fails, too, its error is raised.
        """
        most = min(max(_PER_SHARD * shards, _LEAST), _MOST)
        pause = _SOON if self._is_woken else most
        try:
            self._is_woken = await self._bell.wait(min(pause, max(self._left(), 0.0)))
        except Exception:
            if self._has_failed:
                raise
            self._is_woken = self._has_failed = True
        else:
            self._has_failed = False

    async def end(self, *, found: bool) -> None:
        """Wake the next one if we were woken for something, as there may be more."""
        if found and self._is_woken:
            await self._bell.ring()

    def _left(self) -> float:
        return self._deadline - self._monotonic()
