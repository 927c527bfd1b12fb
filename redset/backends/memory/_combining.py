"""Memory sets made of other sets, and compared with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from redset.backends.memory._claiming import ClaimingStore
from redset.interfaces import Aggregate, Merge, Weighing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CombiningStore"]


class CombiningStore(ClaimingStore):
    """Combines and compares sets."""

    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        """See `redset.interfaces.Backend.union`. O(m log n) for m entries."""
        with self._guarded(name, *others):
            if isinstance(merge, Weighing):
                made = self._weigh(name, others, merge, common=False)
                # A set that is combined with itself brings nothing new to itself.
                rest = [other for other in others if other != name]
                return self._add(name, self._weighed(rest, made), Merge.REPLACE)
            return sum(self._add(name, self._all(other), merge) for other in others)

    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        """See `redset.interfaces.Backend.intersect`. O(n) a set, O(n log n) for new scores."""
        with self._guarded(name, *others):
            made = None if weighing is None else self._weigh(name, others, weighing, common=True)
            kept = [self._scores(other).keys() for other in others]
            members = self._waiting_members(name)
            gone = [m for m in members if not all(m in other for other in kept)]
            self._remove(name, gone)
            if made is not None:
                self._add(name, self._weighed((), made), Merge.REPLACE)
            return len(gone)

    def subtract(self, name: str, others: Sequence[str]) -> int:
        """See `redset.interfaces.Backend.subtract`. O(1) a member of the others."""
        with self._guarded(name, *others):
            members = list({member for other in others for member in self._scores(other)})
            scores = self._remove(name, members)
            return len(scores) - scores.count(None)

    def is_disjoint(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_disjoint`. O(n) for the smaller set."""
        with self._guarded(name, other):
            return self._scores(name).keys().isdisjoint(self._scores(other).keys())

    def is_subset(self, name: str, other: str) -> bool:
        """See `redset.interfaces.Backend.is_subset`. O(n)."""
        with self._guarded(name, other):
            return self._scores(name).keys() <= self._scores(other).keys()

    def _waiting_members(self, name: str) -> set[bytes]:
        """Return all members that are to be handed out: in the set, parked, or held back."""
        ledger = self._ledgers.get(name)
        apart = {*ledger.parked, *ledger.delayed.scores} if ledger else set[bytes]()
        return {*self._scores(name), *apart}

    def _weigh(
        self, name: str, others: Sequence[str], weighing: Weighing, *, common: bool
    ) -> dict[bytes, float]:
        """Return the entries that weighed sets make, or have in common."""
        own, *weights = weighing.weights
        made = _weighed(self._scores(name), own)
        for other, weight in zip(others, weights, strict=True):
            scores = _weighed(self._scores(other), weight)
            met = {
                member: _aggregated(weighing.aggregate, made[member], scores[member])
                for member in made.keys() & scores.keys()
            }
            made = met if common else {**made, **scores, **met}
        return made


def _weighed(scores: dict[bytes, float], weight: float) -> dict[bytes, float]:
    return {member: _number(score * weight) for member, score in scores.items()}


def _aggregated(aggregate: Aggregate, one: float, two: float) -> float:
    if aggregate is Aggregate.SUM:
        return _number(one + two)
    return min(one, two) if aggregate is Aggregate.MIN else max(one, two)


def _number(score: float) -> float:
    return 0.0 if math.isnan(score) else score
