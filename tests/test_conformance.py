"""Every backend passes the conformance kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from redset.backends import AsyncMemoryBackend, MemoryBackend
from redset.testing import BackendConformance, ManualClock, blocking
from tests.support.backends import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redset.interfaces import Backend
    from tests.support.backends import Backends


class TestConformance(BackendConformance):
    @pytest.fixture(params=KINDS)
    def backend(self, request: pytest.FixtureRequest, backends: Backends) -> Backend:
        return backends.get(request.param)


class TestManualClock(BackendConformance):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture(params=["blocking", "asyncio"])
    def backend(self, request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Backend]:
        if request.param == "blocking":
            yield MemoryBackend(clock=clock)
        else:
            with blocking(lambda: AsyncMemoryBackend(clock=clock)) as backend:
                yield backend

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance
