"""Collecting items that are added one by one, to be stored by one command for many."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Generic

from redset._checks import check_delay, check_max_items
from redset._chunks import CHUNK
from redset._types import T

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self, TypeAlias

    from redset.interfaces import Merge

__all__ = ["AsyncBuffer", "Buffer"]

_log = logging.getLogger("redset")

_Encode: TypeAlias = "Callable[[T, float | None, Merge | None], tuple[tuple[bytes, Any], Merge]]"


class Buffer(Generic[T]):
    """Adds items to a set, many with one command. Made by ``buffered`` of a set.

    It is a context manager: what is still in it is stored at the end of the block, however that
    is left. Safe for threads.

    >>> from redset import SortedSet, connect
    >>> jobs = SortedSet(connect("memory://"), "jobs")
    >>> with jobs.buffered() as buffer:
    ...     for name in ("b", "a", "b"):
    ...         buffer.add(name)
    >>> list(jobs)
    ['a', 'b']
    """

    def __init__(
        self,
        encode: _Encode[T],
        put: Callable[[list[tuple[bytes, Any]], Merge], int],
        max_items: int,
        max_delay: float | None,
    ) -> None:
        self._encode = encode
        self._put = put
        self._max_items = check_max_items(max_items)
        self._max_delay = 0.05 if max_delay is None else check_delay(max_delay, "max_delay")
        self._entries: list[tuple[tuple[bytes, Any], Merge]] = []
        self._oldest = 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread  # of the block
        self._is_open = False

    def __len__(self) -> int:
        return len(self._entries)

    def __enter__(self) -> Self:
        with self._changed:
            _check_closed(is_open=self._is_open)
            self._thread = threading.Thread(target=self._run, name="redset buffer", daemon=True)
            self._thread.start()
            self._is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._thread.join()
        self.flush()

    def add(self, item: T, score: float | None = None, *, merge: Merge | None = None) -> None:
        """Add an item: at the latest after ``max_delay`` seconds it is stored.

        Args:
            item: the item.
            score: its score; by default what it would get from ``add`` of the set.
            merge: the rule if the item is there already; the set's own by default.

        Raises:
            ScoreError: if the score is not a number.
            RuntimeError: if the buffer's block is over, or has not begun.
            Exception: that of the client, if the buffer is full and cannot be stored. The item
                is then not taken, and what is in the buffer stays there. No round trip
                otherwise, O(1).
        """
        entry = self._encode(item, score, merge)
        with self._changed:
            if not self._is_open:
                message = "items are added to a buffer inside its block: with s.buffered() as …"
                raise RuntimeError(message)
            if len(self._entries) >= self._max_items:
                self._flush()
            if not self._entries:
                self._oldest = time.monotonic()
                self._changed.notify()
            self._entries.append(entry)

    def flush(self) -> None:
        """Store what is in the buffer; if that fails, it stays there.

        A round trip for every thousand, O(log n) an item.
        """
        with self._changed:
            self._flush()

    def _flush(self) -> None:
        entries = self._entries
        while entries:
            merge, num = _first_run(entries, self._max_items)
            self._put([entry for entry, _ in entries[:num]], merge)
            del entries[:num]

    def _run(self) -> None:
        with self._changed:
            while self._is_open:
                if not self._entries:
                    self._changed.wait()
                    continue
                left = self._oldest + self._max_delay - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                try:
                    self._flush()
                except Exception as error:  # noqa: BLE001  (it is tried again, and raised at the end)
                    _log.warning("could not yet store %d items: %r", len(self._entries), error)
                    self._oldest = time.monotonic()


class AsyncBuffer(Generic[T]):
    """Adds the items of many tasks to a set, many with one command; see `Buffer`.

    While one command is under way, items gather for the next one.

    >>> from asyncio import gather, run
    >>> from redset import AsyncSortedSet, connect_async
    >>> async def main() -> None:
    ...     jobs = AsyncSortedSet(connect_async("memory://"), "jobs")
    ...     async with jobs.buffered() as buffer:
    ...         await gather(*(buffer.add(name) for name in ("b", "a", "b")))
    ...     print([job async for job in jobs])
    >>> run(main())
    ['a', 'b']
    """

    def __init__(
        self,
        encode: _Encode[T],
        put: Callable[[list[tuple[bytes, Any]], Merge], Awaitable[int]],
        max_items: int,
        max_delay: float | None,
    ) -> None:
        self._encode = encode
        self._put = put
        self._max_items = check_max_items(max_items)
        self._max_delay = 0.0 if max_delay is None else check_delay(max_delay, "max_delay")
        self._entries: list[tuple[tuple[bytes, Any], Merge]] = []
        self._stored: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_open = False

    def __len__(self) -> int:
        return len(self._entries)

    async def __aenter__(self) -> Self:
        _check_closed(is_open=self._is_open)
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        await self.flush()

    async def add(self, item: T, score: float | None = None, *, merge: Merge | None = None) -> None:
        """Add an item, and return when it is stored.

        Args:
            item: the item.
            score: its score; by default what it would get from ``add`` of the set.
            merge: the rule if the item is there already; the set's own by default.

        Raises:
            ScoreError: if the score is not a number.
            RuntimeError: if the buffer's block is over, or has not begun.
            Exception: that of the client, if the item could not be stored. Its share of a
                round trip, O(log n).
        """
        entry = self._encode(item, score, merge)
        if not self._is_open:
            message = "items are added to a buffer inside its block: async with s.buffered() as …"
            raise RuntimeError(message)
        stored = asyncio.get_running_loop().create_future()
        self._entries.append(entry)
        self._stored.append(stored)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await stored

    async def flush(self) -> None:
        """Return when all that was added before is stored, or has failed to be."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        await asyncio.sleep(self._max_delay)
        try:
            while self._entries:
                merge, num = _first_run(self._entries, self._max_items)
                entries, stored = self._entries[:num], self._stored[:num]
                del self._entries[:num], self._stored[:num]
                await self._store([entry for entry, _ in entries], merge, stored)
        finally:
            self._task = None

    async def _store(
        self, entries: list[tuple[bytes, Any]], merge: Merge, stored: list[asyncio.Future[None]]
    ) -> None:
        error: Exception | None = None
        try:
            await self._put(entries, merge)
        except Exception as raised:  # noqa: BLE001  (it is raised to those who added)
            error = raised
        for future in stored:
            if future.done():  # who added it was cancelled
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def _check_closed(*, is_open: bool) -> None:
    if is_open:
        message = "the block of this buffer has begun already: add to it, or make another"
        raise RuntimeError(message)


def _first_run(entries: list[tuple[tuple[bytes, Any], Merge]], most: int) -> tuple[Merge, int]:
    """Return the first rule, and for how many entries in a row, as one command takes, it holds."""
    merge = entries[0][1]
    most = min(most, len(entries), CHUNK)
    for num in range(1, most):
        if entries[num][1] is not merge:
            return merge, num
    return merge, most
