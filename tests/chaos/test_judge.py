"""The judge of chaos tells what is wrong with a history, and nothing else."""

from __future__ import annotations

import pytest

from tests.chaos import history
from tests.chaos.plan import Plan
from tests.chaos.report import Chaos, Report, make_report

LEASE = 2.0

# Items, tokens and workers are numbers. A claim at 5 has a deadline of 7, and token 50.
ADDED = ["adding 1 1.0", "added 1 1 1.1"]
CLAIMED = ["begin 1 50 3 7.0 1 5.1"]
CHECKED = ["check 1 50 0 5.5"]
ACKNOWLEDGED = ["end 1 50 acknowledged 5.6"]
WORKED = [*CLAIMED, *CHECKED, *ACKNOWLEDGED]
ADDED_AGAIN = ["adding 1 5.2", "added 1 1 5.3"]
CLAIMED_AGAIN = ["begin 1 60 3 8.0 1 6.1"]
ANOTHER_ADDED = ["adding 2 1.2", "added 2 1 1.3"]


def judge(*notes: str, **chaos: int) -> Report:
    plan = Plan(items=1, lease=LEASE)
    read = history.read((note.split() for note in notes), LEASE)
    return make_report(plan, read, Chaos(**chaos))


def test_work_that_is_done_once() -> None:
    report = judge(*ADDED, *WORKED)
    assert report.failures == {}
    assert report.counts["extra executions"] == 0


@pytest.mark.parametrize(
    ("reason", "notes"),
    [
        (
            "- added again after the claim before",
            [*WORKED, *ADDED_AGAIN, *CLAIMED_AGAIN, "check 1 60 0 6.2"],
        ),
        (
            "- added again after the claim before",  # and claimed once by nobody who told
            [*WORKED, *ADDED_AGAIN, "killed 4 6.0", "begin 1 80 3 10.0 2 8.1", "check 1 80 0 8.2"],
        ),
        (
            "- lease ran out, its worker was killed",
            [*CLAIMED, "killed 3 5.5", "begin 1 70 4 9.0 2 7.1", "check 1 70 0 7.2"],
        ),
        (
            "- lease ran out, its worker was killed",  # before it could acknowledge
            [*CLAIMED, *CHECKED, "killed 3 5.6", "begin 1 70 4 9.0 2 7.1", "check 1 70 0 7.2"],
        ),
        (
            "- lease ran out during the work",
            [
                *CLAIMED,
                "begin 1 70 4 9.0 2 7.1",
                "check 1 50 1 7.2",
                "end 1 50 lost 7.3",
                "check 1 70 0 7.4",
                "end 1 70 acknowledged 7.5",
            ],
        ),
        (
            "- lease ran out, no connection",
            [*CLAIMED, "failed 3 ConnectionError 6.0", "begin 1 70 4 9.0 2 7.1", "check 1 70 0 8"],
        ),
    ],
)
def test_reasons_to_work_again(reason: str, notes: list[str]) -> None:
    report = judge(*ADDED, *notes)
    assert report.failures == {}
    assert (report.counts["extra executions"], report.counts[reason]) == (1, 1)


LOST = "items lost"
TWICE = "held twice at once"
ORDER = "tokens out of order"
STALE = "acknowledgements of stale holders taken"
REASON = "- for no reason"


@pytest.mark.parametrize(
    ("faults", "notes"),
    [
        ({LOST}, []),
        ({LOST}, [*CLAIMED, "killed 3 5.5"]),
        ({LOST}, [*CLAIMED, *CHECKED, "end 1 50 lost 7.2"]),
        ({LOST}, [*WORKED, *ADDED_AGAIN]),
        ({LOST}, [*WORKED, *ADDED_AGAIN, *CLAIMED_AGAIN, "killed 3 6.2"]),
        # One claim in the hands of two.
        ({TWICE}, [*CLAIMED, *WORKED]),
        # Added during the work and handed out before that was acknowledged.
        ({TWICE}, [*WORKED, *ADDED_AGAIN, "begin 1 54 4 7.4 1 5.4", "check 1 54 0 5.8"]),
        # A lease of a killed worker is a lease.
        ({TWICE, REASON}, [*CLAIMED, "killed 3 5.2", "begin 1 60 4 8.0 2 6.1", "check 1 60 0 6.2"]),
        ({ORDER}, [*WORKED, *ANOTHER_ADDED, "begin 2 51 4 6.0 1 4.1", "check 2 51 0 4.2"]),
        ({ORDER}, [*WORKED, *ANOTHER_ADDED, "begin 2 50 4 7.0 1 5.1", "check 2 50 0 5.2"]),
        (
            {STALE, TWICE},
            [
                *[*CLAIMED, *ADDED_AGAIN, "begin 1 70 4 9.0 1 7.1", "check 1 50 1 7.2"],
                *[*ACKNOWLEDGED, "check 1 70 0 7.5"],
            ],
        ),
        # Neither added again nor given back.
        ({REASON}, [*WORKED, *CLAIMED_AGAIN, "check 1 60 0 6.2"]),
        # Claimed before it was added.
        ({REASON, LOST}, ["begin 1 9 3 2.9 1 0.9", "check 1 9 0 1.0"]),
        # One addition, two claims.
        (
            {REASON},
            [
                *[*WORKED, *ADDED_AGAIN, *CLAIMED_AGAIN, "check 1 60 0 6.2"],
                *["end 1 60 acknowledged 6.3", "begin 1 65 3 8.5 1 6.6", "check 1 65 0 6.8"],
            ],
        ),
        # Its worker lives, and never said what became of it.
        ({REASON}, [*CLAIMED, "begin 1 70 4 9.0 2 7.1", "check 1 70 0 7.2"]),
        # Claimed once before, but nobody was killed with that claim.
        ({REASON}, ["begin 1 50 3 7.0 2 5.1", *CHECKED, *ACKNOWLEDGED]),
        # Claimed once before, and there was no time for that lease to run out.
        ({REASON}, ["killed 9 2.0", "begin 1 20 3 4.0 2 2.1", "check 1 20 0 2.2"]),
    ],
)
def test_faults_are_found(faults: set[str], notes: list[str]) -> None:
    assert judge(*ADDED, *notes).failures == dict.fromkeys(faults, 1)


def test_what_is_left_is_a_fault() -> None:
    left = judge(*ADDED, *WORKED, dead_letters=1, keys_left=2).failures
    assert left == {"dead letters": 1, "keys left behind": 2}


def test_what_pop_loses_is_counted_and_no_failure() -> None:
    notes = ["adding 1 1.0", "added 1 1 1.1", "adding 1 1.2", "added 1 0 1.3", "adding 2 1.4"]
    notes += ["added 2 1 1.5", "adding 3 1.6", "added 3 1 1.7"]
    notes += ["begin 1 9 3 0.0 1 2.0", "check 1 9 0 2.1", "begin 2 10 3 0.0 1 2.2"]
    plan = Plan(items=3, use="pop")
    report = make_report(plan, history.read((note.split() for note in notes), LEASE), Chaos())
    assert report.failures == {}
    assert report.counts["items lost"] == 2
    assert report.counts["- and lost before its work was done"] == 2
    assert report.counts["-- with its worker, during the work"] == 1
    assert report.counts["duplicates added"] == 1
