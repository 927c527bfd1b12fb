"""Backends that let the wrong things go at the time that a set has, or let too many stay."""

from __future__ import annotations

from typing import Any

from redset.backends import MemoryBackend
from redset.backends.memory._keyed import KeyedMemoryBackend
from redset.backends.memory._ledger import Ledger
from tests.support.faults import caught_by
from tests.support.faults_of_keys import ByView


@caught_by("test_what_joins_the_claims_goes_with_them")
class KeepsWhatIsHeldBack(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        ledger = self._ledgers.get(name)
        super()._let_go(part, name)
        if part is self._ledgers and ledger is not None and ledger.delayed.scores:
            left = self._ledgers[name] = Ledger()
            left.delayed = ledger.delayed
            left.records = {each: ledger.records[each] for each in ledger.delayed.scores}


@caught_by("test_what_joins_the_claims_goes_with_them")
class KeepsWhatIsParked(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        ledger = self._ledgers.get(name)
        super()._let_go(part, name)
        if part is self._ledgers and ledger is not None and ledger.parked:
            self._ledgers.setdefault(name, Ledger()).parked = ledger.parked


@caught_by("test_the_first_claim_after_it_does_not_go")
class LetsClaimsGoWithTheSet(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        super()._let_go(part, name)
        if part is self._sets:
            self._ledgers.pop(name, None)


@caught_by("test_a_set_that_is_emptied_does_not_go_with_its_claims")
class LetsTheSetGoWithItsClaims(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        super()._let_go(part, name)
        if part is self._ledgers:
            self._sets.pop(name, None)


@caught_by("test_claims_that_are_all_ended_forget_their_end")
class LooksForEndsBetweenCalls(MemoryBackend):
    def _forget_ends(self) -> None:
        pass


@caught_by("test_attempts_go_with_the_set")
class KeepsAttempts(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        attempts = dict(self._ledgers[name].attempts) if name in self._ledgers else {}
        super()._let_go(part, name)
        self._ledgers.setdefault(name, Ledger()).attempts |= attempts


@caught_by("test_attempts_do_not_go_with_the_claims")
class LetsAttemptsGoWithClaims(MemoryBackend):
    def _let_go(self, part: dict[str, Any], name: str) -> None:
        super()._let_go(part, name)
        if part is self._ledgers:
            self._ledgers.pop(name, None)


@caught_by(
    "test_payloads_outlive_what_goes_without_them",
    "test_payloads_of_a_new_set_do_not_go_with_claims",
)
class LetsPayloadsGoWithAnything(ByView):
    class View(KeyedMemoryBackend):
        def _let_go(self, part: dict[str, Any], name: str) -> None:
            super()._let_go(part, name)
            payloads = self._payloads.get(name)
            if payloads is not None:
                payloads.waiting.clear()
