"""Memory sets that are handed over to others, in parcels."""

from __future__ import annotations

import itertools
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from redset.backends.memory._ending import EndingStore
from redset.backends.memory._ledger import Ledger
from redset.backends.memory._payloads import Payloads
from redset.backends.memory._sortedmap import SortedMap
from redset.backends.memory._tombstone import Sign, Tombstone
from redset.exceptions import SetExistsError
from redset.interfaces import Merge, Parcel, State

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Clock

__all__ = ["HandoverStore"]

# For how many seconds a name stays sealed when all is settled, and it is known which parcels a
# set was given.
_LIFE = 86400.0
# How many members there are in a parcel at most.
_MOST = 500
# A member is in one of the first of its set's places, if anywhere; the others have more of it.
_HOLDING = 6

_Place: TypeAlias = SortedMap | dict[bytes, Any]


class HandoverStore(EndingStore):
    """Seals sets, and lets their members go elsewhere with all that is kept for them."""

    def __init__(self, clock: Clock | None) -> None:
        super().__init__(clock)
        self._numbers = itertools.count(1)
        # By set and source, the latest parcel that was unpacked, and until when that is known.
        self._unpacked: dict[tuple[str, str], tuple[int, float]] = {}

    def seal(self, name: str, target: str) -> None:
        """See `redset.interfaces.ShardableBackend.seal`. O(1)."""
        with self._guard:
            if self._is_sealed(name):
                return
            if self._is_there(target):
                message = f"{name!r} cannot be handed over as {target!r}: there is such a set"
                raise SetExistsError(message)
            self._rename(name, target)
            self._sets[name] = Tombstone(name)
            self._wake(name)

    def is_sealed(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.is_sealed`. O(1)."""
        with self._guard:
            return self._is_sealed(name)

    def pack(self, name: str, count: int) -> Parcel:
        """See `redset.interfaces.ShardableBackend.pack`. O(1) a member."""
        with self._guard, self._places(name) as places:
            number, size = self._parcels.get(name) or (next(self._numbers), min(count, _MOST))
            members = _first_members(places, size)
            if members:
                self._parcels[name] = number, size
            ends = [self._end_of(part, name) for part in self._parts()]
            known = [_known(place) for place in places]
            states = [State(each, tuple(held.get(each) for held in known)) for each in members]
            return Parcel(number, self._next_token - 1, ends, states)

    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        """See `redset.interfaces.ShardableBackend.unpack`. O(log n) a member."""
        with self._guard:
            self._check_seal(name)
            if not self._is_next(name, source, parcel):
                return False
            ends = [self._end_of(part, name) for part in self._parts()]
            with self._places(name) as places:
                for member, fields in parcel.states:
                    _put(places, member, cast("Sequence[object]", fields))
            for part, own, end in zip(self._parts(), ends, parcel.ends, strict=True):
                if name in part and end > own:
                    self._end_later(part, name, end)
            self._next_token = max(self._next_token, parcel.token + 1)
            self._drop_what_ended()
            self._wake(name)
            return True

    def unload(self, name: str, parcel: Parcel) -> None:
        """See `redset.interfaces.ShardableBackend.unload`. O(1) a member."""
        with self._guard:
            if self._parcels.get(name, (0, 0))[0] != parcel.number:
                return
            del self._parcels[name]
            with self._places(name) as places:
                for member, _ in parcel.states:
                    _remove(places, member)
                if not _first_members(places, 1):
                    # Plain sets leave payloads behind when they take keys.
                    for place in places[_HOLDING:]:
                        cast("dict[bytes, object]", place).clear()

    def end_seal(self, name: str, target: str) -> None:  # noqa: ARG002  (numbers are the store's)
        """See `redset.interfaces.ShardableBackend.end_seal`. O(e) for e parts that are to go."""
        with self._guard:
            held = self._sets.get(name)
            if isinstance(held, Tombstone) and not isinstance(held, Sign):
                self._end_later(self._sets, name, self._clock.time() + _LIFE)
                self._drop_what_ended()

    def end_parcels(self, name: str) -> None:
        """See `redset.interfaces.ShardableBackend.end_parcels`.

        O(p) for all parcels that are known.
        """
        with self._guard:
            end = self._clock.time() + _LIFE
            for place, (number, _) in self._unpacked.items():
                if place[0] == name:
                    self._unpacked[place] = number, end

    # Layouts

    def layout(self, name: str) -> bytes | None:
        """See `redset.interfaces.ShardableBackend.layout`. O(1)."""
        with self._guard:
            sign = self._sign(name)
            return None if sign is None else sign.layout

    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        """See `redset.interfaces.ShardableBackend.put_layout`. O(1)."""
        with self._guard:
            sign = self._sign(name)
            if sign is not None and sign.step >= step:
                return False
            self._sets[name] = Sign(name, layout, step)
            self._wake(name)
            return True

    def drop_layout(self, name: str) -> bool:
        """See `redset.interfaces.ShardableBackend.drop_layout`. O(1)."""
        with self._guard:
            is_there = isinstance(self._sets.get(name), Sign)
            if is_there:
                del self._sets[name]
            return is_there

    def _sign(self, name: str) -> Sign | None:
        held = self._sets.get(name)
        if isinstance(held, Sign):
            return held
        if isinstance(held, Tombstone) or self._is_there(name):
            message = f"{name!r} has no layout: it is not a sharded set"
            raise SetExistsError(message)
        return None

    def _unseal(self, name: str) -> None:
        with self._guard:
            held = self._sets.get(name)
            if isinstance(held, Sign):
                held.refuse()
            if isinstance(held, Tombstone):
                del self._sets[name]

    def _is_sealed(self, name: str) -> bool:
        return isinstance(self._sets.get(name), Tombstone)

    def _is_next(self, name: str, source: str, parcel: Parcel) -> bool:
        """Tell whether a parcel is to be unpacked, and note that it is."""
        now = self._clock.time()
        self._unpacked = {key: known for key, known in self._unpacked.items() if known[1] > now}
        latest, end = self._unpacked.get((name, source), (0, math.inf))
        if parcel.states:
            self._unpacked[name, source] = max(latest, parcel.number), end
        return parcel.number > latest

    def _end_later(self, part: dict[str, Any], name: str, when: float) -> None:
        self._ends = [end for end in self._ends if end.part is not part or end.name != name]
        if when < math.inf:
            self._let_end(part, name, when)

    @contextmanager
    def _places(self, name: str) -> Generator[list[_Place], None, None]:
        """Give the places in which a set keeps something by member, and drop what is empty after.

        Those that hold members come first.
        """
        self._check_seal(name)
        waiting = self._sets.get(name) or SortedMap()
        ledger = self._ledgers.get(name) or Ledger()
        dead = self._dead.get(name, {})
        payloads = self._payloads.get(name) or Payloads()
        yield [
            *(waiting, ledger.claims, ledger.delayed, ledger.records, ledger.parked, dead),
            *(ledger.attempts, payloads.waiting, payloads.held),
        ]
        parts: list[tuple[dict[str, Any], object, bool]] = [
            (self._sets, waiting, bool(waiting.scores)),
            (self._ledgers, ledger, not ledger.is_empty(waiting)),
            (self._dead, dead, bool(dead)),
            (self._payloads, payloads, bool(payloads)),
        ]
        for part, content, is_kept in parts:
            if is_kept:
                part[name] = content
            else:
                part.pop(name, None)


def _known(place: _Place) -> dict[bytes, Any]:
    """Return what a place has, by member."""
    return place.scores if isinstance(place, SortedMap) else place


def _first_members(places: Sequence[_Place], count: int) -> list[bytes]:
    """Return some members, the same ones until any are removed."""
    found: dict[bytes, None] = {}
    for member in itertools.chain.from_iterable(map(_known, places[:_HOLDING])):
        if len(found) == count:
            break
        found[member] = None
    return list(found)


def _put(places: Sequence[_Place], member: bytes, fields: Sequence[Any]) -> None:
    for place, value in zip(places, fields, strict=True):
        if value is None:
            continue
        if isinstance(place, SortedMap):
            place.add([(member, value)], Merge.REPLACE)
        else:
            place[member] = value


def _remove(places: Sequence[_Place], member: bytes) -> None:
    for place in places:
        if isinstance(place, SortedMap):
            place.remove(member)
        else:
            place.pop(member, None)
