"""The counts of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.history import History
    from tests.chaos.plan import Plan

__all__ = ["Chaos", "Report", "make_report"]


@dataclass
class Chaos:
    """What was done to the run, and what it left."""

    replies_dropped: int = 0
    requests_late: int = 0
    connections_killed: int = 0
    scripts_flushed: int = 0
    dead_letters: int = 0
    keys_left: int = 0
    seconds: float = 0.0


@dataclass
class Report:
    """Names and counts, in the order in which they are printed."""

    title: str
    counts: dict[str, int | float]
    must_be_0: frozenset[str] = frozenset()

    @property
    def failures(self) -> dict[str, int | float]:
        """What there is and should not be."""
        return {
            name: count for name, count in self.counts.items() if count and name in self.must_be_0
        }

    def __str__(self) -> str:
        return "\n".join([self.title, *self._lines()])

    def _lines(self) -> Iterator[str]:
        for name, count in self.counts.items():
            text = f"{count:.1f}" if isinstance(count, float) else str(count)
            yield f"  {name:44}{text:>9}{'  (must be 0)' if name in self.must_be_0 else ''}"


_NEVER = frozenset(
    {
        "items lost",
        "- for no reason",
        "held twice at once",
        "tokens out of order",
        "acknowledgements of stale holders taken",
        "dead letters",
        "keys left behind",
    }
)


def make_report(plan: Plan, history: History, chaos: Chaos) -> Report:
    """Count what happened; what `pop` loses is counted, too, but no failure."""
    title = (
        f"{plan.use} on {plan.server}: {plan.kind}, {plan.workers} workers, "
        f"leases of {plan.lease:g} s, seed {plan.seed}"
    )
    if plan.use == "pop":
        return Report(title, _of_pop(history) | _of_chaos(plan, history, chaos))
    counts = _of_claims(plan, history, chaos) | _of_chaos(plan, history, chaos)
    return Report(title, counts, _NEVER)


def _of_claims(plan: Plan, history: History, chaos: Chaos) -> dict[str, int | float]:
    work = history.executions
    executed = len({each.item for each in work})
    causes, unseen = judge.explain(history, plan.lease)
    # A worker that is killed takes one claim with it at most, and so does a request given up.
    reasons = len(history.killed) + len(history.failures)
    return {
        "items added": len({each.item for each in history.added}),
        "distinct items executed": executed,
        "items lost": judge.lost(history),
        "executions": len(work),
        "extra executions": len(work) - executed,
        "- added again after the claim before": causes["added again"],
        "- lease ran out, its worker was killed": causes["killed"],
        "- lease ran out during the work": causes["outlived"],
        "- lease ran out, no connection": causes["failed"],
        "- for no reason": causes["unexplained"] + max(unseen - reasons, 0),
        "held twice at once": judge.held_twice(history),
        "tokens out of order": judge.out_of_order(history),
        "acknowledgements of stale holders taken": judge.stale(history),
        "dead letters": chaos.dead_letters,
        "keys left behind": chaos.keys_left,
        "acknowledgements of stale holders refused": sum(each.outcome == "lost" for each in work),
        "claims that no worker lived to see": unseen,
    }


def _of_pop(history: History) -> dict[str, int | float]:
    added = {each.item for each in history.added}
    finished = [each.item for each in history.executions if each.checked is not None]
    handed_out = sum(each.is_new for each in history.added)
    return {
        "items added": len(added),
        "distinct items executed": len(set(finished)),
        "items lost": len(added - set(finished)),
        "times that an item was popped": handed_out,
        "- and lost before its work was done": handed_out - len(finished),
        "-- with its worker, during the work": len(history.executions) - len(finished),
    }


def _of_chaos(plan: Plan, history: History, chaos: Chaos) -> dict[str, int | float]:
    return {
        "workers killed": len(history.killed),
        "replies dropped": chaos.replies_dropped,
        "requests delivered late": chaos.requests_late,
        "connections killed": chaos.connections_killed,
        "script flushes": chaos.scripts_flushed,
        "errors that retries did not hide": len(history.failures),
        "duplicates added": len(history.added) - plan.items,
        "seconds": chaos.seconds,
    }
