"""The kit tells right from wrong: broken backends fail by name, and a sound one passes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from redset.backends import MemoryBackend
from redset.interfaces import Merge, Payload
from redset.testing import HandoverConformance, ManualClock, backend_machine
from tests.support import (
    faults,
    faults_in_time,
    faults_of_accounts,
    faults_of_algebra,
    faults_of_claims,
    faults_of_ends,  # noqa: F401  (it notes its faults)
    faults_of_handover,
    faults_of_keying,
    faults_of_keys,
    faults_of_leases,
    faults_of_waits,  # noqa: F401  (it notes its faults)
)
from tests.support.kit import Check, checks

CHECKS = list(checks())
CAUGHT = [
    pytest.param(fault, name, id=f"{fault.__name__}-{name}")
    for fault, names in faults.FAULTS.items()
    for name in names
]
# A race need not show each time.
TRIES = 20

# Others take it long to find.
BY_MACHINE = [
    faults.TiesInOrderOfArrival,
    faults.TiesByText,
    faults.PopsTheLastFirstOneFirst,
    faults.SlicesOneTooFew,
    faults.CountsWithoutTheUpperBound,
    faults.CountsThePresentOnBothSides,
    faults.RanksFromOne,
    faults.IgnoresMerge,
    faults.KeepsSixDigits,
    faults.TakesMembersForText,
    faults.CountsWhatIsNotThere,
    faults.UnitesIgnoringMerge,
    faults.KeepsWhatIsInAnyOther,
    faults.DrawsTwice,
    faults.ClearsTheSetAlone,
    faults_in_time.PopsWhatIsNotDue,
    faults_in_time.JudgesByTheWrongClock,
    faults_in_time.RemembersForEver,
    faults.LosesDeadLetters,
    faults.DropsInSilence,
    faults.KeepsOneLineOfTheReason,
    faults.BuriesOutOfTheSet,
    faults_in_time.LocksNothing,
    faults_of_claims.ClaimsACopy,
    faults_of_claims.HandsOutWhatIsHeld,
    faults_of_claims.ForgetsWhatIsAddedMeanwhile,
    faults_of_claims.PutsBackOverWhatIsNewer,
    faults_of_claims.TokensOfTheClockAlone,
    faults_of_claims.AsksForNoToken,
    faults_of_claims.AcknowledgesLast,
    faults_of_leases.LosesWhatRanOut,
    faults_of_leases.CountsNoAttempts,
    faults_of_leases.CountsWhatIsDone,
    faults_of_leases.TriesForEver,
    faults_of_leases.BuriesTheCopy,
    faults_of_leases.ReleasesForThePresent,
    faults_of_leases.CountsEachReleasedClaim,
    faults_of_accounts.RemovesClaims,
    faults_of_accounts.RejectsWithoutLimit,
    faults_of_accounts.TellsWhenTheClaimEnds,
    faults_of_algebra.SubtractsWhatIsInAll,
    faults_of_algebra.IgnoresWeights,
    faults_of_algebra.AlwaysAddsUp,
    faults_of_algebra.AlwaysDisjoint,
    faults_of_algebra.MovesACopy,
    faults_of_algebra.MovesIgnoringMerge,
    faults_of_algebra.RenamesTheSetAlone,
    faults_of_algebra.AlwaysReplaces,
    faults_of_algebra.ReplacesByNothing,
    faults_of_algebra.EndsTheSetAlone,
    faults_of_algebra.NeverEnds,
    faults_of_handover.ForgetsWhatIsSealed,
    faults_of_handover.LeavesDeadLettersBehind,
    faults_of_handover.ClearsLayouts,
    faults_of_handover.KeepsLayoutsAside,
    faults_of_handover.EndsLayoutsWithSeals,
    faults_of_handover.DropsLayoutsInSilence,
    faults_of_handover.PutsWhateverLayoutComes,
    faults_of_handover.KeepsTheFirstLayout,
]

KEYED_BY_MACHINE = [
    (faults_of_keys.ForgetsPayloads, Payload.NEWEST),
    (faults_of_keys.SamplesKeysAlone, Payload.NEWEST),
    (faults_of_keys.HasOneRule, Payload.FIRST),
    (faults_of_keys.HasOneRule, Payload.WITH_SCORE),
    (faults_of_keys.SchedulesKeysAlone, Payload.NEWEST),
    (faults_of_keys.UnitesKeysAlone, Payload.WITH_SCORE),
    (faults_of_keys.LooksInTheSetAlone, Payload.FIRST),
    (faults_of_keys.AcknowledgesWhatWaits, Payload.FIRST),
    (faults_of_keys.ReturnsTheNewest, Payload.NEWEST),
    (faults_of_keys.ReturnsAsIfAddedLast, Payload.WITH_SCORE),
    (faults_of_keys.ReturnsKeysAlone, Payload.WITH_SCORE),
    (faults_of_keys.ComparesTheScoreThatWasClaimed, Payload.WITH_SCORE),
    (faults_of_keys.DropsPayloadsForWhoeverAsks, Payload.NEWEST),
    (faults_of_keys.BuriesThePayloadThatWaits, Payload.NEWEST),
    (faults_of_keys.BuriesKeysWithoutPayloads, Payload.NEWEST),
    (faults_of_keys.KnowsLettersByPayload, Payload.NEWEST),
    (faults_of_keys.RedrivesAsIfAddedLast, Payload.FIRST),
    (faults_of_keys.RedrivesKeysAlone, Payload.FIRST),
    (faults_of_keying.GivesEntriesFromNoBound, None),
    (faults_of_keying.TakesDeadLettersForASet, None),
]


def fails(check: Check, make: type[MemoryBackend]) -> bool:
    clock = ManualClock()
    backend = make(clock=clock)
    try:
        return check.fails(backend, clock.advance)
    finally:
        # Whoever still waits may go, even from a set that is sealed.
        MemoryBackend.clear(backend, check.set_name)
        MemoryBackend.add(backend, check.set_name, [(b"%d" % i, 0.0) for i in range(9)], Merge.KEEP)
        MemoryBackend._wake(backend, check.set_name)  # noqa: SLF001  (its own may be broken)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up waiting sooner than the kit does."""
    for module in ("_timing", "_algebra", "_moving", "_ending", "_handover"):
        monkeypatch.setattr(f"redset.testing.{module}._LONG", 0.4)


