"""Random operations on a backend, each compared with a model that is too simple to be wrong.

Needs Hypothesis, which ``pip install 'redset[testing]'`` brings.
"""

from __future__ import annotations

import copy
import math
import uuid
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from redset.exceptions import LockTimeout, ScoreError
from redset.interfaces import NOW, DeadLetter, Merge
from redset.testing._model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Backend, Bound, Entry
    from redset.testing._clock import ManualClock

__all__ = ["backend_machine"]

# Few enough to meet again. Their order is neither that of text nor of length.
_MEMBERS = st.sampled_from(
    [b"", b"\x00", b"\x00\x00", b"\n", b"10", b"9", b"B", b"a", b"a\x00", b"aa", b"ab", b"b"]
    + [b"\x7f", b"\x80", "ä".encode(), b"\xff", b"\xff\x00", b"x" * 1000]
) | st.binary(max_size=2)

# None is near the present, so a real clock may go on without changing what is due.
_DISTANT = st.floats(allow_nan=False).filter(lambda score: not 1e9 < score < 1e11)
_SCORES = (
    st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 0.1, 1.0, 2.0, 1e12, math.inf])
    | st.sampled_from([5e-324, 1.7e308, -1e300, 2.0**53 + 2, 1e-7, 123456.789])
    | _DISTANT
)
# A member scheduled for now stays in the past, or goes far into the future.
_STEPS = st.sampled_from([0.0, -0.1, -1.0, -1e300, -math.inf, 1e12, 1.7e308, math.inf])
_LIFETIMES = st.sampled_from([1e6, 1e6, 2e7, 1e12, 1e15, 1e300, math.inf])
_SHORT_LIFETIMES = st.sampled_from([0.5, 1.0, 60.0, 3600.0])
_MOVES = st.sampled_from([0.001, 0.5, 1.0, 59.0, 60.0, 3600.0, -0.5, -1.0, -60.0, -1e6])

_BOUNDS = _SCORES | st.just(NOW)
_COUNTS = st.integers(1, 8) | st.just(10**6)
_MERGES = st.sampled_from(Merge)
_ENTRIES = st.lists(st.tuples(_MEMBERS, _SCORES), max_size=5)
_SOME_MEMBERS = st.lists(_MEMBERS, max_size=5)
_LETTERS = st.lists(
    st.builds(
        DeadLetter,
        raw=_MEMBERS,
        reason=st.sampled_from(["", "broken", "a\nb", "ü \U0001f4a5"]) | st.text(max_size=3),
        score=_SCORES,
        time=st.just(0.0),
    ),
    max_size=4,
)

# Scores of the set "expiring" are times of expiry; everything else is done to the others.
_PLAIN = ("a", "b", "c")
_ALL = (*_PLAIN, "expiring")
_PLAIN_NAMES = st.just("a") | st.sampled_from(_PLAIN)
_NAMES = st.just("a") | st.sampled_from(_ALL)

_EVERYTHING = 10**6


def backend_machine(
    make_backend: Callable[[], Backend | AbstractContextManager[Backend]],
    *,
    clock: ManualClock | None = None,
) -> type[RuleBasedStateMachine]:
    """Make a Hypothesis state machine that compares a backend with a simple model.

    It runs random operations of all kinds, over awkward members and scores, and after
    each compares what the backend returns and holds with the model's. What it finds
    comes as a short program. Threads and waiting are left to `BackendConformance`.

    Args:
        make_backend: called for each run; returns a backend, which is closed after it, or
            a context manager that gives one, such as `redset.testing.blocking` of an
            asyncio backend, or a `contextlib.nullcontext` of a backend that is to stay
            open. Each run uses sets with new names, all in one cluster slot, and clears
            them.
        clock: the clock that all these backends read. It is moved to and fro. Without
            it, the backends have real clocks, and no time near the present is used.

    Returns:
        A `hypothesis.stateful.RuleBasedStateMachine`. Its ``TestCase`` is found by pytest
        and unittest when a test module gives it a name; ``TestCase.settings`` may be
        replaced.

    >>> from redset.backends import MemoryBackend
    >>> TestMine = backend_machine(MemoryBackend).TestCase

    With time that is moved:

    >>> from redset.testing import ManualClock
    >>> clock = ManualClock()
    >>> Machine = backend_machine(lambda: MemoryBackend(clock=clock), clock=clock)
    >>> TestMineInTime = Machine.TestCase
    """
    start = 0.0 if clock is None else clock.time()

    class BackendMachine(_Machine):
        def __init__(self) -> None:
            if clock is not None:
                # Every run begins at the same time, so that it can be run again.
                clock.set(start)
            super().__init__(make_backend, clock)

    return BackendMachine


