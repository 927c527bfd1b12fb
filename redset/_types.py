"""The type variables of all sets: the item's type, text unless a serializer says otherwise."""

from __future__ import annotations

from typing_extensions import TypeVar

__all__ = ["T", "T_co"]

T = TypeVar("T", default=str)
T_co = TypeVar("T_co", covariant=True, default=str)