@pytest.mark.parametrize(("fault", "name"), CAUGHT)
def test_a_fault_is_caught_by_a_check(fault: type[MemoryBackend], name: str) -> None:
    named = [check for check in CHECKS if check.name == name]
    assert any(fails(check, fault) for _ in range(TRIES) for check in named)


@pytest.mark.no_cover
@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_what_is_sound_passes(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert not fails(check, MemoryBackend)


def test_all_checks_are_found() -> None:
    names = {check.name for check in CHECKS}
    assert {name for names in faults.FAULTS.values() for name in names} <= names
    assert len(names) < len(CHECKS)


def test_what_hands_sets_over_badly_is_caught_by_the_checks_of_that() -> None:
    names = {check.name for check in CHECKS if check.kit is HandoverConformance}
    bad = [each for each in faults.FAULTS if each.__module__ == faults_of_handover.__name__]
    assert bad
    assert {name for fault in bad for name in faults.FAULTS[fault]} <= names


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("fault", "payload"), [*((fault, None) for fault in BY_MACHINE), *KEYED_BY_MACHINE]
)
def test_a_fault_is_caught_by_the_machine(
    fault: type[MemoryBackend], payload: Payload | None
) -> None:
    clock = ManualClock()
    machine = backend_machine(lambda: fault(clock=clock), clock=clock, payload=payload)
    # A set whose payloads are lost is taken for one that has no keys.
    with pytest.raises(Exception, match=r"the backend has|expires at|held twice|without key="):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=1000,  # most need fewer than 100
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_a_member_with_two_holders_is_noted() -> None:
    # Not before the kit, whose assertions are to be rewritten.
    from redset.testing._claimants import _Register

    register = _Register()
    register.begin(b"a", 1)
    register.begin(b"a", 1)
    assert register.held_twice == []
    register.begin(b"a", 2)
    assert register.held_twice == [b"a"]
