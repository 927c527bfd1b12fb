"""Backends that seal sets badly, and lose or double what they hand over."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.backends.memory._ledger import Record
from redset.exceptions import SealedError
from redset.interfaces import State
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redset.interfaces import Clock, DeadLetter, Entry, Parcel

ALL = "test_all_of_a_set_is_handed_over"
# Where the fields of a state have what.
CLAIM, ATTEMPTS, PAYLOAD = 3, 6, 7

FORGOTTEN = "test_nothing_is_forgotten_until_it_may_be"


# Seals


@caught_by("test_a_sealed_name_has_no_set", "test_who_waits_is_sent_away")
class LeavesTheNameFree(MemoryBackend):
    def seal(self, name: str, target: str) -> None:
        self.rename(name, target, replace=False)


@caught_by("test_a_set_is_sealed_once", "test_a_sealed_name_has_no_set")
class ForgetsWhatIsSealed(MemoryBackend):
    def is_sealed(self, name: str) -> bool:
        return False


@caught_by("test_what_is_there_is_not_replaced")
class SealsOverWhatIsThere(MemoryBackend):
    def seal(self, name: str, target: str) -> None:
        if not self.is_sealed(name):
            self.clear(target)
        super().seal(name, target)


@caught_by("test_a_set_is_sealed_once")
class SealsTwice(MemoryBackend):
    def seal(self, name: str, target: str) -> None:
        if self.is_sealed(name):
            self.clear(target)
        super().seal(name, target)


@caught_by("test_a_sealed_name_has_no_set")
class BuriesBesideASeal(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        try:
            return super().bury(name, letters, limit)
        except SealedError:
            self._dead[name] = {letter.raw: letter for letter in letters}
            return 0


@caught_by("test_a_sealed_name_has_no_set")
class RenamesASeal(MemoryBackend):
    def rename(self, name: str, target: str, *, replace: bool) -> bool | None:
        if self.is_sealed(target):
            self.clear(target)
        return super().rename(name, target, replace=replace)


@caught_by("test_a_sealed_name_has_no_set")
class FindsASealEmpty(MemoryBackend):
    def length(self, name: str) -> int:
        return 0 if self.is_sealed(name) else super().length(name)


@caught_by("test_a_name_that_is_cleared_is_not_sealed")
class SealsForGood(MemoryBackend):
    def clear(self, name: str) -> bool:
        return False if self.is_sealed(name) else super().clear(name)


@caught_by("test_a_sealed_name_has_no_set", "test_a_name_that_is_cleared_is_not_sealed")
class CountsTheSeal(MemoryBackend):
    def clear(self, name: str) -> bool:
        return self.is_sealed(name) | super().clear(name)


@caught_by("test_who_waits_is_sent_away")
class LetsThemWait(MemoryBackend):
    def wait_pop(self, name: str, *arguments: Any, **options: Any) -> list[Entry]:
        try:
            return super().wait_pop(name, *arguments, **options)
        except SealedError:
            return []


# Parcels


class ByState(MemoryBackend):
    """Stores something else of each state."""

    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        states = [State(each.member, self.changed(each.fields)) for each in parcel.states]
        return super().unpack(name, source, parcel._replace(states=states))

    def changed(self, fields: Any) -> list[object]:
        raise NotImplementedError


@caught_by(ALL)
class HandsOverAsIfNeverTried(ByState):
    def changed(self, fields: Any) -> list[object]:
        return [*fields[:ATTEMPTS], None, *fields[ATTEMPTS + 1 :]]


@caught_by(ALL)
class HandsOverOtherTokens(ByState):
    def changed(self, fields: Any) -> list[object]:
        token, attempt, score = fields[CLAIM] or (0, 0, 0)
        record = Record(token and token + 1, attempt, score)
        return [*fields[:CLAIM], fields[CLAIM] and record, *fields[CLAIM + 1 :]]


@caught_by(ALL, "test_all_members_and_scores_are_handed_over")
class HandsOverSixDigits(ByState):
    def changed(self, fields: Any) -> list[object]:
        score, *others = fields
        return [score and float(f"{score + 1:g}"), *others]


@caught_by("test_payloads_are_handed_over")
class HandsOverKeysAlone(ByState):
    def changed(self, fields: Any) -> list[object]:
        return [*fields[:PAYLOAD], None, None]


@caught_by(ALL)
class LeavesDeadLettersBehind(MemoryBackend):
    def pack(self, name: str, count: int) -> Parcel:
        parcel = super().pack(name, count)
        dead = {letter.raw for letter in self.dead(name, 0, 10**6)}
        states = [each for each in parcel.states if each.member not in dead]
        return parcel._replace(states=states)


@caught_by(ALL)
class UnloadsNothing(MemoryBackend):
    def unload(self, name: str, parcel: Parcel) -> None:
        self._parcels.pop(name, None)


@caught_by("test_a_parcel_is_the_same_until_it_is_unloaded")
class PacksWhateverIsAsked(MemoryBackend):
    def pack(self, name: str, count: int) -> Parcel:
        if name in self._parcels:
            self._parcels[name] = self._parcels[name][0], count
        return super().pack(name, count)


@caught_by("test_parts_of_parcels_go_to_several_sets")
class PacksAll(MemoryBackend):
    def pack(self, name: str, count: int) -> Parcel:
        self._parcels.setdefault(name, (next(self._numbers), count))
        return super().pack(name, count)


@caught_by("test_a_parcel_is_stored_and_removed_once", "test_many_hand_a_set_over_at_once")
class StoresAParcelAgain(MemoryBackend):
    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        self._unpacked.clear()
        return super().unpack(name, source, parcel)


@caught_by("test_a_parcel_is_stored_and_removed_once")
class TakesSourcesForOne(MemoryBackend):
    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        return super().unpack(name, "", parcel)


@caught_by("test_a_name_that_is_cleared_is_not_sealed")
class CountsParcelsAnew(MemoryBackend):
    def pack(self, name: str, count: int) -> Parcel:
        parcel = super().pack(name, count)
        self._parcels.pop(name, None)
        self._parcels[name] = 1, count
        return parcel._replace(number=1)


@caught_by("test_a_parcel_is_stored_and_removed_once", "test_many_hand_a_set_over_at_once")
class UnloadsWhicheverIsNext(MemoryBackend):
    def unload(self, name: str, parcel: Parcel) -> None:
        number, size = self._parcels.get(name, (0, 0))
        latest = super().pack(name, size) if number else parcel
        super().unload(name, latest)


@caught_by("test_what_is_handed_over_ends_a_wait")
class WakesNobody(MemoryBackend):
    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        waiters = self._waiters.pop(name, [])
        try:
            return super().unpack(name, source, parcel)
        finally:
            self._waiters[name] = waiters


@caught_by("test_the_later_end_counts")
class HandsOverForGood(MemoryBackend):
    def pack(self, name: str, count: int) -> Parcel:
        parcel = super().pack(name, count)
        return parcel._replace(ends=[math.inf for _ in parcel.ends])


@caught_by("test_the_later_end_counts")
class EndsWithWhatCame(MemoryBackend):
    def unpack(self, name: str, source: str, parcel: Parcel) -> bool:
        if not super().unpack(name, source, parcel):
            return False
        for part, end in zip(self._parts(), parcel.ends, strict=True):
            if name in part and end > 0:
                self._end_later(part, name, end)
        return True


@caught_by(FORGOTTEN)
class UnsealsAtOnce(MemoryBackend):
    def end_seal(self, name: str, target: str) -> None:
        self._unseal(name)


@caught_by(FORGOTTEN)
class EndsWhatIsThere(MemoryBackend):
    def end_seal(self, name: str, target: str) -> None:
        self.clear(name)


@caught_by(FORGOTTEN)
class ForgetsParcelsAtOnce(MemoryBackend):
    def end_parcels(self, name: str) -> None:
        self._unpacked.clear()


# Layouts


@caught_by("test_a_layout_is_no_set")
class ClearsLayouts(MemoryBackend):
    def _unseal(self, name: str) -> None:
        self.drop_layout(name)
        super()._unseal(name)


@caught_by("test_a_layout_is_no_set")
class KeepsLayoutsAside(MemoryBackend):
    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self._layouts: dict[str, tuple[bytes, int]] = {}

    def layout(self, name: str) -> bytes | None:
        super().layout(name)
        return self._layouts.get(name, (None, 0))[0]

    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        super().layout(name)
        is_later = step > self._layouts.get(name, (b"", 0))[1]
        if is_later:
            self._layouts[name] = layout, step
        return is_later

    def drop_layout(self, name: str) -> bool:
        return self._layouts.pop(name, None) is not None


@caught_by("test_a_layout_is_no_set")
class EndsLayoutsWithSeals(MemoryBackend):
    def end_seal(self, name: str, target: str) -> None:
        self.drop_layout(name)
        super().end_seal(name, target)


@caught_by("test_a_layout_is_no_set")
class DropsLayoutsInSilence(MemoryBackend):
    def drop_layout(self, name: str) -> bool:
        super().drop_layout(name)
        return False


@caught_by("test_a_layout_gives_way_to_a_later_one")
class PutsWhateverLayoutComes(MemoryBackend):
    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        self.drop_layout(name)
        return super().put_layout(name, layout, step)


@caught_by("test_a_layout_gives_way_to_a_later_one")
class KeepsTheFirstLayout(MemoryBackend):
    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        return super().put_layout(name, layout, 1)


@caught_by("test_what_is_there_gets_no_layout")
class PutsALayoutOverASet(MemoryBackend):
    def put_layout(self, name: str, layout: bytes, step: int) -> bool:
        self._sets.pop(name, None)
        return super().put_layout(name, layout, step)


@caught_by("test_what_is_there_gets_no_layout")
class TakesASetForNothing(MemoryBackend):
    def layout(self, name: str) -> bytes | None:
        return super().layout(name) if self.is_sealed(name) else None
