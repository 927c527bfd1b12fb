"""What finds out that a set without keys is opened on items that have some."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redset.exceptions import KeyingError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from redset.interfaces import AsyncBackend


class AsyncGuard:
    """Stands for a backend until the first call for a set, and then makes way for it.

    That call, whichever it is, first asks whether the set's items have keys. None pays for the
    question after it.

    Args:
        backend: the backend, whose methods this has.
        name: the set that is guarded.
        keyless: the names of sets that are known to have no keys.
        make_way: called when there is nothing to guard against.
    """

    def __init__(
        self,
        backend: AsyncBackend,
        name: str,
        keyless: set[str],
        make_way: Callable[[], object],
    ) -> None:
        self._backend = backend
        self._name = name
        self._keyless = keyless
        self._make_way = make_way

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (as the method's)
            await self.check()
            return await getattr(self._backend, method)(*arguments, **options)

        return call

    @asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[AsyncBackend, None]:
        """See `redset.interfaces.Backend.dedicated`."""
        await self.check()
        async with self._backend.dedicated() as backend:
            yield backend

    @asynccontextmanager
    async def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AsyncGenerator[None, None]:
        """See `redset.interfaces.Backend.lock`."""
        await self.check()
        async with self._backend.lock(name, timeout, expires):
            yield

    async def check(self) -> None:
        """Make way, unless the items have keys.

        Raises:
            KeyingError: if they have.
        """
        if self._name not in self._keyless:
            if await self._backend.is_keyed(self._name):
                message = (
                    f"the items of {self._name!r} were added with key=: open it with key=, too"
                )
                raise KeyingError(message)
            self._keyless.add(self._name)
        self._make_way()
