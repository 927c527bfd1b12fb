"""How many items of a set are in which state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from redset._printing import safe
from redset.cli.running import Code, complain
from redset.interfaces import NOW, Stats

if TYPE_CHECKING:
    from redset.interfaces import Backend

__all__ = ["counted", "counts", "nothing"]


def counts(backend: Backend, name: str) -> Stats:
    """Return the counts of a set; of a name that nothing can be kept beside, what it can have."""
    try:
        return backend.stats(name, NOW)
    except ValueError:
        first = backend.slice(name, 0, 0)
        return Stats(
            pending=backend.length(name),
            due=backend.count(name, -math.inf, NOW),
            delayed=0,
            claimed=0,
            parked=0,
            dead=0,
            oldest_score=first[0][1] if first else None,
            oldest_claim=None,
        )


def counted(stats: Stats) -> dict[str, int]:
    """Return the counts that are always shown, by what they are called."""
    return {
        "pending": stats.pending,
        "due": stats.due,
        "delayed": stats.delayed,
        "claimed": stats.claimed,
        "dead": stats.dead,
    }


def nothing(name: str, what: str = "item") -> Code:
    """Say that there is none of something, and return the exit code for that."""
    complain(f"{safe(name)} has no {what}")
    return Code.NOTHING
