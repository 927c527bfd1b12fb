"""What operators need of a server, beyond what sets do: to see all that is there, and move it."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from redset.backends.redis import commands, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redset.backends.redis._sync.backend import RedisBackend
    from redset.interfaces import DeadLetter, Entry

__all__ = ["Held", "Operator"]

# How many keys a server looks at before it serves others again.
_PAGE = 1000


class Held(NamedTuple):
    """A claim, as it is seen by others than its holder."""

    member: bytes
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
        self._script = backend._script  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (of our own package)

    def names(self, pattern: str = "*") -> list[str]:
        """List the sets: every ZSET that stands beside no other, whoever made it.

        Args:
            pattern: which names, with ``*``, ``?`` and ``[…]`` as in a shell.

        Returns:
            Names in order; also of sets of which only claims or dead letters are left. Names
            that are not UTF-8 are not redset's, and left out. A round trip for every thousand
            keys (``SCAN``), between which the server serves others.
        """
        found = set(self._keys())
        names = {_owner(key, found) for key in found}
        return sorted(name for name in names if fnmatchcase(name, pattern))

    def claims(self, name: str, start: int, count: int) -> list[Held]:
        """List claims, first the lease that is the first to run out.

        Args:
            name: the set.
            start: how many to pass over.
            count: how many to list at most.

        Returns:
            Claims, also those that have run out and are not put back yet. One round trip,
            O(log c + k) for k of c claims (``held.lua``).

        Raises:
            ValueError: if nothing can be claimed from a set of this name.
        """
        apart = keys.siblings(name, keys.CLAIMS, keys.CLAIM_DETAILS)
        page = [commands.whole(start), commands.whole(start + count - 1)]
        _, *reply = self._script("held", apart, page)
        parts = iter(reply)
        return [
            Held(member, float(score), int(attempt), int(token), float(until))
            for member, until, details in zip(parts, parts, parts, strict=True)
            for token, attempt, score in [details.split()]
        ]

    def apart(self, name: str) -> Iterator[tuple[list[Entry], list[Entry]]]:
        """Give what is claimed, and what is held back until it is tried again.

        Args:
            name: the set.

        Returns:
            Pairs of claimed entries and delayed ones, with the scores that they get back. What
            stays there is given at least once. A round trip for every thousand (``apart.lua``).
        """
        cursor = b"0"
        while True:
            details = keys.siblings(name, keys.CLAIM_DETAILS)
            cursor, *reply = self._script("apart", details, [cursor])
            page: tuple[list[Entry], list[Entry]] = ([], [])
            parts: Iterator[bytes] = iter(reply)
            for member, given in zip(parts, parts, strict=True):
                token, _, score = given.split()
                page[token == b"0"].append((member, float(score)))
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
            letters: the dead letters; they replace those of the same bytes.

        Returns:
            How many were new. One round trip, O(log d) a letter (``restore.lua``).
        """
        if not letters:
            return 0
        parts = [
            part
            for letter in letters
            for part in (letter.time, letter.raw, commands.letter_details(letter))
        ]
        dead = [*keys.siblings(name, keys.DEAD, keys.DEAD_DETAILS), name.encode()]
        return int(self._script("restore", dead, parts))

    def _keys(self) -> Iterator[str]:
        for key in self._client.scan_iter(count=_PAGE, _type="zset"):
            with suppress(UnicodeDecodeError):
                yield key if isinstance(key, str) else key.decode()


def _owner(key: str, found: set[str]) -> str:
    """Return the name of the set that a ZSET is, or stands beside."""
    owners = keys.owners(key)
    return next((name for name in owners if name in found), owners[0] if owners else key)
