"""A backend over a Redis or Valkey client."""

from __future__ import annotations

import logging
import math
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redset._keying import keyed_names
from redset.backends.redis import commands, keys
from redset.backends.redis._async.connection import AsyncConnection
from redset.backends.redis._async.handover import AsyncHandoverBackend
from redset.backends.redis._async.taking import AsyncTaker
from redset.backends.redis._clients import close_client_async, describe, is_error
from redset.backends.redis._copies import check_copies
from redset.backends.redis._views import async_keyed_view
from redset.exceptions import LockTimeout, ScoreError
from redset.interfaces import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Self

    from redset.interfaces import AsyncRedisClient, Bound, DeadLetter, Entry, Merge, Payload


_log = logging.getLogger("redset")

# More members than this are added by a plain command, which is faster, and consumers woken.
_MANY = 100
_PAIR = 2


class AsyncRedisBackend(AsyncHandoverBackend):
    """A `redset.interfaces.AsyncBackend` that keeps each set in one ZSET, called as the set.

    What else is kept for a set called ``name`` is in keys called ``{name}:…``, in the
    same cluster slot. Every method is one command or one Lua script.

    Args:
        client: any client of Redis 6.2 or later, or of Valkey: redis-py's ``Redis`` and
            ``RedisCluster``, valkey-py's, fakeredis's; from their asyncio modules if, and
            only if, the backend is an Async one.
        owns: clients that `close` closes; by default none, so that ``client`` stays open. A
            backend that owns its client keeps connections beside it, up to 64, to each node of
            a cluster, and spares by that most of what a client does between commands.
        wait_replicas: how many replicas are to have what adds items or ends claims before the
            call returns, by a ``WAIT`` after each such command, on its connection; by default
            none, which costs nothing. If fewer have it in time, `ReplicationError` is raised:
            it is done then, and may be lost in a failover.
        wait_timeout: for how many seconds to wait for them; less than the client's
            ``socket_timeout``.

    Raises:
        TypeError: if the client is none, or of the other kind.
        ValueError: if ``wait_replicas`` is below 0, or ``wait_timeout`` out of its range.
    """

    # For payloads that meet; None where there are none.
    _rule: bytes | None = None

    def __init__(
        self,
        client: AsyncRedisClient,
        *,
        owns: Sequence[AsyncRedisClient] = (),
        wait_replicas: int = 0,
        wait_timeout: float = 1.0,
    ) -> None:
        copies = check_copies(client, wait_replicas, wait_timeout)
        self._open(AsyncConnection(client, apart=client in owns, copies=copies), owns)

    def _open(self, connection: AsyncConnection, owns: Sequence[AsyncRedisClient]) -> None:
        super().__init__(connection)
        self._command = connection.command
        self._script = connection.script
        self._script_once = connection.script_once
        self._durable = connection.durable
        self._taker = AsyncTaker(connection)
        self._client: AsyncRedisClient = connection.client
        self._owns = owns

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {describe(self._client)}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AsyncRedisBackend)
            and other._client is self._client
            and other._rule == self._rule
        )

    def __hash__(self) -> int:
        return hash((AsyncRedisBackend, id(self._client), self._rule))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the clients that this backend owns, and what it keeps beside them."""
        await self._connection.close()
        for client in self._owns:
            await close_client_async(client)

    # Writing

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`. ``add.lua`` or ``ZADD``, O(log n) a member.

        One member is added once, even by a client that loses the reply and sends it again. Of
        several, those that were taken meanwhile come back then.
        """
        if not entries:
            return 0
        if len(entries) > _MANY or keys.add_keys(name) is None:
            return await self._add_many(name, entries, merge)
        reply = await self._add(name, commands.pairs(entries), merge)
        return int(reply.partition(b" ")[0])

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `redset.interfaces.Backend.schedule`. ``add.lua``, O(log n) a member."""
        reply = await self._add(name, commands.due_pairs(entries), merge)
        new, now = reply.split()
        return int(new), float(now)

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.remember`. ``remember.lua``, O(log n) a member."""
        if not entries:
            return []
        arguments = [commands.FLAGS[merge], commands.SWEEP, *commands.pairs(entries)]
        if keys.add_keys(name) is None:
            reply = await self._script("remember", [name.encode()], [0, *arguments])
        else:
            reply = await self._script_once("remember", name, [name.encode()], arguments)
        return commands.flags(reply)

    async def increment(self, name: str, member: bytes, by: float) -> float:
        """See `redset.interfaces.Backend.increment`. ``increment.lua``, O(log n)."""
        try:
            return float(await self._increment(name, member, by))
        except Exception as error:
            if "not a number" not in str(error):
                raise
            message = f"the score of {member!r} would not be a number: inf - inf"
            raise ScoreError(message) from error

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        """See `redset.interfaces.Backend.remove`. ``remove.lua``, O(log n) a member."""
        if not members:
            return 0
        arguments = [commands.bound(low), *members]
        return int(await self._script("remove", keys.remove_keys(name), arguments))

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `redset.interfaces.Backend.remove_range`.

        ``ZREMRANGEBYSCORE`` or ``remove_range.lua``, O(log n + k) for k entries.
        """
        if limit is None and NOW not in (low, high):
            limits = commands.bound(low), commands.bound(high)
            return int(await self._command("ZREMRANGEBYSCORE", name.encode(), *limits))
        arguments = [commands.bound(low), commands.bound(high), commands.limit(limit)]
        return int(await self._script("remove_range", [name.encode()], arguments))

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`.

        ``ZPOPMIN``, ``ZPOPMAX`` or ``pop_due.lua``, O(log n) a member; of many, over a connection
        of its own, ``ZRANGE`` or ``ZRANGEBYSCORE`` and what removes them, by ``MULTI``,
        O(log n + k) for k members.
        """
        if high is NOW:
            entries, _ = await self._taker.pop_due(name, count, 0)
            return entries
        return await self._taker.pop(name, count, "ZPOPMAX" if reverse else "ZPOPMIN")

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`.

        ``BZPOPMIN``, or ``pop_due.lua`` and ``BLPOP`` on wake-up tokens: about one command
        a second while there is nothing, or two. May end a tenth of a second late. A
        ``BZPOPMIN`` that fails with its connection is not sent again: the error is raised,
        as an item may have been lost with it. A client of a cluster looks once a second, and
        one with a ``socket_timeout`` of less than a quarter of a second every 20 milliseconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if high is NOW:
            return await self._taker.wait_due(name, count, deadline, high)
        entries = await self.pop(name, count)
        if entries or timeout == 0:
            return entries
        return await self._taker.wait_first(name, count, deadline)

    async def clear(self, name: str) -> bool:
        """See `redset.interfaces.Backend.clear`. ``clear.lua``, O(n)."""
        try:
            everything = keys.all_keys(name)
        except ValueError:  # a name without siblings has nothing else to clear
            return bool(await self._command("DEL", name.encode()))
        return bool(await self._script("clear", everything, []))

    # Reading

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`. ``ZMSCORE``, O(1) a member."""
        if not members:
            return []
        return commands.scores(await self._command("ZMSCORE", name.encode(), *members))

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.lifetimes`. ``lifetimes.lua``, O(1) a member."""
        if not members:
            return []
        return commands.lifetimes(await self._script("lifetimes", [name.encode()], members))

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `redset.interfaces.Backend.rank`. ``ZRANK``, O(log n)."""
        rank = await self._command("ZRANK", name.encode(), member)
        return None if rank is None else int(rank)

    async def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`. ``ZCARD``, O(1)."""
        return int(await self._command("ZCARD", name.encode()))

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`. ``ZCOUNT`` or ``count.lua``, O(log n)."""
        limits = [commands.bound(low), commands.bound(high)]
        if NOW in (low, high):
            return int(await self._script("count", [name.encode()], limits))
        return int(await self._command("ZCOUNT", name.encode(), *limits))

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`. ``ZRANGE``, O(log n + k) for k entries."""
        command = "ZREVRANGE" if reverse else "ZRANGE"
        return commands.entries(
            await self._command(
                command, name.encode(), commands.whole(start), commands.whole(stop), "WITHSCORES"
            )
        )

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
        """See `redset.interfaces.Backend.range`.

        ``ZRANGEBYSCORE``, O(log n + k) for k entries; ``range.lua`` for what it cannot do,
        O(log² n + k) from a place in the order.
        """
        limits = [commands.bound(low), commands.bound(high)]
        if after is None and offset == 0 and NOW not in (low, high):
            command = "ZREVRANGEBYSCORE" if reverse else "ZRANGEBYSCORE"
            limits = limits[::-1] if reverse else limits
            page = ("WITHSCORES", "LIMIT", 0, commands.limit(count))
            return commands.entries(await self._command(command, name.encode(), *limits, *page))
        arguments = [*limits, *commands.page(after, offset, count, reverse=reverse)]
        return commands.entries(await self._script("range", [name.encode()], arguments))

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`. ``ZRANDMEMBER``, O(k) for k entries."""
        return commands.entries(
            await self._command("ZRANDMEMBER", name.encode(), commands.whole(count), "WITHSCORES")
        )

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`.

        ``ZMSCORE``, or ``lifetimes.lua`` for what is later than now; O(1) a member.
        """
        if low is not NOW:
            return commands.entries_from(members, await self.scores(name, members), low)
        now, found = await self._script("lifetimes", [name.encode()], members)
        return commands.entries_from(members, found, low, float(now))

    # Keys

    def keyed(self, payload: Payload) -> AsyncRedisBackend:
        """See `redset.interfaces.Backend.keyed`."""
        return async_keyed_view(self, payload)

    async def is_keyed(self, name: str) -> bool | None:
        """See `redset.interfaces.Backend.is_keyed`. ``is_keyed.lua`` or ``EXISTS``, O(1)."""
        # Who asks is in doubt, so views are to look again, too.
        keyed_names(self._client).discard(name)
        try:
            needed = keys.keying_keys(name)
        except ValueError:  # nothing can stand beside such a name, so no payloads either
            return False if await self._command("EXISTS", name.encode()) else None
        there, payloads = await self._script("is_keyed", needed, [])
        return bool(payloads) if there else None

    # Dead letters

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`. ``bury.lua``, O(log d) a letter."""
        if not letters:
            return 0
        parts = [
            part for letter in letters for part in (letter.raw, commands.letter_details(letter))
        ]
        dead = [*keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS), name.encode()]
        return int(await self._script("bury", dead, [limit, *parts]))

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        """See `redset.interfaces.Backend.set_aside`. ``set_aside.lua``, O(log n + log d)."""
        needed = [*keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS), name.encode()]
        arguments = [limit, member, commands.letter_details(letter)]
        dropped = await self._script("set_aside", needed, arguments)
        return None if dropped is None else int(dropped)

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`. ``dead.lua``, O(log d + k) for k letters."""
        dead = keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS)
        page = [commands.whole(offset), commands.whole(offset + count - 1)]
        return commands.dead_letters(await self._script("dead", dead, page))

    async def dead_count(self, name: str) -> int:
        """See `redset.interfaces.Backend.dead_count`. ``ZCARD``, O(1)."""
        return int(await self._command("ZCARD", keys.sibling(name, keys.DEAD)))

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`. ``redrive.lua``, O(log n) a member."""
        others = keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS, keys.WAKE, keys.WAITING)
        arguments = [commands.FLAGS[merge], *members]
        return int(await self._script("redrive", [name.encode(), *others], arguments))

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`. ``forget.lua``, O(log d) a member."""
        dead = keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS)
        return int(await self._script("forget", dead, members))

    # Locking

    @asynccontextmanager
    async def lock(
        self, name: str, timeout: float | None, expires: float
    ) -> AsyncGenerator[None, None]:
        """See `redset.interfaces.Backend.lock`. The client's own ``Lock``."""
        lock: Any = self._client.lock(
            keys.sibling(name, keys.LOCK).decode(), timeout=expires, blocking_timeout=timeout
        )
        if not await lock.acquire():
            message = f"the lock of {name!r} is still held: wait longer, with lock_timeout"
            raise LockTimeout(message)
        try:
            yield
        finally:
            try:
                await lock.release()
            except Exception as error:
                if not is_error(error, "LockError"):
                    raise
                _log.warning("the lock of %r expired while it was held: raise lock_expires", name)

    # Parts

    def _add(self, name: str, pairs: Sequence[object], merge: Merge) -> Any:  # noqa: ANN401  (replies are untyped)
        """Give the reply of ``add.lua``: no coroutine of its own, as every add comes by here."""
        add_keys = keys.add_keys(name) or keys.siblings(name, keys.WAKE)
        if len(pairs) == _PAIR:
            return self._script_once("add", name, add_keys, (commands.FLAGS[merge], *pairs))
        return self._script("add", add_keys, (0, commands.FLAGS[merge], *pairs))

    async def _increment(self, name: str, member: bytes, by: float) -> Any:  # noqa: ANN401  (replies are untyped)
        add_keys = keys.add_keys(name)
        if add_keys is None:
            return await self._durable.command("ZINCRBY", name.encode(), by, member)
        return await self._script_once("increment", name, add_keys, [by, member])

    async def _add_many(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        flag = commands.FLAGS[merge]
        flags = (flag,) if flag else ()
        arguments = (name.encode(), *flags, *commands.pairs(entries))
        new = int(await self._durable.command("ZADD", *arguments))
        if keys.add_keys(name) is not None:
            await self._waiting.pass_on(name, len(entries))
        return new
