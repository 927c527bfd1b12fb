"""Where the shards of a set are: their names, and which of them a member belongs to."""

from __future__ import annotations

import re
import zlib
from binascii import crc_hqx
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

__all__ = ["LAYOUT", "Generation", "Layout", "leaving_name", "set_name"]

LAYOUT: Final = b"layout"
"""The one member that there is at the name of the set itself."""

# The slots of a cluster.
_SLOTS: Final = 16384
# The name of the set, and the numbers of generation, place and try.
_SHARD: Final = re.compile(r"\{([^{}]+):\d+:\d+:\d+\}(?::leaving)?")


class Generation(NamedTuple):
    """The shards that a set has from one re-sharding to the next."""

    name: str
    """The name of the set."""
    number: int
    """1 for the first one, and one more after each re-sharding."""
    shards: int
    """How many there are."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each shard."""
        return _shard_names(self.name, self.number, self.shards)

    def home(self, member: bytes) -> str:
        """Return the name of the shard that a member belongs to."""
        return self.names[zlib.crc32(member) % self.shards]

    def homes(self, members: Iterable[bytes]) -> list[str]:
        """Return the name of the shard that each member belongs to."""
        names, shards, crc32 = self.names, self.shards, zlib.crc32
        return [names[crc32(member) % shards] for member in members]

    def __str__(self) -> str:
        return f"{self.number}:{self.shards}"


class Layout(NamedTuple):
    """What generations a set has: one, or in a re-sharding two.

    It is stored as text, under a score that rises with each step.

    >>> layout = Layout.parse("jobs", b"1:8 2:12")
    >>> layout.text, layout.step, layout.settled.text, layout.settled.step
    (b'1:8 2:12', 3, b'2:12', 4)
    """

    new: Generation
    """Where members belong, unless they still are in the old one."""
    old: Generation | None = None
    """That which is given up."""

    @classmethod
    def parse(cls, name: str, text: bytes) -> Self:
        """Read the layout of a set from its text."""
        *old, new = (Generation(name, *map(int, part.split(":"))) for part in text.decode().split())
        return cls(new, *old)

    @property
    def text(self) -> bytes:
        """What is stored."""
        generations = (self.old, self.new) if self.old else (self.new,)
        return " ".join(map(str, generations)).encode()

    @property
    def step(self) -> int:
        """The score that is stored."""
        return 2 * self.new.number - bool(self.old)

    @property
    def settled(self) -> Layout:
        """The layout when nothing is left of the old generation."""
        return Layout(self.new)

    def followed_by(self, shards: int) -> Layout:
        """Return the layout of a re-sharding of this one."""
        name, number, _ = self.new
        return Layout(Generation(name, number + 1, shards), self.new)


def leaving_name(shard: str) -> str:
    """Return the name that a shard has while it is handed over, in the slot of the shard."""
    return f"{shard}:leaving"


def set_name(name: str) -> str:
    """Return the name of the set of which there is a shard of this name, or else the name.

    >>> set_name("{jobs:1:0:5}"), set_name("{jobs:1:0:5}:leaving"), set_name("{jobs}")
    ('jobs', 'jobs', '{jobs}')
    """
    found = _SHARD.fullmatch(name)
    return found[1] if found else name


@lru_cache(maxsize=256)
def _shard_names(name: str, number: int, shards: int) -> tuple[str, ...]:
    """Return names that are spread evenly over the slots of a cluster.

    Each is one hash tag. Slots are divided into as many equal parts as there are shards, and a
    name is tried after the other until it is in the part of its shard.
    """
    return tuple(_shard_name(f"{name}:{number}:{place}", place, shards) for place in range(shards))


def _shard_name(stem: str, place: int, shards: int) -> str:
    tags = (f"{stem}:{suffix}" for suffix in count())
    return next(f"{{{tag}}}" for tag in tags if slot_of(tag) * shards // _SLOTS == place)


def slot_of(tag: str) -> int:
    """Return the slot of a hash tag, as servers do.

    >>> slot_of("123456789")  # the example of the specification: 0x31C3
    12739
    """
    return crc_hqx(tag.encode(), 0) % _SLOTS
