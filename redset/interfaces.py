"""The protocols that redset is built on. Nothing has to subclass any of them.

A set is made of three replaceable parts: a `Serializer` turns items into bytes
and back, a `Scorer` gives an item its score, and a `Backend` (or `AsyncBackend`)
stores pairs of bytes and score. Backends are raw and small: they know nothing of
items, and every method is one atomic operation on the set called ``name``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

from typing_extensions import TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

__all__ = [
    "NOW",
    "AsyncBackend",
    "AsyncRedisClient",
    "Backend",
    "Bound",
    "Claimed",
    "Clock",
    "DeadLetter",
    "Dumper",
    "Entry",
    "Hold",
    "Lease",
    "Loader",
    "Merge",
    "Moment",
    "RedisClient",
    "Scorer",
    "Serializer",
    "Stats",
    "Terms",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)

Entry: TypeAlias = tuple[bytes, float]
"""One stored pair: the member's bytes and its score."""


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
    """Why it was set aside; for undecodable items the serializer's error."""
    score: float
    """The score it had, and gets back when it is redriven."""
    time: float
    """When it was set aside, in unix seconds by the backend's clock; 0.0 until then."""
    attempts: int = 0
    """How often it had been claimed; 0 if it was taken without a claim."""


class Lease(NamedTuple):
    """One member that was claimed, and on what terms."""

    member: bytes
    score: float
    """The score it had, and gets back with a lease that runs out."""
    attempt: int
    """How often it has been claimed since it was added, this time included."""
    token: int
    """The fencing token: higher than that of every earlier claim of the set."""
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
    """After how many attempts an expired claim becomes a dead letter; None for never."""
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
    while it was claimed is, besides, pending or parked.
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
    """When the claim was made whose lease is the first to run out, in unix seconds."""


class Loader(Protocol[T_co]):
    """The half of a `Serializer` that reads."""

    # A property, so that any attribute fits that can be called: a method, a function, a class.
    @property
    def loads(self) -> Callable[[bytes], T_co]:
        """Turn stored bytes into an item; raise any exception if they are none."""
        ...


class Dumper(Protocol[T_contra]):
    """The half of a `Serializer` that writes."""

    @property
    def dumps(self) -> Callable[[T_contra], str | bytes]:
        """Turn an item into bytes, or into text that is stored as UTF-8."""
        ...


class Serializer(Loader[T], Dumper[T], Protocol[T]):
    """Turns items into bytes and back.

    Modules such as `json` and `pickle`, objects of a class with ``loads = int; dumps = str``
    and objects of anything with these two methods all fit. An item's identity is its
    serialized form, so equal items should give equal bytes.
    """


class Scorer(Protocol[T_contra]):
    """Gives the score of an item that is added without one."""

    def __call__(self, item: T_contra, /) -> float:
        """Return the score; lower scores are handed out first."""
        ...


class Clock(Protocol):
    """Where a memory backend reads the time; see `redset.testing.ManualClock`."""

    def time(self) -> float:
        """Return the current time in unix seconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds from any fixed point, by a clock that never goes back."""
        ...

    def pause(self, seconds: float | None) -> float | None:
        """Return how long a waiter may sleep, in real seconds, before it looks again.

        ``seconds`` is what is left on this clock, None for no limit. A clock that is
        moved by hand returns None: its waiters are woken by its moves alone.
        """
        ...

    def subscribe(self, callback: Callable[[], object], /) -> None:
        """Call ``callback`` after each move of a clock that is moved by hand."""
        ...


class RedisClient(Protocol):
    """What redset needs of a blocking Redis or Valkey client."""

    @property
    def execute_command(self) -> Callable[..., object]:
        """Send one command and return its reply."""
        ...

    @property
    def lock(self) -> Callable[..., object]:
        """Return a lock object as redis-py's ``Redis.lock`` does."""
        ...

    @property
    def pipeline(self) -> Callable[..., object]:
        """Return a pipeline as redis-py's ``Redis.pipeline`` does."""
        ...

    def __enter__(self) -> object: ...


class AsyncRedisClient(Protocol):
    """What redset needs of an asyncio Redis or Valkey client."""

    @property
    def execute_command(self) -> Callable[..., object]:
        """Send one command; awaiting the result gives its reply."""
        ...

    @property
    def lock(self) -> Callable[..., object]:
        """Return a lock object as redis-py's ``asyncio.Redis.lock`` does."""
        ...

    @property
    def pipeline(self) -> Callable[..., object]:
        """Return a pipeline as redis-py's ``asyncio.Redis.pipeline`` does."""
        ...

    async def __aenter__(self) -> object: ...


