"""A claim: an item in the hands of one holder, who says what becomes of it."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Generic

from redset._checks import check_delay, check_lease, check_reason, check_score
from redset._decoding import describe
from redset._keeping import AsyncKeeper
from redset._pickling import Unpicklable
from redset._types import T_co
from redset.exceptions import LeaseLost
from redset.interfaces import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from redset.interfaces import AsyncBackend, Bound, Hold, Lease, Terms
    from redset.retry import Retry

_log = logging.getLogger("redset")


class AsyncDesk:
    """Where claims of one set that were made on the same terms are settled.

    Its ``backend`` is the store of the set, or a view of it.
    """

    __slots__ = ("backend", "keep_alive", "name", "retry", "store", "terms")

    def __init__(
        self,
        store: AsyncBackend,
        backend: AsyncBackend,
        name: str,
        terms: Terms,
        retry: Retry,
        *,
        keep_alive: bool,
    ) -> None:
        self.store = store
        self.backend = backend
        self.name = name
        self.terms = terms
        self.retry = retry
        self.keep_alive = keep_alive

    def is_of(self, store: AsyncBackend, names: Sequence[str]) -> bool:
        """Tell whether claims are settled here of a set that has, or had, one of these names."""
        return self.name in names and self.store == store

    async def reject(self, rejected: Sequence[tuple[Hold, str]]) -> list[bool]:
        """Make claimed members dead letters."""
        held, dropped = await self.backend.reject(
            self.name, rejected, self.terms.merge, self.terms.dead_limit
        )
        self.note_dropped(dropped)
        return held

    def note_dropped(self, dropped: int) -> None:
        """Tell of dead letters that had to go."""
        if dropped:
            _log.error("dropped %d dead letters of %r: the limit is reached", dropped, self.name)


class AsyncTray(Generic[T_co]):
    """What a loop over ``consume`` has claimed: what is to be done next, and what is done."""

    __slots__ = ("_began", "_done", "ready")

    def __init__(self) -> None:
        self.ready: deque[AsyncClaim[T_co]] = deque()
        self._done: dict[Hold, AsyncClaim[T_co]] = {}
        self._began = 0.0

    def put(self, claims: Iterable[AsyncClaim[T_co]]) -> None:
        """Have these done next, and none else, beginning now."""
        self._began = time.monotonic()
        self.ready = deque(claims)

    def age(self) -> float:
        """Return for how many seconds they have been here."""
        return time.monotonic() - self._began

    def note_done(self, claim: AsyncClaim[T_co] | None) -> None:
        """Note that a claim is done, unless it has ended already."""
        if claim is not None and not claim.is_over:
            self._done[claim.hold] = claim

    def take_done(self) -> dict[Hold, AsyncClaim[T_co]]:
        """Return what is done, and forget it."""
        done, self._done = self._done, {}
        return done

    def holds(self) -> list[Hold]:
        """Return by what all are known that are here."""
        return [*self._done, *(claim.hold for claim in self.ready)]


class AsyncClaim(Unpicklable, Generic[T_co]):
    """An item that is held until its lease runs out. Made by ``claim`` of a set.

    Used as a context manager, it is acknowledged at the end of the block, and given back if
    the block raises. Each method that ends it, or extends it, is one round trip, and raises
    `LeaseLost` if it is not held any more; then nothing is changed, whoever has the item.

    >>> from asyncio import run
    >>> from redset import AsyncSortedSet
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     jobs = AsyncSortedSet(AsyncMemoryBackend(), "jobs")
    ...     await jobs.add("sweep the floor")
    ...     async with await jobs.claim(lease=60) as claim:
    ...         print(claim.item, claim.attempt)
    >>> run(main())
    sweep the floor 1
    """

    __slots__ = (
        "__weakref__",
        "_began",
        "_deadline",
        "_desk",
        "_is_over",
        "_item",
        "_keeper",
        "_lease",
        "_lost",
        "_others",
    )

    def __init__(self, desk: AsyncDesk, item: T_co, lease: Lease) -> None:
        self._desk = desk
        self._item = item
        self._lease = lease
        self._is_over = False
        self._lost = False
        self._keeper: AsyncKeeper | None = None
        if desk.keep_alive:
            self._began = time.monotonic()
            self._others: Callable[[], Sequence[Hold]] = tuple

    def __repr__(self) -> str:
        state = "lost" if self._lost else "over" if self._is_over else "held"
        return (
            f"<{type(self).__name__} of {self._desk.name!r} token={self.token} "
            f"attempt={self.attempt} {state}>"
        )

    @property
    def item(self) -> T_co:
        """The item."""
        return self._item

    @property
    def score(self) -> float:
        """The score it had in the set, and gets back if it is given back."""
        return self._lease.score

    @property
    def attempt(self) -> int:
        """How often it has been claimed since it was added, this time included."""
        return self._lease.attempt

    @property
    def token(self) -> int:
        """The fencing token: higher than that of every earlier claim of the set, 63 bits.

        Of a sharded set, it is higher than that of every earlier claim of the same item.

        Write it with what you write elsewhere, and refuse to overwrite a higher one, so that a
        holder that lost its lease unnoticed cannot undo the work of the next.
        """
        return self._lease.token

    @property
    def deadline(self) -> float:
        """When the lease runs out, in unix seconds by the store's clock."""
        return self._lease.deadline

    @property
    def is_over(self) -> bool:
        """Whether the claim was ended here, or is known to be lost."""
        return self._is_over

    @property
    def lost(self) -> bool:
        """Whether the claim is known to be lost; with ``keep_alive`` this is known at once."""
        if self._keeper is not None and self._keeper.is_late():
            # The call that would extend it hangs, or has not had its turn.
            self._lose()
        return self._lost

    @property
    def hold(self) -> Hold:
        """The member and the token, by which backends know the claim."""
        member, _, _, token, _ = self._lease
        return (member, token)

    async def ack(self) -> None:
        """Say that the work is done: the item is gone, unless it was added again meanwhile.

        One round trip, O(log n).

        Raises:
            LeaseLost: if the claim is not held any more.
        """
        await self._end_keeping()
        desk = self._desk
        self._settle(*await desk.backend.acknowledge(desk.name, [self.hold], desk.terms.merge))

    async def nack(self, delay: float | None = None) -> None:
        """Say that the work failed: the item is put back with its score, to be tried again.

        If this was the last attempt that the set's `Retry` allows, it becomes a dead letter.

        Args:
            delay: for how many seconds it is not handed out; by default what the set's
                `Retry` says. In a `ScheduledSet` it is due that much later than now; in others
                it is out of sight meanwhile. An item that was added again in the meantime
                meets it by the set's merge rule, as one that is added while it rests does.

        Raises:
            LeaseLost: if the claim is not held any more.
            ValueError: if the delay is below 0.
        """
        if delay is not None:
            delay = check_delay(delay)
        await self._fail(delay, "nack")

    async def reschedule(self, score: float | None = None, *, delay: float | None = None) -> None:
        """Say that the work is done for now: the item is put back as a new one.

        Args:
            score: its new score; in a `ScheduledSet` the time at which it is due next.
            delay: instead of a score, in how many seconds it is to be handed out again.

        Raises:
            LeaseLost: if the claim is not held any more.
            ScoreError: if the score is not a number.
            TypeError: if not exactly one of both is given.
            ValueError: if the delay is below 0.
        """
        if (score is None) == (delay is None):
            message = f"reschedule() takes a score or a delay, not {score!r} and {delay!r}"
            raise TypeError(message)
        if score is not None:
            await self._release(check_score(score), 0.0, attempts=0)
        else:
            await self._put_off(check_delay(delay), attempts=0)

    async def extend(self, lease: float | None = None) -> float:
        """Hold the item for longer.

        Args:
            lease: for how many seconds from now; by default as long as it was claimed for.

        Returns:
            The new deadline.

        Raises:
            LeaseLost: if the claim is not held any more.
            ValueError: if the lease is not above 0.
        """
        seconds = self._desk.terms.lease if lease is None else check_lease(lease)
        await self._extend(seconds, ())
        return self._lease.deadline

    async def bury(self, reason: str) -> None:
        """Say that the work is hopeless: the item becomes a dead letter.

        Args:
            reason: why; see `DeadLetter`.

        Raises:
            LeaseLost: if the claim is not held any more.
        """
        reason = check_reason(reason)
        await self._end_keeping()
        self._settle(*await self._desk.reject([(self.hold, reason)]))

    async def __aenter__(self) -> Self:
        self._check()
        await self._stop_keeping()
        self._start_keeping(interrupts=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        keeper = self._keeper
        await self._stop_keeping()
        if keeper is not None:
            error = keeper.sift(error)
        if error is None:
            if self._lost:
                raise self._loss() from None
            if not self._is_over:
                await self.ack()
        elif not self._is_over:
            await self._give_back(error)

    async def _give_back(self, error: BaseException | None) -> None:
        """Put the item back after an error, None for an unknown one; no other error hides it."""
        try:
            if error is None:
                await self._fail(None, "the loop was left")
            elif isinstance(error, Exception):
                await self._fail(None, describe(error))
            else:
                # Interrupted, not failed: anybody may take it up at once.
                await self._release(None, 0.0)
        except Exception as another:  # noqa: BLE001  (the first error is what counts)
            _log.warning("could not give back an item of %r: %r", self._desk.name, another)

    async def _put_back(self) -> None:
        """Put the item back whose work was not begun; no error hides what that is for."""
        try:
            await self._release(None, 0.0, attempts=self.attempt - 1)
        except Exception as error:  # noqa: BLE001  (what ended the loop is what counts)
            _log.warning("could not put back an item of %r: %r", self._desk.name, error)

    def _note_extension(self, deadline: float) -> None:
        """Note that the claim was extended."""
        self._lease = self._lease._replace(deadline=deadline)

    def _note_end(self, *, held: bool) -> None:
        """Note that the claim has ended, and whether it was held until then."""
        self._is_over = True
        self._lost = not held

    @property
    def _is_kept(self) -> bool:
        """Whether the claim is being extended in the background."""
        return self._keeper is not None

    def _start_keeping(
        self, *, interrupts: bool, others: Callable[[], Sequence[Hold]] | None = None
    ) -> None:
        """Extend the claim in the background, if that was asked for, and others from now on."""
        if self._desk.keep_alive:
            self._others = others or self._others
            self._keeper = AsyncKeeper(
                *(self._keep, self._lose, self._desk.terms.lease, self._began),
                interrupts=interrupts,
            )

    async def _stop_keeping(self) -> None:
        """Extend the claim no more."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.stop()

    async def _keep(self) -> None:
        await self._extend(self._desk.terms.lease, self._others())

    async def _extend(self, seconds: float, others: Sequence[Hold]) -> None:
        """Hold the item for longer, and others as far as they are held."""
        self._check()
        desk = self._desk
        deadline, *_ = await desk.backend.extend(desk.name, [self.hold, *others], seconds)
        if deadline is None:
            self._settle(held=False)
        else:
            self._note_extension(deadline)

    async def _fail(self, delay: float | None, reason: str) -> None:
        retry, attempt = self._desk.retry, self._lease.attempt
        if retry.is_last(attempt):
            await self.bury(f"{reason} (attempt {attempt})")
        else:
            await self._put_off(retry.delay(attempt) if delay is None else delay)

    async def _put_off(self, delay: float, *, attempts: int | None = None) -> None:
        timed = self._desk.terms.high is NOW and (delay > 0 or attempts is not None)
        await self._release(NOW if timed else None, delay, attempts=attempts)

    async def _release(
        self, score: Bound | None, delay: float, *, attempts: int | None = None
    ) -> None:
        await self._end_keeping()
        desk = self._desk
        held = await desk.backend.release(
            desk.name, self.hold, desk.terms.merge, score=score, delay=delay, attempts=attempts
        )
        self._settle(held)

    async def _end_keeping(self) -> None:
        """Check that the claim can be ended; what extends it would then take it for lost."""
        self._check()
        if self._keeper is not None:
            await self._stop_keeping()

    def _check(self) -> None:
        if self._lost:
            raise self._loss()
        if self._is_over:
            message = f"{self!r} has ended already: it cannot be ended or extended again"
            raise LeaseLost(message)

    def _settle(self, held: bool) -> None:  # noqa: FBT001  (unpacked from replies)
        self._note_end(held=held)
        if not held:
            raise self._loss()

    def _lose(self) -> None:
        self._note_end(held=False)

    def _loss(self) -> LeaseLost:
        return LeaseLost(
            f"{self!r}: its lease ran out and the item was put back, or the set was cleared; "
            "claim it for longer, or with keep_alive=True"
        )
