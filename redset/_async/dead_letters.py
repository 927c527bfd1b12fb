"""Items that were given up: undecodable ones, and those whose work is hopeless."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from redset._async.algebra import AsyncAlgebraSet
from redset._checks import check_each, check_limit, check_num, check_start
from redset._chunks import CHUNK, chunks
from redset._decoding import decode
from redset._printing import safe
from redset._types import T
from redset.interfaces import DeadLetter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from redset._coding import Coding
    from redset.interfaces import (
        AsyncBackend,
        AsyncRedisClient,
        Entry,
        Merge,
    )

_log = logging.getLogger("redset")


class AsyncDeadLetterSet(AsyncAlgebraSet[T]):
    """A set whose undecodable items are set aside. Not made directly: see its subclasses."""

    def __init__(
        self,
        source: AsyncBackend | AsyncRedisClient,
        name: str,
        coding: Coding[T],
        merge: Merge,
        dead_limit: int,
    ) -> None:
        self._dead_limit = check_limit(dead_limit)
        super().__init__(source, name, coding, merge)

    async def dead(self, num: int = 100, start: int = 0) -> list[DeadLetter]:
        """List items that were set aside: undecodable, buried, or out of attempts.

        Args:
            num: how many to list at most.
            start: how many of the oldest to pass over.

        Returns:
            Dead letters, oldest first. One round trip, O(log d + num) for d of them.

        Raises:
            ValueError: if ``start`` is below 0.
        """
        num, start = check_num(num), check_start(start)
        return await self._backend.dead(self._name, start, num) if num > 0 else []

    async def dead_count(self) -> int:
        """Return the number of dead letters. One round trip, O(1)."""
        return await self._backend.dead_count(self._name)

    async def redrive(self, letters: Iterable[DeadLetter] | None = None) -> int:
        """Put dead letters back into the set, with the scores they had.

        Where the member has been added anew meanwhile, the set's merge rule decides.

        Args:
            letters: which ones; by default all that there are.

        Returns:
            How many were put back. A round trip for every thousand, O(log n) an item; for
            all that there are, two for every thousand, and one.
        """
        moved = 0
        async for members in self._dead_members(letters):
            moved += await self._backend.redrive(self._name, members, self._merge)
        return moved

    async def forget(self, letters: Iterable[DeadLetter] | None = None) -> int:
        """Drop dead letters for good.

        Args:
            letters: which ones; by default all that there are.

        Returns:
            How many were dropped. A round trip for every thousand, O(log d) a letter; for
            all that there are, two for every thousand, and one.
        """
        dropped = 0
        async for members in self._dead_members(letters):
            dropped += await self._backend.forget(self._name, members)
        return dropped

    async def _dead_members(
        self, letters: Iterable[DeadLetter] | None
    ) -> AsyncIterator[list[bytes]]:
        """Give the members of dead letters in chunks; the caller removes each chunk."""
        if letters is not None:
            checked = check_each(letters, DeadLetter, "hand over what dead() lists")
            for chunk in chunks(map(_member_of, checked)):
                yield chunk
            return
        # Not more than there are now: consumers may bury the same ones again meanwhile.
        left = await self._backend.dead_count(self._name)
        while left > 0:
            oldest = await self._backend.dead(self._name, 0, min(left, CHUNK))
            left = left - len(oldest) if oldest else 0
            yield [_member_of(letter) for letter in oldest]

    async def _decode_taken(self, entries: Sequence[Entry]) -> list[T]:
        """Decode items that have left the set; those that cannot be become dead letters."""
        loads = self._loads
        try:
            if len(entries) == 1:  # as most are
                return [loads(entries[0][0])]
            return [loads(member) for member, _ in entries]
        except Exception:  # noqa: BLE001  (loads may raise anything)
            return await self._bury_undecodable(entries)

    async def _bury_undecodable(self, entries: Sequence[Entry]) -> list[T]:
        pairs: list[tuple[T, float]]
        pairs, letters = decode(self._loads, entries)
        items = [item for item, _ in pairs]
        if letters:
            try:
                await self._bury(letters)
            except Exception:
                # The other items are in nobody's hands but ours: they must get through.
                if not items:
                    raise
        return items

    async def _bury(self, letters: Sequence[DeadLetter]) -> None:
        self._warn_of_undecodable(len(letters), letters[0].reason)
        try:
            dropped = await self._backend.bury(self._name, letters, self._dead_limit)
        except Exception:
            # They are in no store now, so the log is the last place to keep them.
            for letter in letters:
                what = letter.raw, letter.score, letter.key
                _log.exception("could not keep %r, score %r, key %r", *what)
            raise
        self._tell_of_dropped(dropped)

    async def _set_aside(self, member: bytes, letter: DeadLetter) -> None:
        """Make an undecodable item of the set a dead letter, unless it has changed meanwhile."""
        dropped = await self._backend.set_aside(self._name, member, letter, self._dead_limit)
        if dropped is not None:
            self._warn_of_undecodable(1, letter.reason)
            self._tell_of_dropped(dropped)

    def _tell_of_dropped(self, dropped: int) -> None:
        if dropped:
            _log.error("dropped %d dead letters of %r: the limit is reached", dropped, self._name)

    def _warn_of_undecodable(self, num: int, reason: str) -> None:
        _log.warning(
            "%d undecodable item(s) of %r became dead letters, see dead(); the first: %s",
            num,
            self._name,
            safe(reason),
        )


def _member_of(letter: DeadLetter) -> bytes:
    return letter.raw if letter.key is None else letter.key
