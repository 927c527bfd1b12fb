"""What all sets share: a name on a backend, coding of items, reading in order."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Generic

from redset._async.guard import AsyncGuard
from redset._checks import check_key, check_keyed_name, check_merge, check_name
from redset._chunks import CHUNK
from redset._decoding import decode, describe
from redset._dunders import AsyncCollectionOperators
from redset._keying import keyless_names
from redset._opening import open_async_backend
from redset._pickling import Local
from redset._printing import safe
from redset._types import T
from redset.exceptions import DecodeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from redset._coding import Coding
    from redset.interfaces import AsyncBackend, AsyncRedisClient, Bound, Entry, Merge, Serializer

_log = logging.getLogger("redset")


class AsyncBaseSet(AsyncCollectionOperators[T], Local, Generic[T]):
    """A named set of items on a backend. Not made directly: see its subclasses."""

    # Entries up to this bound cannot be seen.
    _low: Bound = -math.inf
    # What it was called before it was renamed.
    _former_names: tuple[str, ...] = ()

    def __init__(
        self,
        source: AsyncBackend | AsyncRedisClient,
        name: str,
        coding: Coding[T],
        merge: Merge,
    ) -> None:
        self._name = check_name(name) if coding.payload is None else check_keyed_name(name)
        self._merge = check_merge(merge)
        self._coding = coding
        self._dump: Callable[[T], bytes] = coding.dump
        self._identify: Callable[[T], bytes] = coding.identify
        self._loads: Callable[[bytes], T] = coding.load
        self._store = self._open(source)
        keyless = keyless_names(source)
        if coding.payload is not None:
            # It refuses what has no keys by itself.
            self._view = self._backend = self._store.keyed(coding.payload)
            keyless.discard(name)
            return
        self._view = self._backend = self._store
        if name not in keyless:
            # It has all methods of a backend, in its way.
            guard: Any = AsyncGuard(self._view, name, keyless, self._go_unguarded)
            self._backend = guard

    def __repr__(self) -> str:
        keys = "" if self._coding.key is None else " with keys"
        return f"<{type(self).__name__} {self._name!r}{keys} on {self._store!r}>"

    @property
    def name(self) -> str:
        """The name of the set: the key that holds it in the store."""
        return self._name

    @property
    def backend(self) -> AsyncBackend:
        """The backend that the set lives on."""
        return self._store

    @property
    def serializer(self) -> Serializer[T]:
        """What turns items into bytes and back."""
        return self._coding.serializer

    @property
    def is_keyed(self) -> bool:
        """Whether its items are known by keys; see ``key=``."""
        return self._coding.key is not None

    # Reading

    async def length(self) -> int:
        """Return the number of items. One round trip, O(1) (``ZCARD``)."""
        return await self._backend.length(self._name)

    async def contains(self, item: T) -> bool:
        """Tell whether the item is in the set. One round trip, O(1) (``ZMSCORE``)."""
        (score,) = await self._backend.scores(self._name, [self._identify(item)])
        return score is not None

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item, _ in self._walk():
            yield item

    # Removing

    async def discard(self, item: T) -> bool:
        """Remove an item if it is there.

        Args:
            item: the item.

        Returns:
            Whether it was there. One round trip, O(log n): ``ZREM``, or ``remove.lua`` if
            what has expired does not count.
        """
        return await self._remove([self._identify(item)]) == 1

    async def remove(self, item: T) -> None:
        """Remove an item that must be there.

        Args:
            item: the item. One round trip, O(log n); see `discard`.

        Raises:
            KeyError: if it is not in the set.
        """
        if not await self.discard(item):
            raise KeyError(item)

    async def clear(self) -> bool:
        """Remove all items, the dead letters, and whatever else is kept for the set.

        Returns:
            Whether there was anything in the store. One round trip, O(n).
        """
        return await self._backend.clear(self._name)

    async def _remove(self, members: Sequence[bytes]) -> int:
        return await self._backend.remove(self._name, members, low=self._low)

    # Keys

    async def by_key(self, key: str | bytes) -> T:
        """Return the item with a key, and leave it there.

        Args:
            key: what ``key=`` gives for the item.

        Returns:
            The item, with what the set's `Payload` rule has kept. One round trip, O(1)
            (``keyed/entries.lua``).

        Raises:
            KeyError: if there is none, or a claim holds it, or it is held back.
            DecodeError: if it cannot be decoded.
            ValueError: if the key is text that UTF-8 cannot hold.
            TypeError: if the set has no keys.
        """
        self._check_keyed()
        found = await self._backend.entries(self._name, [check_key(key)], low=self._low)
        if not found:
            raise KeyError(key)
        return self._decode(found[0][0])

    async def discard_key(self, key: str | bytes) -> bool:
        """Remove the item with a key if it is there; otherwise as `discard`.

        Args:
            key: what ``key=`` gives for the item.

        Returns:
            Whether it was there. One round trip, O(log n) (``keyed/remove.lua``).

        Raises:
            ValueError: if the key is text that UTF-8 cannot hold.
            TypeError: if the set has no keys.
        """
        self._check_keyed()
        return await self._remove([check_key(key)]) == 1

    def keys(self) -> AsyncIterator[bytes]:
        """Iterate over the keys in the order of their items, as iterating the set does.

        Yields:
            Keys as bytes. A round trip for every thousand (``keyed/range.lua``).

        Raises:
            TypeError: if the set has no keys.
        """
        self._check_keyed()
        return self._keys()

    async def _keys(self) -> AsyncIterator[bytes]:
        async for page in self._pages():
            for key, _ in page:
                yield bytes(key)

    def _check_keyed(self) -> None:
        if self._coding.key is None:
            message = f"{self!r} has no keys: make it with key=, as in key=lambda item: item.url"
            raise TypeError(message)

    # Parts

    def _open(self, source: AsyncBackend | AsyncRedisClient) -> AsyncBackend:
        return open_async_backend(source)

    async def _check_keying(self) -> None:
        """Raise `KeyingError` if this set is opened without keys on items that have some."""
        if isinstance(self._backend, AsyncGuard):
            await self._backend.check()

    def _go_unguarded(self) -> None:
        self._backend = self._view

    def _rule(self, merge: Merge | None) -> Merge:
        return self._merge if merge is None else check_merge(merge)

    def _decode(self, member: bytes) -> T:
        """Decode the one item that a caller looks at, and leaves where it is."""
        try:
            item = self._loads(member)
        except Exception as error:
            message = (
                f"an item of {self._name!r} cannot be decoded ({describe(error)}); "
                "is this the serializer that it was added with?"
            )
            raise DecodeError(message) from error
        return item

    def _decode_listed(self, entries: Sequence[Entry]) -> list[tuple[T, float]]:
        """Decode the entries of a listing, which leaves out those that cannot be."""
        items: list[tuple[T, float]]
        items, letters = decode(self._loads, entries)
        if letters:
            _log.warning(
                "passed over %d undecodable item(s) of %r; the first: %s",
                len(letters),
                self._name,
                safe(letters[0].reason),
            )
        return items

    # Order

    async def _walk(self, *, reverse: bool = False) -> AsyncIterator[tuple[T, float]]:
        async for page in self._pages(reverse=reverse):
            for item in self._decode_listed(page):
                yield item

    async def _pages(self, *, reverse: bool = False) -> AsyncIterator[list[Entry]]:
        """Give all entries in order, a page at a time, up to what was last at the start."""
        low, high = self._low, math.inf
        page = await self._backend.range(self._name, low, high, count=CHUNK, reverse=reverse)
        end: tuple[float, bytes] | None = None
        if len(page) == CHUNK:
            # Entries that move on while they are met must not be followed for ever.
            last = await self._backend.slice(self._name, -1, -1, reverse=reverse) or page
            end = (last[-1][1], last[-1][0])
        while page:
            within = [entry for entry in page if not _is_past(entry, end, reverse=reverse)]
            yield within
            if end is None or len(within) < len(page):
                return
            page = await self._backend.range(
                self._name, low, high, after=page[-1], count=CHUNK, reverse=reverse
            )


def _is_past(entry: Entry, end: tuple[float, bytes] | None, *, reverse: bool) -> bool:
    if end is None:
        return False
    place = (entry[1], entry[0])
    return place < end if reverse else place > end
