"""What a backend does with several sets, and with layouts: the last part of the model."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any

from redset.exceptions import SetExistsError
from redset.interfaces import Aggregate, Merge, Weighing
from redset.testing._claims_model import ClaimsModel

if TYPE_CHECKING:
    from collections import defaultdict
    from collections.abc import Sequence

    from redset.interfaces import Bound, DeadLetter, Entry

__all__ = ["AlgebraModel"]


def _number(score: float) -> float:
    return 0.0 if math.isnan(score) else score


def _aggregated(weighing: Weighing, scores: Sequence[float | None]) -> float:
    pairs = zip(scores, weighing.weights, strict=True)
    weighed = [_number(score * weight) for score, weight in pairs if score is not None]
    if weighing.aggregate is Aggregate.SUM:
        return reduce(lambda one, two: _number(one + two), weighed)
    return min(weighed) if weighing.aggregate is Aggregate.MIN else max(weighed)


class AlgebraModel(ClaimsModel):
    """Sets of members, taken apart and put together by the words of Python's own."""

    def __init__(self) -> None:
        super().__init__()
        # By name, a layout and its step.
        self.layouts: dict[str, tuple[bytes, int]] = {}

    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        if not isinstance(merge, Weighing):
            return sum(self.add(name, self.slice(other, 0, -1), merge) for other in others)
        members = {member for other in others for member in self.sets[other]}
        made = self._weigh(name, others, members | self.sets[name].keys(), merge)
        return self.add(name, self._weighed(name, others, made), Merge.REPLACE)

    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        waiting = {*self.sets[name], *self.parked[name], *self.delayed[name]}
        kept = {m for m in waiting if all(m in self.sets[other] for other in others)}
        if weighing is not None:
            stays = kept & self.sets[name].keys()
            made = self._weigh(name, others, stays, weighing)
            self.add(name, self._weighed(name, (), made), Merge.REPLACE)
        return self.remove(name, [*(waiting - kept)])

    def subtract(self, name: str, others: Sequence[str]) -> int:
        return self.remove(name, [member for other in others for member in self.sets[other]])

    def is_disjoint(self, name: str, other: str) -> bool:
        return not self.sets[name].keys() & self.sets[other].keys()

    def is_subset(self, name: str, other: str) -> bool:
        return all(member in self.sets[other] for member in self.sets[name])

    def move(self, name: str, member: bytes, target: str, merge: Merge) -> bool:
        found = self.entries(name, [member])
        self.add(target, found, merge)
        if target != name:
            self._drop(name, [member])
        return bool(found)

    def pop_into(
        self,
        name: str,
        target: str,
        merge: Merge,
        *,
        high: Bound = math.inf,
        expected: bytes,
    ) -> Entry | None:
        first = next(iter(self.range(name, -math.inf, high)), None)
        if first is None or not self._is_same(first[0], expected):
            return None
        self.move(name, first[0], target, merge)
        return first

    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        for there, _ in self.entries(name, [member]):
            if self._is_same(there, member):
                self._drop(name, [member])
                return self.bury(name, [letter], limit)
        return None

    def _is_same(self, member: bytes, expected: bytes) -> bool:
        return member == expected

    def pop_any(
        self, sources: Sequence[tuple[str, Bound]], timeout: float | None
    ) -> tuple[int, Entry] | None:
        assert timeout == 0, "the model does not wait"
        for place, (name, high) in enumerate(sources):
            for entry in self.pop(name, 1, high=high):
                return place, entry
        return None

    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        if not self._is_there(name):
            return None
        if self._is_there(target) and not replace:
            return False
        for place in self._places():
            place[target] = place.pop(name, {})
        return True

    def is_sealed(self, name: str) -> bool:
        return name in self.layouts

    def layout(self, name: str) -> bytes | None:
        if self._is_there(name):
            raise SetExistsError
        return self.layouts[name][0] if name in self.layouts else None

    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        is_later = self.layout(name) is None or step > self.layouts[name][1]
        if is_later:
            self.layouts[name] = layout, step
        return is_later

    def drop_layout(self, name: str) -> bool:
        return self.layouts.pop(name, None) is not None

    def _places(self) -> tuple[defaultdict[str, Any], ...]:
        claims = (self.claims, self.parked, self.delayed, self.attempts, self.ends)
        return (self.sets, self.graves, *claims)

    def _is_there(self, name: str) -> bool:
        return bool(self.members(name))

    def _weighed(self, name: str, others: Sequence[str], made: list[Entry]) -> list[Entry]:  # noqa: ARG002  (see `KeyedModel`)
        return made

    def _weigh(
        self, name: str, others: Sequence[str], members: set[bytes], weighing: Weighing
    ) -> list[Entry]:
        names = [name, *others]
        return [
            (member, _aggregated(weighing, [self.sets[each].get(member) for each in names]))
            for member in members
        ]
