"""For tests: a clock moved by hand, and what every backend has to pass.

`ManualClock` needs nothing. The conformance kit needs pytest and Hypothesis, which
``pip install 'redset[testing]'`` brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redset.testing._clock import ManualClock

if TYPE_CHECKING:
    from redset.testing._blocking import blocking
    from redset.testing.conformance import (
        BackendConformance,
        HandoverConformance,
        KeyedViewConformance,
    )
    from redset.testing.machine import backend_machine

__all__ = [
    "BackendConformance",
    "HandoverConformance",
    "KeyedViewConformance",
    "ManualClock",
    "backend_machine",
    "blocking",
]

_HOMES = {
    "BackendConformance": "redset.testing.conformance",
    "HandoverConformance": "redset.testing.conformance",
    "KeyedViewConformance": "redset.testing.conformance",
    "backend_machine": "redset.testing.machine",
    "blocking": "redset.testing._blocking",
}


def __getattr__(name: str) -> object:
    # The kit imports pytest, which a program that only wants the clock need not have.
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
