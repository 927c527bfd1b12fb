"""What goes with the keys of one keyed memory set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.backends.memory._sortedmap import supersedes
from redset.interfaces import Payload

if TYPE_CHECKING:
    from redset.interfaces import Merge

__all__ = ["Payloads", "takes_place"]


def takes_place(
    rule: Payload, merge: Merge, there: float | None, score: float, *, is_newer: bool
) -> bool:
    """Tell whether a payload takes the place of the one that waits for the same key.

    Args:
        rule: the rule of the view.
        merge: by which the scores meet.
        there: the score with which the key waits, None if it does not.
        score: the score that comes with the payload.
        is_newer: whether the payload was added later than the one that waits.
    """
    if there is None:
        return True
    if rule is Payload.WITH_SCORE:
        return supersedes(merge, there, score)
    return is_newer == (rule is Payload.NEWEST)


class Payloads:
    """The payloads of keys that wait, wherever they do, and of those that are claimed."""

    __slots__ = ("held", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[bytes, bytes] = {}
        self.held: dict[bytes, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.waiting or self.held)

    def put(self, key: bytes, payload: bytes | None, *, over: bool) -> None:
        """Keep the payload of a key that waits, in the place of another only if it goes over it."""
        if payload is not None and (over or key not in self.waiting):
            self.waiting[key] = payload

    def claim(self, key: bytes) -> bytes | None:
        """Let a payload go with a key that is claimed, and that has no other copy; return it."""
        payload = self.waiting.get(key)
        if payload is not None:
            self.held[key] = payload
            del self.waiting[key]
        return payload
