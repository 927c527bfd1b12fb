"""Noticing a cancellation that did not arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AsyncCancellation", "Cancellation"]


class _Claim(Protocol):
    # What no editor should offer to those who hold one.
    async def _put_back(self) -> object: ...


class AsyncCancellation:
    """Finds a cancellation of this task that was swallowed on its way.

    Before Python 3.12, `asyncio.wait_for` drops one that comes when its future is done, and
    clients of asyncio wait by it.
    """

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def check(self) -> None:
        """Raise `asyncio.CancelledError` if the task was cancelled since this was made."""
        if self._task is not None and self._task.cancelling() > self._before:
            raise asyncio.CancelledError

    async def put_back(self, claims: Iterable[_Claim]) -> None:
        """Put claims back before that is raised, as nobody will ever hold them."""
        try:
            self.check()
        except asyncio.CancelledError:
            for claim in claims:
                await claim._put_back()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (see above)
            raise


class Cancellation:
    """Nothing: blocking code is not cancelled."""

    def check(self) -> None:
        """Do nothing."""

    def put_back(self, claims: object) -> None:
        """Do nothing."""
