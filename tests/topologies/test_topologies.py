"""Faults at small size: what is promised is kept, and what is not is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.backends import make_set
from tests.support.servers import start_sentinel, wait_until
from tests.topologies.clients import Clients
from tests.topologies.faults import owns
from tests.topologies.plan import Plan
from tests.topologies.runner import run

if TYPE_CHECKING:
    from tests.support.servers import Kind
    from tests.topologies.plan import Fault, KindOfSet


@pytest.mark.parametrize(
    ("fault", "server"),
    [("reshard", "redis-6.2"), ("reshard", "valkey-9.1"), ("migrate", "valkey-9.1")],
)
def test_a_slot_that_moves_loses_and_doubles_nothing(fault: Fault, server: Kind) -> None:
    report = run(Plan(fault, server=server, backlog=0, lease=60))
    print(report)
    assert report.added > 0
    assert (report.lost, report.repeated, report.failures) == (0, 0, {}), str(report)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("cluster", "SortedSet"), ("sentinel", "SortedSet"), ("cluster", "ShardedSet")],
)
def test_what_a_replica_has_is_not_lost(fault: Fault, kind: KindOfSet) -> None:
    report = run(Plan(fault, wait_replicas=1, kind=kind))
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


@pytest.mark.parametrize("number", [0, 1], ids=["blocking", "asyncio"])
def test_who_waits_outlives_a_planned_failover(number: int) -> None:
    with ExitStack() as stack:
        setup = stack.enter_context(start_sentinel("redis-6.2"))
        clients = Clients(setup, 0)
        waiter, other = (stack.enter_context(clients.open(i)) for i in (number, 0))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        waiting = pool.submit(make_set(waiter, "SortedSet", "jobs").claim, timeout=40)
        wait_until(lambda: "blpop" in str(setup.master.call("CLIENT", "LIST")), "it waits")
        setup.sentinels[0].call("SENTINEL", "FAILOVER", setup.service)
        (replica,) = setup.replicas
        wait_until(lambda: owns(setup, "jobs", replica), "the replica takes over", timeout=30)
        make_set(other, "SortedSet", "jobs").add("a")
        assert waiting.result().item == "a"
