"""Python's own operators on sets, which cannot wait: for blocking sets only.

The sets are generated from their asyncio source, where ``len(s)`` cannot be written.
These classes give it to the blocking ones; their asyncio namesakes refuse ``bool(s)``,
which would be true of every object.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Reversible
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Never, Self

__all__ = ["AlgebraOperators", "CollectionOperators", "SequenceOperators", "UnionOperators"]
__all__ += ["AsyncAlgebraOperators", "AsyncCollectionOperators"]
__all__ += ["AsyncSequenceOperators", "AsyncUnionOperators"]

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


class AlgebraOperators(CollectionOperators[T]):
    """Gives ``s -= other`` and ``s &= other``, where the other is a set, of Python or of redset."""

    @abstractmethod
    def difference_update(self, *others: CollectionOperators[T] | AbstractSet[T]) -> int:
        """Remove all items that are in any of the others."""

    @abstractmethod
    def intersection_update(self, *others: CollectionOperators[T] | AbstractSet[T]) -> int:
        """Remove all items that are not in every one of the others."""

    def __isub__(self, other: CollectionOperators[T] | AbstractSet[T]) -> Self:
        if not _is_set(other):
            return NotImplemented
        self.difference_update(other)
        return self

    def __iand__(self, other: CollectionOperators[T] | AbstractSet[T]) -> Self:
        if not _is_set(other):
            return NotImplemented
        self.intersection_update(other)
        return self


class UnionOperators(AlgebraOperators[T]):
    """Gives ``s |= other``, too."""

    @abstractmethod
    def union_update(self, *others: CollectionOperators[T] | AbstractSet[T]) -> int:
        """Add all items of the others."""

    def __ior__(self, other: CollectionOperators[T] | AbstractSet[T]) -> Self:
        if not _is_set(other):
            return NotImplemented
        self.union_update(other)
        return self


def _is_set(other: object) -> bool:
    # As with Python's own sets, which take any iterable only by their methods' names.
    return isinstance(other, (AbstractSet, CollectionOperators))


class AsyncCollectionOperators(Generic[T]):
    """Refuses ``bool(s)``: asyncio sets have ``length`` and ``contains``."""

    def __bool__(self) -> NoReturn:
        message = f"{self!r} cannot be asked with bool() or if: use its length()"
        raise TypeError(message)


class AsyncSequenceOperators(AsyncCollectionOperators[T]):
    """Nothing: asyncio sets have ``at`` and ``backwards``."""


class AsyncAlgebraOperators(AsyncCollectionOperators[T]):
    """Refuses ``s -= other`` and ``s &= other``, which cannot wait."""

    def __isub__(self, other: Never) -> NoReturn:
        self._refuse("-=", "difference_update")

    def __iand__(self, other: Never) -> NoReturn:
        self._refuse("&=", "intersection_update")

    def _refuse(self, operator: str, method: str) -> NoReturn:
        message = f"{self!r} has no {operator}, which could not wait: use its {method}()"
        raise TypeError(message)


class AsyncUnionOperators(AsyncAlgebraOperators[T]):
    """Refuses ``s |= other``, too."""

    def __ior__(self, other: Never) -> NoReturn:
        self._refuse("|=", "union_update")
