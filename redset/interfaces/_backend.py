"""What a store of sets is, in blocking code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from redset.interfaces._combining import Combining

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from redset.interfaces._values import (
        Bound,
        Claimed,
        DeadLetter,
        Entry,
        Hold,
        Merge,
        Payload,
        Stats,
        Terms,
    )

__all__ = ["Backend"]


@runtime_checkable
class Backend(Combining, Protocol):
    """A store of named sorted sets: members are bytes, scores are floats.

    Entries are ordered by ascending score, ties by their bytes (as `memcmp` does).
    A set exists while it has members. Arguments arrive checked: names are not empty,
    scores are never NaN, counts are at least 1. But members may be any bytes, also none,
    scores infinite, sequences empty, and counts and positions larger than any integer of the
    store. All methods may be called from many threads at once. Where ``low`` can be left out, it
    is ``-math.inf``; where ``high`` can, ``math.inf``.
    `redset.testing.BackendConformance` states the rest as tests. For sharded sets, a backend has
    some more methods: see `ShardableBackend`.
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
        that a live member has and the new one. Each call sweeps some expired members.
        """
        ...

    def increment(self, name: str, member: bytes, by: float) -> float:
        """Add ``by`` to a member's score in the set (0 if absent) and return the new score.

        Raises `ScoreError`, changing nothing, if the sum is not a number.
        """
        ...

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = ...) -> int:
        """Remove members; return how many of them waited with a score from ``low``.

        They are removed with any score, and wherever they wait: in the set, parked or held back.
        One that does so twice counts once, with its score in the set. What is claimed stays so.
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

    def dedicated(self) -> AbstractContextManager[Backend]:
        """Return a context manager that gives this backend to one user, for call after call.

        It may keep a connection for that user, who makes one call at a time, of `claim` and
        `wait_claim` alone. To give itself is enough.
        """
        ...

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """Acknowledge claims that are done, then claim the first members of the set.

        A member that is claimed leaves the set until it is acknowledged, released or
        rejected, or until its lease has run out and somebody claims: then it is put back
        with its score. At most one holder has a member. One that was added while it is
        claimed stays in the set until a claim meets it on its way to ``count`` others, which
        parks it out of sight. It is put back when the claim of it ends. Likewise, a member that
        was added while it is held back stays in the set until a claim meets it: with
        `Merge.KEEP` and `Merge.LATEST` it is held back, else the delay is over. Scores meet by
        the rule of the terms, in the order in which they were given. ``count`` is at most a
        thousand.
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
        """End up to a thousand claims whose members are done with; tell which were held.

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
        attempts: int | None = None,
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
            attempts: how many it has had when it is back, from 0 for a new one; by default
                those that it had, this claim included.
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
        """Count the set's members by their state; those in it up to ``high`` are due.

        A lease, or a delay, that is over counts as such until somebody claims.
        """
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

    def entries(self, name: str, members: Sequence[bytes], *, low: Bound = ...) -> list[Entry]:
        """Return the entries of those members that are there with a score from ``low``, in turn."""
        ...

    def keyed(self, payload: Payload) -> Backend:
        """Return a view of this backend whose sets are keyed.

        It is a backend as this one is, to which this one's documentation applies. Members are
        keys there: identity, order and scores are theirs. With each goes a payload, stored
        beside the set. Members given to `add`, `schedule`, `remember` and `increment` may be
        `KeyedMember`, plain bytes having an empty payload; members returned in entries and
        leases are `KeyedMember`. The rule says which payload stays if the key waits already:
        in the set, parked, or held back (where it waits in several of these, the first has the
        score that counts, and there is one payload for all). A claim takes its payload along:
        what is added meanwhile is another copy with its own, and if the claimed one comes back to
        such a copy, or to one that was added since it became a dead letter, it is the one that
        was added first; with `Payload.WITH_SCORE`, what is there stays if the scores are equal.
        Dead letters have their ``key``, by which they are redriven and forgotten; one that is
        buried without has its bytes for a key.

        Calls raise `KeyingError`, and change nothing, if the set has members but no payloads at
        all; but not `is_keyed`, `stats`, `dead`, `dead_count`, `forget`, `clear` and `lock`, which
        are for any set. Nor do they once a view of this backend has found payloads in a set of
        that name, or put some there, until `is_keyed` has found none. Others' members without one
        have None for a payload, until one is added; as dead letters, their ``raw`` is the key.
        """
        ...

    def is_keyed(self, name: str) -> bool | None:
        """Tell whether a set holds members with payloads; None if there is no such set."""
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

    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        """Make a member that waits in the set a dead letter, as `bury` does, and remove it there.

        In a keyed set, only if it has that payload. Copies that are claimed, parked or held back
        stay as they are.

        Returns how many dead letters were dropped; None, doing nothing, if it does not wait so.
        """
        ...

    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """Return dead letters, oldest first, ties by their bytes."""
        ...

    def dead_count(self, name: str) -> int:
        """Return the number of dead letters."""
        ...

    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """Add dead letters to the set with their scores, as new ones; return how many there were.

        Scores meet as with `add`. Their payloads count as those that were added first.
        """
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
