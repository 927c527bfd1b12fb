"""Namedtuples, in the form of 0.5.1."""

from __future__ import annotations

import json
from typing import Generic, Protocol, TypeGuard, cast

from typing_extensions import TypeVar

from redset.serializers._equality import EqualByParts

__all__ = ["NamedtupleSerializer"]

T = TypeVar("T", bound="tuple[object, ...]")


class _Namedtuple(Protocol):
    def _asdict(self) -> dict[str, object]: ...


class NamedtupleSerializer(EqualByParts, Generic[T]):
    """Stores instances of one namedtuple class as a JSON object, byte for byte as 0.5.1.

    Fields hold what JSON can; they keep the order of the class. Dicts inside a field
    keep the order in which they were filled, which counts, since identity is bytes;
    tuples inside come back as lists. `DataclassSerializer` has neither flaw.

    Args:
        cls: the class, made by `typing.NamedTuple` or `collections.namedtuple`.

    Raises:
        TypeError: if it is none.

    >>> from typing import NamedTuple
    >>> class Point(NamedTuple):
    ...     x: int
    ...     y: int
    >>> serializer = NamedtupleSerializer(Point)
    >>> serializer.dumps(Point(1, 2))
    b'{"x": 1, "y": 2}'
    >>> serializer.loads(b'{"x": 1, "y": 2}')
    Point(x=1, y=2)
    """

    def __init__(self, cls: type[T]) -> None:
        _check_class(cls)
        self._cls = cls

    def dumps(self, item: T) -> bytes:
        """Return the item's fields as a JSON object. O(size).

        Raises:
            TypeError: if it is not of the class, or holds what JSON cannot.
            ValueError: if it holds NaN, an infinity or itself.
            RecursionError: if it is nested beyond Python's limit.
        """
        if not _is_namedtuple(item, self._cls):
            message = f"{item!r} is no {self._cls.__qualname__}: make it one"
            raise TypeError(message)
        fields = item._asdict()  # pyright: ignore[reportPrivateUsage]  # public for all that
        return json.dumps(fields, allow_nan=False).encode()

    def loads(self, data: bytes) -> T:
        """Return the item; also what 0.5.1 has written, with NaN or infinities. O(size).

        Raises:
            ValueError: if the bytes are no JSON object.
            TypeError: if it lacks a field without a default, or has one too many.
            RecursionError: if they are nested beyond Python's limit.
        """
        fields: object = json.loads(data)
        if not isinstance(fields, dict):
            message = f"a {self._cls.__qualname__} is stored as a JSON object, unlike this data"
            raise ValueError(message)  # noqa: TRY004  (the value read is bad, not an argument)
        return self._cls(**cast("dict[str, object]", fields))

    def _parts(self) -> tuple[object, ...]:
        return (self._cls,)

    def __repr__(self) -> str:
        return f"NamedtupleSerializer({self._cls.__qualname__})"


def _check_class(cls: object) -> None:
    if not (
        isinstance(cls, type)
        and tuple in cls.__mro__
        and hasattr(cls, "_fields")
        and callable(getattr(cls, "_asdict", None))
    ):
        message = f"{cls!r} is no namedtuple class: make one with typing.NamedTuple"
        raise TypeError(message)


def _is_namedtuple(item: object, cls: type[object]) -> TypeGuard[_Namedtuple]:
    return isinstance(item, cls)
