"""The steps that checks of claims are made of."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from redset.interfaces import NOW, Merge, Stats, Terms
from redset.testing._writing import TRICKY, everything

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Backend, Bound, Entry, Hold, Lease

__all__ = [
    "CLOSE",
    "ENDS",
    "claim",
    "claim_one",
    "end",
    "entries",
    "finish",
    "hold",
    "holds",
    "is_empty",
    "refused",
    "release_all",
    "terms",
    "tricky_entries",
]

ENDS = ["acknowledge", "release", "reject", "expire"]
"""How a claim may end."""
_SCORES = [0.1, 1e-300, 1.7e308, 2.0**53 + 1, 1763936000.123456, -1.5, 0.0, math.inf, -math.inf]
CLOSE = 1e-5
"""How much times may differ that are told in whole microseconds."""


def terms(
    *,
    lease: float = 60.0,
    high: Bound = math.inf,
    merge: Merge = Merge.REPLACE,
    max_attempts: int | None = None,
    dead_limit: int = 100,
) -> Terms:
    """Return terms of a claim."""
    return Terms(lease, high, merge, max_attempts, dead_limit)


def claim(
    backend: Backend, name: str, count: int = 1000, given: Terms | None = None
) -> list[Lease]:
    """Claim the first members."""
    return backend.claim(name, count, given or terms()).leases


def claim_one(backend: Backend, name: str, given: Terms | None = None) -> Lease:
    """Claim the first member, which must be there."""
    (lease,) = claim(backend, name, 1, given)
    return lease


def hold(lease: Lease) -> Hold:
    """Return what names a claim."""
    return (lease.member, lease.token)


def holds(leases: Sequence[Lease]) -> list[Hold]:
    """Return what names claims."""
    return [hold(lease) for lease in leases]


def entries(leases: Sequence[Lease]) -> list[Entry]:
    """Return what was claimed."""
    return [(lease.member, lease.score) for lease in leases]


def end(
    backend: Backend,
    name: str,
    leases: Sequence[Lease],
    how: str,
    merge: Merge,
    advance: Callable[[float], None],
) -> None:
    """End claims in one of the `ENDS`; those that expire are put back by the next claim."""
    given = holds(leases)
    if how == "acknowledge":
        assert all(backend.acknowledge(name, given, merge))
    elif how == "release":
        release_all(backend, name, leases, merge)
    elif how == "reject":
        held, dropped = backend.reject(name, [(each, "broken") for each in given], merge, 100)
        assert (all(held), dropped) == (True, 0)
    else:
        assert None not in backend.extend(name, given, 0.05)
        advance(0.1)


def release_all(
    backend: Backend,
    name: str,
    leases: Sequence[Lease],
    merge: Merge,
    *,
    score: Bound | None = None,
    delay: float = 0.0,
) -> None:
    """Release claims, all of which must be held."""
    for each in holds(leases):
        assert backend.release(name, each, merge, score=score, delay=delay) is True


def finish(backend: Backend, name: str) -> list[Entry]:
    """Claim all and acknowledge it; nothing but dead letters must be left of the set."""
    leases = claim(backend, name)
    flags = backend.acknowledge(name, holds(leases), Merge.REPLACE)
    assert flags == [True] * len(leases)
    is_empty(backend, name)
    return entries(leases)


def is_empty(backend: Backend, name: str) -> None:
    """See that a set has nothing in any state but dead letters."""
    left = dataclasses.replace(backend.stats(name, math.inf), dead=0)
    assert left == Stats(0, 0, 0, 0, 0, 0, None, None)


def refused(backend: Backend, name: str, *given: Hold) -> None:
    """Try to end and to extend claims that are not held, which is to change nothing."""
    before = (backend.stats(name, math.inf), everything(backend, name))
    nothing = [False] * len(given)
    assert backend.acknowledge(name, given, Merge.REPLACE) == nothing
    for each in given:
        assert backend.release(name, each, Merge.REPLACE) is False
        assert backend.release(name, each, Merge.REPLACE, score=NOW, attempts=0) is False
        assert backend.release(name, each, Merge.REPLACE, score=7.0, delay=9.0) is False
    assert backend.extend(name, given, 0.01) == [None] * len(given)
    rejected = [(each, "no") for each in given]
    assert backend.reject(name, rejected, Merge.REPLACE, 100) == (nothing, 0)
    assert (backend.stats(name, math.inf), everything(backend, name)) == before


def tricky_entries() -> list[Entry]:
    """Return members and scores of all kinds."""
    members = [bytes(range(256)), b"x" * 100_000, b" ", b"1 2 3", b"line\nline", *TRICKY]
    return [(member, _SCORES[i % len(_SCORES)]) for i, member in enumerate(members)]
