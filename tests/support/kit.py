"""Runs single checks of the conformance kit, outside pytest's own collection."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from redset.testing import BackendConformance, HandoverConformance
from tests.support.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import ShardableBackend

__all__ = ["Check", "checks"]

_KITS: tuple[type, ...] = (BackendConformance, HandoverConformance)


@dataclass(frozen=True)
class Check:
    """One test method of a class of the kit with one choice of its parameters."""

    kit: type
    name: str
    values: dict[str, Any] = field(hash=False)
    set_name = "conformance"

    def __str__(self) -> str:
        """Return the check's name with its parameters, as pytest shows them."""
        return "-".join([self.name, *map(str, self.values.values())])

    def fails(self, backend: ShardableBackend, advance: Callable[[float], None]) -> bool:
        """Run the check, and tell whether it caught something.

        It sees no more of the backend than a check of its class may use.
        """
        method = getattr(self.kit(), self.name)
        seen = backend if self.kit is HandoverConformance else plain(backend)
        fixtures = {"backend": seen, "name": self.set_name, "advance": advance}
        wanted = inspect.signature(method).parameters.keys() & fixtures.keys()
        try:
            method(**{each: fixtures[each] for each in wanted}, **self.values)
        except (Exception, pytest.fail.Exception):  # noqa: BLE001  (a check may fail in any way)
            return True
        return False


def checks() -> Iterator[Check]:
    """Find all checks, one for each choice of parameters."""
    for kit in _KITS:
        for name, method in inspect.getmembers(kit, inspect.isfunction):
            if name.startswith("test_"):
                yield from (Check(kit, name, values) for values in _values(method))


def _values(method: Callable[..., None]) -> Iterator[dict[str, Any]]:
    marks = getattr(method, "pytestmark", [])
    choices = [list(_choices(mark)) for mark in marks if mark.name == "parametrize"]
    for chosen in itertools.product(*choices):
        yield {key: value for each in chosen for key, value in each.items()}


def _choices(mark: pytest.Mark) -> Iterator[dict[str, Any]]:
    names, rows = mark.args
    for row in rows:
        yield {names: row} if isinstance(names, str) else dict(zip(names, row, strict=True))
