"""What others do between the loss of a reply and the next try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Meanwhile"]


class Meanwhile(NoBackoff):
    """Does something between the loss of a reply and the next try."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __deepcopy__(self, _: object) -> Meanwhile:
        # Clients make a copy for each connection.
        return self

    def compute(self, failures: int) -> float:
        while self.calls:
            self.calls.pop()()
        return super().compute(failures)
