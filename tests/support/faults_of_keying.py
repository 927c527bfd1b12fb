"""Backends that take keyed sets for others, and others for keyed ones."""

# ruff: noqa: ARG002  (to leave an argument out is a fault like others)

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redset.backends import MemoryBackend
from redset.backends.memory._keyed import KeyedMemoryBackend
from redset.backends.memory._payloads import Payloads
from redset.exceptions import KeyingError
from tests.support.faults import caught_by
from tests.support.faults_of_keys import ByView

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from contextlib import AbstractContextManager

    from redset.interfaces import Bound, Entry


@caught_by("test_what_was_added_without_a_key_is_refused")
class OpensAnything(ByView):
    class View(KeyedMemoryBackend):
        @contextmanager
        def _guarded(self, *names: str) -> Generator[None, None, None]:
            with self._guard:
                for each in names:
                    self._payloads.setdefault(each, Payloads())
                yield


@caught_by("test_what_others_add_to_a_set_that_was_found_keyed")
class ForgetsWhatItFound(ByView):
    class View(KeyedMemoryBackend):
        def _guarded(self, *names: str) -> AbstractContextManager[object]:
            self._keyed_names.clear()
            return super()._guarded(*names)


@caught_by("test_a_set_is_known_once_it_has_had_payloads")
class TakesAnEmptySetForKeyed(ByView):
    class View(KeyedMemoryBackend):
        @contextmanager
        def _guarded(self, *names: str) -> Generator[None, None, None]:
            with super()._guarded(*names):
                yield
            for name in names:
                self._keyed_names.add(name)


@caught_by("test_what_comes_to_other_sets_makes_them_known")
class LearnsOfTheFirstSetAlone(ByView):
    class View(KeyedMemoryBackend):
        @contextmanager
        def _guarded(self, *names: str) -> Generator[None, None, None]:
            known = self._keyed_names.copy()
            with super()._guarded(*names):
                yield
            for name in known.symmetric_difference(self._keyed_names) - {names[0]}:
                self._keyed_names.discard(name)


@caught_by("test_what_others_add_to_a_set_that_was_found_keyed")
class FindsForOthers(ByView):
    class View(KeyedMemoryBackend):
        def _guarded(self, *names: str) -> AbstractContextManager[object]:
            return super()._guarded(*names[: 1 if names[0] in self._keyed_names else None])


@caught_by("test_what_others_add_to_a_set_that_was_found_keyed")
class IsNeverInDoubt(MemoryBackend):
    def is_keyed(self, name: str) -> bool | None:
        with self._guard:
            return self._is_keyed(name)


@caught_by("test_what_hands_nothing_out_is_for_any_data")
class ClearsKeyedSetsAlone(ByView):
    class View(KeyedMemoryBackend):
        def clear(self, name: str) -> bool:
            with self._guarded(name):
                pass
            return super().clear(name)


@caught_by("test_what_hands_nothing_out_is_for_any_data")
class LearnsFromCounts(ByView):
    class View(KeyedMemoryBackend):
        def _guarded_as_it_is(self, name: str) -> AbstractContextManager[object]:
            self._keyed_names.add(name)
            return super()._guarded_as_it_is(name)


@caught_by("test_what_was_added_without_a_key_is_refused")
class OpensWhatIsClaimed(ByView):
    class View(KeyedMemoryBackend):
        def _is_keyed(self, name: str) -> bool | None:
            return super()._is_keyed(name) if name in self._sets else None


@caught_by("test_what_was_added_without_a_key_is_refused")
class UnitesWithAnything(ByView):
    class View(KeyedMemoryBackend):
        @contextmanager
        def _guarded(self, *names: str) -> Generator[None, None, None]:
            with super()._guarded(names[0]):
                yield


@caught_by("test_what_was_added_without_a_key_is_refused")
class RefusesTooLate(ByView):
    class View(KeyedMemoryBackend):
        def remove(self, name: str, members: Sequence[bytes], *, low: Bound = -math.inf) -> int:
            if self.is_keyed(name) is False:
                self._sets[name].remove(members[0])
            return super().remove(name, members, low=low)


@caught_by("test_what_was_added_without_a_key_is_refused")
class CountsAnything(ByView):
    class View(KeyedMemoryBackend):
        def length(self, name: str) -> int:
            return MemoryBackend.length(self, name)


@caught_by("test_a_set_that_is_not_there_is_anybodys", "test_is_keyed")
class RefusesWhatIsNotThere(ByView):
    class View(KeyedMemoryBackend):
        def _is_keyed(self, name: str) -> bool | None:
            return bool(super()._is_keyed(name))


@caught_by("test_members_without_payloads_have_none")
class RefusesWhatOthersAdded(ByView):
    class View(KeyedMemoryBackend):
        def slice(self, name: str, start: int, stop: int, *, reverse: bool = False) -> list[Entry]:
            found = super().slice(name, start, stop, reverse=reverse)
            if any(getattr(key, "payload", None) is None for key, _ in found):
                raise KeyingError
            return found


@caught_by("test_is_keyed")
class LooksForPayloadsInTheSetAlone(MemoryBackend):
    def _is_keyed(self, name: str) -> bool | None:
        found = super()._is_keyed(name)
        return found if found is None else bool(self._payloads.get(name, Payloads()).waiting)


@caught_by("test_is_keyed")
class TakesDeadLettersForASet(MemoryBackend):
    def _is_keyed(self, name: str) -> bool | None:
        found = super()._is_keyed(name)
        return True if found is None and name in self._dead else found


@caught_by("test_entries")
class GivesEntriesInOrder(MemoryBackend):
    def _entries(self, name: str, members: Sequence[bytes], low: Bound) -> list[Entry]:
        found = dict(super()._entries(name, members, low))
        return sorted(found.items(), key=lambda entry: entry[1])


@caught_by("test_entries")
class GivesEntriesFromNoBound(MemoryBackend):
    def _entries(self, name: str, members: Sequence[bytes], low: Bound) -> list[Entry]:
        return super()._entries(name, members, -math.inf)
