"""Faults at small size: what is promised is kept, and what is not is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.topologies.plan import Plan
from tests.topologies.runner import run

if TYPE_CHECKING:
    from tests.support.servers import Kind
    from tests.topologies.plan import Fault


@pytest.mark.parametrize("server", ["redis-6.2", "valkey-9.1"])
def test_a_slot_that_moves_loses_and_doubles_nothing(server: Kind) -> None:
    report = run(Plan("reshard", server=server, backlog=0, lease=60))
    print(report)
    assert report.added > 0
    assert (report.lost, report.repeated, report.failures) == (0, 0, {}), str(report)


@pytest.mark.parametrize("fault", ["cluster", "sentinel"])
def test_what_a_replica_has_is_not_lost(fault: Fault) -> None:
    report = run(Plan(fault, wait_replicas=1))
    print(report)
    assert report.added > 0
    assert (report.lost, report.repeated) == (0, 0), str(report)
    assert set(report.failures) <= {"ReplicationError"}, str(report)


@pytest.mark.parametrize("fault", ["cluster", "sentinel"])
def test_what_no_replica_has_is_lost(fault: Fault) -> None:
    report = run(Plan(fault))
    print(report)
    assert 0 < report.lost < report.added, str(report)
    assert report.failures == {}, str(report)
