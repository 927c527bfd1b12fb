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

__all__ = [
    "Generation",
    "Layout",
    "bell_name",
    "is_bell",
    "is_shard",
    "leaving_name",
    "set_name",
]

# The slots of a cluster.
_SLOTS: Final = 16384
# The name of the set, and the numbers of generation, place and try.
_SHARD: Final = re.compile(r"\{([^{}]+):\d+:\d+:\d+\}(?::leaving)?")
_BELL: Final = re.compile(r"\{([^{}]+):bell\}")
# One generation, or two, and what else there is to know.
_LAYOUT: Final = re.compile(r"(?:(\d+:\d+) )?(\d+:\d+)( left)?( keyed)?")


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

    It is stored as text, with a step that rises with each change.

    >>> layout = Layout.parse("jobs", b"1:8 2:12")
    >>> layout.text, layout.emptied.text, layout.emptied.settled.text
    (b'1:8 2:12', b'1:8 2:12 left', b'2:12')
    >>> layout.step, layout.emptied.step, layout.emptied.settled.step
    (4, 5, 6)
    """

    new: Generation
    """Where members belong, unless they still are in the old one."""
    old: Generation | None = None
    """That which is given up."""
    left: Generation | None = None
    """That which has been given up, but is still remembered by seals that have no end."""
    is_keyed: bool = False
    """Whether items have keys."""

    @classmethod
    def parse(cls, name: str, text: bytes) -> Self:
        """Read the layout of a set from its text."""
        found = _LAYOUT.fullmatch(text.decode(errors="replace"))
        if found is None:
            message = (
                f"the layout of the sharded set {name!r} is {text!r}, which this version of redset "
                "cannot read: a newer one may have written it; use that"
            )
            raise ValueError(message)
        *former, new = (
            Generation(name, *map(int, each.split(":"))) for each in found.group(1, 2) if each
        )
        old = former[0] if former else None
        left = old if found[3] else None
        return cls(new, None if left else old, left, bool(found[4]))

    @property
    def text(self) -> bytes:
        """What is stored."""
        former = self.old or self.left
        words = [former, self.new, self.left and "left", self.is_keyed and "keyed"]
        return " ".join(str(word) for word in words if word).encode()

    @property
    def step(self) -> int:
        """How many changes there were."""
        return 3 * self.new.number - (2 if self.old else 1 if self.left else 0)

    @property
    def emptied(self) -> Layout:
        """The layout when nothing is left of the old generation."""
        return self._replace(old=None, left=self.old)

    @property
    def settled(self) -> Layout:
        """The layout when the old generation is forgotten."""
        return self._replace(left=None)

    def followed_by(self, shards: int) -> Layout:
        """Return the layout of a re-sharding of this one."""
        name, number, _ = self.new
        return self._replace(new=Generation(name, number + 1, shards), old=self.new)


def bell_name(name: str) -> str:
    """Return the name of the set by which those who wait for any shard of a set are woken."""
    return f"{{{name}:bell}}"


def leaving_name(shard: str) -> str:
    """Return the name that a shard has while it is handed over, in the slot of the shard."""
    return f"{shard}:leaving"


def set_name(name: str) -> str:
    """Return the name of the set whose shard or bell has this name, or else the name.

    >>> set_name("{jobs:1:0:5}"), set_name("{jobs:1:0:5}:leaving"), set_name("{jobs}")
    ('jobs', 'jobs', '{jobs}')
    >>> set_name(bell_name("jobs"))
    'jobs'
    """
    found = _SHARD.fullmatch(name) or _BELL.fullmatch(name)
    return found[1] if found else name


def is_shard(name: str) -> bool:
    """Tell whether this is the name of a shard."""
    return _SHARD.fullmatch(name) is not None


def is_bell(name: str) -> bool:
    """Tell whether this is the name of a bell; see `bell_name`."""
    return _BELL.fullmatch(name) is not None


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
