"""All that is in a set as a stream of records, which can be written down and stored again."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from redset._chunks import CHUNK
from redset.backends.redis.operating import Operator
from redset.cli.items import packed, packed_key, unpacked, unpacked_key
from redset.cli.output import number
from redset.exceptions import KeyingError
from redset.interfaces import DeadLetter, KeyedMember, Merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.backends import RedisBackend
    from redset.interfaces import Entry

__all__ = ["Item", "Record", "dump", "load", "read", "store"]


class Item(NamedTuple):
    """An item of a set."""

    member: bytes
    """Its bytes, or its key with its payload."""
    score: float
    state: str = ""
    """``claimed``, ``delayed`` or ``parked`` if it was out of the set; empty if it was in it."""


Record: TypeAlias = Item | DeadLetter

_CLAIMED: Final = "claimed"
_DELAYED: Final = "delayed"
_PARKED: Final = "parked"
_DEAD: Final = "dead"


def read(
    backend: RedisBackend, name: str, after: Entry | None = None
) -> Iterator[Sequence[Record]]:
    """Give all that is in a set, in parts, without holding it up.

    These are dead letters, what is claimed, delayed or parked, what is in the set, and what has
    been claimed or delayed meanwhile: an item is given even if it moves, and then perhaps twice.

    Args:
        backend: the server.
        name: the set.
        after: the place in the order after which to go on, with the items in the set.
    """
    operator = Operator(backend)
    view = operator.view(name)
    apart: set[tuple[bytes, bytes | None]] = set()
    if after is None:
        yield from _dead(operator, name)
        for items in _apart(operator, name):
            yield items
            apart.update(map(_content, items))
    last = view.slice(name, -1, -1)
    # Items that move on while they are met must not be followed for ever.
    end = (last[0][1], last[0][0]) if last else (-math.inf, b"")
    page = view.range(name, -math.inf, math.inf, after=after, count=CHUNK)
    while page:
        yield [Item(*entry) for entry in page if (entry[1], entry[0]) <= end]
        if (page[-1][1], page[-1][0]) >= end:
            break
        page = view.range(name, -math.inf, math.inf, after=page[-1], count=CHUNK)
    for items in _apart(operator, name):
        yield [item for item in items if _content(item) not in apart]


def store(
    backend: RedisBackend, name: str, records: Sequence[Record], merge: Merge = Merge.REPLACE
) -> None:
    """Store records in a set; it does no harm to do so again.

    Args:
        backend: the server.
        name: the set.
        records: up to a thousand of them.
        merge: the rule for items that are there, by which payloads go with their scores. What was
            claimed or delayed is older than any score that was given meanwhile.

    Raises:
        KeyingError: if some of the items and those in the set have keys, and some have none.
    """
    older = Merge.KEEP if merge is Merge.REPLACE else merge
    items = [each for each in records if isinstance(each, Item)]
    view = _view_for(backend, name, items) if items else backend
    late, early = (_CLAIMED, _DELAYED), ("", _PARKED)
    view.add(name, [(each.member, each.score) for each in items if each.state in early], merge)
    view.add(name, [(each.member, each.score) for each in items if each.state in late], older)
    Operator(backend).restore(name, [each for each in records if isinstance(each, DeadLetter)])


def dump(record: Record) -> str:
    """Return a record as a line of JSON, which `load` reads: bytes and scores are exact."""
    if isinstance(record, DeadLetter):
        fields: dict[str, object] = {
            **({} if record.key is None else packed_key(record.key)),
            **packed(record.raw),
            "score": number(record.score),
            "state": _DEAD,
            "time": number(record.time),
            "attempts": record.attempts,
            "reason": record.reason,
        }
    else:
        fields = {**_packed_member(record.member), "score": number(record.score)}
        if record.state:
            fields["state"] = record.state
    return json.dumps(fields, allow_nan=False)


def load(fields: dict[str, object]) -> Record:
    """Return the record of a line of JSON.

    Raises:
        ValueError: if it is none.
    """
    key, score = unpacked_key(fields), _number(fields.get("score"), "score")
    state = fields.get("state", "")
    if state == _DEAD:
        return DeadLetter(
            raw=unpacked(fields),
            key=key,
            reason=str(fields.get("reason", "")),
            score=score,
            time=_number(fields.get("time"), "time"),
            attempts=int(_number(fields.get("attempts", 0), "number of attempts")),
        )
    if state not in ("", _CLAIMED, _DELAYED, _PARKED):
        message = f"its state {state!r} is none"
        raise ValueError(message)
    if key is None:
        return Item(unpacked(fields), score, state)
    # A key that others have put into the set has no payload.
    is_bare = "item" not in fields and "base64" not in fields
    return Item(KeyedMember(key, None if is_bare else unpacked(fields)), score, state)


def _number(value: object, of: str) -> float:
    if isinstance(value, str) and value in {"inf", "-inf"}:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        message = f"its {of} is {value!r}, which is no number"
        raise ValueError(message)
    return float(value)


def _apart(operator: Operator, name: str) -> Iterator[list[Item]]:
    for page in operator.apart(name):
        yield [Item(*entry, _CLAIMED) for entry in page.claimed]
        yield [Item(*entry, _DELAYED) for entry in page.delayed]
        yield [Item(*entry, _PARKED) for entry in page.parked]


def _content(item: Item) -> tuple[bytes, bytes | None]:
    """Return all that there is of an item but its place."""
    payload = item.member.payload if isinstance(item.member, KeyedMember) else None
    return bytes(item.member), payload


def _packed_member(member: bytes) -> dict[str, object]:
    if not isinstance(member, KeyedMember):
        return packed(member)
    return packed_key(member) | ({} if member.payload is None else packed(member.payload))


def _view_for(backend: RedisBackend, name: str, items: Sequence[Item]) -> RedisBackend:
    """Return what is to store items, which must be of one kind with those that are there."""
    kinds = {isinstance(each.member, KeyedMember) for each in items}
    there = backend.is_keyed(name)
    if len(kinds if there is None else kinds | {there}) > 1:
        message = f"some items of {name!r} have keys, and some have none: store them elsewhere"
        raise KeyingError(message)
    return Operator(backend).view(name) if True in kinds else backend


def _dead(operator: Operator, name: str) -> Iterator[list[DeadLetter]]:
    start = 0
    while letters := operator.dead(name, start, CHUNK):
        yield letters
        start += len(letters)
