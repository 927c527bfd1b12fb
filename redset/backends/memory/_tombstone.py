"""What stands in the place of a memory set that is sealed, or spread over others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.backends.memory._sortedmap import SortedMap
from redset.exceptions import SealedError

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Sign", "Tombstone"]


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


class Sign(Tombstone):
    """Has the layout of a set that is spread over others, in the place of a set."""

    __slots__ = ("layout", "step")

    def __init__(self, name: str, layout: bytes, step: int) -> None:
        super().__init__(name)
        self.layout = layout
        self.step = step

    def refuse(self) -> NoReturn:
        """Raise `SealedError`."""
        message = f"{self._name!r} is a sharded set: open it as a ShardedSet"
        raise SealedError(message)
