"""The values that sets and backends hand each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

__all__ = [
    "NOW",
    "Aggregate",
    "Bound",
    "Claimed",
    "DeadLetter",
    "Entry",
    "Hold",
    "KeyedMember",
    "Lease",
    "Merge",
    "Moment",
    "Parcel",
    "Payload",
    "State",
    "Stats",
    "Terms",
    "Weighing",
]

Entry: TypeAlias = tuple[bytes, float]
"""One stored pair: the member's bytes and its score."""


class KeyedMember(bytes):
    """A member of a keyed set: its key, with the payload that goes with it.

    It is equal to the plain bytes of its key, which are its identity.
    """

    payload: bytes | None
    """What is stored for the key; None if it was added without a payload, by others."""

    def __new__(cls, key: bytes, payload: bytes | None) -> Self:
        """Return the key with its payload."""
        member = super().__new__(cls, key)
        member.payload = payload
        return member

    def __getnewargs__(self) -> tuple[bytes, bytes | None]:  # type: ignore[override]  # bytes has its own
        return bytes(self), self.payload


class Payload(Enum):
    """Which payload stays when a key is added that is there already."""

    NEWEST = "newest"
    """The payload that was added last."""
    FIRST = "first"
    """The payload that was added first."""
    WITH_SCORE = "with_score"
    """The payload that came with the score that stays by the rule of `Merge`."""


class Merge(Enum):
    """What becomes of the score when a member is added that is already there."""

    REPLACE = "replace"
    """The new score wins. The default of every set but `TTLSet`, and what 0.5.1 did."""
    KEEP = "keep"
    """The first score wins."""
    EARLIEST = "earliest"
    """The lower score wins, so adding again can only bring an item forward."""
    LATEST = "latest"
    """The higher score wins, so adding again can only put an item off."""

    # Every add looks its rule up, and there is one object for each; an Enum's own is slow.
    __hash__ = object.__hash__


class Aggregate(Enum):
    """What the scores make that one item has in several sets."""

    SUM = "sum"
    """Their sum, added up in the order of the sets."""
    MIN = "min"
    """The lowest of them."""
    MAX = "max"
    """The highest of them."""


class Weighing(NamedTuple):
    """How scores of several sets meet: each is weighed, then what a member has is aggregated.

    What is not a number, as 0 * inf and inf - inf, counts as 0.
    """

    aggregate: Aggregate
    weights: tuple[float, ...]
    """By what scores are multiplied: those of the set itself, then those of each other."""


class Moment(Enum):
    """A bound that the backend reads off its own clock when it acts."""

    NOW = "now"


NOW: Final = Moment.NOW

Bound: TypeAlias = float | Moment
"""A limit of a range of scores.

Numbers are inclusive on both sides. `NOW` is inclusive as an upper bound and
exclusive as a lower one, so ``(-inf, NOW)`` and ``(NOW, inf)`` share no entry.
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A member that was set aside, with all that is needed to look into it."""

    raw: bytes
    """The member's bytes, exactly as they were stored."""
    reason: str
    """Why it was set aside; for undecodable items the serializer's error.

    Any text is kept as it is, but for surrogates, which UTF-8 does not have: they are stored as
    the error handler ``backslashreplace`` writes them.
    """
    score: float
    """The score it had, and gets back when it is redriven."""
    time: float
    """When it was set aside, in unix seconds by the backend's clock; 0.0 until then."""
    attempts: int = 0
    """How often it had been claimed; 0 if it was taken without a claim."""
    key: bytes | None = None
    """The key it has in a keyed set, where ``raw`` is its payload; None in other sets."""


class Lease(NamedTuple):
    """One member that was claimed, and on what terms."""

    member: bytes
    score: float
    """The score it had, and gets back with a lease that runs out."""
    attempt: int
    """How often it has been claimed since it was added, this time included."""
    token: int
    """The fencing token: higher than that of every earlier claim of the set, cleared or not.

    From 1 to 2**63 - 1.
    """
    deadline: float
    """When the lease runs out, in unix seconds by the backend's clock."""


Hold: TypeAlias = tuple[bytes, int]
"""What names one claim: its member, and its token."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms members are claimed."""

    lease: float
    """How many seconds a claim lasts unless it is extended."""
    high: Bound
    """Scores up to this one can be claimed: infinity or `NOW`."""
    merge: Merge
    """The rule for members that were added while they were claimed."""
    max_attempts: int | None
    """After how many attempts an expired claim becomes a dead letter; None for never.

    The reason is then ``the lease ran out in attempt 3 of 3``.
    """
    dead_limit: int
    """How many dead letters to keep."""


class Claimed(NamedTuple):
    """What `Backend.claim` did."""

    leases: list[Lease]
    """What was claimed, in order."""
    acknowledged: list[bool]
    """Of each claim to be acknowledged, whether it was still held."""
    dropped: int
    """How many dead letters were dropped beyond the limit."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How many items of a set are in which state, and since when.

    Every item is in one of ``pending``, ``claimed`` and ``dead``; one that was added again
    while it was claimed is, besides, pending or parked, and one that was added again while it
    is delayed counts twice, until it is claimed.
    """

    pending: int
    """How many wait to be handed out, due or not."""
    due: int
    """How many of these can be handed out now."""
    delayed: int
    """How many of the pending are held back after a ``nack`` or ``reschedule``."""
    claimed: int
    """How many are being worked on."""
    parked: int
    """How many of the claimed were added again, and will be pending when that claim ends."""
    dead: int
    """How many dead letters there are."""
    oldest_score: float | None
    """The lowest score of the set; None if it has no items."""
    oldest_claim: float | None
    """When the claim was made whose lease is the first to run out, in unix seconds.

    Of a sharded set, the earliest of these times of its shards.
    """


class State(NamedTuple):
    """One member on its way to another set, with all that is kept for it."""

    member: bytes
    """Its bytes; of a keyed set the key, of a dead letter what it is known by."""
    fields: object
    """The backend's own account of it: scores, claim, attempts, payloads, dead letter."""


class Parcel(NamedTuple):
    """Some members of a set that is handed over to others; see `ShardableBackend.pack`."""

    number: int
    """Higher than that of every earlier parcel of the set."""
    token: int
    """The latest fencing token of the set; 0 if there is none."""
    ends: Sequence[float]
    """When each part of the set is to go, in unix seconds; infinity for never."""
    states: Sequence[State]
    """The members; none if nothing is left."""
