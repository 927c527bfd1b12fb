"""The work of the state machine with claims: who holds what, for how long, what comes back."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from redset.interfaces import NOW, Merge, Terms
from redset.testing import _strategies as draw
from redset.testing._agreement import agree
from redset.testing._claim_strategies import LONG_WORK, WORK
from redset.testing._rules import ComparingMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from redset.interfaces import Backend, Bound, Claimed, DeadLetter, Entry, Hold, Lease, Payload
    from redset.testing._claim_strategies import Holder, Step
    from redset.testing._clock import ManualClock

__all__ = ["ClaimingMachine"]

# A backend may put back, and look at in vain, only so many at a time.
_MOST = 50
# So many times as long lasts what is not to end during a run.
_STRETCH = 1e7
# Times of claims may be told by tokens, which run ahead of a clock that stands still.
_ABOUT = 1e-3


class ClaimingMachine(ComparingMachine):
    """Claims, and ends claims: rightly, twice, too late, and for those who never had one."""

    def __init__(
        self,
        make_backend: Callable[[], Backend | AbstractContextManager[Backend]],
        clock: ManualClock | None,
        payload: Payload | None,
    ) -> None:
        # All claims there ever were, each with times between which it was made.
        self._made: defaultdict[str, dict[Hold, tuple[float, float]]] = defaultdict(dict)
        self._latest = -math.inf
        super().__init__(make_backend, clock, payload)

    def _look(self) -> float:
        self._latest = max(self._latest, super()._look())
        return self._model.now

    def _lasting(self, seconds: float) -> float:
        """Return what is sure not to end on a clock that nobody moves."""
        return seconds * _STRETCH if self._clock is None else seconds

    def _holds(self, name: str, holders: Sequence[Holder]) -> list[Hold]:
        model = self._model
        ever = [*self._made[name]][::-1]
        newest = ever[0][1] if ever else 1
        members = [*[*model.delayed[name], *model.claims[name], *model.sets[name]][:5], b"a"]
        tokens = (0, newest, newest + 1, newest // 1000)
        made_up = [(member, token) for token in tokens for member in members]
        present = [(member, held.token) for member, held in model.claims[name].items()]
        choices = {"present": present or ever, "former": ever, "made up": made_up}
        chosen = [(choices[kind] or made_up, which) for kind, which in holders]
        return list(dict.fromkeys(holds[which % len(holds)] for holds, which in chosen))

    def come_to_an_end(self, name: str) -> None:
        """Let all go that is to."""
        self._model.forget_ends()
        left = max(self._model.ends[self._names[name]].values(), default=0.0) - self._look()
        if left > 0:
            self._let_pass(left)

    # What holds after every step

    @invariant()
    def same_counts(self) -> None:
        if self._thorough:
            self.stats("a", NOW)
            self.stats("b", NOW)

    @initialize(
        contents=draw.CONTENTS,
        letters=draw.LETTERS,
        thorough=st.booleans(),
        steps=LONG_WORK,
    )
    def begin(
        self,
        contents: dict[str, list[Entry]],
        letters: list[DeadLetter],
        thorough: bool,  # noqa: FBT001  (drawn by name)
        steps: list[Step],
    ) -> None:
        self._fill(contents, letters, thorough=thorough)
        self.work(steps)

    @rule(steps=WORK)
    def work(self, steps: list[Step]) -> None:
        """Do one thing after the other, which meet more often than single rules would."""
        for method, arguments in steps:
            if method != "move_the_clock" or self._clock is not None:
                getattr(self, method)(**arguments)
                self.same_content()
                self.same_counts()
        if self._clock is None:
            # Nobody knows how long it takes until there is more to do.
            for name in draw.ALL_NAMES:
                self.come_to_an_end(name)
                self.same_content()

    def stats(self, name: str, high: Bound) -> None:
        self._compare_stats(self._names[name], high)

    def _compare_stats(self, name: str, high: Bound) -> None:
        self._look()
        found = self._backend.stats(name, high)
        agree(dataclasses.replace(found, oldest_claim=None), self._model.stats(name, high))
        made = [self._made[name][hold] for hold in self._model.oldest_claims(name)]
        at = found.oldest_claim
        if at is None or not made:
            agree(at, made[0] if made else None)
        else:
            near = any(low - _ABOUT <= at <= high + _ABOUT for low, high in made)
            assert near, f"the backend has a claim made at {at!r}, the model {made!r}"

    def _remaining(self, name: str, ending: Sequence[Hold]) -> set[bytes]:
        """Return the members that are to be left when some claims are acknowledged."""
        model = self._model
        added = model.sets[name].keys() | model.parked[name].keys() | model.graves[name].keys()
        gone = {hold[0] for hold in ending if model.is_held(name, hold)}
        return model.members(name) - (gone - added)

    def _check(self, name: str, remaining: set[bytes], dropped: int = 0) -> None:
        """Check that nothing is lost, and nothing resurrected."""
        members = self._model.members(name)
        assert members <= remaining, f"{members - remaining!r} had gone"
        assert len(remaining - members) <= dropped, f"{remaining - members!r} are lost"

    # Claims

    def claim(
        self, name: str, count: int, terms: Terms, done: list[Holder], *, waiting: bool
    ) -> None:
        name = self._names[name]
        terms = dataclasses.replace(terms, lease=self._lasting(terms.lease))
        room = _MOST - len(self._model.claims[name]) - len(self._model.delayed[name])
        if room > 0:
            self._claim(name, min(count, room), terms, self._holds(name, done), waiting=waiting)

    def _claim(
        self, name: str, count: int, terms: Terms, done: Sequence[Hold] = (), *, waiting: bool
    ) -> None:
        before = self._look()
        if waiting:
            found = self._backend.wait_claim(name, count, terms, 0.0, acknowledge=done)
        else:
            found = self._backend.claim(name, count, terms, acknowledge=done)
        self._look()
        self._check_holders(name, found, done)
        remaining = self._remaining(name, done)
        entries, acknowledged, dropped = self._model.claim(name, count, terms, acknowledge=done)
        agree([(lease.member, lease.score) for lease in found.leases], entries)
        agree(found.acknowledged, acknowledged)
        agree(found.dropped, dropped)
        self._check(name, remaining, dropped)
        for lease in found.leases:
            self._note(name, lease, before, before + terms.lease)

    def _check_holders(self, name: str, found: Claimed, done: Sequence[Hold]) -> None:
        """Check that nobody is given what another holds, whatever the model says."""
        held = {m: claim.deadline for m, claim in self._model.claims[name].items()}
        for (member, _), is_ended in zip(done, found.acknowledged, strict=True):
            if is_ended:
                held.pop(member, None)
        for lease in found.leases:
            is_over = held.pop(lease.member, -math.inf) <= self._model.now
            assert is_over, f"{lease.member!r} is held twice"
            held[lease.member] = lease.deadline

    def _note(self, name: str, lease: Lease, before: float, deadline: float) -> None:
        """Check what only the backend knows of a claim, and let the model know."""
        held = self._model.claims[name][lease.member]
        newest = max((token for _, token in self._made[name]), default=0)
        assert lease.token > newest, f"the backend has token {lease.token} after {newest}"
        attempts = held.attempts
        assert lease.attempt in attempts, f"the backend has {lease!r}, the model {attempts!r}"
        held.token, held.attempts = lease.token, frozenset({lease.attempt})
        self._note_deadline(name, lease.member, lease.deadline, deadline)
        self._made[name][lease.member, lease.token] = (before, self._latest)

    def _note_deadline(self, name: str, member: bytes, deadline: float, earliest: float) -> None:
        held = self._model.claims[name][member]
        is_right = earliest <= deadline <= held.deadline
        assert is_right, f"the backend has deadline {deadline!r}, the model {held.deadline!r}"
        held.deadline = deadline

    def add_again(self, name: str, places: list[tuple[int, float]], merge: Merge) -> None:
        """Add what is or was claimed, as producers do who know nothing of that."""
        full = self._names[name]
        claimed = [member for member, _ in self._made[full]]
        known = list(dict.fromkeys([*self._model.delayed[full], *claimed[::-1]]))
        if known:
            entries = [(known[place % len(known)], score) for place, score in places]
            self.add(name, entries, merge)

    def acknowledge(self, name: str, holders: list[Holder], merge: Merge, times: int) -> None:
        name = self._names[name]
        holds = self._holds(name, holders)
        for _ in range(times):
            remaining = self._remaining(name, holds)
            self._same(lambda store: store.acknowledge(name, holds, merge))
            self._check(name, remaining)

    def release(
        self,
        name: str,
        holders: list[Holder],
        merge: Merge,
        score: Bound | None,
        delay: float,
        attempts: int | None,
        times: int,
    ) -> None:
        name = self._names[name]
        delay = self._lasting(delay)
        for hold in self._holds(name, holders) * times:
            self._release(name, hold, merge, score=score, delay=delay, attempts=attempts)

    def _release(
        self,
        name: str,
        hold: Hold,
        merge: Merge,
        *,
        score: Bound | None,
        delay: float,
        attempts: int | None,
    ) -> None:
        remaining = self._remaining(name, [])
        self._look()
        early = copy.deepcopy(self._model) if score is NOW else self._model
        release = self._backend.release
        found = release(name, hold, merge, score=score, delay=delay, attempts=attempts)
        self._look()
        expected = self._model.release(
            name, hold, merge, score=score, delay=delay, attempts=attempts
        )
        agree(found, expected)
        self._check(name, remaining)
        if found and score is NOW:
            early.release(name, hold, merge, score=score, delay=delay, attempts=attempts)
            self._note_score(name, hold[0], early.sets[name][hold[0]])

    def _note_score(self, name: str, member: bytes, earliest: float) -> None:
        """Let the model know a score that was made of the backend's time."""
        latest = self._model.sets[name][member]
        (score,) = self._backend.scores(name, [member])
        is_right = score is not None and earliest <= score <= latest
        assert is_right, f"the backend has score {score!r}, the model {latest!r}"
        self._model.sets[name][member] = latest if score is None else score

    def extend(self, name: str, holders: list[Holder], lease: float) -> None:
        name = self._names[name]
        holds = self._holds(name, holders)
        lease = self._lasting(lease)
        before = self._look()
        found = self._backend.extend(name, holds, lease)
        self._look()
        expected = self._model.extend(name, holds, lease)
        agree([at is None for at in found], [at is None for at in expected])
        for (member, _), deadline in zip(holds, found, strict=True):
            if deadline is not None:
                self._note_deadline(name, member, deadline, before + lease)

    def reject(
        self,
        name: str,
        holders: list[Holder],
        reason: str,
        merge: Merge,
        limit: int,
        times: int,
    ) -> None:
        name = self._names[name]
        holds = self._holds(name, holders)
        rejected = [(hold, reason + "!" * place) for place, hold in enumerate(holds)]
        for _ in range(times):
            remaining = self._remaining(name, [])
            before = self._look()
            found = self._backend.reject(name, rejected, merge, limit)
            flags = zip(holds, found[0], strict=True)
            self._look_at_dead(name, {member for (member, _), held in flags if held}, before)
            expected = self._model.reject(name, rejected, merge, limit)
            agree(found, expected)
            self._check(name, remaining, expected[1])

    def finish(self, name: str, merge: Merge) -> None:
        """Do all the work there is: whatever was added comes out, and nothing is left."""
        name = self._names[name]
        model = self._model
        terms = Terms(self._lasting(60.0), math.inf, merge, None, 1000)
        if self._clock is not None:
            ends = [held.deadline for held in model.claims[name].values()]
            ends += [delay.end for delay in model.delayed[name].values()]
            self._clock.advance(max([0.0, *(end - self._clock.time() for end in ends)]) + 1.0)
            self._pass_ends()
        self._claim(name, _MOST, terms, waiting=False)
        while model.claims[name]:
            holds = [(member, held.token) for member, held in model.claims[name].items()]
            self._claim(name, _MOST, terms, holds, waiting=False)
        left = model.members(name) - model.graves[name].keys()
        if self._clock is None:
            left -= model.delayed[name].keys()
        assert not left, f"{left!r} did not come out"
