"""Keeping a claim alive in the background: a task for asyncio, a thread for blocking code."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakMethod

from redset.exceptions import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["AsyncKeeper", "Keeper"]

_log = logging.getLogger("redset")

# A lease is extended when this part of it is over, and after an error again in as great a part
# of that.
_PART = 1 / 3


class _Lease:
    """How long a lease that is extended again and again is sure to last."""

    def __init__(self, seconds: float, began: float) -> None:
        self._seconds = seconds
        self._next = began + seconds * _PART
        # What was given long ago may be held all the same: that is to be found out.
        self._end = max(began + seconds, time.monotonic() + seconds * _PART**2)

    def renew(self, began: float) -> None:
        """Note that it was extended, not before a time of `time.monotonic`."""
        self._next = began + self._seconds * _PART
        self._end = began + self._seconds

    def pause(self) -> float:
        """Return how long to wait before it is extended."""
        return max(self._next - time.monotonic(), 0.0)

    def patience(self) -> float:
        """Return how long to try to extend it: while it is sure to last, if it is."""
        return max(self._end - time.monotonic(), self._seconds * _PART**2)

    def is_over(self) -> bool:
        """Tell whether the claim must be taken for lost."""
        return time.monotonic() >= self._end

    def is_lost_by(self, error: Exception) -> bool:
        """Tell whether the claim must be taken for lost after an error."""
        lost = isinstance(error, LeaseLost) or self.is_over()
        _log.warning("%s a claim: %r", "lost" if lost else "could not yet extend", error)
        self._next = time.monotonic() + self._seconds * _PART**2
        return lost


class AsyncKeeper:
    """Extends a claim in a task; if it is lost, the holder's task is cancelled.

    Args:
        extend: extends the claim, raising `LeaseLost` if it is not held.
        lose: called once when the claim is lost.
        seconds: the lease.
        began: when it was given, by `time.monotonic`.
        interrupts: whether to cancel the task that starts this.
    """

    def __init__(
        self,
        extend: Callable[[], Awaitable[object]],
        lose: Callable[[], object],
        seconds: float,
        began: float,
        *,
        interrupts: bool,
    ) -> None:
        self._extend = extend
        self._lose = lose
        self._lease = _Lease(seconds, began)
        self._holder = asyncio.current_task() if interrupts else None
        self._cancelling = self._holder.cancelling() if self._holder else 0
        self._has_cancelled = False
        self._stopped = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def is_late(self) -> bool:
        """Tell whether it was not extended for so long that it must be taken for lost."""
        return self._lease.is_over()

    async def stop(self) -> None:
        """Stop extending; without a holder that was cancelled, there is none from here on."""
        if not self._has_cancelled:
            self._holder = None
        # Before Python 3.12, what the task waits for may swallow the cancellation.
        self._stopped.set()
        self._task.cancel()
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            # Not by us: our own ended the block that is being left now.
            if self._holder is not None:
                self._holder.uncancel()
            raise

    def sift(self, error: BaseException | None) -> BaseException | None:
        """Return the error of the block, None if it is only there because the claim was lost."""
        if self._holder is None:
            return error
        others = self._holder.uncancel() > self._cancelling
        return None if isinstance(error, asyncio.CancelledError) and not others else error

    async def _run(self) -> None:
        while not self._stopped.is_set():
            await asyncio.sleep(self._lease.pause())
            began = time.monotonic()
            try:
                # What hangs must not keep the holder from hearing of the loss.
                async with asyncio.timeout(self._lease.patience()):
                    await self._extend()
            except Exception as error:  # noqa: BLE001  (any may pass before the lease is over)
                if not self._stopped.is_set() and self._lease.is_lost_by(error):
                    self._tell()
                    return
            else:
                self._lease.renew(began)

    def _tell(self) -> None:
        self._lose()
        if self._holder is not None:
            self._has_cancelled = True
            self._holder.cancel()


class Keeper:
    """Extends a claim in a thread; see `AsyncKeeper`. A thread cannot be interrupted."""

    def __init__(
        self,
        extend: Callable[[], object],
        lose: Callable[[], object],
        seconds: float,
        began: float,
        *,
        interrupts: bool,  # noqa: ARG002  (as for asyncio)
    ) -> None:
        # A claim that nobody has any more, as after an interrupt, is not to be kept.
        self._extend = WeakMethod(extend)
        self._lose = WeakMethod(lose)
        self._lease = _Lease(seconds, began)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redset keeper", daemon=True)
        self._thread.start()

    def is_late(self) -> bool:
        """Tell whether it was not extended for so long that it must be taken for lost."""
        return self._lease.is_over()

    def stop(self) -> None:
        """Stop extending."""
        self._stopped.set()
        # The garbage collector may end a claim in any thread, this one included.
        if self._thread is not threading.current_thread():
            self._thread.join()

    def sift(self, error: BaseException | None) -> BaseException | None:
        """Return the error: none is of its making."""
        return error

    def _run(self) -> None:
        while not self._stopped.wait(self._lease.pause()) and self._keep():
            pass

    def _keep(self) -> bool:
        """Extend the claim once; return whether to go on."""
        extend, lose = self._extend(), self._lose()
        if extend is None or lose is None:
            return False
        began = time.monotonic()
        try:
            extend()
        except Exception as error:  # noqa: BLE001  (any may pass before the lease is over)
            if self._lease.is_lost_by(error):
                lose()
                return False
        else:
            self._lease.renew(began)
        return True
