"""Names of the keys that are kept beside a set, in the slot of the set itself."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from redset._slots import is_tagged

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "add_keys",
    "algebra_keys",
    "all_keys",
    "claim_keys",
    "combined_keys",
    "expire_keys",
    "handover_keys",
    "keyed_keys",
    "keying_keys",
    "moved_keys",
    "owners",
    "remove_keys",
    "rename_keys",
    "request_prefix",
    "seal_keys",
    "sibling",
    "siblings",
]

ATTEMPTS: Final = "attempts"
CLAIMS: Final = "claims"
CLAIM_DETAILS: Final = "claims:details"
CLAIM_ITEMS: Final = "claims:items"
DEAD: Final = "dead"
DEAD_DETAILS: Final = "dead:details"
DEAD_ITEMS: Final = "dead:items"
DELAYED: Final = "delayed"
ITEMS: Final = "items"
LOCK: Final = "lock"
MARK: Final = "request:mark"
PARCEL: Final = "request:parcel"  # it expires, as all of "request" does
PARKED: Final = "parked"
REQUEST: Final = "request"
SCRATCH: Final = "scratch"
SCRATCH_WEIGHED: Final = "scratch:weighed"
TOKEN: Final = "request:token"  # noqa: S105  (no secret; it expires, as all of "request" does)
UNPACKED: Final = "request:unpacked"
WAITING: Final = "waiting"
WAKE: Final = "wake"


@lru_cache(maxsize=1024)
def sibling(name: str, suffix: str) -> bytes:
    """Return the key for one purpose beside the set called ``name``.

    A name with a part that decides on its slot keeps that; any other is made such a part.

    Raises:
        ValueError: if no key can share the slot of this name.

    >>> sibling("jobs", "dead"), sibling("{eu}jobs", "dead")
    (b'{jobs}:dead', b'{eu}jobs:dead')
    """
    return (f"{name}:{suffix}" if is_tagged(name) else f"{{{name}}}:{suffix}").encode()


def owners(key: str) -> list[str]:
    """Return the names of the sets that a ZSET may stand beside, the likeliest first.

    There are none if it is a set itself, and two if it stands beside all that is in braces.

    >>> owners("{jobs}:dead"), owners("{eu}jobs:dead"), owners("jobs:dead")
    (['jobs', '{jobs}'], ['{eu}jobs'], [])
    """
    for suffix in (CLAIMS, DEAD, DELAYED, PARKED, SCRATCH):
        stem = key.removesuffix(f":{suffix}")
        if stem != key:
            bare = stem.removeprefix("{").removesuffix("}")
            return [name for name in (bare, stem) if _stands_beside(key, name, suffix)]
    return []


def _stands_beside(key: str, name: str, suffix: str) -> bool:
    with suppress(ValueError):
        return bool(name) and sibling(name, suffix) == key.encode()
    return False


def siblings(name: str, *suffixes: str) -> list[bytes]:
    """Return the keys for several purposes; see `sibling`."""
    return [sibling(name, suffix) for suffix in suffixes]


@lru_cache(maxsize=1024)
def claim_keys(name: str, count: int = 11) -> tuple[bytes, ...]:
    """Return the first of the keys of the scripts that deal with claims, in their order."""
    apart = (CLAIMS, CLAIM_DETAILS, PARKED, WAKE, WAITING, DELAYED, ATTEMPTS, TOKEN)
    return (name.encode(), *siblings(name, *apart, DEAD, DEAD_DETAILS))[:count]


@lru_cache(maxsize=1024)
def keyed_keys(name: str) -> tuple[bytes, ...]:
    """Return the keys that all scripts of keyed sets have: those of claims, and of payloads."""
    return (*claim_keys(name), *siblings(name, ITEMS, CLAIM_ITEMS, DEAD_ITEMS))


@lru_cache(maxsize=1024)
def keying_keys(name: str) -> tuple[bytes, ...]:
    """Return the keys that tell whether a set is there, and whether it is keyed."""
    return (name.encode(), *siblings(name, CLAIM_DETAILS, ITEMS, CLAIM_ITEMS))


def combined_keys(name: str, others: Sequence[str]) -> list[bytes]:
    """Return the own keys of the scripts that combine keyed sets."""
    told = [key for other in others for key in keying_keys(other)]
    return [*siblings(name, SCRATCH, SCRATCH_WEIGHED), *told]


@lru_cache(maxsize=1024)
def moved_keys(name: str) -> tuple[bytes, ...]:
    """Return the keys of a keyed set that tell what there is of a member."""
    return (*keying_keys(name), *siblings(name, PARKED, DELAYED))


@lru_cache(maxsize=1024)
def add_keys(name: str) -> tuple[bytes, ...] | None:
    """Return the keys of ``add.lua``, None for a name that no other key can stand beside."""
    try:
        return (name.encode(), *siblings(name, WAKE, WAITING))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def remove_keys(name: str) -> tuple[bytes, ...]:
    """Return the keys of ``remove.lua``: the set alone, if no other key can stand beside it."""
    try:
        return (name.encode(), *siblings(name, PARKED, DELAYED, CLAIM_DETAILS, ATTEMPTS))
    except ValueError:
        return (name.encode(),)


def all_keys(name: str) -> list[bytes]:
    """Return the keys of ``clear.lua``: all but the lock, and what expires by itself."""
    apart = siblings(name, DEAD, CLAIMS, DELAYED, PARKED, CLAIM_DETAILS, DEAD_DETAILS, ATTEMPTS)
    payloads = siblings(name, ITEMS, CLAIM_ITEMS, DEAD_ITEMS)
    return [name.encode(), *apart, *payloads, *siblings(name, WAKE, WAITING)]


def algebra_keys(name: str, others: Sequence[str]) -> list[bytes]:
    """Return the keys of the scripts that combine sets."""
    apart = siblings(name, SCRATCH, SCRATCH_WEIGHED, WAKE, WAITING)
    held = siblings(name, PARKED, DELAYED, CLAIM_DETAILS, ATTEMPTS)
    return [name.encode(), *apart, *held, *(other.encode() for other in others)]


def handover_keys(name: str) -> list[bytes]:
    """Return the keys of the scripts that hand sets over."""
    return [*all_keys(name), *siblings(name, TOKEN, PARCEL, UNPACKED)]


def rename_keys(name: str, target: str) -> list[bytes]:
    """Return the keys of ``rename.lua``."""
    return [*all_keys(name), *all_keys(target), sibling(name, TOKEN), sibling(target, TOKEN)]


def seal_keys(name: str, target: str) -> list[bytes]:
    """Return the keys of ``handover/seal.lua``."""
    return [*rename_keys(name, target), sibling(target, PARCEL)]


def expire_keys(name: str) -> list[bytes]:
    """Return the keys of ``expire.lua``: those of ``clear.lua``, but for those who wait."""
    apart = siblings(name, ATTEMPTS, WAKE, WAITING)
    return [apart[0], *(key for key in all_keys(name) if key not in apart)]


def request_prefix(name: str) -> bytes:
    """Return what the keys that record requests begin with."""
    return sibling(name, REQUEST)
