"""What operators need of a server, beyond what sets do: to see all that is there, and move it."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from redset._keying import keyed_names
from redset.backends.redis import commands, keys
from redset.backends.redis._clients import has_pool, is_error
from redset.backends.sharded._naming import is_bell, is_shard
from redset.interfaces import KeyedMember, Payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.backends.redis._sync.backend import RedisBackend
    from redset.interfaces import DeadLetter, Entry

__all__ = ["Apart", "Held", "Operator"]

# How many keys a server looks at before it serves others again.
_PAGE = 1000


class Apart(NamedTuple):
    """What is kept beside a set, with the scores that it has or gets back."""

    claimed: list[Entry]
    delayed: list[Entry]
    """Held back until it is tried again."""
    parked: list[Entry]
    """Of a set with keys, what was added while its key is claimed, and has its own payload."""


class Held(NamedTuple):
    """A claim, as it is seen by others than its holder."""

    member: bytes
    """The item, or its key with its payload."""
    score: float
    """The score it had, and gets back."""
    attempt: int
    """How often it has been claimed since it was added."""
    token: int
    """The fencing token, which the holder knows."""
    until: float
    """When the lease runs out, in unix seconds by the server's clock."""

    @property
    def since(self) -> float:
        """When it was claimed, in unix seconds by the server's clock."""
        return self.token / commands.TOKENS / 1e6


