"""The notes of the register, put in order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.chaos.register import Outcome

__all__ = ["Added", "Execution", "History", "read"]


@dataclass
class Execution:
    """A piece of work on an item: from its claim to whatever ended it."""

    item: int
    token: int
    worker: int
    deadline: float
    attempt: int
    claimed: float
    checked: float | None = None
    overtaken: bool = False
    outcome: Outcome = "unknown"

    @property
    def is_finished(self) -> bool:
        """Whether the work was done, and the item not to be handed out again for it."""
        return self.checked is not None and self.outcome != "lost"

    @property
    def held_until(self) -> float:
        """Until when nobody else may have had the item, whatever became of the worker."""
        if self.outcome == "acknowledged" and self.checked is not None:
            return self.checked
        # Killed while it acknowledged: that may have been done, or not.
        checked = self.checked if self.is_finished else None
        return min(self.deadline, math.inf if checked is None else checked)


@dataclass
class Added:
    """An addition: made at some time between these two, or maybe not at all."""

    item: int
    began: float
    ended: float = math.inf
    is_new: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is known to have been made."""
        return self.ended < math.inf


@dataclass
class History:
    """All that was noted."""

    executions: list[Execution] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    killed: set[int] = field(default_factory=set)
    failures: list[int] = field(default_factory=list)
    twice: int = 0


def read(notes: Iterable[Sequence[str]], lease: float) -> History:
    """Make a history of notes; executions are ordered by their tokens."""
    history = History()
    executions: dict[tuple[int, int], Execution] = {}
    for what, *words in notes:
        time = float(words[-1])
        if what in {"begin", "check", "end"}:
            key = int(words[0]), int(words[1])
            if what == "begin":
                history.twice += key in executions
                deadline = float(words[3])
                executions[key] = Execution(
                    *key, int(words[2]), deadline, int(words[4]), deadline - lease
                )
            elif what == "check":
                executions[key].checked, executions[key].overtaken = time, words[2] == "1"
            else:
                executions[key].outcome = cast("Outcome", words[2])
        elif what == "adding":
            history.added.append(Added(int(words[0]), time))
        elif what == "added":
            history.added[-1].ended, history.added[-1].is_new = time, words[1] == "1"
        elif what == "killed":
            history.killed.add(int(words[0]))
        elif what == "failed":
            history.failures.append(int(words[0]))
    history.executions = sorted(executions.values(), key=lambda execution: execution.token)
    return history
