"""Pickled objects."""

from __future__ import annotations

import pickle
from typing import Final, Generic, cast

from typing_extensions import TypeVar

from redset.serializers._equality import EqualByParts

__all__ = ["PICKLE_PROTOCOL", "PickleSerializer"]

PICKLE_PROTOCOL: Final = 4
"""Pinned, so that a new Python does not turn every item into another member."""

T = TypeVar("T", default=object)


class PickleSerializer(EqualByParts, Generic[T]):
    """Stores items with `pickle`, which takes nearly any object.

    Warning:
        **Unpickling runs code** that the data names. Whoever can write to the store
        can run anything in the process that reads from it. Wrap this serializer in a
        `SignedSerializer` unless every writer is trusted.

    Warning:
        Pickle is **not canonical**: equal objects can give different bytes, by the
        order in which a dict or set was filled, or by which parts are one object. They
        are then different members. Give such sets a ``key=``, or use another
        serializer where items must not occur twice.

    The type argument is the caller's assertion, checked by nobody.

    Args:
        protocol: the pickle protocol, `PICKLE_PROTOCOL` unless given. Another one makes
            other bytes of the same item, and so another member.

    Raises:
        ValueError: if this Python has no such protocol.

    >>> serializer = PickleSerializer[complex]()
    >>> serializer.loads(serializer.dumps(1 + 2j))
    (1+2j)
    """

    def __init__(self, *, protocol: int = PICKLE_PROTOCOL) -> None:
        if protocol not in range(pickle.HIGHEST_PROTOCOL + 1):
            message = f"protocol is {protocol!r}, but must be 0 to {pickle.HIGHEST_PROTOCOL}"
            raise ValueError(message)
        self._protocol = protocol

    def dumps(self, item: T) -> bytes:
        """Return the pickled item. O(size).

        Raises:
            Exception: whatever `pickle` or the item raises; often `TypeError`,
                `AttributeError` or `pickle.PicklingError`.
        """
        return pickle.dumps(item, protocol=self._protocol)

    def loads(self, data: bytes) -> T:
        """Return the item, of any protocol, **running what code the data names**.

        Raises:
            Exception: of nearly any type, if the bytes are no pickle.
        """
        return cast("T", pickle.loads(data))  # noqa: S301  (what this class is for)

    def _parts(self) -> tuple[object, ...]:
        return (self._protocol,)

    def __repr__(self) -> str:
        return f"PickleSerializer(protocol={self._protocol})"
