"""When two serializers are one: sets that use equal ones are combined by the server."""

from __future__ import annotations

from abc import abstractmethod

__all__ = ["EqualByParts"]


class EqualByParts:
    """Objects of one class are equal if their parts are.

    A subclass is not, unless it says itself what its parts are: it may write other bytes.
    """

    @abstractmethod
    def _parts(self) -> tuple[object, ...]:
        """Return all that decides on the bytes written and read."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EqualByParts) or "_parts" not in vars(type(self)):
            return self is other
        return type(other) is type(self) and other._parts() == self._parts()

    def __hash__(self) -> int:
        return hash(type(self))
