"""Keyed sets that are combined, compared, moved and renamed, with their payloads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from redset._keying import keyed_names
from redset.backends.redis import commands, keys
from redset.backends.redis._async.backend import AsyncRedisBackend
from redset.backends.redis._keying import Keying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry, Merge, Payload, Weighing


class AsyncKeyedCombiningBackend(AsyncRedisBackend):
    """The part of a keyed view that deals with several sets, and how it runs scripts."""

    def __init__(self, backend: AsyncRedisBackend, payload: Payload) -> None:
        # Not closed with it: the connections and the clients are those of the backend.
        self._open(backend._connection, ())  # noqa: SLF001  (of our own class)
        self._rule = payload.value.encode()
        self._known = keyed_names(self._client)

    async def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `redset.interfaces.Backend.union`. ``keyed/union.lua``, O(m log n) for m entries."""
        return await self._combine("union", name, others, commands.meeting(merge))

    async def intersect(
        self, name: str, others: Sequence[str], weighing: Weighing | None = None
    ) -> int:
        """See `redset.interfaces.Backend.intersect`. ``keyed/intersect.lua``, O(n log n) a set."""
        how = [] if weighing is None else commands.meeting(weighing)
        return await self._combine("intersect", name, others, how)

    async def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `redset.interfaces.Backend.subtract`.

        ``keyed/subtract.lua``, O(m + n log n) for m entries of all sets.
        """
        return await self._combine("subtract", name, others, [])

    async def _compare(self, name: str, other: str, is_for_all: int) -> bool:
        self._check_slots([name, other])
        own = keys.keying_keys(other)
        return bool(await self._run("compare", name, [is_for_all], others=[other], own=own))

    async def _move(self, script: str, name: str, target: str, merge: Merge, *what: bytes) -> bytes:
        self._check_slots([name, target])
        arguments = [commands.FLAGS[merge], *what]
        # To the script, the set that it goes to is the one that counts.
        reply: bytes = await self._run_once(
            script, target, arguments, others=[name], own=keys.moved_keys(name)
        )
        return reply

    async def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        """See `redset.interfaces.Backend.pop_into`. ``keyed/pop_into.lua``, O(log n)."""
        wanted = [expected, *commands.payloads([expected])]
        reply = await self._move("pop_into", name, target, merge, commands.bound(high), *wanted)
        return commands.keyed_popped(reply)

    async def _pop_any(
        self, sources: Sequence[tuple[str, Bound]], wait: float
    ) -> tuple[tuple[int, Entry] | None, float]:
        names = [name for name, _ in sources]
        bounds = [commands.bound(high) for _, high in sources]
        own = [
            key
            for name in names
            for key in (*keys.moved_keys(name), keys.sibling(name, keys.WAITING))
        ]
        arguments = [commands.milliseconds(wait), *bounds]
        reply = await self._run_once("pop_any", names[0], arguments, others=names[1:], own=own)
        return commands.keyed_popped_any(reply)

    async def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        """See `redset.interfaces.Backend.rename`. ``keyed/rename.lua``, O(1), or O(n)."""
        self._check_slots([name, target])
        own = [*keys.keying_keys(target), *keys.rename_keys(name, target)]
        reply = await self._run_once("rename", name, [int(replace)], others=[target], own=own)
        return commands.flags(reply) == [True] if reply else None

    async def expire(self, name: str, when: float | None) -> bool:
        """See `redset.interfaces.Backend.expire`. ``keyed/expire.lua``, O(1)."""
        own = keys.expire_keys(name)
        return bool(await self._run("expire", name, [commands.moment(when)], own=own))

    # Parts

    async def _combine(
        self, script: str, name: str, others: Sequence[str], how: Sequence[object]
    ) -> int:
        self._check_slots([name, *others])
        own = keys.combined_keys(name, others)
        return int(await self._run(script, name, how, others=others, own=own))

    async def _run(
        self,
        script: str,
        name: str,
        arguments: Sequence[object],
        _count: int = 0,
        /,
        *,
        others: Sequence[str] = (),
        own: Sequence[bytes] = (),
    ) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script on the set called ``name``, with its own keys after those of the set.

        ``others`` are the other sets whose keys it looks at.
        """
        needed = [*keys.keyed_keys(name), *own]
        with Keying(self._known, name, *others) as keying:
            reply = await self._connection.script(
                f"keyed/{script}", needed, [*arguments, keying.flags, self._rule]
            )
        return keying.read(reply)

    async def _run_once(
        self,
        script: str,
        name: str,
        arguments: Sequence[object],
        _count: int = 0,
        /,
        *,
        others: Sequence[str] = (),
        own: Sequence[bytes] = (),
    ) -> Any:  # noqa: ANN401  (replies are untyped)
        """The same with a record of the request, as the last of its keys."""
        needed = [*keys.keyed_keys(name), *own]
        with Keying(self._known, name, *others) as keying:
            reply = await self._connection.script_once(
                f"keyed/{script}", name, needed, [*arguments, keying.flags, self._rule]
            )
        return keying.read(reply)

    async def _run_as_it_is(self, script: str, name: str, arguments: Sequence[object]) -> Any:  # noqa: ANN401  (replies are untyped)
        """Run a script on whatever data there are of a set."""
        return await self._connection.script(
            f"keyed/{script}", keys.keyed_keys(name), [*arguments, b"", self._rule]
        )
