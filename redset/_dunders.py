"""Python's own operators on sets, which cannot wait: for blocking sets only.

The sets are generated from their asyncio source, where ``len(s)`` cannot be written.
These classes give it to the blocking ones; their asyncio namesakes refuse ``bool(s)``,
which would be true of every object.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Reversible
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AsyncCollectionOperators", "AsyncSequenceOperators"]
__all__ += ["CollectionOperators", "SequenceOperators"]

T = TypeVar("T")


class CollectionOperators(Collection[T]):
    """Gives ``len(s)``, ``item in s`` and ``bool(s)``."""

    @abstractmethod
    def length(self) -> int:
        """Return the number of items."""

    @abstractmethod
    def contains(self, item: T) -> bool:
        """Tell whether the item is in the set."""

    def __len__(self) -> int:
        return self.length()

    def __contains__(self, item: object) -> bool:
        # Asking for an item of another type is no error to Collection, as in ``1 in {"a"}``.
        return self.contains(cast("T", item))

    def __bool__(self) -> bool:
        return self.length() > 0


class SequenceOperators(CollectionOperators[T], Reversible[T]):
    """Gives ``s[i]``, ``s[i:j]`` and ``reversed(s)``, too."""

    @overload
    def at(self, index: int) -> T: ...
    @overload
    def at(self, index: slice) -> list[T]: ...
    @abstractmethod
    def at(self, index: int | slice) -> T | list[T]:
        """Return the item at a position, or the items of a slice."""

    @abstractmethod
    def backwards(self) -> Iterator[T]:
        """Iterate over the items from the last to the first."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self.at(index)

    def __reversed__(self) -> Iterator[T]:
        return self.backwards()


class AsyncCollectionOperators(Generic[T]):
    """Refuses ``bool(s)``: asyncio sets have ``length`` and ``contains``."""

    def __bool__(self) -> NoReturn:
        message = f"{self!r} cannot be asked with bool() or if: use its length()"
        raise TypeError(message)


class AsyncSequenceOperators(AsyncCollectionOperators[T]):
    """Nothing: asyncio sets have ``at`` and ``backwards``."""
