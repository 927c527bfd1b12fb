"""What a backend does that hands out claims: the rest of the model."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redset.interfaces import NOW, DeadLetter, Merge, Stats
from redset.testing._model import Model, merged, older

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Bound, Entry, Hold, Terms

__all__ = ["ClaimsModel"]


@dataclass
class Held:
    """What is known of a member that is claimed."""

    score: float
    attempts: frozenset[int]
    deadline: float
    token: int = 0
    payload: bytes | None = None


@dataclass
class Delay:
    """What is known of a member that is held back."""

    score: float
    attempts: frozenset[int]
    end: float


_NONE = frozenset({0})


class ClaimsModel(Model):
    """One more dict for each place where a member can be.

    How often a member was claimed is a set of numbers: all that a backend may believe, which
    may forget the attempts of what left the set without a claim.
    """

    def __init__(self) -> None:
        super().__init__()
        self.claims: defaultdict[str, dict[bytes, Held]] = defaultdict(dict)
        self.parked: defaultdict[str, dict[bytes, float]] = defaultdict(dict)
        self.delayed: defaultdict[str, dict[bytes, Delay]] = defaultdict(dict)
        self.attempts: defaultdict[str, dict[bytes, frozenset[int]]] = defaultdict(dict)
        # When what waits, the claims, or the dead letters are to go, if ever.
        self.ends: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def members(self, name: str) -> set[bytes]:
        """Return all members, wherever they are."""
        return {
            *self.sets[name],
            *self.claims[name],
            *self.parked[name],
            *self.delayed[name],
            *self.graves[name],
        }

    def is_held(self, name: str, hold: Hold) -> bool:
        """Tell whether a claim has not ended."""
        member, token = hold
        return member in self.claims[name] and self.claims[name][member].token == token

    # Claims

    def claim(
        self, name: str, count: int, terms: Terms, *, acknowledge: Sequence[Hold] = ()
    ) -> tuple[list[Entry], list[bool], int]:
        """Return what is claimed, what was acknowledged, and how many letters were dropped.

        Tokens are the backend's, so they are noted from outside.
        """
        acknowledged = self.acknowledge(name, acknowledge, terms.merge)
        self.forget_ends()
        dropped = self._end_leases(name, terms)
        self._end_delays(name, terms.merge)
        self.forget_ends()
        claimed: list[Entry] = []
        for member, score in self.range(name, -math.inf, terms.high):
            if len(claimed) == count:
                break
            del self.sets[name][member]
            if member in self.claims[name]:
                parked = self.parked[name].get(member, score)
                self.parked[name][member] = merged(terms.merge, parked, score)
            elif member in self.delayed[name] and terms.merge in {Merge.KEEP, Merge.LATEST}:
                delay = self.delayed[name][member]
                delay.score = merged(terms.merge, delay.score, score)
            else:
                claimed.append((member, self._hand_out(name, member, score, terms)))
        return claimed, acknowledged, dropped

    def acknowledge(self, name: str, holds: Sequence[Hold], merge: Merge) -> list[bool]:
        return [self._end(name, hold, merge) is not None for hold in holds]

    def release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None = None,
        delay: float = 0.0,
        attempts: int | None = None,
    ) -> bool:
        held = self._end(name, hold, merge)
        if held is None:
            return False
        member = hold[0]
        had = held.attempts if attempts is None else frozenset([attempts])
        if score is None and delay == 0:
            self._meet(name, member, held, older(merge))
            self._put_back(name, member, held.score, had, merge)
            return True
        given = held.score if score is None else score
        if given is NOW:
            given, delay = self.now + delay, 0.0
        self._meet(name, member, dataclasses.replace(held, score=given), merge)
        is_due = member in self.sets[name] and merge in {Merge.KEEP, Merge.EARLIEST}
        if delay > 0 and not is_due:
            given = merged(merge, self.sets[name].pop(member, given), given)
            self.delayed[name][member] = Delay(given, had, self.now + delay)
        else:
            self._merge(name, member, given, merge)
            self.attempts[name][member] = had
        return True

    def extend(self, name: str, holds: Sequence[Hold], lease: float) -> list[float | None]:
        extended = [self.is_held(name, hold) for hold in holds]
        for (member, _), is_held in zip(holds, extended, strict=True):
            if is_held:
                self.claims[name][member].deadline = self.now + lease
        return [self.now + lease if is_held else None for is_held in extended]

    def reject(
        self, name: str, rejected: Sequence[tuple[Hold, str]], merge: Merge, limit: int
    ) -> tuple[list[bool], int]:
        ended = [(hold[0], reason, self._end(name, hold, merge)) for hold, reason in rejected]
        letters = [
            self._letter(member, held, reason) for member, reason, held in ended if held is not None
        ]
        return [held is not None for _, _, held in ended], self.bury(name, letters, limit)

    def stats(self, name: str, high: Bound) -> Stats:
        """Return all counts; see `oldest_claims` for the rest."""
        scores = self.sets[name].values()
        return Stats(
            pending=len(scores) + len(self.delayed[name]),
            due=self.count(name, -math.inf, high),
            delayed=len(self.delayed[name]),
            claimed=len(self.claims[name]),
            parked=len(self.parked[name]),
            dead=self.dead_count(name),
            oldest_score=min(scores, default=None),
            oldest_claim=None,
        )

    def oldest_claims(self, name: str) -> list[Hold]:
        """Return those claims whose leases are the first to run out."""
        claims = self.claims[name]
        first = min((held.deadline for held in claims.values()), default=None)
        return [(member, held.token) for member, held in claims.items() if held.deadline == first]

    def is_keyed(self, name: str) -> bool | None:
        return False if self.sets[name] or self.claims[name] or self.delayed[name] else None

    # What else concerns them

    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        for member in members:
            if member in self.parked[name]:
                self.sets[name].setdefault(member, self.parked[name].pop(member))
            if member in self.delayed[name]:
                self.sets[name].setdefault(member, self.delayed[name].pop(member).score)
            if member in self.sets[name]:
                self.attempts[name].pop(member, None)
        return super().remove(name, members, low=low)

    def clear(self, name: str) -> bool:
        found = bool(self.claims[name] or self.delayed[name])
        for place in (self.claims, self.parked, self.delayed, self.attempts, self.ends):
            place.pop(name, None)
        return super().clear(name) or found

    # What goes at a time

    def expire(self, name: str, when: float | None) -> bool:
        self.forget_ends()
        had_end, parts = bool(self.ends[name]), self._parts(name)
        self.ends[name] = {} if when is None else dict.fromkeys(parts, when)
        self.let_go()
        return had_end if when is None else bool(parts)

    def forget_ends(self) -> None:
        """Forget the ends of what has run empty: what comes then is another."""
        for name, ends in self.ends.items():
            for part in ends.keys() - self._parts(name).keys():
                del ends[part]

    def let_go(self) -> None:
        """Let go what is to have gone by now."""
        self.forget_ends()
        for name, ends in self.ends.items():
            for part in [each for each, when in ends.items() if when <= self.now]:
                for place in self._parts(name)[part]:
                    place.clear()
                del ends[part]

    def _parts(self, name: str) -> dict[str, list[dict[bytes, Any]]]:
        """Return those parts of a set that there are, with what goes together."""
        parts: dict[str, list[dict[bytes, Any]]] = {
            "waiting": [self.sets[name], self.attempts[name]],
            "claims": [self.claims[name], self.delayed[name], self.parked[name]],
            "dead": [self.graves[name]],
        }
        # There are attempts without anything that waits, but none that go at a time.
        parts["waiting"] = parts["waiting"] if self.sets[name] else []
        return {part: places for part, places in parts.items() if any(places)}

    def _drop(self, name: str, members: Sequence[bytes]) -> None:
        super()._drop(name, members)
        for member in self.attempts[name].keys() & set(members):
            self.attempts[name][member] |= _NONE

    # The parts

    def _hand_out(self, name: str, member: bytes, score: float, terms: Terms) -> float:
        attempts = self.attempts[name].pop(member, _NONE)
        delay = self.delayed[name].pop(member, None)
        if delay is not None:
            score, attempts = merged(terms.merge, delay.score, score), delay.attempts
        self.claims[name][member] = Held(
            score,
            attempts=frozenset(attempt + 1 for attempt in attempts),
            deadline=self.now + terms.lease,
        )
        return score

    def _end(self, name: str, hold: Hold, merge: Merge) -> Held | None:
        """End a claim, and put back what is parked; None if it is not held."""
        if not self.is_held(name, hold):
            return None
        member = hold[0]
        if member in self.parked[name]:
            self._add_older(name, member, self.parked[name].pop(member), merge)
        return self.claims[name].pop(member)

    def _end_leases(self, name: str, terms: Terms) -> int:
        over = [m for m, held in self.claims[name].items() if held.deadline <= self.now]
        letters: list[DeadLetter] = []
        most = terms.max_attempts
        for member in over:
            held = self.claims[name][member]
            self._end(name, (member, held.token), terms.merge)
            attempt = max(held.attempts)
            if most is not None and attempt >= most:
                reason = f"the lease ran out in attempt {attempt} of {most}"
                letters.append(self._letter(member, held, reason))
            else:
                self._meet(name, member, held, older(terms.merge))
                self._put_back(name, member, held.score, held.attempts, terms.merge)
        return self.bury(name, letters, terms.dead_limit)

    def _end_delays(self, name: str, merge: Merge) -> None:
        over = [m for m, delay in self.delayed[name].items() if delay.end <= self.now]
        for member in over:
            delay = self.delayed[name].pop(member)
            self._put_back(name, member, delay.score, delay.attempts, merge)

    def _put_back(
        self, name: str, member: bytes, score: float, attempts: frozenset[int], merge: Merge
    ) -> None:
        self._add_older(name, member, score, merge)
        self.attempts[name][member] = attempts

    def _add_older(self, name: str, member: bytes, score: float, merge: Merge) -> None:
        """Add what was there before that which is there."""
        newer = self.sets[name].get(member)
        self.sets[name][member] = score if newer is None else merged(merge, score, newer)

    # What there is more of a member than its score: nothing in sets without keys

    def _meet(self, name: str, member: bytes, held: Held, merge: Merge) -> None:
        """Be told that a claimed member is about to come back."""

    def _letter(self, member: bytes, held: Held, reason: str) -> DeadLetter:
        return DeadLetter(member, reason, held.score, self.now, max(held.attempts))
