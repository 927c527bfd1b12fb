"""The locks of a memory store, one for each set."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redset.backends.memory._waiting import WaitingStore
from redset.exceptions import LockTimeout

if TYPE_CHECKING:
    from collections.abc import Generator

    from redset.interfaces import Clock

__all__ = ["LockingStore"]

_log = logging.getLogger("redset")


class LockingStore(WaitingStore):
    """Holds the locks: for each name its owner's token, and when it comes free."""

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(clock)
        self._locks: dict[str, tuple[object, float]] = {}

    @contextmanager
    def lock(self, name: str, timeout: float | None, expires: float) -> Generator[None, None, None]:
        """See `redset.interfaces.Backend.lock`."""
        token = object()
        deadline = self.deadline(timeout)
        event = threading.Event()
        with self.waiting(name, event.set):
            while not self.acquire_lock(name, token, expires, deadline):
                event.wait(self.lock_pause(name, deadline))
                event.clear()
        try:
            yield
        finally:
            self.release_lock(name, token)

    def acquire_lock(
        self, name: str, token: object, expires: float, deadline: float | None
    ) -> bool:
        """Take the lock if it is free; raise `LockTimeout` if it is not and time is up."""
        with self._guard:
            now = self._clock.monotonic()
            if self._locks.get(name, (None, now))[1] <= now:
                self._locks[name] = (token, now + expires)
                return True
        if self.is_over(deadline):
            message = f"the lock of {name!r} is still held: wait longer, with lock_timeout"
            raise LockTimeout(message)
        return False

    def lock_pause(self, name: str, deadline: float | None) -> float | None:
        """Return how long, in real seconds, to wait for the lock to come free."""
        now = self._clock.monotonic()
        _, free = self._locks.get(name, (None, now))
        return self._clock.pause((free if deadline is None else min(free, deadline)) - now)

    def release_lock(self, name: str, token: object) -> None:
        """Give the lock back, unless it has expired and is somebody else's by now."""
        with self._guard:
            owner, free = self._locks.get(name, (None, 0.0))
            expired = owner is not token or free <= self._clock.monotonic()
            if owner is token:
                del self._locks[name]
                self._wake(name)
        if expired:
            _log.warning("the lock of %r expired while it was held: raise lock_expires", name)
