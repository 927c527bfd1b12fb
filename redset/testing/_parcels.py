"""One parcel after the other, until a set is handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redset.interfaces import Parcel, ShardableBackend

__all__ = ["parcels"]

# More than any set of the kit takes.
_MOST = 2000


def parcels(backend: ShardableBackend, name: str, count: int) -> Iterator[Parcel]:
    """Give the parcels of a set, each of which is to be unloaded before the next."""
    for _ in range(_MOST):
        parcel = backend.pack(name, count)
        if not parcel.states:
            return
        yield parcel
    message = f"pack still gives parcels after {_MOST} of them: does unload remove the members?"
    raise AssertionError(message)
