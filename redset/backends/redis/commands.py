"""Arguments of commands and the meaning of replies, without any input or output.

Replies differ between RESP2 and RESP3, clients and their versions; every difference
ends here.
"""

from __future__ import annotations

import math
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from redset.interfaces import NOW, Claimed, DeadLetter, Lease, Merge, Stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redset.interfaces import Bound, Entry, Hold

__all__ = [
    "FLAGS",
    "bound",
    "claimed",
    "dead_letters",
    "entries",
    "flags",
    "holds",
    "letter_details",
    "letter_reason",
    "lifetimes",
    "milliseconds",
    "pairs",
    "scores",
    "seconds",
    "stats",
    "whole",
]

FLAGS: Final = {
    Merge.REPLACE: b"",
    Merge.KEEP: b"NX",
    Merge.EARLIEST: b"LT",
    Merge.LATEST: b"GT",
}
"""The flag of ``ZADD`` for each merge rule; empty for none."""

TOKENS: Final = 1000
"""How many tokens there are to a microsecond: the members of one claim."""

_FAR: Final = 2**40
_ONE: Final = ord("1")


def pairs(given: Iterable[Entry]) -> list[bytes]:
    """Return scores and members in the order of ``ZADD``'s arguments."""
    parts: list[bytes] = []
    append = parts.append
    last: float | None = None
    text = b""
    for member, score in given:
        # Many at once often have one score, which then is written once.
        if score is not last:
            last, text = score, repr(score).encode()
        append(text)
        append(member)
    return parts


def bound(limit: Bound) -> bytes:
    """Return a bound as scripts take it."""
    return b"now" if limit is NOW else repr(float(limit)).encode()


def whole(number: int) -> int:
    """Return a count or position that commands and Lua can hold, beyond the end of any set."""
    return max(-_FAR, min(number, _FAR))


def seconds(duration: float) -> str:
    """Return a timeout of a blocking command: never 0, which would be for ever."""
    return f"{max(duration, 0.001):.3f}"


def entries(reply: Any) -> list[Entry]:  # noqa: ANN401  (this is where its shape is found out)
    """Return the entries of a reply: nested pairs, or members and scores in turn."""
    if not reply:
        return []
    first = reply[0]
    if not isinstance(first, (list, tuple)):
        parts = iter(reply)
        return [(member, float(score)) for member, score in zip(parts, parts, strict=True)]
    if isinstance(first[1], float):
        return list(map(tuple, reply))
    return [(member, float(score)) for member, score in reply]


def scores(reply: Iterable[Any]) -> list[float | None]:
    """Return scores, None where there is none."""
    return [None if score is None else float(score) for score in reply]


def lifetimes(reply: Sequence[Any]) -> list[float | None]:
    """Return what is left of each lifetime, from the reply of ``lifetimes.lua``."""
    now, expiries = float(reply[0]), scores(reply[1])
    return [expiry - now if expiry is not None and expiry > now else None for expiry in expiries]


def milliseconds(duration: float) -> int:
    """Return a time to wait as scripts take it: 0 for not at all."""
    return math.ceil(duration * 1000)


def holds(given: Iterable[Hold]) -> list[bytes | int]:
    """Return members and tokens in turn."""
    return [part for hold in given for part in hold]


def flags(reply: bytes) -> list[bool]:
    """Return what a row of ones and zeros says."""
    return [flag == _ONE for flag in reply]


def claimed(reply: Sequence[Any]) -> Claimed:
    """Return what was claimed, from the reply of ``claims/claim.lua``."""
    _, deadline, base, acknowledged, dropped, members, given, attempts, places = reply
    ends = float(deadline)
    first = int(base) * TOKENS
    leases = [
        Lease(member, float(score), int(attempt), first + int(place), ends)
        for member, score, attempt, place in zip(
            members,
            given,
            attempts or repeat(1),
            places or range(len(members)),
            strict=False,
        )
    ]
    return Claimed(leases, flags(acknowledged), int(dropped))


def stats(reply: Sequence[Any]) -> Stats:
    """Return the counts from the reply of ``claims/stats.lua``."""
    present, due, delayed, taken, parked, dead, score, token = reply
    return Stats(
        pending=present + delayed,
        due=due,
        delayed=delayed,
        claimed=taken,
        parked=parked,
        dead=dead,
        oldest_score=None if score is None else float(score),
        oldest_claim=None if token is None else int(token) / TOKENS / 1e6,
    )


def letter_reason(reason: str) -> bytes:
    """Return why a member is dead as it is stored."""
    return reason.encode(errors="backslashreplace")


def letter_details(letter: DeadLetter) -> bytes:
    """Return what is stored of a dead letter beside its bytes and time."""
    return f"{letter.score!r} {letter.attempts}\n".encode() + letter_reason(letter.reason)


def dead_letters(reply: Sequence[Any]) -> list[DeadLetter]:
    """Return dead letters from the reply of ``dead.lua``."""
    parts = iter(reply)
    letters: list[DeadLetter] = []
    for raw, time, details in zip(parts, parts, parts, strict=True):
        counts, _, reason = details.decode(errors="replace").partition("\n")
        score, attempts = counts.split()
        letters.append(
            DeadLetter(
                raw=raw,
                reason=reason,
                score=float(score),
                time=float(time),
                attempts=int(attempts),
            )
        )
    return letters
