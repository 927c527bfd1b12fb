"""Keyed sets: a view of a backend, whose members are keys with payloads beside them."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from redset.backends.redis import commands, keys
from redset.backends.redis._async.keyed_combining import AsyncKeyedCombiningBackend
from redset.backends.redis._async.taking import AsyncTaker
from redset.interfaces import KeyedMember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redset.backends.redis._async.backend import AsyncRedisBackend
    from redset.backends.redis._async.connection import AsyncConnection
    from redset.interfaces import Bound, DeadLetter, Entry, Merge, Payload, Stats


class AsyncKeyedTaker(AsyncTaker):
    """Takes keys with their payloads out of sets."""

    def __init__(self, connection: AsyncConnection, run: Callable[..., Awaitable[Any]]) -> None:
        super().__init__(connection)
        self._run = run

    async def pop_due(
        self, name: str, count: int, wait: float, high: Bound = math.inf
    ) -> tuple[list[Entry], float]:
        """See `AsyncTaker.pop_due`. ``keyed/pop_due.lua``."""
        arguments = [commands.bound(high), commands.whole(count), commands.milliseconds(wait)]
        (until_due, *found), payloads = await self._run("pop_due", name, arguments)
        entries = commands.keyed_entries((found, payloads))
        return entries, float(until_due) if until_due else math.inf


class AsyncKeyedBackend(AsyncKeyedCombiningBackend):
    """A view of `AsyncRedisBackend` whose sets are keyed; see `redset.interfaces.Backend.keyed`.

    The payloads of a set called ``name`` are in hashes by key: ``{name}:items`` for what waits,
    ``{name}:claims:items`` for what is claimed, ``{name}:dead:items`` for dead letters. Every
    method but a wait is one Lua script from ``scripts/keyed``, since it looks whether the set has
    payloads, if this process does not know that yet, and moves them with their keys.

    Args:
        backend: what it is a view of; it uses its connections.
        payload: the rule for payloads that meet.
    """

    def __init__(self, backend: AsyncRedisBackend, payload: Payload) -> None:
        super().__init__(backend, payload)
        self._taker = AsyncKeyedTaker(self._connection, self._run)

    # Writing

    async def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        """See `redset.interfaces.Backend.add`. ``keyed/add.lua``, O(log n) a member.

        One member is added once, as by `AsyncRedisBackend.add`.
        """
        return (await self._put(name, entries, commands.pairs(entries), merge))[0]

    async def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        """See `redset.interfaces.Backend.schedule`. ``keyed/add.lua``, O(log n) a member."""
        return await self._put(name, entries, commands.due_pairs(entries), merge)

    async def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        """See `redset.interfaces.Backend.remember`. ``keyed/remember.lua``, O(log n) a member."""
        if not entries:
            return []
        given = commands.payloads(member for member, _ in entries)
        arguments = [commands.FLAGS[merge], commands.SWEEP, *commands.pairs(entries), *given]
        return commands.flags(await self._run_once("remember", name, arguments))

    async def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        """See `redset.interfaces.Backend.remove`. ``keyed/remove.lua``, O(log n) a member."""
        return int(await self._run("remove", name, [commands.bound(low), *members]))

    async def remove_range(
        self, name: str, low: Bound, high: Bound, limit: int | None = None
    ) -> int:
        """See `redset.interfaces.Backend.remove_range`.

        ``keyed/remove_range.lua``, O(k log n) for k entries.
        """
        arguments = [commands.bound(low), commands.bound(high), commands.limit(limit)]
        return int(await self._run("remove_range", name, arguments))

    async def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.pop`.

        ``keyed/pop_due.lua`` or ``keyed/pop_last.lua``, O(log n) a member.
        """
        if reverse:
            reply = await self._run("pop_last", name, [commands.whole(count)])
            return commands.keyed_entries(reply)
        entries, _ = await self._taker.pop_due(name, count, 0, high)
        return entries

    async def wait_pop(
        self, name: str, count: int, timeout: float | None, *, high: Bound = math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.wait_pop`.

        ``keyed/pop_due.lua``, and ``BLPOP`` on wake-up tokens: two commands a second while
        there is nothing. May end a tenth of a second late.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        return await self._taker.wait_due(name, count, deadline, high)

    # Reading

    async def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.scores`. ``keyed/lifetimes.lua``, O(1) a member."""
        return commands.scores((await self._run("lifetimes", name, members))[1])

    async def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        """See `redset.interfaces.Backend.lifetimes`. ``keyed/lifetimes.lua``, O(1) a member."""
        return commands.lifetimes(await self._run("lifetimes", name, members))

    async def rank(self, name: str, member: bytes) -> int | None:
        """See `redset.interfaces.Backend.rank`. ``ZRANK`` in ``keyed/call.lua``, O(log n)."""
        rank = await self._run("call", name, ["ZRANK", member])
        return None if rank is None else int(rank)

    async def length(self, name: str) -> int:
        """See `redset.interfaces.Backend.length`. ``ZCARD`` in ``keyed/call.lua``, O(1)."""
        return int(await self._run("call", name, ["ZCARD"]))

    async def count(self, name: str, low: Bound, high: Bound) -> int:
        """See `redset.interfaces.Backend.count`. ``keyed/count.lua``, O(log n)."""
        limits = [commands.bound(low), commands.bound(high)]
        return int(await self._run("count", name, limits))

    async def slice(
        self, name: str, start: int, stop: int, *, reverse: bool = False
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.slice`.

        ``ZRANGE`` in ``keyed/read.lua``, O(log n + k) for k entries.
        """
        command = "ZREVRANGE" if reverse else "ZRANGE"
        places = [commands.whole(start), commands.whole(stop)]
        return commands.keyed_entries(
            await self._run("read", name, [command, *places, "WITHSCORES"])
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

        ``keyed/range.lua``, O(log n + k) for k entries, O(log² n + k) from a place on.
        """
        limits = [commands.bound(low), commands.bound(high)]
        arguments = [*limits, *commands.page(after, offset, count, reverse=reverse)]
        return commands.keyed_entries(await self._run("range", name, arguments))

    async def sample(self, name: str, count: int) -> list[Entry]:
        """See `redset.interfaces.Backend.sample`.

        ``ZRANDMEMBER`` in ``keyed/read.lua``, O(k) for k entries.
        """
        arguments = ["ZRANDMEMBER", commands.whole(count), "WITHSCORES"]
        return commands.keyed_entries(await self._run("read", name, arguments))

    async def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        """See `redset.interfaces.Backend.entries`. ``keyed/entries.lua``, O(1) a member."""
        now, found, payloads = await self._run("entries", name, members)
        keyed = map(KeyedMember, members, payloads)
        return commands.entries_from(keyed, found, low, float(now))

    async def stats(self, name: str, high: Bound) -> Stats:
        """See `redset.interfaces.Backend.stats`. ``claims/stats.lua``, O(log n)."""
        needed = keys.claim_keys(name)
        return commands.stats(
            await self._connection.script("claims/stats", needed, [commands.bound(high)])
        )

    # Dead letters

    async def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        """See `redset.interfaces.Backend.bury`. ``keyed/bury.lua``, O(log d) a letter."""
        if not letters:
            return 0
        dead = [letter.raw if letter.key is None else letter.key for letter in letters]
        details = map(commands.letter_details, letters)
        parts = [part for pair in zip(dead, details, strict=True) for part in pair]
        payloads = [*(letter.raw for letter in letters), b"1" * len(letters)]
        return int(await self._run("bury", name, [limit, *parts, *payloads]))

    async def set_aside(
        self, name: str, member: bytes, letter: DeadLetter, limit: int
    ) -> int | None:
        """See `redset.interfaces.Backend.set_aside`. ``keyed/set_aside.lua``, O(log n + log d)."""
        payloads = commands.payloads([member, KeyedMember(member, letter.raw)])
        arguments = [limit, member, commands.letter_details(letter), *payloads]
        dropped = await self._run("set_aside", name, arguments)
        return None if dropped is None else int(dropped)

    async def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        """See `redset.interfaces.Backend.dead`. ``keyed/dead.lua``, O(log d + k) for k letters."""
        page = [commands.whole(offset), commands.whole(offset + count - 1)]
        return commands.keyed_dead_letters(await self._run_as_it_is("dead", name, page))

    async def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        """See `redset.interfaces.Backend.redrive`. ``keyed/redrive.lua``, O(log n) a member."""
        return int(await self._run("redrive", name, [commands.FLAGS[merge], *members]))

    async def forget(self, name: str, members: Sequence[bytes]) -> int:
        """See `redset.interfaces.Backend.forget`. ``keyed/forget.lua``, O(log d) a member."""
        return int(await self._run_as_it_is("forget", name, members))

    # Parts

    _read_claimed = staticmethod(commands.keyed_claimed)

    async def _put(
        self,
        name: str,
        entries: Sequence[tuple[bytes, object]],
        pairs: Sequence[object],
        merge: Merge,
    ) -> tuple[int, float]:
        given = commands.payloads(member for member, _ in entries)
        arguments = [commands.FLAGS[merge], *pairs, *given]
        if len(entries) == 1:
            reply = await self._run_once("add", name, arguments)
        else:
            reply = await self._run("add", name, [0, *arguments])
        new, now = reply.split()
        return int(new), float(now)

    async def _increment(self, name: str, member: bytes, by: float) -> Any:  # noqa: ANN401  (replies are untyped)
        arguments = [by, member, *commands.payloads([member])]
        return await self._run_once("increment", name, arguments)
