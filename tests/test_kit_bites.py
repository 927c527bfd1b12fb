"""Backends that are broken, each in one way: the kit catches every one of them."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from redset.backends import MemoryBackend
from redset.interfaces import NOW, DeadLetter, Merge
from redset.testing import ManualClock, _timing, backend_machine
from tests.support.kit import checks

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from redset.interfaces import Bound, Entry

FAULTS: list[type[MemoryBackend]] = []
CAUGHT_BY: dict[type[MemoryBackend], set[str]] = {}
RACES: set[type[MemoryBackend]] = set()


def caught_by(*names: str):  # a decorator
    ...
