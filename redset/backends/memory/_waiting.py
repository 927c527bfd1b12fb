"""Waiting for a change of a memory store, by its clock."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from redset.backends.memory._clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from redset.interfaces import Clock

__all__ = ["Guard", "WaitingStore"]

# For how many seconds a store can be busy, and how often to look.
_PATIENCE = 3.0
_STEP = 0.001


class Guard(Protocol):
    """What is held by whoever looks into a store or changes it: a lock."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def locked(self) -> bool:
        """Tell whether somebody holds it."""
        ...


class WaitingStore:
    """A clock, a lock that guards everything, and those who wait for a change."""

    def __init__(self, clock: Clock | None) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self._guard: Guard = threading.Lock()
        self._patience = _PATIENCE
        self._waiters: defaultdict[str, list[Callable[[], object]]] = defaultdict(list)
        self._clock.subscribe(self._wake_all)

    @contextmanager
    def waiting(self, name: str, wake: Callable[[], object]) -> Generator[None, None, None]:
        """Have ``wake`` called at every change that a waiter for ``name`` should look at."""
        with self._guard:
            self._waiters[name].append(wake)
        try:
            yield
        finally:
            with self._guard:
                waiters = self._waiters[name]
                waiters.remove(wake)
                if not waiters:
                    del self._waiters[name]

    def _check_guard(self) -> None:
        """Raise `RuntimeError` if the guard does not come free, as it is this thread's own.

        The garbage collector closes loops over ``consume`` that nobody has any more, wherever
        a thread is just then; what they call must not wait for that thread.
        """
        patience = self._patience
        while self._guard.locked():
            if patience <= 0:
                message = "the store is busy, it seems with the call that this one interrupts"
                raise RuntimeError(message)
            patience -= _STEP
            time.sleep(_STEP)

    def monotonic(self) -> float:
        """See `redset.interfaces.ShardableBackend.monotonic`."""
        return self._clock.monotonic()

    def deadline(self, timeout: float | None) -> float | None:
        """Return when a wait that starts now is over, by the clock's ``monotonic``."""
        return None if timeout is None else self._clock.monotonic() + timeout

    def is_over(self, deadline: float | None) -> bool:
        """Tell whether the time to wait is up."""
        return deadline is not None and deadline <= self._clock.monotonic()

    def _wake(self, name: str) -> None:
        for wake in self._waiters.get(name, ()):
            wake()

    def _wake_all(self) -> None:
        with self._guard:
            for name in self._waiters:
                self._wake(name)
