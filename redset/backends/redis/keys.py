"""Names of the keys that are kept beside a set, in the slot of the set itself."""

from __future__ import annotations

__all__ = ["sibling", "siblings"]

DEAD = "dead"
DEAD_DETAILS = "dead:details"
LOCK = "lock"
SCRATCH = "scratch"
WAITING = "waiting"
WAKE = "wake"


def sibling(name: str, suffix: str) -> bytes:
    """Return the key for one purpose beside the set called ``name``.

    Redis Cluster hashes what stands between the first ``{`` and the next ``}``, if
    anything does, and the whole name otherwise. A name with such a tag keeps it; any
    other is made the tag.

    Raises:
        ValueError: if no key can share the slot of this name.

    >>> sibling("jobs", "dead"), sibling("{eu}jobs", "dead")
    (b'{jobs}:dead', b'{eu}jobs:dead')
    """
    _, opened, rest = name.partition("{")
    tag, closed, _ = rest.partition("}")
    if opened and closed and tag:
        return f"{name}:{suffix}".encode()
    if "}" in name:
        message = (
            f"the name {name!r} has a '}}' that closes no hash tag, so no other key can share "
            "its cluster slot, and this call needs one: choose a name without it"
        )
        raise ValueError(message)
    return f"{{{name}}}:{suffix}".encode()


def siblings(name: str, *suffixes: str) -> list[bytes]:
    """Return the keys for several purposes; see `sibling`."""
    return [sibling(name, suffix) for suffix in suffixes]
