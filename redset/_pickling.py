"""What lives in one process alone, and says so to who would send it to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typing import Self, SupportsIndex

__all__ = ["Local", "Unpicklable"]


class Unpicklable:
    """Refuses to be pickled, or copied by what pickling knows of it."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        message = (
            f"{self!r} has locks and connections of this process, so it cannot be pickled, nor "
            "copied: pass the URL and the name, and make the set where it is used"
        )
        raise TypeError(message)


class Local(Unpicklable):
    """The same, of what may be copied for use in its own process."""

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied
