"""Arguments of commands and the meaning of replies, without any input or output.

Replies differ between RESP2 and RESP3, clients and their versions; every difference
ends here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any, Final

from redset.interfaces import (
    NOW,
    Claimed,
    DeadLetter,
    KeyedMember,
    Lease,
    Merge,
    Stats,
    Weighing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from redset.interfaces import Bound, Entry, Hold, Terms

__all__ = [
    "FLAGS",
    "SWEEP",
    "bound",
    "claimed",
    "dead_letters",
    "due_pairs",
    "entries",
    "entries_from",
    "flags",
    "holds",
    "keyed_claimed",
    "keyed_dead_letters",
    "keyed_entries",
    "keyed_popped",
    "keyed_popped_any",
    "keys_of",
    "letter_details",
    "letter_reason",
    "lifetimes",
    "limit",
    "meeting",
    "milliseconds",
    "moment",
    "page",
    "pairs",
    "payloads",
    "popped",
    "popped_any",
    "scores",
    "seconds",
    "stats",
    "terms_of_claim",
    "whole",
]

FLAGS: Final = {
    Merge.REPLACE: b"",
    Merge.KEEP: b"NX",
    Merge.EARLIEST: b"LT",
    Merge.LATEST: b"GT",
}
"""The flag of ``ZADD`` for each merge rule; empty for none."""

SWEEP: Final = 100
"""How many expired members one call of `remember` removes at most."""

TOKENS: Final = 1000
"""How many tokens there are to a microsecond: the members of one claim."""

_FAR: Final = 2**40
_ONE: Final = ord("1")
_AT_ONCE: Final = 0.0
# For how many milliseconds the latest token is remembered beyond the lease.
_MEMORY: Final = 300_000


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


def due_pairs(given: Iterable[tuple[bytes, float | None]]) -> list[object]:
    """Return due times and members in turn, empty for now."""
    return [part for member, score in given for part in (b"" if score is None else score, member)]


def bound(given: Bound) -> bytes:
    """Return a bound as scripts take it."""
    return b"now" if given is NOW else repr(float(given)).encode()


def meeting(how: Merge | Weighing) -> list[object]:
    """Return how scores meet, as the scripts that combine sets take it."""
    if not isinstance(how, Weighing):
        return [FLAGS[how]]
    return [how.aggregate.name, *(repr(float(weight)) for weight in how.weights)]


def moment(when: float | None) -> bytes | int:
    """Return a time as ``expire.lua`` takes it, not to come before it has come."""
    return b"" if when is None else max(math.ceil(when * 1000), 1)


def whole(number: int) -> int:
    """Return a count or position that commands and Lua can hold, beyond the end of any set."""
    return max(-_FAR, min(number, _FAR))


def limit(number: int | None) -> int:
    """Return how many at most, for commands and scripts; -1 for all."""
    return -1 if number is None else whole(number)


def page(
    after: Entry | None, offset: int, number: int | None, *, reverse: bool
) -> tuple[object, ...]:
    """Return where in a range to start and to end, as ``range.lua`` takes it."""
    place = () if after is None else (after[1], after[0])
    return (whole(offset), limit(number), int(reverse), *place)


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


def popped(reply: bytes) -> Entry | None:
    """Return the entry of the reply of ``pop_into.lua``, None if there is none."""
    if not reply:
        return None
    score, _, member = reply.partition(b" ")
    return member, float(score)


def popped_any(reply: bytes) -> tuple[tuple[int, Entry] | None, float]:
    """Return what was popped, and when to look again, from the reply of ``pop_any.lua``."""
    place, score, *member = reply.split(b" ", 2)
    if not member:
        return None, float(score)
    return (int(place), (member[0], float(score))), _AT_ONCE


def keyed_popped(reply: bytes) -> Entry | None:
    """Return the entry of the reply of ``keyed/pop_into.lua``, None if there is none."""
    if not reply:
        return None
    score, length, rest = reply.split(b" ", 2)
    member, payload = rest[: int(length)], rest[int(length) :]
    keyed = KeyedMember(member, payload[1:] if payload.startswith(b"1") else None)
    return keyed, float(score)


def keyed_popped_any(reply: bytes) -> tuple[tuple[int, Entry] | None, float]:
    """Return what was popped, and when to look again, from that of ``keyed/pop_any.lua``."""
    place, _, rest = reply.partition(b" ")
    if place == b"-1":
        return None, float(rest)
    entry = keyed_popped(rest)
    return None if entry is None else (int(place), entry), _AT_ONCE


def keyed_entries(reply: Sequence[Any]) -> list[Entry]:
    """Return entries with their payloads, from a reply of members and scores, and of those."""
    found, payloads = reply
    return [
        (KeyedMember(member, payload), score)
        for (member, score), payload in zip(entries(found), payloads, strict=True)
    ]


def payloads(members: Iterable[bytes]) -> list[bytes]:
    """Return the payloads of members, and a 1 or 0 for each, as scripts take them."""
    given = [member.payload if isinstance(member, KeyedMember) else b"" for member in members]
    flags = b"".join(b"0" if payload is None else b"1" for payload in given)
    return [*(payload or b"" for payload in given), flags]


def keys_of(arguments: Sequence[Any]) -> Sequence[bytes]:
    """Return the first key of a command, or all of a script."""
    is_script = arguments[0] in {"EVAL", "EVALSHA"}
    return arguments[3 : 3 + arguments[2]] if is_script else arguments[1:2]


def scores(reply: Iterable[Any]) -> list[float | None]:
    """Return scores, None where there is none."""
    return [None if score is None else float(score) for score in reply]


def lifetimes(reply: Sequence[Any]) -> list[float | None]:
    """Return what is left of each lifetime, from the reply of ``lifetimes.lua``."""
    now, expiries = float(reply[0]), scores(reply[1])
    return [expiry - now if expiry is not None and expiry > now else None for expiry in expiries]


def entries_from(
    members: Iterable[bytes], reply: Iterable[Any], low: Bound, now: float = 0.0
) -> list[Entry]:
    """Return the entries with a score from a bound on, from the scores of all."""
    above = low is NOW
    least = now if low is NOW else low
    return [
        (member, score)
        for member, score in zip(members, scores(reply), strict=True)
        if score is not None and (score > least if above else score >= least)
    ]


def milliseconds(duration: float) -> int:
    """Return a time to wait as scripts take it: 0 for not at all."""
    return math.ceil(duration * 1000)


def holds(given: Iterable[Hold]) -> list[bytes | int]:
    """Return members and tokens in turn."""
    return list(chain.from_iterable(given))


def flags(reply: bytes) -> list[bool]:
    """Return what a row of ones and zeros says."""
    return [flag == _ONE for flag in reply]


def claimed(reply: Sequence[Any]) -> tuple[Claimed, float]:
    """Return what was claimed, and when to look again, from the reply of ``claims/claim.lua``."""
    attempts, places, pause, deadline, base, acknowledged, dropped = reply[-7:]
    members = reply[:-7:2]
    first = int(base) * TOKENS
    if len(members) == 1 and not attempts:
        leases = [Lease(members[0], float(reply[1]), 1, first, float(deadline))]
        return Claimed(leases, flags(acknowledged), int(dropped)), _AT_ONCE
    leases = list(
        map(
            Lease,
            members,
            map(float, reply[1:-7:2]),
            map(int, attempts.split()) if attempts else repeat(1),
            [first + int(place) for place in places.split()] if places else count(first),
            repeat(float(deadline)),
        )
    )
    return Claimed(leases, flags(acknowledged), int(dropped)), float(pause)


def keyed_claimed(reply: Sequence[Any]) -> tuple[Claimed, float]:
    """Return what was claimed with payloads, and when to look again; see `claimed`."""
    found, payloads = reply
    taken, pause = claimed(found)
    leases = [
        lease._replace(member=KeyedMember(lease.member, payload))
        for lease, payload in zip(taken.leases, payloads, strict=True)
    ]
    return taken._replace(leases=leases), pause


def terms_of_claim(terms: Terms) -> tuple[object, ...]:
    """Return the terms of a claim as arguments of ``claims/claim.lua``."""
    return (
        terms.lease,
        milliseconds(terms.lease) + _MEMORY,
        bound(terms.high),
        FLAGS[terms.merge],
        b"" if terms.max_attempts is None else terms.max_attempts,
        terms.dead_limit,
    )


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


def keyed_dead_letters(reply: Sequence[Any]) -> list[DeadLetter]:
    """Return dead letters with keys and payloads, from the reply of ``keyed/dead.lua``."""
    found, payloads = reply
    return [
        replace(letter, key=letter.raw, raw=letter.raw if payload is None else payload)
        for letter, payload in zip(dead_letters(found), payloads, strict=True)
    ]
