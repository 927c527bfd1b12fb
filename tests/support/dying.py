"""Backends whose user dies while it hands sets over."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DeathError", "Dying"]

_STEPS = ("seal", "pack", "unpack", "unload", "put_layout", "end_seal", "end_parcels")


class DeathError(Exception):
    """The process is no more."""


class Dying:
    """Has all methods of a backend, until one step of handing over fails, and all after it.

    Args:
        backend: the backend.
        step: which step fails, from 0.
        late: whether it has its effect before.
    """

    def __init__(self, backend: Any, step: int, *, late: bool = False) -> None:
        self._backend = backend
        self._left = step
        self._late = late

    @property
    def is_dead(self) -> bool:
        return self._left < 0

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._backend, method)
        if method not in _STEPS:
            return call
        return self._later(call) if inspect.iscoroutinefunction(call) else self._now(call)

    def _now(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            self._left -= 1
            if not self.is_dead:
                return call(*arguments)
            if self._late:
                call(*arguments)
            raise DeathError

        return step

    def _later(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def step(*arguments: Any) -> Any:
            self._left -= 1
            if not self.is_dead:
                return await call(*arguments)
            if self._late:
                await call(*arguments)
            raise DeathError

        return step
