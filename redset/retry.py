"""When failed work is tried again, and when it is given up."""

from __future__ import annotations

import random
from dataclasses import dataclass

from redset._checks import check_delay, check_fraction, check_max_attempts

__all__ = ["Retry"]

# Twice as long so often is longer than any cap.
_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Retry:
    """How often an item is tried, and how long it rests after each failure.

    After the first failure it rests for ``backoff`` seconds, after each further one for
    twice as long, but never for longer than ``cap``.

    Args:
        max_attempts: how often an item is claimed before it becomes a dead letter; by
            default it is never given up.
        backoff: the rest after the first failure, in seconds; 0 for none at all.
        cap: the longest rest, in seconds.
        jitter: the part of each rest that is left to chance, from 0 to 1, so that what
            failed together is not tried again together.

    Raises:
        ValueError: if an argument is out of its range.
        TypeError: if an argument is not a number.

    >>> retry = Retry(max_attempts=5, backoff=2, cap=60, jitter=0)
    >>> [retry.delay(attempt) for attempt in (1, 2, 3, 6)]
    [2.0, 4.0, 8.0, 60.0]
    """

    max_attempts: int | None = None
    backoff: float = 1.0
    cap: float = 300.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.max_attempts is not None:
            self._keep("max_attempts", check_max_attempts(self.max_attempts))
        self._keep("backoff", check_delay(self.backoff, "backoff"))
        self._keep("cap", check_delay(self.cap, "cap"))
        self._keep("jitter", check_fraction(self.jitter, "jitter"))

    def delay(self, attempt: int) -> float:
        """Return for how many seconds to rest after a failed attempt, the first being 1."""
        doublings = min(max(attempt - 1, 0), _DOUBLINGS)
        longest = min(self.cap, self.backoff * 2.0**doublings)
        return longest * (1 - self.jitter * random.random())  # noqa: S311  (no secret)

    def is_last(self, attempt: int) -> bool:
        """Tell whether no attempt is to follow this one."""
        return self.max_attempts is not None and attempt >= self.max_attempts

    def _keep(self, name: str, number: float) -> None:
        # Numbers of all kinds may be given; only these can be reckoned with.
        object.__setattr__(self, name, number)
