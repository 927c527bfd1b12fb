"""What a history says about a set's promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.chaos.history import Added, Execution, History

__all__ = ["Cause", "explain", "held_twice", "lost", "out_of_order", "stale"]

Cause = Literal["added again", "killed", "outlived", "failed", "unexplained"]
_Note = TypeVar("_Note", "Added", "Execution")

# What times of today lose when they become floating-point numbers, and then some.
_EPSILON = 2e-6


def lost(history: History) -> int:
    """Count the items that were added and not worked on to the end after that."""
    work, added = by_item(history.executions), by_item(history.added)
    return sum(_is_lost(work.get(item, ()), added[item]) for item in added)


def held_twice(history: History) -> int:
    """Count the claims of items that somebody held, and the claims that two workers had."""
    return history.twice + sum(
        later.claimed < earlier.held_until - _EPSILON
        for work in by_item(history.executions).values()
        for earlier, later in pairwise(work)
    )


def out_of_order(history: History) -> int:
    """Count the tokens that are not higher than those of all earlier claims of the set."""
    work = history.executions
    return sum(
        later.token == earlier.token or later.claimed < earlier.claimed - _EPSILON
        for earlier, later in pairwise(work)
    )


def stale(history: History) -> int:
    """Count the acknowledgements that were taken from workers who held nothing any more."""
    return sum(each.overtaken and each.outcome == "acknowledged" for each in history.executions)


def explain(history: History, lease: float) -> tuple[Counter[Cause], int]:
    """Count the reasons for which items were worked on again, and the claims nobody worked on.

    A claim whose worker dies before it tells of it shows in the attempts of the next one.
    """
    causes: Counter[Cause] = Counter()
    unseen = 0
    added = by_item(history.added)
    for item, work in by_item(history.executions).items():
        left = list(added.get(item, ()))
        before = None
        for each in work:
            cause, missing = _cause(history, lease, left, before, each)
            unseen += missing
            if before is not None or cause == "unexplained":
                causes[cause] += 1
            before = each
    return causes, unseen


def by_item(notes: Iterable[_Note]) -> Mapping[int, Sequence[_Note]]:
    """Group what belongs to the same item."""
    groups: dict[int, list[_Note]] = defaultdict(list)
    for note in notes:
        groups[note.item].append(note)
    return groups


def _is_lost(work: Sequence[Execution], added: Sequence[Added]) -> bool:
    if not work or not work[-1].is_finished:
        return True
    # What was added after the last claim was made has to be claimed again.
    return any(each.is_sure and each.began > work[-1].claimed + _EPSILON for each in added)


def _cause(
    history: History, lease: float, left: list[Added], before: Execution | None, now: Execution
) -> tuple[Cause, int]:
    """Tell why an item was claimed, and how many claims were not seen before this one."""
    if before is not None and before.outcome != "acknowledged" and now.attempt > before.attempt:
        missing = now.attempt - before.attempt - 1
        if now.claimed >= before.deadline + missing * lease - _EPSILON:
            return _end(history, before), missing
    missing = now.attempt - 1
    since = 0.0 if before is None else before.claimed
    until = now.claimed - missing * lease
    may_be = [
        each for each in left if each.ended > since - _EPSILON and each.began < until + _EPSILON
    ]
    if not may_be or (before is not None and not before.is_finished):
        return "unexplained", missing
    # One addition explains one claim.
    left.remove(min(may_be, key=lambda each: each.ended))
    return "added again", missing


def _end(history: History, work: Execution) -> Cause:
    """Tell why work was not acknowledged before its lease ran out."""
    if work.outcome == "lost":
        return "outlived"
    if work.worker in history.killed:
        return "killed"
    return "failed" if work.worker in history.failures else "unexplained"
