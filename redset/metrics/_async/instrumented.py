"""A backend that tells a recorder of all that it does."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from redset.metrics._async.passing import AsyncPassing
from redset.metrics._work import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Self

    from redset.interfaces import (
        Bound,
        Claimed,
        DeadLetter,
        Entry,
        Hold,
        Merge,
        Payload,
        Terms,
    )


class AsyncInstrumented(AsyncPassing):
    """A backend that does what another does, and tells a recorder. Made by `instrument`.

    To close it closes the other one; it is a context manager, too. Two are equal if they
    stand for equal backends.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._backend!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncInstrumented) and other._backend == self._backend

    def __hash__(self) -> int:
        return hash((AsyncInstrumented, self._backend))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def keyed(self, payload: Payload) -> AsyncInstrumented:
        """See `redset.interfaces.Backend.keyed`."""
        return AsyncInstrumented(self._backend.keyed(payload), self._observer)

    @asynccontextmanager
    async def dedicated(self) -> AsyncGenerator[AsyncInstrumented, None]:
        """See `redset.interfaces.Backend.dedicated`."""
        async with self._backend.dedicated() as backend:
            yield AsyncInstrumented(backend, self._observer)

    # Adding

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`."""
        with self._observer.call(name, "add", len(entries)):
            new = await self._backend.add(name, entries, merge)
        self._observer.added(name, len(entries), new)
        return new

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `redset.interfaces.Backend.schedule`."""
        with self._observer.call(name, "schedule", len(entries)):
            new, now = await self._backend.schedule(name, entries, merge)
        self._observer.added(name, len(entries), new)
        return new, now

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.remember`."""
        with self._observer.call(name, "remember", len(entries)):
            unseen = await self._backend.remember(name, entries, merge)
        self._observer.added(name, len(entries), sum(unseen))
        return unseen

    # Taking

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`."""
        with self._observer.call(name, "pop"):
            entries = await self._backend.pop(name, count, high=high, reverse=reverse)
        self._observer.taken(name, entries, high)
        return entries

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`."""
        with self._observer.call(name, "wait_pop"):
            entries = await self._backend.wait_pop(name, count, timeout, high=high)
        self._observer.taken(name, entries, high)
        return entries

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        """See `redset.interfaces.Backend.pop_into`."""
        with self._observer.call(name, "pop_into"):
            entry = await self._backend.pop_into(name, target, merge, high=high, expected=expected)
        if entry is not None:
            self._observer.taken(name, [entry], high)
        return entry

    async def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        """See `redset.interfaces.Backend.pop_any`. A call of the first set, which has priority."""
        with self._observer.call(sources[0][0], "pop_any"):
            found = await self._backend.pop_any(sources, timeout)
        if found is not None:
            place, entry = found
            name, high = sources[place]
            self._observer.taken(name, [entry], high)
        return found

    # Claiming

    async def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> Claimed:
        """See `redset.interfaces.Backend.claim`."""
        observer, done = self._observer, Outcome.ACKNOWLEDGED
        with observer.ending(name, acknowledge, done) as ending, observer.call(name, "claim"):
            claimed = await self._backend.claim(name, count, terms, acknowledge=acknowledge)
        ending.note(claimed.acknowledged)
        observer.claimed(name, terms, claimed)
        return claimed

    async def wait_claim(
        self,
        name: str,
        count: int,
        terms: Terms,
        timeout: float | None,
        *,
        acknowledge: Sequence[Hold] = (),
    ) -> Claimed:
        """See `redset.interfaces.Backend.wait_claim`."""
        observer, done = self._observer, Outcome.ACKNOWLEDGED
        with observer.ending(name, acknowledge, done) as ending, observer.call(name, "wait_claim"):
            claimed = await self._backend.wait_claim(
                name, count, terms, timeout, acknowledge=acknowledge
            )
        ending.note(claimed.acknowledged)
        observer.claimed(name, terms, claimed)
        return claimed

    async def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        """See `redset.interfaces.Backend.extend`."""
        with self._observer.call(name, "extend", len(holds)):
            deadlines = await self._backend.extend(name, holds, lease)
        self._observer.extended(name, holds, lease, deadlines)
        return deadlines

    # Ending claims

    async def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.acknowledge`."""
        observer, num, done = self._observer, len(holds), Outcome.ACKNOWLEDGED
        with observer.ending(name, holds, done) as ending, observer.call(name, "acknowledge", num):
            held = await self._backend.acknowledge(name, holds, merge)
        ending.note(held)
        return held

    async def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        """See `redset.interfaces.Backend.release`."""
        observer = self._observer
        outcome = Outcome.RELEASED if attempts is None else Outcome.RESCHEDULED
        with observer.ending(name, [hold], outcome) as ending, observer.call(name, "release", 1):
            held = await self._backend.release(
                name, hold, merge, score=score, delay=delay, attempts=attempts
            )
        ending.note([held])
        return held

    async def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        """See `redset.interfaces.Backend.reject`."""
        observer, holds = self._observer, [hold for hold, _ in rejected]
        ends = observer.ending(name, holds, Outcome.REJECTED)
        with ends as ending, observer.call(name, "reject", len(holds)):
            held, dropped = await self._backend.reject(name, rejected, merge, limit)
        ending.note(held)
        observer.buried(name, sum(held), dropped)
        return held, dropped

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`."""
        with self._observer.call(name, "bury", len(letters)):
            dropped = await self._backend.bury(name, letters, limit)
        self._observer.buried(name, len(letters), dropped)
        return dropped

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        """See `redset.interfaces.Backend.set_aside`."""
        with self._observer.call(name, "set_aside"):
            dropped = await self._backend.set_aside(name, member, letter, limit)
        if dropped is not None:
            self._observer.buried(name, 1, dropped)
        return dropped

    # The set as a whole

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `redset.interfaces.Backend.rename`."""
        with self._observer.call(name, "rename"):
            done = await self._backend.rename(name, target, replace=replace)
        if done:
            self._observer.renamed(name, target)
        return done
