"""All that is in a set as a stream of records, which can be written down and stored again."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from redset._chunks import CHUNK
from redset.backends.redis.operating import Operator
from redset.cli.items import packed, unpacked
from redset.cli.output import number
from redset.interfaces import DeadLetter, Merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.backends import RedisBackend
    from redset.interfaces import Entry

__all__ = ["Item", "Record", "dump", "load", "read", "store"]


class Item(NamedTuple):
    """An item of a set."""

    member: bytes
    score: float
    state: str = ""
    """``claimed`` or ``delayed`` if it was out of the set; empty if it was in it."""


Record: TypeAlias = Item | DeadLetter

_CLAIMED: Final = "claimed"
_DELAYED: Final = "delayed"
_DEAD: Final = "dead"


def read(
    backend: RedisBackend, name: str, after: Entry | None = None
) -> Iterator[Sequence[Record]]:
    """Give all that is in a set, in parts, without holding it up.

    These are dead letters, what is claimed or delayed, what is in the set, and what has been
    claimed or delayed meanwhile: an item is given even if it moves, and then perhaps twice.

    Args:
        backend: the server.
        name: the set.
        after: the place in the order after which to go on, with the items in the set.
    """
    operator = Operator(backend)
    apart: set[bytes] = set()
    if after is None:
        yield from _dead(backend, name)
        for items in _apart(operator, name):
            yield items
            apart.update(item.member for item in items)
    last = backend.slice(name, -1, -1)
    # Items that move on while they are met must not be followed for ever.
    end = (last[0][1], last[0][0]) if last else (-math.inf, b"")
    page = backend.range(name, -math.inf, math.inf, after=after, count=CHUNK)
    while page:
        yield [Item(*entry) for entry in page if (entry[1], entry[0]) <= end]
        if (page[-1][1], page[-1][0]) >= end:
            break
        page = backend.range(name, -math.inf, math.inf, after=page[-1], count=CHUNK)
    for items in _apart(operator, name):
        yield [item for item in items if item.member not in apart]


def store(
    backend: RedisBackend, name: str, records: Sequence[Record], merge: Merge = Merge.REPLACE
) -> None:
    """Store records in a set; it does no harm to do so again.

    Args:
        backend: the server.
        name: the set.
        records: up to a thousand of them.
        merge: the rule for items that are there. What was claimed or delayed is older than any
            score that was given meanwhile.
    """
    older = Merge.KEEP if merge is Merge.REPLACE else merge
    items = [each for each in records if isinstance(each, Item)]
    backend.add(name, [(each.member, each.score) for each in items if not each.state], merge)
    backend.add(name, [(each.member, each.score) for each in items if each.state], older)
    Operator(backend).restore(name, [each for each in records if isinstance(each, DeadLetter)])


def dump(record: Record) -> str:
    """Return a record as a line of JSON, which `load` reads: bytes and scores are exact."""
    if isinstance(record, DeadLetter):
        fields: dict[str, object] = {
            **packed(record.raw),
            "score": number(record.score),
            "state": _DEAD,
            "time": record.time,
            "attempts": record.attempts,
            "reason": record.reason,
        }
    else:
        fields = {**packed(record.member), "score": number(record.score)}
        if record.state:
            fields["state"] = record.state
    return json.dumps(fields, allow_nan=False)


def load(fields: dict[str, object]) -> Record:
    """Return the record of a line of JSON.

    Raises:
        ValueError: if it is none.
    """
    member, score = unpacked(fields), _number(fields.get("score"), "score")
    state = fields.get("state", "")
    if state == _DEAD:
        return DeadLetter(
            raw=member,
            reason=str(fields.get("reason", "")),
            score=score,
            time=_number(fields.get("time"), "time"),
            attempts=int(_number(fields.get("attempts", 0), "number of attempts")),
        )
    if state not in ("", _CLAIMED, _DELAYED):
        message = f"its state {state!r} is none"
        raise ValueError(message)
    return Item(member, score, state)


def _number(value: object, of: str) -> float:
    if isinstance(value, str) and value in {"inf", "-inf"}:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        message = f"its {of} is {value!r}, which is no number"
        raise ValueError(message)
    return float(value)


def _apart(operator: Operator, name: str) -> Iterator[list[Item]]:
    for claimed, delayed in operator.apart(name):
        yield [Item(*entry, _CLAIMED) for entry in claimed]
        yield [Item(*entry, _DELAYED) for entry in delayed]


def _dead(backend: RedisBackend, name: str) -> Iterator[list[DeadLetter]]:
    start = 0
    while letters := backend.dead(name, start, CHUNK):
        yield letters
        start += len(letters)
