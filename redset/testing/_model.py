"""What a backend does, in the fewest words: the model that real ones are compared with."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from redset.exceptions import ScoreError
from redset.interfaces import NOW, Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, DeadLetter, Entry

__all__ = ["Model", "dead_member", "merged", "older", "replaces"]


def merged(merge: Merge, old: float, new: float) -> float:
    """Return the score that an older and a newer one make."""
    return {
        Merge.REPLACE: new,
        Merge.KEEP: old,
        Merge.EARLIEST: min(old, new),
        Merge.LATEST: max(old, new),
    }[merge]


def older(merge: Merge) -> Merge:
    """Return the rule by which an older score comes to a newer one that is there."""
    return {Merge.REPLACE: Merge.KEEP, Merge.KEEP: Merge.REPLACE}.get(merge, merge)


def replaces(rule: Payload, merge: Merge, there: float, score: float, *, is_newer: bool) -> bool:
    """Tell whether a payload that comes with a score replaces the one that is there with another.

    It is the newer one of the two, or it was added first and comes back.
    """
    by_score = {
        Merge.REPLACE: True,
        Merge.KEEP: False,
        Merge.EARLIEST: score < there,
        Merge.LATEST: score > there,
    }
    return {
        Payload.NEWEST: is_newer,
        Payload.FIRST: not is_newer,
        Payload.WITH_SCORE: by_score[merge],
    }[rule]


def dead_member(letter: DeadLetter) -> bytes:
    """Return the member that a dead letter was: its key if the set is a keyed one."""
    return letter.raw if letter.key is None else letter.key


def _place(entry: Entry) -> tuple[float, bytes]:
    return (entry[1], entry[0])


class Model:
    """Dicts that are sorted whenever they are looked at; no waiting, no threads.

    The methods are those of `redset.interfaces.Backend`; ``now`` is set from outside.
    Claims are left to `redset.testing._claims_model.ClaimsModel`.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.sets: defaultdict[str, dict[bytes, float]] = defaultdict(dict)
        self.graves: defaultdict[str, dict[bytes, DeadLetter]] = defaultdict(dict)

    # Writing

    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        before = self.length(name)
        for member, score in entries:
            self._merge(name, member, score, merge)
        return self.length(name) - before

    def schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> tuple[int, float]:
        due = [(member, self.now if score is None else score) for member, score in entries]
        return self.add(name, due, merge), self.now

    def remember(self, name: str, entries: Sequence[Entry], merge: Merge) -> list[bool]:
        unseen: list[bool] = []
        for member, lifetime in entries:
            alive = self.sets[name].get(member, -math.inf) > self.now
            if not alive:
                self._drop(name, [member])
            self.add(name, [(member, self.now + lifetime)], merge if alive else Merge.REPLACE)
            unseen.append(not alive)
        return unseen

    def increment(self, name: str, member: bytes, by: float) -> float:
        score = self.sets[name].get(member, 0.0) + by
        if math.isnan(score):
            raise ScoreError
        self.add(name, [(member, score)], Merge.REPLACE)
        return score

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        counted = dict(self._between(name, low, math.inf)).keys() & set(members)
        self._drop(name, members)
        return len(counted)

    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        gone = self._between(name, low, high)[:limit]
        self._drop(name, [member for member, _ in gone])
        return len(gone)

    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        popped = self.range(name, -math.inf, high, count=count, reverse=reverse)
        self._drop(name, [member for member, _ in popped])
        return popped

    def clear(self, name: str) -> bool:
        found = bool(self.sets[name] or self.graves[name])
        self.sets[name] = {}
        self.graves[name] = {}
        return found

    # Reading

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return [self.sets[name].get(member) for member in members]

    def lifetimes(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        alive = dict(self._between(name, NOW, math.inf))
        return [alive[member] - self.now if member in alive else None for member in members]

    def rank(self, name: str, member: bytes) -> int | None:
        members = [member for member, _ in self.slice(name, 0, -1)]
        return members.index(member) if member in members else None

    def length(self, name: str) -> int:
        return len(self.sets[name])

    def count(self, name: str, low: Bound, high: Bound) -> int:
        return len(self._between(name, low, high))

    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        entries = self.range(name, -math.inf, math.inf, reverse=reverse)
        return entries[start : stop + 1 or None]

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
        entries = self._between(name, low, high)
        if reverse:
            entries = entries[::-1]
        if after is not None:
            here = _place(after)
            entries = [e for e in entries if (_place(e) < here if reverse else _place(e) > here)]
        entries = entries[offset:]
        return entries[:count]

    def entries(
        self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf
    ) -> list[Entry]:
        there = dict(self._between(name, low, math.inf))
        return [(member, there[member]) for member in members if member in there]

    # Dead letters

    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        for letter in letters:
            self.graves[name][dead_member(letter)] = dataclasses.replace(letter, time=self.now)
        excess = max(self.dead_count(name) - limit, 0) if letters else 0
        return self.forget(name, [dead_member(each) for each in self.dead(name, 0, excess)])

    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        graves = self.graves[name].values()
        letters = sorted(graves, key=lambda letter: (letter.time, dead_member(letter)))
        return letters[offset : offset + count]

    def dead_count(self, name: str) -> int:
        return len(self.graves[name])

    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        letters = self._exhume(name, members)
        self._restore(name, letters, merge)
        return len(letters)

    def forget(self, name: str, members: Sequence[bytes]) -> int:
        return len(self._exhume(name, members))

    # The parts

    def _merge(self, name: str, member: bytes, score: float, merge: Merge) -> None:
        held = self.sets[name]
        held[member] = merged(merge, held.get(member, score), score)

    def _between(self, name: str, low: Bound, high: Bound) -> list[Entry]:
        entries = sorted(self.sets[name].items(), key=_place)
        if low is NOW:
            entries = [entry for entry in entries if entry[1] > self.now]
        else:
            entries = [entry for entry in entries if entry[1] >= low]
        latest = self.now if high is NOW else high
        return [entry for entry in entries if entry[1] <= latest]

    def _drop(self, name: str, members: Sequence[bytes]) -> None:
        for member in members:
            self.sets[name].pop(member, None)

    def _restore(self, name: str, letters: Sequence[DeadLetter], merge: Merge) -> None:
        self.add(name, [(dead_member(letter), letter.score) for letter in letters], merge)

    def _exhume(self, name: str, members: Sequence[bytes]) -> list[DeadLetter]:
        graves = self.graves[name]
        return [graves.pop(member) for member in members if member in graves]