@runtime_checkable
class Backend(Protocol):
    """A store of named sorted sets: members are bytes, scores are floats.

    Entries are ordered by ascending score, ties by their bytes (as `memcmp` does).
    A set exists while it has members. Arguments arrive checked: names are not empty,
    scores are never NaN, counts are at least 1. All methods may be called from many
    threads at once. Where ``low`` or ``high`` can be left out, they are infinite.
    `redset.testing.BackendConformance` states the rest as tests.
    """

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """Add members, or merge their scores; return how many were new.

        If a member occurs twice in ``entries``, they are added in order.
        """
        ...

    def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """Like `add`, with None for "now", waking those who wait for due members.

        Returns how many were new, and the time on the backend's clock.
        """
        ...

    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """Add members that each live for the given seconds (`math.inf`: for ever).

        The score stored is the time of expiry. The result says for each entry whether
        the member was unseen: absent, or expired. ``merge`` decides between the expiry
        that a live member has and the new one. Some expired members may be swept.
        """
        ...

    def increment(self, name: str, member: bytes, by: float) -> float:
        """Add ``by`` to a member's score (0 if absent) and return the new score.

        Raises `ScoreError`, changing nothing, if the sum is not a number.
        """
        ...

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = ...) -> int:
        """Remove members; return how many of them were there with a score from ``low``.

        Members that are parked or held back are removed, too; those that are claimed stay so.
        """
        ...

    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        """Remove the entries between two scores, at most ``limit`` of the first of them.

        Returns how many were removed.
        """
        ...

    def pop(
        self, name: str, count: int, *, high: Bound = ..., reverse: bool = False
    ) -> list[Entry]:
        """Remove and return the first ``count`` entries with scores up to ``high``.

        With ``reverse``, the last ones, last first; ``high`` is then infinite.
        """
        ...

    def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = ...
    ) -> list[Entry]:
        """Like `pop`, waiting up to ``timeout`` seconds (None: for ever) for the first.

        Returns an empty list when the time is over. Only infinity and `NOW` occur as
        ``high``; with `NOW`, an entry that falls due ends the wait, too. Whatever call
        brings an entry in reach ends the wait, within a second at the latest.
        """
        ...

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """Acknowledge claims that are done, then claim the first members of the set.

        A member that is claimed leaves the set until it is acknowledged, released or
        rejected, or until its lease has run out and somebody claims: then it is put back
        with its score. At most one holder has a member. One that was added while it is
        claimed stays in the set, or is parked out of sight by a claim that meets it, and is
        put back when the claim ends; scores meet by the rule of the terms, in the order in
        which they were given. ``count`` is at most a thousand.
        """
        ...

    def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """Like `claim`, waiting up to ``timeout`` seconds (None: for ever) for the first.

        Acknowledges at once. Whatever brings a member in reach ends the wait: an add, a due
        time, a lease that runs out, a claim that ends; others' plain adds within a second.
        """
        ...

    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """End claims whose members are done with; tell of each whether it was still held.

        A claim that is no longer held is not touched, whoever has the member by now.
        """
        ...

    def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        fresh: bool = False,
    ) -> bool:
        """End a claim and put its member back; return whether it was still held.

        Args:
            name: the set.
            hold: the claim.
            merge: the rule for a member that was added meanwhile. This call is the latest,
                except without ``score`` and ``delay``: then the member's own score is older
                than any that was given meanwhile.
            score: its new score; its own by default; `NOW` for ``delay`` seconds from now.
            delay: without `NOW`, for how many seconds to hold it back, out of the set. One
                that was added meanwhile is due now, so with `Merge.KEEP` and `Merge.EARLIEST`
                it is not held back, and one that is added later ends the delay, unless the
                rule is `Merge.KEEP` or `Merge.LATEST`.
            fresh: forget its attempts.
        """
        ...

    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """Let claims last ``lease`` seconds from now; return the deadlines, None if not held."""
        ...

    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """End claims and make their members dead letters, for the reason given with each.

        Returns whether each was still held, and how many dead letters were dropped.
        """
        ...

    def stats(self, name: str, high: Bound) -> Stats:
        """Count the set's members by their state; those with scores up to ``high`` are due."""
        ...

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """Return the score of each member, None for those that are absent."""
        ...

    def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """Return what is left of each score at the present time, None if nothing is."""
        ...

    def rank(self, name: str, member: bytes) -> int | None:
        """Return how many entries come before the member, None if it is absent."""
        ...

    def length(self, name: str) -> int:
        """Return the number of members."""
        ...

    def count(self, name: str, low: Bound, high: Bound) -> int:
        """Return the number of entries between two scores."""
        ...

    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        """Return the entries from position ``start`` to ``stop``, both included.

        Negative positions count from the end, -1 being the last. With ``reverse``, the
        order is turned round before positions are counted.
        """
        ...

    def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        """Return entries between two scores, in order, with ``reverse`` from the end.

        ``after`` leaves out all entries up to and including that place in the order,
        whether it is still taken or not; then ``offset`` entries are skipped, and at
        most ``count`` returned.
        """
        ...

    def sample(self, name: str, count: int) -> list[Entry]:
        """Return up to ``count`` different entries chosen at random, in any order."""
        ...

    def union(self, name: str, others: Sequence[str], merge: Merge) -> int:
        """Add all entries of other sets, one set after the other; return how many were new."""
        ...

    def intersect(self, name: str, others: Sequence[str]) -> int:
        """Remove members that are not in all the others; return how many were removed."""
        ...

    def clear(self, name: str) -> bool:
        """Remove the set, its claims and dead letters, and all else but a held lock.

        Returns whether there were any members, claims or dead letters.
        """
        ...

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """Store dead letters under the present time, replacing those of the same bytes.

        Beyond ``limit``, the oldest are dropped; returns how many. The set itself is not
        touched. Without letters, nothing is done.
        """
        ...

    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """Return dead letters, oldest first, ties by their bytes."""
        ...

    def dead_count(self, name: str) -> int:
        """Return the number of dead letters."""
        ...

    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """Put dead letters back into the set with their scores; return how many there were."""
        ...

    def forget(self, name: str, members: Sequence[bytes]) -> int:
        """Drop dead letters for good; return how many there were."""
        ...

    def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AbstractContextManager[None]:
        """Return a context manager that holds the one lock of this set.

        Entering waits up to ``timeout`` seconds (None: for ever), then raises `LockTimeout`.
        A lock held for longer than ``expires`` seconds is given up to whoever asks next;
        its late holder then leaves without an error, and without freeing the other's.
        """
        ...

    def close(self) -> None:
        """Release what the backend itself opened."""
        ...


