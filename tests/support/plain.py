"""A backend that has what every backend has, and nothing that only sharded sets need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import get_protocol_members

from redset.interfaces import AsyncBackend, Backend

if TYPE_CHECKING:
    from redset.interfaces import Payload

__all__ = ["plain", "plain_async"]

_METHODS: Final = get_protocol_members(Backend)


class Plain:
    """Stands for a backend, without all else that it may have."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Plain {self._store!r}>"

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        return getattr(self._store, name)

    def keyed(self, payload: Payload) -> Plain:
        return Plain(self._store.keyed(payload))


def plain(store: Backend) -> Backend:
    """Return a backend on which sets cannot be sharded."""
    return cast("Backend", Plain(store))


def plain_async(store: AsyncBackend) -> AsyncBackend:
    """Return the same of one for asyncio."""
    return cast("AsyncBackend", Plain(store))
