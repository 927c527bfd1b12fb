"""Runs single checks of the conformance kit, outside pytest's own collection."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from redset.testing import BackendConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend

__all__ = ["Check", "checks"]


@dataclass(frozen=True)
class Check:
    """One test method of the kit with one choice of its parameters."""

    name: str
    values: dict[str, Any] = field(hash=False)
    set_name = "conformance"

    def __str__(self) -> str:
        """Return the check's name with its parameters, as pytest shows them."""
        return "-".join([self.name, *map(str, self.values.values())])

    def fails(self, backend: Backend, advance: Callable[[float], None]) -> bool:
        """Run the check, and tell whether it caught something."""
        method = getattr(BackendConformance(), self.name)
        fixtures = {"backend": backend, "name": self.set_name, "advance": advance}
        wanted = inspect.signature(method).parameters.keys() & fixtures.keys()
        try:
            method(**{each: fixtures[each] for each in wanted}, **self.values)
        except (Exception, pytest.fail.Exception):  # noqa: BLE001  (a check may fail in any way)
            return True
        return False


def checks() -> Iterator[Check]:
    """Find all checks, one for each choice of parameters."""
    for name, method in inspect.getmembers(BackendConformance, inspect.isfunction):
        if name.startswith("test_"):
            marks = getattr(method, "pytestmark", [])
            choices = [list(_choices(mark)) for mark in marks if mark.name == "parametrize"]
            for chosen in itertools.product(*choices):
                yield Check(name, {key: value for each in chosen for key, value in each.items()})


def _choices(mark: pytest.Mark) -> Iterator[dict[str, Any]]:
    names, rows = mark.args
    for row in rows:
        yield {names: row} if isinstance(names, str) else dict(zip(names, row, strict=True))
