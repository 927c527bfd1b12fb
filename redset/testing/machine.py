"""Random operations on a backend, each compared with a model that is too simple to be wrong.

Needs Hypothesis, which ``pip install 'redset[testing]'`` brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.testing._algebra_rules import AlgebraMachine

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hypothesis.stateful import RuleBasedStateMachine

    from redset.interfaces import Backend, Payload
    from redset.testing._clock import ManualClock

__all__ = ["backend_machine"]


def backend_machine(
    make_backend: Callable[[], Backend | AbstractContextManager[Backend]],
    *,
    clock: ManualClock | None = None,
    payload: Payload | None = None,
) -> type[RuleBasedStateMachine]:
    """Make a Hypothesis state machine that compares a backend with a simple model.

    It runs random operations of all kinds, over awkward members and scores, and after
    each compares what the backend returns and holds with the model's. If it is a
    `redset.interfaces.ShardableBackend`, sets are handed over, too, and have layouts in
    their places. What it finds is shown as a short program. Threads and waiting are left
    to `BackendConformance`.

    Args:
        make_backend: called for each run; returns a backend, which is closed after it, or
            a context manager that gives one, such as `redset.testing.blocking` of an
            asyncio backend, or a `contextlib.nullcontext` of a backend that is to stay
            open. Each run uses sets with new names, all in one cluster slot, and clears
            them.
        clock: the clock that all these backends read. It is moved to and fro. Without
            it, the backends have real clocks, and no time near the present is used.
        payload: run through the keyed view of this rule, with another payload for every
            member that is added, and compare these, too.

    Returns:
        A `hypothesis.stateful.RuleBasedStateMachine`. Its ``TestCase`` is found by pytest
        and unittest when a test module gives it a name; ``TestCase.settings`` may be
        replaced.

    >>> from redset.backends import MemoryBackend
    >>> TestMine = backend_machine(MemoryBackend).TestCase

    With time that is moved:

    >>> from redset.testing import ManualClock
    >>> clock = ManualClock()
    >>> Machine = backend_machine(lambda: MemoryBackend(clock=clock), clock=clock)
    >>> TestMineInTime = Machine.TestCase
    """
    start = 0.0 if clock is None else clock.time()

    class BackendMachine(AlgebraMachine):
        def __init__(self) -> None:
            if clock is not None:
                # Every run begins at the same time, so that it can be run again.
                clock.set(start)
            super().__init__(make_backend, clock, payload)

    return BackendMachine
