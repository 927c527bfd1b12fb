"""The sorted set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from redset._async.moving import AsyncMovingSet
from redset._checks import check_duration, check_timeout
from redset._coding import open_coding
from redset._types import T
from redset.interfaces import Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from redset._coding import Coding
    from redset.interfaces import AsyncBackend, AsyncRedisClient, Scorer, Serializer
    from redset.retry import Retry


class AsyncSortedSet(AsyncMovingSet[T]):
    """A sorted set of items, shared by all who use its name on the same store.

    The item with the lowest score is handed out first; ties go by the items' bytes. An
    item that is added again stays one item, and `Merge` decides on its score.

    Args:
        redis_client: a Redis or Valkey client, or a backend.
        name: the name of the set, which is its key in the store.
        scorer: gives the score of an item added without one; 0 for every item by default.
        serializer: turns items into bytes and back; text as UTF-8 by default.
        lock_timeout: how many seconds to wait for `lock`; 10 by default.
        lock_expires: after how many seconds a held `lock` is given up; 20 by default.
        merge: what becomes of the score of an item that is added again; by default, the
            new one replaces it.
        dead_limit: how many dead letters to keep; beyond it, the oldest are dropped.
        retry: when items whose work failed are tried again, and how often; by default after
            1, 2, 4 … seconds, at most 300, and for ever.
        key: gives what an item is known by, as text or bytes; by default its serialized form.
            Items with one key are one item, whatever else they carry. A set is always opened
            with a key, or always without: what is opened wrongly raises `KeyingError`.
        payload: with ``key``, which item stays if another with its key is added; by default
            the newest.

    Raises:
        TypeError: if an argument is not what it should be; the message says what is.
        ValueError: if an argument is out of its range.

    >>> from asyncio import run
    >>> from redset.backends import AsyncMemoryBackend
    >>> async def main() -> None:
    ...     jobs = AsyncSortedSet(AsyncMemoryBackend(), "jobs")
    ...     await jobs.add("mow the lawn", 2)
    ...     await jobs.add("feed the cat", 1)
    ...     await jobs.add("mow the lawn", 3)
    ...     print(await jobs.take(10))
    >>> run(main())
    ['feed the cat', 'mow the lawn']
    """

    @overload
    def __init__(
        self: AsyncSortedSet[str],
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[str] | None = None,
        serializer: None = None,
        lock_timeout: float | None = None,
        lock_expires: float | None = None,
        *,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[str], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    @overload
    def __init__(
        self,
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        scorer: None = None,
        *,
        serializer: Serializer[T],
        lock_timeout: float | None = None,
        lock_expires: float | None = None,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[T], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    @overload
    def __init__(
        self,
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[T] | None,
        serializer: Serializer[T],
        lock_timeout: float | None = None,
        lock_expires: float | None = None,
        *,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[T], str | bytes] | None = None,
        payload: Payload = Payload.NEWEST,
    ) -> None: ...
    def __init__(
        self,
        redis_client: AsyncBackend | AsyncRedisClient,
        name: str,
        scorer: Scorer[Any] | None = None,
        serializer: Serializer[Any] | None = None,
        lock_timeout: float | None = None,
        lock_expires: float | None = None,
        *,
        merge: Merge = Merge.REPLACE,
        dead_limit: int = 10_000,
        retry: Retry | None = None,
        key: Callable[[Any], str | bytes] | None = None,
        payload: Payload | None = None,
    ) -> None:
        self._lock_timeout = check_timeout(
            10 if lock_timeout is None else lock_timeout, "lock_timeout"
        )
        # Servers count a key's life in milliseconds.
        self._lock_expires = check_duration(
            20 if lock_expires is None else lock_expires, "lock_expires", least=0.001
        )
        coding: Coding[T] = open_coding(serializer, key, payload)
        super().__init__(redis_client, name, scorer, coding, merge, dead_limit, retry)

    # Looking and locking

    async def rank(self, item: T) -> int | None:
        """Return how many items come before this one, None if it is absent.

        One round trip, O(log n) (``ZRANK``).
        """
        return await self._backend.rank(self._name, self._identify(item))

    @property
    def lock(self) -> AbstractAsyncContextManager[None]:
        """A context manager that holds this set's lock, for what must not run at once.

        No method of the set needs it. Entering raises `LockTimeout` if the lock cannot be
        had within ``lock_timeout`` seconds.
        """
        return self._backend.lock(self._name, self._lock_timeout, self._lock_expires)