class Operator:
    """Looks at all sets of a server, and at what they keep apart. Blocking code only.

    Args:
        backend: the server or cluster.

    >>> import fakeredis
    >>> from redset import SortedSet
    >>> from redset.backends import RedisBackend
    >>> backend = RedisBackend(fakeredis.FakeRedis())
    >>> jobs = SortedSet(backend, "jobs")
    >>> jobs.update(["a", "b"])
    2
    >>> claim = jobs.claim()
    >>> operator = Operator(backend)
    >>> operator.names(), [each.member for each in operator.claims("jobs", 0, 10)]
    (['jobs'], [b'a'])
    """

    def __init__(self, backend: RedisBackend) -> None:
        self._backend = backend
        self._client: Any = backend._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (of our own package)
        self._command = backend._command  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (of our own package)
        self._script = backend._script  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (of our own package)

    def names(self, pattern: str = "*") -> list[str]:
        """List the sets: every ZSET that stands beside no other, whoever made it.

        Args:
            pattern: which names, with ``*``, ``?`` and ``[…]`` as in a shell.

        Returns:
            Names in order; also of sets of which only claims or dead letters are left. Of a
            sharded set, they are those of its shards. Names that are not UTF-8 are not redset's,
            and left out. A round trip for every thousand
            keys (``SCAN``), between which the server serves others.
        """
        found = {key for key in self._keys() if not is_bell(key)}
        names = {_owner(key, found) for key in found}
        return sorted(name for name in names if fnmatchcase(name, pattern))

    def identity(self) -> tuple[str, int] | None:
        """Return what tells this database from all others, by whatever address it is reached.

        None if that is not known: of a cluster, or if this user may not ask. One round trip
        (``INFO``).
        """
        if not has_pool(self._client):
            return None
        try:
            run = self._client.info("server").get("run_id")
        except Exception as error:
            if is_error(error, "ResponseError"):
                return None
            raise
        return run and (str(run), self._client.get_connection_kwargs().get("db") or 0)

    def view(self, name: str) -> RedisBackend:
        """Return the backend as a set is to be looked at: with its payloads, if it may have some.

        Args:
            name: the set.

        Returns:
            The backend itself if there are items without keys, or there can be no others. Members
            are `KeyedMember` otherwise, and all that come to an empty set, and have no payloads,
            are items without keys. One round trip, O(1) (``is_keyed.lua``).
        """
        if self._backend.is_keyed(name) is False or keys.add_keys(name) is None:
            return self._backend
        # What the view would else refuse, this one tells from others.
        keyed_names(self._client).add(name)
        return self._backend.keyed(Payload.WITH_SCORE)

    def has_keyed_letters(self, name: str) -> bool:
        """Tell whether there are dead letters with payloads. One round trip, O(1)."""
        return bool(self._command("EXISTS", keys.sibling(name, keys.DEAD_ITEMS)))

    def dead(self, name: str, start: int, count: int) -> list[DeadLetter]:
        """List dead letters, oldest first; see `redset.interfaces.Backend.dead`.

        Those of a set with keys have their keys, whatever else there is of the set. Two round
        trips.
        """
        keyed = self.has_keyed_letters(name)
        backend = self._backend.keyed(Payload.WITH_SCORE) if keyed else self._backend
        return backend.dead(name, start, count)

    def claims(self, name: str, start: int, count: int) -> list[Held]:
        """List claims, first the lease that is the first to run out.

        Args:
            name: the set.
            start: how many to pass over.
            count: how many to list at most.

        Returns:
            Claims, also those that have run out and are not put back yet. Two round trips,
            O(log c + k) for k of c claims (``held.lua``, ``HMGET``).

        Raises:
            ValueError: if nothing can be claimed from a set of this name.
        """
        apart = keys.siblings(name, keys.CLAIMS, keys.CLAIM_DETAILS)
        page = [commands.whole(start), commands.whole(start + count - 1)]
        _, *reply = self._script("held", apart, page)
        members = reply[::3]
        if not members:
            return []
        payloads = self._command("HMGET", keys.sibling(name, keys.CLAIM_ITEMS), *members)
        return [
            Held(_whole(member, payload), float(score), int(attempt), int(token), float(until))
            for member, until, details, payload in zip(
                members, reply[1::3], reply[2::3], payloads, strict=True
            )
            for token, attempt, score in [details.split()]
        ]

    def apart(self, name: str) -> Iterator[Apart]:
        """Give what is claimed, held back or parked.

        Args:
            name: the set.

        Returns:
            Pages of entries. What stays there is given at least once. A round trip for every
            thousand (``apart.lua``).
        """
        needed = keys.siblings(name, keys.CLAIM_DETAILS, keys.CLAIM_ITEMS, keys.ITEMS, keys.PARKED)
        cursor = b"0"
        while True:
            cursor, *reply = self._script("apart", needed, [cursor])
            page = Apart([], [], [])
            parts: Iterator[Any] = iter(reply)
            for member, given, payload, parked, waiting in zip(*[parts] * 5, strict=True):
                token, _, score = given.split()
                place = page.delayed if token == b"0" else page.claimed
                place.append((_whole(member, payload), float(score)))
                if parked is not None and waiting is not None:
                    page.parked.append((KeyedMember(member, waiting), float(parked)))
            yield page
            if int(cursor) == 0:
                return

    def time(self, name: str) -> float:
        """Return the time in unix seconds by the clock of the server that has the set."""
        now, *_ = self._script("held", [name.encode(), name.encode()], [1, 0])
        return float(now)

    def restore(self, name: str, letters: Sequence[DeadLetter]) -> int:
        """Store dead letters with the times that they have, however many there are by then.

        Args:
            name: the set.
            letters: the dead letters; they replace those of the same bytes or keys.

        Returns:
            How many were new. One round trip, or two if only some have keys, O(log d) a letter
            (``restore.lua``).
        """
        plain: list[object] = []
        keyed: list[object] = []
        for letter in letters:
            details = commands.letter_details(letter)
            if letter.key is None:
                plain += (letter.time, letter.raw, details)
            else:
                keyed += (letter.time, letter.key, details, letter.raw)
        dead = [*keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS), name.encode()]
        payloads = keys.siblings(name, keys.DEAD_ITEMS)
        new = int(self._script("restore", dead, plain)) if plain else 0
        return new + (int(self._script("restore", [*dead, *payloads], keyed)) if keyed else 0)

    def _keys(self) -> Iterator[str]:
        for key in self._client.scan_iter(count=_PAGE, _type="zset"):
            with suppress(UnicodeDecodeError):
                yield key if isinstance(key, str) else key.decode()


def _whole(member: bytes, payload: bytes | None) -> bytes:
    """Return a member with its payload, if it has one."""
    return member if payload is None else KeyedMember(member, payload)


def _owner(key: str, found: set[str]) -> str:
    """Return the name of the set that a ZSET is, or stands beside."""
    owners = keys.owners(key)
    found = found.union(filter(is_shard, owners))
    return next((name for name in owners if name in found), owners[0] if owners else key)
