"""Backends whose keyed views are broken, and whose payloads get lost or mixed up."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import dataclasses
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redset.backends import MemoryBackend
from redset.backends.memory._keyed import KeyedLedger, KeyedMemoryBackend
from redset.backends.memory._payloads import Payloads
from redset.interfaces import KeyedMember, Merge, Payload
from tests.support.faults import caught_by

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from redset.backends.memory._ledger import Ledger, Record
    from redset.backends.memory._sortedmap import SortedMap
    from redset.interfaces import Bound, DeadLetter, Entry, Hold, Lease, Terms

__all__ = ["ByKeyedLedger", "ByView"]


class ByView(MemoryBackend):
    """Has views that may be broken."""

    class View(KeyedMemoryBackend):
        pass

    def keyed(self, payload: Payload) -> MemoryBackend:
        return self.View(self, payload)


class ByKeyedLedger(MemoryBackend):
    """Has views whose accounts of claims may be broken."""

    class Own(KeyedLedger):
        pass

    def keyed(self, payload: Payload) -> MemoryBackend:
        own = self.Own

        class View(KeyedMemoryBackend):
            @contextmanager
            def _account(self, name: str) -> Generator[tuple[Ledger, SortedMap], None, None]:
                with super(KeyedMemoryBackend, self)._account(name) as (ledger, waiting):
                    yield own(ledger, self._payloads[name], self._rule), waiting

        return View(self, payload)


# What comes back


@caught_by("test_payloads_come_back_as_they_were", "test_the_payload_that_stays")
class ForgetsPayloads(ByView):
    class View(KeyedMemoryBackend):
        def _shown(self, name: str, entries: Sequence[Entry]) -> list[Entry]:
            return [(KeyedMember(key, b""), score) for key, score in entries]


@caught_by("test_payloads_come_back_as_they_were")
class SamplesKeysAlone(ByView):
    class View(KeyedMemoryBackend):
        def sample(self, name: str, count: int) -> list[Entry]:
            return [(bytes(key), score) for key, score in super().sample(name, count)]


@caught_by("test_payloads_come_back_as_they_were", "test_a_rejected_key_leaves_its_payload")
class StripsPayloads(ByView):
    class View(KeyedMemoryBackend):
        def add(self, name: str, entries: Sequence[Entry], merge: Merge) -> int:
            stripped: list[Entry] = [
                (KeyedMember(key, (getattr(key, "payload", b"") or b"").split(b"\n")[0]), score)
                for key, score in entries
            ]
            return super().add(name, stripped, merge)


@caught_by("test_members_without_payloads_have_none", "test_what_leaves_takes_its_payload_along")
class TakesNoneForEmpty(ByView):
    class View(KeyedMemoryBackend):
        def _shown(self, name: str, entries: Sequence[Entry]) -> list[Entry]:
            found = super()._shown(name, entries)
            return [(KeyedMember(key, getattr(key, "payload", b"") or b""), s) for key, s in found]


@caught_by("test_key_score_and_payload_are_of_one_piece")
class LooksForPayloadsLater(ByView):
    class View(KeyedMemoryBackend):
        def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
            found = MemoryBackend.slice(self, name, start, stop, reverse=reverse)
            return self._shown(name, found)


# What stays


@caught_by(
    "test_the_payload_that_stays",
    "test_a_union_adds_payloads",
    "test_an_increment_is_an_add_whose_score_stays",
    "test_what_is_remembered_meets_a_payload",
    "test_what_comes_to_a_parked_copy",
    "test_what_comes_back_was_there_first",
)
class HasOneRule(ByView):
    def keyed(self, payload: Payload) -> MemoryBackend:
        return super().keyed(Payload.NEWEST)


@caught_by("test_the_payload_that_stays", "test_what_comes_to_a_parked_copy")
class TakesTheNewOneIfScoresAreEqual(ByView):
    class View(KeyedMemoryBackend):
        def _add(
            self, name: str, entries: Sequence[Entry], merge: Merge, *, is_newer: bool = True
        ) -> int:
            nudge = {Merge.EARLIEST: -1e-9, Merge.LATEST: 1e-9}.get(merge, 0.0)
            nudged = [(key, score + nudge) for key, score in entries]
            return super()._add(name, nudged, merge, is_newer=is_newer)


@caught_by("test_the_payload_that_stays")
class SchedulesKeysAlone(ByView):
    class View(KeyedMemoryBackend):
        def schedule(
            self, name: str, entries: Sequence[tuple[bytes, float | None]], merge: Merge
        ) -> tuple[int, float]:
            return super().schedule(name, [(bytes(key), score) for key, score in entries], merge)


@caught_by("test_a_union_adds_payloads")
class UnitesKeysAlone(ByView):
    class View(KeyedMemoryBackend):
        def _all(self, name: str) -> list[Entry]:
            return [(bytes(key), score) for key, score in super()._all(name)]


@caught_by("test_an_increment_is_an_add_whose_score_stays")
class IncrementsKeepThePayload(ByView):
    class View(KeyedMemoryBackend):
        def increment(self, name: str, member: bytes, by: float) -> float:
            if super().scores(name, [member]) == [None]:
                return super().increment(name, member, by)
            return super().increment(name, KeyedMember(member, None), by)


@caught_by(
    "test_what_comes_to_a_parked_copy",
    "test_what_comes_to_a_copy_that_is_held_back",
    "test_what_is_redriven_was_there_first",
)
class LooksInTheSetAlone(ByView):
    class View(KeyedMemoryBackend):
        def _waiting_score(self, name: str, key: bytes) -> float | None:
            return self._score(name, key)


@caught_by("test_what_is_remembered_meets_a_payload")
class RemembersWhatHasExpired(ByView):
    class View(KeyedMemoryBackend):
        def _left(self, name: str, members: Iterable[bytes]) -> None:
            super()._left(name, [key for key in members if self._score(name, key) is None])


# What leaves


@caught_by("test_what_leaves_takes_its_payload_along", "test_what_is_swept_takes_its_payload_along")
class LeavesPayloadsBehind(ByView):
    class View(KeyedMemoryBackend):
        def _left(self, name: str, members: Iterable[bytes]) -> None:
            pass


@caught_by("test_what_is_apart_keeps_its_payload", "test_a_parked_copy_is_not_set_aside")
class TakesThePayloadOfWhatIsApart(ByView):
    class View(KeyedMemoryBackend):
        def _left(self, name: str, members: Iterable[bytes]) -> None:
            for key in members:
                self._payloads[name].waiting.pop(key, None)


@caught_by("test_clearing_drops_payloads")
class ClearsAllButPayloads(MemoryBackend):
    def clear(self, name: str) -> bool:
        payloads = self._payloads.get(name)
        found = super().clear(name)
        if payloads:
            self._payloads[name] = payloads
        return found


@caught_by("test_what_is_removed_while_it_is_claimed_leaves_the_claim_its_payload")
class RemovesThePayloadsOfClaims(ByView):
    class View(KeyedMemoryBackend):
        def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
            payloads = self._payloads.get(name, Payloads())
            for key in members:
                payloads.held.pop(key, None)
            return super().remove(name, members, low=low)


@caught_by("test_what_is_as_it_was_moves", "test_what_is_as_it_was_is_set_aside")
class LooksAtKeysAlone(ByView):
    class View(KeyedMemoryBackend):
        def _is_same(self, member: bytes, expected: bytes) -> bool:
            return member == expected


@caught_by("test_what_is_as_it_was_moves", "test_what_is_as_it_was_is_set_aside")
class TakesNoneForNothing(ByView):
    class View(KeyedMemoryBackend):
        def _is_same(self, member: bytes, expected: bytes) -> bool:
            return super()._is_same(
                KeyedMember(member, getattr(member, "payload", None) or b""),
                KeyedMember(expected, getattr(expected, "payload", None) or b""),
            )


# Claims


@caught_by("test_what_leaves_takes_its_payload_along")
class ClaimsACopyOfThePayload(ByKeyedLedger):
    class Own(KeyedLedger):
        def claim(
            self, waiting: SortedMap, count: int, terms: Terms, now: float, token: int
        ) -> list[Lease]:
            before = dict(self._payloads.waiting)
            leases = super().claim(waiting, count, terms, now, token)
            self._payloads.waiting.update(before)
            return leases


@caught_by(
    "test_what_is_added_meanwhile_has_its_own_payload",
    "test_a_claim_that_acknowledges_drops_and_takes_payloads",
)
class AcknowledgesWhatWaits(ByKeyedLedger):
    class Own(KeyedLedger):
        def end(self, waiting: SortedMap, hold: Hold, merge: Merge) -> Record | None:
            record = super().end(waiting, hold, merge)
            if record is not None:
                self._payloads.waiting.pop(hold[0], None)
            return record


@caught_by("test_what_comes_back_was_there_first", "test_what_is_released_for_now_was_there_first")
class ReturnsTheNewest(ByKeyedLedger):
    class Own(KeyedLedger):
        def _meet(self, waiting: SortedMap, member: bytes, score: float, merge: Merge) -> None:
            self._payloads.waiting.pop(member, None)
            super()._meet(waiting, member, score, merge)


@caught_by("test_what_comes_back_was_there_first")
class ReturnsAsIfAddedLast(ByKeyedLedger):
    class Own(KeyedLedger):
        def _meet(self, waiting: SortedMap, member: bytes, score: float, merge: Merge) -> None:
            other = {Merge.REPLACE: Merge.KEEP, Merge.KEEP: Merge.REPLACE}.get(merge, merge)
            super()._meet(waiting, member, score, other)


@caught_by(
    "test_a_payload_is_kept_from_claim_to_claim",
    "test_a_payload_is_held_back_with_its_key",
    "test_what_is_released_with_another_score_was_there_first",
)
class ReturnsKeysAlone(ByKeyedLedger):
    class Own(KeyedLedger):
        def _meet(self, waiting: SortedMap, member: bytes, score: float, merge: Merge) -> None:
            self._payloads.held[member] = b""
            super()._meet(waiting, member, score, merge)


@caught_by("test_what_is_released_with_another_score_was_there_first")
class ComparesTheScoreThatWasClaimed(ByKeyedLedger):
    class Own(KeyedLedger):
        def _meet(self, waiting: SortedMap, member: bytes, score: float, merge: Merge) -> None:
            super()._meet(waiting, member, self.records[member].score, merge)


@caught_by("test_who_has_no_claim_changes_no_payload")
class DropsPayloadsForWhoeverAsks(ByKeyedLedger):
    class Own(KeyedLedger):
        def end(self, waiting: SortedMap, hold: Hold, merge: Merge) -> Record | None:
            record = super().end(waiting, hold, merge)
            self._payloads.held.pop(hold[0], None)
            return record


# Dead letters


@caught_by("test_a_rejected_key_leaves_its_payload", "test_the_last_attempt_leaves_its_payload")
class BuriesThePayloadThatWaits(ByKeyedLedger):
    class Own(KeyedLedger):
        def _letter(self, member: bytes, record: Record, reason: str) -> DeadLetter:
            letter = super()._letter(member, record, reason)
            payload = self._payloads.waiting.get(member, letter.raw)
            return dataclasses.replace(letter, raw=payload)


@caught_by("test_a_rejected_key_leaves_its_payload", "test_members_without_payloads_have_none")
class BuriesKeysWithoutPayloads(ByKeyedLedger):
    class Own(KeyedLedger):
        def _letter(self, member: bytes, record: Record, reason: str) -> DeadLetter:
            return dataclasses.replace(super()._letter(member, record, reason), raw=b"")


@caught_by("test_a_key_is_dead_once", "test_what_is_redriven_was_there_first")
class KnowsLettersByPayload(ByView):
    class View(KeyedMemoryBackend):
        def bury(self, name: str, letters: Sequence[DeadLetter], limit: int) -> int:
            without = [dataclasses.replace(letter, key=None) for letter in letters]
            return super().bury(name, without, limit)


@caught_by("test_a_letter_without_a_key_is_known_by_its_bytes")
class ListsLettersWithoutKeys(ByView):
    class View(KeyedMemoryBackend):
        def _dead_letters(self, name: str) -> list[DeadLetter]:
            return super(KeyedMemoryBackend, self)._dead_letters(name)


@caught_by("test_what_is_redriven_was_there_first")
class RedrivesAsIfAddedLast(ByView):
    class View(KeyedMemoryBackend):
        def _add(
            self, name: str, entries: Sequence[Entry], merge: Merge, *, is_newer: bool = True
        ) -> int:
            return super()._add(name, entries, merge)


@caught_by("test_what_is_redriven_has_its_payload")
class RedrivesKeysAlone(ByView):
    class View(KeyedMemoryBackend):
        def _restore(self, name: str, letters: Sequence[DeadLetter], merge: Merge) -> None:
            super(KeyedMemoryBackend, self)._restore(name, letters, merge)
