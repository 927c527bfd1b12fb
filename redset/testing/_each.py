"""Checks that are made for each of several values, in one test."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from redset.interfaces import Merge, Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Check = Callable[..., None]

__all__ = ["EACH_MERGE", "EACH_RULE", "each"]


def each(argument: str, values: Iterable[object]) -> Callable[[Check], Check]:
    """Make a check for each value of an argument; the set is cleared in between.

    Unlike ``pytest.mark.parametrize``, this costs no test for each: most backends are met over a
    network, and there may be many kinds of them.
    """
    choices = list(values)

    def repeat(check: Check) -> Check:
        @functools.wraps(check)
        def repeated(self: Any, **given: Any) -> None:  # noqa: ANN401  (what pytest gives)
            for place, value in enumerate(choices):
                if place:
                    given["backend"].clear(given["name"])
                try:
                    check(self, **given, **{argument: value})
                except BaseException as error:
                    error.add_note(f"{argument} was {value!r}")
                    raise

        signature = inspect.signature(check)
        left = [each for each in signature.parameters.values() if each.name != argument]
        repeated.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # pytest reads it
        return repeated

    return repeat


EACH_MERGE = each("merge", Merge)
EACH_RULE = each("rule", Payload)
