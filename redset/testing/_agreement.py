"""Comparing what a backend has with what the model has."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from redset.interfaces import KeyedMember

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["agree", "shown"]


def shown(value: object) -> object:
    """Show the payloads of keys, which equality does not look at."""
    if isinstance(value, KeyedMember):
        return bytes(value), value.payload
    if isinstance(value, list | tuple):
        parts = [shown(part) for part in cast("Sequence[object]", value)]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def agree(found: object, expected: object) -> None:
    """Say what differs, if anything does."""
    found, expected = shown(found), shown(expected)
    assert found == expected, f"the backend has {found!r}, the model {expected!r}"
