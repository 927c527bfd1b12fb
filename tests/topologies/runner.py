"""A run: servers, load, and faults."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from tests.support.servers import Cluster, Sentinel, start_cluster, start_sentinel, wait_until
from tests.topologies.clients import Clients
from tests.topologies.faults import kill_primary, migrate_slot, move_slot, revive
from tests.topologies.ledger import Ledger, Report
from tests.topologies.load import Load

if TYPE_CHECKING:
    from tests.topologies.plan import Plan

__all__ = ["run"]

_NAME = "jobs"


def run(plan: Plan) -> Report:
    """Run until all faults have happened and the set is empty; return the counts."""
    began = time.monotonic()
    ledger = Ledger()
    with ExitStack() as stack:
        setup = _start(plan)
        stack.enter_context(setup)
        load = stack.enter_context(Load(plan, Clients(setup, plan.wait_replicas), _NAME, ledger))
        for left in reversed(range(plan.faults)):
            time.sleep(plan.rest)
            _disturb(setup, plan, ledger, left)
        time.sleep(plan.rest)
        load.finish()
    return Report(
        title=_title(plan),
        added=len(ledger.added),
        lost=len(ledger.added - ledger.handed_out),
        done=len(ledger.done),
        repeated=ledger.repeated,
        failures=ledger.failures,
        longest_silence=load.longest_silence,
        seconds=time.monotonic() - began,
    )


def _disturb(setup: Cluster | Sentinel, plan: Plan, ledger: Ledger, left: int) -> None:
    """Let one fault happen, and get ready for those that are left."""
    if plan.fault in {"reshard", "migrate"}:
        assert isinstance(setup, Cluster)
        if plan.fault == "reshard":
            move_slot(setup, _NAME, plan.hold)
        else:
            migrate_slot(setup, _NAME)
        return
    killed = kill_primary(setup, _NAME, partial(_wait, plan, ledger) if plan.cut else None)
    # Nobody waits for replicas where none is left.
    if left or plan.fault == "cluster":
        revive(setup, _NAME, killed)


def _wait(plan: Plan, ledger: Ledger) -> None:
    before = len(ledger.added)
    time.sleep(plan.cut)
    if not plan.wait_replicas:
        wait_until(lambda: len(ledger.added) > before, "something is added")


def _start(plan: Plan) -> Cluster | Sentinel:
    if plan.fault == "sentinel":
        return start_sentinel(plan.server, sentinels=3, replicas=2)
    replicas = 1 if plan.fault == "cluster" else plan.wait_replicas
    return start_cluster(plan.server, 3, replicas=replicas)


def _title(plan: Plan) -> str:
    what = {
        "reshard": f"slot moved {plan.faults} times, each time for {plan.hold:g} s, in 3 nodes",
        "migrate": f"slot moved {plan.faults} times by the servers themselves, in 3 nodes",
        "cluster": f"primary killed {plan.faults} times, in a cluster of 6 nodes",
        "sentinel": f"primary killed {plan.faults} times, beside 2 replicas and 3 sentinels",
    }[plan.fault]
    is_cut = plan.fault in {"cluster", "sentinel"} and plan.cut
    cut = f", cut off for {plan.cut:g} s before that" if is_cut else ""
    return f"{plan.kind}, {plan.server}, wait_replicas={plan.wait_replicas}: {what}{cut}"
