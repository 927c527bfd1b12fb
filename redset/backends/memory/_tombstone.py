"""What stands in the place of a memory set that is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.backends.memory._sortedmap import SortedMap
from redset.exceptions import SealedError

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Tombstone"]


class Tombstone(SortedMap):
    """Has nothing of a set: who looks into it, or would change it, is told so."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        # The attributes of a set, none of which was given a value, end here.
        self.refuse()

    def refuse(self) -> NoReturn:
        """Raise `SealedError`."""
        message = f"{self._name!r} is sealed: what it held has been handed over to other sets"
        raise SealedError(message)
