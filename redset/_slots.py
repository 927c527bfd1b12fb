"""Which names leave room beside them: for keys of the same slot of a cluster."""

from __future__ import annotations

__all__ = ["is_tagged"]


def is_tagged(name: str) -> bool:
    """Tell whether a part of a name decides on its slot; otherwise, all of it does.

    Redis Cluster hashes what stands between the first ``{`` and the next ``}``, if
    anything does, and the whole name otherwise.

    Raises:
        ValueError: if no other key can share the slot of this name.

    >>> is_tagged("{eu}jobs"), is_tagged("jobs")
    (True, False)
    """
    _, opened, rest = name.partition("{")
    tag, closed, _ = rest.partition("}")
    if opened and closed and tag:
        return True
    if "}" in name:
        message = (
            f"the name {name!r} has a '}}' that closes no hash tag, so no other key can share "
            "its cluster slot, and one is needed: choose a name without it"
        )
        raise ValueError(message)
    return False