def _agree(found: object, expected: object) -> None:
    assert found == expected, f"the backend has {found!r}, the model {expected!r}"


class _Machine(RuleBasedStateMachine):
    """The rules: each does one thing to the backend and to the model."""

    def __init__(
        self,
        make_backend: Callable[[], Backend | AbstractContextManager[Backend]],
        clock: ManualClock | None,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._model = Model()
        self._thorough = False
        self._stack = ExitStack()
        made = make_backend()
        if isinstance(made, AbstractContextManager):
            self._backend: Backend = self._stack.enter_context(made)
        else:
            self._backend = made
            self._stack.callback(made.close)
        tag = uuid.uuid4().hex
        self._names = {name: f"{{machine-{tag}}}:{name}" for name in _ALL}
        for name in self._names.values():
            self._stack.callback(self._backend.clear, name)

    def teardown(self) -> None:
        self._stack.close()

    def _look(self) -> float:
        """Set the model's time by the backend's."""
        if self._clock is not None:
            self._model.now = self._clock.time()
        else:
            _, self._model.now = self._backend.schedule(self._names["a"], [], Merge.KEEP)
        return self._model.now

    # What holds after every step

    @initialize(thorough=st.booleans())
    def choose(self, thorough: bool) -> None:  # noqa: FBT001  (drawn by name)
        # Reading a whole set may tidy it up, which would hide what untidiness does.
        self._thorough = thorough

    @invariant()
    def same_content(self) -> None:
        self._sweep()
        for name in self._names.values():
            members = list(self._model.sets[name])
            _agree(self._backend.length(name), len(members))
            _agree(self._backend.scores(name, members), self._model.scores(name, members))
            _agree(self._backend.dead_count(name), self._model.dead_count(name))
            if self._thorough:
                self._same_order(name)

    def _sweep(self) -> None:
        """Let the model forget those expired members that the backend has swept."""
        now = self._look()
        name = self._names["expiring"]
        held = self._model.sets[name]
        members = list(held)
        for member, score in zip(members, self._backend.scores(name, members), strict=True):
            if score is None and held[member] <= now:
                del held[member]

    def _same_order(self, name: str) -> None:
        _agree(self._backend.slice(name, 0, -1), self._model.slice(name, 0, -1))
        _agree(
            self._backend.dead(name, 0, _EVERYTHING), self._model.dead(name, 0, _EVERYTHING)
        )

    @rule()
    def look_at_everything(self) -> None:
        for name in self._names.values():
            self._same_order(name)

    # Time

    @precondition(lambda self: self._clock is not None)
    @rule(seconds=_MOVES)
    def move_the_clock(self, seconds: float) -> None:
        assert self._clock is not None
        if seconds >= 0:
            self._clock.advance(seconds)
        else:
            self._clock.set(self._clock.time() + seconds)

    @precondition(lambda self: self._clock is not None)
    @rule(name=_PLAIN_NAMES, member=_MEMBERS, seconds=_MOVES, merge=_MERGES)
    def schedule_soon(self, name: str, member: bytes, seconds: float, merge: Merge) -> None:
        self._schedule(name, [(member, self._look() + seconds)], merge)

    @precondition(lambda self: self._clock is not None)
    @rule(member=_MEMBERS, lifetime=_SHORT_LIFETIMES, merge=_MERGES)
    def remember_shortly(self, member: bytes, lifetime: float, merge: Merge) -> None:
        self._remember([(member, lifetime)], merge)

    @rule(members=st.lists(_MEMBERS, min_size=1, max_size=3))
    def expire(self, members: list[bytes]) -> None:
        name = self._names["expiring"]
        entries = [(member, 1.0) for member in members]
        found = self._backend.add(name, entries, Merge.REPLACE)
        _agree(found, self._model.add(name, entries, Merge.REPLACE))

    # Writing

    @rule(name=_PLAIN_NAMES, entries=_ENTRIES, merge=_MERGES)
    def add(self, name: str, entries: list[Entry], merge: Merge) -> None:
        name = self._names[name]
        found = self._backend.add(name, entries, merge)
        _agree(found, self._model.add(name, entries, merge))

    @rule(name=_PLAIN_NAMES, count=st.integers(20, 60), ties=st.integers(1, 9))
    def add_many(self, name: str, count: int, ties: int) -> None:
        self.add(name, [(b"%d" % i, float(i % ties)) for i in range(count)], Merge.REPLACE)

    @rule(
        name=_PLAIN_NAMES,
        entries=st.lists(st.tuples(_MEMBERS, st.none() | _SCORES), max_size=4),
        merge=_MERGES,
    )
    def schedule(
        self, name: str, entries: list[tuple[bytes, float | None]], merge: Merge
    ) -> None:
        self._schedule(name, entries, merge)

    def _schedule(
        self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
    ) -> None:
        name = self._names[name]
        before = self._look()
        found = self._backend.schedule(name, entries, merge)
        after = self._look()
        self._model.now = found[1]
        _agree(found, self._model.schedule(name, entries, merge))
        assert before <= found[1] <= after, f"{found[1]!r} is not the present"

    @rule(entries=st.lists(st.tuples(_MEMBERS, _LIFETIMES), max_size=4), merge=_MERGES)
    def remember(self, entries: list[Entry], merge: Merge) -> None:
        self._remember(entries, merge)

    def _remember(self, entries: list[Entry], merge: Merge) -> None:
        name = self._names["expiring"]
        latest = copy.deepcopy(self._model)
        self._look()
        found = self._backend.remember(name, entries, merge)
        _agree(found, self._model.remember(name, entries, merge))
        latest.now = self._look()
        latest.remember(name, entries, merge)
        # The model acts at the time before and the time after; the backend acted between.
        low, high = self._model.sets[name], latest.sets[name]
        for member, _ in entries:
            (expiry,) = self._backend.scores(name, [member])
            assert expiry is not None, f"{member!r} was not remembered"
            assert low[member] <= expiry <= high[member], f"{member!r} expires at {expiry!r}"
            low[member] = expiry

    @rule(name=_PLAIN_NAMES, member=_MEMBERS, by=_STEPS)
    def increment(self, name: str, member: bytes, by: float) -> None:
        name = self._names[name]
        expected: object
        found: object
        try:
            expected = self._model.increment(name, member, by)
        except ScoreError:
            expected = ScoreError
        try:
            found = self._backend.increment(name, member, by)
        except ScoreError:
            found = ScoreError
        _agree(found, expected)

    @rule(name=_NAMES, members=_SOME_MEMBERS, low=_BOUNDS)
    def remove(self, name: str, members: list[bytes], low: Bound) -> None:
        name = self._names[name]
        self._look()
        found = self._backend.remove(name, members, low=low)
        _agree(found, self._model.remove(name, members, low=low))

    @rule(name=_NAMES, members=_SOME_MEMBERS)
    def remove_all_the_same(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        _agree(self._backend.remove(name, members), self._model.remove(name, members))

    @rule(name=_NAMES, low=_BOUNDS, high=_BOUNDS, limit=st.none() | _COUNTS)
    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None) -> None:
        name = self._names[name]
        self._look()
        found = self._backend.remove_range(name, low, high, limit)
        _agree(found, self._model.remove_range(name, low, high, limit))

    @rule(name=_NAMES, count=_COUNTS, high=st.sampled_from([math.inf, NOW]))
    def pop(self, name: str, count: int, high: Bound) -> None:
        name = self._names[name]
        self._look()
        found = self._backend.pop(name, count, high=high)
        _agree(found, self._model.pop(name, count, high=high))

    @rule(name=_NAMES, count=_COUNTS)
    def pop_reverse(self, name: str, count: int) -> None:
        name = self._names[name]
        found = self._backend.pop(name, count, reverse=True)
        _agree(found, self._model.pop(name, count, reverse=True))

    @rule(name=_NAMES, count=_COUNTS, high=st.sampled_from([math.inf, NOW]))
    def wait_pop(self, name: str, count: int, high: Bound) -> None:
        name = self._names[name]
        self._look()
        found = self._backend.wait_pop(name, count, 0.0, high=high)
        _agree(found, self._model.pop(name, count, high=high))

    @rule(name=_PLAIN_NAMES, others=st.lists(_NAMES, max_size=3), merge=_MERGES)
    def union(self, name: str, others: list[str], merge: Merge) -> None:
        name, others = self._names[name], [self._names[other] for other in others]
        found = self._backend.union(name, others, merge)
        _agree(found, self._model.union(name, others, merge))

    @rule(name=_PLAIN_NAMES, others=st.lists(_NAMES, max_size=3))
    def intersect(self, name: str, others: list[str]) -> None:
        name, others = self._names[name], [self._names[other] for other in others]
        _agree(self._backend.intersect(name, others), self._model.intersect(name, others))

    @rule(name=_NAMES)
    def clear(self, name: str) -> None:
        name = self._names[name]
        _agree(self._backend.clear(name), self._model.clear(name))

    # Reading

    @rule(name=_NAMES, members=_SOME_MEMBERS)
    def scores(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        _agree(self._backend.scores(name, members), self._model.scores(name, members))

    @rule(name=_NAMES, members=_SOME_MEMBERS)
    def lifetimes(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        self._look()
        longest = self._model.lifetimes(name, members)
        found = self._backend.lifetimes(name, members)
        self._look()
        shortest = self._model.lifetimes(name, members)
        _agree([life is None for life in found], [life is None for life in longest])
        for least, life, most in zip(shortest, found, longest, strict=True):
            assert (least or 0) <= (life or 0) <= (most or 0), f"{life!r} is left, not {most!r}"

    @rule(name=_NAMES, member=_MEMBERS)
    def rank(self, name: str, member: bytes) -> None:
        name = self._names[name]
        _agree(self._backend.rank(name, member), self._model.rank(name, member))

    @rule(name=_NAMES, low=_BOUNDS, high=_BOUNDS)
    def count(self, name: str, low: Bound, high: Bound) -> None:
        name = self._names[name]
        self._look()
        _agree(self._backend.count(name, low, high), self._model.count(name, low, high))

    @rule(
        name=_NAMES,
        start=st.integers(-9, 9),
        stop=st.integers(-9, 9) | st.just(_EVERYTHING),
        reverse=st.booleans(),
    )
    def slice(self, name: str, start: int, stop: int, reverse: bool) -> None:  # noqa: FBT001  (drawn by name)
        name = self._names[name]
        found = self._backend.slice(name, start, stop, reverse=reverse)
        _agree(found, self._model.slice(name, start, stop, reverse=reverse))

    @rule(
        name=_NAMES,
        low=_BOUNDS,
        high=_BOUNDS,
        after=st.none() | st.tuples(_MEMBERS, _SCORES),
        offset=st.integers(0, 5),
        count=st.none() | _COUNTS,
        reverse=st.booleans(),
    )
    def range(  # noqa: PLR0913  (as the protocol has it)
        self,
        name: str,
        low: Bound,
        high: Bound,
        after: Entry | None,
        offset: int,
        count: int | None,
        reverse: bool,  # noqa: FBT001  (drawn by name)
    ) -> None:
        name = self._names[name]
        self._look()
        found, expected = (
            store.range(
                name, low, high, after=after, offset=offset, count=count, reverse=reverse
            )
            for store in (self._backend, self._model)
        )
        _agree(found, expected)

    @rule(name=_NAMES, count=_COUNTS)
    def sample(self, name: str, count: int) -> None:
        name = self._names[name]
        found = self._backend.sample(name, count)
        held = self._model.slice(name, 0, -1)
        _agree(len(set(found)), min(count, len(held)))
        _agree(len(found), min(count, len(held)))
        _agree(set(found) - set(held), set())

    # Dead letters

    @rule(name=_PLAIN_NAMES, letters=_LETTERS, limit=st.integers(1, 6))
    def bury(self, name: str, letters: list[DeadLetter], limit: int) -> None:
        name = self._names[name]
        before = self._look()
        dropped = self._backend.bury(name, letters, limit)
        after = self._look()
        buried = {letter.raw for letter in letters}
        found = self._backend.dead(name, 0, _EVERYTHING)
        times = {letter.time for letter in found if letter.raw in buried}
        self._model.now = times.pop() if times else before
        _agree(times, set())
        assert before <= self._model.now <= after, f"{self._model.now!r} is not the present"
        _agree(dropped, self._model.bury(name, letters, limit))
        _agree(found, self._model.dead(name, 0, _EVERYTHING))

    @rule(name=_PLAIN_NAMES, offset=st.integers(0, 6), count=_COUNTS)
    def dead(self, name: str, offset: int, count: int) -> None:
        name = self._names[name]
        _agree(self._backend.dead(name, offset, count), self._model.dead(name, offset, count))

    @rule(name=_PLAIN_NAMES, members=_SOME_MEMBERS, merge=_MERGES)
    def redrive(self, name: str, members: list[bytes], merge: Merge) -> None:
        name = self._names[name]
        found = self._backend.redrive(name, members, merge)
        _agree(found, self._model.redrive(name, members, merge))

    @rule(name=_PLAIN_NAMES, members=_SOME_MEMBERS)
    def forget(self, name: str, members: list[bytes]) -> None:
        name = self._names[name]
        _agree(self._backend.forget(name, members), self._model.forget(name, members))

    # Locking

    @rule(name=_NAMES)
    def lock(self, name: str) -> None:
        name = self._names[name]
        assert self._is_free(name)
        with self._backend.lock(name, 0.0, 60.0):
            assert not self._is_free(name)
        assert self._is_free(name)

    def _is_free(self, name: str) -> bool:
        try:
            with self._backend.lock(name, 0.0, 60.0):
                return True
        except LockTimeout:
            return False
