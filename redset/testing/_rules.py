"""The rules of the state machine: each does one thing to a backend and to the model."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
import uuid
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from redset.exceptions import LockTimeout, ScoreError, SealedError, SetExistsError
from redset.interfaces import NOW, KeyedMember, Merge
from redset.testing import _strategies as draw
from redset.testing._agreement import agree, shown
from redset.testing._algebra_model import AlgebraModel
from redset.testing._keyed_model import KeyedModel
from redset.testing._model import dead_member

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, DeadLetter, Entry, Payload
    from redset.testing._clock import ManualClock

__all__ = ["ComparingMachine", "outcome"]

_EVERYTHING = 10**6
# Servers count ends of sets in milliseconds, and some are lost when those go elsewhere.
_TICK = 0.02
# No operation takes longer, on a clock that nobody stops.
_NEAR = 0.2


def outcome(
    call: Callable[[Backend | AlgebraModel], object], store: Backend | AlgebraModel
) -> object:
    """Return what a call returns, or the kind of error that it raises."""
    try:
        return call(store)
    except (ScoreError, SealedError, SetExistsError) as error:
        return type(error)


class ComparingMachine(RuleBasedStateMachine):
    """Holds a backend and a model, and compares them after every step."""

    def __init__(
        self,
        make_backend: Callable[[], Backend | AbstractContextManager[Backend]],
        clock: ManualClock | None,
        payload: Payload | None,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._payload = payload
        self._model = AlgebraModel() if payload is None else KeyedModel(payload)
        self._added = 0
        self._thorough = False
        self._has_waited = False
        self._stack = ExitStack()
        made = make_backend()
        if isinstance(made, AbstractContextManager):
            self._backend: Backend = self._stack.enter_context(made)
        else:
            self._backend = made
            self._stack.callback(made.close)
        if payload is not None:
            self._backend = self._backend.keyed(payload)
        tag = uuid.uuid4().hex
        self._names = {name: f"{{machine-{tag}}}:{name}" for name in draw.ALL_NAMES}
        self._never_used = f"{{machine-{tag}}}:never-used"
        for name in self._names.values():
            self._stack.callback(self._backend.clear, name)

    def teardown(self) -> None:
        self._stack.close()

    def _look(self) -> float:
        """Set the model's time by the backend's, and return it."""
        if self._clock is not None:
            self._model.now = self._clock.time()
        else:
            _, self._model.now = self._backend.schedule(self._never_used, [], Merge.KEEP)
        return self._model.now

    def _key(self, member: bytes) -> bytes:
        """Give a member that is added another payload each time, if sets are keyed."""
        if self._payload is None:
            return member
        self._added += 1
        kind = draw.AWKWARD[self._added % len(draw.AWKWARD)]
        return KeyedMember(member, kind.replace(b"#", b"%d" % self._added))

    def _same(self, call: Callable[[Backend | AlgebraModel], object]) -> None:
        """Do the same to both, with the same outcome."""
        self._look()
        agree(outcome(call, self._backend), outcome(call, self._model))

    def _with_known(self, name: str, members: list[bytes]) -> list[bytes]:
        """Return members with a few more that are in the set, or somewhere beside it."""
        model = self._model
        places = (model.sets[name], model.graves[name], model.claims[name], model.delayed[name])
        return members + [member for place in places for member in [*place][:2]]

    # What holds after every step

    def _fill(
        self, contents: dict[str, list[Entry]], letters: list[DeadLetter], *, thorough: bool
    ) -> None:
        # Reading a whole set may tidy it up, which would hide what untidiness does.
        self._thorough = thorough
        for name, entries in contents.items():
            self.add(name, entries, Merge.REPLACE)
        self.bury("a", letters, 6)

    @invariant()
    def same_content(self) -> None:
        self._pass_ends()
        self._forget_swept()
        for name in self._names.values():
            members = list(self._model.sets[name])
            agree(self._backend.length(name), self._model.length(name))
            agree(self._backend.scores(name, members), self._model.scores(name, members))
            agree(self._backend.dead_count(name), self._model.dead_count(name))
        if self._thorough:
            self.same_order()

    @rule()
    def same_order(self) -> None:
        for name in self._names.values():
            agree(self._backend.slice(name, 0, -1), self._model.slice(name, 0, -1))
            dead = self._backend.dead(name, 0, _EVERYTHING)
            agree(dead, self._model.dead(name, 0, _EVERYTHING))
            agree(self._backend.is_keyed(name), self._model.is_keyed(name))
            self._look()
            for bounds in ((-math.inf, NOW), (NOW, math.inf)):
                agree(self._backend.count(name, *bounds), self._model.count(name, *bounds))

    def _pass_ends(self) -> None:
        """Let the model know what has gone at a time, and let pass those times that are near.

        Nothing is done just then, when nobody can tell on which side of it that would be.
        """
        self._model.forget_ends()
        near = _NEAR if self._clock is None else _TICK
        for when in sorted(when for ends in self._model.ends.values() for when in ends.values()):
            left = when - self._look()
            if -_TICK < left <= near:
                self._let_pass(left + _TICK)
        self._look()
        self._model.let_go()

    def _let_pass(self, seconds: float) -> None:
        if self._clock is None:
            time.sleep(seconds)
        else:
            self._clock.advance(seconds)

    def _forget_swept(self) -> None:
        """Let the model forget those expired members that the backend has swept."""
        now = self._look()
        name = self._names["expiring"]
        held = self._model.sets[name]
        members = list(held)
        for member, score in zip(members, self._backend.scores(name, members), strict=True):
            if score is None and held[member] <= now:
                del held[member]

    # Time

    @precondition(lambda self: self._clock is not None)
    @rule(seconds=draw.MOVES)
    def move_the_clock(self, seconds: float) -> None:
        assert self._clock is not None
        if seconds >= 0:
            self._clock.advance(seconds)
        else:
            self._clock.set(self._clock.time() + seconds)

    @precondition(lambda self: self._clock is not None)
    @rule(name=draw.PLAIN_NAMES, member=draw.MEMBERS, seconds=draw.MOVES, merge=draw.MERGES)
    def schedule_soon(self, name: str, member: bytes, seconds: float, merge: Merge) -> None:
        self.schedule(name, [(member, self._look() + seconds)], merge)

    @precondition(lambda self: self._clock is not None)
    @rule(member=draw.MEMBERS, lifetime=draw.SHORT_LIFETIMES, merge=draw.MERGES)
    def remember_shortly(self, member: bytes, lifetime: float, merge: Merge) -> None:
        self.remember([(member, lifetime)], merge)

    @rule(members=draw.SOME_MEMBERS)
    def expire(self, members: list[bytes]) -> None:
        entries = [(self._key(member), 1.0) for member in members]
        self._same(lambda store: store.add(self._names["expiring"], entries, Merge.REPLACE))

    # Writing

    @rule(name=draw.PLAIN_NAMES, entries=draw.ENTRIES, merge=draw.MERGES)
    def add(self, name: str, entries: list[Entry], merge: Merge) -> None:
        entries = [(self._key(member), score) for member, score in entries]
        self._same(lambda store: store.add(self._names[name], entries, merge))

    @rule(name=draw.PLAIN_NAMES, count=st.integers(20, 60), ties=st.integers(1, 9))
    def add_many(self, name: str, count: int, ties: int) -> None:
        self.add(name, [(b"%d" % i, float(i % ties)) for i in range(count)], Merge.REPLACE)

    @rule(
        name=draw.PLAIN_NAMES,
        entries=st.lists(st.tuples(draw.MEMBERS, st.none() | draw.SCORES), max_size=4),
        merge=draw.MERGES,
    )
    def schedule(self, name: str, entries: list[tuple[bytes, float | None]], merge: Merge) -> None:
        name = self._names[name]
        entries = [(self._key(member), score) for member, score in entries]
        before = self._look()
        found = self._backend.schedule(name, entries, merge)
        after = self._look()
        self._model.now = found[1]
        agree(found, self._model.schedule(name, entries, merge))
        assert before <= found[1] <= after, f"{found[1]!r} is not the present"

    @rule(entries=st.lists(st.tuples(draw.MEMBERS, draw.LIFETIMES), max_size=4), merge=draw.MERGES)
    def remember(self, entries: list[Entry], merge: Merge) -> None:
        name = self._names["expiring"]
        entries = [(self._key(member), lifetime) for member, lifetime in entries]
        latest = copy.deepcopy(self._model)
        self._look()
        found = self._backend.remember(name, entries, merge)
        agree(found, self._model.remember(name, entries, merge))
        latest.now = self._look()
        latest.remember(name, entries, merge)
        # The models acted at the times before and after; the backend acted between.
        low, high = self._model.sets[name], latest.sets[name]
        for member, _ in entries:
            (expiry,) = self._backend.scores(name, [member])
            assert expiry is not None, f"{member!r} was not remembered"
            assert low[member] <= expiry <= high[member], f"{member!r} expires at {expiry!r}"
            low[member] = expiry

    @rule(name=draw.PLAIN_NAMES, member=draw.MEMBERS, by=draw.STEPS)
    def increment(self, name: str, member: bytes, by: float) -> None:
        member = self._key(member)
        self._same(lambda store: store.increment(self._names[name], member, by))

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS)
    def remove(self, name: str, members: list[bytes]) -> None:
        self._same(lambda store: store.remove(self._names[name], members))

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS, low=draw.BOUNDS)
    def remove_from(self, name: str, members: list[bytes], low: Bound) -> None:
        name = self._names[name]
        members = self._with_known(name, members)
        self._same(lambda store: store.remove(name, members, low=low))

    @rule(name=draw.NAMES, bounds=draw.RANGES, limit=st.none() | draw.COUNTS)
    def remove_range(self, name: str, bounds: tuple[Bound, Bound], limit: int | None) -> None:
        self._same(lambda store: store.remove_range(self._names[name], *bounds, limit))

    @rule(name=draw.NAMES, count=draw.COUNTS, high=draw.HIGHS)
    def pop(self, name: str, count: int, high: Bound) -> None:
        self._same(lambda store: store.pop(self._names[name], count, high=high))

    @rule(name=draw.NAMES, count=draw.COUNTS)
    def pop_reverse(self, name: str, count: int) -> None:
        self._same(lambda store: store.pop(self._names[name], count, reverse=True))

    @rule(name=draw.NAMES, count=draw.COUNTS, high=draw.HIGHS)
    def wait_pop(self, name: str, count: int, high: Bound) -> None:
        name = self._names[name]
        self._look()
        found = self._backend.wait_pop(name, count, 0.0, high=high)
        agree(found, self._model.pop(name, count, high=high))

    @rule(name=draw.NAMES)
    def clear(self, name: str) -> None:
        self._same(lambda store: store.clear(self._names[name]))

    # Reading

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS)
    def scores(self, name: str, members: list[bytes]) -> None:
        self._same(lambda store: store.scores(self._names[name], members))

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS)
    def lifetimes(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        members = self._with_known(name, members)
        self._look()
        longest = self._model.lifetimes(name, members)
        found = self._backend.lifetimes(name, members)
        self._look()
        shortest = self._model.lifetimes(name, members)
        agree([life is None for life in found], [life is None for life in longest])
        for least, life, most in zip(shortest, found, longest, strict=True):
            assert (least or 0) <= (life or 0) <= (most or 0), f"{life!r} is left, not {most!r}"

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS)
    def rank(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        for member in self._with_known(name, members):
            agree(self._backend.rank(name, member), self._model.rank(name, member))

    @rule(name=draw.NAMES, bounds=draw.RANGES)
    def count(self, name: str, bounds: tuple[Bound, Bound]) -> None:
        self._same(lambda store: store.count(self._names[name], *bounds))

    @rule(
        name=draw.NAMES,
        start=st.integers(-9, 9),
        stop=st.integers(-9, 9) | st.just(_EVERYTHING),
        reverse=st.booleans(),
    )
    def slice(self, name: str, start: int, stop: int, reverse: bool) -> None:  # noqa: FBT001  (drawn by name)
        self._same(lambda store: store.slice(self._names[name], start, stop, reverse=reverse))

    @rule(
        name=draw.NAMES,
        bounds=draw.RANGES,
        after=draw.PLACES,
        offset=st.integers(0, 5),
        count=st.none() | draw.COUNTS,
        reverse=st.booleans(),
    )
    def range(
        self,
        name: str,
        bounds: tuple[Bound, Bound],
        after: Entry | int | None,
        offset: int,
        count: int | None,
        reverse: bool,  # noqa: FBT001  (drawn by name)
    ) -> None:
        name = self._names[name]
        if isinstance(after, int):
            after = next(iter(self._model.slice(name, after, after)), None)
        self._same(
            lambda store: store.range(
                name, *bounds, after=after, offset=offset, count=count, reverse=reverse
            )
        )

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS, low=draw.BOUNDS)
    def entries(self, name: str, members: list[bytes], low: Bound) -> None:
        name = self._names[name]
        members = self._with_known(name, members)
        self._same(lambda store: store.entries(name, members, low=low))

    @rule(name=draw.NAMES, count=draw.COUNTS)
    def sample(self, name: str, count: int) -> None:
        name = self._names[name]
        found = self._backend.sample(name, count)
        held = self._model.slice(name, 0, -1)
        agree(len(found), min(count, len(held)))
        agree(len({shown(entry) for entry in found} & {shown(entry) for entry in held}), len(found))

    # Dead letters

    @rule(name=draw.PLAIN_NAMES, letters=draw.LETTERS, limit=st.integers(1, 6))
    def bury(self, name: str, letters: list[DeadLetter], limit: int) -> None:
        name = self._names[name]
        letters = [self._letter(letter) for letter in letters]
        before = self._look()
        dropped = self._backend.bury(name, letters, limit)
        self._look_at_dead(name, {dead_member(letter) for letter in letters}, before)
        agree(dropped, self._model.bury(name, letters, limit))
        agree(self._backend.dead(name, 0, _EVERYTHING), self._model.dead(name, 0, _EVERYTHING))

    def _letter(self, letter: DeadLetter) -> DeadLetter:
        """Give a dead letter a payload; one that would be empty has neither that nor a key."""
        key = self._key(letter.raw)
        if isinstance(key, KeyedMember) and key.payload:
            return dataclasses.replace(letter, raw=key.payload, key=bytes(key))
        return letter

    def _look_at_dead(self, name: str, buried: set[bytes], before: float) -> None:
        """Set the model's time to that at which the backend buried."""
        after = self._look()
        dead = self._backend.dead(name, 0, _EVERYTHING)
        times = {letter.time for letter in dead if dead_member(letter) in buried}
        self._model.now = times.pop() if times else before
        agree(len(times), 0)
        assert before <= self._model.now <= after, f"{self._model.now!r} is not the present"

    @rule(name=draw.PLAIN_NAMES, offset=st.integers(0, 6), count=draw.COUNTS)
    def dead(self, name: str, offset: int, count: int) -> None:
        self._same(lambda store: store.dead(self._names[name], offset, count))

    @rule(name=draw.PLAIN_NAMES, members=draw.SOME_MEMBERS, merge=draw.MERGES)
    def redrive(self, name: str, members: list[bytes], merge: Merge) -> None:
        name = self._names[name]
        members = self._with_known(name, members)
        self._same(lambda store: store.redrive(name, members, merge))

    @rule(name=draw.PLAIN_NAMES, members=draw.SOME_MEMBERS)
    def forget(self, name: str, members: list[bytes]) -> None:
        self._same(lambda store: store.forget(self._names[name], members))

    # Locking

    @rule(name=draw.NAMES)
    def lock(self, name: str) -> None:
        name = self._names[name]
        assert self._is_free(name), "the lock is not free"
        with self._backend.lock(name, 0.0, 60.0):
            assert not self._is_free(name), "the lock was held twice"
        assert self._is_free(name), "the lock is not free again"

    def _is_free(self, name: str) -> bool:
        try:
            with self._backend.lock(name, 0.0, 60.0):
                return True
        except LockTimeout:
            return False