@runtime_checkable
class AsyncBackend(Protocol):
    """The asyncio twin of `Backend`: the same methods with the same meaning, awaited.

    Methods may be called from many tasks of one event loop at once.
    """

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `Backend.add`."""
        ...

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `Backend.schedule`."""
        ...

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `Backend.remember`."""
        ...

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `Backend.increment`."""
        ...

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = ...) -> int:
        """See `Backend.remove`."""
        ...

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `Backend.remove_range`."""
        ...

    async def pop(
        self, name: str, count: int, *, high: Bound = ..., reverse: bool = False
    ) -> list[Entry]:
        """See `Backend.pop`."""
        ...

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = ...
    ) -> list[Entry]:
        """See `Backend.wait_pop`."""
        ...

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `Backend.claim`."""
        ...

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `Backend.wait_claim`."""
        ...

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `Backend.acknowledge`."""
        ...

    async def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        fresh: bool = False,
    ) -> bool:
        """See `Backend.release`."""
        ...

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `Backend.extend`."""
        ...

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `Backend.reject`."""
        ...

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `Backend.stats`."""
        ...

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `Backend.scores`."""
        ...

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `Backend.lifetimes`."""
        ...

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `Backend.rank`."""
        ...

    async def length(self, name: str) -> int:
        """See `Backend.length`."""
        ...

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `Backend.count`."""
        ...

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `Backend.slice`."""
        ...

    async def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        """See `Backend.range`."""
        ...

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `Backend.sample`."""
        ...

    async def union(self, name: str, others: Sequence[str], merge: Merge) -> int:
        """See `Backend.union`."""
        ...

    async def intersect(self, name: str, others: Sequence[str]) -> int:
        """See `Backend.intersect`."""
        ...

    async def clear(self, name: str) -> bool:
        """See `Backend.clear`."""
        ...

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `Backend.bury`."""
        ...

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `Backend.dead`."""
        ...

    async def dead_count(self, name: str) -> int:
        """See `Backend.dead_count`."""
        ...

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `Backend.redrive`."""
        ...

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `Backend.forget`."""
        ...

    def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AbstractAsyncContextManager[None]:
        """See `Backend.lock`."""
        ...

    async def close(self) -> None:
        """See `Backend.close`."""
        ...
