"""Parcels of members that are handed over, as scripts write and read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from redset.backends.redis import commands
from redset.interfaces import Parcel, State

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parcel", "parts"]

# What the keys of a set have of a member: the key's place among them, from 1, and the value.
_Fields: TypeAlias = "Sequence[tuple[int, bytes]]"


def parcel(reply: Sequence[Any]) -> Parcel:
    """Return what ``handover/pack.lua`` read."""
    number, token, ends, members, fields = reply
    kept: dict[bytes, list[tuple[int, bytes]]] = {member: [] for member in members}
    for place, values in enumerate(fields, 1):
        for member, value in zip(members, values, strict=True):
            if value is not None:
                kept[member].append((place, value))
    return Parcel(
        int(number),
        # A claim's token is that of its batch, and its place in the batch.
        (int(token) + 1) * commands.TOKENS - 1 if int(token) else 0,
        [float(end) / 1000 for end in ends],
        [State(member, kept[member]) for member in members],
    )


def parts(given: Parcel) -> list[bytes | int | str]:
    """Return a parcel as ``handover/unpack.lua`` takes it."""
    ends = [repr(end) if math.isinf(end) else round(end * 1000) for end in given.ends]
    found: list[bytes | int | str] = [given.token // commands.TOKENS, *ends]
    for member, fields in given.states:
        for place, value in cast("_Fields", fields):
            found += [place, member, value]
    return found
