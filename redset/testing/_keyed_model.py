"""What a keyed view does: the model of payloads."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from redset.interfaces import DeadLetter, KeyedMember, Payload
from redset.testing._agreement import shown
from redset.testing._algebra_model import AlgebraModel
from redset.testing._model import dead_member, replaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry, Merge, Terms
    from redset.testing._claims_model import Held

__all__ = ["KeyedModel"]


class KeyedModel(AlgebraModel):
    """One more dict, of the payloads of what waits; what is claimed or dead has its own."""

    def __init__(self, rule: Payload) -> None:
        super().__init__()
        self.rule = rule
        self.payloads: defaultdict[str, dict[bytes, bytes | None]] = defaultdict(dict)

    def add(
        self, name: str, entries: Sequence[Entry], merge: Merge, *, is_newer: bool = True
    ) -> int:
        new = 0
        for member, score in entries:
            payload = member.payload if isinstance(member, KeyedMember) else b""
            self._choose(name, member, payload, score, merge, is_newer=is_newer)
            new += super().add(name, [(bytes(member), score)], merge)
        return new

    def range(
        self,
        name: str,
        low: Bound,
        high: Bound,
        *,
        after: Entry | None = None,
        offset: int = 0,
        count: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        found = super().range(
            name, low, high, after=after, offset=offset, count=count, reverse=reverse
        )
        return self._with_payloads(name, found)

    def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        return self._with_payloads(name, super().entries(name, members, low=low))

    def is_keyed(self, name: str) -> bool | None:
        return None if super().is_keyed(name) is None else True

    def _is_same(self, member: bytes, expected: bytes) -> bool:
        return shown(member) == shown(expected)

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        keyed = [dataclasses.replace(letter, key=dead_member(letter)) for letter in letters]
        return super().bury(name, keyed, limit)

    # The parts

    def _with_payloads(self, name: str, entries: Sequence[Entry]) -> list[Entry]:
        held = self.payloads[name]
        return [(KeyedMember(member, held.get(member)), score) for member, score in entries]

    def _places(self) -> tuple[defaultdict[str, Any], ...]:
        return (*super()._places(), self.payloads)

    def _weighed(self, name: str, others: Sequence[str], made: list[Entry]) -> list[Entry]:
        # A set that is combined with itself brings nothing new to itself.
        order = [other for other in others if other != name]
        order = order[:: 1 if self.rule is Payload.FIRST else -1]
        return [
            entry
            for member, score in made
            for entry in [
                (each[0], score)
                for other in (*order, name)
                for each in self.entries(other, [member])
            ][:1]
        ]

    def _choose(
        self,
        name: str,
        member: bytes,
        payload: bytes | None,
        score: float,
        merge: Merge,
        *,
        is_newer: bool,
    ) -> None:
        """Store a payload, unless the one of the copy that waits stays."""
        there = self._waiting_score(name, member)
        if there is None or replaces(self.rule, merge, there, score, is_newer=is_newer):
            self.payloads[name][bytes(member)] = payload

    def _waiting_score(self, name: str, member: bytes) -> float | None:
        if member in self.sets[name]:
            return self.sets[name][member]
        if member in self.parked[name]:
            return self.parked[name][member]
        return self.delayed[name][member].score if member in self.delayed[name] else None

    def _hand_out(self, name: str, member: bytes, score: float, terms: Terms) -> float:
        score = super()._hand_out(name, member, score, terms)
        self.claims[name][member].payload = self.payloads[name].pop(member)
        return score

    def _meet(self, name: str, member: bytes, held: Held, merge: Merge) -> None:
        self._choose(name, member, held.payload, held.score, merge, is_newer=False)

    def _letter(self, member: bytes, held: Held, reason: str) -> DeadLetter:
        letter = super()._letter(member, held, reason)
        raw = letter.raw if held.payload is None else held.payload
        return dataclasses.replace(letter, raw=raw, key=bytes(member))

    def _restore(self, name: str, letters: Sequence[DeadLetter], merge: Merge) -> None:
        entries = [(KeyedMember(dead_member(each), each.raw), each.score) for each in letters]
        self.add(name, entries, merge, is_newer=False)
