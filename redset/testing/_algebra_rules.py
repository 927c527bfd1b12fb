"""The rules of the state machine that take several sets, or a set as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from redset._opening import is_shardable
from redset.exceptions import SealedError
from redset.interfaces import Aggregate, DeadLetter, KeyedMember
from redset.testing import _strategies as draw
from redset.testing._agreement import agree
from redset.testing._claim_rules import ClaimingMachine
from redset.testing._parcels import parcels
from redset.testing._rules import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from redset.interfaces import Backend, Bound, Merge, ShardableBackend, Weighing
    from redset.testing._algebra_model import AlgebraModel

__all__ = ["AlgebraMachine"]

_OTHERS = st.lists(draw.NAMES, max_size=3)
# Beyond all times that a run may come to, and within those that servers can count.
_FAR = 1e11
# The place of a member, and whether it is still as it was looked at.
_LOOKS = st.tuples(st.sampled_from([0, 0, 0, 1]), st.sampled_from([True, True, False]))


class AlgebraMachine(ClaimingMachine):
    """Combines and compares sets, moves members and sets, lays sets out, and lets them go."""

    @rule(name=draw.PLAIN_NAMES, others=_OTHERS, merge=draw.MERGES)
    def union(self, name: str, others: list[str], merge: Merge) -> None:
        names = [self._names[other] for other in others]
        self._same(lambda store: store.union(self._names[name], names, merge))

    @rule(name=draw.PLAIN_NAMES, others=_OTHERS)
    def intersect(self, name: str, others: list[str]) -> None:
        names = [self._names[other] for other in others]
        self._same(lambda store: store.intersect(self._names[name], names))

    @rule(name=draw.PLAIN_NAMES, others=_OTHERS, weighing=draw.WEIGHINGS, in_common=st.booleans())
    def weigh(
        self,
        name: str,
        others: list[str],
        weighing: Weighing,
        in_common: bool,  # noqa: FBT001  (drawn by name)
    ) -> None:
        names = [self._names[other] for other in others]
        weighing = weighing._replace(weights=weighing.weights[: len(names) + 1])
        if self._clock is None and weighing.aggregate is Aggregate.SUM:
            weighing = weighing._replace(aggregate=Aggregate.MAX)
        if in_common:
            self._same(lambda store: store.intersect(self._names[name], names, weighing))
        else:
            self._same(lambda store: store.union(self._names[name], names, weighing))

    @rule(name=draw.PLAIN_NAMES, others=_OTHERS)
    def subtract(self, name: str, others: list[str]) -> None:
        names = [self._names[other] for other in others]
        self._same(lambda store: store.subtract(self._names[name], names))

    @rule(name=draw.NAMES, other=draw.NAMES)
    def compare(self, name: str, other: str) -> None:
        pair = self._names[name], self._names[other]
        self._same(lambda store: store.is_disjoint(*pair))
        self._same(lambda store: store.is_subset(*pair))

    @rule(name=draw.NAMES, members=draw.SOME_MEMBERS, to=draw.PLAIN_NAMES, merge=draw.MERGES)
    def move(self, name: str, members: list[bytes], to: str, merge: Merge) -> None:
        pair = self._names[name], self._names[to]
        for member in self._with_known(pair[0], members):
            self._move(*pair, member, merge)

    def _move(self, name: str, target: str, member: bytes, merge: Merge) -> None:
        self._same(lambda store: store.move(name, member, target, merge))

    @rule(name=draw.NAMES, to=draw.PLAIN_NAMES, merge=draw.MERGES, high=draw.HIGHS, look=_LOOKS)
    def pop_into(
        self, name: str, to: str, merge: Merge, high: Bound, look: tuple[int, bool]
    ) -> None:
        pair = self._names[name], self._names[to]
        member = self._looked_at(pair[0], *look)
        self._same(lambda store: store.pop_into(*pair, merge, high=high, expected=member))

    @rule(name=draw.PLAIN_NAMES, look=_LOOKS, limit=st.integers(1, 6))
    def set_aside(self, name: str, look: tuple[int, bool], limit: int) -> None:
        name = self._names[name]
        member = self._looked_at(name, *look)
        letter = DeadLetter(bytes(member), "why", 1.0, 0.0)
        before = self._look()
        dropped = self._backend.set_aside(name, member, letter, limit)
        if dropped is not None:
            self._look_at_dead(name, {bytes(member)}, before)
        agree(dropped, self._model.set_aside(name, member, letter, limit))

    def _looked_at(self, name: str, place: int, is_same: bool) -> bytes:  # noqa: FBT001  (drawn)
        """Return a member of a set as it is, or with another payload; any if there is none."""
        found = [member for member, _ in self._model.slice(name, place, place)]
        return found[0] if found and is_same else KeyedMember(b"".join(found), b"other")

    @rule(sources=draw.SOURCES)
    def pop_any(self, sources: list[tuple[str, Bound]]) -> None:
        given = [(self._names[name], high) for name, high in sources]
        self._same(lambda store: store.pop_any(given, 0.0))

    @rule(name=draw.PLAIN_NAMES, to=draw.PLAIN_NAMES, replace=st.booleans())
    def rename(self, name: str, to: str, replace: bool) -> None:  # noqa: FBT001  (drawn by name)
        if name != to:
            old, new = self._names[name], self._names[to]
            is_done = self._backend.rename(old, new, replace=replace)
            agree(is_done, self._model.rename(old, new, replace=replace))
            if is_done:
                self._made[new] |= self._made[old]

    @precondition(lambda self: is_shardable(self._backend))
    @rule(name=draw.NAMES, count=st.integers(1, 4))
    def hand_over(self, name: str, count: int) -> None:
        backend = cast("ShardableBackend", self._backend)
        name = self._names[name]
        leaving = f"{name}-leaving"
        backend.seal(name, leaving)
        assert backend.is_sealed(name), "the backend has not sealed it"
        agree(backend.clear(name), False)  # noqa: FBT003  (an outcome)
        for parcel in parcels(backend, leaving, count):
            assert backend.unpack(name, leaving, parcel), "the backend has had it before"
            backend.unload(leaving, parcel)
        for each in (name, leaving):
            backend.end_seal(each, each)
            backend.end_parcels(each)

    @precondition(lambda self: is_shardable(self._backend))
    @rule(name=draw.NAMES, steps=st.lists(st.none() | st.integers(1, 3), max_size=5))
    def lay_out(self, name: str, steps: list[int | None]) -> None:
        """Put layouts of these steps at a name, and drop them in between and in the end."""
        name = self._names[name]
        try:
            for place, step in enumerate([*steps, None]):
                self._lay_out(name, b"%d \xff" % place, step)
        finally:
            # Or nothing could clear it.
            cast("ShardableBackend", self._backend).drop_layout(name)

    def _lay_out(self, name: str, layout: bytes, step: int | None) -> None:
        if step is None:
            self._same_spread(lambda store: store.drop_layout(name))
        else:
            self._same_spread(lambda store: store.put_layout(name, layout, step))
        if self._model.is_sealed(name):
            backend = cast("ShardableBackend", self._backend)
            backend.seal(name, f"{name}-leaving")
            backend.end_seal(name, name)
            agree(outcome(lambda store: store.clear(name), backend), SealedError)
            agree(outcome(lambda store: store.increment(name, b"a", 1.0), backend), SealedError)
        self._same_spread(lambda store: store.layout(name))
        self._same_spread(lambda store: store.is_sealed(name))

    def _same_spread(self, call: Callable[[ShardableBackend | AlgebraModel], object]) -> None:
        self._same(cast("Callable[[Backend | AlgebraModel], object]", call))

    @rule(name=draw.NAMES, when=st.sampled_from([1.0, 0.0, -1e9]))
    def go_at_once(self, name: str, when: float) -> None:
        self._same(lambda store: store.expire(self._names[name], when))

    @rule(name=draw.PLAIN_NAMES)
    def stay_after_all(self, name: str) -> None:
        self._same(lambda store: store.expire(self._names[name], _FAR))
        self._same(lambda store: store.expire(self._names[name], None))

    @precondition(lambda self: self._clock is not None)
    @rule(name=draw.PLAIN_NAMES, seconds=draw.LEFT)
    def go_later(self, name: str, seconds: float) -> None:
        """Let a set go at a time before which there may be more to do."""
        if self._clock is None:
            # That is waited for, so once in a run is often enough.
            if self._has_waited:
                return
            self._has_waited, seconds = True, draw.SOON
        when = self._look() + seconds
        self._same(lambda store: store.expire(self._names[name], when))

    @rule(name=draw.PLAIN_NAMES)
    def reach_the_end(self, name: str) -> None:
        self.come_to_an_end(name)
