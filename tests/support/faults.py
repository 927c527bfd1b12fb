"""Backends that are broken, each in one way, with the checks of the kit that tell."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import dataclasses
import math
import random
from typing import TYPE_CHECKING, Any

from redset.backends import MemoryBackend
from redset.interfaces import NOW, DeadLetter, Merge, Weighing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redset.interfaces import Bound, Entry

__all__ = ["FAULTS", "caught_by"]

FAULTS: dict[type[MemoryBackend], tuple[str, ...]] = {}


def caught_by(*checks: str) -> Callable[[type[MemoryBackend]], type[MemoryBackend]]:
    """Note which checks are to fail for a backend."""

    def note(fault: type[MemoryBackend]) -> type[MemoryBackend]:
        FAULTS[fault] = checks
        return fault

    return note


# Order


@caught_by("test_ties_are_ordered_by_bytes", "test_slice_is_that_of_a_list")
class TiesInOrderOfArrival(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        entries = list(self._sets[name].scores.items()) if name in self._sets else []
        entries.sort(key=lambda entry: entry[1], reverse=reverse)
        return entries[start : stop + 1 or None]


@caught_by("test_ties_are_ordered_by_bytes")
class TiesByText(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        entries = super().slice(name, 0, -1)
        entries.sort(key=lambda entry: (entry[1], repr(entry[0])), reverse=reverse)
        return entries[start : stop + 1 or None]


@caught_by("test_pop_reverse_takes_the_last")
class PopsTheLastFirstOneFirst(MemoryBackend):
    def pop(
        self, name: str, count: int, *, high: Bound = math.inf, reverse: bool = False
    ) -> list[Entry]:
        return sorted(super().pop(name, count, high=high, reverse=reverse))


# Bounds and positions


@caught_by("test_slice_is_that_of_a_list", "test_ties_are_ordered_by_bytes")
class SlicesOneTooFew(MemoryBackend):
    def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
        return super().slice(name, start, stop, reverse=reverse)[:-1]


@caught_by("test_range_after_a_place", "test_pages_give_everything_once")
class RangesFromAPlaceOn(MemoryBackend):
    def range(self, name: str, low: Bound, high: Bound, **options: Any) -> list[Entry]:
        after: Entry = options.get("after") or (b"", math.nan)
        there = [after] if after in super().range(name, low, high) else []
        return [*there, *super().range(name, low, high, **options)][: options.get("count")]


@caught_by("test_range_by_score", "test_range_after_a_place")
class RangesCountWhatTheySkip(MemoryBackend):
    def range(self, name: str, low: Bound, high: Bound, **options: Any) -> list[Entry]:
        count, offset = options.pop("count", None), options.pop("offset", 0)
        return super().range(name, low, high, **options)[:count][offset:]


@caught_by("test_count_includes_both_bounds")
class CountsWithoutTheUpperBound(MemoryBackend):
    def count(self, name: str, low: Bound, high: Bound) -> int:
        at = 0 if high is NOW else super().count(name, high, high)
        return max(super().count(name, low, high) - at, 0)


@caught_by("test_the_present_is_due")
class CountsThePresentOnBothSides(MemoryBackend):
    def count(self, name: str, low: Bound, high: Bound) -> int:
        return super().count(name, self._resolve(low), high)


@caught_by("test_remove_range", "test_now_divides_a_range")
class RemovesWithoutLimit(MemoryBackend):
    def remove_range(self, name: str, low: Bound, high: Bound, limit: int | None = None) -> int:
        return super().remove_range(name, low, high)


@caught_by("test_rank_and_length")
class RanksFromOne(MemoryBackend):
    def rank(self, name: str, member: bytes) -> int | None:
        rank = super().rank(name, member)
        return None if rank is None else rank + 1


# What is written


@caught_by("test_merge_rules")
class IgnoresMerge(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name, entries, Merge.REPLACE)


@caught_by("test_members_and_scores_come_back_as_they_were")
class KeepsSixDigits(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        rounded = [(member, float(f"{score + 1e-9:.6g}")) for member, score in entries]
        return super().add(name, rounded, merge)


@caught_by("test_members_and_scores_come_back_as_they_were", "test_ties_are_ordered_by_bytes")
class TakesMembersForText(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        text = [(member.decode(errors="replace").encode(), score) for member, score in entries]
        return super().add(name, text, merge)


@caught_by("test_members_and_scores_come_back_as_they_were", "test_rank_and_length")
class StripsMembers(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name, [(member.strip(b"\n\x00"), s) for member, s in entries], merge)


@caught_by("test_add_tells_how_many_were_new", "test_merge_rules")
class CountsWhatIsGiven(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        super().add(name, entries, merge)
        return len(entries)


@caught_by("test_remove", "test_remove_counts_from_a_bound")
class CountsWhatIsNotThere(MemoryBackend):
    def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
        super().remove(name, members)
        return len(members)


@caught_by("test_union")
class UnitesIgnoringMerge(MemoryBackend):
    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        return super().union(name, others, Merge.KEEP)


@caught_by("test_union")
class UnitesWithWhatWasThere(MemoryBackend):
    def union(self, name: str, others: Sequence[str], merge: Merge | Weighing) -> int:
        if isinstance(merge, Weighing):
            return super().union(name, others, merge)
        found = [self.slice(other, 0, -1) for other in others]
        return sum(self.add(name, entries, merge) for entries in found)


@caught_by("test_intersect")
class KeepsWhatIsInAnyOther(MemoryBackend):
    def intersect(self, name: str, others: Sequence[str], weighing: Weighing | None = None) -> int:
        members = {member for other in others for member, _ in self.slice(other, 0, -1)}
        gone = [member for member, _ in self.slice(name, 0, -1) if member not in members]
        return self.remove(name, gone) if others else 0


@caught_by("test_sets_are_apart")
class NamesUpToAColon(MemoryBackend):
    def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
        return super().add(name.partition(":")[0], entries, merge)

    def scores(self, name: str, members: Sequence[bytes]) -> list[float | None]:
        return super().scores(name.partition(":")[0], members)


@caught_by("test_sample")
class DrawsTwice(MemoryBackend):
    def sample(self, name: str, count: int) -> list[Entry]:
        entries = self.slice(name, 0, -1)
        return random.choices(entries, k=min(count, len(entries))) if entries else []


@caught_by("test_clear_drops_dead_letters")
class ClearsTheSetAlone(MemoryBackend):
    def clear(self, name: str) -> bool:
        return self._sets.pop(name, None) is not None


# Dead letters


@caught_by("test_dead_letters_keep_everything", "test_the_oldest_are_dropped")
class LosesDeadLetters(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        return 0


@caught_by("test_the_oldest_are_dropped")
class DropsInSilence(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        super().bury(name, letters, limit)
        return 0


@caught_by("test_the_oldest_are_dropped")
class RefusesTheNewest(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        kept = max(limit - self.dead_count(name), 0)
        super().bury(name, letters[:kept], limit)
        return len(letters[kept:])


@caught_by("test_dead_letters_are_listed_oldest_first")
class ListsDeadLettersByName(MemoryBackend):
    def dead(self, name: str, offset: int, count: int) -> list[DeadLetter]:
        letters = sorted(self._dead.get(name, {}).values(), key=lambda letter: letter.raw)
        return letters[offset : offset + count]


@caught_by("test_dead_letters_keep_everything")
class KeepsOneLineOfTheReason(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        short = [
            dataclasses.replace(letter, reason=letter.reason.partition("\n")[0])
            for letter in letters
        ]
        return super().bury(name, short, limit)


@caught_by("test_a_reason_may_be_any_text")
class KeepsWhatIsText(MemoryBackend):
    def _bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        text = [
            dataclasses.replace(letter, reason=letter.reason.encode(errors="ignore").decode())
            for letter in letters
        ]
        return super()._bury(name, text, limit)


@caught_by("test_burying_leaves_the_set_as_it_is")
class BuriesOutOfTheSet(MemoryBackend):
    def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
        self.remove(name, [letter.raw for letter in letters])
        return super().bury(name, letters, limit)


@caught_by("test_what_waits_is_set_aside")
class SetsAsideWhatIsNotThere(MemoryBackend):
    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        self.remove(name, [member])
        return self.bury(name, [letter], limit)


@caught_by("test_copies_elsewhere_are_not_set_aside")
class SetsAllCopiesAside(MemoryBackend):
    def set_aside(self, name: str, member: bytes, letter: DeadLetter, limit: int) -> int | None:
        dropped = super().set_aside(name, member, letter, limit)
        if dropped is not None:
            self.remove(name, [member])
        return dropped


@caught_by("test_redrive_merges")
class RedrivesIgnoringMerge(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        return super().redrive(name, members, Merge.REPLACE)


@caught_by("test_redrive")
class RedrivesACopy(MemoryBackend):
    def redrive(self, name: str, members: Sequence[bytes], merge: Merge) -> int:
        dead = dict(self._dead.get(name, {}))
        moved = super().redrive(name, members, merge)
        self._dead[name] = dead
        return moved
