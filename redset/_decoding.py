"""Turning stored bytes into items, and what is left when that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from redset.interfaces import DeadLetter, KeyedMember

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Entry

__all__ = ["decode", "describe"]

T = TypeVar("T")

# A reason is kept beside every dead letter: some serializers quote all of their input.
_LONGEST_REASON = 1000


def decode(
    loads: Callable[[bytes], T], entries: Sequence[Entry]
) -> tuple[list[tuple[T, float]], list[DeadLetter]]:
    """Decode entries; return items with their scores, and what could not be decoded."""
    items: list[tuple[T, float]] = []
    letters: list[DeadLetter] = []
    for member, score in entries:
        try:
            items.append((loads(member), score))
        except Exception as error:  # noqa: BLE001  (loads may raise anything)
            letters.append(_letter(member, describe(error), score))
    return items, letters


def _letter(member: bytes, reason: str, score: float) -> DeadLetter:
    if not isinstance(member, KeyedMember):
        return DeadLetter(member, reason, score, 0.0)
    key = bytes(member)
    # Of a key that others added, nothing else is known.
    raw = key if member.payload is None else member.payload
    return DeadLetter(raw, reason, score, 0.0, key=key)


def describe(error: Exception) -> str:
    """Return what is kept of an error: its class and the start of its message."""
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:_LONGEST_REASON]
    except Exception:  # noqa: BLE001  (some errors cannot say what they are)
        return name[:_LONGEST_REASON]
